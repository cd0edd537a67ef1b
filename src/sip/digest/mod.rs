//! Digest authentication.
//!
//! Secrets are kept as HA1, the hash of `user:realm:password`, which is all that either side ever
//! needs. Only `qop=auth` is spoken: without a client nonce an answer could be prepared by a
//! hostile server, and `auth-int` covers a body that an element on the way may change. Whom a nonce
//! lets in, and what a wrong answer costs, is for those who challenge.

mod challenge;
mod credentials;
mod hash;
mod nonce;
mod pairs;

pub use challenge::{Answer, Challenge};
pub use credentials::{Credentials, CredentialsError};
pub use hash::{Algorithm, Hex, Proof, ha1, response};
pub use nonce::{Judged, Nonces, Use, Uses, first_cseq};
