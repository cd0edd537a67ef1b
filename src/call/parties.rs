//! Who takes part in a call, as far as its two halves tell each other.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{At, Uid};
use crate::effect::Flow;
use crate::leg::{LinkEnd, Passage};
use crate::registrar::{Binding, Caller, Only, User};
use crate::routing::Mode;
use crate::sip::{Message, Name, Sdp, Uri};

use super::history::History;
use super::ladder::Party;

/// What the caller's half asks of the callee's.
#[derive(Debug)]
pub struct Invitation {
    /// The asking end of the link.
    pub from: LinkEnd,
    /// Who is asked for.
    pub callee: Uid,
    /// For what.
    pub mode: Mode,
    /// What every half of the call begins with.
    pub opening: Opening,
    /// Where the half stood that another user server has given up: this one goes on from there.
    pub standing: Option<String>,
}

/// What every half of a call begins with.
#[derive(Debug)]
pub struct Opening {
    /// The call: the same for all its halves.
    pub id: Arc<str>,
    /// Who calls.
    pub caller: Caller,
    /// The INVITE's body and what passes with it.
    pub passage: Passage,
    /// Whether the caller's phone confirms provisional responses (RFC 3262).
    pub reliable: bool,
    /// How many hops it may still go (RFC 3261 §8.1.1.6).
    pub max_forwards: u8,
    /// How many branches may ring for it at once (RFC 5393 §5).
    pub breadth: u16,
    /// How many halves may still be asked one after the other.
    pub searches: u16,
    /// The users whose trees have been asked on the way here.
    pub history: History,
    /// The phone that calls, if it is one of ours.
    pub origin: Option<Origin>,
    /// Who has sent the caller there (RFC 3892), if one has and may be known.
    pub referred: Option<Uid>,
    /// The one client of the callee's that is meant, if he was asked for by a GRUU.
    pub only: Option<Only>,
}

/// The phone that calls: it is not rung by its own call.
#[derive(Debug, Clone)]
pub struct Origin {
    flow: Flow,
    contact: Bytes,
}

impl Origin {
    /// The phone that sent an INVITE.
    pub fn of(flow: Flow, invite: &Message) -> Self {
        let contact = invite.contact_uri().map(Bytes::copy_from_slice).unwrap_or_default();
        Self { flow, contact }
    }

    /// Who it is for the ladder: a client of this user's, by whichever flow it calls.
    pub(super) fn party(&self, owner: &User, now: At) -> Party {
        let own = owner.bindings.reachable(now).find(|binding| self.is(binding));
        own.map_or(Party::Asker, |binding| Party::client(owner, binding))
    }

    /// Whether a binding is of this phone: it calls from where it is called, or names the same
    /// Contact from the same host. What comes by a proxy (Path) shares its flow with others.
    pub fn is(&self, binding: &Binding) -> bool {
        let (there, here) = (binding.flow, self.flow);
        let same_flow = match (there.stream, here.stream) {
            (None, None) => there.remote == here.remote,
            (there, here) => there == here,
        };
        let same_contact = || {
            let own = Uri::parse(&self.contact).ok();
            let its = Uri::parse(binding.stored.contact.as_bytes()).ok();
            own.zip(its).is_some_and(|(own, its)| own.same_as(&its))
        };
        (binding.stored.path.is_empty() && same_flow)
            || (there.remote.ip() == here.remote.ip() && same_contact())
    }
}

/// The branches that a request allows to ring at once: what its Max-Breadth says, at most `limit`;
/// without one that is understood, the limit (RFC 5393 §5.3.1).
pub fn breadth_of(invite: &Message, limit: u16) -> u16 {
    let asked = invite.header(Name::MaxBreadth).and_then(|value| std::str::from_utf8(value).ok());
    let digits = asked.map(str::trim).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits {
        // More than a number can hold is more than the limit.
        Some(digits) if !digits.is_empty() => digits.parse().unwrap_or(limit).min(limit),
        Some(_) | None => limit,
    }
}

/// What an INVITE is for, told from its offer (voice, when it makes none).
pub fn mode_of(passage: &Passage) -> Mode {
    match passage.session().as_deref().and_then(Sdp::parse) {
        Some(sdp) if sdp.has("video") => Mode::Video,
        Some(sdp) if sdp.has("message") && !sdp.has("audio") => Mode::Text,
        Some(_) | None => Mode::Voice,
    }
}
