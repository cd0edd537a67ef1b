//! The contract of a device handler.
//!
//! A handler is asked once for each page and says at once what became of it, or asks the world and
//! says so when the world has answered. It keeps nothing in between: what it needs is in the answer.
//!
//! The smallest handler, of a pager that is always switched off:
//!
//! ```
//! use ratatosk::device::{Delivery, DeliveryEvent, Handler, Step};
//! use ratatosk::effect::{Ctx, StoreOutcome};
//!
//! struct SwitchedOff;
//!
//! impl Handler for SwitchedOff {
//!     fn take(&self, _: &mut Ctx<'_>, _: &Delivery<'_>) -> Step {
//!         Step::Done(DeliveryEvent::FailedForNow(480))
//!     }
//!
//!     fn on_stored(&self, _: &StoreOutcome) -> DeliveryEvent {
//!         DeliveryEvent::FailedForNow(480)
//!     }
//! }
//! ```

use std::sync::Arc;

use crate::base::Uid;
use crate::dialog::Face;
use crate::effect::{Ctx, StoreOutcome, Ticket};
use crate::leg::Passage;

/// One attempt to give one page to one device.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The page: the same for all its halves and devices.
    pub id: &'a str,
    /// Whose device it is.
    pub uid: &'a Uid,
    /// Who sent it, as records name him.
    pub sender: &'a str,
    /// Who sent it, as phones are shown.
    pub face: &'a Face,
    /// By what the page is known if it is sent again.
    pub origin: &'a Origin,
    /// The body and what passes with it.
    pub passage: &'a Passage,
    /// What it is kept for.
    pub keep: Keep,
}

/// What a page is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It waits for the next client of its reader.
    Wait,
    /// It waits until its reader is available.
    Hold,
    /// It is a copy, beside a delivery elsewhere.
    Copy,
}

/// What tells a page of one sender from all others, over retries and restarts of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The Call-ID of the sender's request.
    pub call_id: Arc<str>,
    /// Its CSeq, before any challenge raised it.
    pub cseq: u32,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// It is kept or handed on, and will be delivered later: 202 to its sender.
    Accepted,
    /// The device has it: 200.
    Delivered,
    /// Not now: later the same page may be taken. With the status that its sender sees.
    FailedForNow(u16),
    /// This page will never be taken.
    FailedForGood(u16),
}

/// A handler's answer to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// That is all.
    Done(DeliveryEvent),
    /// The store was asked: what it says under this ticket goes to [`Handler::on_stored`].
    Asked(Ticket),
}

/// What takes pages for devices of one kind.
pub trait Handler {
    /// A page comes.
    fn take(&self, ctx: &mut Ctx<'_>, delivery: &Delivery<'_>) -> Step;

    /// The store has answered.
    fn on_stored(&self, outcome: &StoreOutcome) -> DeliveryEvent;
}
