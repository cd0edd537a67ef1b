//! The ways from a tree to other users, and the circles that the ways of several users make.
//!
//! First, coarsely: a way is open to the modes with which its line can be reached, whatever else is the
//! case, and users each of whom can be reached from every other by open ways make a knot. Then, for each knot,
//! exactly: whether one and the same request can go round in it (`check/circles.rs`). Where that would
//! take more than `loop_check_steps`, the coarse answer stands: a circle that it tells may need
//! facts that never come together, but one that is there is told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::check::{Circles, Own};
use super::difference::{Example, Request};
use super::evaluate::{Fact, Graph, Next};
use super::knots::knots;
use super::plan::{Action, Target, TimedTarget};
use super::profile::Profile;
use super::words::{Direction, Mode};
use crate::base::{Limits, Uid};

/// A line of an incoming tree that asks another user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Way {
    /// Whom.
    pub(super) to: Uid,
    /// In which modes the line can be reached.
    pub(super) modes: BTreeSet<Mode>,
    /// `default:4 otherwise -> forward carl@north.test`.
    pub(super) rule: String,
    /// Its place in the compiled tree.
    pub(super) line: u16,
}

/// So many bytes of trees are kept for going through their cases; of those that come later the ways alone.
const TREES_MAX: usize = 16 * 1024 * 1024;

/// A profile and the ways out of it.
#[derive(Debug)]
pub(super) struct Exits {
    /// Nothing if it leads to nobody, or there was no room: its ways are told by modes alone then.
    pub(super) profile: Option<Profile>,
    pub(super) ways: Vec<Way>,
}

/// The ways of many users. Users to whom no way leads and from whom none goes need not be in it.
#[derive(Debug, Default)]
pub struct Ways {
    trees: Vec<Exits>,
    users: BTreeMap<Uid, Kept>,
    /// The bytes of the trees that are kept.
    bytes: usize,
}

/// A tree of [`Ways`], which several users may have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kept(usize);

/// A way that can be gone again and again.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Turn {
    /// Whose tree it is.
    pub from: String,
    /// Whom the tree asks.
    pub to: String,
    /// The rule.
    pub rule: String,
    /// For which modes it comes round.
    pub modes: Vec<Mode>,
    /// How; `None` if there were too many cases to go through: then it may be that no request comes round.
    pub round: Option<Told>,
}

/// How requests come round by a way, for people.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Told {
    /// Which requests take the way, in the words of its tree alone, as its owner may hear it: `a page from anybody
    /// while your status is away`. Of these the example is one.
    pub when: String,
    /// Requests that come round, as only the operator may hear it.
    pub example: String,
    /// One of them, without what each owner has of his own; none if no message could be found that says
    /// just what it has to.
    #[serde(skip)]
    pub request: Option<Request>,
    /// The users through whose trees they come, from the one who is asked to the one whose tree it is.
    pub by: Vec<String>,
}

/// How requests come round, as it is found: `by` are places among the users of a knot.
pub(super) struct Round {
    pub(super) when: String,
    pub(super) example: Example,
    pub(super) by: Vec<usize>,
}

impl Profile {
    /// Whether its incoming tree asks other users at all.
    pub fn asks_others(&self) -> bool {
        let lines = self.graph(Direction::Incoming).map_or(&[][..], |graph| &graph.lines);
        lines.iter().any(|line| !asked(&line.action).is_empty())
    }

