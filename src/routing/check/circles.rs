//! Whether one and the same request can go round through the trees of several users.
//!
//! All trees of a circle are looked at over the cases that any of them tells apart. What every owner has
//! of his own (his status, his contacts, his clients, his account) may be whatever leads on, for nobody
//! else's tree looks at it: it is forgotten as soon as it is known which cases a way takes. What is left
//! is what a request takes with it from tree to tree, and a way comes back for just those requests
//! that every way of some circle takes. The time is that at which the request came, however long it
//! rings before it goes on.

use std::collections::{BTreeMap, VecDeque};

use super::super::ast::Tree;
use super::super::compile::read;
use super::super::difference::{Example, Request};
use super::super::evaluate::{Graph, Line};
use super::super::plan::{Action, Target};
use super::super::profile::Profile;
use super::super::ways::{Exits, Round};
use super::super::week::{Time, Zone};
use super::super::words::{Direction, Mode, Outcome};
use super::diagram::{Set, Spent};
use super::example::{cases, found, found_in};
use super::space::{CONTACT, MODE, PARTY, REGISTERED, Space, TIME, URGENT};
use super::variables::Variable;
use crate::base::Limits;

/// So many kinds of requests are tried for one of which an example can be made.
const EXAMPLES_MAX: usize = 20;
/// So many looks at a time on a day are one step.
const LOOKS_A_STEP: usize = 8;

/// The trees of users each of whom can be reached from every other, and the ways between them.
pub(in super::super) struct Circles {
    space: Space,
    /// The clock that times are told by.
    clock: Zone,
    edges: Vec<Edge>,
    /// The edges of each user.
    from: Vec<Vec<usize>>,
}

/// A way from one of the users to another, and the requests that take it.
struct Edge {
    to: usize,
    way: usize,
    set: Set,
}

/// One tree, read again, and in its own words the requests that take each way.
pub(in super::super) struct Own {
    space: Space,
    clock: Zone,
    /// The times of each condition.
    times: Vec<Box<[Time]>>,
    sets: BTreeMap<usize, Set>,
}

impl Circles {
    /// Reads the trees of the users, each given by its place among the trees, and where each way of his
    /// leads: to which of the users, if to one of them.
    pub(in super::super) fn new(
        trees: &[&Exits],
        users: &[(usize, Vec<Option<usize>>)],
        steps: u32,
    ) -> Result<Self, Spent> {
        let profiles: Vec<&Profile> =
            trees.iter().map(|exits| profile_of(exits)).collect::<Result<_, _>>()?;
        let read: Vec<Tree> = profiles.iter().map(|profile| tree_of(profile)).collect::<Result<_, _>>()?;
        let mut clocks: Vec<&Zone> = Vec::new();
        let mut together = Vec::new();
        for (profile, tree) in profiles.iter().zip(&read) {
            let timed = profile.graph(Direction::Incoming).is_some_and(Graph::looks_at_time);
            // A tree that does not look at the time may have any clock.
            if timed && !clocks.contains(&profile.clock()) {
                clocks.push(profile.clock());
            }
            let clock = clocks.iter().position(|clock| *clock == profile.clock());
            together.push((tree, clock.unwrap_or(0)));
        }
        let space = Space::over(Direction::Incoming, &together, &clocks, steps).map_err(|_| Spent)?;
        let clock = clocks.first().copied().unwrap_or(Zone::UTC).clone();
        let mut circles = Self { space, clock, edges: Vec::new(), from: vec![Vec::new(); users.len()] };
        circles.space.diagram.spend(circles.space.times.looks / LOOKS_A_STEP)?;
        let mut taken = Vec::new();
        for (exits, (tree, clock)) in trees.iter().zip(together) {
            let sets = taken_by(&mut circles.space, exits, tree, clock)?;
            taken.push(circles.shared(sets)?);
        }
        for (user, (tree, leads)) in users.iter().enumerate() {
            let Some(sets) = taken.get(*tree) else { continue };
            let known = leads.iter().enumerate().filter_map(|(way, to)| Some((way, (*to)?)));
            for (way, to) in known {
                let set = sets.get(&way).copied().unwrap_or(Set::NONE);
                if let Some(from) = circles.from.get_mut(user) {
                    from.push(circles.edges.len());
                    circles.edges.push(Edge { to, way, set });
                }
            }
        }
        Ok(circles)
    }

    /// Forgets what every owner has of his own.
    fn shared(&mut self, sets: BTreeMap<usize, Set>) -> Result<BTreeMap<usize, Set>, Spent> {
        let (groups, first) = (Space::group(0)..self.space.other(0), self.space.other(0));
        let owners: Vec<bool> = self.space.variables.iter().map(Variable::is_owners).collect();
        let is_own = |level: usize| {
            let other = level.checked_sub(first).and_then(|at| owners.get(at));
            level == REGISTERED || level == CONTACT || groups.contains(&level) || other == Some(&true)
        };
        let forget = |(way, set)| Ok((way, self.space.diagram.forget(set, &is_own)?));
        sets.into_iter().map(forget).collect()
    }

