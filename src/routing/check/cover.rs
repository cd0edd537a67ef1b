//! The proof that each block is total and each rule reachable.
//!
//! All requests fall into finitely many cases: six modes, three states of registration, and the
//! cells of [`Parties`]. A [`Region`] is a set of cases. Where a condition could not be read,
//! what *may* match it and what *must* differ, so that one fault does not breed others.

use std::collections::BTreeSet;

use super::super::ast::{Atom, Block, Cond, File, Rule, Then, When};
use super::super::fault::{Code, Fault, Span};
use super::super::pattern::Pattern;
use super::super::words::{Direction, Mode};
use super::parties::{Parties, Witness};

/// Checks every block of a file.
pub(in super::super) fn cover(file: &File, faults: &mut Vec<Fault>) {
    for tree in &file.trees {
        let mut literals = BTreeSet::new();
        literals_of(&tree.block, tree.direction, &mut literals);
        let incoming = tree.direction == Direction::Incoming;
        let Ok(parties) = Parties::new(literals, incoming) else {
            let message = "this tree names too many addresses for all cases to be checked";
            let help =
                "at most 1000 addresses and numbers; name a cluster, `@south.test`, instead of its users";
            faults.push(Fault::new(Code::TooComplex, tree.head, message).help(help));
            continue;
        };
        let all = Region(vec![Region::FULL; parties.cells.len()]);
        let arriving = Both { may: all.clone(), must: all };
        Cover { parties: &parties, direction: tree.direction, faults }.block(
            &arriving,
            tree.head,
            &tree.block,
        );
    }
}

/// Collects the addresses and numbers of a block; those in a condition of the wrong tree do not count.
fn literals_of(block: &Block, direction: Direction, literals: &mut BTreeSet<Pattern>) {
    fn in_cond(cond: &Cond, direction: Direction, literals: &mut BTreeSet<Pattern>) {
        match cond {
            Cond::Any(list) | Cond::All(list) => list.iter().for_each(|c| in_cond(c, direction, literals)),
            Cond::Not(inner) => in_cond(inner, direction, literals),
            Cond::Atom(atom) => match (direction, &atom.it) {
                (Direction::Incoming, Atom::Caller(list)) | (Direction::Outgoing, Atom::To(list)) => {
                    literals.extend(list.iter().cloned());
                }
                (_, Atom::Mode(_) | Atom::Caller(_) | Atom::To(_)) => {}
                (_, Atom::Registered | Atom::RegisteredForMode) => {}
            },
            Cond::Faulty => {}
        }
    }
    for Rule { when, then, .. } in &block.rules {
        if let When::Cond(cond) = when {
            in_cond(cond, direction, literals);
        }
        if let Then::Block(inner) = then {
            literals_of(inner, direction, literals);
        }
    }
}

/// A set of cases: for each cell of parties, a bit for each mode and state of registration.
#[derive(Clone, PartialEq, Debug)]
struct Region(Vec<u32>);

/// What surely is, and what may be.
#[derive(Clone, Debug)]
struct Both {
    may: Region,
    must: Region,
}

impl Region {
    /// States of registration: none; some client; one that can take the mode.
    const STATES: u32 = 3;
    const FULL: u32 = (1 << (6 * Self::STATES)) - 1;

    /// The bits of one state of registration, in every mode.
    fn state(state: u32) -> u32 {
        Mode::ALL.iter().map(|mode| 1 << (mode.index() * Self::STATES + state)).sum()
    }

    /// The bits of one mode, in every state.
    fn mode(mode: Mode) -> u32 {
        ((1 << Self::STATES) - 1) << (mode.index() * Self::STATES)
    }

