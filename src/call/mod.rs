//! Calls: what a routing tree has decided, carried out on legs.
//!
//! A call has two halves. The caller's runs his outgoing tree and ends in a link to the callee's,
//! which runs the callee's incoming tree and ends in his phones. Both are the same machine: one leg
//! upstream, towards who asks; a hunt downstream; and, once somebody has answered, a bridge.

mod abroad;
mod call;
mod elsewhere;
mod flows;
mod history;
mod hunt;
mod ladder;
mod parties;
mod record;
mod replace;
mod sides;
mod stages;
mod standing;
mod targets;
mod transfer;
mod waking;

pub use call::{Call, Desk, Lookup, Order};
pub use history::History;
pub use ladder::{Rung, draw, rungs};
pub use parties::{Invitation, Opening, Origin, breadth_of, mode_of};
pub use record::End;
pub use standing::Standing;
pub use transfer::{Errand, Join};
