//! A compiled profile: what the rest of the server holds and asks.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::evaluate::{Graph, Line};
use super::fault::Faults;
use super::lex::{Kind, lex, unescape};
use super::names::{Names, Owner};
use super::plan::{Action, Place, Side};
use super::question::Question;
use super::trace::{Trace, TraceStep};
use super::week::Zone;
use super::words::{Direction, Outcome};
use crate::base::text::hex;
use crate::base::{Limits, Uid};

/// A named pair of trees, checked and compiled. Share it as `Arc<Profile>`. Two are equal when
/// they say the same, however they are written.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) name: Arc<str>,
    pub(super) source: Arc<str>,
    /// Where the lines of the source end.
    pub(super) line_ends: Box<[u32]>,
    pub(super) zone: Option<Zone>,
    pub(super) incoming: Option<Graph>,
    pub(super) outgoing: Option<Graph>,
}

impl Profile {
    /// Reads, checks and compiles a file; or tells everything that is wrong with it.
    pub fn compile(source: &str) -> Result<Self, Faults> {
        super::compile::compile(source, &Limits::default(), &Owner::default())
    }

    /// The same, within an operator's limits, for a user: a way back to himself is a fault too. With
    /// his `names`, so is a group or a device that he does not have. A tree that is stored is read
    /// without them ([`compile_stored`](Self::compile_stored)), for what it names may be gone since: then the
    /// group is empty, and the device cannot be reached.
    pub fn compile_for(
        source: &str,
        limits: &Limits,
        owner: &Uid,
        names: Option<&Names>,
    ) -> Result<Self, Faults> {
        super::compile::compile(source, limits, &Owner { uid: Some(owner), names })
    }

    /// The same, of a text that was checked when it was stored: what has been proved is not proved again, so
    /// that it is soon there. What no rule takes of a text that was never checked is declined.
    pub fn compile_stored(source: &str, limits: &Limits, owner: &Uid) -> Result<Self, Faults> {
        super::compile::compile_proved(source, limits, &Owner { uid: Some(owner), names: None })
    }

    /// The same, from bytes that may be no text at all.
    pub fn compile_bytes(source: &[u8]) -> Result<Self, Faults> {
        Self::compile(super::fault::text_of(source)?)
    }

    /// The profile's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What tells its text from every other.
    pub fn tag(&self) -> String {
        tag_of(&self.source)
    }

    /// The time zone its times are meant in, if it names one.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_ref().map(Zone::name)
    }

    /// Whether a text of its trees is this name, in any case: of a group, a device, …
    pub fn mentions(&self, name: &str) -> bool {
        let tokens = lex(&self.source).tokens;
        let is_name =
            |kind: &Kind<'_>| matches!(kind, Kind::Text(text) if unescape(text).eq_ignore_ascii_case(name));
        tokens.iter().any(|token| is_name(&token.kind))
    }

    /// The groups that its conditions look at.
    pub fn groups(&self) -> Vec<&str> {
        let graphs = self.incoming.iter().chain(&self.outgoing);
        let mut groups: Vec<&str> = graphs.flat_map(Graph::groups).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whether it has a tree for `direction`.
    pub fn has(&self, direction: Direction) -> bool {
        self.graph(direction).is_some()
    }

    /// Asks the tree of `direction`: the place of the action to take. `None` when the profile has
    /// no such tree (a missing incoming tree is the default profile's, a missing outgoing one is
    /// `send`). Never fails and allocates nothing; the path is left in `trace`.
    pub fn decide(&self, direction: Direction, question: &Question<'_>, trace: &mut Trace) -> Option<Place> {
        let graph = self.graph(direction)?;
        trace.start(direction);
        Some(Place::new(direction, graph.decide(question, self.clock(), trace)))
    }

    /// What to do at a place. A place of another text that does not exist here declines.
    pub fn action(&self, place: Place) -> &Action {
        self.line(place).map_or(&Action::Decline, |line| &line.action)
    }

    /// What is done at a place besides its action.
    pub fn sides(&self, place: Place) -> &[Side] {
        self.line(place).map_or(&[], |line| &line.sides)
    }

    /// Where the outcome of the `try` at a place leads; `None` when it is the caller's answer.
    pub fn follow(&self, place: Place, outcome: Outcome, trace: &mut Trace) -> Option<Place> {
        trace.push(TraceStep::CameBack { outcome });
        let next = *self.line(place)?.follow.get(outcome.index())?;
        trace.push(TraceStep::Reached { line: next? });
        Some(Place::new(place.direction(), next?))
    }

    /// The longest that a call can ring by this tree, every `try` running its full time. A `try`
    /// without `for` counts as long as the server lets a call ring.
    pub fn longest_ring(&self, direction: Direction) -> Duration {
        let lines = self.graph(direction).map_or(&[][..], |graph| &graph.lines);
        lines.iter().map(|line| line.longest).max().unwrap_or_default()
    }

    pub(super) fn graph(&self, direction: Direction) -> Option<&Graph> {
        match direction {
            Direction::Incoming => self.incoming.as_ref(),
            Direction::Outgoing => self.outgoing.as_ref(),
        }
    }

    /// The clock that its times are read from.
    pub(super) fn clock(&self) -> &Zone {
        self.zone.as_ref().unwrap_or(Zone::UTC)
    }

    fn line(&self, place: Place) -> Option<&Line> {
        self.graph(place.direction())?.lines.get(place.line())
    }
}

/// What tells the text of a profile from every other: 128 bits of its SHA-256, in hexadecimal digits.
pub fn tag_of(source: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(source.as_bytes()).into();
    hex(&digest).chars().take(32).collect()
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.zone, &self.incoming, &self.outgoing)
            == (&other.name, &other.zone, &other.incoming, &other.outgoing)
    }
}
