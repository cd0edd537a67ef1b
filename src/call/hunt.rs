//! The hunt: branches that ring for one call, until one answers or all have refused.
//!
//! One winner; what the others said is kept as far as it decides the outcome. The hunt does no
//! ringing itself: it is the book in which the call keeps its branches.
//!
//! Implements: RFC 3261 §16.7 (best response); RFC 3326 §3.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::Key;
use crate::leg::{Passage, Refusal, outcome_of, precedence, rank};
use crate::routing::Outcome;

/// The book of one `try`.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    ringing: SmallVec<[Branch; 2]>,
    /// Waiting for a look-up, or for its time: it will ring, or say why not.
    pub(super) expected: u8,
    refusal: Option<(Outcome, Refusal)>,
    /// Bodies of 18x that the caller has seen, each of which is an early dialog of his.
    early: SmallVec<[Bytes; 1]>,
}

#[derive(Debug)]
struct Branch {
    leg: Key,
    early: u8,
}

impl Hunt {
    pub(super) fn add(&mut self, leg: Key) {
        self.ringing.push(Branch { leg, early: 0 });
    }

    /// Whether this leg is one of the branches.
    pub(super) fn has(&self, leg: Key) -> bool {
        self.ringing.iter().any(|branch| branch.leg == leg)
    }

    /// Whether nothing rings any more and nothing will.
    pub(super) fn is_over(&self) -> bool {
        self.ringing.is_empty() && self.expected == 0
    }

    /// Whether anything rings.
    pub(super) fn is_ringing(&self) -> bool {
        !self.ringing.is_empty()
    }

    /// A branch has refused; true if that ends the whole search (6xx).
    pub(super) fn refuse(&mut self, leg: Key, refusal: Refusal) -> bool {
        self.ringing.retain(|branch| branch.leg != leg);
        self.note(refusal)
    }

    /// Something that never rang has failed; true if that ends the whole search.
    pub(super) fn note(&mut self, refusal: Refusal) -> bool {
        let (outcome, ends) = (outcome_of(refusal.status), refusal.status >= 600);
        let better = |(old, known): &(Outcome, Refusal)| {
            let order = |outcome: Outcome, status: u16| (precedence(outcome), rank(status));
            order(outcome, refusal.status) < order(*old, known.status)
        };
        if self.refusal.as_ref().is_none_or(better) {
            self.refusal = Some((outcome, refusal));
        }
        ends
    }

    /// The early dialog that a branch's provisional response belongs to: media that the caller has
    /// not heard of yet begin a new one.
    pub(super) fn early(&mut self, leg: Key, passage: &Passage) -> u8 {
        let Some(branch) = self.ringing.iter_mut().find(|branch| branch.leg == leg) else { return 0 };
        if passage.has_body() {
            let known = self.early.iter().position(|body| body == passage.body());
            let at = known.unwrap_or_else(|| {
                self.early.push(passage.body().clone());
                self.early.len() - 1
            });
            branch.early = u8::try_from(at).unwrap_or(u8::MAX);
        }
        branch.early
    }

    /// Takes the winner out: the others are left.
    pub(super) fn win(&mut self, leg: Key) -> u8 {
        let early = self.ringing.iter().find(|branch| branch.leg == leg).map_or(0, |branch| branch.early);
        self.ringing.retain(|branch| branch.leg != leg);
        early
    }

    /// Takes all branches out, to be told that they are not wanted any more.
    pub(super) fn clear(&mut self) -> SmallVec<[Key; 2]> {
        self.expected = 0;
        self.ringing.drain(..).map(|branch| branch.leg).collect()
    }

    /// How it went: for the tree, and for the one who asks. `timed_out` if the stage's time is over.
    pub(super) fn verdict(&mut self, timed_out: bool) -> (Outcome, Option<Refusal>) {
        match self.refusal.take() {
            Some((outcome, _)) if timed_out && precedence(outcome) > precedence(Outcome::NoAnswer) => {
                (Outcome::NoAnswer, None)
            }
            Some((outcome, refusal)) => (outcome, Some(refusal)),
            None if timed_out => (Outcome::NoAnswer, None),
            None => (Outcome::Unreachable, None),
        }
    }
}
