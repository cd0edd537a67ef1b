//! The cases that one tree can tell apart, and those in which a condition holds.
//!
//! A case is a mode, a cell of [`Parties`], a state of registration, whether the other side is a
//! contact, whether it is in each group that the tree names and in "Invisible", whether it is urgent,
//! a cell of [`Times`], and a value of each [`Variable`] that the tree looks at. Not every combination exists: who is in "Invisible" is no contact, who is
//! in another group is one or is there, and who does not say who he is is nowhere but there. Nothing
//! else is known of groups, since their members change while a tree stays.

use std::collections::BTreeSet;

use super::super::ast::{Atom, Block, Cond, Rule, Somebody, Then, Tree, When};
use super::super::fault::{Code, Fault};
use super::super::names::INVISIBLE;
use super::super::pattern::Pattern;
use super::super::values::Named;
use super::super::week::{Time, Zone};
use super::super::words::{Direction, Mode, ModeSet};
use super::diagram::{Diagram, Set, Spent};
use super::parties::{Parties, Witness};
use super::times::{Condition, Times};
use super::variables::{Variable, Variables};

/// How many groups a tree may name.
const GROUPS_MAX: usize = 100;
/// How many values of other facts.
const VALUES_MAX: usize = 500;

/// The variables before the groups, in the order that diagrams look at them.
pub(super) const MODE: usize = 0;
pub(super) const PARTY: usize = 1;
/// None; some client; one that can take the mode.
pub(super) const REGISTERED: usize = 2;
pub(super) const URGENT: usize = 3;
/// Before the groups: a tree has as many times as it has, and of groups every combination, so that rules for a group
/// at a time stay as many as they are.
pub(super) const TIME: usize = 4;
pub(super) const CONTACT: usize = 5;
const GROUPS: usize = 6;

/// The cases of one tree.
pub(super) struct Space {
    pub(super) direction: Direction,
    pub(super) parties: Parties,
    /// "Invisible", and those that the tree names besides.
    pub(super) groups: Vec<String>,
    pub(super) times: Times,
    /// What else it looks at.
    pub(super) variables: Vec<Variable>,
    pub(super) diagram: Diagram,
    /// The combinations that exist.
    pub(super) universe: Set,
    /// The clock by which the times of conditions are meant, of several.
    pub(super) clock: usize,
}

/// What surely is, and what may be: where a condition could not be read, they differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both {
    pub(super) may: Set,
    pub(super) must: Set,
}

/// What the conditions of a tree look at.
#[derive(Default)]
struct Seen<'t> {
    literals: BTreeSet<Pattern>,
    groups: Vec<String>,
    times: Vec<Condition<'t>>,
    variables: Variables,
    clock: usize,
}

impl Space {
    /// The cases of a tree; or the fault of one that tells too many apart.
    pub(super) fn new(tree: &Tree, allowance: u32) -> Result<Self, Fault> {
        Self::made((tree.direction, false), &[(tree, 0)], &[], allowance)
    }

    /// The same, and what may be after the years that are gone through: where they tell less than all, what never
    /// holds in them may hold later.
    pub(super) fn with_later(tree: &Tree, allowance: u32) -> Result<Self, Fault> {
        Self::made((tree.direction, true), &[(tree, 0)], &[], allowance)
    }

    /// The cases that any of several trees of one direction tells apart; each with the place of its clock
    /// among `clocks`, which may be none where all trees have the same.
    pub(super) fn over(
        direction: Direction,
        trees: &[(&Tree, usize)],
        clocks: &[&Zone],
        allowance: u32,
    ) -> Result<Self, Fault> {
        Self::made((direction, false), trees, clocks, allowance)
    }

