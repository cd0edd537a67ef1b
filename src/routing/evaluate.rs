//! The evaluator: a compiled tree as a graph of tests, walked without allocating.
//!
//! `and`, `or`, `not` and blocks are compiled away into jumps: a test knows where to go when it
//! holds and when it does not. Tests are stored last rule first, so every jump leads to a smaller
//! number: a walk ends, and takes at most as many steps as there are tests.

use std::sync::Arc;
use std::time::Duration;

use super::content::{Content, How, Language, Piece};
use super::fault::Span;
use super::names::INVISIBLE;
use super::pattern::Pattern;
use super::plan::{Action, Side};
use super::question::{Party, Question};
use super::roster::Roster;
use super::trace::{Trace, TraceStep};
use super::values::{Amount, Bound, Named};
use super::week::{Moment, Time, Zone};
use super::words::{ModeSet, Outcome, Registered, Status};

/// One compiled tree.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Graph {
    pub(super) tests: Box<[Test]>,
    pub(super) rosters: Box<[Roster]>,
    /// Line 0 is where a walk ends that no rule took; a checked tree never goes there.
    pub(super) lines: Box<[Line]>,
    pub(super) entry: Next,
}

/// Where a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Test(u16),
    Line(u16),
}

/// One test of one fact.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Test {
    pub(super) fact: Fact,
    pub(super) yes: Next,
    pub(super) no: Next,
    /// The roster that it is in, if it is in one.
    pub(super) roster: Option<u16>,
    pub(super) span: Span,
}

/// What a test looks at, and what it wants to see.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Fact {
    Mode(ModeSet),
    Caller(Box<[Other]>),
    To(Box<[Other]>),
    Registered,
    RegisteredForMode,
    Urgent,
    Time(Box<[Time]>),
    Status(Box<[Status]>),
    /// Without any value: it is there at all.
    Named(Named, Box<[Box<str>]>),
    Amount(Amount, Box<[Bound]>),
    /// In lower case.
    Says(Piece, How, Box<[Box<str>]>),
    Language(Box<[Language]>),
}

impl Fact {
    /// The party that it looks at, if it looks at one.
    fn party<'a>(&self, question: &Question<'a>) -> Option<Party<'a>> {
        match self {
            Self::Caller(_) => Some(question.caller),
            Self::To(_) => Some(question.to),
            Self::Mode(_) | Self::Registered | Self::RegisteredForMode | Self::Urgent => None,
            Self::Time(_) | Self::Status(_) | Self::Named(..) | Self::Amount(..) => None,
            Self::Says(..) | Self::Language(_) => None,
        }
    }

    /// Whether the record of a request holds what it looks at: all but the text of a page.
    pub(super) const fn is_recorded(&self) -> bool {
        match self {
            Self::Mode(_) | Self::Caller(_) | Self::To(_) | Self::Registered => true,
            Self::RegisteredForMode | Self::Urgent | Self::Time(_) => true,
            Self::Status(_) | Self::Named(..) | Self::Amount(..) | Self::Language(_) => true,
            Self::Says(piece, _, _) => !matches!(piece, Piece::Body),
        }
    }
}

/// Who the other side must be.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Other {
    Like(Pattern),
    In(Arc<str>),
    Outside(Arc<str>),
    Contact,
    Verified,
}

/// A line of actions, and where each outcome leads.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) action: Action,
    /// What never changes the outcome.
    pub(super) sides: Box<[Side]>,
    pub(super) follow: [Option<u16>; Outcome::ALL.len()],
    /// The condition or outcomes that lead here.
    pub(super) when: Span,
    /// The action itself, without its results.
    pub(super) what: Span,
    /// The longest time from here to the end.
    pub(super) longest: Duration,
}

impl Graph {
    /// Finds the line for a question, by the clock of a zone.
    pub(super) fn decide(&self, question: &Question<'_>, zone: &Zone, trace: &mut Trace) -> u16 {
        let mut asked = Asked { question, zone, moment: None };
        let mut next = self.entry;
        loop {
            let at = match next {
                Next::Line(line) => {
                    trace.push(TraceStep::Reached { line });
                    return line;
                }
                Next::Test(at) => at,
            };
            let Some(test) = self.tests.get(usize::from(at)) else { return 0 };
            if let Some((last, held)) = self.in_roster(test, at, question) {
                trace.push_tested(at, last, held);
                let last = self.tests.get(usize::from(last)).unwrap_or(test);
                next = if held { last.yes } else { last.no };
                continue;
            }
            if !test.fact.is_recorded() {
                trace.look_at_unrecorded();
            }
            let held = asked.holds(&test.fact);
            trace.push(TraceStep::Tested { test: at, held });
            next = if held { test.yes } else { test.no };
        }
    }

