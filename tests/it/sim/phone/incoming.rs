//! A phone that is called, and what it makes of requests outside of calls.

use std::collections::VecDeque;
use std::time::Duration;

use ratatosk::base::At;

use super::compose::Media;
use super::dialog::{Call, State};
use super::{Path, Phone, Reply};
use crate::sim::text::{Draft, Packet, uri_of};

impl Phone {
    /// The first INVITE of a call.
    pub(super) fn on_invite(&mut self, at: At, path: Path, request: &Packet<'_>) {
        let _ = path;
        let number = request.cseq().0;
        let twice = self.calls.iter().any(|call| {
            !call.caller && call.call_id == request.call_id() && call.remote_tag == request.from_tag()
        });
        if twice {
            self.complain("a merged INVITE");
            return self.respond_plain(at, request, 482);
        }
        let asked =
            request.get("Session-Expires").and_then(|value| value.split(';').next()?.parse::<u64>().ok());
        if asked.is_some_and(|seconds| seconds < self.min_se) {
            let tag = self.mint();
            let mut draft = Draft::response(422, request, &tag);
            draft.add("Min-SE", self.min_se.to_string());
            return self.respond(at, request.branch(), "INVITE", &draft);
        }
        let id = self.add_incoming(request, number);
        let steps = match &self.moods {
            Some(moods) => moods.decide(&mut self.rng),
            None => self.on_call.clone(),
        };
        if steps.first().is_none_or(|(after, _)| *after > 0.2) {
            self.send_provisional(at, id, 100, false);
        }
        let steps: VecDeque<_> =
            steps.into_iter().map(|(after, step)| (at + Duration::from_secs_f64(after), step)).collect();
        if let Some(call) = self.call_mut(id) {
            call.steps = steps;
        }
        self.tick_calls(at);
    }

    fn add_incoming(&mut self, request: &Packet<'_>, number: u32) -> u64 {
        let local_tag = self.mint();
        let id = self.serial;
        let mut copy = Draft::request("INVITE", request.uri());
        for (name, value) in &request.headers {
            copy.add(name, *value);
        }
        self.calls.push(Call {
            id,
            state: State::Incoming,
            caller: false,
            call_id: request.call_id().to_owned(),
            local: uri_of(request.get("To").unwrap_or_default()).to_owned(),
            local_tag,
            remote: uri_of(request.get("From").unwrap_or_default()).to_owned(),
            remote_tag: request.from_tag().to_owned(),
            target: request.contact().unwrap_or_default().to_owned(),
            routes: request.all("Record-Route").map(str::to_owned).collect(),
            cseq: 0,
            remote_cseq: number,
            branch: request.branch().to_owned(),
            invite: None,
            offered: false,
            cancel_wanted: false,
            cancelled: None,
            version: 0,
            media: Media::Both,
            asked: None,
            retry: None,
            acks: Vec::new(),
            waits: None,
            steps: VecDeque::new(),
            request: Some(copy),
            request_had_offer: request.has_sdp(),
            updates: false,
            session: None,
            reliable: super::reliable::Reliable::default(),
        });
        id
    }

    /// The next thing that the phone's user does about a call.
    pub(super) fn take_step(&mut self, at: At, id: u64, step: &Reply) {
        let Some(call) = self.call_mut(id) else { return };
        if call.state != State::Incoming {
            return;
        }
        match step {
            Reply::Early => self.send_provisional(at, id, 183, true),
            Reply::Status(status @ 100..200) => self.send_provisional(at, id, *status, false),
            Reply::Status(status) => {
                if let Some(invite) = call.request.take() {
                    self.refuse(at, id, invite, *status);
                }
            }
            Reply::MovedTo(_) => {
                if let Some(invite) = call.request.take() {
                    self.redirect(at, id, &invite, step);
                }
            }
            Reply::Answer => self.answer_call(at, id),
        }
    }

    pub(super) fn answer_call(&mut self, at: At, id: u64) {
        let Some(call) = self.call_mut(id) else { return };
        if call.reliable.open.is_some() && call.reliable.described {
            call.reliable.answer_waits = true;
            return;
        }
        call.reliable.late = call.reliable.open.take().is_some();
        let had_offer = call.request_had_offer;
        if let Some(invite) = call.request.take() {
            let bytes = invite.write(false);
            if let Ok(packet) = Packet::parse(&bytes) {
                self.answer_invite(at, id, &packet, had_offer);
            }
        }
    }

