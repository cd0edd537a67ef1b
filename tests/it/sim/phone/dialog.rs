//! A call as a phone sees it: one dialog (RFC 3261 §12) and what may happen in it (§14, §15).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;

use super::client::Purpose;
use super::compose::Media;
use super::reliable::Reliable;
use super::session::Session;
use super::{Path, Phone, Reply, TWIN};
use crate::sim::text::{Draft, Packet};

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// We called; nothing was heard.
    Calling,
    /// We called; somebody is at work.
    Proceeding,
    /// We are called.
    Incoming,
    /// Answered.
    Up,
    /// We have said goodbye.
    Leaving,
    /// Over.
    Over,
}

/// A 200 to an INVITE that waits for its ACK.
#[derive(Debug)]
pub struct Unacknowledged {
    pub bytes: Bytes,
    pub path: Path,
    pub cseq: u32,
    pub next: Option<At>,
    pub interval: Duration,
    pub end: At,
    /// Whether the ACK is to carry the answer to our offer.
    pub owes_answer: bool,
    /// Whether the user has hung up meanwhile.
    pub leaving: bool,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    pub id: u64,
    pub state: State,
    pub caller: bool,
    pub call_id: String,
    pub local: String,
    pub local_tag: String,
    pub remote: String,
    pub remote_tag: String,
    pub target: String,
    pub routes: Vec<String>,
    pub cseq: u32,
    pub remote_cseq: u32,
    /// The branch of our INVITE, or of theirs, while it is not answered.
    pub branch: String,
    /// Our INVITE, for its CANCEL.
    pub invite: Option<Draft>,
    pub offered: bool,
    pub cancel_wanted: bool,
    /// When it was cancelled.
    pub cancelled: Option<At>,
    pub version: u32,
    pub media: Media,
    /// The media we asked for in a re-INVITE under way.
    pub asked: Option<(Media, bool)>,
    pub retry: Option<(At, Media, bool)>,
    /// ACKs sent, by CSeq, for 200s that come again.
    pub acks: Vec<(u32, Bytes)>,
    pub waits: Option<Unacknowledged>,
    pub steps: VecDeque<(At, Reply)>,
    /// The INVITE we have not answered yet.
    pub request: Option<Draft>,
    pub request_had_offer: bool,
    /// Whether the other side takes UPDATE.
    pub updates: bool,
    pub session: Option<Session>,
    pub reliable: Reliable,
}

impl Call {
    /// Whether nothing more will come of it.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over | State::Leaving)
    }

    /// Whether the two talk.
    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// When a call that was cancelled is over, though nothing was heard of it (RFC 3261 §9.1).
    fn unheard_by(&self) -> Option<At> {
        self.cancelled.filter(|_| self.state == State::Proceeding).map(|at| at + super::GIVE_UP)
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<At> {
        let waits = self.waits.as_ref().map(|waits| waits.next.map_or(waits.end, |next| next.min(waits.end)));
        let step = self.steps.front().map(|(at, _)| *at);
        let session = self.session.filter(|_| !self.is_over()).map(|session| session.due);
        let open = self.reliable.open.as_ref().filter(|_| !self.is_over()).map(|open| open.next);
        let retry = self.retry.map(|(at, ..)| at);
        [waits, step, session, open, retry, self.unheard_by()].into_iter().flatten().min()
    }
}

impl Phone {
    pub(super) fn call_mut(&mut self, id: u64) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// The call that a command means: the last that is not over.
    pub(super) fn current(&self) -> Option<u64> {
        self.calls.iter().rev().find(|call| !call.is_over()).map(|call| call.id)
    }

    pub(super) fn end_call(&mut self, id: u64) {
        if let Some(call) = self.call_mut(id) {
            call.state = State::Over;
            call.steps.clear();
            call.retry = None;
        }
    }

    /// A request inside a call, numbered one up.
    pub(super) fn inside(&mut self, id: u64, method: &str) -> Option<Draft> {
        let contact = self.contact();
        let call = self.call_mut(id)?;
        call.cseq += 1;
        let mut draft = Draft::request(method, &call.target);
        for route in &call.routes {
            draft.add("Route", route.clone());
        }
        draft.add("Max-Forwards", "70");
        draft.add("From", format!("<{}>;tag={}", call.local, call.local_tag));
        draft.add("To", format!("<{}>;tag={}", call.remote, call.remote_tag));
        draft.add("Call-ID", call.call_id.clone());
        draft.add("CSeq", format!("{} {method}", call.cseq));
        if matches!(method, "INVITE" | "UPDATE") {
            draft.add("Contact", format!("<{contact}>"));
            draft.add("Allow", self.methods());
            draft.add("Supported", self.extensions());
            self.wish(id, &mut draft);
        }
        self.sign(&mut draft);
        Some(draft)
    }

