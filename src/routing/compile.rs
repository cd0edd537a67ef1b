//! From source to the graph that the evaluator walks.

use std::time::Duration;

use super::ast::{
    self, Atom, Block, Cond, Continuation, File, Leaf, LineKind, Somebody, Then, Tree, TryLine, When,
};
use super::check::{cover, known, shape};
use super::evaluate::{Fact, Graph, Line, Next, Other, Test};
use super::fault::{Code, Fault, Faults, Span};
use super::names::Owner;
use super::parse::parse;
use super::plan::{Action, Side, Target, TimedTarget, Try};
use super::profile::Profile;
use super::roster::Roster;
use super::sought::List;
use super::words::{Direction, Outcome};
use crate::base::Limits;

/// No setting lets a file be larger: places in a tree are 16-bit numbers.
const BYTES_MAX: usize = 256 * 1024;

/// Reads, checks and compiles.
pub(super) fn compile(source: &str, limits: &Limits, owner: &Owner<'_>) -> Result<Profile, Faults> {
    let (source, file, mut faults) = looked_through(source, limits, owner)?;
    cover(&file, limits, owner.names, &mut faults);
    if faults.is_empty() { Ok(profile(source, file, limits)) } else { Err(Faults::new(&source, faults)) }
}

/// Reads and compiles what has been proved before: that is not done again.
pub(super) fn compile_proved(source: &str, limits: &Limits, owner: &Owner<'_>) -> Result<Profile, Faults> {
    let (source, file, faults) = looked_through(source, limits, owner)?;
    if faults.is_empty() { Ok(profile(source, file, limits)) } else { Err(Faults::new(&source, faults)) }
}

fn profile(source: String, file: File, limits: &Limits) -> Profile {
    let line_ends = source.match_indices('\n').filter_map(|(at, _)| u32::try_from(at).ok());
    let graph = |direction| {
        let tree = file.trees.iter().find(|tree: &&Tree| tree.direction == direction);
        tree.map(|tree| Compiler::new(limits).graph(&tree.block))
    };
    Profile {
        name: file.name.map(|name| name.it).unwrap_or_default().into(),
        zone: file.zone.map(|zone| zone.it),
        incoming: graph(Direction::Incoming),
        outgoing: graph(Direction::Outgoing),
        line_ends: line_ends.collect(),
        source: source.into(),
    }
}

/// Reads, and checks each rule alone; with the faults so far.
fn looked_through(
    source: &str,
    limits: &Limits,
    owner: &Owner<'_>,
) -> Result<(String, File, Vec<Fault>), Faults> {
    let (source, file, mut faults) = read(source, limits)?;
    if faults.iter().any(|fault| fault.code.ends_reading()) {
        return Err(Faults::new(&source, faults));
    }
    shape(&file, owner.uid, &mut faults);
    if let Some(names) = owner.names {
        known(&file, names, &mut faults);
    }
    Ok((source, file, faults))
}

/// Reads a source of bearable size. A lone carriage return becomes a line feed, so that all
/// places and lines are counted alike from here on.
pub(super) fn read(source: &str, limits: &Limits) -> Result<(String, File, Vec<Fault>), Faults> {
    let most = usize::try_from(limits.tree_bytes).unwrap_or(usize::MAX).min(BYTES_MAX);
    if source.len() > most {
        let message = format!("this file has {} bytes; a tree has at most {most}", source.len());
        let fault = Fault::new(Code::TooLarge, Span::default(), message);
        return Err(Faults::new("", vec![fault.help("callers that are treated alike can share one rule")]));
    }
    let source = with_line_feeds(source);
    let (file, faults) = parse(&source);
    Ok((source, file, faults))
}

/// The same bytes, with a line feed for each carriage return that stands alone.
fn with_line_feeds(source: &str) -> String {
    if !source.contains('\r') {
        return source.to_owned();
    }
    let mut chars = source.chars().peekable();
    let mut text = String::with_capacity(source.len());
    while let Some(c) = chars.next() {
        let alone = c == '\r' && chars.peek() != Some(&'\n');
        text.push(if alone { '\n' } else { c });
    }
    text
}

