//! The one canonical form of a tree file.
//!
//! Two spaces a level, one rule a line, arrows of a block in one column. Comments stay where they
//! are; an empty line between two rules stays, several become one.

use std::fmt::{self, Display};

use super::ast::{
    Atom, Block, Comment, Cond, Continuation, File, Leaf, Line, LineKind, ResultRule, Results, Rule, Side,
    Somebody, Spanned, Target, Then, Timed, TryLine, When,
};
use super::compile::{self, read};
use super::fault::{Faults, Span};
use super::lex::escape;
use super::parse::THIS_MODE;
use super::values::Named;
use super::week::Length;
use crate::base::Limits;

/// Conditions longer than this do not push the arrows of their block to the right.
const COLUMN_MAX: usize = 40;

/// Writes a file in its canonical form. A file that cannot be read has none; one that can be
/// read but does not check has.
pub fn format(source: &str) -> Result<String, Faults> {
    let (source, file, faults) = read(source, &Limits::default())?;
    if !faults.is_empty() {
        return Err(Faults::new(&source, faults));
    }
    let mut printer = Printer {
        source: &source,
        comments: &file.comments,
        text: String::new(),
        level: 0,
        end: 0,
        first: true,
    };
    printer.file(&file);
    Ok(printer.text)
}

struct Printer<'a> {
    source: &'a str,
    /// Those not written yet.
    comments: &'a [Comment],
    text: String,
    level: usize,
    /// Where in the source the last thing written ends.
    end: usize,
    /// Nothing has been written in this block.
    first: bool,
}

impl Display for Somebody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Like(pattern) => pattern.fmt(f),
            Self::In(group) => write!(f, "in {}", escape(&group.it)),
            Self::Outside(group) => write!(f, "not in {}", escape(&group.it)),
            Self::Verified => f.write_str("verified"),
            Self::Contact => f.write_str("contact"),
        }
    }
}

