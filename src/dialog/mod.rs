//! Dialogs: what two user agents agree on so that a request finds its way and its order.
//!
//! A dialog knows tags, sequence numbers, the remote target and the route set; it does not know
//! what its requests mean.

mod dialog;
mod face;

pub use dialog::{Dialog, Misfit};
pub use face::{Escaped, Face};
