//! What two profiles do differently: for exactly which requests, with an example of each.
//!
//! Both are looked at over all the cases that either of them can tell apart, by the diagrams that prove
//! a tree total: no difference found means that there is none, or none up to a year ([`followed_until`]).

use super::compile::read;
use super::evaluate::Graph;
use super::fault::Span;
use super::lex::{Kind, lex};
use super::profile::Profile;
use super::question::Question;
use super::route::{Facts, Who};
use super::week::Time;
use super::words::{Direction, Mode};
use super::{ast, check};
use crate::base::Limits;

/// Requests that two profiles treat differently, in one way.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Which of the trees.
    pub direction: Direction,
    /// All these requests, and no more unless there are `others`; never empty.
    pub requests: Vec<Example>,
    /// There are more of them than are told.
    pub others: bool,
    /// What the first profile does.
    pub first: Decision,
    /// What the second profile does.
    pub second: Decision,
}

/// Requests in the words of a person, and one of them that can be asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Example {
    /// `a page from anybody while no client is registered`.
    pub told: String,
    /// One of them; none if no message could be found that says just what it has to.
    pub request: Option<Request>,
}

/// One request.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// What is asked for.
    pub mode: Mode,
    /// Who asks an incoming tree; who is asked for of an outgoing one.
    pub other: Who,
    /// The rest, by the clock of the tree that looks at it.
    pub facts: Facts,
}

/// What a profile does.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Decision {
    /// The name of the profile that decides: the default one where there is no tree.
    pub profile: String,
    /// The line of the rule, from 1.
    pub line: usize,
    /// The action and all that follows it.
    pub does: String,
}

/// Why two profiles cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Incomparable {
    /// The proof would take too long.
    #[error("the two tell too many cases apart for all of them to be compared")]
    TooComplex,
}

/// Compares two profiles. Where one has no incoming tree, that of `fallback` counts; where one has no
/// outgoing tree, everything goes out. Fails only if there are too many cases.
pub fn differences(
    (first, second): (&Profile, &Profile),
    fallback: &Profile,
    limits: &Limits,
) -> Result<Vec<Difference>, Incomparable> {
    let mut found = Vec::new();
    for direction in Direction::ALL {
        let (one, other) = (Side::of(first, fallback, *direction), Side::of(second, fallback, *direction));
        if let (Some(one), Some(other)) = (one, other) {
            found.extend(check::differ((&one, &other), limits)?);
        }
    }
    Ok(found)
}

/// The year up to which is known what is said of profiles, checked alone or compared. `None`: it is known for ever, as
/// it is of all times but those that come in every so manieth period (INTERVAL) without an end.
pub fn followed_until(profiles: &[&Profile]) -> Option<i32> {
    let of = |direction: Direction| {
        let graphs = profiles.iter().filter_map(move |profile| profile.graph(direction));
        let times: Vec<&Time> = graphs.flat_map(Graph::times).flatten().collect();
        check::followed_until(&times)
    };
    Direction::ALL.iter().filter_map(|direction| of(*direction)).min()
}

/// A tree as it is compared: how it reads, and what it was compiled to.
pub(super) struct Side {
    pub(super) profile: Profile,
    pub(super) tree: ast::Tree,
}

impl Side {
    fn of(profile: &Profile, fallback: &Profile, direction: Direction) -> Option<Self> {
        let own = [profile, fallback].into_iter().find(|it| it.has(direction));
        let profile = match (own, direction) {
            (Some(own), Direction::Incoming) => own.clone(),
            (_, Direction::Outgoing) if profile.has(direction) => profile.clone(),
            (_, Direction::Outgoing) => goes_out()?,
            (None, Direction::Incoming) => return None,
        };
        // A profile's source has been read before, within limits of that time.
        let limits = Limits { tree_bytes: u32::MAX, ..Limits::default() };
        let (_, file, _) = read(profile.source(), &limits).ok()?;
        let tree = file.trees.into_iter().find(|tree| tree.direction == direction)?;
        Some(Self { profile, tree })
    }

    /// What it does where a line stands.
    pub(super) fn decision(&self, when: Span, line: &ast::Line) -> Decision {
        Decision {
            profile: self.profile.name().to_owned(),
            line: when.line(self.profile.source()),
            does: one_line(line.whole().of(self.profile.source())),
        }
    }
}

/// What a profile without an outgoing tree does.
fn goes_out() -> Option<Profile> {
    Profile::compile("profile \"no outgoing tree\" { outgoing { otherwise -> send } }").ok()
}

/// A piece of a tree on one line, without its comments.
pub(super) fn one_line(source: &str) -> String {
    let mut text = String::new();
    let mut ended = false;
    for token in lex(source).tokens {
        if token.kind == Kind::LineEnd {
            ended = true;
            continue;
        }
        let piece = token.span.of(source);
        let joint = if text.is_empty() || text.ends_with('(') || matches!(piece, "" | "," | ")") {
            ""
        } else if ended && !text.ends_with('{') && piece != "}" {
            "; "
        } else {
            " "
        };
        text.push_str(joint);
        text.push_str(piece);
        ended = false;
    }
    text
}

impl Request {
    /// Asks it of a tree: `to` stands for the owner of the tree.
    pub fn ask<R>(&self, direction: Direction, owner: &Who, then: impl FnOnce(&Question<'_>) -> R) -> R {
        let (caller, to) = match direction {
            Direction::Incoming => (&self.other, owner),
            Direction::Outgoing => (owner, &self.other),
        };
        then(&self.facts.question(self.mode, (caller, to)))
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_piece_on_one_line_reads_as_it_was_meant() {
        let source = "try clients, \"gsm\" after 5s {  # why\n    busy or declined -> busy\n\n    otherwise -> inbox\n  }";
        let told = "try clients, \"gsm\" after 5s { busy or declined -> busy; otherwise -> inbox }";
        assert_eq!(one_line(source), told);
        assert_eq!(one_line("not ( caller  contact or urgent )"), "not (caller contact or urgent)");
    }
}
