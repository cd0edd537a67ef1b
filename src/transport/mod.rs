//! Where messages go: back to who sent them, and on to a phone.
//!
//! Implements: RFC 3261 §18.2.2; RFC 3581 §4.

mod reply;
mod target;

pub use reply::reply_flow;
pub use target::{Refused, target};