    fn send_provisional(&mut self, at: At, id: u64, status: u16, media: bool) {
        let contact = self.contact();
        let Some(call) = self.call_mut(id) else { return };
        let (version, tag, branch) = (call.version, call.local_tag.clone(), call.branch.clone());
        let Some(bytes) = call.request.as_ref().map(|invite| invite.write(false)) else { return };
        let Ok(packet) = Packet::parse(&bytes) else { return };
        let mut draft = Draft::response(status, &packet, &tag);
        if status > 100 {
            draft.add("Contact", format!("<{contact}>"));
            draft.add("Allow", self.methods());
            draft.add("Server", format!("phone {}", self.mark));
            draft.add("X-Secret", format!("serial {}", self.mark));
            for history in packet.all("History-Info") {
                draft.add("History-Info", history);
            }
        }
        let offered = packet.get("Content-Type").is_some();
        let sure = status > 100 && self.is_sure(&packet);
        if sure && self.call_mut(id).is_some_and(|call| call.reliable.open.is_some()) {
            // One at a time: this one is not worth the wait.
            return;
        }
        if media && (offered || sure) {
            draft.carry("application/sdp", self.sdp(version, Media::Both));
        }
        if sure {
            return self.send_surely(at, id, &branch, draft, media && !offered);
        }
        self.respond(at, &branch, "INVITE", &draft);
    }

    /// Says no to a call.
    pub(super) fn refuse(&mut self, at: At, id: u64, invite: Draft, status: u16) {
        let tag = self.call_mut(id).map(|call| call.local_tag.clone()).unwrap_or_default();
        let bytes = invite.write(false);
        let Ok(packet) = Packet::parse(&bytes) else { return };
        let mut draft = Draft::response(status, &packet, &tag);
        draft.add("Server", format!("phone {}", self.mark));
        draft.add("Warning", format!("399 {} \"{}\"", self.local, self.mark));
        self.respond(at, packet.branch(), "INVITE", &draft);
        self.end_call(id);
    }

    fn redirect(&mut self, at: At, id: u64, invite: &Draft, step: &Reply) {
        let Reply::MovedTo(to) = step else { return };
        let target = self.address(to);
        let tag = self.call_mut(id).map(|call| call.local_tag.clone()).unwrap_or_default();
        let bytes = invite.write(false);
        let Ok(packet) = Packet::parse(&bytes) else { return };
        let mut draft = Draft::response(302, &packet, &tag);
        draft.add("Contact", format!("<{target}>"));
        self.respond(at, packet.branch(), "INVITE", &draft);
        self.end_call(id);
    }

    /// Somebody takes his call back (RFC 3261 §9.2).
    pub(super) fn on_cancel(&mut self, at: At, path: Path, request: &Packet<'_>) {
        let _ = path;
        let branch = request.branch();
        let found = self.calls.iter_mut().find(|call| !call.caller && call.branch == branch);
        let Some(call) = found else {
            return self.respond_plain(at, request, 481);
        };
        let (id, tag) = (call.id, call.local_tag.clone());
        if call.state == State::Incoming && self.crosses_cancel {
            self.answer_call(at, id);
        }
        let ok = Draft::response(200, request, &tag);
        self.respond(at, branch, "CANCEL", &ok);
        let invite = self
            .call_mut(id)
            .and_then(|call| (call.state == State::Incoming).then(|| call.request.take()).flatten());
        if let Some(invite) = invite {
            self.refuse(at, id, invite, 487);
        }
    }

    /// How it answers a page; 0: not at all.
    pub fn verdict(&self, page: &str) -> u16 {
        let disliked = self.dislikes.iter().find(|(word, _)| page.contains(word));
        disliked.map_or(self.on_page, |(_, status)| *status)
    }

    /// A request that belongs to no call.
    pub(super) fn on_request_outside(&mut self, at: At, path: Path, request: &Packet<'_>) {
        let _ = path;
        match request.method().unwrap_or_default() {
            "OPTIONS" => self.respond_plain(at, request, 200),
            "MESSAGE" => {
                let status = self.verdict(request.body);
                if status == 200 {
                    self.pages.push(request.body.to_owned());
                }
                if status > 0 {
                    self.respond_plain(at, request, status);
                }
            }
            method => {
                self.complain(format!("{method} outside of any call"));
                self.respond_plain(at, request, 405);
            }
        }
    }
}
