//! Session timers: a call whose phone is silent for too long is over, even if nobody says BYE.
//!
//! Each leg has a timer of its own, agreed with its own phone: what one side wants is not the other's
//! concern. Whoever refreshes sends a session refresh request after half of the interval, and the other
//! one hangs up shortly before its end.
//!
//! ```text
//!   Off ──2xx with Session-Expires──▶ Refreshing   half of the interval ──▶ UPDATE, else re-INVITE
//!    ▲                          └───▶ Expecting    almost all of it ──▶ BYE, the call is told
//!    └──2xx without──                              any session refresh request begins it anew
//! ```
//!
//! Implements: RFC 4028 §5, §7, §9, §10.

use std::time::Duration;

use crate::base::{Key, Limits, TimerId};
use crate::effect::{LegTimer, Wake};
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::Owner;

use super::confirmed::Confirmed;
use super::legs::{Turn, Wire};
use super::watch::ends_dialog;
use super::words::Passage;

/// How long a refresh that met another request is put off.
const PUT_OFF: Duration = Duration::from_secs(5);

/// The timer of one leg.
#[derive(Debug, Default)]
pub(super) struct SessionTimer {
    terms: Option<Terms>,
    timer: Option<TimerId>,
    /// The UPDATE of ours that refreshes, while it is not answered.
    update: Option<Key>,
    /// The longest Min-SE that the phone has told, seconds; 0 if none.
    min_s: u32,
    /// What our offer was, for a phone that is refreshed by re-INVITE.
    told: Passage,
}

/// What was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    interval_s: u32,
    /// Whether the refreshing is ours.
    ours: bool,
}

impl Terms {
    /// The time until something is to be done (RFC 4028 §10).
    fn wait(self) -> Duration {
        let seconds =
            if self.ours { self.interval_s / 2 } else { self.interval_s - (self.interval_s / 3).min(32) };
        Duration::from_secs(u64::from(seconds))
    }
}

impl SessionTimer {
    /// Whether this is the UPDATE that refreshes.
    pub(super) fn is_update(&self, client: Key) -> bool {
        self.update == Some(client)
    }

    /// A refresh of ours was sent again, with a proof or a longer interval.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        if self.update == Some(old) {
            self.update = Some(new);
        }
    }

    /// No session is timed any more.
    pub(super) fn stop(&mut self, wire: &mut Wire<'_, '_>) {
        wire.ctx.disarm(&mut self.timer);
        (self.terms, self.update, self.told) = (None, None, Passage::default());
    }

    /// Writes what a session refresh request inside the dialog says.
    pub(super) fn write_request(&self, limits: &Limits, writer: &mut Writer) {
        if self.min_s > 0 {
            writer.number(Name::MinSe, u64::from(self.min_s));
        }
        match self.terms {
            Some(Terms { interval_s, ours }) => {
                let refresher = if ours { "uac" } else { "uas" };
                let interval_s = interval_s.max(self.min_s);
                writer.text(Name::SessionExpires, format_args!("{interval_s};refresher={refresher}"));
            }
            None => write_wish(limits, self.min_s, writer),
        }
    }

    /// Agrees to what a session refresh request asks for, and writes it into its 2xx.
    pub(super) fn agree(&mut self, limits: &Limits, request: &Message, writer: &mut Writer) {
        self.min_s = self.min_s.max(min_of(request));
        self.terms = terms_for(limits, request);
        let Some(Terms { interval_s, ours }) = self.terms else { return };
        let refresher = if ours { "uas" } else { "uac" };
        if !ours {
            writer.header(Name::Require, b"timer");
        }
        writer.text(Name::SessionExpires, format_args!("{interval_s};refresher={refresher}"));
    }

    /// Takes what the phone has agreed to.
    fn take(&mut self, answer: &Message) {
        self.terms = answer.item(Name::SessionExpires).and_then(|item| {
            let interval_s = item.number()?.max(self.min_s).max(MIN_S);
            let theirs = item.param("refresher").is_some_and(|who| who.eq_ignore_ascii_case(b"uas"));
            Some(Terms { interval_s, ours: !theirs })
        });
    }
}

impl Confirmed {
    /// The phone has answered a session refresh request of ours with a 2xx.
    pub(super) fn refreshed_by(&mut self, wire: &mut Wire<'_, '_>, key: Key, answer: &Message) {
        self.session.take(answer);
        self.time_session(wire, key);
    }

    /// Begins to time the session anew, as agreed.
    pub(super) fn time_session(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        wire.ctx.disarm(&mut self.session.timer);
        if let Some(terms) = self.session.terms {
            self.session.timer = Some(wire.ctx.arm(terms.wait(), Wake::Leg(key, LegTimer::Session)));
        }
    }

