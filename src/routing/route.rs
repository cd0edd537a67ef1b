//! The way of one request through a tree: the question that was asked, and where it stands now.

use std::fmt;
use std::sync::Arc;

use super::content::Content;
use super::plan::{Action, Place, Side};
use super::profile::Profile;
use super::question::{Party, Question};
use super::trace::Trace;
use super::values::Account;
use super::words::{Direction, Mode, Outcome, Registered, Status};
use crate::base::Uid;

/// Who asks, or who is asked for, kept for as long as the request lasts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// Somebody who does not say who he is.
    Anonymous,
    /// A user of this or another cluster.
    User(Uid),
    /// A telephone number.
    Number(Arc<str>),
}

/// The facts that conditions look at besides the mode and the parties, taken once when a request
/// comes, so that it can be asked again later and elsewhere with the same answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Whether a client of the tree's owner is registered.
    pub registered: Registered,
    /// The groups of the tree's owner that the other side is in, groups in groups followed.
    pub groups: Arc<[Arc<str>]>,
    /// Whether the other side is one of the owner's contacts at all.
    pub contact: bool,
    /// Whether it is urgent: Priority `urgent` or `emergency` (RFC 3261 §20.26).
    pub urgent: bool,
    /// When it came, milliseconds since 1970.
    pub wall_ms: i64,
    /// How the tree's owner can be reached.
    pub status: Status,
    /// Whether we, or the cluster of the other side, can answer for who he is.
    pub verified: bool,
    /// What the store keeps of the tree's owner; nothing is a standard account.
    pub account: Option<Arc<Account>>,
    /// The name of the owner's device that sends what goes out, if it has one.
    pub device: Option<Arc<str>>,
    /// What the message says.
    pub content: Option<Arc<Content>>,
}

/// One request on its way through a tree.
#[derive(Clone, Debug)]
pub struct Route {
    profile: Arc<Profile>,
    place: Option<Place>,
    trace: Trace,
    mode: Mode,
    caller: Who,
    to: Who,
    facts: Facts,
}

impl Who {
    /// As a question names him.
    pub fn party(&self) -> Party<'_> {
        match self {
            Self::Anonymous => Party::Anonymous,
            Self::User(uid) => Party::User(uid),
            Self::Number(number) => Party::Number(number),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.party().fmt(f)
    }
}

impl Facts {
    /// The question of somebody to somebody, with these facts.
    pub(super) fn question<'a>(&'a self, mode: Mode, (caller, to): (&'a Who, &'a Who)) -> Question<'a> {
        Question {
            mode,
            caller: caller.party(),
            to: to.party(),
            registered: self.registered,
            groups: &self.groups,
            contact: self.contact,
            urgent: self.urgent,
            wall_ms: self.wall_ms,
            status: self.status,
            verified: self.verified,
            account: self.account.as_deref(),
            device: self.device.as_deref(),
            content: self.content.as_deref(),
        }
    }
}

impl Route {
    /// Asks a profile; where it has no incoming tree, `fallback` is asked instead.
    pub fn begin(
        (profile, fallback): (&Arc<Profile>, &Arc<Profile>),
        direction: Direction,
        mode: Mode,
        (caller, to): (Who, Who),
        facts: Facts,
    ) -> Self {
        let own = profile.has(direction) || direction == Direction::Outgoing;
        let profile = Arc::clone(if own { profile } else { fallback });
        let mut route = Self { profile, place: None, trace: Trace::new(), mode, caller, to, facts };
        let mut trace = Trace::new();
        route.place = route.profile.decide(direction, &route.question(), &mut trace);
        route.trace = trace;
        route
    }

    /// One that has come so far already.
    pub(super) fn restored(
        profile: Arc<Profile>,
        (place, trace): (Option<Place>, Trace),
        mode: Mode,
        (caller, to): (Who, Who),
        facts: Facts,
    ) -> Self {
        Self { profile, place, trace, mode, caller, to, facts }
    }

    /// The place that it stands at; `None` without a tree.
    pub(super) fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is to be done now. Without a tree: `send`.
    pub fn action(&self) -> &Action {
        self.place.map_or(&Action::Send, |place| self.profile.action(place))
    }

    /// What is done now besides, whatever becomes of the action.
    pub fn sides(&self) -> &[Side] {
        self.place.map_or(&[], |place| self.profile.sides(place))
    }

    /// A `try` came back: true if the tree goes on from there, false if its outcome is the answer.
    pub fn follow(&mut self, outcome: Outcome) -> bool {
        let next = self.place.and_then(|place| self.profile.follow(place, outcome, &mut self.trace));
        self.place = next.or(self.place);
        next.is_some()
    }

    /// Who asks.
    pub fn caller(&self) -> &Who {
        &self.caller
    }

    /// Who is asked for.
    pub fn to(&self) -> &Who {
        &self.to
    }

    /// What for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which tree was asked; the one that there may be none of is the outgoing.
    pub fn direction(&self) -> Direction {
        self.place.map_or(Direction::Outgoing, Place::direction)
    }

    /// The profile that decides.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The steps so far.
    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The facts that it was asked with.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The deciding rule in one line; a long one is cut.
    pub fn rule(&self) -> String {
        match self.place {
            Some(_) => cut(&self.profile.rule_line(&self.trace), RULE_MAX),
            None => format!("{}: no outgoing tree -> send", self.profile.name()),
        }
    }

    /// The whole path, one step a line. It is kept for each half of a call, so of a long one long lines are cut, and then
    /// its first steps are left out.
    pub fn path(&self) -> String {
        match self.place {
            Some(_) => bearable(self.profile.explain(&self.trace, &self.question())),
            None => self.rule(),
        }
    }

    fn question(&self) -> Question<'_> {
        self.facts.question(self.mode, (&self.caller, &self.to))
    }
}

/// Letters of a rule that are kept.
const RULE_MAX: usize = 500;
/// Bytes of a path above which it is cut, and what is kept of its lines then.
const PATH_MAX: usize = 8_192;
const PATH_LINE_MAX: usize = 200;

/// A text that is kept, with a mark where it is cut.
fn cut(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A path as it is kept.
fn bearable(path: String) -> String {
    if path.len() <= PATH_MAX {
        return path;
    }
    let lines: Vec<String> = path.lines().map(|line| cut(line, PATH_LINE_MAX)).collect();
    let Some((head, steps)) = lines.split_first() else { return path };
    let mut room = PATH_MAX;
    let fits = |line: &&String| {
        room = room.saturating_sub(line.len() + 1);
        room > 0
    };
    let kept = steps.iter().rev().take_while(fits).count();
    let mut text = format!("{head}\n");
    if kept < steps.len() {
        text.push_str("        the steps before are too long to be kept\n");
    }
    for line in steps.iter().skip(steps.len() - kept) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod kept {
    use super::*;

    #[test]
    fn a_path_is_kept_within_bounds_and_its_end_is_always_there() {
        assert_eq!(bearable("a\nb\n".to_owned()), "a\nb\n");
        let long = format!("head\n{}last\n", format!("{}\n", "é".repeat(3_000)).repeat(64));
        let kept = bearable(long);
        assert!(kept.len() < PATH_MAX + 1_000, "{}", kept.len());
        assert!(kept.starts_with("head\n        the steps before") && kept.ends_with("é…\nlast\n"), "{kept}");
    }
}
