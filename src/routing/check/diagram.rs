//! Sets of cases as multi-valued decision diagrams.
//!
//! A case gives each of a few variables one of its values. A [`Set`] of cases is a node: it looks at
//! one variable and leads on by its value, down to "in the set" or "not in it". Variables are looked
//! at in one order, a node that leads to the same place whatever the value is left out, and equal
//! nodes are one: so two sets are equal when they are the same node, and a set of very many cases
//! that are alike is small. Neighbouring values that lead to the same place are one [`Run`], so that
//! a thousand addresses cost little where a rule names one of them. What is worked out once is
//! remembered, and all work is counted: a set that will not stay small ends with [`Spent`], not with a
//! full memory.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// A set of cases of one [`Diagram`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Set(u32);

/// The allowance of work is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Spent;

/// All sets over some variables.
pub(super) struct Diagram {
    /// How many values each variable has, in the order they are looked at.
    widths: Vec<usize>,
    nodes: Vec<Node>,
    runs: Vec<Run>,
    /// Nodes by what they are.
    known: HashTable<Set>,
    hasher: DefaultHashBuilder,
    /// What was worked out before.
    done: HashMap<(Merge, Set, Set), Set, DefaultHashBuilder>,
    /// The runs of nodes in the making, one above the other.
    making: Vec<Run>,
    allowance: u32,
}

/// A variable, and which of the runs are its own.
#[derive(Clone, Copy)]
struct Node {
    level: u32,
    first: u32,
    count: u32,
}

/// Values of a variable, up to one that is not among them, that lead to the same place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Run {
    until: u32,
    to: Set,
}

/// How two sets make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Merge {
    And,
    Or,
    Without,
}

/// Nodes that the proof of a tree of some fifty rules comes to: room for these is made at once.
const USUAL: usize = 1_024;

impl Set {
    /// No case.
    pub(super) const NONE: Self = Self(0);
    /// Every case.
    pub(super) const ALL: Self = Self(1);

    fn place(self) -> usize {
        wide(self.0)
    }
}

impl Node {
    /// Where its runs are.
    fn runs(self) -> Range<usize> {
        wide(self.first)..wide(self.first) + wide(self.count)
    }
}

/// Numbers are kept small, four to a step of the processor: there are fewer of anything than the allowance has steps.
fn wide(small: u32) -> usize {
    usize::try_from(small).unwrap_or(usize::MAX)
}

fn small(wide: usize) -> u32 {
    u32::try_from(wide).unwrap_or(u32::MAX)
}

impl Diagram {
    /// Variables with so many values each, and an allowance of steps: one for each run that is made, and
    /// some for its node.
    pub(super) fn new(widths: Vec<usize>, allowance: u32) -> Self {
        // The two ends look at no variable: they stand below all of them.
        let end = Node { level: small(widths.len()), first: 0, count: 0 };
        let mut nodes = Vec::with_capacity(USUAL);
        nodes.extend([end, end]);
        Self {
            widths,
            nodes,
            runs: Vec::with_capacity(2 * USUAL),
            known: HashTable::with_capacity(USUAL),
            hasher: DefaultHashBuilder::default(),
            done: HashMap::with_capacity_and_hasher(USUAL, DefaultHashBuilder::default()),
            making: Vec::with_capacity(64),
            allowance,
        }
    }

    /// The cases in which a variable has one of the values that are wanted.
    pub(super) fn value(&mut self, level: usize, wanted: impl Fn(usize) -> bool) -> Result<Set, Spent> {
        let first = self.making.len();
        for value in 0..self.width(level) {
            self.lead(first, small(value + 1), if wanted(value) { Set::ALL } else { Set::NONE });
        }
        self.node(level, first)
    }

    /// The cases that are in both.
    pub(super) fn and(&mut self, a: Set, b: Set) -> Result<Set, Spent> {
        self.merge(Merge::And, a.min(b), a.max(b))
    }

