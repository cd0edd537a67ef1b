//! Two trees of one direction against each other: the cases that they treat differently.
//!
//! Each tree divides all cases among its lines. Where the parts of two lines that do different things
//! meet, the trees differ, and nowhere else. Two lines do the same if their actions are equal and every
//! outcome leads on to lines that do the same, however they are written.

use std::collections::HashMap;

use super::super::difference::{Difference, Example, Incomparable, Request, Side};
use super::super::evaluate::Graph;
use super::super::route::Who;
use super::super::trace::Trace;
use super::super::week::Zone;
use super::super::words::Outcome;
use super::diagram::{Set, Spent};
use super::example::{cases, found};
use super::space::Space;
use crate::base::Limits;

/// So many sentences tell one difference at most.
const TOLD_MAX: usize = 20;
/// Two trees are looked at, and each line of one against those of the other.
const ALLOWANCES: u32 = 4;

/// The differences between two trees, by the lines of the first and then of the second.
pub(in super::super) fn differ(
    (first, second): (&Side, &Side),
    limits: &Limits,
) -> Result<Vec<Difference>, Incomparable> {
    let direction = first.tree.direction;
    let allowance = limits.tree_check_steps.saturating_mul(ALLOWANCES);
    let clocks = [first.profile.clock(), second.profile.clock()];
    let two =
        first.profile.clock() != second.profile.clock() && first.looks_at_time() && second.looks_at_time();
    let second_clock = usize::from(two);
    let trees = [(&first.tree, 0), (&second.tree, second_clock)];
    let space = Space::over(direction, &trees, if two { &clocks } else { &[] }, allowance);
    let space = space.map_err(|_| Incomparable::TooComplex)?;
    let differ = Differ { space, first, second, second_clock, known: Known::new() };
    differ.all().map_err(|Spent| Incomparable::TooComplex)
}

struct Differ<'a> {
    space: Space,
    first: &'a Side,
    second: &'a Side,
    /// Which clock the times of the second are meant by.
    second_clock: usize,
    known: Known,
}

/// By line of either tree: whether they do the same, where that was asked before.
type Known = HashMap<(usize, usize), bool>;

impl Differ<'_> {
    fn all(mut self) -> Result<Vec<Difference>, Spent> {
        let (first, second) = (self.first, self.second);
        let (Some(own), Some(other)) = (first.graph(), second.graph()) else { return Ok(Vec::new()) };
        let parts = self.space.parts((&first.tree, own), 0)?;
        let others = self.space.parts((&second.tree, other), self.second_clock)?;
        let mut found = Vec::new();
        for part in &parts {
            for other_part in &others {
                let set = self.space.diagram.and(part.set, other_part.set)?;
                if set == Set::NONE || same((own, other), (part.at, other_part.at), &mut self.known) {
                    continue;
                }
                let (requests, others) = self.told(set, (part.at, other_part.at))?;
                found.push(Difference {
                    direction: self.space.direction,
                    requests,
                    others,
                    first: first.decision(part.when, part.line),
                    second: second.decision(other_part.when, other_part.line),
                });
            }
        }
        Ok(found)
    }

    /// A set in sentences; and whether it holds more than they say.
    fn told(&mut self, set: Set, lines: (usize, usize)) -> Result<(Vec<Example>, bool), Spent> {
        let mut left = set;
        let mut told = Vec::new();
        while told.len() < TOLD_MAX {
            let Some(found) = found(&mut self.space, left) else { break };
            let meant = cases(&mut self.space, &found.cube)?;
            left = self.space.diagram.without(left, meant)?;
            let request = self.request(&found.case, lines);
            told.push(Example { told: found.told.trim_end_matches(',').to_owned(), request });
        }
        Ok((told, left != Set::NONE))
    }

    /// A case as a request that can be asked; `None` if the trees do not take it to these lines, for
    /// what words a message holds is free only as far as one can tell.
    fn request(&self, case: &[usize], lines: (usize, usize)) -> Option<Request> {
        let request = self.space.request(case, self.clock())?;
        let asked = |side: &Side| {
            request.ask(self.space.direction, &Who::Anonymous, |question| {
                side.graph().map(|graph| graph.decide(question, side.profile.clock(), &mut Trace::new()))
            })
        };
        let asked = (asked(self.first).map(usize::from), asked(self.second).map(usize::from));
        (asked == (Some(lines.0), Some(lines.1))).then_some(request)
    }

    /// The clock that times are meant by: of the two trees, that of the one which looks at it.
    fn clock(&self) -> &Zone {
        let side = if self.first.looks_at_time() { self.first } else { self.second };
        side.profile.clock()
    }
}

impl Side {
    fn graph(&self) -> Option<&Graph> {
        self.profile.graph(self.tree.direction)
    }

    fn looks_at_time(&self) -> bool {
        self.graph().is_some_and(Graph::looks_at_time)
    }
}

/// Whether two lines of two trees do the same. Several outcomes lead to one line as a rule, so what is known of a
/// pair is kept.
fn same(graphs: (&Graph, &Graph), lines: (usize, usize), known: &mut Known) -> bool {
    if let Some(same) = known.get(&lines) {
        return *same;
    }
    let (Some(a), Some(b)) = (graphs.0.lines.get(lines.0), graphs.1.lines.get(lines.1)) else { return false };
    let leads = |outcome: &Outcome| {
        let next = |of: &super::super::evaluate::Line| of.follow.get(outcome.index()).copied().flatten();
        match (next(a), next(b)) {
            (None, None) => true,
            (Some(a), Some(b)) => same(graphs, (usize::from(a), usize::from(b)), known),
            (None, Some(_)) | (Some(_), None) => false,
        }
    };
    let alike = a.action == b.action && a.sides == b.sides && Outcome::ALL.iter().all(leads);
    known.insert(lines, alike);
    alike
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Direction, Profile, differences};

    #[test]
    fn what_is_written_in_another_way_is_no_difference() {
        let compile = |text: &str| Profile::compile(text).unwrap();
        let one = compile(
            "profile \"a\" { incoming {\n mode page -> inbox\n otherwise -> try clients else busy\n} }",
        );
        let other = "profile \"b\" { incoming {\n not mode page -> try clients {\n declined -> busy\n otherwise -> busy\n }\n otherwise -> inbox\n} }";
        let limits = Limits::default();
        assert_eq!(differences((&one, &compile(other)), &one, &limits), Ok(Vec::new()));
        let changed = compile(&other.replace("declined -> busy", "declined -> decline"));
        let found = differences((&one, &changed), &one, &limits).unwrap();
        let [difference] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(difference.direction, Direction::Incoming);
        assert_eq!(difference.first.does, "try clients else busy");
        assert_eq!(difference.second.does, "try clients { declined -> decline; otherwise -> busy }");
        assert!(!difference.others, "{found:?}");
    }

    /// Each of six outcomes leads to the same line, and so on for thirty lines.
    #[test]
    fn long_chains_are_compared_in_good_time() {
        let chain = |last: &str| {
            let tries = "try clients for 5s else ".repeat(30);
            Profile::compile(&format!("profile \"a\" {{ incoming {{\n otherwise -> {tries}{last}\n}} }}"))
                .unwrap()
        };
        let (one, limits) = (chain("busy"), Limits::default());
        assert_eq!(differences((&one, &chain("busy")), &one, &limits), Ok(Vec::new()));
        assert_eq!(differences((&one, &chain("decline")), &one, &limits).unwrap().len(), 1);
    }
}