    fn made(
        (direction, later): (Direction, bool),
        trees: &[(&Tree, usize)],
        clocks: &[&Zone],
        allowance: u32,
    ) -> Result<Self, Fault> {
        let mut seen = Seen::default();
        for (tree, clock) in trees {
            seen.clock = *clock;
            seen.block(&tree.block, direction);
        }
        let head = trees.first().map(|(tree, _)| tree.head).unwrap_or_default();
        let fault = |what: &str, help: &str| {
            let message = format!("this tree names too many {what} for all cases to be checked");
            Fault::new(Code::TooComplex, head, message).help(help)
        };
        let groups: Vec<String> = std::iter::once(INVISIBLE.to_owned()).chain(seen.groups).collect();
        if groups.len() > 1 + GROUPS_MAX {
            return Err(fault("groups", "at most 100; put groups that are treated alike into one group"));
        }
        let mut times = Times::new(&seen.times, clocks, allowance)
            .map_err(|_| fault("times", "at most 500, and fewer if each has dates and hours of its own; times that are treated alike can share one rule"))?;
        if later {
            times.add_later(&seen.times);
        }
        let parties = Parties::new(seen.literals, direction == Direction::Incoming).map_err(|_| {
            let help =
                "at most 1000 addresses and numbers; name a cluster, `@south.test`, instead of its users";
            fault("addresses", help)
        })?;
        let variables = seen.variables.done(VALUES_MAX).ok_or_else(|| {
            fault(
                "values",
                "at most 500 kinds of account, devices, values of properties, numbers and texts to look for",
            )
        })?;
        let mut widths = vec![Mode::ALL.len(), parties.cells.len(), 3, 2, times.cells.len(), 2];
        widths.extend(groups.iter().map(|_| 2));
        widths.extend(variables.iter().map(Variable::width));
        let diagram = Diagram::new(widths, allowance);
        let universe = Set::ALL;
        let mut space = Self { direction, parties, groups, times, variables, diagram, universe, clock: 0 };
        space.universe = space.existing().map_err(|_| {
            fault("addresses and groups", "add `otherwise -> …` as the last rule of each block")
        })?;
        Ok(space)
    }

    /// The variable of a group, by its place among the groups.
    pub(super) fn group(group: usize) -> usize {
        GROUPS + group
    }

    /// The variable of another fact, by its place among them.
    pub(super) fn other(&self, at: usize) -> usize {
        GROUPS + self.groups.len() + at
    }

    /// The modes that the cases of a set have.
    pub(super) fn modes(&self, set: Set) -> ModeSet {
        self.modes_lost(set, Set::NONE)
    }

    /// The modes of those cases of a set that are not in a part of it.
    pub(super) fn modes_lost(&self, set: Set, part: Set) -> ModeSet {
        let of = |set, value| self.diagram.child(set, MODE, value);
        let lost = |(value, _): &(usize, &Mode)| of(set, *value) != of(part, *value);
        Mode::ALL.iter().enumerate().filter(lost).map(|(_, mode)| *mode).collect()
    }

    /// The cases in which a rule's condition holds.
    pub(super) fn when(&mut self, when: &When) -> Result<Both, Spent> {
        match when {
            When::Otherwise => Ok(Both::exactly(Set::ALL)),
            When::Cond(cond) => self.cond(cond),
        }
    }

    fn existing(&mut self) -> Result<Set, Spent> {
        let contact = self.diagram.value(CONTACT, |v| v == 1)?;
        let invisible = self.diagram.value(Self::group(0), |v| v == 1)?;
        let mut strange = Set::ALL;
        for group in (0..self.groups.len()).rev() {
            let outside = self.diagram.value(Self::group(group), |v| v == 0)?;
            strange = self.diagram.and(outside, strange)?;
        }
        let known = self.diagram.or(contact, invisible)?;
        let both = self.diagram.and(contact, invisible)?;
        let known = self.diagram.without(known, both)?;
        let all = self.diagram.or(known, strange)?;
        let cells = &self.parties.cells;
        let is_unsaid = |v: usize| cells.get(v).is_some_and(|cell| cell.witness == Witness::Anonymous);
        let unsaid = self.diagram.value(PARTY, is_unsaid)?;
        let mut elsewhere = contact;
        for group in (1..self.groups.len()).rev() {
            let inside = self.diagram.value(Self::group(group), |v| v == 1)?;
            elsewhere = self.diagram.or(inside, elsewhere)?;
        }
        let nobody = self.diagram.and(unsaid, elsewhere)?;
        let mut all = self.diagram.without(all, nobody)?;
        if let Some(at) = self.variables.iter().position(|variable| *variable == Variable::Verified) {
            let verified = self.diagram.value(self.other(at), |v| v == 1)?;
            let proved = self.diagram.and(unsaid, verified)?;
            all = self.diagram.without(all, proved)?;
        }
        self.without_contradictions(all)
    }

