//! Calls: what a routing tree has decided, carried out on legs.
//!
//! A call has two halves. The caller's runs his outgoing tree and ends in a link to the callee's,
//! which runs the callee's incoming tree and ends in his phones. Both are the same machine: one leg
//! upstream, towards who asks; a hunt downstream; and, once somebody has answered, a bridge.

mod call;
mod hunt;
mod parties;

pub use call::{Call, Desk, End, Order, mode_of};
pub use parties::{Invitation, Opening};
