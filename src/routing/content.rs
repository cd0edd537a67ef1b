//! What a message says, as far as trees look at it: a few headers, the text of a page, its size.
//!
//! Words are compared without regard to capital letters, and nothing is allocated for it. All rows of a header that is
//! a list are one list.
//!
//! Implements: RFC 4647 §3.3.1 (basic filtering of languages).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use super::lex::escape;
use super::sought::{Words, lower_case};
use super::vocabulary::{CONDITIONS, find};
use super::words::words;

words! {
    /// The headers that a tree may look at: those that pass from the sender to the other side.
    Header {
        /// What it is about (RFC 3261 §20.36).
        Subject = "Subject",
        /// How urgent it is (RFC 3261 §20.26).
        Priority = "Priority",
        /// The languages that its sender understands (RFC 3261 §20.3).
        AcceptLanguage = "Accept-Language",
        /// The language that it is written in (RFC 3261 §20.13).
        ContentLanguage = "Content-Language",
        /// What its body is (RFC 3261 §20.15).
        ContentType = "Content-Type",
        /// What one program tells the other (RFC 7433).
        UserToUser = "User-to-User",
    }
}

/// So many letters of a piece are looked at: looking for many texts stays quick, whatever they are.
const LOOKED_AT: usize = 1_000;

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Content {
    headers: SmallVec<[(Header, Bytes); 2]>,
    text: Bytes,
    size: i64,
}

/// A piece of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Piece {
    /// The text of a page.
    Body,
    /// A header.
    Header(Header),
}

/// How words are looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum How {
    /// They stand somewhere in it.
    Contains,
    /// They are all of it, where a `*` stands for anything.
    Matches,
}

/// A range of languages: `en` is every English, `en-gb` that of Britain. In lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Language(Box<str>);

impl Content {
    /// From headers in their order, the text of a page, and the bytes of a message's body.
    pub fn new(headers: impl IntoIterator<Item = (Header, Bytes)>, text: Bytes, size: usize) -> Self {
        Self { headers: headers.into_iter().collect(), text, size: i64::try_from(size).unwrap_or(i64::MAX) }
    }

    /// Whether it is urgent: Priority `urgent` or `emergency` (RFC 3261 §20.26).
    pub fn is_urgent(&self) -> bool {
        self.header(Header::Priority).is_some_and(|value| {
            let value = value.trim_ascii();
            value.eq_ignore_ascii_case(b"urgent") || value.eq_ignore_ascii_case(b"emergency")
        })
    }

    /// Its headers, in their order, as far as they are looked at; what is no text is left out, as it is where
    /// words are looked for.
    pub fn headers(&self) -> impl Iterator<Item = (Header, Cow<'_, str>)> {
        self.headers.iter().map(move |(header, value)| (*header, looked_at(value)))
    }

    /// The same without the text of a page.
    pub(super) fn without_text(&self) -> Self {
        Self { headers: self.headers.clone(), text: Bytes::new(), size: self.size }
    }

