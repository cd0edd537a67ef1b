//! What is wrong with a configuration: every fault with its place, its words, and a way out.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// The stable name of a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The file is no TOML.
    Syntax,
    /// A key that nobody reads.
    UnknownKey,
    /// A value of another kind than the key takes.
    WrongKind,
    /// A value of the right kind that cannot be.
    BadValue,
    /// A key that has to be there.
    Missing,
    /// Something that stands there already.
    Repeated,
    /// Part of ratatosk, but not of this version.
    Later,
    /// A `file:` or `env:` reference that leads nowhere.
    Reference,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// A way out.
    pub help: String,
    /// Where in the file; `None` for an environment variable.
    pub span: Option<Range<usize>>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct Faults {
    source: NamedSource<String>,
    list: Vec<Fault>,
}

impl Code {
    /// The name that scripts may rely on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "config::syntax",
            Self::UnknownKey => "config::unknown-key",
            Self::WrongKind => "config::wrong-kind",
            Self::BadValue => "config::bad-value",
            Self::Missing => "config::missing",
            Self::Repeated => "config::repeated",
            Self::Later => "config::later",
            Self::Reference => "config::reference",
        }
    }
}

impl Faults {
    pub(super) fn new(name: &str, source: &str, mut list: Vec<Fault>) -> Self {
        list.sort_by_key(|fault| fault.span.as_ref().map_or(usize::MAX, |span| span.start));
        Self { source: NamedSource::new(name, source.to_owned()), list }
    }

    /// Each of them, in the order of the file; those of the environment last.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.list.iter()
    }

    /// As people read it, for a terminal with colours or for a plain text.
    pub fn render(&self, colours: bool) -> String {
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        let mut text = String::new();
        for fault in &self.list {
            let placed = Placed { fault, source: &self.source };
            // Writing to a String does not fail; a span that did not fit would leave the message out.
            if handler.render_report(&mut text, &placed).is_err() {
                text.push_str(&fault.message);
            }
        }
        text
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        write!(f, "{count} fault{} in {}", if count == 1 { "" } else { "s" }, self.source.name())
    }
}

impl std::error::Error for Faults {}

/// A fault with the source it is in, for printing.
#[derive(Debug)]
struct Placed<'a> {
    fault: &'a Fault,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Placed<'_> {}

impl Diagnostic for Placed<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.fault.code.as_str()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.fault.help.as_str()))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.fault.span.clone()?;
        let label = LabeledSpan::new(Some("here".into()), span.start, span.len().max(1));
        Some(Box::new(std::iter::once(label)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source: &dyn SourceCode = self.source;
        self.fault.span.is_some().then_some(source)
    }
}
