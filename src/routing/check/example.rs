//! A case of a set, in the words of a person: no more of it than matters.
//!
//! One case is found, and then every fact that makes no difference is let go: what is left says
//! exactly which requests the set holds around it.

use super::super::lex::escape;
use super::super::words::{Direction, Mode};
use super::diagram::{Set, Spent};
use super::parties::Witness;
use super::space::{CONTACT, MODE, PARTY, REGISTERED, Space, TIME, URGENT};
use super::times::Cell;

/// A case of a set, and as much of the set around it as can be said in one sentence.
pub(super) struct Found {
    /// The value of each variable.
    pub(super) case: Vec<usize>,
    /// The cases that the sentence means; those of them that exist are in the set.
    pub(super) cube: Cube,
    /// The sentence.
    pub(super) told: String,
}

/// A case of a set as a person would put it; `None` if it holds none.
pub(super) fn example(space: &mut Space, set: Set) -> Option<String> {
    found(space, set).map(|found| found.told)
}

/// A case of a set, and what is like it; `None` if it holds none.
pub(super) fn found(space: &mut Space, set: Set) -> Option<Found> {
    found_in(space, set, set)
}

/// A case of a set that lies within another, and what is like it there; `None` if it holds none.
pub(super) fn found_in(space: &mut Space, narrow: Set, set: Set) -> Option<Found> {
    let widths = space.diagram.widths().to_vec();
    let case = space.diagram.case(narrow, |level| (0..widths.get(level).copied().unwrap_or(0)).collect())?;
    let mut cube: Cube = case.iter().map(|value| vec![*value]).collect();
    // Whether somebody is a contact goes before his groups, for who is none is in no group anyhow; and
    // "Invisible" before that, for who is a contact is not there.
    let groups = (1..space.groups.len()).map(Space::group);
    let others = (0..space.variables.len()).map(|at| space.other(at)).collect::<Vec<_>>();
    let order: Vec<usize> = [REGISTERED, URGENT, TIME, Space::group(0), CONTACT]
        .into_iter()
        .chain(others)
        .chain(groups)
        .chain([PARTY])
        .collect();
    for level in order {
        let all: Vec<usize> = (0..widths.get(level).copied().unwrap_or(0)).collect();
        let wider = if level == REGISTERED { vec![all, vec![0, 1], vec![1, 2]] } else { vec![all] };
        for values in wider {
            widen(space, set, &mut cube, level, values);
        }
    }
    let told = Words { space, cube: &cube }.told();
    Some(Found { case, cube, told })
}

/// For each variable, the values that make no difference.
pub(super) type Cube = Vec<Vec<usize>>;

/// Lets a variable have more values, if the set holds all the cases that then come.
fn widen(space: &mut Space, set: Set, cube: &mut Cube, level: usize, values: Vec<usize>) {
    let Some(now) = cube.get_mut(level) else { return };
    if now.len() >= values.len() || !now.iter().all(|value| values.contains(value)) {
        return;
    }
    let before = std::mem::replace(now, values);
    if !holds(space, set, cube)
        && let Some(now) = cube.get_mut(level)
    {
        *now = before;
    }
}

/// Whether a set holds all of a cube's cases that exist. If that takes too long to tell, it does not.
fn holds(space: &mut Space, set: Set, cube: &Cube) -> bool {
    cases(space, cube).and_then(|cases| space.diagram.without(cases, set)) == Ok(Set::NONE)
}

/// The cases of a cube that exist.
pub(super) fn cases(space: &mut Space, cube: &Cube) -> Result<Set, Spent> {
    let mut cases = space.universe;
    for (level, values) in cube.iter().enumerate().rev() {
        let some = space.diagram.value(level, |value| values.contains(&value))?;
        cases = space.diagram.and(some, cases)?;
    }
    Ok(cases)
}

/// What a cube says, piece by piece.
struct Words<'a> {
    space: &'a Space,
    cube: &'a Cube,
}

