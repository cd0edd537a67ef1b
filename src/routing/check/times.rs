//! The finite partition of all time that a tree's times can tell apart.
//!
//! Two minutes are in one cell when every time condition holds at both or at neither. That can only
//! change where some hours begin or end, so one look at each of those minutes, on each day, finds
//! all cells. Where times say no dates, a week is all there is. Where they do, the years that they name, one before
//! and ten more are gone through: days on which the same of them begin, and on the days before, are alike.
//! Every minute comes, whatever the zone, but for the hour that a spring night leaves out.

use std::collections::BTreeSet;

use super::super::calendar::{Day, date_of, day_of};
use super::super::week::{Moment, Time, Zone};
use super::clocks;

/// How many times a tree may name: more make no tree that anybody keeps in mind.
const TIMES_MAX: usize = 500;
/// How many looks at a time, on some day at some minute, the proof may take: some tenths of a second …
const LOOKS_MAX: u32 = 20_000_000;
/// … and not more than so many for each step of it.
const LOOKS_FOR_A_STEP: u32 = 10;
/// The years that are gone through after the last one that is named, and where to begin if none is.
const YEARS: i16 = 10;
const BEGIN: i16 = 2026;
/// The hours that examples are taken from, the likeliest first.
const HOURS: [u16; 12] = [10, 14, 18, 20, 22, 8, 6, 16, 12, 4, 2, 0];

/// The cells of the week, each with a moment as an example, the likeliest examples first.
pub(super) struct Times {
    pub(super) cells: Vec<Cell>,
    /// Whether dates matter.
    pub(super) dated: bool,
    /// The zone of the clock that examples are told by, where there are several.
    pub(super) told_in: Option<String>,
    /// How many looks it took to find them.
    pub(super) looks: usize,
    conditions: Vec<Vec<Time>>,
}

/// A moment as an example.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// What each clock shows.
    pub(super) shown: Box<[Moment]>,
    /// When that is, milliseconds since 1970, if there are several clocks.
    pub(super) at: Option<i64>,
}

/// A condition: times, any of which may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'t> {
    pub(super) times: &'t [Time],
    /// Which of the clocks they are read from.
    pub(super) clock: usize,
}

impl Cell {
    /// What the first of the clocks shows.
    pub(super) fn first(&self) -> Moment {
        self.shown.first().copied().unwrap_or_default()
    }
}

/// There are too many times to tell apart.
#[derive(Debug)]
pub(super) struct TooManyTimes;

/// The looks that are left: each step of the search says before it begins how many it will take.
pub(super) struct Looks {
    most: usize,
    left: usize,
}