    /// Leaves out the cases in which two facts contradict each other.
    fn without_contradictions(&mut self, mut all: Set) -> Result<Set, Spent> {
        let first = self.other(0);
        for (i, one) in self.variables.iter().enumerate() {
            for (j, other) in self.variables.iter().enumerate() {
                for (value, its) in [(0, 1), (1, 0), (1, 1)] {
                    if one.excludes(value, other, its) {
                        let here = self.diagram.value(first + i, |v| v == value)?;
                        let there = self.diagram.value(first + j, |v| v == its)?;
                        let both = self.diagram.and(here, there)?;
                        all = self.diagram.without(all, both)?;
                    }
                }
            }
        }
        Ok(all)
    }

    fn cond(&mut self, cond: &Cond) -> Result<Both, Spent> {
        match cond {
            Cond::Any(list) => self.fold(list, Diagram::or),
            Cond::All(list) => self.fold(list, Diagram::and),
            Cond::Not(inner) => {
                let inner = self.cond(inner)?;
                let may = self.diagram.without(Set::ALL, inner.must)?;
                Ok(Both { may, must: self.diagram.without(Set::ALL, inner.may)? })
            }
            Cond::Atom(atom) => self.atom(&atom.it),
            Cond::Faulty => Ok(Both::UNKNOWN),
        }
    }

    fn fold(
        &mut self,
        list: &[Cond],
        merge: fn(&mut Diagram, Set, Set) -> Result<Set, Spent>,
    ) -> Result<Both, Spent> {
        let mut whole: Option<Both> = None;
        for cond in list {
            let next = self.cond(cond)?;
            whole = Some(match whole {
                None => next,
                Some(Both { may, must }) => Both {
                    may: merge(&mut self.diagram, may, next.may)?,
                    must: merge(&mut self.diagram, must, next.must)?,
                },
            });
        }
        Ok(whole.unwrap_or(Both::UNKNOWN))
    }

    fn atom(&mut self, atom: &Atom) -> Result<Both, Spent> {
        let set = match (self.direction, atom) {
            (_, Atom::Mode(modes)) => {
                let is_named = |v: usize| Mode::ALL.get(v).is_some_and(|mode| modes.contains(mode));
                self.diagram.value(MODE, is_named)?
            }
            (_, Atom::Registered) => self.diagram.value(REGISTERED, |v| v > 0)?,
            (_, Atom::RegisteredForMode) => self.diagram.value(REGISTERED, |v| v == 2)?,
            (_, Atom::Urgent) => self.diagram.value(URGENT, |v| v == 1)?,
            (_, Atom::Time(times)) => return self.time(times),
            (Direction::Incoming, Atom::Caller(list)) | (Direction::Outgoing, Atom::To(list)) => {
                self.somebody(list)?
            }
            (_, Atom::Caller(_) | Atom::To(_)) => return Ok(Both::UNKNOWN),
            (Direction::Incoming, Atom::Named(Named::Device, _)) => return Ok(Both::UNKNOWN),
            (
                _,
                Atom::Status(_) | Atom::Named(..) | Atom::Amount(..) | Atom::Says(..) | Atom::Language(_),
            ) => self.fact(atom)?,
        };
        Ok(Both::exactly(set))
    }

