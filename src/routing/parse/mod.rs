//! From tokens to the syntax tree, with every fault on the way.
//!
//! A hand-written descent, because its first duty is to go on after a fault: what cannot be read
//! is told once, kept as `Faulty`, and left behind at the end of its line. Depth and length are
//! bounded, so no input can exhaust the stack.

#![allow(clippy::wildcard_enum_match_arm, reason = "every other token is one that was not expected")]

mod action;
mod condition;
mod cursor;
mod meant;
mod profile;
mod time;
mod values;

pub(super) use condition::THIS_MODE;
pub(super) use profile::parse;
