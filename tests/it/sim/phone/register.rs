//! How a phone registers (RFC 3261 §10.2).

use std::time::Duration;

use ratatosk::base::At;

use super::client::Purpose;
use super::{Path, Phone};
use crate::sim::text::{Draft, Packet, param, uri_of};

/// What a phone knows of its binding.
#[derive(Debug, Default)]
pub struct Registration {
    /// Whether it wants to be registered.
    pub wanted: bool,
    /// Whether it believes to be.
    pub held: bool,
    /// When it renews.
    pub refresh: Option<At>,
    call_id: String,
    tag: String,
    pub cseq: u32,
    /// Whether the last REGISTER was to remove.
    removing: bool,
    /// Whether a REGISTER is under way: there is never a second (RFC 3261 §10.2).
    pending: bool,
    /// What is to be asked after it.
    next: Option<Next>,
}

/// A REGISTER that has to wait for the one before.
#[derive(Debug, Clone, Copy)]
enum Next {
    Register(Option<u32>),
    Remove { all: bool },
    Query,
}

impl Registration {
    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<At> {
        self.refresh
    }
}

impl Phone {
    /// Whether it believes to be registered.
    pub fn is_registered(&self) -> bool {
        self.registration.held
    }

    /// Whether it would like to be.
    pub fn wants_registration(&self) -> bool {
        self.registration.wanted
    }

    /// Asks for a binding, under the Call-ID it always uses (RFC 3261 §10.2.4).
    pub(super) fn register(&mut self, at: At, seconds: Option<u32>) {
        if self.has_to_wait(Next::Register(seconds)) {
            return;
        }
        self.asleep = false;
        self.registration.wanted = true;
        self.registration.removing = false;
        self.registration.refresh = None;
        let mut draft = self.registering();
        let instance = self.instance.as_ref().map(|urn| format!(";+sip.instance=\"<{urn}>\""));
        let reg_id = self.reg_id.map(|number| format!(";reg-id={number}")).unwrap_or_default();
        draft.add(
            "Contact",
            format!("<{}>{}{reg_id}{}", self.contact(), instance.unwrap_or_default(), self.features),
        );
        let knows = [("outbound", self.reg_id.is_some()), ("gruu", self.gruus)];
        let knows: Vec<&str> = knows.iter().filter(|(_, knows)| *knows).map(|(tag, _)| *tag).collect();
        if !knows.is_empty() {
            draft.add("Supported", format!("path, {}", knows.join(", ")));
        }
        if let Some(seconds) = seconds.or(self.expires) {
            draft.add("Expires", seconds.to_string());
        }
        self.request(at, Path::Main, draft, Purpose::Register);
    }

    /// Removes its binding, or all of its user's.
    pub(super) fn unregister(&mut self, at: At, all: bool) {
        if self.has_to_wait(Next::Remove { all }) {
            return;
        }
        self.registration.wanted = false;
        self.registration.removing = true;
        self.registration.refresh = None;
        let mut draft = self.registering();
        draft.add("Contact", if all { "*".to_owned() } else { format!("<{}>", self.contact()) });
        draft.add("Expires", "0");
        self.request(at, Path::Main, draft, Purpose::Register);
    }

    /// Renews nothing until it is woken.
    pub fn sleep(&mut self) {
        self.asleep = true;
        self.registration.refresh = None;
    }

    /// Starts nothing more by itself.
    pub fn rest(&mut self) {
        self.registration.wanted = false;
        self.registration.refresh = None;
        self.wakes_after = None;
    }

    /// Asks which bindings there are.
    pub(super) fn query(&mut self, at: At) {
        if self.has_to_wait(Next::Query) {
            return;
        }
        let draft = self.registering();
        self.request(at, Path::Main, draft, Purpose::Query);
    }

    fn has_to_wait(&mut self, next: Next) -> bool {
        let waits = std::mem::replace(&mut self.registration.pending, true);
        if waits {
            self.registration.next = Some(next);
        }
        waits
    }

    /// A REGISTER is over; the next may go.
    pub(super) fn after_register(&mut self, at: At) {
        self.registration.pending = false;
        match self.registration.next.take() {
            Some(Next::Register(seconds)) => self.register(at, seconds),
            Some(Next::Remove { all }) => self.unregister(at, all),
            Some(Next::Query) => self.query(at),
            None => {}
        }
    }

    fn registering(&mut self) -> Draft {
        if self.registration.call_id.is_empty() {
            self.registration.call_id = format!("{}@{}", self.mint(), self.local.ip());
            self.registration.tag = self.mint();
        }
        self.registration.cseq += 1;
        let mut draft = Draft::request("REGISTER", &format!("sip:{}", self.realm));
        draft.add("Max-Forwards", "70");
        draft.add("From", format!("<{}>;tag={}", self.identity(), self.registration.tag));
        draft.add("To", format!("<{}>", self.identity()));
        draft.add("Call-ID", self.registration.call_id.clone());
        draft.add("CSeq", format!("{} REGISTER", self.registration.cseq));
        self.sign(&mut draft);
        draft
    }

    /// A final answer to a REGISTER.
    pub(super) fn on_registered(&mut self, at: At, response: &Packet<'_>) {
        let status = response.status().unwrap_or_default();
        let own = self.contact();
        let granted = response.all("Contact").find(|value| uri_of(value) == own).map(|value| {
            param(value, "expires").and_then(|digits| digits.parse::<u64>().ok()).unwrap_or_default()
        });
        self.registration.held = status == 200 && granted.is_some_and(|seconds| seconds > 0);
        self.registration.cseq = self.registration.cseq.max(response.cseq().0);
        match (status, granted, self.registration.wanted) {
            (200, Some(seconds), true) if !self.registration.removing => {
                self.registration.refresh = Some(at + Duration::from_secs(seconds * 9 / 10));
            }
            // One that has moved meanwhile has another Contact now, and registers that next.
            (200, None, true) if !self.registration.removing && self.registration.next.is_none() => {
                self.complain("200 to REGISTER without our Contact");
            }
            (200, Some(_), _) if self.registration.removing => {
                self.complain("200 to a removal with our Contact");
            }
            (500.., _, true) => self.registration.refresh = Some(at + Duration::from_secs(60)),
            _ => {}
        }
        self.after_register(at);
    }

    /// Nobody answered a REGISTER.
    pub(super) fn on_register_lost(&mut self, at: At) {
        self.registration.held = false;
        if self.registration.wanted {
            self.registration.refresh = Some(at + Duration::from_secs(5));
        }
        self.after_register(at);
    }

    /// Renews when it is time.
    pub(super) fn tick_registration(&mut self, at: At) {
        if self.registration.refresh.is_some_and(|refresh| refresh <= at) {
            self.registration.refresh = None;
            self.register(at, None);
        }
    }
}
