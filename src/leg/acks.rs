//! Who owes whom an ACK: ours of the phone's 2xx, the phone's of ours.
//!
//! Our 2xx is repeated until its ACK comes, and after 64·T1 without one the call is over. The ACK of
//! the phone's 2xx goes out at once if our INVITE made the offer; else it has to carry the answer of
//! the call's other side, and waits for it.
//!
//! Implements: RFC 3261 §13.2.2.4, §13.3.1.4.

use std::time::Duration;

use bytes::Bytes;

use crate::base::{Key, TimerId};
use crate::dialog::Dialog;
use crate::effect::{Flow, LegTimer, Wake};
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asked, Draft, T1, T2, TIMEOUT, Transactions};

use super::confirmed::Confirmed;
use super::invite_out::Guise;
use super::legs::{Turn, Wire};
use super::words::{LegWord, Passage};

#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Our 2xx that has no ACK yet.
    awaited: Option<Awaited>,
    /// The ACK of the phone's latest 2xx, if it has to wait.
    owed: Option<Owed>,
}

#[derive(Debug)]
struct Awaited {
    server: Key,
    cseq: u32,
    response: Bytes,
    interval: Duration,
    repeat: Option<TimerId>,
    give_up: Option<TimerId>,
}

/// The 2xx made an offer that the call's other side has to answer before it is acknowledged.
#[derive(Debug)]
struct Owed {
    client: Key,
    cseq: u32,
    offer: Bytes,
}

impl Acks {
    /// Whether a 2xx of ours has no ACK.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    /// Whether a 2xx of the phone has none.
    pub(super) fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// Our 2xx has been acknowledged, or never will be.
    pub(super) fn settle(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(mut open) = self.awaited.take() {
            wire.ctx.disarm(&mut open.repeat);
            wire.ctx.disarm(&mut open.give_up);
        }
    }

    /// Our 2xx goes by this flow from now on.
    pub(super) fn move_to(&self, transactions: &mut Transactions, flow: Flow) {
        if let Some(open) = &self.awaited {
            transactions.answer_by(open.server, flow);
        }
    }

    /// Sends our 2xx once more.
    pub(super) fn repeat(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        if let Some(open) = &mut self.awaited {
            wire.transactions.respond(wire.ctx, open.server, 200, open.response.clone());
            open.interval = (open.interval * 2).min(T2);
            wire.ctx.disarm(&mut open.repeat);
            open.repeat = Some(wire.ctx.arm(open.interval, Wake::Leg(key, LegTimer::Repeat2xx)));
        }
    }
}

impl Confirmed {
    /// Sends a 2xx to an INVITE and repeats it until its ACK comes.
    pub(super) fn answer(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked, passage: &Passage) {
        let mut writer = asked.answer(200, self.dialog.local_tag());
        writer.copy(&asked.request, Name::RecordRoute);
        self.guise.introduce(wire.ctx.settings, asked.flow, true, &mut writer);
        self.session.agree(&wire.ctx.settings.limits, &asked.request, &mut writer);
        self.time_session(wire, key);
        self.has_told(wire, passage, None);
        passage.write(&mut writer);
        if asked.request.has(Name::RecvInfo) && passage.header(Name::RecvInfo).is_none() {
            // Whoever speaks of packages is told of them (RFC 6086 §5.2.3).
            writer.header(Name::RecvInfo, b"");
        }
        let response = writer.finish(passage.body());
        wire.transactions.respond(wire.ctx, asked.key, 200, response.clone());
        self.acks.awaited = Some(Awaited {
            server: asked.key,
            cseq: asked.request.cseq(),
            response,
            interval: T1,
            repeat: Some(wire.ctx.arm(T1, Wake::Leg(key, LegTimer::Repeat2xx))),
            give_up: Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::NoAck))),
        });
    }

    /// The ACK of our 2xx.
    pub(super) fn on_ack(&mut self, wire: &mut Wire<'_, '_>, key: Key, ack: &Message) -> Turn {
        if self.acks.awaited.as_ref().is_none_or(|open| open.cseq != ack.cseq()) {
            return Turn::Stay;
        }
        self.acks.settle(wire);
        match self.closing.take() {
            Some(passage) => self.close(wire, key, *passage),
            None => Turn::Tell(LegWord::Acknowledge(Passage::of(ack))),
        }
    }

    /// The ACK of our 2xx has not come in 64·T1: the dialog is ended.
    pub(super) fn on_no_ack(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.acks.settle(wire);
        let passage = self.closing.take().unwrap_or_default();
        self.hang_up(wire, &passage);
        Turn::TellAndEnd(LegWord::HangUp(Passage::reason("SIP;cause=408;text=\"No ACK\"")))
    }

    /// A 2xx of the phone has come, and its ACK has not been sent. `offered`: our INVITE made the
    /// offer, so that the 2xx makes none.
    pub(super) fn owe_ack(&mut self, client: Key, response: &Message, offered: bool) {
        let offer = if offered { None } else { Passage::of(response).session() };
        let offer = offer.unwrap_or_default();
        self.acks.owed = Some(Owed { client, cseq: response.cseq(), offer });
    }

    /// Sends the ACK that is owed, if one is.
    pub(super) fn acknowledge(&mut self, wire: &mut Wire<'_, '_>, passage: &Passage) {
        let Some(Owed { client, cseq, .. }) = self.acks.owed.take() else { return };
        let dialog = &self.dialog;
        let headers = |writer: &mut Writer| {
            dialog.write(writer, cseq, "ACK");
            passage.write(writer);
        };
        let draft = Draft {
            method: Method::Ack,
            name: b"ACK",
            uri: dialog.request_uri(),
            headers: &headers,
            body: passage.body(),
        };
        wire.transactions.send_ack(wire.ctx, client, dialog.remote_tag(), dialog.flow(), &draft);
    }

    /// The ACK that is owed, if one is: the offer that it would have to answer is not wanted.
    pub(super) fn refuse_offer(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(Owed { offer, .. }) = &self.acks.owed {
            let refusal = Passage::refusing(offer);
            self.acknowledge(wire, &refusal);
        }
    }
}

/// A phone has answered that nobody waits for any more, or a second one behind a proxy that forks:
/// it gets its ACK and its BYE. All that this needs is in its answer.
pub(super) fn send_away(wire: &mut Wire<'_, '_>, client: Key, answer: &Message, why: &Passage) {
    if answer.method() != Method::Invite || !(200..300).contains(&answer.status()) {
        return;
    }
    let Some((flow, offered)) = wire.transactions.invite_of(client) else { return };
    let mut other = Confirmed::new(Dialog::of_answer(wire.ctx.settings, answer, flow), Guise::default());
    other.owe_ack(client, answer, offered);
    other.hang_up(wire, why);
}