impl Looks {
    /// What a proof of so many steps may take.
    fn of(steps: u32) -> Self {
        let most = steps.saturating_mul(LOOKS_FOR_A_STEP).min(LOOKS_MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { most, left: most }
    }

    /// How many it has taken.
    fn taken(&self) -> usize {
        self.most - self.left
    }

    /// Takes the looks at so many times, on so many days, at so many minutes of each.
    pub(super) fn take(&mut self, times: usize, days: usize, minutes: usize) -> Result<(), TooManyTimes> {
        let looks = times.saturating_mul(days).saturating_mul(minutes);
        self.left = self.left.checked_sub(looks).ok_or(TooManyTimes)?;
        Ok(())
    }
}

impl Times {
    /// Partitions time by conditions, each read from its clock, for a proof of so many steps. Which clock it is
    /// matters only if there are several.
    pub(super) fn new(
        conditions: &[Condition<'_>],
        clocks: &[&Zone],
        steps: u32,
    ) -> Result<Self, TooManyTimes> {
        let all = || conditions.iter().flat_map(|condition| condition.times.iter());
        let count = all().count();
        if count > TIMES_MAX {
            return Err(TooManyTimes);
        }
        let mut looks = Looks::of(steps);
        let kept = conditions.iter().map(|condition| condition.times.to_vec()).collect();
        if let [first, _, ..] = clocks {
            let cells = clocks::cells(conditions, clocks, &mut looks)?;
            let told_in = Some(first.name().to_owned());
            return Ok(Self { cells, dated: true, told_in, looks: looks.taken(), conditions: kept });
        }
        let dated = all().any(Time::is_dated);
        let days = if dated { different_days(&all().collect::<Vec<_>>(), &mut looks)? } else { a_week() };
        let bounds: BTreeSet<u16> = all().flat_map(Time::bounds).chain([0]).collect();
        looks.take(count, days.len(), HOURS.len() + bounds.len())?;
        let on_every_day = |minutes: Vec<u16>| {
            let days = &days;
            minutes
                .into_iter()
                .flat_map(move |minute| days.iter().map(move |day| Moment { day: *day, minute }))
        };
        let likely = on_every_day(HOURS.iter().map(|hour| hour * 60).collect());
        let edges = on_every_day(bounds.into_iter().collect());
        let mut seen = Seen::default();
        let holds = |condition: &Condition<'_>, moment| condition.times.iter().any(|time| time.holds(moment));
        let is_new =
            |moment: &Moment| seen.insert(conditions.iter().map(|condition| holds(condition, *moment)));
        let found = likely.chain(edges).filter(is_new);
        let cells = found.map(|moment| Cell { shown: [moment].into(), at: None }).collect();
        Ok(Self { cells, dated, told_in: None, looks: looks.taken(), conditions: kept })
    }

    /// The cell of what the one clock shows.
    pub(super) fn cell_at(&self, moment: Moment) -> Option<usize> {
        let alike = |cell: &Cell| {
            self.conditions.iter().all(|times| {
                let holds = |moment| times.iter().any(|time| time.holds(moment));
                holds(cell.first()) == holds(moment)
            })
        };
        self.cells.iter().position(alike)
    }
}

/// Sets of truths that have been seen.
#[derive(Default)]
struct Seen {
    sets: BTreeSet<Vec<bool>>,
    /// The one that is looked for.
    set: Vec<bool>,
}

impl Seen {
    /// Whether a set is new.
    fn insert(&mut self, set: impl Iterator<Item = bool>) -> bool {
        self.set.clear();
        self.set.extend(set);
        let is_new = !self.sets.contains(&self.set);
        if is_new {
            self.sets.insert(self.set.clone());
        }
        is_new
    }
}

/// The days of a week, from Monday.
fn a_week() -> Vec<Day> {
    (0..7).map(|day| Moment::of_week(day, 0).day).collect()
}

/// The first of the years that are gone through for times, and the one after the last.
pub(super) fn years(times: &[&Time]) -> (i16, i16) {
    let year = |day: Day| date_of(day).year();
    let named = || times.iter().filter_map(|time| time.named());
    let first = named().map(|(first, _)| year(first)).min().unwrap_or(BEGIN).min(BEGIN);
    let last = named().map(|(_, last)| year(last)).max().unwrap_or(BEGIN).max(BEGIN) + YEARS;
    (first - 1, last)
}

/// One day for each set of times that can begin on it and on the days before it.
fn different_days(times: &[&Time], looks: &mut Looks) -> Result<Vec<Day>, TooManyTimes> {
    let (first, last) = years(times);
    let new_year = |year: i16| jiff::civil::Date::new(year, 1, 1).map_or(0, day_of);
    let (begin, end) = (new_year(first) - 8, new_year(last));
    let count = usize::try_from(end - begin).unwrap_or(usize::MAX);
    looks.take(times.len(), count, 1)?;
    let on: Vec<Vec<bool>> =
        times.iter().map(|time| (begin..end).map(|day| time.is_on(day)).collect()).collect();
    let mut seen = Seen::default();
    let mut different = |at: usize| {
        let begins = times.iter().zip(&on).flat_map(|(time, on)| {
            let reach = usize::try_from(time.reach()).unwrap_or(0);
            (0..=reach).map(move |back| at.checked_sub(back).and_then(|at| on.get(at)) == Some(&true))
        });
        seen.insert(begins)
    };
    // Examples are of the year that is likeliest, if they can be.
    let likely = usize::try_from(new_year(BEGIN) - begin).unwrap_or(0);
    let days = (likely..count).chain(8..likely).filter(|at| different(*at));
    Ok(days.filter_map(|at| Some(begin + Day::try_from(at).ok()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::week::{DAY_MINUTES, Days, Hours, Window};
    use super::*;

    #[test]
    fn every_minute_of_the_week_is_in_a_cell() {
        let window = |days: &str, hours: &str| {
            Time::Window(Window { dates: None, days: Days::read(days), hours: Hours::read(hours) })
        };
        let one = [window("mon-fri", "09:00-17:30"), window("sat", "")];
        let other = [window("", "22:15-06:01")];
        let third = [window("fri", "16:59-17:00")];
        let conditions = [&one[..], &other, &third].map(|times| Condition { times, clock: 0 });
        let times = Times::new(&conditions, &[], 1_000).unwrap();
        let truth = |m: Moment| conditions.map(|condition| condition.times.iter().any(|time| time.holds(m)));
        let cells: Vec<[bool; 3]> = times.cells.iter().map(|cell| truth(cell.shown[0])).collect();
        for day in 0..7 {
            for minute in 0..DAY_MINUTES {
                assert!(cells.contains(&truth(Moment::of_week(day, minute))), "{day} {minute}");
            }
        }
        let different: BTreeSet<[bool; 3]> = cells.iter().copied().collect();
        assert_eq!(different.len(), cells.len());
        assert_eq!(
            times.cells.first().map(|cell| cell.shown.clone()),
            Some([Moment::of_week(0, 600)].into())
        );
    }
}
