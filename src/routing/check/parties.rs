//! The finite partition of all callers, or all called parties, that a tree can tell apart.
//!
//! Two parties are in one cell when every address, cluster and number of the tree matches both or
//! neither. Each cell has a witness. The cells are exact: a text matches the longest beginning
//! and the longest end it has among the patterns, and whether a text with just these exists is
//! found by searching for letters that lead away from all longer patterns.

use std::collections::{BTreeSet, VecDeque};

use super::super::pattern::{Pattern, Shape};
use super::super::question::Party;
use crate::base::Uid;

/// How many different addresses and numbers a tree may tell apart.
const LITERALS_MAX: usize = 1_000;
/// How many pairs of a beginning and an end they may form.
const PAIRS_MAX: usize = 4_096;

/// Letters for addresses; those of the world stand for all that no pattern will have thought of.
const LETTERS: &str = "xabcdefghijklmnopqrstuvwyz0123456789-_.éøñжλ中あ";
/// What numbers are made of. No pattern can name a `*`, so there is always a way to lead on.
const DIGITS: &str = "5012346789#*";

/// A set of parties that no condition of the tree tells apart.
pub(super) struct Cell {
    pub(super) witness: Witness,
    /// By literal: whether it matches.
    matched: Vec<bool>,
}

/// A party as an example.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Witness {
    Anonymous,
    User(Uid),
    Number(String),
}

/// The literals of a tree and the cells they make.
pub(super) struct Parties {
    literals: Vec<Pattern>,
    pub(super) cells: Vec<Cell>,
}

/// There are too many literals to tell apart.
#[derive(Debug)]
pub(super) struct TooMany;

impl Parties {
    /// Partitions callers (who may be anonymous) or called parties (who may not).
    pub(super) fn new(literals: BTreeSet<Pattern>, may_be_anonymous: bool) -> Result<Self, TooMany> {
        let literals: Vec<Pattern> = literals.into_iter().collect();
        let users = Family::of(literals.iter().filter_map(|p| match p {
            Pattern::User(shape) => Some(shape),
            Pattern::Anonymous | Pattern::Number(_) => None,
        }));
        let numbers = Family::of(literals.iter().filter_map(|p| match p {
            Pattern::Number(shape) => Some(shape),
            Pattern::Anonymous | Pattern::User(_) => None,
        }));
        if literals.len() > LITERALS_MAX || users.pairs() + numbers.pairs() > PAIRS_MAX {
            return Err(TooMany);
        }
        let mut parties = Self { literals, cells: Vec::new() };
        let mut seen = BTreeSet::new();
        let users =
            users.addresses().into_iter().filter_map(|text| Uid::parse(&text).ok()).map(Witness::User);
        let numbers = numbers.numbers().into_iter().filter(|text| is_number(text)).map(Witness::Number);
        let anonymous = may_be_anonymous.then_some(Witness::Anonymous);
        for witness in users.chain(anonymous).chain(numbers) {
            let matched: Vec<bool> = parties.literals.iter().map(|p| p.matches(witness.party())).collect();
            if seen.insert((witness.kind(), matched.clone())) {
                parties.cells.push(Cell { witness, matched });
            }
        }
        Ok(parties)
    }

    /// The cell that somebody is in.
    pub(super) fn cell_of(&self, somebody: &Witness) -> Option<usize> {
        let matched: Vec<bool> = self.literals.iter().map(|p| p.matches(somebody.party())).collect();
        let is_his = |cell: &Cell| cell.matched == matched && cell.witness.kind() == somebody.kind();
        self.cells.iter().position(is_his)
    }

    /// Which cells any of `patterns` matches.
    pub(super) fn matching<'p>(&self, patterns: impl Iterator<Item = &'p Pattern>) -> Vec<bool> {
        let indices: Vec<usize> = patterns.filter_map(|p| self.literals.binary_search(p).ok()).collect();
        let hit = |cell: &Cell| indices.iter().any(|i| cell.matched.get(*i) == Some(&true));
        self.cells.iter().map(hit).collect()
    }
}

impl Cell {
    /// Whether the tree names these parties at all.
    pub(super) fn is_named(&self) -> bool {
        self.matched.contains(&true)
    }
}

impl Witness {
    pub(super) fn party(&self) -> Party<'_> {
        match self {
            Self::Anonymous => Party::Anonymous,
            Self::User(uid) => Party::User(uid),
            Self::Number(number) => Party::Number(number),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Anonymous => 0,
            Self::User(_) => 1,
            Self::Number(_) => 2,
        }
    }
}

/// The texts of one kind that a tree names: whole, by beginning, by end.
#[derive(Default)]
struct Family {
    whole: BTreeSet<String>,
    /// With the empty beginning.
    begins: BTreeSet<String>,
    /// Reversed, with the empty end.
    ends: BTreeSet<String>,
}