    /// The requests that a user's way takes and that come back to him; `None` if there are none.
    pub(in super::super) fn round(
        &mut self,
        user: usize,
        way: usize,
        own: &mut Own,
    ) -> Result<Option<(Vec<Mode>, Round)>, Spent> {
        let edges = self.from.get(user).into_iter().flatten().filter_map(|at| self.edges.get(*at));
        let Some((first, taken)) =
            edges.filter(|edge| edge.way == way).map(|edge| (edge.to, edge.set)).next()
        else {
            return Ok(None);
        };
        let back = self.back((user, first), taken)?;
        if back == Set::NONE {
            return Ok(None);
        }
        let modes = self.space.modes(back);
        let modes = Mode::ALL.iter().copied().filter(|mode| modes.has(*mode)).collect();
        let (case, example) = self.example(back)?;
        let when = own.told(way, (&self.space, &self.clock), &case)?;
        let by = self.by((user, first), &case);
        Ok(Some((modes, Round { when, example, by })))
    }

    /// Which of the requests that come to a user from another go on until they are back with that one.
    fn back(&mut self, (from, first): (usize, usize), taken: Set) -> Result<Set, Spent> {
        let mut at = vec![Set::NONE; self.from.len()];
        let mut open = VecDeque::new();
        let arrive = |at: &mut Vec<Set>, space: &mut Space, to: usize, set: Set| {
            let Some(there) = at.get_mut(to) else { return Ok(false) };
            let more = space.diagram.or(*there, set)?;
            Ok(std::mem::replace(there, more) != more)
        };
        if arrive(&mut at, &mut self.space, first, taken)? {
            open.push_back(first);
        }
        while let Some(user) = open.pop_front() {
            if user == from {
                continue;
            }
            let here = at.get(user).copied().unwrap_or(Set::NONE);
            for edge in self.from.get(user).into_iter().flatten().filter_map(|at| self.edges.get(*at)) {
                self.space.diagram.spend(1)?;
                let set = self.space.diagram.and(here, edge.set)?;
                if arrive(&mut at, &mut self.space, edge.to, set)? {
                    open.push_back(edge.to);
                }
            }
        }
        Ok(at.get(from).copied().unwrap_or(Set::NONE))
    }

    /// A case that comes round, and its like in words: one that can be asked, if one can be made.
    fn example(&mut self, set: Set) -> Result<(Vec<usize>, Example), Spent> {
        let mut left = set;
        let mut first = None;
        for _ in 0..EXAMPLES_MAX {
            let Some(found) = found(&mut self.space, left) else { break };
            let meant = cases(&mut self.space, &found.cube)?;
            left = self.space.diagram.without(left, meant)?;
            let request = self.space.request(&found.case, &self.clock);
            let request = request.filter(|request| self.says(request, &found.case));
            let told = found.told.trim_end_matches(',').to_owned();
            if request.is_some() {
                return Ok((found.case, Example { told, request }));
            }
            first.get_or_insert((found.case, Example { told, request }));
        }
        first.ok_or(Spent)
    }

    /// Whether the message of a request says just what its case wants: what words a message holds is
    /// free only as far as one can tell.
    fn says(&self, Request { facts, .. }: &Request, case: &[usize]) -> bool {
        let Some(content) = &facts.content else { return true };
        let value = |at| case.get(self.space.other(at)).copied().unwrap_or(0);
        let mut variables = self.space.variables.iter().enumerate();
        variables.all(|(at, variable)| variable.is_said(value(at), content))
    }

    /// The users through whose trees a case comes back, the shortest way.
    fn by(&self, (from, first): (usize, usize), case: &[usize]) -> Vec<usize> {
        let mut before: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = VecDeque::from([first]);
        while let Some(user) = open.pop_front() {
            if user == from {
                break;
            }
            for edge in self.from.get(user).into_iter().flatten().filter_map(|at| self.edges.get(*at)) {
                let is_new = edge.to != first && !before.contains_key(&edge.to);
                if is_new && self.space.diagram.has(edge.set, case) {
                    before.insert(edge.to, user);
                    open.push_back(edge.to);
                }
            }
        }
        let mut by = vec![from];
        let mut at = from;
        while at != first
            && let Some(earlier) = before.get(&at)
        {
            at = *earlier;
            by.push(at);
        }
        by.reverse();
        by
    }
}

impl Own {
    /// Reads a tree for itself.
    pub(in super::super) fn new(exits: &Exits, limits: &Limits) -> Result<Self, Spent> {
        let profile = profile_of(exits)?;
        let tree = tree_of(profile)?;
        let mut space = Space::new(&tree, limits.loop_check_steps).map_err(|_| Spent)?;
        let sets = taken_by(&mut space, exits, &tree, 0)?;
        let times =
            profile.graph(Direction::Incoming).into_iter().flat_map(Graph::times).map(Into::into).collect();
        Ok(Self { space, clock: profile.clock().clone(), times, sets })
    }

