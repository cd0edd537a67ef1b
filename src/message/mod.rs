//! Pages: MESSAGE from a user's tree to another's, and to his phones.
//!
//! Like a call, a page has two halves, the sender's and the recipient's, each with its tree; unlike
//! a call, a half is over with one answer.

mod page;
mod parties;

pub use page::{Desk, Order, Page};
pub use parties::{PageEnd, PageInvitation, PageOpening, Upstream};
