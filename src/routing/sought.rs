//! What a tree looks for in messages: words and languages, each of them once in a decision at most.
//!
//! The first condition that looks at a piece of a message has everything looked for that the tree wants to find there: the
//! piece is brought into lower case, on the stack, and searched for each text. Every condition after that reads a bit.
//! So a decision takes [`SOUGHT_MAX`] looks at most, however often its tree says what it looks for.

use memchr::memmem::{Finder, find};

use super::ast::Atom;
use super::content::{Content, How, Language, Piece};

/// How many texts and languages one tree may look for in messages: a bit for each.
pub(super) const SOUGHT_MAX: usize = 64;

/// Something that a tree looks for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Sought {
    Words(Piece, Words),
    Language(Language),
}

/// A text that is looked for.
#[derive(Clone, Debug)]
pub(super) struct Words {
    how: How,
    text: Box<str>,
    /// Finds the whole text, where it may stand anywhere.
    finder: Option<Finder<'static>>,
}

/// All that one tree looks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct List(Vec<Sought>);

/// What has been found in a message so far.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Found {
    /// A bit for each piece that has been searched.
    searched: u16,
    /// A bit for each of what was found.
    bits: u64,
    /// How often something was looked for.
    pub(super) looks: usize,
}

impl List {
    /// Adds what a condition looks for, unless it is there; the bits of it.
    pub(super) fn add(&mut self, atom: &Atom) -> u64 {
        match atom {
            Atom::Says(piece, how, texts) => texts.iter().fold(0, |bits, text| {
                let text: Box<str> = in_lower_case(text).into();
                let known = |sought: &Sought| matches!(sought, Sought::Words(at, words) if at == piece && words.how == *how && words.text == text);
                bits | self.bit(known, || Sought::Words(*piece, Words::of(*how, text.clone())))
            }),
            Atom::Language(list) => list.iter().fold(0, |bits, one| {
                let known = |sought: &Sought| matches!(sought, Sought::Language(known) if known == one);
                bits | self.bit(known, || Sought::Language(one.clone()))
            }),
            Atom::Mode(_) | Atom::Caller(_) | Atom::To(_) | Atom::Registered => 0,
            Atom::RegisteredForMode | Atom::Urgent | Atom::Time(_) => 0,
            Atom::Status(_) | Atom::Named(..) | Atom::Amount(..) => 0,
        }
    }

    /// How many there are: more than there are bits for are a fault, and one too many is enough to see that.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn bit(&mut self, is_known: impl Fn(&Sought) -> bool, new: impl FnOnce() -> Sought) -> u64 {
        let at = self.0.iter().position(is_known).unwrap_or_else(|| {
            if self.0.len() <= SOUGHT_MAX {
                self.0.push(new());
            }
            self.0.len() - 1
        });
        bit_at(at)
    }

    /// What is looked for in a piece; without one, the languages. With its bit.
    fn of(&self, piece: Option<Piece>) -> impl Iterator<Item = (u64, &Sought)> {
        let bits = self.0.iter().enumerate().map(|(at, sought)| (bit_at(at), sought));
        bits.filter(move |(_, sought)| sought.piece() == piece)
    }
}

impl Sought {
    /// Where it is looked for; `None` for a language.
    fn piece(&self) -> Option<Piece> {
        match self {
            Self::Words(piece, _) => Some(*piece),
            Self::Language(_) => None,
        }
    }
}

impl Found {
    /// Whether any of what is wanted is in a message: words in one of its pieces, or, without a piece, a
    /// language.
    pub(super) fn has(
        &mut self,
        (piece, wanted): (Option<Piece>, u64),
        list: &List,
        content: &Content,
    ) -> bool {
        let place = piece.map_or(1, Piece::bit);
        if self.searched & place == 0 {
            self.searched |= place;
            self.looks += list.of(piece).count();
            self.bits |= match piece {
                Some(piece) => content.read(piece, |text| {
                    let words = list.of(Some(piece)).filter_map(|(bit, sought)| match sought {
                        Sought::Words(_, words) => Some((bit, words)),
                        Sought::Language(_) => None,
                    });
                    words.filter(|(_, words)| words.are_in(text)).fold(0, |found, (bit, _)| found | bit)
                }),
                None => content.spoken(|| {
                    list.of(None).filter_map(|(bit, sought)| match sought {
                        Sought::Language(language) => Some((bit, language)),
                        Sought::Words(..) => None,
                    })
                }),
            };
        }
        self.bits & wanted != 0
    }
}

