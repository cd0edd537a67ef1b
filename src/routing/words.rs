//! The closed lists of words that all of the server speaks: modes, directions, outcomes.

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

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::routing::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$row),)+ _ => Err($crate::routing::words::UnknownWord) }
            }
        }
    };
}

pub(super) use words;

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

words! {
    /// Which clients of a tree's owner are registered.
    #[derive(Default)]
    Registered {
        /// None.
        #[default]
        None = "none",
        /// Some, but none that can take this mode.
        OtherModes = "other-modes",
        /// At least one that can take this mode.
        ThisMode = "this-mode",
    }
}

words! {
    /// How a user says that he can be reached, or how the server sees it.
    #[derive(Default)]
    Status {
        /// There, and to be reached.
        Available = "available",
        /// There, but with something else.
        Occupied = "occupied",
        /// Not at his phones.
        Away = "away",
        /// Not to be reached at all.
        #[default]
        Offline = "offline",
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
    pub const fn request(self) -> &'static str {
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

    /// Its modes, in the order of the reference page.
    pub(super) fn iter(self) -> impl Iterator<Item = Mode> {
        Mode::ALL.iter().copied().filter(move |mode| self.has(*mode))
    }

    /// Whether the two have a mode in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Mode> for ModeSet {
    fn from_iter<I: IntoIterator<Item = Mode>>(modes: I) -> Self {
        modes.into_iter().fold(Self::default(), Self::with)
    }
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
}
