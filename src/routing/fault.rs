//! What is wrong with a tree file: every fault with its place, its words, and a way out.
//!
//! A fault has a stable [`Code`], labels that underline pieces of the source, and a help line.
//! `report` prints them.

use std::sync::Arc;

use miette::NamedSource;
use serde::Serialize;

/// A piece of the source, in bytes. Where something stands is no part of what it is, so two
/// spans always compare equal: trees are then equal when they say the same.
#[derive(Clone, Copy, Default, Debug, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// Declares the kinds of fault, each with its stable name.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What kind of fault; its name is stable, so that scripts may rely on it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!("tree::", $text),)+ }
            }
        }
    };
}

codes! {
    /// The file is too large.
    TooLarge = "too-large",
    /// Braces or parentheses nest too deep.
    TooDeep = "too-deep",
    /// The file has too many rules.
    TooManyRules = "too-many-rules",
    /// It has too many cases to check them all.
    TooComplex = "too-complex",
    /// It has more faults than are told.
    TooManyFaults = "too-many-faults",
    /// It is no UTF-8 text.
    Encoding = "encoding",
    /// A character cannot be seen.
    Character = "character",
    /// A text has no closing quote.
    OpenText = "open-text",
    /// Something else should stand here.
    Syntax = "syntax",
    /// A word is not of the language.
    UnknownWord = "unknown-word",
    /// No such time zone.
    UnknownZone = "unknown-zone",
    /// Neither an address nor a number.
    BadAddress = "bad-address",
    /// No time, or out of bounds.
    BadDuration = "bad-duration",
    /// No days and hours, or some that can be read in two ways.
    BadTime = "bad-time",
    /// No whole number.
    BadNumber = "bad-number",
    /// The owner has no group or device of this name.
    UnknownName = "unknown-name",
    /// A device of another kind than is meant.
    WrongDevice = "wrong-device",
    /// Twice, what may be there once.
    Repeated = "repeated",
    /// A word of the other tree.
    WrongTree = "wrong-tree",
    /// A target that can take none of the modes that come to it.
    WrongMode = "wrong-mode",
    /// A case reaches no rule.
    NotTotal = "not-total",
    /// A rule that no case reaches.
    DeadRule = "dead-rule",
    /// An outcome that cannot come here.
    DeadOutcome = "dead-outcome",
    /// A target that would begin to ring too late.
    LateTarget = "late-target",
    /// A way back to the owner.
    ToSelf = "to-self",
    /// A CPL script is no XML that is read here.
    Xml = "xml",
    /// Something of a CPL script that no tree can do.
    NoCounterpart = "no-counterpart",
}

impl Code {
    /// Whether a file with such a fault may not have been read to its end: of what was not read there is nothing
    /// to be said.
    pub(super) const fn ends_reading(self) -> bool {
        matches!(self, Self::TooDeep | Self::TooManyRules | Self::TooComplex)
    }
}

/// An underlined piece of the source.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Label {
    /// What to say below the line.
    pub text: String,
    /// The first byte.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fault {
    /// What kind of fault.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
    /// Where; the first label is the place of the fault.
    pub labels: Vec<Label>,
}

/// Everything that is wrong with a file, in the order of the file.
#[derive(Clone, Debug)]
pub struct Faults {
    pub(super) source: NamedSource<Arc<str>>,
    pub(super) list: Vec<Fault>,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the beginning of this to the end of `other`.
    pub(super) const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    /// The piece of `source` it covers.
    pub(super) fn of(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// The line of its first byte, from 1.
    pub(super) fn line(self, source: &str) -> usize {
        1 + source.get(..self.start).unwrap_or(source).bytes().filter(|byte| *byte == b'\n').count()
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Fault {
    pub(super) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, labels: Vec::new() }.label(span, "here")
    }

    /// Says what the underlined place is.
    pub(super) fn here(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Underlines another piece.
    pub(super) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        let length = span.end.saturating_sub(span.start);
        self.labels.push(Label { text: text.into(), offset: span.start, length, line: 0, column: 0 });
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The line of its place, from 1.
    pub fn line(&self) -> usize {
        self.labels.first().map_or(0, |label| label.line)
    }

    /// The column of its place, from 1, in characters.
    pub fn column(&self) -> usize {
        self.labels.first().map_or(0, |label| label.column)
    }

    fn offset(&self) -> usize {
        self.labels.first().map_or(0, |label| label.offset)
    }
}

impl Faults {
    /// More faults than this in one file are counted, not told.
    pub const MOST: usize = 100;

    pub(super) fn new(source: &str, mut list: Vec<Fault>) -> Self {
        list.sort_by_key(|fault| (fault.offset(), fault.code));
        list.dedup();
        let more = list.len().saturating_sub(Self::MOST);
        list.truncate(Self::MOST);
        if more > 0 {
            let end = Span::new(source.len(), source.len());
            list.push(Fault::new(Code::TooManyFaults, end, format!("{more} more faults are not shown")));
        }
        let lines = Lines::of(source);
        for label in list.iter_mut().flat_map(|fault| &mut fault.labels) {
            (label.line, label.column) = lines.place(source, label.offset);
        }
        Self { source: NamedSource::new("tree", Arc::from(source)), list }
    }

    /// The same, with the name of the file they are in.
    #[must_use]
    pub fn in_file(self, name: &str) -> Self {
        let source = NamedSource::new(name, Arc::clone(self.source.inner()));
        Self { source, list: self.list }
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.list.iter()
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        self.source.name()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Takes bytes for text, or says where they stop being one.
pub fn text_of(source: &[u8]) -> Result<&str, Faults> {
    std::str::from_utf8(source).map_err(|error| {
        let readable = source.get(..error.valid_up_to()).unwrap_or_default();
        let readable = std::str::from_utf8(readable).unwrap_or_default();
        let end = Span::new(readable.len(), readable.len());
        let fault = Fault::new(Code::Encoding, end, "from here on, this file is no UTF-8 text");
        let help = "save it as UTF-8; a tree is plain text";
        Faults::new(readable, vec![fault.here("the text ends here").help(help)])
    })
}

/// Where the lines of a source begin, so that many places are found fast.
struct Lines(Vec<usize>);

impl Lines {
    fn of(source: &str) -> Self {
        let starts = source.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(starts).collect())
    }

    /// Line and column of a byte, both from 1.
    fn place(&self, source: &str, offset: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|i| self.0.get(i)).copied().unwrap_or(0);
        let column = source.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }
}