    /// If a test is in a roster: the test at which a walk leaves that, and whether it holds.
    fn in_roster(&self, test: &Test, at: u16, question: &Question<'_>) -> Option<(u16, bool)> {
        let roster = self.rosters.get(usize::from(test.roster?))?;
        Some(roster.look(&self.tests, at, test.fact.party(question)?))
    }

    /// The line whose action stands there; that of no rule if there is none.
    pub(super) fn line_at(&self, action: Span) -> usize {
        self.lines.iter().rposition(|line| line.what.start == action.start).unwrap_or(0)
    }

    /// Whether what it decides depends on the time.
    pub(super) fn looks_at_time(&self) -> bool {
        self.tests.iter().any(|test| matches!(test.fact, Fact::Time(_)))
    }

    /// The groups that its tests look at.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        let others = self.tests.iter().flat_map(|test| match &test.fact {
            Fact::Caller(list) | Fact::To(list) => &list[..],
            Fact::Mode(_) | Fact::Registered | Fact::RegisteredForMode | Fact::Urgent | Fact::Time(_) => &[],
            Fact::Status(_) | Fact::Named(..) | Fact::Amount(..) | Fact::Says(..) | Fact::Language(_) => &[],
        });
        others.filter_map(|other| match other {
            Other::In(group) | Other::Outside(group) => Some(&**group),
            Other::Like(_) | Other::Contact | Other::Verified => None,
        })
    }
}

/// A question and the clock it is answered by, which is looked at once at most.
struct Asked<'a> {
    question: &'a Question<'a>,
    zone: &'a Zone,
    moment: Option<Moment>,
}

impl Asked<'_> {
    fn holds(&mut self, fact: &Fact) -> bool {
        let question = self.question;
        match fact {
            Fact::Mode(modes) => modes.has(question.mode),
            Fact::Caller(list) => list.iter().any(|other| other.is(question.caller, question)),
            Fact::To(list) => list.iter().any(|other| other.is(question.to, question)),
            Fact::Registered => question.registered > Registered::None,
            Fact::RegisteredForMode => question.registered == Registered::ThisMode,
            Fact::Urgent => question.urgent,
            Fact::Time(windows) => {
                let moment = *self.moment.get_or_insert_with(|| self.zone.moment(question.wall_ms));
                windows.iter().any(|window| window.holds(moment))
            }
            Fact::Status(list) => list.contains(&question.status),
            Fact::Named(of, values) => match question.named(of) {
                Some(text) => values.is_empty() || values.iter().any(|value| **value == *text),
                None => false,
            },
            Fact::Amount(amount, bounds) => {
                let number = question.amount(*amount);
                bounds.iter().any(|bound| bound.holds(number))
            }
            Fact::Says(piece, how, list) => {
                let says = |content: &Content| list.iter().any(|words| content.says(*piece, *how, words));
                question.content.is_some_and(says)
            }
            Fact::Language(list) => {
                let is_in = |content: &Content| list.iter().any(|language| content.is_in(language));
                question.content.is_some_and(is_in)
            }
        }
    }
}

impl Other {
    /// Whether this is the party. The facts are taken as the checker takes them, whatever was asked:
    /// whoever is in a group is a contact, unless he is in "Invisible"; and somebody who does not say
    /// who he is is nowhere but there.
    fn is(&self, party: Party<'_>, question: &Question<'_>) -> bool {
        let is_invisible = || question.groups.iter().any(|group| **group == *INVISIBLE);
        let is_said = party != Party::Anonymous;
        let is_in = |group: &Arc<str>| question.groups.contains(group) && (is_said || is_invisible());
        match self {
            Self::Like(pattern) => pattern.matches(party),
            Self::In(group) => is_in(group),
            Self::Outside(group) => !is_in(group),
            Self::Verified => is_said && question.verified,
            Self::Contact => is_said && (question.contact || !question.groups.is_empty()) && !is_invisible(),
        }
    }
}
