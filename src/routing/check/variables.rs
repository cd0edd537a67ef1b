//! What a tree can look at besides who, what, when and where: each such fact is a variable with the
//! values that the tree tells apart, and one for all others.
//!
//! A number falls into one of the intervals between the bounds that the tree names. Words in a message
//! are free: of two texts that are looked for, both, one or none may be there, whatever they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::super::ast::Atom;
use super::super::content::{Content, Header, How, Language, Piece};
use super::super::lex::escape;
use super::super::route::Facts;
use super::super::sought::Words;
use super::super::values::{Account, Amount, Bound, Named};
use super::super::words::Status;

/// A fact and its values.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Variable {
    /// Each status is a value.
    Status,
    /// No; yes.
    Verified,
    /// The texts that are named; any other; for what may be missing: none.
    Named(Named, Vec<String>),
    /// The smallest number of each interval.
    Amount(Amount, Vec<i64>),
    /// No; yes.
    Says(Piece, How, String),
    /// No; yes.
    Language(Language),
}

/// The variables that the conditions of a tree look at.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) list: Vec<Variable>,
}

impl Variables {
    /// Adds what an atom looks at.
    pub(super) fn add(&mut self, atom: &Atom) {
        match atom {
            Atom::Status(_) => self.once(Variable::Status),
            Atom::Named(of, texts) => {
                let texts = texts.iter().map(|text| text.it.clone());
                for variable in &mut self.list {
                    if let Variable::Named(own, list) = variable
                        && own == of
                    {
                        return list.extend(texts);
                    }
                }
                self.list.push(Variable::Named(of.clone(), texts.collect()));
            }
            Atom::Amount(of, bounds) => {
                let turns = bounds.iter().map(|bound| bound.turn()).filter(|turn| *turn > of.least());
                for variable in &mut self.list {
                    if let Variable::Amount(own, cells) = variable
                        && own == of
                    {
                        return cells.extend(turns);
                    }
                }
                self.list.push(Variable::Amount(*of, std::iter::once(of.least()).chain(turns).collect()));
            }
            Atom::Says(piece, how, list) => {
                for text in list {
                    self.once(Variable::Says(*piece, *how, text.clone()));
                }
            }
            Atom::Language(list) => {
                for language in list {
                    self.once(Variable::Language(language.clone()));
                }
            }
            Atom::Mode(_) | Atom::Caller(_) | Atom::To(_) | Atom::Registered => {}
            Atom::RegisteredForMode | Atom::Urgent | Atom::Time(_) => {}
        }
    }

    /// Adds a variable that has nothing to be added to it.
    pub(super) fn once(&mut self, variable: Variable) {
        if !self.list.contains(&variable) {
            self.list.push(variable);
        }
    }

