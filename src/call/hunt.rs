//! The hunt: branches that ring for one call, until one answers or all have refused.
//!
//! One winner; what the others said is kept as far as it decides the outcome. The hunt does no
//! ringing itself: it is the book in which the call keeps its branches and what each of them rings.
//!
//! Implements: RFC 3261 §16.5 (nobody twice), §16.7 (best response); RFC 5393 §5.3 (breadth).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::{At, Key, Uid};
use crate::leg::{Passage, Refusal, outcome_of, precedence, rank};
use crate::registrar::Flowing;
use crate::routing::Outcome;

/// Early dialogs of one call towards its caller: as many as may ring at once.
const EARLY: usize = 60;

/// The book of one half's search.
#[derive(Debug, Default)]
pub(super) struct Hunt {
    /// Those that ring, and those of this `try` that have refused: they are not rung again by it.
    branches: SmallVec<[Branch; 2]>,
    /// Look-ups that have not come back: each will ring somebody, or say why not.
    pub(super) asked: u8,
    /// Clients of this `try` whose phones are being woken: each rings when it has registered.
    waking: SmallVec<[Rings; 1]>,
    verdict: Option<Verdict>,
    /// Bodies that the caller has seen, each of which is an early dialog of his, and whose dialogs they are.
    early: SmallVec<[Described; 1]>,
}

/// An early dialog of the caller's.
#[derive(Debug)]
struct Described {
    body: Bytes,
    /// The leg that described it so, and the number of its own dialog.
    of: (Key, u8),
}

/// The outcome of a `try`, and the refusal behind it if somebody has said one.
pub(super) type Verdict = (Outcome, Option<Refusal>);

/// What a branch rings: a later `try` that names it again lets it ring on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rings {
    /// A client of the owner's.
    Client(Flowing),
    /// Another user, by his own routing.
    User(Uid),
}

/// A leg, and how the ladder calls who is at its other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) leg: Key,
    pub(super) party: u8,
}

/// A branch that is about to ring.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) side: Side,
    pub(super) rings: Rings,
    /// How many branches it may become (RFC 5393 §5).
    pub(super) share: u16,
    pub(super) began: At,
    /// The early dialog that it belongs to.
    early: u8,
    ended: bool,
}

impl Rings {
    fn flowing(&self) -> Option<&Flowing> {
        match self {
            Self::Client(flowing) => Some(flowing),
            Self::User(_) => None,
        }
    }
}

impl Branch {
    pub(super) fn new(side: Side, rings: Rings, share: u16, began: At) -> Self {
        Self { side, rings, share, began, early: 0, ended: false }
    }
}

impl Hunt {
    pub(super) fn add(&mut self, branch: Branch) {
        self.branches.push(branch);
    }

    /// Something has refused before anybody here rang it.
    pub(super) fn has_refused(&mut self, rings: Rings) {
        let nobody = Side { leg: Key { index: u32::MAX, tenant: 0 }, party: 0 };
        self.branches.push(Branch { ended: true, ..Branch::new(nobody, rings, 0, At::START) });
    }

    /// What has refused in this `try`.
    pub(super) fn ended(&self) -> impl Iterator<Item = &Rings> {
        self.branches.iter().filter(|branch| branch.ended).map(|branch| &branch.rings)
    }

