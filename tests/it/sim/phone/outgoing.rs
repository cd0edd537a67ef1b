//! A phone that calls, and everything else that it starts by itself.

use std::collections::VecDeque;

use ratatosk::base::At;

use super::client::Purpose;
use super::compose::Media;
use super::dialog::{Call, State};
use super::{Do, Path, Phone};
use crate::sim::text::{Draft, Packet, param, uri_of};

impl Phone {
    /// Does what a test or its user tells it.
    pub fn act(&mut self, at: At, what: &Do) {
        match what {
            Do::Register => self.register(at, None),
            Do::RegisterFor(seconds) => self.register(at, Some(*seconds)),
            Do::Unregister => self.unregister(at, false),
            Do::UnregisterAll => self.unregister(at, true),
            Do::Query => self.query(at),
            Do::Call(to) => self.call(at, to, true, false),
            Do::CallWithoutOffer(to) => self.call(at, to, false, false),
            Do::CallTwice(to) => self.call(at, to, true, true),
            Do::Hangup => self.hang_up(at),
            Do::Hold => self.reinvite(at, Media::Send, true),
            Do::Resume => self.reinvite(at, Media::Both, true),
            Do::ReinviteWithoutOffer => self.reinvite(at, Media::Both, false),
            Do::HoldByUpdate => self.with_current(|phone, id| phone.update(at, id, Some(Media::Send))),
            Do::Update => self.with_current(|phone, id| phone.update(at, id, None)),
            Do::Info => self.send_inside(at, "INFO"),
            Do::Inside(method) => self.send_inside(at, method),
            Do::Refer => self.send_inside(at, "REFER"),
            Do::ReferTo(to) => self.transfer(at, to),
            Do::Join => self.join(at),
            Do::Ping => self.send_inside(at, "OPTIONS"),
            Do::Options(to) => self.send_outside(at, "OPTIONS", to),
            Do::Request(method, to) => self.send_outside(at, method, to),
            Do::Stray(method) => self.stray(at, method),
            Do::Page(to, text) => self.page(at, to, text),
            Do::With(headers, inner) => {
                self.extra.clone_from(headers);
                self.act(at, inner);
                self.extra.clear();
            }
            Do::Repeat => self.repeat(),
            Do::Restart => self.restart(at),
            // The world sees to these: no phone hears of them.
            Do::Vanish
            | Do::GoOnWith(_)
            | Do::Disconnect
            | Do::Forget
            | Do::Move
            | Do::KeepAlive
            | Do::Sleep
            | Do::Freeze => {}
        }
    }

    fn with_current(&mut self, act: impl FnOnce(&mut Self, u64)) {
        if let Some(id) = self.current() {
            act(self, id);
        }
    }

    fn call(&mut self, at: At, to: &str, offer: bool, twice: bool) {
        let uri = self.address(to);
        let mut draft = self.outside("INVITE", &uri, &uri);
        draft.add("Contact", format!("<{}>", self.contact()));
        draft.add("Allow", self.methods());
        draft.add("Supported", self.extensions());
        if let Some(packages) = &self.packages {
            draft.add("Recv-Info", packages);
        }
        if let Some(seconds) = self.session.filter(|_| self.timer) {
            draft.add("Session-Expires", seconds.to_string());
        }
        let id = self.serial;
        if self.labels {
            draft.add("Subject", format!("call {id} of {}", self.name));
        }
        if offer {
            draft.carry("application/sdp", self.sdp(1, Media::Both));
        }
        self.add_outgoing(id, &draft, offer);
        let branch = self.request(at, Path::Main, draft.clone(), Purpose::Invite(id));
        self.note_branch(Purpose::Invite(id), branch);
        if twice {
            // What a fork on the way makes of it: the same request under another branch. Its
            // answers are nobody's business here.
            let branch = format!("z9hG4bK{}", self.mint());
            let via = self.via(Path::Main, &branch);
            if let Some(mut copy) = self.call_mut(id).and_then(|call| call.invite.clone()) {
                copy.set("Via", via);
                self.enter(at, Path::Main, copy, Purpose::Other, (9, 9), branch);
            }
        }
    }