    /// Which requests take a way, in the words of its tree alone: those around a case of all trees.
    fn told(&mut self, way: usize, (all, clock): (&Space, &Zone), case: &[usize]) -> Result<String, Spent> {
        let taken = self.sets.get(&way).copied().unwrap_or(Set::NONE);
        let mut narrow = taken;
        for (level, value) in self.seen(all, clock, case) {
            let alike = self.space.diagram.value(level, |v| v == value)?;
            narrow = self.space.diagram.and(narrow, alike)?;
        }
        let found = found_in(&mut self.space, narrow, taken).ok_or(Spent)?;
        Ok(found.told.trim_end_matches(',').to_owned())
    }

    /// What this tree sees of what a case of all trees takes from one to the next.
    fn seen(&self, all: &Space, clock: &Zone, case: &[usize]) -> Vec<(usize, usize)> {
        let value = |level: usize| case.get(level).copied().unwrap_or(0);
        let party = all.parties.cells.get(value(PARTY));
        let party = party.and_then(|cell| self.space.parties.cell_of(&cell.witness));
        let moment = self.clock.moment(all.wall_ms(case, clock));
        let mut seen = vec![(MODE, value(MODE)), (URGENT, value(URGENT))];
        seen.extend(party.map(|cell| (PARTY, cell)));
        seen.extend(self.space.times.cell_at(moment, &self.times).map(|cell| (TIME, cell)));
        for (at, own) in self.space.variables.iter().enumerate().filter(|(_, own)| !own.is_owners()) {
            let of = |(i, other)| own.value_of(other, value(all.other(i)));
            seen.extend(all.variables.iter().enumerate().find_map(of).map(|v| (self.space.other(at), v)));
        }
        seen
    }
}

/// The profile whose ways these are, if it was kept.
fn profile_of(exits: &Exits) -> Result<&Profile, Spent> {
    exits.profile.as_ref().ok_or(Spent)
}

/// The incoming tree of a profile as it was written; it has been read before, within limits of that time.
fn tree_of(profile: &Profile) -> Result<Tree, Spent> {
    let limits = Limits { tree_bytes: u32::MAX, ..Limits::default() };
    let (_, file, _) = read(profile.source(), &limits).map_err(|_| Spent)?;
    file.trees.into_iter().find(|tree| tree.direction == Direction::Incoming).ok_or(Spent)
}

/// The cases that take each way of a tree.
fn taken_by(
    space: &mut Space,
    exits: &Exits,
    tree: &Tree,
    clock: usize,
) -> Result<BTreeMap<usize, Set>, Spent> {
    let mut taken = BTreeMap::new();
    let Some(graph) = profile_of(exits)?.graph(Direction::Incoming) else { return Ok(taken) };
    let some_client = space.diagram.value(REGISTERED, |value| value > 0)?;
    let mut at: Vec<Set> = vec![Set::NONE; graph.lines.len()];
    let mut open = Vec::new();
    for part in space.parts((tree, graph), clock)? {
        arrive(space, &mut at, &mut open, (part.at, part.set))?;
    }
    while let Some(here) = open.pop() {
        let (Some(line), Some(set)) = (graph.lines.get(here), at.get(here).copied()) else { continue };
        let some = space.diagram.and(set, some_client)?;
        for outcome in Outcome::ALL {
            let Some(next) = line.follow.get(outcome.index()).copied().flatten() else { continue };
            let needs_clients = *outcome != Outcome::Unreachable && rings_clients_alone(line);
            let set = if needs_clients { some } else { set };
            arrive(space, &mut at, &mut open, (usize::from(next), set))?;
        }
    }
    for (way, exit) in exits.ways.iter().enumerate() {
        taken.insert(way, at.get(usize::from(exit.line)).copied().unwrap_or(Set::NONE));
    }
    Ok(taken)
}

/// More cases come to a line; it is open again if they are.
fn arrive(
    space: &mut Space,
    at: &mut [Set],
    open: &mut Vec<usize>,
    (line, set): (usize, Set),
) -> Result<(), Spent> {
    space.diagram.spend(1)?;
    let Some(there) = at.get_mut(line) else { return Ok(()) };
    let more = space.diagram.or(*there, set)?;
    if std::mem::replace(there, more) != more {
        open.push(line);
    }
    Ok(())
}

/// Whether nothing but clients rings, so that without any there is only one outcome.
fn rings_clients_alone(line: &Line) -> bool {
    let Action::Try(plan) = &line.action else { return false };
    plan.targets.iter().all(|timed| matches!(timed.target, Target::Clients | Target::Client(_)))
}