    /// Its ways to other users. Copies (`also`) are none: they are not copied on.
    fn ways(&self) -> Vec<Way> {
        let Some(graph) = self.graph(Direction::Incoming) else { return Vec::new() };
        let mut found: BTreeMap<(u16, &Uid), Way> = BTreeMap::new();
        for mode in Mode::ALL {
            for at in graph.lines_of(*mode) {
                let Some(line) = graph.lines.get(usize::from(at)) else { continue };
                for to in asked(&line.action) {
                    let rule = || self.line_told(line);
                    let new = || Way { to: to.clone(), modes: BTreeSet::new(), rule: rule(), line: at };
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

impl Turn {
    /// As its owner may hear it in one sentence, in the words of his own tree alone.
    pub fn sentence(&self) -> String {
        let Self { to, modes, round, .. } = self;
        match round {
            Some(round) => format!("{} can come back to you from {to}", round.when),
            None => {
                let modes: Vec<&str> = modes.iter().map(|mode| mode.request()).collect();
                format!("{} may come back to you from {to}", modes.join(" or "))
            }
        }
    }
}

impl Ways {
    /// Keeps a tree that users can be given.
    pub fn keep(&mut self, profile: Profile) -> Kept {
        let ways = profile.ways();
        let bytes = self.bytes + profile.source().len();
        let is_kept = !ways.is_empty() && bytes <= TREES_MAX;
        self.bytes = if is_kept { bytes } else { self.bytes };
        self.trees.push(Exits { profile: is_kept.then_some(profile), ways });
        Kept(self.trees.len() - 1)
    }

    /// The users whom a tree asks.
    pub fn asked_by(&self, tree: Kept) -> impl Iterator<Item = &Uid> {
        self.trees.get(tree.0).into_iter().flat_map(|exits| exits.ways.iter().map(|way| &way.to))
    }

    /// A user is served by a tree.
    pub fn add(&mut self, uid: Uid, tree: Kept) {
        self.users.insert(uid, tree);
    }

    /// The ways of a user that come back to him.
    pub fn turns_of(&self, uid: &Uid, limits: &Limits) -> Vec<Turn> {
        let index = Index::of(self);
        let Some(user) = index.places.get(uid) else { return Vec::new() };
        let knots = index.knots();
        let knot = knots.iter().find(|knot| knot.contains(user));
        knot.map(|places| Knot::of(&index, places).turns(Some(uid), limits)).unwrap_or_default()
    }

    /// All ways that come back, by user.
    pub fn turns(&self, limits: &Limits) -> Vec<Turn> {
        let index = Index::of(self);
        let knots = index.knots();
        let of_knot = |places: &Vec<usize>| Knot::of(&index, places).turns(None, limits);
        let mut turns: Vec<Turn> = knots.iter().flat_map(of_knot).collect();
        // Those of one user stay in the order of his rules.
        turns.sort_by(|a, b| a.from.cmp(&b.from));
        turns
    }
}

/// The users by their places.
struct Index<'a> {
    users: Vec<(&'a Uid, &'a Exits, Kept)>,
    places: BTreeMap<&'a Uid, usize>,
}

impl<'a> Index<'a> {
    fn of(ways: &'a Ways) -> Self {
        let exits = |(uid, kept): (&'a Uid, &'a Kept)| Some((uid, ways.trees.get(kept.0)?, *kept));
        let users: Vec<_> = ways.users.iter().filter_map(exits).collect();
        let places = users.iter().enumerate().map(|(place, (uid, ..))| (*uid, place)).collect();
        Self { users, places }
    }

    fn knots(&self) -> Vec<Vec<usize>> {
        let leads = |(_, exits, _): &(&Uid, &Exits, Kept)| {
            exits.ways.iter().filter_map(|way| self.places.get(&way.to).copied()).collect()
        };
        knots(&self.users.iter().map(leads).collect::<Vec<_>>())
    }
}

/// Users each of whom can be reached from every other.
struct Knot<'a> {
    uids: Vec<&'a Uid>,
    trees: Vec<&'a Exits>,
    /// The tree of each user, and to which of the users each of its ways leads, if to one of them.
    users: Vec<(usize, Vec<Option<usize>>)>,
}

impl<'a> Knot<'a> {
    fn of(index: &Index<'a>, places: &[usize]) -> Self {
        let members: Vec<_> = places.iter().filter_map(|place| index.users.get(*place)).collect();
        let inside: BTreeMap<&Uid, usize> = members.iter().enumerate().map(|(at, it)| (it.0, at)).collect();
        let mut knot = Self { uids: Vec::new(), trees: Vec::new(), users: Vec::new() };
        let mut kept: BTreeMap<Kept, usize> = BTreeMap::new();
        for (uid, exits, tree) in members {
            let tree = *kept.entry(*tree).or_insert_with(|| {
                knot.trees.push(exits);
                knot.trees.len() - 1
            });
            let leads = exits.ways.iter().map(|way| inside.get(&way.to).copied()).collect();
            knot.uids.push(uid);
            knot.users.push((tree, leads));
        }
        knot
    }

    /// The ways of its users, or of one of them, that come back.
    fn turns(&self, whose: Option<&Uid>, limits: &Limits) -> Vec<Turn> {
        let mut circles = Circles::new(&self.trees, &self.users, limits.loop_check_steps).ok();
        let mut turns = Vec::new();
        for (user, uid) in self.uids.iter().enumerate() {
            if whose.is_none_or(|whose| whose == *uid) {
                turns.extend(self.turns_of(user, circles.as_mut(), limits));
            }
        }
        turns
    }

    fn turns_of(&self, user: usize, mut circles: Option<&mut Circles>, limits: &Limits) -> Vec<Turn> {
        let Some((uid, exits)) = self.uids.get(user).zip(self.exits(user)) else { return Vec::new() };
        let mut own = circles.as_ref().and_then(|_| Own::new(exits, limits).ok());
        let mut turns = Vec::new();
        for (at, way) in exits.ways.iter().enumerate() {
            let exactly = circles.as_mut().zip(own.as_mut()).map(|(all, own)| all.round(user, at, own));
            let (modes, round) = match exactly {
                Some(Ok(Some((modes, round)))) => (modes, Some(self.told(round))),
                Some(Ok(None)) => continue,
                Some(Err(_)) | None => (self.coarsely(user, at), None),
            };
            if !modes.is_empty() {
                let (from, to) = (uid.to_string(), way.to.to_string());
                turns.push(Turn { from, to, rule: way.rule.clone(), modes, round });
            }
        }
        turns
    }

    fn told(&self, Round { when, example: Example { told, request }, by }: Round) -> Told {
        let by = by.into_iter().filter_map(|at| self.uids.get(at)).map(ToString::to_string).collect();
        Told { when, example: told, request, by }
    }

    fn exits(&self, user: usize) -> Option<&'a Exits> {
        let (tree, _) = self.users.get(user)?;
        self.trees.get(*tree).copied()
    }

    /// The modes in which a user's way comes back, whatever else would have to be the case.
    fn coarsely(&self, user: usize, way: usize) -> Vec<Mode> {
        let Some(exit) = self.exits(user).and_then(|exits| exits.ways.get(way)) else { return Vec::new() };
        let to = self.users.get(user).and_then(|(_, leads)| leads.get(way).copied().flatten());
        let modes = exit.modes.iter().copied();
        modes.filter(|mode| to.is_some_and(|to| self.leads(to, user, *mode))).collect()
    }

    /// Whether requests of a mode can come from one user to another.
    fn leads(&self, from: usize, to: usize, mode: Mode) -> bool {
        let mut open = vec![from];
        let mut seen = BTreeSet::from([from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            let Some(((_, leads), exits)) = self.users.get(at).zip(self.exits(at)) else { continue };
            let next = exits.ways.iter().zip(leads).filter(|(way, _)| way.modes.contains(&mode));
            open.extend(next.filter_map(|(_, next)| *next).filter(|next| seen.insert(*next)));
        }
        false
    }
}
