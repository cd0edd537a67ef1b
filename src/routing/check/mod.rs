//! What a tree must fulfil beyond its grammar.
//!
//! `shape` looks at each rule alone: words in the wrong tree, outcomes that cannot come, targets
//! that would never ring. `known` looks up the groups and devices that the owner has. `cover` proves
//! that each block is total and each rule reachable: `space` says which cases there are, over the
//! finite partitions that `parties` makes of callers and `times` of the week (`clocks`, for two
//! trees in different zones), and sets of cases are
//! decision diagrams (`diagram`). `types` looks whether targets fit the modes that reach them, and
//! `example` puts an uncovered case in words. `differ` holds two trees against each other over the
//! cases that either tells apart, and `circles` finds which requests can go round through the trees of several
//! users; `parts` is how a tree divides the cases among its lines.

mod circles;
mod clocks;
mod cover;
mod diagram;
mod differ;
mod example;
mod known;
mod parties;
mod parts;
mod shape;
mod space;
mod times;
mod types;
mod variables;

pub(super) use circles::{Circles, Own};
pub(super) use cover::cover;
pub(super) use differ::differ;
pub(super) use known::known;
pub(super) use shape::shape;
pub(super) use times::followed_until;
