//! The inbox: keeps a page until a client of its user takes it.
//!
//! A page is accepted when it is durable and not before. It is kept once, however often its sender
//! repeats it. What only tells of the moment (somebody is typing) is not kept: it would be read when
//! it is true no more. Nor is a page that says so itself (`Expires: 0`); one that means something for a while is
//! kept, and let go unread when that is over.
//!
//! Implements: RFC 3428 §4 (Expires), §7 (a relay that stores); RFC 3994 §3.

use std::sync::Arc;

use crate::effect::store::InboxPage;
use crate::effect::{Ctx, StoreOp, StoreOutcome};
use crate::leg::Passage;
use crate::sip::{Item, Name};

use super::handler::{Delivery, DeliveryEvent, Handler, Keep, Step};

/// The handler of inboxes.
#[derive(Debug, Clone, Copy)]
pub struct Inbox;

/// A page that was kept, as a client is sent it.
#[derive(Debug)]
pub struct Kept {
    /// Its place in the inbox.
    pub serial: i64,
    /// The page.
    pub id: String,
    /// Who sent it, as records name him.
    pub sender: String,
    /// The From, without tag.
    pub from: String,
    /// Whether it was sent by `sips:`, and is to be delivered so: its From tells.
    pub sips: bool,
    /// When it was accepted, milliseconds since 1970.
    pub stored_ms: i64,
    /// The body and what passes with it.
    pub passage: Passage,
}

impl Handler for Inbox {
    fn take(&self, ctx: &mut Ctx<'_>, delivery: &Delivery<'_>) -> Step {
        if !may_be_kept(delivery.passage) {
            return Step::Done(DeliveryEvent::FailedForGood(480));
        }
        let page = InboxPage {
            serial: 0,
            id: delivery.id.to_owned(),
            uid: delivery.uid.clone(),
            sender: delivery.sender.to_owned(),
            call_id: delivery.origin.call_id.to_string(),
            cseq: delivery.origin.cseq,
            from: delivery.face.to_string(),
            headers: delivery.passage.lines(),
            body: delivery.passage.body().clone(),
            stored_ms: ctx.now.wall_ms,
            copy: delivery.keep == Keep::Copy,
            held: delivery.keep == Keep::Hold,
        };
        Step::Asked(ctx.store(StoreOp::PutInbox(Arc::new(page))))
    }

    fn on_stored(&self, outcome: &StoreOutcome) -> DeliveryEvent {
        match outcome {
            StoreOutcome::Saved => DeliveryEvent::Accepted,
            // Nobody else is concerned, so it is not 503; nor is it the page that is at fault (413).
            // Its user cannot be reached for now: when he has read his pages, there is room again.
            StoreOutcome::Full => DeliveryEvent::FailedForNow(480),
            StoreOutcome::Failed
            | StoreOutcome::Gone
            | StoreOutcome::User(_)
            | StoreOutcome::Number(_)
            | StoreOutcome::Inbox(_)
            | StoreOutcome::Imported(_)
            | StoreOutcome::Circles(_)
            | StoreOutcome::Due(_)
            | StoreOutcome::Outbox(..) => DeliveryEvent::FailedForNow(500),
        }
    }
}

impl Kept {
    /// Takes a page from the store.
    pub fn of(page: InboxPage) -> Self {
        let sips = page.is_sips();
        Self {
            serial: page.serial,
            id: page.id,
            sender: page.sender,
            sips,
            from: page.from,
            stored_ms: page.stored_ms,
            passage: Passage::kept(&page.headers, page.body),
        }
    }

    /// Whether it means nothing any more at this moment (milliseconds since 1970).
    pub fn is_over(&self, wall_ms: i64) -> bool {
        let ends_ms = |expires_s: u32| self.stored_ms.saturating_add(i64::from(expires_s) * 1000);
        self.passage.expires_s().is_some_and(|expires_s| wall_ms >= ends_ms(expires_s))
    }
}

/// Whether a page may wait for anybody: not one that only tells of the moment, nor one that says so (`Expires: 0`).
pub fn may_be_kept(passage: &Passage) -> bool {
    !is_of_the_moment(passage) && passage.expires_s() != Some(0)
}

/// Whether a page says only that somebody is typing, or has stopped (RFC 3994).
pub fn is_of_the_moment(passage: &Passage) -> bool {
    let kind = passage.header(Name::ContentType).map(Item::parse);
    kind.is_some_and(|kind| kind.is("application/im-iscomposing+xml"))
}
