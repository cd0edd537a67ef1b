//! Other clusters: who they are, whether they are there, and what passes between them and us.
//!
//! Two clusters share a secret. Each proves itself by digest for every request that opens something
//! ([`gate`](self) for those who come, `proof` for where we go), asserts its own users and nobody
//! else (`asserted`), and learns of the other nothing but its users' addresses. The user server that
//! owns a peer's slot looks for its servers (`lookup`, `targets`), asks it now and then whether it is there
//! (`watch`, `probing`) and keeps at the pages that
//! wait for it (`outbox`); the others are told.

mod asserted;
mod book;
mod gate;
mod keyed;
mod lookup;
mod outbox;
mod page;
mod probing;
mod proof;
mod targets;
mod trail;
mod watch;

pub use asserted::{Asserted, asserted, referrer, write_asserted};
pub use book::{News, Notice, Peers, Tip, Unreachable, Way};
pub use gate::{Admission, Claim, Pass};
pub use outbox::is_passing;
pub use page::{letter_head, page_call_id, send_page};
pub use targets::Targets;
pub use trail::{is_visited, read_trail, trail};
pub use watch::{AGAIN, Health};
