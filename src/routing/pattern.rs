//! What a condition may say of a party: an address, a cluster, a number, or the beginning or end
//! of one.

use std::fmt;

use super::question::Party;
use crate::base::Uid;

/// The longest beginning and end of an address that a pattern names: there is room for both of them
/// in one address, and for what stands between, so that the proof finds an example for every pair.
const BEGIN_MAX: usize = 64;
const END_MAX: usize = 150;

/// One value of a `caller` or `to` condition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Pattern {
    /// `anonymous`.
    Anonymous,
    /// Addresses of users.
    User(Shape),
    /// Telephone numbers.
    Number(Shape),
}

/// Which texts a pattern stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Shape {
    /// This text.
    Exactly(Box<str>),
    /// Those that begin with it: `anne@*`.
    Begins(Box<str>),
    /// Those that end with it: `*.test`; a cluster, `@south.test`, is one of these.
    Ends(Box<str>),
}

/// One party, in the order of kinds and texts: whom a pattern without a star stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name<'a> {
    Anonymous,
    User(&'a str),
    Number(&'a str),
}

/// A part of a party's name: all of it, or so many bytes of its beginning or end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    Whole,
    Begin(u8),
    End(u8),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternError {
    /// A `*` in the middle, or two of them.
    #[error("a `*` stands once, at the beginning or at the end")]
    Star,
    /// Nothing but a `*`.
    #[error("a `*` alone would match everybody")]
    Everybody,
    /// Something else.
    #[error("this is neither an address nor a number")]
    NoAddress,
    /// A character that stands in no address.
    #[error("an address holds no spaces, quotes or strokes, no `:`, `;` or `,`, and one `@` at most")]
    Character,
    /// A character that stands in no number.
    #[error("a number holds digits, perhaps after a `+`")]
    NoNumber,
    /// Longer than any address.
    #[error("at most {BEGIN_MAX} bytes stand before a `*`, and {END_MAX} behind it; an address has 255 in all", BEGIN_MAX = BEGIN_MAX, END_MAX = END_MAX)]
    Long,
}

impl Pattern {
    /// Reads an address, a cluster, a number, or a pattern of one of them. Dots stand in no number that is not
    /// called one: `10.0.0.1` is none.
    pub(super) fn read(text: &str) -> Result<Self, PatternError> {
        if (!text.contains('.') || text.starts_with('+'))
            && text.starts_with(['+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*'])
            && Self::number(text).is_ok()
        {
            return Self::number(text);
        }
        Self::user(text)
    }

    /// Reads a number or a pattern of numbers; spaces and dashes are there to be read, no more.
    pub(super) fn number(text: &str) -> Result<Self, PatternError> {
        let digits: String = text.chars().filter(|c| !" -.()/".contains(*c)).collect();
        let shape = Shape::read(&digits)?;
        let (Shape::Exactly(part) | Shape::Begins(part) | Shape::Ends(part)) = &shape;
        // A `+` begins a number, so no number has one before its end.
        let begins = !matches!(shape, Shape::Ends(_));
        let bare = part.strip_prefix('+').filter(|_| begins).unwrap_or(part);
        let digits_only = bare.chars().all(|c| c.is_ascii_digit() || c == '#');
        let enough = !bare.is_empty() || matches!(shape, Shape::Begins(_));
        if digits_only && enough { Ok(Self::Number(shape)) } else { Err(PatternError::NoNumber) }
    }

    /// The one text that is meant, if it is one.
    pub(super) fn exactly(&self) -> Option<&str> {
        match self {
            Self::User(Shape::Exactly(text)) | Self::Number(Shape::Exactly(text)) => Some(text),
            Self::Anonymous | Self::User(_) | Self::Number(_) => None,
        }
    }

    /// The part of a name that it looks at, and what that has to be; `None` if no name has so long a part.
    pub(super) fn part(&self) -> Option<(Part, Name<'_>)> {
        fn of(shape: &Shape) -> Option<(Part, &str)> {
            let length = |text: &str| u8::try_from(text.len()).ok();
            Some(match shape {
                Shape::Exactly(text) => (Part::Whole, &**text),
                Shape::Begins(text) => (Part::Begin(length(text)?), text),
                Shape::Ends(text) => (Part::End(length(text)?), text),
            })
        }
        match self {
            Self::Anonymous => Some((Part::Whole, Name::Anonymous)),
            Self::User(shape) => of(shape).map(|(part, text)| (part, Name::User(text))),
            Self::Number(shape) => of(shape).map(|(part, text)| (part, Name::Number(text))),
        }
    }

    fn user(text: &str) -> Result<Self, PatternError> {
        let text = text.to_lowercase();
        let text = if text.starts_with('@') { format!("*{text}") } else { text };
        let shape = Shape::read(&text)?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || "<>\":;,?/\\".contains(c);
        match &shape {
            Shape::Exactly(part) if !part.contains('@') => Err(PatternError::NoAddress),
            Shape::Exactly(part) => {
                Uid::parse(part).map_err(|_| PatternError::Character)?;
                Ok(Self::User(shape))
            }
            Shape::Begins(part) | Shape::Ends(part) => {
                if part.chars().any(bad) || part.matches('@').count() > 1 {
                    Err(PatternError::Character)
                } else if part.len() > shape.longest() {
                    Err(PatternError::Long)
                } else if part.starts_with('@') && matches!(shape, Shape::Begins(_))
                    || part.ends_with('@') && matches!(shape, Shape::Ends(_))
                {
                    Err(PatternError::NoAddress)
                } else {
                    Ok(Self::User(shape))
                }
            }
        }
    }

    /// Whether a party is meant by this.
    pub(super) fn matches(&self, party: Party<'_>) -> bool {
        match (self, party) {
            (Self::Anonymous, Party::Anonymous) => true,
            (Self::User(shape), Party::User(uid)) => shape.matches(uid.as_str()),
            (Self::Number(shape), Party::Number(number)) => shape.matches(number),
            (Self::Anonymous | Self::User(_) | Self::Number(_), _) => false,
        }
    }
}

impl<'a> From<Party<'a>> for Name<'a> {
    fn from(party: Party<'a>) -> Self {
        match party {
            Party::Anonymous => Self::Anonymous,
            Party::User(uid) => Self::User(uid.as_str()),
            Party::Number(number) => Self::Number(number),
        }
    }
}

