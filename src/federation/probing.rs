//! Asking a cluster by OPTIONS whether it is there.
//!
//! Implements: RFC 3261 §11.

use std::time::Duration;

use crate::base::{Key, PeerId};
use crate::effect::Ctx;
use crate::sip::{Method, Name, Writer};
use crate::transaction::{Asking, Draft, Owner, Transactions};

use super::book::{Peers, period};
use super::watch::Next;

/// How long an answer counts. One that comes later than the next question is a sign of life, too: to ask anew
/// makes nobody faster who is far away, or slow.
const OPEN: Duration = Duration::from_secs(8);

impl Peers {
    /// It is time to ask a peer whether it is there, or to give up the last question.
    pub(super) fn on_probe_due(&mut self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, id: PeerId) {
        if self.entry(id).is_none() {
            return;
        }
        self.look_up(ctx, id);
        let Some(entry) = self.entry_mut(id) else { return };
        let Some(flow) = entry.targets.current() else {
            return self.schedule(ctx, id, Next::Wait(period(ctx)));
        };
        // Whatever it says of itself comes from any of its servers: of one only its answers tell.
        if entry.watch.probing().is_some() && entry.targets.on_failed(ctx.at(), flow) {
            entry.watch.retarget();
            self.tell(ctx, id);
        }
        let Some(entry) = self.entry_mut(id) else { return };
        let (next, news) = entry.watch.on_timer(ctx.now, period(ctx));
        if news {
            self.tell(ctx, id);
            self.wake_outbox(ctx, id);
        }
        if let Next::Probe(_) = next {
            self.probe(ctx, transactions, id);
        }
        self.schedule(ctx, id, next);
    }

    /// Our look at a peer was answered.
    pub fn on_probe_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        id: PeerId,
        client: Key,
    ) {
        transactions.abandon(ctx, client);
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.watch.probing() == Some(client) {
            entry.targets.on_answered();
            let next = entry.watch.on_probe_answered(period(ctx));
            self.schedule(ctx, id, next);
        }
    }

    /// Our look at a peer was not answered, or not believed; the next is due after that time.
    pub fn on_probe_failed(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: PeerId,
        client: Key,
        (why, after): (&'static str, Duration),
    ) {
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.watch.probing() != Some(client) {
            return;
        }
        let current = entry.targets.current();
        if current.is_some_and(|flow| entry.targets.on_failed(ctx.at(), flow)) {
            // Another of its servers may be there.
            entry.watch.retarget();
            self.tell(ctx, id);
            return self.schedule(ctx, id, Next::Wait(Duration::ZERO));
        }
        if entry.watch.on_probe_failed(ctx.now, why) {
            self.tell(ctx, id);
            self.wake_outbox(ctx, id);
        }
        self.schedule(ctx, id, Next::Wait(after));
    }

    /// Our look was sent again, with a proof.
    pub fn on_probe_resent(&mut self, id: PeerId, old: Key, new: Key) {
        let Some(entry) = self.entry_mut(id) else { return };
        entry.watch.on_resent(old, new);
    }

    /// Asks a peer whether it is there.
    fn probe(&mut self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, id: PeerId) {
        let Some(flow) = self.flow(id) else { return };
        let Some(cid) = self.cid(id).cloned() else { return };
        let uri = format!("sip:{cid}");
        let proof = self.prove(ctx, id, Method::Options, &uri);
        let (call_id, tag) = (ctx.rng.draw(), ctx.rng.draw());
        let own = self.own.clone();
        let headers = |writer: &mut Writer| {
            writer.header(Name::MaxForwards, b"1");
            writer.text(Name::From, format_args!("<sip:{own}>;tag={tag:016x}"));
            writer.text(Name::To, format_args!("<{uri}>"));
            writer.text(Name::CallId, format_args!("{call_id:016x}"));
            writer.header(Name::CSeq, b"1 OPTIONS");
            if let Some((name, proof)) = &proof {
                writer.header(*name, proof.as_bytes());
            }
        };
        let draft = Draft {
            method: Method::Options,
            name: b"OPTIONS",
            uri: uri.as_bytes(),
            headers: &headers,
            body: b"",
        };
        let asking = Asking::first(id, OPEN);
        let client = transactions.request_peer(ctx, (Owner::Probe(id), asking), flow, &draft);
        if let Some(entry) = self.entry_mut(id) {
            entry.watch.on_probe(ctx.now, client);
        }
    }
}
