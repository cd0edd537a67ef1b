//! Looking for the servers of a cluster in the DNS, and going on to the next of them.
//!
//! The user server that looks after a peer looks for its servers; the others are told.
//!
//! Implements: RFC 3263 §4.

use std::time::Duration;

use crate::base::{At, PeerId};
use crate::effect::dns::Answer;
use crate::effect::{Ctx, Flow, Ticket};
use crate::transport::Resolution;

use super::book::{Notice, Peers, Tip};
use super::watch::Next;

/// How soon the DNS is asked again that knew nothing.
const AGAIN: Duration = Duration::from_secs(10);
/// What stands in a listing when it does.
const UNKNOWN: &str = "the DNS names no server of it that we can reach";

/// What is known of where a peer is.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    under_way: Option<(Ticket, Resolution)>,
    /// When it is time to look again.
    due: Option<At>,
}

impl Lookup {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }
}

impl Peers {
    /// Looks for the servers of a peer that has no fixed address, if it is time.
    pub(super) fn look_up(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let Some(entry) = self.entry_mut(id).filter(|entry| entry.peer.at.is_none()) else { return };
        let lookup = &mut entry.lookup;
        if lookup.under_way.is_some() || lookup.due.is_some_and(|due| ctx.at() < due) {
            return;
        }
        let resolution =
            Resolution::new(entry.peer.cid.as_str(), ctx.settings.spoken_abroad(entry.peer.is_secure()));
        let Some(question) = resolution.question() else { return };
        lookup.under_way = Some((ctx.resolve(question), resolution));
    }

    /// The DNS has answered.
    pub fn on_resolved(&mut self, ctx: &mut Ctx<'_>, ticket: Ticket, answer: &Answer) {
        let of_ticket = |id: &PeerId| {
            let lookup = self.entry(*id).and_then(|entry| entry.lookup.under_way.as_ref());
            lookup.is_some_and(|(own, _)| *own == ticket)
        };
        let Some(id) = self.ids().find(of_ticket) else { return };
        let Some(entry) = self.entry_mut(id) else { return };
        let Some((_, mut resolution)) = entry.lookup.under_way.take() else { return };
        resolution.on_answer(answer, ctx.rng);
        if let Some(question) = resolution.question() {
            entry.lookup.under_way = Some((ctx.resolve(question), resolution));
            return;
        }
        let found = resolution.found();
        let targets = super::Targets::new(ctx.settings, &entry.peer.cid, &found.targets);
        if targets.current().is_none() {
            // What was found before may still be there.
            entry.lookup.due = Some(ctx.at() + AGAIN);
            if entry.targets.current().is_none() {
                if entry.watch.on_probe_failed(ctx.now, UNKNOWN) {
                    self.tell(ctx, id);
                }
                self.schedule(ctx, id, Next::Wait(AGAIN));
            }
            return;
        }
        // What somebody has not answered for may be the better half of it: what was found before stays.
        let ttl = Duration::from_secs(found.ttl_s.into());
        entry.lookup.due = Some(ctx.at() + if found.is_silent { ttl.min(AGAIN) } else { ttl });
        let was = entry.targets.current();
        if found.is_silent && was.is_some() {
            entry.targets.add(targets);
        } else {
            entry.targets.renew(ctx.at(), targets);
        }
        let is_new = was != entry.targets.current();
        if is_new {
            entry.watch.retarget();
        }
        self.tell(ctx, id);
        if is_new {
            self.schedule(ctx, id, Next::Wait(Duration::ZERO));
        }
    }

    /// How many servers of a peer may be tried after the first.
    pub(super) fn others(&self, id: PeerId) -> u8 {
        self.entry(id).map_or(0, |entry| entry.targets.others())
    }

    /// A server of a peer has not taken what was sent to it: the next one that may.
    pub fn on_target_failed(&mut self, ctx: &mut Ctx<'_>, id: PeerId, failed: Flow) -> Option<Flow> {
        let index = self.index();
        let entry = self.entry_mut(id)?;
        let was = entry.targets.current();
        if !entry.targets.on_failed(ctx.at(), failed) {
            return None;
        }
        let next = entry.targets.current();
        if next == was {
            return next;
        }
        if entry.owner == index {
            entry.watch.retarget();
            self.tell(ctx, id);
            self.schedule(ctx, id, Next::Wait(Duration::ZERO));
        } else {
            let tip = Notice::Tip(entry.owner, entry.peer.cid.clone(), Tip::Target(failed));
            self.notices.push(tip);
        }
        next
    }
}