    /// The cases in which any of some times holds; of times that may be later, not all is known.
    fn time(&mut self, times: &[Time]) -> Result<Both, Spent> {
        let cells = &self.times.cells;
        let holds: Vec<(bool, bool)> = cells.iter().map(|cell| cell.holds(times, self.clock)).collect();
        let must = self.diagram.value(TIME, |v| holds.get(v).is_some_and(|(_, surely)| *surely))?;
        if holds.iter().all(|(perhaps, surely)| perhaps == surely) {
            return Ok(Both::exactly(must));
        }
        let may = self.diagram.value(TIME, |v| holds.get(v).is_some_and(|(perhaps, _)| *perhaps))?;
        Ok(Both { may, must })
    }

    /// The cases in which an atom holds that looks at variables of its own.
    fn fact(&mut self, atom: &Atom) -> Result<Set, Spent> {
        let first = self.other(0);
        let mut set = Set::NONE;
        for (at, variable) in self.variables.iter().enumerate() {
            if variable.holds(atom, 0).is_some() {
                let holds = self.diagram.value(first + at, |v| variable.holds(atom, v) == Some(true))?;
                set = self.diagram.or(set, holds)?;
            }
        }
        Ok(set)
    }

    /// The cases in which the other side is any of a list.
    fn somebody(&mut self, list: &[Somebody]) -> Result<Set, Spent> {
        let patterns = list.iter().filter_map(|one| match one {
            Somebody::Like(pattern) => Some(pattern),
            Somebody::In(_) | Somebody::Outside(_) | Somebody::Contact | Somebody::Verified => None,
        });
        let matching = self.parties.matching(patterns);
        let mut set = self.diagram.value(PARTY, |v| matching.get(v) == Some(&true))?;
        for one in list {
            let (level, wanted) = match one {
                Somebody::Like(_) => continue,
                Somebody::Contact => (CONTACT, 1),
                Somebody::In(name) | Somebody::Outside(name) => {
                    let group = self.groups.iter().position(|group| *group == name.it);
                    let Some(group) = group else { continue };
                    (Self::group(group), usize::from(matches!(one, Somebody::In(_))))
                }
                Somebody::Verified => {
                    let at = self.variables.iter().position(|variable| *variable == Variable::Verified);
                    let Some(at) = at else { continue };
                    (self.other(at), 1)
                }
            };
            let inside = self.diagram.value(level, |v| v == wanted)?;
            set = self.diagram.or(set, inside)?;
        }
        Ok(set)
    }
}

impl Both {
    /// What is known of a condition that could not be read.
    pub(super) const UNKNOWN: Self = Self { may: Set::ALL, must: Set::NONE };

    pub(super) const fn exactly(set: Set) -> Self {
        Self { may: set, must: set }
    }
}

impl<'t> Seen<'t> {
    fn block(&mut self, block: &'t Block, direction: Direction) {
        for Rule { when, then, .. } in &block.rules {
            if let When::Cond(cond) = when {
                self.cond(cond, direction);
            }
            if let Then::Block(inner) = then {
                self.block(inner, direction);
            }
        }
    }

    /// A condition of the wrong tree does not count.
    fn cond(&mut self, cond: &'t Cond, direction: Direction) {
        match cond {
            Cond::Any(list) | Cond::All(list) => list.iter().for_each(|cond| self.cond(cond, direction)),
            Cond::Not(inner) => self.cond(inner, direction),
            Cond::Atom(atom) => match (direction, &atom.it) {
                (Direction::Incoming, Atom::Caller(list)) | (Direction::Outgoing, Atom::To(list)) => {
                    for one in list {
                        self.somebody(one);
                    }
                }
                (_, Atom::Time(times)) => self.times.push(Condition { times, clock: self.clock }),
                (_, atom) => self.variables.add(atom),
            },
            Cond::Faulty => {}
        }
    }

    fn somebody(&mut self, somebody: &Somebody) {
        match somebody {
            Somebody::Like(pattern) => {
                self.literals.insert(pattern.clone());
            }
            Somebody::In(name) | Somebody::Outside(name) => {
                if name.it != INVISIBLE && !self.groups.contains(&name.it) {
                    self.groups.push(name.it.clone());
                }
            }
            Somebody::Verified => self.variables.once(Variable::Verified),
            Somebody::Contact => {}
        }
    }
}