struct Compiler {
    tests: Vec<Test>,
    sought: List,
    lines: Vec<Line>,
    /// How long a `try` without `for` may ring.
    unlimited: Duration,
}

impl Compiler {
    fn new(limits: &Limits) -> Self {
        // Line 0, for requests that no rule takes: there are none, the checker has proved it.
        let nowhere = Line {
            action: Action::Decline,
            sides: Box::default(),
            follow: [None; Outcome::ALL.len()],
            when: Span::default(),
            what: Span::default(),
            longest: Duration::ZERO,
        };
        let unlimited = Duration::from_secs(u64::from(limits.ring_s));
        Self { tests: Vec::new(), sought: List::default(), lines: vec![nowhere], unlimited }
    }

    fn graph(mut self, block: &Block) -> Graph {
        let entry = self.block(block);
        let rosters = Roster::all(&mut self.tests);
        Graph { tests: self.tests.into(), rosters, lines: self.lines.into(), entry, sought: self.sought }
    }

    /// Compiles a block, last rule first: each rule knows where to go when it does not match.
    fn block(&mut self, block: &Block) -> Next {
        let mut next = Next::Line(0);
        for rule in block.rules.iter().rev() {
            let then = match &rule.then {
                Then::Block(inner) => self.block(inner),
                Then::Line(line) => Next::Line(self.line(rule.span, line)),
            };
            next = match &rule.when {
                When::Otherwise => then,
                When::Cond(cond) => self.cond(cond, then, next),
            };
        }
        next
    }

    /// Compiles a condition into tests that lead to `yes` or to `no`.
    fn cond(&mut self, cond: &Cond, yes: Next, no: Next) -> Next {
        match cond {
            Cond::Any(list) => list.iter().rev().fold(no, |no, cond| self.cond(cond, yes, no)),
            Cond::All(list) => list.iter().rev().fold(yes, |yes, cond| self.cond(cond, yes, no)),
            Cond::Not(inner) => self.cond(inner, no, yes),
            Cond::Atom(atom) => {
                let fact = fact(&atom.it, &mut self.sought);
                let at = short(self.tests.len());
                self.tests.push(Test { fact, yes, no, roster: None, span: atom.span });
                Next::Test(at)
            }
            Cond::Faulty => no,
        }
    }

    /// Compiles a line, what follows it first.
    fn line(&mut self, when: Span, line: &ast::Line) -> u16 {
        let mut follow = [None; Outcome::ALL.len()];
        let (action, rings) = match &line.kind {
            LineKind::Try(try_line) => {
                follow = self.continuation(&try_line.after);
                (Action::Try(plan(try_line)), self.rings(try_line))
            }
            LineKind::Leaf(leaf) => (action(leaf), Duration::ZERO),
            LineKind::Faulty => (Action::Decline, Duration::ZERO),
        };
        let next = follow.iter().flatten().filter_map(|next| self.lines.get(usize::from(*next)));
        let longest = rings + next.map(|line| line.longest).max().unwrap_or_default();
        let at = short(self.lines.len());
        let sides = line.sides.iter().filter_map(|one| side(&one.it)).collect();
        self.lines.push(Line { action, sides, follow, when, what: line.span, longest });
        at
    }

    /// The longest that a `try` can take; what keeps messages answers at once.
    fn rings(&self, line: &TryLine) -> Duration {
        let rings = |timed: &ast::Timed| !matches!(timed.target, ast::Target::Inbox | ast::Target::Voicemail);
        let unlimited = if line.targets.iter().any(rings) { self.unlimited } else { Duration::ZERO };
        line.ring_for.unwrap_or(unlimited)
    }

    fn continuation(&mut self, after: &Continuation) -> [Option<u16>; Outcome::ALL.len()] {
        let mut follow = [None; Outcome::ALL.len()];
        let mut lead = |outcome: &Outcome, at: u16| {
            if let Some(slot) = follow.get_mut(outcome.index()).filter(|slot| slot.is_none()) {
                *slot = Some(at);
            }
        };
        let unanswered = || Outcome::ALL.iter().filter(|outcome| **outcome != Outcome::Answered);
        match after {
            Continuation::Return => {}
            Continuation::Else { word, line } => {
                let at = self.line(*word, line);
                unanswered().for_each(|outcome| lead(outcome, at));
            }
            Continuation::Results(results) => {
                for rule in &results.rules {
                    let at = self.line(rule.span, &rule.line);
                    match rule.outcomes.as_slice() {
                        [] => unanswered().for_each(|outcome| lead(outcome, at)),
                        outcomes => outcomes.iter().for_each(|outcome| lead(&outcome.it, at)),
                    }
                }
            }
        }
        follow
    }
}