    /// The cases that are in either.
    pub(super) fn or(&mut self, a: Set, b: Set) -> Result<Set, Spent> {
        self.merge(Merge::Or, a.min(b), a.max(b))
    }

    /// The cases of `a` that are not in `b`.
    pub(super) fn without(&mut self, a: Set, b: Set) -> Result<Set, Spent> {
        self.merge(Merge::Without, a, b)
    }

    /// The cases that differ from one of a set in nothing but some variables, those of which `is_free` says so.
    pub(super) fn forget(&mut self, set: Set, is_free: &impl Fn(usize) -> bool) -> Result<Set, Spent> {
        self.forget_in(set, is_free, &mut HashMap::default())
    }

    fn forget_in(
        &mut self,
        set: Set,
        is_free: &impl Fn(usize) -> bool,
        done: &mut HashMap<Set, Set>,
    ) -> Result<Set, Spent> {
        if set == Set::NONE || set == Set::ALL {
            return Ok(set);
        }
        if let Some(known) = done.get(&set) {
            return Ok(*known);
        }
        let level = wide(self.level(set));
        let own = self.runs(set, level).to_vec();
        let (first, mut any) = (self.making.len(), Set::NONE);
        for Run { until, to } in own {
            let to = self.forget_in(to, is_free, done)?;
            if is_free(level) {
                any = self.or(any, to)?;
            } else {
                self.lead(first, until, to);
            }
        }
        let forgotten = if is_free(level) { any } else { self.node(level, first)? };
        done.insert(set, forgotten);
        Ok(forgotten)
    }

    /// Whether a set holds a case.
    pub(super) fn has(&self, set: Set, case: &[usize]) -> bool {
        case.iter().enumerate().fold(set, |at, (level, value)| self.child(at, level, *value)) == Set::ALL
    }