    /// Sends a request in the current call and waits for nothing.
    pub(super) fn send_inside(&mut self, at: At, method: &str) {
        let Some(id) = self.current() else { return };
        if self.call_mut(id).is_none_or(|call| call.state != State::Up) {
            return;
        }
        let Some(mut draft) = self.inside(id, method) else { return };
        match method {
            "INFO" => draft.carry("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
            "REFER" => draft.add("Refer-To", format!("<sip:somebody@{}>", self.realm)),
            "SUBSCRIBE" | "NOTIFY" => {
                draft.add("Event", "refer");
                draft.add("Contact", format!("<{}>", self.contact()));
            }
            "MESSAGE" | "DANCE" => draft.carry("text/plain", "to the left"),
            _ => {}
        }
        if matches!(method, "REFER") {
            draft.add("Contact", format!("<{}>", self.contact()));
        }
        self.request(at, Path::Main, draft, Purpose::Other);
    }

    /// Ends an answered call.
    pub(super) fn bye(&mut self, at: At, id: u64) {
        if let Some(draft) = self.inside(id, "BYE") {
            if let Some(call) = self.call_mut(id) {
                call.state = State::Leaving;
                call.retry = None;
            }
            self.request(at, Path::Main, draft, Purpose::Bye(id));
        }
    }

    /// Asks for another session: to hold, to resume, or without saying what.
    pub(super) fn reinvite(&mut self, at: At, media: Media, offer: bool) {
        if let Some(id) = self.current() {
            self.reinvite_in(at, id, media, offer);
        }
    }

    /// Asks for another session in this call.
    pub(super) fn reinvite_in(&mut self, at: At, id: u64, media: Media, offer: bool) {
        let Some(call) = self.call_mut(id) else { return };
        if call.state != State::Up || call.asked.is_some() || call.waits.is_some() {
            return;
        }
        call.asked = Some((media, offer));
        call.offered = offer;
        call.version += 1;
        let version = call.version;
        let Some(mut draft) = self.inside(id, "INVITE") else { return };
        if offer {
            draft.carry("application/sdp", self.sdp(version, media));
        }
        let branch = self.request(at, Path::Main, draft, Purpose::Reinvite(id));
        self.note_branch(Purpose::Reinvite(id), branch);
    }

    /// A re-INVITE was refused, or nobody answered it (RFC 3261 §14.1).
    pub(super) fn on_reinvite_refused(&mut self, at: At, id: u64, status: u16) {
        let wait = Duration::from_millis(10 * self.rng.below(200));
        let Some(call) = self.call_mut(id) else { return };
        let Some((media, offer)) = call.asked.take() else { return };
        match status {
            // The owner of the Call-ID waits longer, so that the two do not meet again.
            491 if !call.is_over() => {
                let extra = Duration::from_millis(if call.caller { 2100 } else { 0 });
                call.retry = Some((at + wait + extra, media, offer));
            }
            408 | 481 if !call.is_over() => self.bye(at, id),
            _ => {}
        }
    }

    /// A request in a dialog, other than ACK and CANCEL.
    pub(super) fn on_request_in_dialog(&mut self, at: At, path: Path, request: &Packet<'_>) {
        let _ = path;
        let (call_id, to, from) = (request.call_id(), request.to_tag(), request.from_tag());
        let found = self.calls.iter_mut().find(|call| {
            call.call_id == call_id
                && call.local_tag == to
                && call.remote_tag == from
                && call.state != State::Over
        });
        let Some(call) = found else {
            return self.respond_plain(at, request, 481);
        };
        let (number, method) = request.cseq();
        if number <= call.remote_cseq {
            // Overtaken on the way (RFC 3261 §12.2.2).
            return self.respond_plain(at, request, 500);
        }
        call.remote_cseq = number;
        let id = call.id;
        match method {
            "BYE" => self.on_bye(at, id, request),
            "INVITE" => self.on_reinvite(at, id, request),
            "UPDATE" => self.on_update(at, id, request),
            "PRACK" => self.on_prack(at, id, request),
            "INFO" | "OPTIONS" | "MESSAGE" | "NOTIFY" => self.respond_plain(at, request, 200),
            other if self.knows_method.as_deref() == Some(other) => self.respond_plain(at, request, 200),
            _ => self.respond_plain(at, request, 405),
        }
    }

    fn on_bye(&mut self, at: At, id: u64, request: &Packet<'_>) {
        let pending = self.call_mut(id).and_then(|call| {
            call.waits = None;
            (call.state == State::Incoming).then(|| call.request.take()).flatten()
        });
        self.respond_plain(at, request, 200);
        if let Some(invite) = pending {
            self.refuse(at, id, invite, 487);
        }
        self.end_call(id);
    }

    fn on_reinvite(&mut self, at: At, id: u64, request: &Packet<'_>) {
        let Some(call) = self.call_mut(id) else { return };
        if call.asked.is_some() {
            return self.respond_plain(at, request, 491);
        }
        if call.waits.is_some() || call.state != State::Up {
            return self.respond_plain(at, request, 500);
        }
        if let Some(target) = request.contact() {
            target.clone_into(&mut call.target);
        } else {
            self.complain("re-INVITE without Contact");
            return;
        }
        let had_offer = request.has_sdp();
        call.media = if had_offer { Media::of_offer(request.body) } else { Media::Both };
        self.answer_invite(at, id, request, had_offer);
    }

    /// Sends the 200 of a first or later INVITE, and waits for its ACK.
    pub(super) fn answer_invite(&mut self, at: At, id: u64, request: &Packet<'_>, had_offer: bool) {
        let contact = self.contact();
        let Some(call) = self.call_mut(id) else { return };
        call.version += 1;
        let (version, media, tag) = (call.version, call.media, call.local_tag.clone());
        let mut draft = Draft::response(200, request, &tag);
        draft.add("Contact", format!("<{contact}>"));
        draft.add("Allow", self.methods());
        if let (Some(packages), true) = (&self.packages, request.get("Recv-Info").is_some()) {
            draft.add("Recv-Info", packages);
        }
        self.grant_session(at, id, request, &mut draft);
        draft.add("Server", format!("phone {}", self.mark));
        draft.add("X-Secret", format!("serial {}", self.mark));
        // RFC 7044 §9: it tells its caller the way that the call has come, as far as it knows it.
        for history in request.all("History-Info") {
            draft.add("History-Info", history);
        }
        let (branch, cseq) = (request.branch(), request.cseq().0);
        let described =
            request.to_tag().is_empty() && self.call_mut(id).is_some_and(|call| call.reliable.described);
        if !described {
            draft.carry("application/sdp", self.sdp(version, media));
        }
        let (bytes, path) = (draft.write(self.short), self.path_of(branch));
        self.respond(at, branch, "INVITE", &draft);
        if self.twin && request.to_tag().is_empty() {
            let to = draft.get("To").to_owned();
            draft.set("To", format!("{to}{TWIN}"));
            self.put(path, draft.write(self.short));
        }
        let next = Some(at + super::T1);
        if let Some(call) = self.call_mut(id) {
            call.state = State::Up;
            call.waits = Some(Unacknowledged {
                bytes,
                path,
                cseq,
                next,
                interval: super::T1,
                end: at + super::GIVE_UP,
                owes_answer: !had_offer && !described,
                leaving: false,
            });
        }
    }

    /// An ACK came that no transaction took.
    pub(super) fn on_ack(&mut self, at: At, request: &Packet<'_>) {
        let (call_id, tag) = (request.call_id(), request.to_tag());
        let found = self.calls.iter_mut().find(|call| call.call_id == call_id && call.local_tag == tag);
        let Some(call) = found else { return };
        let number = request.cseq().0;
        let matches = call.waits.as_ref().is_some_and(|waits| waits.cseq == number);
        if !matches {
            return;
        }
        let Some(waits) = call.waits.take() else { return };
        let id = call.id;
        if waits.owes_answer && !request.has_sdp() {
            self.complain("ACK without the answer to our offer");
        }
        if waits.leaving {
            self.bye(at, id);
        }
    }

    /// Rings on, repeats answers, tries re-INVITEs again.
    pub(super) fn tick_calls(&mut self, at: At) {
        let mut again = Vec::new();
        let mut given_up = Vec::new();
        let mut retries = Vec::new();
        let mut steps = Vec::new();
        let mut due = Vec::new();
        let unsure: Vec<u64> = self.calls.iter().filter(|call| !call.is_over()).map(|call| call.id).collect();
        for id in unsure {
            self.tick_reliable(at, id);
        }
        for call in &mut self.calls {
            if call.unheard_by().is_some_and(|by| by <= at) {
                call.state = State::Over;
            }
            while let Some((_, step)) = call.steps.pop_front_if(|(when, _)| *when <= at) {
                steps.push((call.id, step));
            }
            if call.session.is_some_and(|session| session.due <= at && call.state == State::Up) {
                due.push(call.id);
            }
            if let Some((when, media, offer)) = call.retry
                && when <= at
            {
                call.retry = None;
                retries.push((media, offer));
            }
            if let Some(waits) = &mut call.waits {
                if waits.end <= at {
                    given_up.push(call.id);
                } else if waits.next.is_some_and(|next| next <= at) {
                    again.push((waits.path, waits.bytes.clone()));
                    waits.interval = (waits.interval * 2).min(super::T2);
                    waits.next = Some(at + waits.interval);
                }
            }
        }
        for (path, bytes) in again {
            self.put(path, bytes);
        }
        for id in given_up {
            if let Some(call) = self.call_mut(id) {
                call.waits = None;
            }
            self.bye(at, id);
        }
        for (media, offer) in retries {
            self.reinvite(at, media, offer);
        }
        for id in due {
            self.on_session_due(at, id);
        }
        for (id, step) in steps {
            self.take_step(at, id, &step);
        }
    }
}
