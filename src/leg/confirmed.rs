//! A leg inside an answered call, whichever side opened it.
//!
//! ```text
//!   Live ──HangUp──▶ (gone)                    we send BYE
//!    │──HangUp, 2xx not yet acknowledged──▶ Closing ──ACK, time-out──▶ BYE, (gone)
//!    └──BYE, dialog lost──▶ (gone)             the call is told
//!
//!   While our own re-INVITE is open the leg stays as Ended until its final response, which may be
//!   a 2xx that wants its ACK.
//! ```
//!
//! Implements: RFC 3261 §12.2, §13.3.1.4, §15; RFC 5057 §5; RFC 6086 (INFO as it was).

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::{Key, TimerId};
use crate::dialog::Dialog;
use crate::effect::{Flow, LegTimer, Wake};
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asked, Draft, Owner, T1, T2, TIMEOUT};

use super::invite_out::{capabilities, contact};
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::renegotiation::Renegotiation;
use super::words::{ALLOW, ELSEWHERE, LegWord, Passage, write_required};

#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) dialog: Dialog,
    /// The user part of our Contact: whom the phone believes to talk to.
    pub(super) user: String,
    /// A HangUp waits for the ACK of our 2xx (RFC 3261 §15).
    closing: Option<Passage>,
    /// The BYE has been sent or answered.
    ended: bool,
    /// Our 2xx that has no ACK yet.
    unacknowledged: Option<Unacknowledged>,
    /// The ACK of the other side's latest 2xx.
    ack: Ack,
    pub(super) renegotiation: Renegotiation,
    /// Requests that wait for a reply from the call's other side.
    relayed_in: SmallVec<[Asked; 1]>,
    /// Client transactions whose reply the call's other side waits for.
    relayed_out: SmallVec<[(Key, Key); 1]>,
    probe: Option<TimerId>,
    probing: Option<Key>,
}

#[derive(Debug)]
struct Unacknowledged {
    server: Key,
    cseq: u32,
    response: Bytes,
    interval: Duration,
    repeat: Option<TimerId>,
    give_up: Option<TimerId>,
}

#[derive(Debug)]
enum Ack {
    None,
    /// The 2xx made an offer that the call's other side has to answer first.
    Owed {
        client: Key,
        cseq: u32,
        offer: Bytes,
    },
    Sent {
        client: Key,
        bytes: Bytes,
    },
}

impl Confirmed {
    pub(super) fn new(dialog: Dialog, user: String) -> Self {
        Self {
            dialog,
            user,
            closing: None,
            ended: false,
            unacknowledged: None,
            ack: Ack::None,
            renegotiation: Renegotiation::default(),
            relayed_in: SmallVec::new(),
            relayed_out: SmallVec::new(),
            probe: None,
            probing: None,
        }
    }

    pub(super) fn flow(&self) -> Flow {
        self.dialog.flow()
    }

    // ---- what the call says ----------------------------------------------------------------

    pub(super) fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Turn {
        match word {
            LegWord::HangUp(passage) | LegWord::Cancel(passage) => self.close(wire, key, passage),
            LegWord::Acknowledge(passage) => {
                self.acknowledge(wire, &passage);
                Turn::Stay
            }
            LegWord::Renegotiate(passage) => self.renegotiate(wire, key, &passage),
            LegWord::Renegotiated { status, passage } => {
                self.renegotiated(wire, key, status, &passage);
                Turn::Stay
            }
            LegWord::Request { id, method, passage } => {
                let client = self.request(wire, Owner::Leg(key), method, &passage);
                self.relayed_out.push((client, id));
                Turn::Stay
            }
            LegWord::Reply { id, status, passage } => {
                self.reply(wire, id, status, &passage);
                Turn::Stay
            }
            LegWord::Reject(_) => self.close(wire, key, Passage::default()),
            LegWord::Progress { .. } | LegWord::Answer { .. } => Turn::Stay,
        }
    }