impl Name<'_> {
    /// A part of it, if it is as long as that.
    pub(super) fn part(self, part: Part) -> Option<Self> {
        let of = |text| Self::part_of(text, part);
        match self {
            Self::Anonymous => (part == Part::Whole).then_some(self),
            Self::User(text) => of(text).map(Self::User),
            Self::Number(text) => of(text).map(Self::Number),
        }
    }

    fn part_of(text: &str, part: Part) -> Option<&str> {
        match part {
            Part::Whole => Some(text),
            Part::Begin(length) => text.get(..usize::from(length)),
            Part::End(length) => text.get(text.len().checked_sub(usize::from(length))?..),
        }
    }
}

impl Shape {
    /// How long it may be in an address.
    fn longest(&self) -> usize {
        match self {
            Self::Exactly(_) => 255,
            Self::Begins(_) => BEGIN_MAX,
            Self::Ends(_) => END_MAX,
        }
    }

    fn read(text: &str) -> Result<Self, PatternError> {
        let stars = text.matches('*').count();
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            _ if text == "*" => Err(PatternError::Everybody),
            (None, None) if stars == 0 => Ok(Self::Exactly(text.into())),
            (Some(end), None) if stars == 1 => Ok(Self::Ends(end.into())),
            (None, Some(begin)) if stars == 1 => Ok(Self::Begins(begin.into())),
            _ => Err(PatternError::Star),
        }
    }

    /// Whether it stands for `text`.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(whole) => **whole == *text,
            Self::Begins(begin) => text.starts_with(&**begin),
            Self::Ends(end) => text.ends_with(&**end),
        }
    }
}

/// An address as a tree writes it: bare, or in quotes where a bare one would read as something else.
pub(super) struct Address<'a>(pub(super) &'a str);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(['#', '{', '}', '(', ')']) || self.0.contains("->") {
            write!(f, "\"{}\"", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Number(shape) => write!(f, "number \"{shape}\""),
            Self::User(Shape::Ends(end)) if end.starts_with('@') => Address(end).fmt(f),
            Self::User(shape) => Address(&shape.to_string()).fmt(f),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(whole) => f.write_str(whole),
            Self::Begins(begin) => write!(f, "{begin}*"),
            Self::Ends(end) => write!(f, "*{end}"),
        }
    }
}
