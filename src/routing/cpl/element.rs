//! The elements of a script, and all that is known here of XML.

use roxmltree::{Document, Node, ParsingOptions};

use super::super::fault::{Code, Fault, Span};

/// The elements of CPL are in this one; those of older scripts are in none.
const NAMESPACE: &str = "urn:ietf:params:xml:ns:cpl";
/// So many pieces of XML a script may have.
const NODES_MAX: u32 = 20_000;

/// So many namespaces it may name: each of them is held against all others at every element.
const NAMESPACES_MAX: usize = 100;

const DOCUMENT_TYPE: &str = "<!DOCTYPE";

/// An element of a script.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Element<'x>(Node<'x, 'x>);

/// Reads a script. Document types are refused, and with them every entity but those of XML itself.
pub(super) fn read(script: &str) -> Result<Document<'_>, Fault> {
    if let Some((at, name)) = script.match_indices("xmlns").nth(NAMESPACES_MAX) {
        let message = format!("a script names at most {NAMESPACES_MAX} namespaces");
        return Err(Fault::new(Code::TooLarge, Span::new(at, at + name.len()), message));
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(script, options).map_err(|error| {
        let place = error.pos();
        let at = offset(script, place.row, place.col);
        let here = Span::new(at, at);
        if matches!(error, roxmltree::Error::DtdDetected) {
            let start = script.find(DOCUMENT_TYPE).unwrap_or(at);
            let span = Span::new(start, start + DOCUMENT_TYPE.len());
            let message = "a script has no document type here: it could draw in other files";
            return Fault::new(Code::Xml, span, message).help("take the line `<!DOCTYPE …>` out");
        }
        if matches!(error, roxmltree::Error::NodesLimitReached) {
            return Fault::new(Code::TooLarge, here, format!("a script has at most {NODES_MAX} pieces"));
        }
        Fault::new(Code::Xml, here, format!("this is no XML: {error}"))
            .help("a script begins with `<cpl xmlns=\"urn:ietf:params:xml:ns:cpl\">`")
    })
}

/// The byte at a row and column, both from 1, the column in characters.
fn offset(text: &str, row: u32, column: u32) -> usize {
    let index = |from_one: u32| usize::try_from(from_one.saturating_sub(1)).unwrap_or(0);
    let start = text.match_indices('\n').map(|(at, _)| at + 1).nth(index(row).wrapping_sub(1));
    let start = if row > 1 { start.unwrap_or(text.len()) } else { 0 };
    let line = text.get(start..).unwrap_or_default();
    start + line.char_indices().nth(index(column)).map_or(line.len(), |(at, _)| at)
}

impl<'x> Element<'x> {
    /// The element that holds all the others.
    pub(super) fn root(document: &'x Document<'x>) -> Self {
        Self(document.root_element())
    }

    /// Its name, if it is one of CPL and no extension.
    pub(super) fn name(self) -> Option<&'x str> {
        let tag = self.0.tag_name();
        matches!(tag.namespace(), None | Some(NAMESPACE)).then(|| tag.name())
    }

    /// Its name, as a message shows it.
    pub(super) fn told(self) -> String {
        format!("`<{}>`", self.0.tag_name().name())
    }

    /// The elements in it.
    pub(super) fn children(self) -> impl Iterator<Item = Self> + 'x {
        self.0.children().filter(Node::is_element).map(Self)
    }

    /// All elements in it, however deep.
    pub(super) fn inner(self) -> impl Iterator<Item = Self> + 'x {
        self.0.descendants().skip(1).filter(Node::is_element).map(Self)
    }

    /// The value of an attribute.
    pub(super) fn attribute(self, name: &str) -> Option<&'x str> {
        self.0.attribute(name)
    }

    /// The names of its attributes, those of other namespaces left out, and where they stand.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'x str, Span)> + 'x {
        let own = |one: &roxmltree::Attribute<'x, 'x>| one.namespace().is_none();
        self.0.attributes().filter(own).map(|one| (one.name(), Span::new(one.range().start, one.range().end)))
    }

    /// Where an attribute stands, or else the element.
    pub(super) fn span_of(self, attribute: &str) -> Span {
        self.attributes().find(|(name, _)| *name == attribute).map_or_else(|| self.span(), |(_, span)| span)
    }

    /// Where its name stands.
    pub(super) fn span(self) -> Span {
        let start = self.0.range().start;
        Span::new(start, start + 1 + self.0.tag_name().name().len())
    }
}
