//! What a message says, as far as trees look at it: a few headers, the text of a page, its size.
//!
//! Words are compared without regard to capital letters, and nothing is allocated for it.
//!
//! Implements: RFC 4647 §3.3.1 (basic filtering of languages).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use super::lex::escape;
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

    /// Whether words, in lower case, stand in a piece. What is not there holds none.
    pub(super) fn says(&self, piece: Piece, how: How, words: &str) -> bool {
        let text = match piece {
            Piece::Body => Some(self.text.as_ref()).filter(|text| !text.is_empty()),
            Piece::Header(header) => self.header(header),
        };
        let Some(text) = text else { return false };
        let text = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).flat_map(char::to_lowercase);
        let text = text.take(LOOKED_AT);
        match how {
            How::Contains => contains(text, words),
            How::Matches => is_like(text, words),
        }
    }

    /// Whether it is in a language; where it does not say, whether its sender understands it.
    pub(super) fn is_in(&self, language: &Language) -> bool {
        let written = self.header(Header::ContentLanguage);
        let header = written.or_else(|| self.header(Header::AcceptLanguage)).unwrap_or_default();
        let header = header.get(..LOOKED_AT).unwrap_or(header);
        header.split(|byte| *byte == b',').any(|entry| {
            let mut parts = entry.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let tag = parts.next().unwrap_or_default();
            let refused = |part: &[u8]| {
                let weight = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
                weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
            };
            language.has(tag) && !parts.any(refused)
        })
    }
}

impl Language {
    /// Reads a language tag or the beginning of one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let good = |(at, part): (usize, &str)| {
            let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
            (1..=8).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && (letters && part.len() > 1 || at > 0)
        };
        (text.len() <= 35 && text.split('-').enumerate().all(good))
            .then(|| Self(text.to_ascii_lowercase().into()))
    }

    fn has(&self, tag: &[u8]) -> bool {
        let range = self.0.as_bytes();
        let begins = tag.get(..range.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(range));
        begins && tag.get(range.len()).is_none_or(|next| *next == b'-')
    }

    /// Whether every language of `other` is one of these.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.has(other.0.as_bytes())
    }
}

/// As much of a value as is looked at, without what is no text.
fn looked_at(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) if text.len() <= LOOKED_AT => Cow::Borrowed(text),
        _ => value.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).take(LOOKED_AT).collect(),
    }
}

fn contains(mut text: impl Iterator<Item = char> + Clone, words: &str) -> bool {
    loop {
        let mut here = text.clone();
        if words.chars().all(|letter| here.next() == Some(letter)) {
            return true;
        }
        if text.next().is_none() {
            return false;
        }
    }
}

/// Whether a text is a pattern in which each `*` stands for anything.
fn is_like<T: Iterator<Item = char> + Clone>(mut text: T, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    // Where to go on if what follows the last `*` does not fit: the star takes one letter more.
    let mut retry: Option<(std::str::Chars<'_>, T)> = None;
    loop {
        let (mut rest, mut after) = (pattern.clone(), text.clone());
        match (rest.next(), after.next()) {
            (Some('*'), _) => {
                retry = Some((rest.clone(), text.clone()));
                pattern = rest;
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            (Some(letter), Some(found)) if letter == found => (pattern, text) = (rest, after),
            (_, Some(_)) => {
                let Some((from, taken)) = &mut retry else { return false };
                taken.next();
                (pattern, text) = (from.clone(), taken.clone());
            }
        }
    }
}

impl Header {
    /// The header of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|header| header.as_str().eq_ignore_ascii_case(name))
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

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for bad in ["", "e", "en_gb", "en-", "1e", "icelandic"] {
            assert_eq!(Language::read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn stars_stand_for_anything(text in "[abÅ]{0,8}", pattern in "[abå*]{0,6}") {
            let content = Content::new([], text.clone().into(), text.len());
            let text: Vec<char> = text.to_lowercase().chars().collect();
            let words: Vec<char> = pattern.chars().collect();
            let like = |piece, how| content.says(piece, how, &pattern);
            prop_assert_eq!(like(Piece::Body, How::Matches), !text.is_empty() && plainly(&text, &words));
            let found = (0..=text.len()).any(|at| text[at..].starts_with(&words));
            prop_assert_eq!(like(Piece::Body, How::Contains), !text.is_empty() && found);
        }
    }

    fn plainly(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|at| plainly(&text[at..], rest)),
            [letter, rest @ ..] => text.first() == Some(letter) && plainly(&text[1..], rest),
        }
    }
}
