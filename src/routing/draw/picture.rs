//! A profile as nodes: conditions lead to more conditions or to an action, and outcomes lead on.

use std::collections::BTreeSet;

use super::super::ast::{Block, Continuation, Line, LineKind, Results, Rule, Then, Tree};
use super::super::compile::read;
use super::super::difference::one_line;
use super::super::fault::Span;
use super::super::profile::Profile;
use super::super::route::Route;
use super::super::trace::TraceStep;
use super::super::words::Direction;
use super::{dot, svg, text};
use crate::base::Limits;

/// How a picture is put down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Lines for a terminal.
    Text,
    /// A graph for Graphviz.
    Dot,
    /// A picture for a browser, or a page.
    Svg,
}

/// A profile, ready to be put down.
pub(super) struct Picture {
    pub(super) name: String,
    /// The zone of its times, if it names one.
    pub(super) zone: Option<String>,
    /// Its trees.
    pub(super) trees: Vec<Node>,
}

/// A node and what follows it, in order.
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// It is on the way of the request that is shown.
    pub(super) is_lit: bool,
    pub(super) next: Vec<Self>,
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Tree,
    Condition,
    Action,
    Outcome,
}

/// Draws a profile, and on it the way of a request that it has decided.
pub fn draw(profile: &Profile, way: Option<&Route>, style: Style) -> String {
    let picture = Picture::of(profile, way);
    match style {
        Style::Text => text::put(&picture),
        Style::Dot => dot::put(&picture),
        Style::Svg => svg::put(&picture),
    }
}

impl Picture {
    pub(super) fn of(profile: &Profile, way: Option<&Route>) -> Self {
        let limits = Limits { tree_bytes: u32::MAX, ..Limits::default() };
        // What was compiled can be read.
        let trees = read(profile.source(), &limits).map(|(_, file, _)| file.trees).unwrap_or_default();
        let tree = |tree: &Tree| {
            let reached = way.map(|way| reached(profile, way, tree.direction)).unwrap_or_default();
            Drawer { source: profile.source(), reached }.tree(tree)
        };
        Self {
            name: profile.name().to_owned(),
            zone: profile.zone().map(str::to_owned),
            trees: trees.iter().map(tree).collect(),
        }
    }
}

/// Where the actions stand that a request has come to.
fn reached(profile: &Profile, way: &Route, direction: Direction) -> BTreeSet<usize> {
    let trace = way.trace();
    if trace.direction() != direction || way.profile() != profile {
        return BTreeSet::new();
    }
    let lines = profile.graph(direction).map_or(&[][..], |graph| &graph.lines);
    let place = |step| match step {
        TraceStep::Reached { line } => lines.get(usize::from(line)).map(|line| line.what.start),
        TraceStep::Tested { .. } | TraceStep::CameBack { .. } => None,
    };
    trace.steps().filter_map(place).collect()
}

struct Drawer<'a> {
    source: &'a str,
    reached: BTreeSet<usize>,
}

impl Drawer<'_> {
    fn tree(&self, tree: &Tree) -> Node {
        node(Kind::Tree, tree.direction.to_string(), self.block(&tree.block))
    }

    fn block(&self, block: &Block) -> Vec<Node> {
        let rule = |Rule { span, then, .. }: &Rule| {
            let next = match then {
                Then::Block(inner) => self.block(inner),
                Then::Line(line) => vec![self.line(line)],
            };
            node(Kind::Condition, self.text(*span), next)
        };
        block.rules.iter().map(rule).collect()
    }

    fn line(&self, line: &Line) -> Node {
        let next = match &line.kind {
            LineKind::Try(try_line) => self.continuation(&try_line.after),
            LineKind::Leaf(_) | LineKind::Faulty => Vec::new(),
        };
        let text = self.text(line.span);
        Node { kind: Kind::Action, text, is_lit: self.reached.contains(&line.span.start), next }
    }

    fn continuation(&self, after: &Continuation) -> Vec<Node> {
        match after {
            Continuation::Return => Vec::new(),
            Continuation::Else { line, .. } => {
                vec![node(Kind::Outcome, "else".to_owned(), vec![self.line(line)])]
            }
            Continuation::Results(Results { rules, .. }) => {
                let outcome = |rule: &super::super::ast::ResultRule| {
                    node(Kind::Outcome, self.text(rule.span), vec![self.line(&rule.line)])
                };
                rules.iter().map(outcome).collect()
            }
        }
    }

    fn text(&self, span: Span) -> String {
        one_line(span.of(self.source))
    }
}

/// A node that is lit if what follows it is.
fn node(kind: Kind, text: String, next: Vec<Node>) -> Node {
    let is_lit = next.iter().any(|node| node.is_lit);
    Node { kind, text, is_lit, next }
}