impl Family {
    fn of<'p>(shapes: impl Iterator<Item = &'p Shape>) -> Self {
        let mut family = Self::default();
        family.begins.insert(String::new());
        family.ends.insert(String::new());
        for shape in shapes {
            match shape {
                Shape::Exactly(text) => family.whole.insert(text.to_string()),
                Shape::Begins(text) => family.begins.insert(text.to_string()),
                Shape::Ends(text) => family.ends.insert(reversed(text)),
            };
        }
        family
    }

    fn pairs(&self) -> usize {
        self.begins.len() * self.ends.len()
    }

    /// A text for every combination that an address can have; some are no addresses.
    fn addresses(&self) -> Vec<String> {
        let away: Vec<(&String, Option<String>)> = self
            .begins
            .iter()
            .map(|b| (b, away_from(b, &self.begins, &["someone", "another"], LETTERS)))
            .collect();
        let towards: Vec<(String, Option<String>)> = self
            .ends
            .iter()
            .map(|e| {
                let words: &[&str] =
                    if e.is_empty() { &["tset.erehwesle", "elpmaxe.erehwesle"] } else { &[] };
                (reversed(e), away_from(e, &self.ends, words, LETTERS).map(|text| reversed(&text)))
            })
            .collect();
        let mut texts = Vec::new();
        for (begin, left) in &away {
            for (end, right) in &towards {
                let (Some(left), Some(right)) = (left, right) else { continue };
                match (begin.contains('@'), end.contains('@')) {
                    (true, true) => {
                        let user = begin.split('@').next().unwrap_or_default();
                        let cluster = end.split('@').next_back().unwrap_or_default();
                        texts.push(format!("{user}@{cluster}"));
                    }
                    (false, false) => texts.push(self.unnamed(left, "@", right)),
                    (true, false) => texts.push(self.unnamed(left, "", right)),
                    (false, true) => {
                        texts.push(format!("{left}{end}"));
                        texts.push(self.unnamed(left, "", right));
                    }
                }
            }
        }
        texts.extend(self.whole.iter().cloned());
        texts
    }

    /// A text for every combination that a number can have; some are no numbers.
    fn numbers(&self) -> Vec<String> {
        let left: Vec<_> = self.begins.iter().map(|b| away_from(b, &self.begins, &[], DIGITS)).collect();
        let right: Vec<_> = self
            .ends
            .iter()
            .map(|e| away_from(e, &self.ends, &[], DIGITS).map(|text| reversed(&text)))
            .collect();
        let mut texts = Vec::new();
        for (left, right) in left.iter().flatten().flat_map(|l| right.iter().flatten().map(move |r| (l, r))) {
            texts.push(self.unnamed(left, "", right));
        }
        texts.extend(self.whole.iter().cloned());
        texts
    }

    /// Joins two parts so that the whole is none of those named as a whole. What is put between them stays short,
    /// however many are named.
    fn unnamed(&self, left: &str, joint: &str, right: &str) -> String {
        let filler = |n: usize| if n == 0 { String::new() } else { n.to_string() };
        let joined = |n: usize| format!("{left}{}{joint}{right}", filler(n));
        (0..=self.whole.len()).map(joined).find(|text| !self.whole.contains(text)).unwrap_or_default()
    }
}

/// Extends `begin` until none of the longer patterns can match the result, however it goes on.
fn away_from(begin: &str, patterns: &BTreeSet<String>, words: &[&str], letters: &str) -> Option<String> {
    let leads_to_one = |text: &str| {
        let range = (std::ops::Bound::Included(text), std::ops::Bound::Unbounded);
        patterns.range::<str, _>(range).next().is_some_and(|pattern| pattern.starts_with(text))
    };
    let longer = |p: &&String| p.len() > begin.len() && p.starts_with(begin);
    for word in words {
        let text = format!("{begin}{word}");
        if !leads_to_one(&text) && !patterns.iter().filter(longer).any(|pattern| text.starts_with(&**pattern))
        {
            return Some(text);
        }
    }
    let mut queue = VecDeque::from([begin.to_owned()]);
    while let Some(text) = queue.pop_front() {
        for letter in letters.chars() {
            let next = format!("{text}{letter}");
            if !leads_to_one(&next) {
                return Some(next);
            }
            if !patterns.contains(&next) {
                queue.push_back(next);
            }
        }
    }
    None
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal() -> impl Strategy<Value = Pattern> {
        // Few letters, so that patterns overlap; for numbers all digits, so that they can use up all.
        let user = prop_oneof!["[ab]{1,3}@[ab]{1,3}", "[ab@]{1,3}\\*", "\\*[ab@]{1,3}"];
        let number = prop_oneof!["\\+?[0-3]{1,3}", "\\+?[0-9]\\*", "[0-9]{1,2}\\*", "\\*[0-9]{1,2}"];
        prop_oneof![user, number].prop_filter_map("not a pattern", |text| Pattern::read(&text).ok())
    }

    fn witness() -> impl Strategy<Value = Witness> {
        let user = "[abc]{1,5}@[abc]{1,5}".prop_map(|text| Witness::User(Uid::parse(&text).unwrap()));
        let number = prop_oneof!["\\+?[0-9]{1,5}", "[*#][0-9]{0,2}[*#]?"].prop_map(Witness::Number);
        prop_oneof![user, number, Just(Witness::Anonymous)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn everybody_is_in_a_cell(
            literals in prop::collection::btree_set(literal(), 0..40),
            everybody in prop::collection::vec(witness(), 50),
        ) {
            let parties = Parties::new(literals, true).map_err(|_| TestCaseError::reject("too many"))?;
            for one in everybody {
                let matched: Vec<bool> = parties.literals.iter().map(|p| p.matches(one.party())).collect();
                let cell = parties.cells.iter().find(|c| c.matched == matched && c.witness.kind() == one.kind());
                prop_assert!(cell.is_some(), "{one:?} in {:?}", parties.literals);
            }
        }
    }
}