    /// What the `try` has come to so far.
    pub(super) fn so_far(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Whether a client has had its turn before in this `try`, by whichever flow.
    pub(super) fn has_ended(&self, client: &str) -> bool {
        self.ended().filter_map(Rings::flowing).any(|own| *own.client == *client)
    }

    fn ringing(&self) -> impl Iterator<Item = &Branch> {
        self.branches.iter().filter(|branch| !branch.ended)
    }

    fn branch(&mut self, leg: Key) -> Option<&mut Branch> {
        self.branches.iter_mut().find(|branch| branch.side.leg == leg && !branch.ended)
    }

    /// The branch with this leg, if it rings.
    pub(super) fn side(&self, leg: Key) -> Option<Side> {
        self.ringing().map(|branch| branch.side).find(|side| side.leg == leg)
    }

    /// Whether this rings, or has refused in this `try`.
    pub(super) fn knows(&self, rings: &Rings) -> bool {
        self.branches.iter().any(|branch| branch.rings == *rings)
    }

    /// [`Hunt::knows`] for a client, by whichever flow.
    pub(super) fn knows_client(&self, client: &str) -> bool {
        self.flowing().any(|own| *own.client == *client)
    }

    /// [`Hunt::knows`] for one flow of a client, by the key of its binding.
    pub(super) fn knows_flow(&self, binding: &str) -> bool {
        self.flowing().any(|own| *own.binding == *binding)
    }

    /// Whether one flow of a client rings, or has had its turn in this `try`.
    pub(super) fn has_tried(&self, binding: &str) -> bool {
        self.branches.iter().filter_map(|branch| branch.rings.flowing()).any(|own| *own.binding == *binding)
    }

    fn flowing(&self) -> impl Iterator<Item = &Flowing> {
        let waking = self.waking.iter().filter_map(Rings::flowing);
        self.branches.iter().filter_map(|branch| branch.rings.flowing()).chain(waking)
    }

    /// The phone of a client is being woken: it has its turn when it is awake.
    pub(super) fn await_waking(&mut self, client: Flowing) {
        self.waking.push(Rings::Client(client));
    }

    /// The phone of a client is awake; true if it was waited for.
    pub(super) fn has_woken(&mut self, client: &str) -> bool {
        let before = self.waking.len();
        self.waking.retain(|rings| rings.flowing().is_none_or(|own| *own.client != *client));
        self.waking.len() < before
    }

    /// Phones do not wake up, the one of this client or all: they have had their turn. True if any was
    /// waited for.
    pub(super) fn sleeps_on(&mut self, client: Option<&str>) -> bool {
        let is_meant = |rings: &Rings| {
            client.is_none() || rings.flowing().is_some_and(|own| Some(&*own.client) == client)
        };
        let (given_up, others): (SmallVec<[Rings; 1]>, _) = self.waking.drain(..).partition(is_meant);
        self.waking = others;
        let any = !given_up.is_empty();
        for rings in given_up {
            self.has_refused(rings);
        }
        any
    }

    /// Whether phones are being woken.
    pub(super) fn is_waking(&self) -> bool {
        !self.waking.is_empty()
    }

    /// The client that a leg rings, by which flow, and since when.
    pub(super) fn client_of(&self, leg: Key) -> Option<(&Flowing, At)> {
        let branch = self.ringing().find(|branch| branch.side.leg == leg)?;
        Some((branch.rings.flowing()?, branch.began))
    }

    /// Whether anything rings, or will when it is awake, that `names` holds of.
    pub(super) fn is_ringing(&self, names: impl Fn(&Rings) -> bool) -> bool {
        self.ringing().map(|branch| &branch.rings).chain(&self.waking).any(names)
    }

    /// Legs of the branches that ring, and since when.
    pub(super) fn legs(&self) -> impl Iterator<Item = (Key, At)> {
        self.ringing().map(|branch| (branch.side.leg, branch.began))
    }

    /// Whether nothing rings any more, nobody is being woken and no look-up is open.
    pub(super) fn is_quiet(&self) -> bool {
        self.asked == 0 && self.waking.is_empty() && self.ringing().next().is_none()
    }

    /// Whether somebody has refused in this `try`.
    pub(super) fn has_verdict(&self) -> bool {
        self.verdict.is_some()
    }

    /// The share of one more branch out of `breadth`, when `claims` of them are still to come.
    pub(super) fn share(&self, breadth: u16, claims: u16) -> Option<u16> {
        let given: u16 = self.ringing().map(|branch| branch.share).fold(0, u16::saturating_add);
        let left = breadth.saturating_sub(given);
        (left > 0).then(|| (left / claims.max(1)).max(1))
    }

    /// A branch has refused; true if that ends the whole search (6xx).
    pub(super) fn refuse(&mut self, leg: Key, refusal: Refusal) -> bool {
        self.end(leg);
        self.note(refusal)
    }

    /// A branch has ended, and others take its place.
    pub(super) fn end(&mut self, leg: Key) {
        if let Some(branch) = self.branch(leg) {
            branch.ended = true;
        }
    }

    /// Something that never rang has failed; true if that ends the whole search.
    pub(super) fn note(&mut self, refusal: Refusal) -> bool {
        let outcome = outcome_of(refusal.status);
        let ends = refusal.status >= 600;
        // A 6xx is final whatever else was said (RFC 3261 §16.7 step 6).
        let order = |outcome: Outcome, status: u16| (status < 600, precedence(outcome), rank(status));
        let better = match &self.verdict {
            Some((old, Some(known))) => order(outcome, refusal.status) < order(*old, known.status),
            Some((old, None)) => precedence(outcome) < precedence(*old),
            None => true,
        };
        if better {
            self.verdict = Some((outcome, Some(refusal)));
        }
        ends
    }

    /// What an earlier `try` came to stands for this one.
    pub(super) fn begin_with(&mut self, earlier: Option<Verdict>) {
        self.verdict = earlier;
    }

    /// The early dialog that a response of a branch belongs to: media that the caller has not heard
    /// of yet begin a new one, since inside one dialog he would go on with the first.
    pub(super) fn early(&mut self, of: (Key, u8), passage: &Passage) -> u8 {
        let known = self.early.iter().position(|own| own.body == passage.body());
        let new = self.early.len();
        let at = match known {
            Some(at) => {
                if let Some(own) = self.early.get_mut(at) {
                    own.of = of;
                }
                Some(at)
            }
            None if passage.has_body() && new < EARLY => {
                self.early.push(Described { body: passage.body().clone(), of });
                Some(new)
            }
            None => self.early.iter().rposition(|own| own.of == of),
        };
        let Some(branch) = self.branch(of.0) else { return 0 };
        if let Some(at) = at {
            branch.early = u8::try_from(at).unwrap_or(u8::MAX);
        }
        branch.early
    }

    /// The branch that an early dialog of the caller's is with, and the number that it has there.
    pub(super) fn dialog_of(&self, early: u8) -> Option<(Side, u8)> {
        let (leg, number) = self.early.get(usize::from(early))?.of;
        Some((self.side(leg)?, number))
    }

    /// The early dialog of the caller's that one of a branch's is.
    pub(super) fn early_of(&self, of: (Key, u8)) -> Option<u8> {
        let at = self.early.iter().position(|own| own.of == of)?;
        u8::try_from(at).ok()
    }

    /// The early dialogs of the caller's that are with this branch.
    pub(super) fn dialogs_of(&self, leg: Key) -> impl Iterator<Item = u8> {
        let own = (0..).zip(&self.early).filter(move |(_, own)| own.of.0 == leg);
        own.map(|(number, _)| number)
    }

    /// Takes the winner out: the others are left.
    pub(super) fn win(&mut self, of: (Key, u8), passage: &Passage) -> u8 {
        let early = self.early(of, passage);
        self.end(of.0);
        early
    }

    /// Takes out the branches that ring, but for those that are to ring on; they are to be told.
    /// Those that have refused are forgotten.
    pub(super) fn clear(&mut self, rings_on: impl Fn(&Rings) -> bool) -> SmallVec<[Side; 2]> {
        self.asked = 0;
        self.waking.retain(|rings| rings_on(rings));
        let mut out = SmallVec::new();
        self.branches.retain(|branch| {
            let stays = !branch.ended && rings_on(&branch.rings);
            if !stays && !branch.ended {
                out.push(branch.side);
            }
            stays
        });
        out
    }

    /// How it went: for the tree, and for the one who asks. `timed_out` if the time of the `try` is
    /// over.
    pub(super) fn verdict(&mut self, timed_out: bool) -> Verdict {
        match self.verdict.take() {
            Some((outcome, _)) if timed_out && precedence(outcome) > precedence(Outcome::NoAnswer) => {
                (Outcome::NoAnswer, None)
            }
            Some(verdict) => verdict,
            None if timed_out => (Outcome::NoAnswer, None),
            None => (Outcome::Unreachable, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunt(statuses: &[u16]) -> Hunt {
        let mut hunt = Hunt::default();
        for status in statuses {
            hunt.note(Refusal::status(*status));
        }
        hunt
    }

    #[test]
    fn the_best_refusal_of_several() {
        let best = |statuses: &[u16]| {
            let (outcome, refusal) = hunt(statuses).verdict(false);
            (outcome, refusal.map(|refusal| refusal.status))
        };
        assert_eq!(best(&[]), (Outcome::Unreachable, None));
        assert_eq!(best(&[480, 486, 404]), (Outcome::Busy, Some(486)));
        assert_eq!(best(&[500, 403]), (Outcome::Failed, Some(403)));
        assert_eq!(best(&[408, 480]), (Outcome::Unreachable, Some(480)));
        // 604 says of the user what no phone of his can take back.
        assert_eq!(best(&[486, 604]), (Outcome::Unreachable, Some(604)));
        assert_eq!(best(&[603, 486]), (Outcome::Declined, Some(603)));
    }

    #[test]
    fn time_is_an_outcome_unless_somebody_has_said_more() {
        assert_eq!(hunt(&[]).verdict(true).0, Outcome::NoAnswer);
        assert_eq!(hunt(&[404]).verdict(true).0, Outcome::NoAnswer);
        assert_eq!(hunt(&[486]).verdict(true).0, Outcome::Busy);
    }

    #[test]
    fn breadth_is_shared_and_given_back() {
        let key = |index| Key { index, tenant: 1 };
        let mut hunt = Hunt::default();
        for (index, claims) in [(0, 3), (1, 2), (2, 1)] {
            let share = hunt.share(7, claims).unwrap();
            let side = Side { leg: key(index), party: 0 };
            let rings = Rings::User(Uid::new(&index.to_string(), "north.test").unwrap());
            hunt.add(Branch::new(side, rings, share, At::START));
        }
        let shares: Vec<u16> = hunt.branches.iter().map(|branch| branch.share).collect();
        assert_eq!(shares, [2, 2, 3]);
        assert_eq!(hunt.share(7, 1), None);
        hunt.refuse(key(2), Refusal::status(486));
        assert_eq!(hunt.share(7, 1), Some(3));
        assert_eq!(Hunt::default().share(2, 9), Some(1), "those who come first get one each");
        assert_eq!(Hunt::default().share(0, 1), None);
    }
}
