//! From a script to a tree file, and the remarks that go with it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::compile::compile;
use super::super::fault::{Code, Fault, Faults, Span};
use super::super::format::format;
use super::super::lex::escape;
use super::super::names::Owner;
use super::super::words::Direction;
use super::decision::{Decision, Line, Paper};
use super::element::{Element, read};
use super::walk::Walker;
use crate::base::{Limits, Uid};

/// Striking out rules makes no others dead: the second time there are none, and this is for safety only.
const ROUNDS: usize = 4;

/// A tree that does what a CPL script does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The tree file, in its canonical form; the remarks stand at its beginning.
    pub text: String,
    /// What the tree does otherwise than the script says, where that changes nothing about where a call
    /// goes; in the order of the script.
    pub remarks: Vec<Remark>,
}

/// What is otherwise, in a small way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Remark {
    /// The line of the script, from 1.
    pub line: usize,
    /// In one sentence.
    pub text: String,
}

/// Turns a CPL script into the tree file of a profile called `name`; or tells, with their lines, all that
/// is wrong with it and all that no tree can do. With an `owner`, a way back to himself is a fault too.
pub fn import_cpl(
    script: &str,
    name: &str,
    limits: &Limits,
    owner: Option<&Uid>,
) -> Result<Imported, Faults> {
    let most = usize::try_from(limits.tree_bytes).unwrap_or(usize::MAX);
    if script.len() > most {
        let message = format!("this script has {} bytes; a script has at most {most}", script.len());
        return Err(Faults::new("", vec![Fault::new(Code::TooLarge, Span::default(), message)]));
    }
    let document = read(script).map_err(|fault| Faults::new(script, vec![fault]))?;
    let root = Element::root(&document);
    let mut walker = Walker::new(script, owner);
    let trees = walker.script(root);
    let fails = |fault: Fault| Faults::new(script, vec![fault]);
    if !walker.faults.is_empty() {
        return Err(Faults::new(script, walker.faults));
    }
    let zone = walker.zone.as_ref().map(|zone| format!("zone {}\n", zone.name())).unwrap_or_default();
    let head = format!("profile {} {{\n{zone}", escape(name));
    let text = written(&head, &trees, limits, owner).map_err(|why| fails(why.at(root.span())))?;
    let remarks: Vec<Remark> = walker.remarks.into_iter().collect();
    let mut whole = String::from("# Made from a CPL script (RFC 3880).\n");
    for Remark { line, text } in &remarks {
        let _ = writeln!(whole, "# Line {line}: {text}.");
    }
    whole.push_str(&text);
    Ok(Imported { text: whole, remarks })
}

/// What is wrong with the tree that a script would make.
struct Unusable {
    code: Code,
    why: String,
}

impl Unusable {
    /// What forbade the tree to be read to its end goes before all else: of the rest nothing is known.
    fn of(faults: &Faults) -> Option<Self> {
        let first = faults.iter().find(|fault| fault.code.ends_reading());
        let other = || faults.iter().find(|fault| fault.code != Code::DeadRule);
        let fault = first.or_else(other)?;
        let code = if fault.code.ends_reading() { fault.code } else { Code::TooComplex };
        Some(Self { code, why: format!(": {}", fault.message) })
    }

    fn at(self, place: Span) -> Fault {
        let message = format!("the tree that this would make cannot be used{}", self.why);
        let fault = Fault::new(self.code, place, message);
        if self.code == Code::TooDeep { fault.help("let fewer attempts follow one another") } else { fault }
    }
}

/// Writes the trees, without the rules that are never reached. Fails if they cannot be used, and says why.
fn written(
    head: &str,
    trees: &[(Direction, Decision)],
    limits: &Limits,
    owner: Option<&Uid>,
) -> Result<String, Unusable> {
    let unknown = |why: String| Unusable { code: Code::TooComplex, why };
    let mut dead = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut paper = Paper::new(head.to_owned(), &dead);
        for (direction, decision) in trees {
            paper.text.push_str(direction.as_str());
            paper.block(decision);
        }
        paper.text.push_str("}\n");
        let (text, lines) = (paper.text, paper.lines);
        let Err(faults) = compile(&text, limits, &Owner { uid: owner, names: None }) else {
            return format(&text).map_err(|faults| unknown(format!(": {faults}")));
        };
        if let Some(unusable) = Unusable::of(&faults) {
            return Err(unusable);
        }
        for fault in &faults {
            dead.extend(
                lines.iter().enumerate().filter(|(_, line)| **line == fault.line()).map(|(at, _)| at),
            );
        }
    }
    Err(unknown(String::new()))
}

/// What a profile has to say to everything that is no call: the same as if there were no script.
pub(super) fn with_the_rest(direction: Direction, decision: Decision) -> Decision {
    let rule =
        |condition: &str, action: &str| (condition.to_owned(), Decision::Line(Line::action(&[], action)));
    let rules = match direction {
        Direction::Incoming => vec![
            rule("caller in \"Invisible\"", "ignore"),
            rule("mode page", "try clients {\nno-answer or unreachable -> try inbox\n}"),
            rule("mode file or web", "try clients"),
        ],
        Direction::Outgoing => vec![rule("mode page or file or web", "send")],
    };
    decision.behind(rules)
}