    /// The text of a page.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Bytes of the body.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// The first header of that name.
    pub(super) fn header(&self, header: Header) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| *own == header).map(|(_, value)| value.as_ref())
    }

    /// Every row of a header.
    fn rows(&self, header: Header) -> impl Iterator<Item = &[u8]> + Clone {
        let own = self.headers.iter().filter(move |(own, _)| *own == header);
        own.map(|(_, value)| value.as_ref())
    }

    /// Whether words stand in a piece.
    pub(super) fn says(&self, piece: Piece, words: &Words) -> bool {
        self.read(piece, |text| words.are_in(text))
    }

    /// Hands a piece over in lower case, as far as it is looked at, if it is there.
    pub(super) fn read<R>(&self, piece: Piece, then: impl FnOnce(Option<&[u8]>) -> R) -> R {
        let text = match piece {
            Piece::Body => Some(self.text.as_ref()).filter(|text| !text.is_empty()),
            Piece::Header(header) => self.header(header),
        };
        let Some(text) = text else { return then(None) };
        let more = match piece {
            Piece::Header(header) if header.is_list() => Some(self.rows(header).skip(1)),
            Piece::Body | Piece::Header(_) => None,
        };
        let mut lower = Lower::default();
        lower.add(text);
        for row in more.into_iter().flatten() {
            lower.add(b", ");
            lower.add(row);
        }
        then(Some(lower.text()))
    }

    /// Of languages, each with a bit, those that it is in; where it does not say, those that its sender
    /// understands. A `*` means all that he does not refuse.
    pub(super) fn spoken<'l, L: Iterator<Item = (u64, &'l Language)>>(&self, of: impl Fn() -> L) -> u64 {
        let (mut all, mut found, mut refused) = (0, 0, 0);
        for (tag, is_refused) in self.languages() {
            for (bit, language) in of() {
                let (is_here, set) = match (tag, is_refused) {
                    (b"*", true) => continue,
                    (b"*", false) => (true, &mut all),
                    (_, true) => (language.is_among(tag), &mut refused),
                    (_, false) => (language.has(tag), &mut found),
                };
                *set |= if is_here { bit } else { 0 };
            }
        }
        found | all & !refused
    }

    /// Whether it is in a language; where it does not say, whether its sender understands it.
    pub(super) fn is_in(&self, language: &Language) -> bool {
        self.spoken(|| std::iter::once((1, language))) != 0
    }

    /// The languages that it names, and whether each is refused.
    fn languages(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let written = self.header(Header::ContentLanguage).is_some();
        let rows = self.rows(if written { Header::ContentLanguage } else { Header::AcceptLanguage });
        let looked_at = rows.scan(LOOKED_AT, |left, row| {
            let row = row.get(..*left).unwrap_or(row);
            *left -= row.len();
            Some(row)
        });
        looked_at.flat_map(|row| row.split(|byte| *byte == b',')).map(|entry| {
            let mut parts = entry.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let tag = parts.next().unwrap_or_default();
            let is_nothing = |part: &[u8]| {
                let weight = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
                weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
            };
            (tag, parts.any(is_nothing))
        })
    }
}

/// As much of a piece as is looked at, in lower case: so many letters, of four bytes at most.
struct Lower {
    bytes: [u8; 4 * LOOKED_AT],
    length: usize,
    letters: usize,
}

impl Default for Lower {
    fn default() -> Self {
        Self { bytes: [0; 4 * LOOKED_AT], length: 0, letters: LOOKED_AT }
    }
}

impl Lower {
    /// Adds a text, without what is none in it.
    fn add(&mut self, text: &[u8]) {
        let begin = text.get(..self.letters).unwrap_or(text);
        if begin.is_ascii() {
            self.put(begin);
            self.letters -= begin.len();
            return;
        }
        let letters = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).flat_map(lower_case);
        for letter in letters.take(self.letters) {
            self.put(letter.encode_utf8(&mut [0; 4]).as_bytes());
            self.letters -= 1;
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            place.make_ascii_lowercase();
            self.length = end;
        }
    }

    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Language {
    /// Reads a language tag or the beginning of one. The language itself has two or three letters
    /// (RFC 5646 §2.2.1): no longer one has ever been registered.
    pub(super) fn read(text: &str) -> Option<Self> {
        let good = |(at, part): (usize, &str)| match at {
            0 => (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic()),
            _ => (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        };
        (text.len() <= 35 && text.split('-').enumerate().all(good))
            .then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// As a header writes it.
    pub(super) fn tag(&self) -> &str {
        &self.0
    }

    fn has(&self, tag: &[u8]) -> bool {
        is_within(tag, self.0.as_bytes())
    }

    /// Whether it is one of those that a range of a header means.
    fn is_among(&self, range: &[u8]) -> bool {
        is_within(self.0.as_bytes(), range)
    }

    /// Whether every language of `other` is one of these.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.has(other.0.as_bytes())
    }
}

/// Whether a tag is of a range of languages.
fn is_within(tag: &[u8], range: &[u8]) -> bool {
    let begins = tag.get(..range.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(range));
    begins && tag.get(range.len()).is_none_or(|next| *next == b'-')
}

/// As much of a value as is looked at, without what is no text.
fn looked_at(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) if text.len() <= LOOKED_AT => Cow::Borrowed(text),
        _ => value.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).take(LOOKED_AT).collect(),
    }
}

