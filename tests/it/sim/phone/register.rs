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
    cseq: u32,
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

    /// Asks for a binding, under the Call-ID it always uses (RFC 3261 §10.2.4).
    pub(super) fn register(&mut self, at: At, seconds: Option<u32>) {
        self.registration.wanted = true;
        self.registration.refresh = None;
        let mut draft = self.registering();
        draft.add("Contact", format!("<{}>", self.contact()));
        if let Some(seconds) = seconds.or(self.expires) {
            draft.add("Expires", seconds.to_string());
        }
        self.request(at, Path::Main, draft, Purpose::Register);
    }

    /// Removes its binding, or all of its user's.
    pub(super) fn unregister(&mut self, at: At, all: bool) {
        self.registration.wanted = false;
        self.registration.refresh = None;
        let mut draft = self.registering();
        draft.add("Contact", if all { "*".to_owned() } else { format!("<{}>", self.contact()) });
        draft.add("Expires", "0");
        self.request(at, Path::Main, draft, Purpose::Register);
    }

    /// Asks which bindings there are.
    pub(super) fn query(&mut self, at: At) {
        let draft = self.registering();
        self.request(at, Path::Main, draft, Purpose::Other);
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
            (200, Some(seconds), true) => {
                self.registration.refresh = Some(at + Duration::from_secs(seconds * 9 / 10));
            }
            (200, None, true) => self.complain("200 to REGISTER without our Contact"),
            (200, Some(_), false) => self.complain("200 to a removal with our Contact"),
            (500.., _, true) => self.registration.refresh = Some(at + Duration::from_secs(60)),
            _ => {}
        }
    }

    /// Nobody answered a REGISTER.
    pub(super) fn on_register_lost(&mut self, at: At) {
        self.registration.held = false;
        if self.registration.wanted {
            self.registration.refresh = Some(at + Duration::from_secs(5));
        }
    }

    /// Renews when it is time.
    pub(super) fn tick_registration(&mut self, at: At) {
        if self.registration.refresh.is_some_and(|refresh| refresh <= at) {
            self.registration.refresh = None;
            self.register(at, None);
        }
    }
}
