//! The evaluator: a compiled tree as a graph of tests, walked without allocating.
//!
//! `and`, `or`, `not` and blocks are compiled away into jumps: a test knows where to go when it
//! holds and when it does not. Tests are stored last rule first, so every jump leads to a smaller
//! number: a walk ends, and takes at most as many steps as there are tests.

use std::time::Duration;

use super::fault::Span;
use super::pattern::Pattern;
use super::plan::{Action, Target};
use super::question::{Question, Registered};
use super::trace::{Trace, TraceStep};
use super::words::{ModeSet, Outcome};

/// One compiled tree.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Graph {
    pub(super) tests: Box<[Test]>,
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
    pub(super) span: Span,
}

/// What a test looks at, and what it wants to see.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Fact {
    Mode(ModeSet),
    Caller(Box<[Pattern]>),
    To(Box<[Pattern]>),
    Registered,
    RegisteredForMode,
}

/// A line of actions, and where each outcome leads.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) action: Action,
    /// Copies that never change the outcome.
    pub(super) also: Box<[Target]>,
    pub(super) follow: [Option<u16>; Outcome::ALL.len()],
    /// The condition or outcomes that lead here.
    pub(super) when: Span,
    /// The action itself, without its results.
    pub(super) what: Span,
    /// The longest time from here to the end.
    pub(super) longest: Duration,
}

impl Graph {
    /// Finds the line for a question.
    pub(super) fn decide(&self, question: &Question<'_>, trace: &mut Trace) -> u16 {
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
            let held = test.fact.holds(question);
            trace.push(TraceStep::Tested { test: at, held });
            next = if held { test.yes } else { test.no };
        }
    }
}

impl Fact {
    fn holds(&self, question: &Question<'_>) -> bool {
        match self {
            Self::Mode(modes) => modes.has(question.mode),
            Self::Caller(patterns) => patterns.iter().any(|p| p.matches(question.caller)),
            Self::To(patterns) => patterns.iter().any(|p| p.matches(question.to)),
            Self::Registered => question.registered > Registered::None,
            Self::RegisteredForMode => question.registered == Registered::ThisMode,
        }
    }
}
