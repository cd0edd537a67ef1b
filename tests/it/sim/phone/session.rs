//! Session timers (RFC 4028) and UPDATE (RFC 3311) as a phone sees them.

use std::time::Duration;

use ratatosk::base::At;

use super::client::Purpose;
use super::compose::Media;
use super::dialog::State;
use super::{Path, Phone};
use crate::sim::text::{Draft, Packet, param};

/// What was agreed for one call.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    seconds: u64,
    /// Whether the phone refreshes.
    ours: bool,
    /// When something is due.
    pub due: At,
}

impl Session {
    fn new(at: At, seconds: u64, ours: bool) -> Self {
        let wait = if ours { seconds / 2 } else { seconds - (seconds / 3).min(32) };
        Self { seconds, ours, due: at + Duration::from_secs(wait) }
    }
}

impl Phone {
    /// The methods that it takes.
    pub(super) fn methods(&self) -> String {
        let update = if self.updates { ", UPDATE" } else { "" };
        format!("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE{update}")
    }

    /// What a request of ours says of sessions.
    pub(super) fn wish(&mut self, id: u64, draft: &mut Draft) {
        if !self.timer {
            return;
        }
        let asked = self.session;
        let Some(call) = self.call_mut(id) else { return };
        match (call.session, asked) {
            (Some(Session { seconds, ours, .. }), _) => {
                let refresher = if ours { "uac" } else { "uas" };
                draft.add("Session-Expires", format!("{seconds};refresher={refresher}"));
            }
            (None, Some(seconds)) => draft.add("Session-Expires", seconds.to_string()),
            (None, None) => {}
        }
    }

    /// A 2xx to INVITE or UPDATE came.
    pub(super) fn on_session(&mut self, at: At, id: u64, answer: &Packet<'_>) {
        let value = answer.get("Session-Expires").filter(|_| self.timer);
        let seconds = value.and_then(|value| value.split(';').next()?.parse().ok());
        let ours = value.and_then(|value| param(value, "refresher")) == Some("uac");
        let updates = answer.get("Allow").is_some_and(|methods| methods.contains("UPDATE"));
        if let Some(call) = self.call_mut(id) {
            call.updates = updates;
            call.session = seconds.map(|seconds| Session::new(at, seconds, ours));
        }
    }

    /// Answers what a session refresh request wishes.
    pub(super) fn grant_session(&mut self, at: At, id: u64, request: &Packet<'_>, draft: &mut Draft) {
        let updates = request.get("Allow").is_some_and(|methods| methods.contains("UPDATE"));
        let supported = request.all("Supported").any(|tags| tags.contains("timer"));
        let value = request.get("Session-Expires").filter(|_| self.timer && supported);
        let seconds = value.and_then(|value| value.split(';').next()?.parse::<u64>().ok());
        let lazy = self.lazy;
        let Some(call) = self.call_mut(id) else { return };
        call.updates = updates;
        call.session = seconds.map(|seconds| {
            let refresher = value.and_then(|value| param(value, "refresher"));
            let refresher = refresher.unwrap_or(if lazy { "uac" } else { "uas" });
            draft.add("Require", "timer");
            draft.add("Session-Expires", format!("{seconds};refresher={refresher}"));
            Session::new(at, seconds, refresher == "uas")
        });
    }

    /// A refresh is due, or the other side's did not come.
    pub(super) fn on_session_due(&mut self, at: At, id: u64) {
        let (dead, updates) = (self.dead_clock, self.updates);
        let Some(call) = self.call_mut(id) else { return };
        let Some(session) = &mut call.session else { return };
        session.due = at + Duration::from_secs(5);
        let (ours, media) = (session.ours, call.media);
        match (call.state, ours) {
            (State::Up, _) if dead => call.session = None,
            (State::Up, true) if call.updates && updates => self.update(at, id, None),
            (State::Up, true) => self.reinvite_in(at, id, media, true),
            (State::Up, false) if call.waits.is_none() => self.bye(at, id),
            _ => {}
        }
    }

    /// Sends an UPDATE: a new offer, or none.
    pub(super) fn update(&mut self, at: At, id: u64, offer: Option<Media>) {
        let can = self.updates;
        let Some(call) = self.call_mut(id).filter(|_| can) else { return };
        let early = matches!(call.state, State::Proceeding | State::Incoming) && call.reliable.settled;
        if !(call.state == State::Up || early)
            || (offer.is_some() && (call.asked.is_some() || call.waits.is_some()))
        {
            return;
        }
        if let Some(media) = offer {
            call.asked = Some((media, true));
            call.version += 1;
        }
        let version = call.version;
        let Some(mut draft) = self.inside(id, "UPDATE") else { return };
        if let Some(media) = offer {
            draft.carry("application/sdp", self.sdp(version, media));
        }
        self.request(at, Path::Main, draft, Purpose::Update(id, offer.is_some()));
    }

    /// An UPDATE was answered with a 2xx.
    pub(super) fn on_updated(&mut self, at: At, id: u64, offered: bool, response: &Packet<'_>) {
        if offered && !response.has_sdp() {
            self.complain("2xx to an offer in UPDATE without an answer");
        }
        match response.contact() {
            Some(target) => {
                if let Some(call) = self.call_mut(id) {
                    target.clone_into(&mut call.target);
                }
            }
            None => self.complain("2xx to UPDATE without Contact"),
        }
        if offered
            && let Some(call) = self.call_mut(id)
            && let Some((media, _)) = call.asked.take()
        {
            call.media = media;
        }
        self.on_session(at, id, response);
    }

    /// The other side sends an UPDATE.
    pub(super) fn on_update(&mut self, at: At, id: u64, request: &Packet<'_>) {
        if !self.updates {
            self.complain("UPDATE to a phone that does not take it");
            return self.respond_plain(at, request, 405);
        }
        let Some(call) = self.call_mut(id) else { return };
        if request.has_sdp() && call.asked.is_some() {
            return self.respond_plain(at, request, 491);
        }
        let early = call.state != State::Up && !call.reliable.settled;
        if request.has_sdp() && (call.waits.is_some() || early) {
            return self.respond_plain(at, request, 500);
        }
        if let Some(target) = request.contact() {
            target.clone_into(&mut call.target);
        }
        let tag = call.local_tag.clone();
        let mut draft = Draft::response(200, request, &tag);
        draft.add("Contact", format!("<{}>", self.contact()));
        draft.add("Allow", self.methods());
        self.grant_session(at, id, request, &mut draft);
        if request.has_sdp()
            && let Some(call) = self.call_mut(id)
        {
            call.media = Media::of_offer(request.body);
            call.version += 1;
            let (version, media) = (call.version, call.media);
            draft.carry("application/sdp", self.sdp(version, media));
        }
        self.respond(at, request.branch(), "UPDATE", &draft);
    }
}