    /// Sends a 2xx to an INVITE and repeats it until its ACK comes (RFC 3261 §13.3.1.4).
    pub(super) fn answer(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked, passage: &Passage) {
        let mut writer = asked.answer(200, self.dialog.local_tag());
        writer.copy(&asked.request, Name::RecordRoute);
        contact(wire.ctx.settings, asked.flow, &self.user, &mut writer);
        writer.header(Name::Allow, ALLOW);
        passage.write(&mut writer);
        let response = writer.finish(passage.body());
        wire.transactions.respond(wire.ctx, asked.key, 200, response.clone());
        self.unacknowledged = Some(Unacknowledged {
            server: asked.key,
            cseq: asked.request.cseq(),
            response,
            interval: T1,
            repeat: Some(wire.ctx.arm(T1, Wake::Leg(key, LegTimer::Repeat2xx))),
            give_up: Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::NoAck))),
        });
    }

    /// A 2xx of the other side has come, and its ACK has not been sent. `offered`: our INVITE made
    /// the offer, so that the 2xx makes none.
    pub(super) fn owe_ack(&mut self, client: Key, response: &Message, offered: bool) {
        let offer = if offered { Bytes::new() } else { response.body() };
        self.ack = Ack::Owed { client, cseq: response.cseq(), offer };
    }

    /// Sends the ACK that is owed, if one is.
    pub(super) fn acknowledge(&mut self, wire: &mut Wire<'_, '_>, passage: &Passage) {
        let Ack::Owed { client, cseq, .. } = self.ack else { return };
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
        let bytes = wire.transactions.send_ack(wire.ctx, dialog.flow(), &draft);
        self.ack = Ack::Sent { client, bytes };
    }

    /// Ends the dialog at once: the ACK that is owed, and a BYE that looks after itself.
    pub(super) fn hang_up(&mut self, wire: &mut Wire<'_, '_>, passage: &Passage) {
        self.refuse_offer(wire);
        self.drop_pending(wire);
        self.request(wire, Owner::Nobody, Method::Bye, passage);
    }

    fn close(&mut self, wire: &mut Wire<'_, '_>, key: Key, passage: Passage) -> Turn {
        if self.unacknowledged.is_some() {
            self.closing = Some(passage);
            return Turn::Orphan;
        }
        self.hang_up(wire, &passage);
        self.end(wire, key, None)
    }

    /// The dialog is over: the leg goes, unless a re-INVITE of ours is still open.
    fn end(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: Option<LegWord>) -> Turn {
        if self.renegotiation.is_open() {
            self.ended = true;
            self.probe = Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::Cancelled)));
            return word.map_or(Turn::Orphan, Turn::TellAndOrphan);
        }
        word.map_or(Turn::End, Turn::TellAndEnd)
    }

    /// The ACK that is owed, if one is: the offer that it would have to answer is not wanted.
    fn refuse_offer(&mut self, wire: &mut Wire<'_, '_>) {
        if let Ack::Owed { offer, .. } = &self.ack {
            let refusal = Passage::refusing(offer);
            self.acknowledge(wire, &refusal);
        }
    }

    /// The last open request of an ended dialog has been answered.
    fn gone(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.refuse_offer(wire);
        wire.ctx.disarm(&mut self.probe);
        Turn::End
    }

    fn reply(&mut self, wire: &mut Wire<'_, '_>, id: Key, status: u16, passage: &Passage) {
        let Some(at) = self.relayed_in.iter().position(|asked| asked.key == id) else { return };
        let asked = self.relayed_in.swap_remove(at);
        let mut writer = asked.answer(status, self.dialog.local_tag());
        write_required(status, &mut writer);
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(passage.body()));
    }

    /// Sends a request inside the dialog.
    pub(super) fn request(
        &mut self,
        wire: &mut Wire<'_, '_>,
        owner: Owner,
        method: Method,
        passage: &Passage,
    ) -> Key {
        let cseq = self.dialog.next_cseq();
        let (dialog, user, settings) = (&self.dialog, &self.user, wire.ctx.settings);
        let headers = |writer: &mut Writer| {
            dialog.write(writer, cseq, method.as_str());
            capabilities(settings, dialog.flow(), user, method, writer);
            passage.write(writer);
        };
        let draft = Draft {
            method,
            name: method.as_str().as_bytes(),
            uri: dialog.request_uri(),
            headers: &headers,
            body: passage.body(),
        };
        wire.transactions.request(wire.ctx, owner, dialog.flow(), &draft)
    }

    // ---- what the phone says ---------------------------------------------------------------

    /// A request inside the dialog, already found to belong here and to be in order.
    pub(super) fn on_request(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        if self.ended && asked.request.method() != Method::Bye {
            asked.refuse(wire.ctx, wire.transactions, 481, self.dialog.local_tag());
            return Turn::Stay;
        }
        match asked.request.method() {
            Method::Bye => {
                asked.refuse(wire.ctx, wire.transactions, 200, self.dialog.local_tag());
                let passage = Passage::of(&asked.request).without_body();
                self.refuse_offer(wire);
                self.drop_pending(wire);
                self.end(wire, key, Some(LegWord::HangUp(passage)))
            }
            Method::Invite => self.on_reinvite(wire, asked),
            Method::Info | Method::Message => {
                let passage = Passage::of(&asked.request);
                let word = LegWord::Request { id: asked.key, method: asked.request.method(), passage };
                self.relayed_in.push(asked);
                Turn::Tell(word)
            }
            Method::Options => {
                let mut writer = asked.answer(200, self.dialog.local_tag());
                writer.header(Name::Allow, ALLOW);
                wire.transactions.respond(wire.ctx, asked.key, 200, writer.finish(b""));
                Turn::Stay
            }
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Update
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Refer
            | Method::Other => {
                let mut writer = asked.answer(405, self.dialog.local_tag());
                writer.header(Name::Allow, ALLOW);
                wire.transactions.respond(wire.ctx, asked.key, 405, writer.finish(b""));
                Turn::Stay
            }
        }
    }

    /// The ACK of our 2xx.
    pub(super) fn on_ack(&mut self, wire: &mut Wire<'_, '_>, ack: &Message) -> Turn {
        if self.unacknowledged.as_ref().is_none_or(|open| open.cseq != ack.cseq()) {
            return Turn::Stay;
        }
        self.settle(wire);
        match self.closing.take() {
            Some(passage) => {
                self.hang_up(wire, &passage);
                Turn::End
            }
            None => Turn::Tell(LegWord::Acknowledge(Passage::of(ack))),
        }
    }

    pub(super) fn on_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        response: &Message,
        again: bool,
    ) -> Turn {
        let status = response.status();
        if response.method() == Method::Invite {
            return self.on_invite_response(wire, client, response, again);
        }
        if status < 200 {
            return Turn::Stay;
        }
        if self.probing == Some(client) {
            self.probing = None;
            return if matches!(status, 408 | 481) { self.lost(wire) } else { self.watch_again(wire, key) };
        }
        let Some(at) = self.relayed_out.iter().position(|(own, _)| *own == client) else { return Turn::Stay };
        let (_, id) = self.relayed_out.swap_remove(at);
        Turn::Tell(LegWord::Reply { id, status: shown_status(status), passage: Passage::of(response) })
    }

    pub(super) fn on_failed(&mut self, wire: &mut Wire<'_, '_>, client: Key, status: u16) -> Turn {
        if self.probing == Some(client) {
            return self.lost(wire);
        }
        if self.renegotiation.is_ours(client) {
            let turn = self.on_reinvite_failed(wire);
            return if self.ended { self.gone(wire) } else { turn };
        }
        let Some(at) = self.relayed_out.iter().position(|(own, _)| *own == client) else { return Turn::Stay };
        let (_, id) = self.relayed_out.swap_remove(at);
        Turn::Tell(LegWord::Reply { id, status, passage: Passage::default() })
    }

    /// A final response to one of our INVITEs in this dialog, or a repeat of its 2xx.
    fn on_invite_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        client: Key,
        response: &Message,
        again: bool,
    ) -> Turn {
        if self.renegotiation.is_ours(client) {
            let turn = self.on_reinvite_response(wire, client, response);
            return if self.ended && !self.renegotiation.is_open() { self.gone(wire) } else { turn };
        }
        if !(200..300).contains(&response.status()) {
            return Turn::Stay;
        }
        if response.to_tag() != self.dialog.remote_tag() {
            // Another phone behind the same address has answered too.
            if !again {
                send_away(wire, client, response, &Passage::reason(ELSEWHERE));
            }
            return Turn::Stay;
        }
        match &self.ack {
            Ack::Sent { client: acknowledged, bytes } if *acknowledged == client => {
                wire.ctx.send(self.dialog.flow(), bytes.clone());
            }
            Ack::Sent { .. } | Ack::Owed { .. } | Ack::None => {}
        }
        Turn::Stay
    }

    // ---- what time does --------------------------------------------------------------------

    /// Begins to ask now and then whether the phone still knows the dialog.
    pub(super) fn watch(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        let after = Duration::from_secs(u64::from(wire.ctx.settings.limits.dialog_probe_s));
        self.probe = Some(wire.ctx.arm(after, Wake::Leg(key, LegTimer::Probe)));
    }

    pub(super) fn on_timer(&mut self, wire: &mut Wire<'_, '_>, key: Key, timer: LegTimer) -> Turn {
        match timer {
            LegTimer::Repeat2xx => {
                if let Some(open) = &mut self.unacknowledged {
                    wire.transactions.respond(wire.ctx, open.server, 200, open.response.clone());
                    open.interval = (open.interval * 2).min(T2);
                    open.repeat = Some(wire.ctx.arm(open.interval, Wake::Leg(key, LegTimer::Repeat2xx)));
                }
                Turn::Stay
            }
            LegTimer::NoAck => {
                self.settle(wire);
                let passage = self.closing.take().unwrap_or_default();
                self.hang_up(wire, &passage);
                Turn::TellAndEnd(LegWord::HangUp(Passage::reason("SIP;cause=408;text=\"No ACK\"")))
            }
            LegTimer::Probe => {
                self.probing =
                    Some(self.request(wire, Owner::Leg(key), Method::Options, &Passage::default()));
                Turn::Stay
            }
            LegTimer::Cancelled => {
                self.renegotiation.abandon(wire);
                Turn::End
            }
            LegTimer::Minute => Turn::Stay,
        }
    }

    fn watch_again(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        self.watch(wire, key);
        Turn::Stay
    }

    /// The phone does not know the dialog any more, or is gone (RFC 5057 §5).
    pub(super) fn lost(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        if self.ended {
            return Turn::End;
        }
        self.settle(wire);
        self.renegotiation.abandon(wire);
        let reason = Passage::reason("SIP;cause=481;text=\"Phone is gone\"");
        self.hang_up(wire, &reason);
        Turn::TellAndEnd(LegWord::HangUp(reason))
    }

    /// Our 2xx has been acknowledged, or never will be.
    fn settle(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(mut open) = self.unacknowledged.take() {
            wire.ctx.disarm(&mut open.repeat);
            wire.ctx.disarm(&mut open.give_up);
        }
    }

    /// What the phone still waits for will not be answered by the call any more.
    fn drop_pending(&mut self, wire: &mut Wire<'_, '_>) {
        wire.ctx.disarm(&mut self.probe);
        self.settle(wire);
        let tag = Bytes::copy_from_slice(self.dialog.local_tag());
        for asked in self.relayed_in.drain(..).chain(self.renegotiation.take_asked()) {
            asked.refuse(wire.ctx, wire.transactions, 487, &tag);
        }
    }

    pub(super) fn is_unacknowledged(&self) -> bool {
        self.unacknowledged.is_some()
    }

    pub(super) fn owes_ack(&self) -> bool {
        matches!(self.ack, Ack::Owed { .. })
    }
}

/// A phone has answered that nobody waits for any more, or a second one behind a proxy that forks:
/// it gets its ACK and its BYE (RFC 3261 §13.2.2.4). All that this needs is in its answer.
pub(super) fn send_away(wire: &mut Wire<'_, '_>, client: Key, answer: &Message, why: &Passage) {
    let Some((flow, offered)) = wire.transactions.invite_of(client) else { return };
    if answer.method() != Method::Invite || !(200..300).contains(&answer.status()) {
        return;
    }
    let dialog = Dialog::of_answer(wire.ctx.settings, answer, flow);
    let mut other = Confirmed::new(dialog, String::new());
    other.owe_ack(client, answer, offered);
    other.hang_up(wire, why);
}