    fn add_outgoing(&mut self, id: u64, draft: &Draft, offered: bool) {
        let bytes = draft.write(false);
        let Ok(packet) = Packet::parse(&bytes) else { return };
        self.calls.push(Call {
            id,
            state: State::Calling,
            caller: true,
            call_id: packet.call_id().to_owned(),
            local: uri_of(draft.get("From")).to_owned(),
            local_tag: packet.from_tag().to_owned(),
            remote: uri_of(draft.get("To")).to_owned(),
            remote_tag: String::new(),
            target: String::new(),
            routes: Vec::new(),
            cseq: packet.cseq().0,
            remote_cseq: 0,
            branch: String::new(),
            invite: None,
            offered,
            cancel_wanted: false,
            cancelled: None,
            version: 1,
            media: Media::Both,
            asked: None,
            retry: None,
            acks: Vec::new(),
            waits: None,
            steps: VecDeque::new(),
            request: None,
            request_had_offer: false,
            updates: false,
            session: None,
            reliable: super::reliable::Reliable::default(),
        });
    }

    /// Remembers under which branch an INVITE now goes, and how it was written.
    pub(super) fn note_branch(&mut self, purpose: Purpose, branch: String) {
        let (Purpose::Invite(id) | Purpose::Reinvite(id)) = purpose else { return };
        let draft = self.clients.last().map(super::client::ClientTx::draft);
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == id) {
            call.branch = branch;
            if let Some(draft) = &draft
                && call.caller
                && call.remote_tag.is_empty()
            {
                // As it was sent, for a test may have changed it.
                uri_of(draft.get("From")).clone_into(&mut call.local);
                param(draft.get("From"), "tag").unwrap_or_default().clone_into(&mut call.local_tag);
            }
            call.invite = draft;
        }
    }

    /// Remembers the CSeq that an answered challenge used up.
    pub(super) fn note_number(&mut self, purpose: Purpose, number: u32) {
        if matches!(purpose, Purpose::Register | Purpose::Query) {
            self.registration.cseq = self.registration.cseq.max(number);
        }
        if let Purpose::Invite(id) | Purpose::Reinvite(id) | Purpose::Bye(id) = purpose
            && let Some(call) = self.call_mut(id)
        {
            call.cseq = call.cseq.max(number);
        }
    }

    /// A provisional response to an INVITE.
    pub(super) fn on_provisional(&mut self, at: At, purpose: Purpose, response: &Packet<'_>) {
        let Purpose::Invite(id) = purpose else { return };
        let status = response.status().unwrap_or_default();
        if status > 100 && response.to_tag().is_empty() {
            self.complain(format!("{status} without a To tag"));
        }
        let Some(call) = self.call_mut(id) else { return };
        if call.state == State::Calling {
            call.state = State::Proceeding;
        }
        let reliable = response.get("RSeq").is_some();
        if reliable {
            self.confirm(at, id, response);
        }
        let Some(call) = self.call_mut(id) else { return };
        if call.cancel_wanted && call.cancelled.is_none() {
            self.cancel(at, id);
        }
    }

    /// A 2xx to an INVITE, the first or again (RFC 3261 §13.2.2.4).
    pub(super) fn on_answer(&mut self, at: At, purpose: Purpose, response: &Packet<'_>) {
        let (Purpose::Invite(id) | Purpose::Reinvite(id)) = purpose else { return };
        let (number, tag) = (response.cseq().0, response.to_tag());
        let Some(call) = self.call_mut(id) else { return };
        if let Some((_, ack)) = call.acks.iter().find(|(cseq, _)| *cseq == number) {
            let ack = ack.clone();
            if call.remote_tag == tag {
                self.put(Path::Main, ack);
            } else {
                self.complain("a second 2xx to one INVITE");
            }
            return;
        }
        let first = matches!(purpose, Purpose::Invite(_));
        if first {
            call.reliable.settled = call.reliable.settled_in.iter().any(|own| own == tag);
            tag.clone_into(&mut call.remote_tag);
            call.routes = response.all("Record-Route").map(str::to_owned).collect();
            call.routes.reverse();
        } else if let Some((media, _)) = call.asked.take() {
            call.media = media;
        }
        match response.contact() {
            Some(target) => target.clone_into(&mut call.target),
            None => self.complain("2xx to INVITE without Contact"),
        }
        let settled = self.is_settled(id, first);
        if !response.has_sdp() && !settled {
            self.complain("2xx to INVITE without a session description");
        }
        self.send_ack(id, number, settled);
        self.on_session(at, id, response);
        let Some(call) = self.call_mut(id) else { return };
        if first {
            let unwanted = call.cancel_wanted || call.is_over();
            call.state = State::Up;
            if unwanted {
                self.bye(at, id);
            }
        }
    }

    /// Whether the 2xx of a call need not describe its session again.
    fn is_settled(&mut self, id: u64, first: bool) -> bool {
        first && self.call_mut(id).is_some_and(|call| call.reliable.settled)
    }

    fn send_ack(&mut self, id: u64, number: u32, settled: bool) {
        if !self.acks {
            return;
        }
        let mut branch = format!("z9hG4bK{}", self.mint());
        if let Some(call) = self.call_mut(id).map(|call| call.branch.clone()).filter(|_| self.old) {
            branch = call;
        }
        let via = self.via(Path::Main, &branch);
        let Some(call) = self.call_mut(id) else { return };
        let mut ack = Draft::request("ACK", &call.target);
        ack.add("Via", via);
        for route in &call.routes {
            ack.add("Route", route.clone());
        }
        ack.add("Max-Forwards", "70");
        ack.add("From", format!("<{}>;tag={}", call.local, call.local_tag));
        ack.add("To", format!("<{}>;tag={}", call.remote, call.remote_tag));
        ack.add("Call-ID", call.call_id.clone());
        ack.add("CSeq", format!("{number} ACK"));
        if let Some(invite) = &call.invite {
            // RFC 3261 §22.1: the ACK carries the credentials of its INVITE.
            let credentials = invite.get("Proxy-Authorization");
            if !credentials.is_empty() {
                ack.add("Proxy-Authorization", credentials);
            }
        }
        if !call.offered && !settled {
            let (version, media) = (call.version, call.media);
            ack.carry("application/sdp", self.sdp(version, media));
        }
        let bytes = ack.write(self.short);
        if let Some(call) = self.call_mut(id) {
            call.acks.push((number, bytes.clone()));
        }
        self.put(Path::Main, bytes);
    }

    /// A call of ours came to nothing.
    pub(super) fn on_refusal(&mut self, id: u64) {
        self.end_call(id);
    }

    /// Ends whatever call there is, in the way its state asks for.
    pub(super) fn hang_up(&mut self, at: At) {
        if let Some(id) = self.current() {
            self.leave(at, id);
        }
    }

    /// Ends every call.
    pub fn hang_up_all(&mut self, at: At) {
        let ids: Vec<u64> = self.calls.iter().map(|call| call.id).collect();
        for id in ids {
            self.leave(at, id);
        }
    }

    fn leave(&mut self, at: At, id: u64) {
        let Some(call) = self.call_mut(id) else { return };
        match call.state {
            State::Calling => call.cancel_wanted = true,
            State::Proceeding => {
                call.cancel_wanted = true;
                if call.cancelled.is_none() {
                    self.cancel(at, id);
                }
            }
            State::Incoming => {
                if let Some(invite) = call.request.take() {
                    self.refuse(at, id, invite, 603);
                }
            }
            State::Up => match &mut call.waits {
                // Not before the ACK (RFC 3261 §15).
                Some(waits) => waits.leaving = true,
                None => self.bye(at, id),
            },
            State::Leaving | State::Over => {}
        }
    }

    fn cancel(&mut self, at: At, id: u64) {
        let Some(call) = self.call_mut(id) else { return };
        call.cancelled = Some(at);
        let (branch, Some(invite)) = (call.branch.clone(), call.invite.clone()) else { return };
        let mut draft = Draft::request("CANCEL", invite.uri());
        draft.add("Via", invite.get("Via"));
        draft.add("Max-Forwards", "70");
        for name in ["From", "To", "Call-ID"] {
            draft.add(name, invite.get(name));
        }
        let number = invite.get("CSeq").split(' ').next().unwrap_or_default();
        draft.add("CSeq", format!("{number} CANCEL"));
        self.enter(at, Path::Main, draft, Purpose::Cancel, (9, 9), branch);
    }

    fn send_outside(&mut self, at: At, method: &str, to: &str) {
        let uri = self.address(to);
        let mut draft = self.outside(method, &uri, &uri);
        match method {
            "SUBSCRIBE" | "NOTIFY" | "PUBLISH" => draft.add("Event", "presence"),
            "OPTIONS" => draft.add("Accept", "application/sdp"),
            _ => {}
        }
        self.request(at, Path::Main, draft, Purpose::Other);
    }

    fn page(&mut self, at: At, to: &str, text: &str) {
        let uri = self.address(to);
        let mut draft = self.outside("MESSAGE", &uri, &uri);
        draft.carry("text/plain", text);
        self.request(at, Path::Main, draft, Purpose::Other);
    }

    fn stray(&mut self, at: At, method: &str) {
        let uri = self.address("somebody");
        let mut draft = self.outside(method, &uri, &uri);
        let to = draft.get("To").to_owned();
        draft.set("To", format!("{to};tag=unheard-of"));
        self.request(at, Path::Main, draft, Purpose::Other);
    }
}