fn plan(line: &TryLine) -> Try {
    let timed = |timed: &ast::Timed| Some(TimedTarget { target: target(&timed.target)?, after: timed.after });
    Try { targets: line.targets.iter().filter_map(timed).collect(), ring_for: line.ring_for }
}

pub(super) fn side(side: &ast::Side) -> Option<Side> {
    Some(match side {
        ast::Side::Also(copy) => Side::Also(target(copy)?),
        ast::Side::Reply(name) => Side::Reply(name.as_str().into()),
        ast::Side::Set(key, value) => Side::Set(key.as_str().into(), value.as_str().into()),
        ast::Side::Log(text) => Side::Log(text.as_str().into()),
    })
}

pub(super) fn target(target: &ast::Target) -> Option<Target> {
    Some(match target {
        ast::Target::Clients => Target::Clients,
        ast::Target::Client(name) => Target::Client(name.it.as_str().into()),
        ast::Target::User(uid) => Target::User(uid.clone()),
        ast::Target::Inbox => Target::Inbox,
        ast::Target::Voicemail => Target::Voicemail,
        ast::Target::Device(name) => Target::Device(name.it.as_str().into()),
        ast::Target::Trunk(name, number) => {
            Target::Trunk(name.it.as_str().into(), number.as_deref().map(Into::into))
        }
        ast::Target::Faulty => return None,
    })
}

fn fact(atom: &Atom, sought: &mut List) -> Fact {
    match atom {
        Atom::Mode(modes) => Fact::Mode(modes.iter().copied().collect()),
        Atom::Caller(list) => Fact::Caller(list.iter().map(other).collect()),
        Atom::To(list) => Fact::To(list.iter().map(other).collect()),
        Atom::Registered => Fact::Registered,
        Atom::RegisteredForMode => Fact::RegisteredForMode,
        Atom::Urgent => Fact::Urgent,
        Atom::Time(windows) => Fact::Time(windows.as_slice().into()),
        Atom::Status(list) => Fact::Status(list.as_slice().into()),
        Atom::Named(of, list) => {
            Fact::Named(of.clone(), list.iter().map(|text| text.it.as_str().into()).collect())
        }
        Atom::Amount(amount, bounds) => Fact::Amount(*amount, bounds.as_slice().into()),
        Atom::Says(piece, ..) => Fact::Says(*piece, sought.add(atom)),
        Atom::Language(_) => Fact::Language(sought.add(atom)),
    }
}

fn other(somebody: &Somebody) -> Other {
    match somebody {
        Somebody::Like(pattern) => Other::Like(pattern.clone()),
        Somebody::In(group) => Other::In(group.it.as_str().into()),
        Somebody::Outside(group) => Other::Outside(group.it.as_str().into()),
        Somebody::Contact => Other::Contact,
        Somebody::Verified => Other::Verified,
    }
}

pub(super) fn action(leaf: &Leaf) -> Action {
    match leaf {
        Leaf::Decline => Action::Decline,
        Leaf::Busy => Action::Busy,
        Leaf::Ignore => Action::Ignore,
        Leaf::Forward(uid) => Action::Forward(uid.it.clone()),
        Leaf::Send => Action::Send,
        Leaf::Refuse(why) => Action::Refuse(why.as_str().into()),
        Leaf::Reply(name) => Action::Reply(name.it.as_str().into()),
        Leaf::Hold => Action::Hold,
        Leaf::Redirect(uid) => Action::Redirect(uid.it.clone()),
    }
}

/// A place among tests or lines; [`BYTES_MAX`] keeps their number below 2¹⁶.
fn short(index: usize) -> u16 {
    debug_assert!(index < usize::from(u16::MAX), "a file of bounded size has fewer tests and lines");
    u16::try_from(index).unwrap_or(0)
}