    /// All of them have been added. `None` if they are more than `most`, values counted one by one.
    pub(super) fn done(mut self, most: usize) -> Option<Vec<Variable>> {
        for variable in &mut self.list {
            match variable {
                Variable::Named(_, texts) => sort(texts),
                Variable::Amount(_, cells) => sort(cells),
                Variable::Status | Variable::Verified | Variable::Says(..) | Variable::Language(_) => {}
            }
        }
        let values: usize = self.list.iter().map(Variable::width).sum();
        (values <= most).then_some(self.list)
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    *list = std::mem::take(list).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
}

impl Variable {
    /// How many values it has.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Status => Status::ALL.len(),
            Self::Named(_, texts) => texts.len() + 2,
            Self::Amount(_, cells) => cells.len(),
            Self::Verified | Self::Says(..) | Self::Language(_) => 2,
        }
    }

    /// Whether an atom holds if it has a value; `None` if the atom does not look at it.
    pub(super) fn holds(&self, atom: &Atom, value: usize) -> Option<bool> {
        match (self, atom) {
            (Self::Status, Atom::Status(list)) => {
                Some(Status::ALL.get(value).is_some_and(|status| list.contains(status)))
            }
            (Self::Named(own, texts), Atom::Named(of, list)) if own == of => Some(match list.as_slice() {
                [] => value <= texts.len(),
                list => texts.get(value).is_some_and(|text| list.iter().any(|one| one.it == *text)),
            }),
            (Self::Amount(own, cells), Atom::Amount(of, bounds)) if own == of => {
                let holds = |number: &i64| bounds.iter().any(|bound: &Bound| bound.holds(*number));
                Some(cells.get(value).is_some_and(holds))
            }
            (Self::Says(piece, how, text), Atom::Says(of, by, list)) => {
                (piece == of && how == by && list.contains(text)).then_some(value == 1)
            }
            (Self::Language(language), Atom::Language(list)) => list.contains(language).then_some(value == 1),
            _ => None,
        }
    }

    /// A value as a circumstance: `your status is away`.
    pub(super) fn told(&self, value: usize) -> Option<String> {
        let no = if value == 0 { "not " } else { "" };
        Some(match self {
            Self::Status => format!("your status is {}", Status::ALL.get(value)?),
            Self::Verified => format!("the caller is {no}verified"),
            Self::Named(of, texts) => match (of, texts.get(value)) {
                (Named::Account, Some(text)) => format!("your account is {}", escape(text)),
                (Named::Account, None) => "your account is of another kind".to_owned(),
                (Named::Device, Some(text)) => format!("{} sends it", escape(text)),
                (Named::Device, None) => "no device that is named here sends it".to_owned(),
                (Named::Property(key), Some(text)) => {
                    format!("your property {} is {}", escape(key), escape(text))
                }
                (Named::Property(key), None) if value > texts.len() => {
                    format!("your property {} is not set", escape(key))
                }
                (Named::Property(key), None) => format!("your property {} is something else", escape(key)),
            },
            Self::Amount(of, cells) => {
                let what = match of {
                    Amount::Credit => "your credit",
                    Amount::Size => "its size",
                };
                match (cells.get(value)?, cells.get(value + 1)) {
                    (&i64::MIN, next) => {
                        format!("{what} is {}", next.map_or(0, |next| next.saturating_sub(1)))
                    }
                    (number, _) => format!("{what} is {number}"),
                }
            }
            Self::Says(piece, how, text) => {
                let how = match (how, value) {
                    (How::Contains, 0) => "does not contain",
                    (How::Matches, 0) => "does not match",
                    (how, _) => &how.to_string(),
                };
                format!("its {piece} {how} {}", escape(text))
            }
            Self::Language(language) => format!("its language is {no}{language}"),
        })
    }

    /// Whether each owner of a tree has his own, while a message takes the others with it from tree to tree.
    pub(super) const fn is_owners(&self) -> bool {
        match self {
            Self::Status | Self::Named(..) | Self::Amount(Amount::Credit, _) => true,
            Self::Verified | Self::Amount(Amount::Size, _) | Self::Says(..) | Self::Language(_) => false,
        }
    }

    /// The value that a value of another variable is of this one; `None` if they are of different facts.
    /// Numbers are told apart here no better than there.
    pub(super) fn value_of(&self, other: &Self, value: usize) -> Option<usize> {
        match (self, other) {
            (Self::Amount(of, cells), Self::Amount(like, finer)) if of == like => {
                let least = finer.get(value)?;
                cells.partition_point(|cell| cell <= least).checked_sub(1)
            }
            (one, other) => (one == other).then_some(value),
        }
    }

    /// Whether what a message says agrees with a value; facts of other kinds always do.
    pub(super) fn is_said(&self, value: usize, content: &Content) -> bool {
        match self {
            Self::Says(piece, how, words) => content.says(*piece, &Words::new(*how, words)) == (value == 1),
            Self::Language(language) => content.is_in(language) == (value == 1),
            Self::Status | Self::Verified | Self::Named(..) | Self::Amount(..) => true,
        }
    }

    /// Whether two of them cannot have these values together.
    pub(super) fn excludes(&self, value: usize, other: &Self, its: usize) -> bool {
        match (self, other) {
            (Self::Language(narrow), Self::Language(wide)) => {
                narrow != wide && wide.covers(narrow) && value == 1 && its == 0
            }
            _ => false,
        }
    }
}

/// Makes facts in which each variable has a value. What a message says is put together from the words
/// that it has to hold; whether that holds others too is for who asks to see.
pub(super) fn choose(variables: &[Variable], values: impl Iterator<Item = usize>, facts: &mut Facts) {
    let mut account = Account::default();
    let mut properties = Vec::new();
    let mut pieces: BTreeMap<Piece, Vec<String>> = BTreeMap::new();
    let mut languages = Vec::new();
    let mut size = None;
    for (variable, value) in variables.iter().zip(values) {
        match variable {
            Variable::Status => facts.status = Status::ALL.get(value).copied().unwrap_or_default(),
            Variable::Verified => facts.verified = value == 1,
            Variable::Named(of, texts) => {
                let other = || "something else".to_owned();
                let text = (value <= texts.len()).then(|| texts.get(value).cloned().unwrap_or_else(other));
                match (of, text) {
                    (Named::Account, text) => account.kind = text.unwrap_or_else(other).into(),
                    (Named::Property(key), Some(text)) => properties.push(((&**key).into(), text.into())),
                    (Named::Property(_), None) => {}
                    (Named::Device, text) => facts.device = text.map(Into::into),
                }
            }
            Variable::Amount(of, cells) => {
                let least = cells.get(value).copied().unwrap_or(0);
                let next = cells.get(value + 1).map_or(0, |next| next.saturating_sub(1));
                let number = if least == i64::MIN { next } else { least };
                match of {
                    Amount::Credit => account.credit = number,
                    Amount::Size => size = Some(number),
                }
            }
            Variable::Says(piece, how, words) if value == 1 => {
                let words = match how {
                    How::Contains => words.clone(),
                    How::Matches => words.replace('*', ""),
                };
                pieces.entry(*piece).or_default().push(words);
            }
            Variable::Language(language) if value == 1 => languages.push(language.tag()),
            Variable::Says(..) | Variable::Language(_) => {}
        }
    }
    account.properties = properties.into();
    facts.account = Some(Arc::new(account));
    let text = pieces.remove(&Piece::Body).unwrap_or_default().join(" ");
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(text.len());
    let headers = pieces.into_iter().filter_map(|(piece, words)| match piece {
        Piece::Body => None,
        Piece::Header(header) => Some((header, Bytes::from(words.join(" ")))),
    });
    let language =
        (!languages.is_empty()).then(|| (Header::AcceptLanguage, Bytes::from(languages.join(", "))));
    facts.content = Some(Arc::new(Content::new(headers.chain(language), text.into(), size)));
}
