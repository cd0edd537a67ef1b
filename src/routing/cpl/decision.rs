//! What a script comes to: cases, and at the end of each a line of actions. And how that is written.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::rc::Rc;

/// So many bytes a line may have with all that follows it.
const LINE_MAX: usize = 64 * 1024;
/// So many bytes the lines of one decision may have, each counted with some more for itself.
pub(super) const ROOM: usize = 1024 * 1024;
/// What each line counts besides its own bytes.
const LINE: usize = 1024;

/// What is done, and in which cases.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Decision {
    Line(Line),
    /// The first case whose condition holds; or else the last decision.
    Cases(Vec<(String, Self)>, Box<Self>),
}

/// A line of actions with all that follows it, as a tree writes it. Nothing: what was tried last is the answer.
/// What follows several outcomes is one text, however often it is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line(Rc<str>);

/// What follows the outcomes of a `try`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct After<T> {
    pub(super) busy: T,
    pub(super) no_answer: T,
    pub(super) declined: T,
    /// Every other one.
    pub(super) failure: T,
}

/// It would be too large a tree.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Line {
    /// What was tried last is the answer.
    pub(super) fn back() -> Self {
        Self(Rc::from(""))
    }

    /// What is done besides, and an action.
    pub(super) fn action(sides: &[String], action: &str) -> Self {
        Self(Rc::from(format!("{}{action}", besides(sides))))
    }

    /// What is done besides, a `try`, and what follows it.
    pub(super) fn attempt(sides: &[String], plan: &str, after: &After<Self>) -> Result<Self, TooLarge> {
        let text = format!("{}{plan}{}", besides(sides), after.told());
        if text.len() > LINE_MAX { Err(TooLarge) } else { Ok(Self(Rc::from(text))) }
    }

    fn is_back(&self) -> bool {
        self.0.is_empty()
    }
}

fn besides(sides: &[String]) -> String {
    sides.iter().flat_map(|side| [side.as_str(), ", "]).collect()
}

impl<T> After<T> {
    fn parts(&self) -> [(&'static str, &T); 4] {
        [
            ("busy", &self.busy),
            ("no-answer", &self.no_answer),
            ("declined", &self.declined),
            ("unsupported or unreachable or failed", &self.failure),
        ]
    }
}

impl After<Line> {
    /// As a tree writes it, behind the `try`.
    fn told(&self) -> String {
        let parts = self.parts();
        if parts.iter().all(|(_, line)| line.is_back()) {
            return String::new();
        }
        if parts.iter().all(|(_, line)| *line == &self.failure) {
            return format!(" else {}", self.failure.0);
        }
        let closed = parts.iter().all(|(_, line)| !line.is_back());
        let mut text = " {\n".to_owned();
        let mut told: Vec<&Line> = Vec::new();
        for (_, line) in parts.iter().filter(|(_, line)| !line.is_back()) {
            let last = closed && *line == &self.failure;
            if told.contains(line) || last {
                continue;
            }
            told.push(line);
            let same = parts.iter().filter(|(_, other)| other == line).map(|(names, _)| *names);
            let _ = writeln!(text, "{} -> {}", same.collect::<Vec<_>>().join(" or "), line.0);
        }
        if closed {
            let _ = writeln!(text, "otherwise -> {}", self.failure.0);
        }
        text + "}"
    }
}

impl Decision {
    /// Joins what follows the outcomes of a `try` to one decision about the whole: cases are drawn to the
    /// front, since they hold from the beginning on or not at all. `room` is what is left of [`ROOM`].
    pub(super) fn join(
        after: After<Self>,
        make: &dyn Fn(After<Line>) -> Result<Line, TooLarge>,
        room: &mut usize,
    ) -> Result<Self, TooLarge> {
        let first = after.parts().into_iter().find_map(|(_, part)| match part {
            Self::Cases(cases, _) => Some(cases.iter().map(|(when, _)| when.clone()).collect::<Vec<_>>()),
            Self::Line(_) => None,
        });
        let Some(conditions) = first else {
            let line = |part: Self| match part {
                Self::Line(line) => line,
                // None is left.
                Self::Cases(..) => Line::back(),
            };
            let line = make(after.map(line))?;
            *room = room.checked_sub(LINE + line.0.len()).ok_or(TooLarge)?;
            return Ok(Self::Line(line));
        };
        let mut cases = Vec::new();
        for (at, condition) in conditions.iter().enumerate() {
            let here = after.clone().map(|part| part.in_case(&conditions, Some(at)));
            cases.push((condition.clone(), Self::join(here, make, room)?));
        }
        let here = after.map(|part| part.in_case(&conditions, None));
        Ok(Self::Cases(cases, Box::new(Self::join(here, make, room)?)))
    }

    /// The same where one case of a list is known to hold, or none of them.
    fn in_case(self, conditions: &[String], at: Option<usize>) -> Self {
        match self {
            Self::Cases(mut cases, otherwise) if cases.iter().map(|(when, _)| when).eq(conditions) => {
                match at {
                    Some(at) if at < cases.len() => cases.swap_remove(at).1,
                    Some(_) | None => *otherwise,
                }
            }
            other @ (Self::Line(_) | Self::Cases(..)) => other,
        }
    }

    /// The same behind rules of its own.
    pub(super) fn behind(self, rules: Vec<(String, Self)>) -> Self {
        match self {
            line @ Self::Line(_) => Self::Cases(rules, Box::new(line)),
            Self::Cases(cases, otherwise) => Self::Cases(rules.into_iter().chain(cases).collect(), otherwise),
        }
    }
}

impl<T> After<T> {
    pub(super) fn map<U>(self, mut with: impl FnMut(T) -> U) -> After<U> {
        After {
            busy: with(self.busy),
            no_answer: with(self.no_answer),
            declined: with(self.declined),
            failure: with(self.failure),
        }
    }
}

/// A tree file on its way to paper: each rule begins a line, and rules that are known to be in vain are
/// left out.
pub(super) struct Paper<'d> {
    pub(super) text: String,
    /// By the number of a rule: the line that it stands on, from 1.
    pub(super) lines: Vec<usize>,
    dead: &'d BTreeSet<usize>,
}

impl<'d> Paper<'d> {
    pub(super) fn new(head: String, dead: &'d BTreeSet<usize>) -> Self {
        Self { text: head, lines: Vec::new(), dead }
    }

    /// Writes what stands in the braces of a block.
    pub(super) fn block(&mut self, decision: &Decision) {
        self.text.push_str(" {\n");
        match decision {
            Decision::Line(_) => self.rule("otherwise", decision),
            Decision::Cases(cases, otherwise) => {
                for (condition, then) in cases {
                    self.rule(condition, then);
                }
                self.rule("otherwise", otherwise);
            }
        }
        self.text.push_str("}\n");
    }

    fn rule(&mut self, condition: &str, then: &Decision) {
        let number = self.lines.len();
        self.lines.push(self.text.matches('\n').count() + 1);
        let before = self.text.len();
        self.text.push_str(condition);
        match then {
            Decision::Line(line) => {
                self.text.push_str(" -> ");
                self.text.push_str(&line.0);
                self.text.push('\n');
            }
            Decision::Cases(..) => self.block(then),
        }
        if self.dead.contains(&number) {
            self.text.truncate(before);
        }
    }
}
