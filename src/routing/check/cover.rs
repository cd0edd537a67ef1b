//! The proof that each block is total and each rule reachable, and that targets fit what reaches them.
//!
//! All requests fall into finitely many cases (see [`Space`]). Block by block, from the cases that
//! enter it, each rule takes those in which its condition holds: a rule that takes none is dead, and
//! a case that is left at the end has no rule. Where a condition could not be read, what *may* match
//! it and what *must* differ, so that one fault does not breed others.

use std::collections::BTreeSet;

use super::super::ast::{Block, File, Rule, Then, Tree, When};
use super::super::fault::{Code, Fault, Faults, Span};
use super::super::names::Names;
use super::diagram::{Set, Spent};
use super::example::example;
use super::space::{Both, Space};
use super::types::types;
use crate::base::Limits;

/// Checks every block of a file.
pub(in super::super) fn cover(file: &File, limits: &Limits, names: Option<&Names>, faults: &mut Vec<Fault>) {
    for tree in &file.trees {
        match Space::with_later(tree, limits.tree_check_steps) {
            Ok(space) => Cover { space, names, faults, total: BTreeSet::new(), shadows: 0 }.tree(tree),
            Err(fault) => faults.push(fault),
        }
    }
}

struct Cover<'a> {
    space: Space,
    names: Option<&'a Names>,
    faults: &'a mut Vec<Fault>,
    /// Where the blocks begin of which it is known whether they are total.
    total: BTreeSet<usize>,
    /// For how many dead rules was told what shadows them.
    shadows: usize,
}

impl Cover<'_> {
    fn tree(&mut self, tree: &Tree) {
        let arriving = Both::exactly(self.space.universe);
        if self.block(arriving, tree.head, &tree.block).is_err() {
            self.unproved(tree.head, &tree.block);
        }
    }

    fn block(&mut self, entering: Both, head: Span, block: &Block) -> Result<(), Spent> {
        let mut arriving = entering;
        let mut earlier: Vec<(Span, Set)> = Vec::new();
        for rule in &block.rules {
            let holds = self.space.when(&rule.when)?;
            // What a rule takes is no longer among what is left.
            let left = self.space.diagram.without(arriving.may, holds.may)?;
            match &rule.then {
                _ if left == arriving.may => {
                    let wanted = self.space.diagram.and(entering.may, holds.may)?;
                    self.dead(rule, wanted, &earlier)?;
                }
                Then::Block(inner) => {
                    let may = self.space.diagram.and(arriving.may, holds.may)?;
                    let taken = Both { may, must: self.space.diagram.and(arriving.must, holds.must)? };
                    self.block(taken, rule.span, inner)?;
                }
                Then::Line(line) => {
                    types(line, self.space.modes_lost(arriving.may, left), self.names, self.faults);
                }
            }
            let diagram = &mut self.space.diagram;
            let may = diagram.without(arriving.may, holds.must)?;
            arriving = Both { may, must: diagram.without(arriving.must, holds.may)? };
            earlier.push((rule.span, holds.must));
        }
        if let Some(example) = example(&mut self.space, arriving.must) {
            let fault = Fault::new(Code::NotTotal, head, format!("{example} reaches no rule"));
            let fault =
                fault.here("in this block").label(block.close, "it ends here without a rule for that");
            self.faults.push(fault.help("let the last rule be `otherwise -> …`"));
        }
        self.total.insert(block.open.start);
        Ok(())
    }

    /// Notes a rule that no request reaches, and the rules that take what it asks for.
    fn dead(&mut self, rule: &Rule, wanted: Set, earlier: &[(Span, Set)]) -> Result<(), Spent> {
        let fault = |message: &str| Fault::new(Code::DeadRule, rule.span, message).here("never reached");
        if wanted == Set::NONE {
            let fault = fault("this condition never holds here");
            self.faults.push(fault.help("it contradicts itself, or the condition of the block around it"));
            return Ok(());
        }
        let mut shadows: Vec<Span> = Vec::new();
        let mut left = wanted;
        self.shadows += 1;
        // Of a file that is dead all over, not every rule can be told about.
        let earlier = if self.shadows > Faults::MOST { &[] } else { earlier };
        for (span, taken) in earlier {
            let less = self.space.diagram.without(left, *taken)?;
            if less != left {
                left = less;
                shadows.push(*span);
                if self.space.diagram.without(wanted, *taken)? == Set::NONE {
                    shadows = vec![*span];
                }
            }
            if left == Set::NONE {
                break;
            }
        }
        let several = shadows.len() > 1;
        let told = if several { "the rules above take it all" } else { "a rule above takes it all" };
        let fault = fault(&format!("no request reaches this rule: {told}"));
        let text = if several { "takes a part of it" } else { "takes all of it" };
        let fault = shadows.iter().take(5).fold(fault, |fault, span| fault.label(*span, text));
        self.faults.push(fault.help("put the narrower rule first, or leave this one out"));
        Ok(())
    }

    /// The proof would take too long: what is left of it is what can be seen, a last `otherwise`.
    fn unproved(&mut self, head: Span, block: &Block) {
        for rule in &block.rules {
            if let Then::Block(inner) = &rule.then {
                self.unproved(rule.span, inner);
            }
        }
        let ends_well = block.rules.last().is_some_and(|rule| rule.when == When::Otherwise);
        if !ends_well && !self.total.contains(&block.open.start) {
            let message = "this block has too many cases for all of them to be checked";
            let fault = Fault::new(Code::TooComplex, head, message).here("in this block");
            let fault = fault.label(block.close, "no `otherwise` stands last");
            self.faults.push(fault.help("add `otherwise -> …` as its last rule"));
        }
    }
}