impl Printer<'_> {
    fn file(&mut self, file: &File) {
        self.begin(file.head);
        let name = file.name.as_ref().map(|name| escape(&name.it)).unwrap_or_default();
        self.put(format_args!("profile {name}"));
        self.open(file.open);
        if let Some(zone) = &file.zone {
            self.begin(zone.span);
            self.put(format_args!("zone {}", zone.it.name()));
            self.finish(zone.span.end);
        }
        for line in &file.holidays {
            self.begin(line.span);
            self.put(format_args!("holidays {}", values(&line.it).join(" or ")));
            self.finish(line.span.end);
        }
        for tree in &file.trees {
            self.begin(tree.head);
            self.put(tree.direction);
            self.block(&tree.block);
        }
        self.close(file.close);
        self.comments_before(self.source.len());
    }

    fn block(&mut self, block: &Block) {
        self.open(block.open);
        let texts: Vec<String> = block.rules.iter().map(|rule| when(&rule.when)).collect();
        let leads_to_line =
            |(rule, text): (&Rule, &String)| matches!(rule.then, Then::Line(_)).then(|| text.chars().count());
        let column = column(block.rules.iter().zip(&texts).filter_map(leads_to_line));
        for (rule, text) in block.rules.iter().zip(&texts) {
            self.begin(rule.span);
            match &rule.then {
                Then::Block(inner) => {
                    self.put(text);
                    self.block(inner);
                }
                Then::Line(line) => {
                    self.put(format_args!("{text:column$} -> "));
                    self.line(line);
                }
            }
        }
        self.close(block.close);
    }

    fn line(&mut self, line: &Line) {
        for side in &line.sides {
            self.put(format_args!("{}, ", side_text(&side.it)));
        }
        match &line.kind {
            LineKind::Try(try_line) => {
                self.put("try ");
                self.targets(line.span, try_line);
            }
            LineKind::Leaf(leaf) => {
                self.put(leaf_text(leaf));
                self.finish(line.span.end);
            }
            LineKind::Faulty => self.finish(line.span.end),
        }
    }

    fn targets(&mut self, span: Span, line: &TryLine) {
        self.put(line.targets.iter().map(timed).collect::<Vec<_>>().join(", "));
        if let Some(ring_for) = line.ring_for {
            self.put(format_args!(" for {}", Length(ring_for)));
        }
        match &line.after {
            Continuation::Return => self.finish(span.end),
            Continuation::Else { line, .. } => {
                self.put(" else ");
                match &line.kind {
                    LineKind::Try(bare) if is_bare(bare) && line.sides.is_empty() => {
                        self.targets(line.span, bare);
                    }
                    LineKind::Try(_) | LineKind::Leaf(_) | LineKind::Faulty => self.line(line),
                }
            }
            Continuation::Results(results) => self.results(results),
        }
    }

    fn results(&mut self, results: &Results) {
        self.open(results.open);
        let texts: Vec<String> = results.rules.iter().map(outcomes).collect();
        let column = column(texts.iter().map(|text| text.chars().count()));
        for (rule, text) in results.rules.iter().zip(&texts) {
            self.begin(rule.span);
            self.put(format_args!("{text:column$} -> "));
            self.line(&rule.line);
        }
        self.close(results.close);
    }

    fn open(&mut self, brace: Span) {
        self.put(" {");
        self.finish(brace.end);
        self.level += 1;
        self.first = true;
    }

    fn close(&mut self, brace: Span) {
        self.comments_before(brace.start);
        self.level -= 1;
        self.indent();
        self.put("}");
        self.finish(brace.end);
    }

    /// Begins a line for something that stands at `span`, below the comments above it.
    fn begin(&mut self, span: Span) {
        self.comments_before(span.start);
        self.space_before(span.start);
        self.indent();
    }

    /// Ends a line that ended at `end`, with the comment that stands behind it.
    fn finish(&mut self, end: usize) {
        self.end = end;
        if let Some((comment, rest)) = self.comments.split_first() {
            let between = self.source.get(end..comment.span.start).unwrap_or("\n");
            if between.chars().all(|c| c.is_whitespace() && c != '\n') {
                self.put(format_args!("  {}", comment.text));
                self.end = comment.span.end;
                self.comments = rest;
            }
        }
        self.put('\n');
        self.first = false;
    }

    fn comments_before(&mut self, offset: usize) {
        while let Some((comment, rest)) = self.comments.split_first().filter(|(c, _)| c.span.start < offset) {
            self.space_before(comment.span.start);
            self.indent();
            self.put(&comment.text);
            self.put('\n');
            self.first = false;
            self.end = comment.span.end;
            self.comments = rest;
        }
    }

    /// Keeps one of the empty lines between the last thing and the next.
    fn space_before(&mut self, start: usize) {
        let between = self.source.get(self.end..start).unwrap_or_default();
        if !self.first && between.matches('\n').count() > 1 {
            self.put('\n');
        }
    }

    fn indent(&mut self) {
        let level = self.level * 2;
        self.put(format_args!("{:level$}", ""));
    }

    fn put(&mut self, piece: impl Display) {
        use std::fmt::Write as _;
        // Writing to a String does not fail.
        let _ = write!(self.text, "{piece}");
    }
}

/// The width to which conditions are filled up, so that their arrows stand in one column.
fn column(widths: impl Iterator<Item = usize>) -> usize {
    widths.filter(|width| *width <= COLUMN_MAX).max().unwrap_or(0)
}

fn when(when: &When) -> String {
    match when {
        When::Otherwise => "otherwise".to_owned(),
        When::Cond(cond) => condition(cond),
    }
}

/// A condition as a tree writes it.
pub(super) fn condition(cond: &Cond) -> String {
    let joined = |list: &[Cond], word: &str, one: fn(&Cond) -> String| {
        list.iter().map(one).collect::<Vec<_>>().join(word)
    };
    match cond {
        Cond::Any(list) => joined(list, " or ", condition),
        Cond::All(list) => {
            joined(list, " and ", |cond| if says_or(cond) { enclosed(cond) } else { condition(cond) })
        }
        Cond::Not(inner) if says_or(inner) || matches!(**inner, Cond::All(_)) => {
            format!("not {}", enclosed(inner))
        }
        Cond::Not(inner) => format!("not {}", condition(inner)),
        Cond::Atom(atom) => {
            let (head, values) = pieces(&atom.it);
            if values.is_empty() { head } else { format!("{head} {}", values.join(" or ")) }
        }
        Cond::Faulty => String::new(),
    }
}