impl Header {
    /// The header of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|header| header.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether all its rows together are one list (RFC 3261 §7.3.1).
    const fn is_list(self) -> bool {
        match self {
            Self::AcceptLanguage | Self::ContentLanguage | Self::UserToUser => true,
            Self::Subject | Self::Priority | Self::ContentType => false,
        }
    }
}

impl Piece {
    /// A bit for each piece, and none of them the first.
    pub(super) fn bit(self) -> u16 {
        let header = |of| Header::ALL.iter().position(|header| *header == of);
        let at = match self {
            Self::Body => Some(1),
            Self::Header(of) => header(of).map(|at| at + 2),
        };
        at.and_then(|at| u32::try_from(at).ok()).and_then(|at| 1_u16.checked_shl(at)).unwrap_or(0)
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Header(Header::Subject) => f.write_str("subject"),
            Self::Header(header) => write!(f, "header {}", escape(header.as_str())),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contains => "contains",
            Self::Matches => "matches",
        })
    }
}

/// As a tree writes it: in quotes where it would read as something else, such as the `to` of Tonga.
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if find(CONDITIONS, &self.0).is_some() || matches!(&*self.0, "and" | "or" | "not") {
            return f.write_str(&escape(&self.0));
        }
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: Header, value: &'static str) -> Content {
        Content::new([(header, Bytes::from_static(value.as_bytes()))], Bytes::new(), 0)
    }

    #[test]
    fn languages_are_ranges() {
        let is_in = |content: &Content, language: &str| content.is_in(&Language::read(language).unwrap());
        let sender = of(Header::AcceptLanguage, "da, en-gb;q=0.8, fr;q=0");
        assert!(is_in(&sender, "da") && is_in(&sender, "en") && is_in(&sender, "EN-GB"));
        assert!(!is_in(&sender, "fr") && !is_in(&sender, "en-us"));
        let mut page = of(Header::ContentLanguage, "is");
        page.headers.extend(sender.headers);
        assert!(is_in(&page, "is") && !is_in(&page, "da"), "what it is written in goes first");
        for bad in ["", "e", "en_gb", "en-", "1e", "icelandic", "english", "x-klingon", "i-default"] {
            assert_eq!(Language::read(bad), None, "{bad}");
        }
    }

    /// The rows of a list are one list (RFC 3261 §7.3.1), and a star in it stands for what is left.
    #[test]
    fn every_row_counts_and_a_star_is_any_language() {
        let is_in = |rows: &[&'static str], language: &str| {
            let rows = rows.iter().map(|row| (Header::AcceptLanguage, Bytes::from_static(row.as_bytes())));
            Content::new(rows, Bytes::new(), 0).is_in(&Language::read(language).unwrap())
        };
        assert!(
            is_in(&["da", "en;q=0.5"], "en") && is_in(&["da", "en"], "da") && !is_in(&["da", "en"], "no")
        );
        assert!(is_in(&["*"], "is") && is_in(&["da, *;q=0.1"], "en-gb") && !is_in(&["*;q=0"], "is"));
        assert!(!is_in(&["en;q=0, *"], "en") && !is_in(&["en;q=0", "*"], "en-gb"));
        assert!(is_in(&["en-gb;q=0, *"], "en") && !is_in(&["en-gb;q=0.0, *"], "en-gb"));
        let words = |text| Words::new(How::Contains, text);
        let content = Content::new(
            [(Header::AcceptLanguage, "da".into()), (Header::AcceptLanguage, "EN".into())],
            Bytes::new(),
            0,
        );
        assert!(content.says(Piece::Header(Header::AcceptLanguage), &words("da, en")));
    }
}
