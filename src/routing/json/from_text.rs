//! From text to JSON, by way of the canonical form: there everything that can have a comment begins a
//! line of its own.

use std::iter::Peekable;
use std::str::Lines;

use super::super::ast;
use super::super::ast::{
    Atom, Block, Cond, Continuation, File, LineKind, Results, Rule, Then, TryLine, When,
};
use super::super::compile::read;
use super::super::fault::Faults;
use super::super::format::{format, leaf_text, pieces, side_text, target};
use super::super::lex::lex;
use super::super::week::Length;
use super::model::{
    Condition, Document, Holidays, Line, Notes, Outcomes, Rule as JsonRule, Target, Tree, Zone,
};
use crate::base::Limits;

/// The JSON form of a tree file. A file that cannot be read has none; one that can be read but does
/// not check has.
pub fn to_json(source: &str) -> Result<String, Faults> {
    let source = format(source)?;
    let (source, file, _) = read(&source, &Limits::default())?;
    let document = Reader { lines: source.lines().peekable() }.document(&file);
    // Texts and lists are always written.
    Ok(serde_json::to_string_pretty(&document).unwrap_or_default())
}

/// Goes through the lines of a canonical text beside its syntax tree.
struct Reader<'s> {
    lines: Peekable<Lines<'s>>,
}

impl Reader<'_> {
    fn document(mut self, file: &File) -> Document {
        let mut notes = self.begin();
        let zone = file.zone.as_ref().map(|zone| {
            let notes = self.begin();
            Zone { name: zone.it.name().to_owned(), notes }
        });
        let holidays = file.holidays.iter().map(|line| {
            let notes = self.begin();
            Holidays { dates: line.it.iter().map(ToString::to_string).collect(), notes }
        });
        let holidays = holidays.collect();
        let trees = file.trees.iter().map(|tree| self.tree(tree)).collect();
        self.end(&mut notes);
        let profile = file.name.as_ref().map(|name| name.it.clone()).unwrap_or_default();
        Document { profile, notes, zone, holidays, trees, below: self.remarks() }
    }

    fn tree(&mut self, tree: &ast::Tree) -> Tree {
        let mut notes = self.begin();
        let rules = self.rules(&tree.block);
        self.end(&mut notes);
        Tree { direction: tree.direction, notes, rules }
    }

    fn rules(&mut self, block: &Block) -> Vec<JsonRule> {
        block.rules.iter().map(|rule| self.rule(rule)).collect()
    }

    fn rule(&mut self, rule: &Rule) -> JsonRule {
        let mut notes = self.begin();
        let when = match &rule.when {
            When::Otherwise => None,
            When::Cond(cond) => Some(tested(cond)),
        };
        match &rule.then {
            Then::Block(block) => {
                let rules = Some(self.rules(block));
                self.end(&mut notes);
                JsonRule { when, notes, rules, then: None }
            }
            Then::Line(line) => {
                let then = Some(self.line(line, &mut notes));
                JsonRule { when, notes, rules: None, then }
            }
        }
    }

    fn line(&mut self, line: &ast::Line, notes: &mut Notes) -> Line {
        let besides = line.sides.iter().map(|side| side_text(&side.it)).collect();
        match &line.kind {
            LineKind::Try(try_line) => Line { besides, ..self.tried(try_line, notes) },
            LineKind::Leaf(leaf) => Line { besides, action: Some(leaf_text(leaf)), ..Line::default() },
            LineKind::Faulty => Line { besides, ..Line::default() },
        }
    }

    fn tried(&mut self, line: &TryLine, notes: &mut Notes) -> Line {
        let timed = |timed: &ast::Timed| Target {
            target: target(&timed.target),
            after: (!timed.after.is_zero()).then(|| Length(timed.after).to_string()),
        };
        let mut tried = Line {
            targets: Some(line.targets.iter().map(timed).collect()),
            ring_for: line.ring_for.map(|ring_for| Length(ring_for).to_string()),
            ..Line::default()
        };
        match &line.after {
            Continuation::Return => {}
            Continuation::Else { line, .. } => tried.otherwise = Some(Box::new(self.line(line, notes))),
            Continuation::Results(results) => tried.results = Some(self.results(results, notes)),
        }
        tried
    }

    fn results(&mut self, results: &Results, notes: &mut Notes) -> Vec<Outcomes> {
        let rules = results.rules.iter().map(|rule| {
            let mut notes = self.begin();
            let on = rule.outcomes.iter().map(|outcome| outcome.it).collect();
            let then = self.line(&rule.line, &mut notes);
            Outcomes { on, notes, then }
        });
        let rules = rules.collect();
        self.end(notes);
        rules
    }

    /// The next line of code, and the comments above and behind it.
    fn begin(&mut self) -> Notes {
        Notes { above: self.remarks(), behind: self.lines.next().and_then(comment), ..Notes::default() }
    }

    /// The same of a closing brace.
    fn end(&mut self, notes: &mut Notes) {
        (notes.end, notes.behind_end) = (self.remarks(), self.lines.next().and_then(comment));
    }

    /// Comments and empty lines, up to the next line of code.
    fn remarks(&mut self) -> Vec<String> {
        let mut remarks = Vec::new();
        let remark = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
        while let Some(line) = self.lines.next_if(|line| remark(line)) {
            remarks.push(line.trim().to_owned());
        }
        remarks
    }
}

/// The comment at the end of a line.
fn comment(line: &str) -> Option<String> {
    lex(line).comments.into_iter().next().map(|comment| comment.text)
}

fn tested(cond: &Cond) -> Condition {
    match cond {
        Cond::Any(list) => Condition::Any(list.iter().map(tested).collect()),
        Cond::All(list) => Condition::All(list.iter().map(tested).collect()),
        Cond::Not(inner) => Condition::Not(Box::new(tested(inner))),
        Cond::Atom(atom) => Condition::Is(words(&atom.it)),
        // A file that cannot be read has no JSON form.
        Cond::Faulty => Condition::Is(Vec::new()),
    }
}

/// The word of a condition, and its values, the first of them with what else it looks at:
/// `property`, `"lunch" is "yes"`, `"no"`.
fn words(atom: &Atom) -> Vec<String> {
    let (head, mut values) = pieces(atom);
    let (key, of) = head.split_once(' ').unwrap_or((&head, ""));
    match values.first_mut() {
        _ if of.is_empty() => {}
        Some(first) => *first = format!("{of} {first}"),
        None => values.push(of.to_owned()),
    }
    values.insert(0, key.to_owned());
    values
}
