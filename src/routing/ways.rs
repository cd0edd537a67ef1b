//! The ways from a tree to other users, and the circles that the ways of several users make.
//!
//! A way is taken for the modes with which its line can be reached, whatever else is the case: a circle
//! that is found here may need facts that never come together, but one that is there is found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::evaluate::{Fact, Graph, Next};
use super::plan::{Action, Target, TimedTarget};
use super::profile::Profile;
use super::words::{Direction, Mode};
use crate::base::Uid;

/// A line of an incoming tree that asks another user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Whom.
    pub to: Uid,
    /// In which modes the line can be reached.
    pub modes: BTreeSet<Mode>,
    /// `default:4 otherwise -> forward carl@north.test`.
    pub rule: String,
}

/// The ways of many users. Users to whom no way leads and from whom none goes need not be in it.
#[derive(Debug, Default)]
pub struct Ways(BTreeMap<Uid, Vec<Way>>);

/// A way that can be gone again and again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Turn {
    /// Whose tree it is.
    pub from: String,
    /// Whom the tree asks.
    pub to: String,
    /// The rule.
    pub rule: String,
    /// For which modes it comes round.
    pub modes: Vec<Mode>,
}

impl Profile {
    /// Its ways to other users. Copies (`also`) are none: they are not copied on.
    pub fn ways(&self) -> Vec<Way> {
        let Some(graph) = self.graph(Direction::Incoming) else { return Vec::new() };
        let mut found: BTreeMap<(u16, &Uid), Way> = BTreeMap::new();
        for mode in Mode::ALL {
            for at in graph.lines_of(*mode) {
                let Some(line) = graph.lines.get(usize::from(at)) else { continue };
                for to in asked(&line.action) {
                    let new = || Way { to: to.clone(), modes: BTreeSet::new(), rule: self.line_told(line) };
                    found.entry((at, to)).or_insert_with(new).modes.insert(*mode);
                }
            }
        }
        found.into_values().collect()
    }
}

/// The users that an action asks.
fn asked<'a>(action: &'a Action) -> Vec<&'a Uid> {
    match action {
        Action::Forward(uid) => vec![uid],
        Action::Try(plan) => {
            let user = |timed: &'a TimedTarget| match &timed.target {
                Target::User(uid) => Some(uid),
                Target::Clients | Target::Client(_) | Target::Inbox => None,
                Target::Voicemail | Target::Device(_) | Target::Trunk(..) => None,
            };
            plan.targets.iter().filter_map(user).collect()
        }
        // Whom a caller is sent to he asks himself, and a page goes there as by `forward`.
        Action::Redirect(uid) => vec![uid],
        Action::Decline | Action::Busy | Action::Ignore | Action::Send => Vec::new(),
        Action::Refuse(_) | Action::Reply(_) | Action::Hold => Vec::new(),
    }
}

impl Graph {
    /// The lines that requests of a mode can come to.
    fn lines_of(&self, mode: Mode) -> BTreeSet<u16> {
        let mut open = vec![self.entry];
        let (mut tests, mut lines) = (BTreeSet::new(), BTreeSet::new());
        while let Some(next) = open.pop() {
            match next {
                Next::Test(at) if tests.insert(at) => {
                    let Some(test) = self.tests.get(usize::from(at)) else { continue };
                    if let Fact::Mode(modes) = &test.fact {
                        open.push(if modes.has(mode) { test.yes } else { test.no });
                    } else {
                        open.extend([test.yes, test.no]);
                    }
                }
                Next::Line(at) if lines.insert(at) => {
                    let line = self.lines.get(usize::from(at));
                    let follow = line.into_iter().flat_map(|line| line.follow.iter().flatten());
                    open.extend(follow.map(|at| Next::Line(*at)));
                }
                Next::Test(_) | Next::Line(_) => {}
            }
        }
        lines
    }
}

impl Ways {
    /// Adds those of a user.
    pub fn add(&mut self, uid: Uid, ways: Vec<Way>) {
        self.0.insert(uid, ways);
    }

    /// The ways of a user that come back to him.
    pub fn turns_of(&self, uid: &Uid) -> Vec<Turn> {
        let ways = self.0.get(uid).into_iter().flatten();
        ways.filter_map(|way| self.turn(uid, way)).collect()
    }

    /// All ways that come back, by user.
    pub fn turns(&self) -> Vec<Turn> {
        self.0.keys().flat_map(|uid| self.turns_of(uid)).collect()
    }

    /// A way, if in any of its modes it comes back to where it began.
    fn turn(&self, from: &Uid, way: &Way) -> Option<Turn> {
        let modes: Vec<Mode> =
            way.modes.iter().copied().filter(|mode| self.leads(&way.to, from, *mode)).collect();
        let told =
            |modes| Turn { from: from.to_string(), to: way.to.to_string(), rule: way.rule.clone(), modes };
        (!modes.is_empty()).then(|| told(modes))
    }

    /// Whether requests of a mode can come from one user to another.
    fn leads(&self, from: &Uid, to: &Uid, mode: Mode) -> bool {
        let mut open = vec![from];
        let mut seen = BTreeSet::from([from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            let ways = self.0.get(at).into_iter().flatten().filter(|way| way.modes.contains(&mode));
            open.extend(ways.map(|way| &way.to).filter(|next| seen.insert(*next)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(trees: &[(&str, &str)]) -> Ways {
        let mut ways = Ways::default();
        for (user, rules) in trees {
            let profile =
                Profile::compile(&format!("profile \"{user}\" {{ incoming {{\n{rules}\n}} }}")).unwrap();
            ways.add(Uid::new(user, "north.test").unwrap(), profile.ways());
        }
        ways
    }

    #[test]
    fn a_circle_is_found_where_all_its_ways_are_open_to_one_mode() {
        let found = ways(&[
            (
                "anne",
                "mode page -> forward bill@north.test\notherwise -> try clients else try user carl@north.test",
            ),
            (
                "carl",
                "mode voice -> try clients, user dora@north.test after 5s\notherwise -> also user anne@north.test, busy",
            ),
            ("dora", "urgent -> busy\notherwise -> forward anne@north.test"),
            ("bill", "mode page -> busy\notherwise -> forward anne@north.test"),
        ]);
        let turns = found.turns();
        let told: Vec<(&str, &str)> = turns.iter().map(|turn| (&*turn.from, &*turn.to)).collect();
        let pairs = [("anne", "carl"), ("carl", "dora"), ("dora", "anne")];
        let uid = |user: &str| format!("{user}@north.test");
        assert_eq!(
            told,
            pairs.map(|(a, b)| (uid(a), uid(b))).iter().map(|(a, b)| (&**a, &**b)).collect::<Vec<_>>()
        );
        assert!(turns.iter().all(|turn| turn.modes == [Mode::Voice]), "{turns:?}");
        assert_eq!(turns[0].rule, "anne:3 else -> try user carl@north.test");
        let anne = Uid::new("anne", "north.test").unwrap();
        assert_eq!(found.turns_of(&anne), turns[..1]);
        assert_eq!(found.turns_of(&Uid::new("bill", "north.test").unwrap()), []);
    }
}
