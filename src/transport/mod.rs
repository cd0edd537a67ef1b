//! Where messages go: back to who sent them, on to a phone, and to a domain's servers; and how a phone
//! keeps its flow.
//!
//! Implements: RFC 3261 §18.2.2; RFC 3581 §4.

mod reply;
mod resolve;
mod stun;
mod target;

pub use reply::reply_flow;
pub use resolve::{Found, Resolution};
pub use stun::{StunAnswer, stun_answer};
pub use target::{Refused, target};
