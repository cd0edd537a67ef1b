//! The tree language: what a user's address does with a call or a page.
//!
//! A *profile* is a file with two trees, one for what comes in and one for what goes out. It is
//! compiled once ([`Profile::compile`]), shared, and then asked: a [`Question`] goes in, a
//! [`Place`] in the tree comes out, the [`Action`] there says what to do, and the [`Outcome`] of a
//! `try` leads to the next place. The room knows nothing of SIP, does no I/O and reads no clock.
//!
//! The way through a file: `lex` → `parse` → `check` → `compile`, and then `evaluate` and
//! `explain` for every call. Every fault of a file is found at once and told as a [`Fault`].

pub mod bookmark;
pub mod content;
pub mod cpl;
pub mod difference;
pub mod draw;
pub mod fault;
pub mod format;
pub mod json;
pub mod listed;
pub mod names;
pub mod plan;
pub mod profile;
pub mod question;
pub mod recorded;
pub mod route;
mod rule;
pub mod trace;
pub mod values;
pub mod ways;
pub mod what_if;
pub mod words;

mod ast;
mod calendar;
mod check;
mod compile;
mod evaluate;
mod explain;
mod instead;
mod knots;
mod lex;
mod parse;
mod pattern;
mod recurrence;
mod report;
mod roster;
mod sought;
mod vocabulary;
mod week;

pub use bookmark::{Astray, Bookmark};
pub use content::{Content, Header};
pub use cpl::{Imported, Remark, import_cpl};
pub use difference::{Decision, Difference, Example, Incomparable, Request, differences, followed_until};
pub use draw::{Style, draw};
pub use fault::{Code, Fault, Faults, Label, Span, text_of};
pub use format::format;
pub use json::{JsonFault, from_json, to_json};
pub use listed::Listed;
pub use names::{INVISIBLE, Names, READY, stock_text};
pub use pattern::PatternError;
pub use plan::{Action, Place, Side, Target, TimedTarget, Try};
pub use profile::{Profile, tag_of};
pub use question::{Party, Question};
pub use recorded::{Done, Recorded, Replayed, Unreadable};
pub use route::{Facts, Route, Who};
pub use trace::{Trace, TraceStep};
pub use values::Account;
pub(crate) use vocabulary::nearest;
pub use ways::{Kept, Told, Turn, Ways};
pub use what_if::{Ending, Script};
pub use words::{Direction, Mode, Outcome, Registered, Status};