    fn zip(&self, other: &Self, merge: impl Fn(u32, u32) -> u32) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| merge(*a, *b)).collect())
    }

    fn and(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    fn or(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    fn without(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    fn complement(&self) -> Self {
        Self(self.0.iter().map(|a| !a & Self::FULL).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }
}

impl Both {
    fn exactly(region: Region) -> Self {
        Self { may: region.clone(), must: region }
    }
}

struct Cover<'a> {
    parties: &'a Parties,
    direction: Direction,
    faults: &'a mut Vec<Fault>,
}

impl Cover<'_> {
    fn block(&mut self, entering: &Both, head: Span, block: &Block) {
        let mut arriving = entering.clone();
        for (i, rule) in block.rules.iter().enumerate() {
            let holds = self.when(&rule.when);
            let taken = Both { may: arriving.may.and(&holds.may), must: arriving.must.and(&holds.must) };
            if taken.may.is_empty() {
                let earlier = block.rules.get(..i).unwrap_or_default();
                self.dead(rule, &entering.may.and(&holds.may), earlier);
            } else if let Then::Block(inner) = &rule.then {
                self.block(&taken, rule.span, inner);
            }
            arriving =
                Both { may: arriving.may.without(&holds.must), must: arriving.must.without(&holds.may) };
        }
        if let Some(example) = self.example(&arriving.must) {
            let fault = Fault::new(Code::NotTotal, head, format!("{example} reaches no rule"));
            let fault =
                fault.here("in this block").label(block.close, "it ends here without a rule for that");
            self.faults.push(fault.help("let the last rule be `otherwise -> …`"));
        }
    }

    fn when(&self, when: &When) -> Both {
        match when {
            When::Otherwise => Both::exactly(self.uniform(Region::FULL)),
            When::Cond(cond) => self.cond(cond),
        }
    }

    fn cond(&self, cond: &Cond) -> Both {
        let fold = |list: &[Cond], merge: fn(&Region, &Region) -> Region| {
            let merged = list
                .iter()
                .map(|cond| self.cond(cond))
                .reduce(|a, b| Both { may: merge(&a.may, &b.may), must: merge(&a.must, &b.must) });
            merged.unwrap_or_else(|| self.unknown())
        };
        match cond {
            Cond::Any(list) => fold(list, Region::or),
            Cond::All(list) => fold(list, Region::and),
            Cond::Not(inner) => {
                let inner = self.cond(inner);
                Both { may: inner.must.complement(), must: inner.may.complement() }
            }
            Cond::Atom(atom) => self.atom(&atom.it),
            Cond::Faulty => self.unknown(),
        }
    }

    fn atom(&self, atom: &Atom) -> Both {
        let region = match (self.direction, atom) {
            (_, Atom::Mode(modes)) => {
                self.uniform(modes.iter().fold(0, |bits, mode| bits | Region::mode(*mode)))
            }
            (_, Atom::Registered) => self.uniform(Region::state(1) | Region::state(2)),
            (_, Atom::RegisteredForMode) => self.uniform(Region::state(2)),
            (Direction::Incoming, Atom::Caller(list)) | (Direction::Outgoing, Atom::To(list)) => {
                let cells = self.parties.matching(list);
                Region(cells.into_iter().map(|hit| if hit { Region::FULL } else { 0 }).collect())
            }
            (_, Atom::Caller(_) | Atom::To(_)) => return self.unknown(),
        };
        Both::exactly(region)
    }

    /// The same cases for every party.
    fn uniform(&self, bits: u32) -> Region {
        Region(vec![bits; self.parties.cells.len()])
    }

    /// What is known of a condition that could not be read.
    fn unknown(&self) -> Both {
        Both { may: self.uniform(Region::FULL), must: self.uniform(0) }
    }

    /// Notes a rule that no request reaches, and the rules that take what it asks for.
    fn dead(&mut self, rule: &Rule, wanted: &Region, earlier: &[Rule]) {
        let fault = |message: &str| Fault::new(Code::DeadRule, rule.span, message).here("never reached");
        if wanted.is_empty() {
            let fault = fault("this condition never holds here");
            self.faults.push(fault.help("it contradicts itself, or the condition of the block around it"));
            return;
        }
        let mut shadows: Vec<Span> = Vec::new();
        let mut left = wanted.clone();
        for rule in earlier {
            let taken = self.when(&rule.when).must;
            if left.without(&taken) != left {
                left = left.without(&taken);
                shadows.push(rule.span);
                if wanted.without(&taken).is_empty() {
                    shadows = vec![rule.span];
                }
            }
            if left.is_empty() {
                break;
            }
        }
        let several = shadows.len() > 1;
        let told = if several { "the rules above take it all" } else { "a rule above takes it all" };
        let fault = fault(&format!("no request reaches this rule: {told}"));
        let text = if several { "takes a part of it" } else { "takes all of it" };
        let fault = shadows.iter().take(5).fold(fault, |fault, span| fault.label(*span, text));
        self.faults.push(fault.help("put the narrower rule first, or leave this one out"));
    }

    /// One of the cases of a region, as a person would put it.
    fn example(&self, region: &Region) -> Option<String> {
        let (cell, bits) = self.parties.cells.iter().zip(&region.0).find(|(_, bits)| **bits != 0)?;
        let mode = Mode::ALL.iter().find(|mode| bits & Region::mode(**mode) != 0)?;
        let here = bits & Region::mode(*mode);
        let bit = |state: u32| here & Region::state(state) != 0;
        let state = match (bit(0), bit(1), bit(2)) {
            (true, true, true) => "",
            (true, true, false) => " while no client that takes it is registered",
            (true, false, _) => " while no client is registered",
            (false, true, false) => " while only clients that cannot take it are registered",
            (false, _, true) => " while a client is registered",
            (false, false, false) => return None,
        };
        let anybody = region.0.iter().all(|bits| bits & here == here);
        let side = if self.direction == Direction::Incoming { "from" } else { "to" };
        let party = match &cell.witness {
            _ if anybody => "anybody".to_owned(),
            Witness::Anonymous => "an anonymous caller".to_owned(),
            Witness::User(uid) if cell.is_named() => uid.to_string(),
            Witness::User(uid) => format!("{uid}, whom no rule names,"),
            Witness::Number(number) => format!("the number {number}"),
        };
        Some(format!("{} {side} {party}{state}", mode.request()))
    }
}
