//! Who takes part in a call, as far as its two halves tell each other.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::Uid;
use crate::leg::{LinkEnd, Passage};
use crate::registrar::Caller;
use crate::routing::Mode;
use crate::sip::Sdp;

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
    /// How many hops it may still go (RFC 3261 §8.1.1.6).
    pub max_forwards: u8,
    /// Users whose trees have already been asked: they are not asked again.
    pub visited: SmallVec<[Uid; 2]>,
}

/// What an INVITE is for, told from its offer (voice, when it makes none).
pub fn mode_of(passage: &Passage) -> Mode {
    match Sdp::parse(passage.body()) {
        Some(sdp) if sdp.has("video") => Mode::Video,
        Some(sdp) if sdp.has("message") && !sdp.has("audio") => Mode::Text,
        Some(_) | None => Mode::Voice,
    }
}