    /// We have described our side of the session with this, by the INVITE of `invite` or otherwise: it is
    /// kept for a phone that has to be told it again and again.
    pub(super) fn has_told(&mut self, wire: &Wire<'_, '_>, passage: &Passage, invite: Option<Key>) {
        let refreshes = self.session.terms.is_some_and(|terms| terms.ours) && !self.updates;
        if !refreshes {
            self.session.told = Passage::default();
        } else if passage.has_body() {
            self.session.told = passage.clone();
        } else if let Some(request) = invite.and_then(|invite| wire.transactions.request_of(invite)) {
            self.session.told = Passage::of(&request);
        }
    }

    /// It is time to refresh the session, or the phone has not done so in time.
    pub(super) fn on_session_timer(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        self.session.timer = None;
        match self.session.terms {
            Some(terms) if terms.ours => self.refresh(wire, key),
            Some(_) => return self.end_for(wire, "SIP;cause=408;text=\"Session expired\""),
            None => {}
        }
        Turn::Stay
    }

    fn refresh(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        if self.is_renegotiating() || self.watch.is_adrift() {
            return self.put_off_refresh(wire, key);
        }
        if self.updates {
            let update = self.request(wire, Owner::Leg(key), Method::Update, &Passage::default());
            self.session.update = Some(update);
        } else if self.session.told.has_body() {
            let told = self.session.told.clone();
            self.refresh_by_reinvite(wire, key, &told);
        } else {
            self.probe(wire, key);
            self.time_session(wire, key);
        }
    }

    /// A refresh that is in the way of another request is sent a little later.
    pub(super) fn put_off_refresh(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        wire.ctx.disarm(&mut self.session.timer);
        self.session.timer = Some(wire.ctx.arm(PUT_OFF, Wake::Leg(key, LegTimer::Session)));
    }

    /// The phone has answered the UPDATE that refreshes.
    pub(super) fn on_refreshed(&mut self, wire: &mut Wire<'_, '_>, key: Key, response: &Message) -> Turn {
        self.session.update = None;
        match response.status() {
            200..300 => {
                let flow = self.dialog.flow();
                self.dialog.refresh_target(wire.ctx.settings, response, flow);
                self.refreshed_by(wire, key, response);
            }
            status if ends_dialog(status) => return self.lost(wire),
            422 => {
                self.session.min_s = self.session.min_s.max(min_of(response));
                self.put_off_refresh(wire, key);
            }
            491 | 500 => self.put_off_refresh(wire, key),
            // It is there, and that was the question.
            _ => self.time_session(wire, key),
        }
        Turn::Stay
    }

    /// The refresh could not be sent, or nobody has answered it.
    pub(super) fn on_refresh_failed(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16) -> Turn {
        self.session.update = None;
        if ends_dialog(status) {
            return self.lost(wire);
        }
        self.time_session(wire, key);
        self.cut_off(wire, key)
    }
}

/// Writes what the first INVITE to a phone wishes: a timer, whoever refreshes. `min_s`: the shortest
/// that it has said it would take, or 0.
pub(super) fn write_wish(limits: &Limits, min_s: u32, writer: &mut Writer) {
    if limits.session_s > 0 {
        writer.number(Name::SessionExpires, u64::from(limits.session_s.max(min_s)));
    }
}

/// The interval that a session refresh request is refused for (422), with the Min-SE to tell: only one
/// who knows the extension can do anything about it.
pub fn too_brief(limits: &Limits, request: &Message) -> Option<u32> {
    let asked = request.item(Name::SessionExpires)?.number()?;
    (supports(request) && asked < limits.session_min_s).then_some(limits.session_min_s)
}

/// What is agreed to.
fn terms_for(limits: &Limits, request: &Message) -> Option<Terms> {
    let item = request.item(Name::SessionExpires);
    let asked = item.and_then(|item| item.number());
    if !supports(request) {
        // Somebody on the way has asked, for whom the refreshing is ours.
        let interval_s = asked.filter(|asked| *asked >= MIN_S)?;
        return Some(Terms { interval_s, ours: true });
    }
    let wished = limits.session_s;
    let longest = match asked {
        Some(asked) if wished > 0 => asked.min(wished),
        Some(asked) => asked,
        None if wished > 0 => wished,
        None => return None,
    };
    let interval_s = longest.max(min_of(request)).max(MIN_S);
    let ours =
        item.and_then(|item| item.param("refresher")).is_some_and(|who| who.eq_ignore_ascii_case(b"uas"));
    Some(Terms { interval_s, ours })
}

fn supports(request: &Message) -> bool {
    request.has_token(Name::Supported, "timer") || request.has_token(Name::Require, "timer")
}

/// The Min-SE of a message, seconds; 0 if it has none.
pub(super) fn min_of(message: &Message) -> u32 {
    message.item(Name::MinSe).and_then(|item| item.number()).unwrap_or(0)
}

/// The shortest interval there is (RFC 4028 §5).
const MIN_S: u32 = 90;
