//! Reading keys out of a TOML table: each with its place, each overridable by the environment, and
//! every fault kept until the end.
//!
//! A section learns its keys as they are read; what is left when all have been read is unknown, and
//! the nearest of those it learned is what was meant.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Code, Fault};
use crate::routing::nearest;

/// What every environment variable of ours begins with.
pub(super) const PREFIX: &str = "RATATOSK_";
/// The one that is no key: what the event log tells, as `tracing` filters it.
pub(super) const LOG: &str = "RATATOSK_LOG";

/// What is found out while the file is read.
#[derive(Debug)]
pub(super) struct Reader<'e> {
    environment: &'e BTreeMap<String, String>,
    faults: RefCell<Vec<Fault>>,
    used: RefCell<BTreeSet<String>>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file.
    File(Range<usize>),
    /// In this environment variable.
    Environment(String),
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A table of the file, or one that is missing (whose keys may stand in the environment).
#[derive(Debug)]
pub(super) struct Section<'r, 'e, 's> {
    reader: &'r Reader<'e>,
    /// As the file names it; empty for the root.
    name: String,
    table: Option<&'s DeTable<'s>>,
    pub(super) place: Place,
    /// Whether the environment may override its keys: not in lists of tables.
    overridable: bool,
    known: RefCell<BTreeSet<String>>,
}

impl<'e> Reader<'e> {
    pub(super) fn new(environment: &'e BTreeMap<String, String>) -> Self {
        Self { environment, faults: RefCell::default(), used: RefCell::default() }
    }

    pub(super) fn root<'r, 's>(&'r self, table: &'s Spanned<DeTable<'s>>) -> Section<'r, 'e, 's> {
        Section {
            reader: self,
            name: String::new(),
            table: Some(table.get_ref()),
            place: Place::File(0..0),
            overridable: true,
            known: RefCell::default(),
        }
    }

    /// Notes a fault.
    pub(super) fn fault(
        &self,
        code: Code,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (span, message) = match place {
            Place::File(span) => (Some(span.clone()), message.into()),
            Place::Environment(variable) => {
                (None, format!("{} (in the variable {variable})", message.into()))
            }
        };
        self.faults.borrow_mut().push(Fault { code, message, help: help.into(), span });
    }

    /// All faults, and the variables of ours that no key has.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<String>) {
        let used = self.used.into_inner();
        let strangers = self.environment.keys().filter(|name| !used.contains(*name)).cloned().collect();
        (self.faults.into_inner(), strangers)
    }

    /// The value of a variable that is no key, for an `env:` reference.
    fn variable(&self, name: String) -> Option<Given<String>> {
        self.used.borrow_mut().insert(name.clone());
        let value = self.environment.get(&name)?.clone();
        Some(Given { value, place: Place::Environment(name) })
    }
}

impl<'s> Section<'_, '_, 's> {
    /// Whether the file has this section.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<Given<String>> {
        if let Some(given) = self.overriding(key) {
            return Some(given);
        }
        let value = self.value(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        self.of_kind(key, value, text, "a text in quotes")
    }

