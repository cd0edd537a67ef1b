//! What a tree must fulfil beyond its grammar.
//!
//! `shape` looks at each rule alone: words in the wrong tree, outcomes that cannot come, targets
//! that would never ring. `cover` proves that each block is total and each rule reachable, over
//! the finite partition of callers and numbers that `parties` makes.

mod cover;
mod parties;
mod shape;

pub(super) use cover::cover;
pub(super) use shape::shape;