impl Words {
    /// A text to look for, in any case.
    pub(super) fn new(how: How, text: &str) -> Self {
        Self::of(how, in_lower_case(text).into())
    }

    fn of(how: How, text: Box<str>) -> Self {
        let finder = (how == How::Contains).then(|| Finder::new(text.as_bytes()).into_owned());
        Self { how, text, finder }
    }

    /// Whether they stand in a text in lower case; in none there are none.
    pub(super) fn are_in(&self, text: Option<&[u8]>) -> bool {
        text.is_some_and(|text| match &self.finder {
            Some(finder) => finder.find(text).is_some(),
            None => is_like(text, self.text.as_bytes()),
        })
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.how == other.how && self.text == other.text
    }
}

/// A letter without regard to capitals. The sigma that ends a word is one like the others.
pub(super) fn lower_case(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().map(|letter| if letter == 'ς' { 'σ' } else { letter })
}

fn in_lower_case(text: &str) -> String {
    text.chars().flat_map(lower_case).collect()
}

/// Whether a text is a pattern in which each `*` stands for anything: what is between two of them is looked for where
/// it comes first, which leaves most for what follows.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    let mut pieces = pattern.split(|byte| *byte == b'*');
    let (first, last) = (pieces.next().unwrap_or_default(), pieces.next_back());
    let Some(last) = last else { return text == pattern };
    let Some(mut rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    pieces.all(|piece| match find(rest, piece) {
        Some(at) => {
            rest = rest.get(at + piece.len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

fn bit_at(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn says(content: &Content, how: How, text: &str) -> bool {
        content.says(Piece::Body, &Words::new(how, text))
    }

    fn page(text: &str) -> Content {
        Content::new([], text.to_owned().into(), text.len())
    }

    proptest! {
        #[test]
        fn stars_stand_for_anything(text in "[abÅ]{0,8}", pattern in "[abå*]{0,6}") {
            let content = page(&text);
            let text: Vec<char> = text.to_lowercase().chars().collect();
            let words: Vec<char> = pattern.chars().collect();
            let like = says(&content, How::Matches, &pattern);
            prop_assert_eq!(like, !text.is_empty() && plainly(&text, &words));
            let found = (0..=text.len()).any(|at| text[at..].starts_with(&words));
            prop_assert_eq!(says(&content, How::Contains, &pattern), !text.is_empty() && found);
        }

        /// Whatever capitals and final letters a language has.
        #[test]
        fn every_text_contains_itself(text in "\\PC{1,40}") {
            for written in [text.clone(), text.to_lowercase(), text.to_uppercase().to_lowercase()] {
                prop_assert!(says(&page(&written), How::Contains, &written));
            }
            prop_assert!(says(&page(&text), How::Contains, &text.to_lowercase()));
        }
    }

    #[test]
    fn a_sigma_at_the_end_is_a_sigma() {
        for text in ["ΟΔΟΣ", "οδος", "Οδοσ"] {
            assert!(
                says(&page("Η ΟΔΟΣ"), How::Contains, text)
                    && says(&page("η οδος"), How::Matches, &format!("*{text}"))
            );
        }
    }

    fn plainly(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|at| plainly(&text[at..], rest)),
            [letter, rest @ ..] => text.first() == Some(letter) && plainly(&text[1..], rest),
        }
    }

    #[test]
    fn a_thousand_letters_are_looked_at() {
        let long = |letter: &str| page(&format!("{}End", letter.repeat(997)));
        for letter in ["a", "Å", "𝔘"] {
            assert!(says(&long(letter), How::Contains, "end"), "{letter}");
            let longer = page(&format!("{}End", letter.repeat(998)));
            assert!(!says(&longer, How::Contains, "end") && says(&longer, How::Matches, "*en"), "{letter}");
        }
        let torn = Content::new([], b"a\xffb\xc3".as_slice().into(), 4);
        assert!(says(&torn, How::Matches, "ab"), "what is no text is left out");
    }
}
