//! How a tree divides all cases among its lines, and a case of it as a request that can be asked.

use super::super::ast::{Block, Line, Rule, Then, Tree};
use super::super::difference::Request;
use super::super::evaluate::Graph;
use super::super::fault::Span;
use super::super::route::{Facts, Who};
use super::super::week::Zone;
use super::super::words::{Mode, Registered};
use super::diagram::{Set, Spent};
use super::parties::Witness;
use super::space::{CONTACT, MODE, PARTY, REGISTERED, Space, TIME, URGENT};
use super::variables::choose;

/// A line, the rule it belongs to, and the cases that come to it.
pub(super) struct Part<'t> {
    pub(super) when: Span,
    pub(super) line: &'t Line,
    /// The line in the compiled tree.
    pub(super) at: usize,
    pub(super) set: Set,
}

impl Space {
    /// The cases that come to each line of a tree whose times are meant by this clock.
    pub(super) fn parts<'t>(
        &mut self,
        (tree, graph): (&'t Tree, &Graph),
        clock: usize,
    ) -> Result<Vec<Part<'t>>, Spent> {
        self.clock = clock;
        let mut parts = Vec::new();
        self.parts_of((&tree.block, graph), self.universe, &mut parts)?;
        Ok(parts)
    }

    fn parts_of<'t>(
        &mut self,
        (block, graph): (&'t Block, &Graph),
        entering: Set,
        parts: &mut Vec<Part<'t>>,
    ) -> Result<(), Spent> {
        let mut arriving = entering;
        for Rule { when, span, then } in &block.rules {
            let holds = self.when(when)?.may;
            let set = self.diagram.and(arriving, holds)?;
            match then {
                Then::Line(line) => {
                    parts.push(Part { when: *span, line, at: graph.line_at(line.span), set });
                }
                Then::Block(inner) => self.parts_of((inner, graph), set, parts)?,
            }
            arriving = self.diagram.without(arriving, holds)?;
        }
        Ok(())
    }

    /// A case as a request, by the clock that its times are told by.
    pub(super) fn request(&self, case: &[usize], clock: &Zone) -> Option<Request> {
        let value = |level: usize| case.get(level).copied().unwrap_or(0);
        let groups = self.groups.iter().enumerate().filter(|(i, _)| value(Self::group(*i)) == 1);
        let mut facts = Facts {
            registered: Registered::ALL.get(value(REGISTERED)).copied().unwrap_or_default(),
            groups: groups.map(|(_, group)| group.as_str().into()).collect(),
            contact: value(CONTACT) == 1,
            urgent: value(URGENT) == 1,
            wall_ms: self.wall_ms(case, clock),
            ..Facts::default()
        };
        let values = (0..self.variables.len()).map(|at| value(self.other(at)));
        choose(&self.variables, values, &mut facts);
        let other = match self.parties.cells.get(value(PARTY)).map(|cell| &cell.witness) {
            Some(Witness::User(uid)) => Who::User(uid.clone()),
            Some(Witness::Number(number)) => Who::Number(number.as_str().into()),
            Some(Witness::Anonymous) | None => Who::Anonymous,
        };
        Some(Request { mode: Mode::ALL.get(value(MODE)).copied()?, other, facts })
    }

    /// When a case is, milliseconds since 1970, by the clock that its times are told by.
    pub(super) fn wall_ms(&self, case: &[usize], clock: &Zone) -> i64 {
        let cell = case.get(TIME).and_then(|value| self.times.cells.get(*value));
        cell.and_then(|cell| cell.at.or_else(|| clock.shows(cell.first()))).unwrap_or(0)
    }
}
