//! What the two halves of a page tell each other.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Key, ServerIndex, Uid};
use crate::device::Origin;
use crate::leg::Passage;
use crate::registrar::{Caller, Only};
use crate::transaction::Asked;

/// The half that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageEnd {
    /// The user server.
    pub server: ServerIndex,
    /// The page there.
    pub page: Key,
    /// Which of its stages asks: a refusal of an earlier one comes too late.
    pub stage: u8,
}

/// What a half tells the one that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfReply {
    /// The final status.
    pub status: u16,
    /// How many halves it took to come to that.
    pub spent: u16,
    /// Whether somebody is reached, but not over TLS all the way (RFC 5630 §5.3).
    pub no_sips: bool,
}

/// What the sender's half asks of the recipient's.
#[derive(Debug)]
pub struct PageInvitation {
    /// Who waits for the answer; nobody, if it is a copy.
    pub from: Option<PageEnd>,
    /// To whom.
    pub recipient: Uid,
    /// What every half of the page begins with.
    pub opening: PageOpening,
}

/// What every half of a page begins with.
#[derive(Debug)]
pub struct PageOpening {
    /// The page: the same for all its halves.
    pub id: Arc<str>,
    /// Who writes.
    pub sender: Caller,
    /// By what the page is known if it is sent again.
    pub origin: Origin,
    /// The body and what passes with it.
    pub passage: Passage,
    /// How many hops it may still go.
    pub max_forwards: u8,
    /// How many halves of it there may still be besides this one.
    pub halves: u16,
    /// Users whose trees have already been asked.
    pub visited: SmallVec<[Uid; 2]>,
    /// The one client of the recipient's that is meant, if he was asked for by a GRUU.
    pub only: Option<Only>,
    /// Whether it may wait for whom it does not reach: its sender has not had too many kept lately.
    pub may_wait: bool,
}

/// Who asked, and is to be answered.
#[derive(Debug)]
pub enum Upstream {
    /// A phone.
    Phone(Asked),
    /// The sender's half.
    Half(PageEnd),
    /// Nobody: it is a copy.
    Nobody,
}