    /// Takes from the allowance what work besides sets costs.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Spent> {
        self.allowance = self.allowance.checked_sub(small(steps)).ok_or(Spent)?;
        Ok(())
    }

    /// A case of a set, the values of each variable tried in the order that `tastes` gives.
    pub(super) fn case(&self, set: Set, tastes: impl Fn(usize) -> Vec<usize>) -> Option<Vec<usize>> {
        let mut at = set;
        let mut case = Vec::new();
        for level in 0..self.widths.len() {
            let value = tastes(level).into_iter().find(|v| self.child(at, level, *v) != Set::NONE)?;
            case.push(value);
            at = self.child(at, level, value);
        }
        (at == Set::ALL).then_some(case)
    }

    /// Where a set leads when the variable of `level` has a value; itself if it does not look at it.
    pub(super) fn child(&self, set: Set, level: usize, value: usize) -> Set {
        let runs = self.runs(set, level);
        runs.get(runs.partition_point(|run| wide(run.until) <= value)).map_or(set, |run| run.to)
    }

    /// The runs of a set, if it looks at the variable of `level`.
    fn runs(&self, set: Set, level: usize) -> &[Run] {
        match self.nodes.get(set.place()) {
            Some(node) if wide(node.level) == level => self.runs.get(node.runs()),
            Some(_) | None => None,
        }
        .unwrap_or_default()
    }

    /// How many values each variable has.
    pub(super) fn widths(&self) -> &[usize] {
        &self.widths
    }

    fn width(&self, level: usize) -> usize {
        self.widths.get(level).copied().unwrap_or(0)
    }

    fn level(&self, set: Set) -> u32 {
        self.nodes.get(set.place()).map_or(u32::MAX, |node| node.level)
    }

    fn merge(&mut self, how: Merge, a: Set, b: Set) -> Result<Set, Spent> {
        match (how, a, b) {
            (Merge::And | Merge::Without, Set::NONE, _) => return Ok(Set::NONE),
            (Merge::And, Set::ALL, other) | (Merge::Or, Set::NONE, other) => return Ok(other),
            (Merge::Or, Set::ALL, _) => return Ok(Set::ALL),
            (Merge::Without, _, Set::ALL) => return Ok(Set::NONE),
            (Merge::Without, _, Set::NONE) => return Ok(a),
            (Merge::And | Merge::Or, _, _) if a == b => return Ok(a),
            (Merge::Without, _, _) if a == b => return Ok(Set::NONE),
            (Merge::And | Merge::Or | Merge::Without, _, _) => {}
        }
        if let Some(done) = self.done.get(&(how, a, b)) {
            return Ok(*done);
        }
        let level = self.level(a).min(self.level(b));
        let width = small(self.width(wide(level)));
        let first = self.making.len();
        let mut value = 0;
        // Where the runs of each of the two go on.
        let (mut i, mut j) = (self.first_run(a, level), self.first_run(b, level));
        while value < width {
            let run = |set, at: Option<usize>| {
                let whole = Run { until: width, to: set };
                at.and_then(|at| self.runs.get(at).copied()).unwrap_or(whole)
            };
            let (one, other) = (run(a, i), run(b, j));
            value = one.until.min(other.until);
            let to = self.merge_in_order(how, (one.to, other.to))?;
            self.lead(first, value, to);
            i = i.map(|at| at + usize::from(one.until == value));
            j = j.map(|at| at + usize::from(other.until == value));
        }
        let merged = self.node(wide(level), first)?;
        self.done.insert((how, a, b), merged);
        Ok(merged)
    }

    fn merge_in_order(&mut self, how: Merge, (a, b): (Set, Set)) -> Result<Set, Spent> {
        match how {
            Merge::And => self.and(a, b),
            Merge::Or => self.or(a, b),
            Merge::Without => self.without(a, b),
        }
    }

    /// The first run of a set, if it looks at the variable of `level`.
    fn first_run(&self, set: Set, level: u32) -> Option<usize> {
        self.nodes.get(set.place()).filter(|node| node.level == level).map(|node| wide(node.first))
    }

    /// Adds values up to `until` to the node in the making whose runs begin at `first`.
    fn lead(&mut self, first: usize, until: u32, to: Set) {
        match self.making.get_mut(first..).and_then(<[Run]>::last_mut) {
            Some(last) if last.to == to => last.until = until,
            Some(_) | None => self.making.push(Run { until, to }),
        }
    }

    /// The node that has been made of the runs from `first` on: one there is, or a new one.
    fn node(&mut self, level: usize, first: usize) -> Result<Set, Spent> {
        let made = std::mem::take(&mut self.making);
        let set = self.known_or_new(small(level), made.get(first..).unwrap_or_default());
        self.making = made;
        self.making.truncate(first);
        set
    }

    fn known_or_new(&mut self, level: u32, runs: &[Run]) -> Result<Set, Spent> {
        /// What a node costs besides its runs: it is looked up, and what made it is remembered.
        const NODE: usize = 16;
        self.spend(NODE + runs.len())?;
        match runs {
            [] => return Ok(Set::ALL),
            [only] => return Ok(only.to),
            _ => {}
        }
        let hash = self.hasher.hash_one((level, runs));
        let shape = |set: &Set| {
            let node = self.nodes.get(set.place())?;
            Some((node.level, self.runs.get(node.runs())?))
        };
        if let Some(set) = self.known.find(hash, |set| shape(set) == Some((level, runs))) {
            return Ok(*set);
        }
        let set = Set(u32::try_from(self.nodes.len()).map_err(|_| Spent)?);
        self.known.insert_unique(hash, set, |set| shape(set).map_or(0, |shape| self.hasher.hash_one(shape)));
        self.nodes.push(Node { level, first: small(self.runs.len()), count: small(runs.len()) });
        self.runs.extend_from_slice(runs);
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTHS: [usize; 4] = [2, 3, 2, 4];

    /// A set in the making: values of one variable, or two sets made one.
    #[derive(Clone, Debug)]
    enum Plan {
        Value(usize, u8),
        Merged(u8, Box<Self>, Box<Self>),
    }

    fn plan() -> impl Strategy<Value = Plan> {
        let value = (0..WIDTHS.len(), any::<u8>()).prop_map(|(level, bits)| Plan::Value(level, bits));
        value.prop_recursive(5, 24, 2, |inner| {
            (0..3_u8, inner.clone(), inner)
                .prop_map(|(how, a, b)| Plan::Merged(how, Box::new(a), Box::new(b)))
        })
    }

    fn build(diagram: &mut Diagram, plan: &Plan) -> Set {
        match plan {
            Plan::Value(level, bits) => diagram.value(*level, |v| bits >> v & 1 == 1).unwrap(),
            Plan::Merged(how, a, b) => {
                let (a, b) = (build(diagram, a), build(diagram, b));
                match how {
                    0 => diagram.and(a, b),
                    1 => diagram.or(a, b),
                    _ => diagram.without(a, b),
                }
                .unwrap()
            }
        }
    }

    fn has(plan: &Plan, case: &[usize]) -> bool {
        match plan {
            Plan::Value(level, bits) => bits >> case[*level] & 1 == 1,
            Plan::Merged(0, a, b) => has(a, case) && has(b, case),
            Plan::Merged(1, a, b) => has(a, case) || has(b, case),
            Plan::Merged(_, a, b) => has(a, case) && !has(b, case),
        }
    }

    fn cases() -> Vec<Vec<usize>> {
        let longer = |cases: Vec<Vec<usize>>, width: &usize| {
            let with = |case: &Vec<usize>, v| case.iter().copied().chain([v]).collect();
            cases.iter().flat_map(|case| (0..*width).map(move |v| with(case, v))).collect()
        };
        WIDTHS.iter().fold(vec![Vec::new()], longer)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_set_holds_its_cases_and_equal_sets_are_one(one in plan(), other in plan(), free in 0..16_u8) {
            let mut diagram = Diagram::new(WIDTHS.to_vec(), 1_000_000);
            let (a, b) = (build(&mut diagram, &one), build(&mut diagram, &other));
            let mut equal = true;
            let mut found = false;
            for case in cases() {
                let end = case.iter().enumerate().fold(a, |at, (level, v)| diagram.child(at, level, *v));
                prop_assert_eq!(end == Set::ALL, has(&one, &case), "{:?} in {:?}", case, one);
                equal &= has(&one, &case) == has(&other, &case);
                found |= has(&one, &case);
            }
            prop_assert_eq!(a == b, equal);
            let example = diagram.case(a, |level| (0..WIDTHS[level]).collect());
            prop_assert_eq!(example.is_some(), found);
            prop_assert!(example.is_none_or(|case| has(&one, &case)));
            // What is forgotten may be anything.
            let free = |level: usize| free >> level & 1 == 1;
            let wide = diagram.forget(a, &free).unwrap();
            for case in cases() {
                let like = |it: &Vec<usize>| (0..WIDTHS.len()).all(|level| free(level) || it[level] == case[level]);
                let near = cases().iter().any(|it| like(it) && has(&one, it));
                prop_assert_eq!(diagram.has(wide, &case), near, "{:?} in {:?}", case, one);
            }
        }
    }

    #[test]
    fn work_is_bounded() {
        // Whether an odd number of variables is set: every variable doubles the work of a table.
        let mut diagram = Diagram::new(vec![2; 64], 1_000);
        let mut odd = Ok(Set::NONE);
        for level in 0..64 {
            odd = odd.and_then(|odd| {
                let set = diagram.value(level, |v| v == 1)?;
                let (a, b) = (diagram.without(odd, set)?, diagram.without(set, odd)?);
                diagram.or(a, b)
            });
        }
        assert_eq!(odd, Err(Spent));
    }
}
