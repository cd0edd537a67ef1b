//! The evaluator: a compiled tree as a graph of tests, walked without allocating.
//!
//! `and`, `or`, `not` and blocks are compiled away into jumps: a test knows where to go when it
//! holds and when it does not. Tests are stored last rule first, so every jump leads to a smaller
//! number: a walk ends, and takes at most as many steps as there are tests.

use std::sync::Arc;
use std::time::Duration;

use super::content::Piece;
use super::fault::Span;
use super::names::INVISIBLE;
use super::pattern::Pattern;
use super::plan::{Action, Side};
use super::question::{Party, Question};
use super::roster::Roster;
use super::sought::{Found, List};
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
    /// What its tests look for in messages.
    pub(super) sought: List,
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
    /// Any of those texts that have these bits.
    Says(Piece, u64),
    /// Any of those languages.
    Language(u64),
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
            Self::Says(piece, _) => !matches!(piece, Piece::Body),
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
        self.walk(&mut Asked::new(question, zone), trace)
    }

    fn walk(&self, asked: &mut Asked<'_>, trace: &mut Trace) -> u16 {
        let question = asked.question;
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
            let held = asked.holds(&test.fact, &self.sought);
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
        self.times().next().is_some()
    }

    /// The times of each of its tests that looks at them.
    pub(super) fn times(&self) -> impl Iterator<Item = &[Time]> {
        self.tests.iter().filter_map(|test| match &test.fact {
            Fact::Time(times) => Some(&**times),
            Fact::Mode(_) | Fact::Caller(_) | Fact::To(_) | Fact::Registered => None,
            Fact::RegisteredForMode | Fact::Urgent | Fact::Status(_) | Fact::Named(..) => None,
            Fact::Amount(..) | Fact::Says(..) | Fact::Language(_) => None,
        })
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

/// A question and the clock it is answered by; that and each piece of a message are looked at once at most.
struct Asked<'a> {
    question: &'a Question<'a>,
    zone: &'a Zone,
    moment: Option<Moment>,
    found: Found,
}

impl<'a> Asked<'a> {
    fn new(question: &'a Question<'a>, zone: &'a Zone) -> Self {
        Self { question, zone, moment: None, found: Found::default() }
    }

    fn holds(&mut self, fact: &Fact, sought: &List) -> bool {
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
            Fact::Says(piece, wanted) => question
                .content
                .is_some_and(|content| self.found.has((Some(*piece), *wanted), sought, content)),
            Fact::Language(wanted) => {
                question.content.is_some_and(|content| self.found.has((None, *wanted), sought, content))
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
        let is_in = |group: &Arc<str>| question.groups.contains(group) && (is_said || **group == *INVISIBLE);
        match self {
            Self::Like(pattern) => pattern.matches(party),
            Self::In(group) => is_in(group),
            Self::Outside(group) => !is_in(group),
            Self::Verified => is_said && question.verified,
            Self::Contact => is_said && (question.contact || !question.groups.is_empty()) && !is_invisible(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::content::{Content, Header};
    use super::super::profile::Profile;
    use super::super::sought::SOUGHT_MAX;
    use super::super::words::{Direction, Mode};
    use super::*;
    use crate::base::{Limits, Uid};

    /// How often something is looked for in a decision that comes to the last rule.
    fn looks(rules: &str) -> usize {
        let source = format!("profile \"p\" {{ incoming {{\n{rules}\notherwise -> busy\n}} }}");
        let profile = Profile::compile(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        let headers = [(Header::AcceptLanguage, "a,".repeat(500).into())];
        let content = Content::new(headers, Bytes::from("a".repeat(1_000)), 1_000);
        let question = Question {
            content: Some(&content),
            ..Question::new(Mode::Page, Party::Anonymous, Party::Anonymous)
        };
        let graph = profile.graph(Direction::Incoming).unwrap();
        let mut asked = Asked::new(&question, Zone::UTC);
        graph.walk(&mut asked, &mut Trace::new());
        asked.found.looks
    }

    /// Whatever a tree says how often, a decision looks for each text and language once.
    #[test]
    fn the_worst_decision_takes_few_looks() {
        let text = |i: usize| format!("\"{}b{i}\"", "a".repeat(90));
        let many = |count: usize, one: &dyn Fn(usize) -> String| {
            (0..count).map(one).collect::<Vec<_>>().join(" or ")
        };
        assert_eq!(looks(&format!("body contains {} -> decline", many(600, &|_| text(0)))), 1);
        let again =
            (0..400).map(|i| format!("body contains {} and size over {} -> decline", text(0), 400 - i));
        assert_eq!(looks(&again.collect::<Vec<_>>().join("\n")), 1);
        assert_eq!(looks(&format!("language {} -> decline", many(5_000, &|_| "en".to_owned()))), 1);
        let most = |i: usize| match i % 8 {
            0 => format!("language {}{}", char::from(b'a' + u8::try_from(i / 8).unwrap()), "ab"),
            1 | 2 => format!("subject matches {}", text(i)),
            _ => format!("body contains {}", text(i)),
        };
        let twice = |count: usize| {
            let all = many(count, &most);
            format!("urgent and ({all}) -> ignore\n{all} -> decline")
        };
        assert_eq!(looks(&twice(SOUGHT_MAX)), SOUGHT_MAX);
        let source =
            format!("profile \"p\" {{ incoming {{\n{}\notherwise -> busy\n}} }}", twice(SOUGHT_MAX + 1));
        let owner = Uid::parse("anne@north.test").unwrap();
        let stored = Profile::compile_stored(&source, &Limits::default(), &owner);
        for faults in [Profile::compile(&source).unwrap_err(), stored.unwrap_err()] {
            let told: Vec<&str> = faults.iter().map(|fault| &*fault.message).collect();
            assert_eq!(told, ["this tree looks for more than 64 texts and languages in messages"]);
        }
    }
}
