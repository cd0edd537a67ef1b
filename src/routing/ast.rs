//! A tree file as it was written: the syntax tree between parser, checker, compiler and formatter.
//!
//! What the parser could not read is kept as `Faulty`, so that the rest is still checked.

use std::time::Duration;

use super::calendar::Dates;
use super::content::{Header, How, Language, Piece};
use super::fault::Span;
use super::pattern::Pattern;
use super::values::{Amount, Bound, Named};
use super::vocabulary::Key;
use super::week::{Time, Zone};
use super::words::{Direction, Mode, Outcome, Status};
use crate::base::Uid;

/// A whole file.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct File {
    pub(super) name: Option<Spanned<String>>,
    pub(super) zone: Option<Spanned<Zone>>,
    /// Lines of holidays.
    pub(super) holidays: Vec<Spanned<Vec<Dates>>>,
    pub(super) trees: Vec<Tree>,
    /// `profile`, and the braces of the profile.
    pub(super) head: Span,
    pub(super) open: Span,
    pub(super) close: Span,
    pub(super) comments: Vec<Comment>,
}

/// Something, and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Spanned<T> {
    pub(super) it: T,
    pub(super) span: Span,
}

/// A comment, from its `#` to the end of the line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Comment {
    pub(super) text: String,
    pub(super) span: Span,
}

/// The incoming or the outgoing tree.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tree {
    pub(super) direction: Direction,
    pub(super) head: Span,
    pub(super) block: Block,
}

/// An ordered list of rules in braces; the first that matches wins.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Block {
    pub(super) rules: Vec<Rule>,
    pub(super) open: Span,
    pub(super) close: Span,
}

/// A condition and what follows from it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rule {
    pub(super) when: When,
    pub(super) span: Span,
    pub(super) then: Then,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum When {
    Otherwise,
    Cond(Cond),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Then {
    Block(Block),
    Line(Line),
}

/// A condition.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Cond {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Atom(Spanned<Atom>),
    Faulty,
}

/// One look at one fact.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Atom {
    Mode(Vec<Mode>),
    Caller(Vec<Somebody>),
    To(Vec<Somebody>),
    Registered,
    RegisteredForMode,
    Urgent,
    Time(Vec<Time>),
    Status(Vec<Status>),
    /// A text that is one of these; without any: that is there at all.
    Named(Named, Vec<Spanned<String>>),
    Amount(Amount, Vec<Bound>),
    /// The words of a message.
    Says(Piece, How, Vec<String>),
    Language(Vec<Language>),
}

/// One value of a `caller` or `to` condition.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Somebody {
    /// Those of an address, a cluster, a number.
    Like(Pattern),
    /// Those in a group of the owner's contacts.
    In(Spanned<String>),
    /// Those who are not in it.
    Outside(Spanned<String>),
    /// Those on the owner's contact list at all.
    Contact,
    /// Those for whom we, or the cluster they are of, can answer.
    Verified,
}

/// A line of actions.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// The action, without what follows its outcomes.
    pub(super) span: Span,
    /// What is done besides.
    pub(super) sides: Vec<Spanned<Side>>,
    pub(super) kind: LineKind,
}

/// What a line does besides its action, whatever becomes of that.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Side {
    /// A copy.
    Also(Target),
    /// A stock message to the one who asks.
    Reply(String),
    /// A property of the owner's gets a value.
    Set(String, String),
    /// A line in the event log.
    Log(String),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum LineKind {
    Try(TryLine),
    Leaf(Leaf),
    Faulty,
}

/// A `try` and what follows it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct TryLine {
    pub(super) targets: Vec<Timed>,
    pub(super) ring_for: Option<Duration>,
    pub(super) after: Continuation,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Continuation {
    /// The outcome goes to the caller.
    Return,
    /// Every outcome but `answered` leads to one line.
    Else { word: Span, line: Box<Line> },
    /// Each outcome has its line.
    Results(Results),
}

/// What follows each outcome.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Results {
    pub(super) rules: Vec<ResultRule>,
    /// Whether one of its lines could not be read.
    pub(super) faulty: bool,
    pub(super) open: Span,
    pub(super) close: Span,
}

/// One line of results; no outcomes means `otherwise`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct ResultRule {
    pub(super) outcomes: Vec<Spanned<Outcome>>,
    pub(super) span: Span,
    pub(super) line: Line,
}

/// A target and when it begins to ring.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Timed {
    pub(super) target: Target,
    pub(super) after: Duration,
    pub(super) span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Target {
    Clients,
    Client(Spanned<String>),
    User(Uid),
    Inbox,
    Voicemail,
    Device(Spanned<String>),
    /// A way to the telephone network, and the number that is shown there.
    Trunk(Spanned<String>, Option<String>),
    Faulty,
}

/// An action that never comes back.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Leaf {
    Decline,
    Busy,
    Ignore,
    Forward(Spanned<Uid>),
    Send,
    Refuse(String),
    Reply(Spanned<String>),
    Hold,
    Redirect(Spanned<Uid>),
}

impl Line {
    /// Where it stands, with all that follows it.
    pub(super) fn whole(&self) -> Span {
        match &self.kind {
            LineKind::Try(TryLine { after: Continuation::Else { line, .. }, .. }) => {
                self.span.to(line.whole())
            }
            LineKind::Try(TryLine { after: Continuation::Results(results), .. }) => {
                self.span.to(results.close)
            }
            LineKind::Try(_) | LineKind::Leaf(_) | LineKind::Faulty => self.span,
        }
    }
}

impl Atom {
    /// The word that begins it.
    pub(super) const fn key(&self) -> Key {
        match self {
            Self::Mode(_) => Key::Mode,
            Self::Caller(_) => Key::Caller,
            Self::To(_) => Key::To,
            Self::Registered | Self::RegisteredForMode => Key::Registered,
            Self::Urgent => Key::Urgent,
            Self::Time(_) => Key::Time,
            Self::Status(_) => Key::Status,
            Self::Named(Named::Account, _) | Self::Amount(Amount::Credit, _) => Key::Account,
            Self::Named(Named::Property(_), _) => Key::Property,
            Self::Named(Named::Device, _) => Key::Device,
            Self::Amount(Amount::Size, _) => Key::Size,
            Self::Says(Piece::Body, ..) => Key::Body,
            Self::Says(Piece::Header(Header::Subject), ..) => Key::Subject,
            Self::Says(Piece::Header(_), ..) => Key::Header,
            Self::Language(_) => Key::Language,
        }
    }
}
