//! Pages: MESSAGE from a user's tree to another's, to his phones and to his inbox; and from the inbox
//! to his phones when they come back.
//!
//! Like a call, a page has two halves, the sender's and the recipient's, each with its tree; unlike
//! a call, a half is over with one answer. What was kept in an inbox is brought to the phones by a
//! round. What goes to a user of another cluster leaves from the sender's half.

mod abroad;
mod delivery;
mod desk;
mod flows;
mod letter;
mod page;
mod parties;
mod sides;
mod stages;
mod verdict;
mod waking;

pub use delivery::Round;
pub use desk::{Desk, Left, Order};
pub use page::Page;
pub use parties::{HalfReply, PageEnd, PageInvitation, PageOpening, Upstream};
pub use verdict::refusal_of;