impl Words<'_> {
    fn told(&self) -> String {
        let side = if self.space.direction == Direction::Incoming { "from" } else { "to" };
        let others = self
            .space
            .variables
            .iter()
            .enumerate()
            .filter_map(|(at, variable)| variable.told(self.only(self.space.other(at))?));
        let circumstances: Vec<String> =
            self.registered().map(str::to_owned).into_iter().chain(others).collect();
        let circumstances = match circumstances.as_slice() {
            [] => String::new(),
            list => format!(" while {}", list.join(" and ")),
        };
        format!("{} {side} {}{}{circumstances}", self.request(), self.party(), self.time())
    }

    fn request(&self) -> String {
        let mode = self.only(MODE).and_then(|value| Mode::ALL.get(value)).copied().unwrap_or(Mode::Voice);
        let request = mode.request();
        match self.only(URGENT) {
            Some(1) => format!("an urgent {}", request.trim_start_matches("a ")),
            Some(_) => format!("{request} that is not urgent"),
            None => request.to_owned(),
        }
    }

    fn party(&self) -> String {
        let ties = self.ties();
        let cell = self.only(PARTY).and_then(|value| self.space.parties.cells.get(value));
        let Some(cell) = cell else {
            return ties.map_or("anybody".to_owned(), |ties| format!("somebody who {ties}"));
        };
        let who = match &cell.witness {
            Witness::Anonymous => "an anonymous caller".to_owned(),
            Witness::User(uid) if cell.is_named() => uid.to_string(),
            Witness::User(uid) => {
                let ties = ties.map_or(String::new(), |ties| format!(" and who {ties}"));
                return format!("{uid}, whom no rule names{ties},");
            }
            Witness::Number(number) if cell.is_named() => format!("the number {number}"),
            Witness::Number(number) => {
                let ties = ties.map_or(String::new(), |ties| format!(" and which {ties}"));
                return format!("the number {number}, which no rule names{ties},");
            }
        };
        ties.map_or(who.clone(), |ties| format!("{who} who {ties}"))
    }

    /// How the owner knows the other side, as far as it matters.
    fn ties(&self) -> Option<String> {
        let groups = |inside: usize| -> Vec<String> {
            let names = self.space.groups.iter().enumerate();
            names
                .filter(|(i, _)| self.only(Space::group(*i)) == Some(inside))
                .map(|(_, g)| escape(g))
                .collect()
        };
        let outside = groups(0);
        let outside = if outside.is_empty() { None } else { Some(outside.join(" or ")) };
        let known = match (groups(1).join(" and "), self.only(CONTACT)) {
            (inside, Some(0)) if !inside.is_empty() => format!("is in {inside} but is no contact"),
            (inside, _) if !inside.is_empty() => format!("is in {inside}"),
            (_, Some(1)) => "is a contact".to_owned(),
            (_, Some(_)) => {
                let outside = outside.map_or(String::new(), |outside| format!(" and not in {outside}"));
                return Some(format!("is no contact{outside}"));
            }
            (_, None) => return outside.map(|outside| format!("is not in {outside}")),
        };
        Some(outside.map_or(known.clone(), |outside| format!("{known} but not in {outside}")))
    }

    fn time(&self) -> String {
        let times = &self.space.times;
        let cell = self.only(TIME).and_then(|value| times.cells.get(value));
        let place = times.told_in.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
        match cell.map(Cell::first) {
            Some(moment) if times.dated => format!(" on {}{place}", moment.dated()),
            Some(moment) if times.cells.len() > 1 => format!(" on {moment}"),
            Some(_) | None => String::new(),
        }
    }

    fn registered(&self) -> Option<&'static str> {
        Some(match self.cube.get(REGISTERED).map(Vec::as_slice) {
            Some([0]) => "no client is registered",
            Some([0, 1]) => "no client that takes it is registered",
            Some([1]) => "only clients that cannot take it are registered",
            Some([1, 2]) => "a client is registered",
            Some([2]) => "a client that takes it is registered",
            Some(_) | None => return None,
        })
    }

    /// The one value of a variable that matters.
    fn only(&self, level: usize) -> Option<usize> {
        match self.cube.get(level).map(Vec::as_slice) {
            Some([value]) => Some(*value),
            Some(_) | None => None,
        }
    }
}
