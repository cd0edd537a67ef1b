//! Devices: what can take a page for a user besides his clients.
//!
//! A device is reached through its *handler*, and all handlers through one contract: a page comes as a
//! [`Delivery`], and what became of it leaves as a [`DeliveryEvent`]. A handler knows nothing of trees
//! or of the other devices.

mod handler;
mod inbox;

pub use handler::{Delivery, DeliveryEvent, Handler, Keep, Origin, Step};
pub use inbox::{Inbox, Kept, is_of_the_moment, may_be_kept};
