//! The words of the language: the closed lists, and the tables that say which words exist.
//!
//! A word in a table that carries no meaning (`None`) belongs to the language, but this version
//! does not serve it; to serve it, give it a meaning here and let the parser read what follows.

use std::fmt;
use std::str::FromStr;

/// A text that is none of the words of a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such word")]
pub struct UnknownWord;

/// Declares a closed list of words: the enum, all its values, and both ways to and from text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$row_doc:meta])* $row:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$row_doc])* $row,)+ }

        impl $name {
            /// All of them, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$row,)+];

            /// The word as a tree writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$row => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($text => Ok(Self::$row),)+ _ => Err(UnknownWord) }
            }
        }
    };
}

words! {
    /// What is asked for: one tree serves every mode.
    Mode {
        /// A voice call.
        Voice = "voice",
        /// A call with moving pictures.
        Video = "video",
        /// A session of typed text.
        Text = "text",
        /// One short message.
        Page = "page",
        /// A file.
        File = "file",
        /// A web page.
        Web = "web",
    }
}

words! {
    /// Which tree of a profile.
    Direction {
        /// What others send to the user.
        Incoming = "incoming",
        /// What the user sends to others.
        Outgoing = "outgoing",
    }
}

words! {
    /// How a `try` came back. Where several hold, the first does.
    Outcome {
        /// Somebody took it.
        Answered = "answered",
        /// Somebody said no (603).
        Declined = "declined",
        /// Busy (486).
        Busy = "busy",
        /// No target can take the mode (488).
        Unsupported = "unsupported",
        /// It rang, and nobody answered in time (480).
        NoAnswer = "no-answer",
        /// There was nothing to ring (480 at once).
        Unreachable = "unreachable",
        /// Anything else; the best response seen.
        Failed = "failed",
    }
}

impl Outcome {
    /// The index of this outcome in a table by outcome.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Answered => 0,
            Self::Declined => 1,
            Self::Busy => 2,
            Self::Unsupported => 3,
            Self::NoAnswer => 4,
            Self::Unreachable => 5,
            Self::Failed => 6,
        }
    }
}

impl Mode {
    /// The bit of this mode in a [`ModeSet`].
    pub(super) const fn index(self) -> u32 {
        match self {
            Self::Voice => 0,
            Self::Video => 1,
            Self::Text => 2,
            Self::Page => 3,
            Self::File => 4,
            Self::Web => 5,
        }
    }

    /// How a person would call one request of this mode.
    pub(super) const fn request(self) -> &'static str {
        match self {
            Self::Voice => "a voice call",
            Self::Video => "a video call",
            Self::Text => "a text session",
            Self::Page => "a page",
            Self::File => "a file",
            Self::Web => "a web request",
        }
    }
}

/// A set of modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ModeSet(u8);

impl ModeSet {
    /// The set with `mode` in it too.
    pub(super) const fn with(self, mode: Mode) -> Self {
        Self(self.0 | 1 << mode.index())
    }

    /// Whether `mode` is in the set.
    pub(super) const fn has(self, mode: Mode) -> bool {
        self.0 & 1 << mode.index() != 0
    }
}

/// The words that begin a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Mode,
    Caller,
    Registered,
    To,
}

/// The words that begin an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Try,
    Decline,
    Busy,
    Ignore,
    Forward,
    Send,
    Refuse,
}

/// The words that name a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TargetWord {
    Clients,
    User,
}

/// The words that may stand for a party, besides an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PartyWord {
    Anonymous,
    Number,
}

/// The words that may stand in the braces of a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    Zone,
    Tree(Direction),
}

/// Words and what they mean to this version, if it serves them.
pub(super) type Table<T> = [(&'static str, Option<T>)];

pub(super) const CONDITIONS: &Table<Key> = &[
    ("mode", Some(Key::Mode)),
    ("caller", Some(Key::Caller)),
    ("registered", Some(Key::Registered)),
    ("to", Some(Key::To)),
    ("status", None),
    ("time", None),
    ("urgent", None),
    ("subject", None),
    ("body", None),
    ("header", None),
    ("language", None),
    ("size", None),
    ("account", None),
    ("property", None),
    ("device", None),
];

pub(super) const ACTIONS: &Table<Verb> = &[
    ("try", Some(Verb::Try)),
    ("decline", Some(Verb::Decline)),
    ("busy", Some(Verb::Busy)),
    ("ignore", Some(Verb::Ignore)),
    ("forward", Some(Verb::Forward)),
    ("send", Some(Verb::Send)),
    ("refuse", Some(Verb::Refuse)),
    ("also", None),
    ("reply", None),
    ("hold", None),
    ("redirect", None),
    ("set", None),
    ("log", None),
];

pub(super) const TARGETS: &Table<TargetWord> = &[
    ("clients", Some(TargetWord::Clients)),
    ("user", Some(TargetWord::User)),
    ("client", None),
    ("inbox", None),
    ("voicemail", None),
];

pub(super) const PARTIES: &Table<PartyWord> = &[
    ("anonymous", Some(PartyWord::Anonymous)),
    ("number", Some(PartyWord::Number)),
    ("in", None),
    ("verified", None),
    ("contact", None),
];

pub(super) const SECTIONS: &Table<Section> = &[
    ("zone", Some(Section::Zone)),
    ("incoming", Some(Section::Tree(Direction::Incoming))),
    ("outgoing", Some(Section::Tree(Direction::Outgoing))),
];

/// What a table knows of a word.
pub(super) enum Found<T> {
    /// It means this.
    Served(T),
    /// A word of the language that this version does not serve.
    Later,
    /// No word of this table.
    Unknown,
}

/// Looks a word up.
pub(super) fn find<T: Copy>(table: &Table<T>, word: &str) -> Found<T> {
    match table.iter().find(|(text, _)| *text == word) {
        Some((_, Some(meaning))) => Found::Served(*meaning),
        Some((_, None)) => Found::Later,
        None => Found::Unknown,
    }
}

/// The words of a table that this version serves.
pub(super) fn served<T>(table: &Table<T>) -> impl Iterator<Item = &'static str> + '_ {
    table.iter().filter(|(_, meaning)| meaning.is_some()).map(|(text, _)| *text)
}

/// The candidate that a person who typed `word` most likely meant, if any is near.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Longer words are no slips of the finger for any of ours.
    const LONGEST: usize = 24;
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).clamp(1, 2);
    candidates
        .into_iter()
        .map(|candidate| (slips(word, candidate), candidate))
        .filter(|(slips, _)| *slips <= allowed)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many letters were added, lost, changed or (neighbours) exchanged between two words.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (i, a) in from.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&last, j) + usize::from(a != *b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = j > 0 && previous == Some(*b) && to.get(j - 1) == Some(&a);
            if swapped && !before.is_empty() {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
        previous = Some(a);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(*mode));
        }
        for (i, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(outcome.to_string().parse(), Ok(*outcome));
            assert_eq!(outcome.index(), i);
        }
    }

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let modes = || Mode::ALL.iter().map(|m| m.as_str());
        assert_eq!(nearest("viedo", modes()), Some("video"));
        assert_eq!(nearest("pgae", modes()), Some("page"));
        assert_eq!(nearest("vioce", modes()), Some("voice"));
        assert_eq!(nearest("telegram", modes()), None);
    }
}