    /// A whole number, not negative.
    pub(super) fn number(&self, key: &str) -> Option<Given<u64>> {
        if let Some(Given { value, place }) = self.overriding(key) {
            let number = value.trim().parse().ok();
            if number.is_none() {
                self.wrong_kind(key, &place, "a whole number");
            }
            return number.map(|value| Given { value, place });
        }
        let value = self.value(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        self.of_kind(key, value, number, "a whole number, not negative")
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str) -> Option<Given<bool>> {
        const KIND: &str = "`true` or `false`";
        if let Some(Given { value, place }) = self.overriding(key) {
            let flag = value.trim().parse().ok();
            if flag.is_none() {
                self.wrong_kind(key, &place, KIND);
            }
            return flag.map(|value| Given { value, place });
        }
        let value = self.value(key)?;
        self.of_kind(key, value, value.get_ref().as_bool(), KIND)
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Given<String>>> {
        if let Some(Given { value, place }) = self.overriding(key) {
            let given = |text: &str| Given { value: text.trim().to_owned(), place: place.clone() };
            return Some(value.split(',').filter(|text| !text.trim().is_empty()).map(given).collect());
        }
        let value = self.value(key)?;
        let list = value.get_ref().as_array();
        let list = self.of_kind(key, value, list, "a list of texts, as in [\"one\", \"two\"]")?.value;
        Some(
            list.iter()
                .filter_map(|item| {
                    let text = item.get_ref().as_str().map(str::to_owned);
                    self.of_kind(key, item, text, "a list of texts")
                })
                .collect(),
        )
    }

    /// A table. One that is missing is empty.
    pub(super) fn section(&self, key: &str) -> Self {
        let value = self.value(key);
        let table = value.and_then(|value| {
            self.of_kind(key, value, value.get_ref().as_table(), &format!("a table, as in [{key}]"))
        });
        let place = table.as_ref().map_or(Place::File(0..0), |given| given.place.clone());
        self.below(key, table.map(|given| given.value), place, true)
    }

    /// A list of tables.
    pub(super) fn sections(&self, key: &str) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let kind = format!("a list of tables, each beginning with [[{key}]]");
        let Some(list) = self.of_kind(key, value, value.get_ref().as_array(), &kind) else {
            return Vec::new();
        };
        list.value
            .iter()
            .filter_map(|item| {
                let table = self.of_kind(key, item, item.get_ref().as_table(), &kind)?;
                Some(self.below(key, Some(table.value), table.place, false))
            })
            .collect()
    }

    /// A variable of ours that overrides a whole part of the file.
    pub(super) fn variable(&self, key: &str) -> Option<Given<String>> {
        self.reader.variable(variable_of(&self.name, key))
    }

    /// Notes a fault.
    pub(super) fn fault(
        &self,
        code: Code,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.reader.fault(code, place, message, help);
    }

    /// Every key has been read: those that are left are unknown.
    pub(super) fn finish(self) {
        let known = self.known.into_inner();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if known.contains(name) {
                continue;
            }
            let within = if self.name.is_empty() { "the root".into() } else { format!("[{}]", self.name) };
            let keys = || known.iter().map(String::as_str);
            let help = suggestion(name, keys())
                .unwrap_or_else(|| format!("the keys of {within} are {}", list(keys())));
            let message = format!("{within} has no key `{name}`");
            self.reader.fault(Code::UnknownKey, &Place::File(key.span()), message, help);
        }
    }

    fn below(&self, key: &str, table: Option<&'s DeTable<'s>>, place: Place, overridable: bool) -> Self {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Self { reader: self.reader, name, table, place, overridable, known: RefCell::default() }
    }

    fn overriding(&self, key: &str) -> Option<Given<String>> {
        self.known.borrow_mut().insert(key.to_owned());
        if self.overridable { self.variable(key) } else { None }
    }

    fn value(&self, key: &str) -> Option<&'s Spanned<DeValue<'s>>> {
        self.known.borrow_mut().insert(key.to_owned());
        self.table?.get(key)
    }

    fn of_kind<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: Option<T>,
        kind: &str,
    ) -> Option<Given<T>> {
        let place = Place::File(value.span());
        if read.is_none() {
            self.wrong_kind(key, &place, kind);
        }
        read.map(|value| Given { value, place })
    }

    fn wrong_kind(&self, key: &str, place: &Place, kind: &str) {
        self.reader.fault(
            Code::WrongKind,
            place,
            format!("`{key}` takes something else"),
            format!("it is {kind}"),
        );
    }
}

/// The variable that overrides a key: `store`, `url` → `RATATOSK_STORE_URL`.
fn variable_of(section: &str, key: &str) -> String {
    let separator = if section.is_empty() { "" } else { "_" };
    format!("{PREFIX}{section}{separator}{key}").to_uppercase().replace(['.', '-'], "_")
}

/// What a person who wrote `word` most likely meant: a slip of the finger, or a word half written.
pub(super) fn suggestion<'c>(word: &str, mut words: impl Iterator<Item = &'c str> + Clone) -> Option<String> {
    let half = |other: &&str| word.len() > 2 && (other.starts_with(word) || word.starts_with(*other));
    let meant = nearest(word, words.clone()).or_else(|| words.find(half))?;
    Some(format!("did you mean `{meant}`?"))
}

/// A list of words for a help line.
pub(super) fn list<'c>(words: impl Iterator<Item = &'c str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