/// A look at one fact as a tree writes it: what it looks at, and its values.
pub(super) fn pieces(atom: &Atom) -> (String, Vec<String>) {
    let key = |key: &str| key.to_owned();
    match atom {
        Atom::Mode(modes) => (key("mode"), values(modes)),
        Atom::Caller(list) => (key("caller"), values(list)),
        Atom::To(list) => (key("to"), values(list)),
        Atom::Registered => (key("registered"), Vec::new()),
        Atom::RegisteredForMode => (key("registered"), vec![key(THIS_MODE)]),
        Atom::Urgent => (key("urgent"), Vec::new()),
        Atom::Time(windows) => (key("time"), values(windows)),
        Atom::Status(list) => (key("status"), values(list)),
        Atom::Named(of @ Named::Property(_), list) if !list.is_empty() => (format!("{of} is"), quoted(list)),
        Atom::Named(of, list) => (of.to_string(), quoted(list)),
        Atom::Amount(amount, list) => (amount.to_string(), values(list)),
        Atom::Says(piece, how, list) => {
            (format!("{piece} {how}"), list.iter().map(|text| escape(text)).collect())
        }
        Atom::Language(list) => (key("language"), values(list)),
    }
}

fn enclosed(cond: &Cond) -> String {
    format!("({})", condition(cond))
}

/// Whether a condition is written with an `or`, be it between conditions or between values. Beside
/// `and` and `not` it stands in parentheses, so that nobody has to know which binds more.
fn says_or(cond: &Cond) -> bool {
    match cond {
        Cond::Any(_) => true,
        Cond::Atom(atom) => match &atom.it {
            Atom::Mode(modes) => modes.len() > 1,
            Atom::Caller(list) | Atom::To(list) => list.len() > 1,
            Atom::Time(windows) => windows.len() > 1,
            Atom::Status(list) => list.len() > 1,
            Atom::Named(_, list) => list.len() > 1,
            Atom::Amount(_, list) => list.len() > 1,
            Atom::Says(_, _, list) => list.len() > 1,
            Atom::Language(list) => list.len() > 1,
            Atom::Registered | Atom::RegisteredForMode | Atom::Urgent => false,
        },
        Cond::All(_) | Cond::Not(_) | Cond::Faulty => false,
    }
}

fn values(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn quoted(texts: &[Spanned<String>]) -> Vec<String> {
    texts.iter().map(|text| escape(&text.it)).collect()
}

fn outcomes(rule: &ResultRule) -> String {
    match rule.outcomes.as_slice() {
        [] => "otherwise".to_owned(),
        list => list.iter().map(|outcome| outcome.it.as_str()).collect::<Vec<_>>().join(" or "),
    }
}

/// Whether a `try` is no more than its one target; after `else` it then stands without the word.
fn is_bare(line: &TryLine) -> bool {
    matches!((line.targets.as_slice(), line.ring_for, &line.after),
        ([only], None, Continuation::Return) if only.after.is_zero())
}

fn timed(timed: &Timed) -> String {
    let target = target(&timed.target);
    if timed.after.is_zero() { target } else { format!("{target} after {}", Length(timed.after)) }
}

/// A target as a tree writes it; nothing, if it could not be read.
pub(super) fn target(target: &Target) -> String {
    compile::target(target).map_or_else(String::new, |target| target.to_string())
}

/// What a line does besides, as a tree writes it.
pub(super) fn side_text(side: &Side) -> String {
    compile::side(side).map_or_else(String::new, |side| side.to_string())
}

/// An action that never comes back, as a tree writes it.
pub(super) fn leaf_text(leaf: &Leaf) -> String {
    compile::action(leaf).to_string()
}
