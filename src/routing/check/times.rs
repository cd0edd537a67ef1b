//! The finite partition of all time that a tree's times can tell apart.
//!
//! Two minutes are in one cell when every time condition holds at both or at neither. That can only
//! change where some hours begin or end, so one look at each of those minutes, on each day that is like no other, finds
//! all cells. Days are alike if the same times begin on them, and on the days before as far as times last. Where times
//! say no dates, a week is all there is. Where they do, there is a day like every other among those of a year of each
//! kind, and of the years in which something that is named with its year begins or ends: so what is found holds in all years
//! from the one before the first that is named.
//!
//! Times that come in every so manieth period are the exception, for nobody can go through all that come together: they are
//! followed for ten years. What may be *later* is then added as cells of its own, in which of such times nothing is known.
//! Every minute comes, whatever the zone, but for the hour that a spring night leaves out.

use std::collections::BTreeSet;
use std::ops::Range;

use hashbrown::HashSet;

use super::super::calendar::{Bits, Day, Leaf, ROUND_YEARS, is_in, kind_of, new_year, weekday_of, year_of};
use super::super::week::{Moment, TODAY, Time, Zone};
use super::clocks;

/// How many times a tree may name: more make no tree that anybody keeps in mind.
const TIMES_MAX: usize = 500;
/// How many looks at a time, on some day or at some minute of one, the proof may take: some tenths of a second at most …
const LOOKS_MAX: u32 = 20_000_000;
/// … and not more than so many for each step of it.
const LOOKS_FOR_A_STEP: u32 = 10;
/// The years that times in every so manieth period are followed for after the last one that is named, and where to begin
/// if none is.
const YEARS: i32 = 10;
const BEGIN: i32 = 2026;
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
}

/// A moment as an example.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// What each clock shows.
    pub(super) shown: Box<[Moment]>,
    /// When that is, milliseconds since 1970, if there are several clocks.
    pub(super) at: Option<i64>,
    /// After the years that were gone through: whether times in every so manieth period hold is not known.
    pub(super) is_later: bool,
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

    /// Whether any of some times holds when the clock shows this, as far as that is known: perhaps, and surely.
    pub(super) fn holds(&self, times: &[Time], clock: usize) -> (bool, bool) {
        let Some(shown) = self.shown.get(clock) else { return (false, false) };
        let is_known = |time: &&Time| !(self.is_later && time.is_spaced());
        let surely = times.iter().filter(is_known).any(|time| time.holds(*shown));
        (surely || !times.iter().all(|time| is_known(&time)), surely)
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
        if conditions.is_empty() {
            let cell = Cell { shown: [Moment::of_week(0, 600)].into(), ..Cell::default() };
            return Ok(Self { cells: vec![cell], dated: false, told_in: None, looks: 0 });
        }
        let count = conditions.iter().map(|condition| condition.times.len()).sum::<usize>();
        if count > TIMES_MAX {
            return Err(TooManyTimes);
        }
        let mut looks = Looks::of(steps);
        if let [first, _, ..] = clocks {
            let cells = clocks::cells(conditions, clocks, &mut looks)?;
            let told_in = Some(first.name().to_owned());
            return Ok(Self { cells, dated: true, told_in, looks: looks.taken() });
        }
        let times: Vec<&Time> = conditions.iter().flat_map(|condition| condition.times).collect();
        let dated = times.iter().any(|time| time.is_dated());
        let days = if dated { different_days(&times, &mut looks)? } else { a_week() };
        let cells = Partition::new(&times, &days, conditions, &mut looks)?.cells();
        Ok(Self { cells, dated, told_in: None, looks: looks.taken() })
    }

    /// Adds what may be after the years that were gone through, if anything of it is not known.
    pub(super) fn add_later(&mut self, conditions: &[Condition<'_>]) {
        let known: Vec<Vec<Time>> = conditions
            .iter()
            .map(|condition| condition.times.iter().filter(|time| !time.is_spaced()).cloned().collect())
            .collect();
        if known.iter().zip(conditions).all(|(known, all)| known.len() == all.times.len()) {
            return;
        }
        let mut seen = HashSet::new();
        let is_new = |cell: &&Cell| {
            let holds =
                |(times, condition): (&Vec<Time>, &Condition<'_>)| cell.holds(times, condition.clock).1;
            seen.insert(known.iter().zip(conditions).map(holds).collect::<Vec<bool>>())
        };
        let later: Vec<Cell> = self.cells.iter().filter(is_new).cloned().collect();
        self.cells.extend(later.into_iter().map(|cell| Cell { is_later: true, ..cell }));
    }

    /// The cell of what the one clock shows, by the conditions that were partitioned by.
    pub(super) fn cell_at(&self, moment: Moment, conditions: &[Box<[Time]>]) -> Option<usize> {
        let alike = |cell: &Cell| {
            conditions.iter().all(|times| {
                let holds = |moment| times.iter().any(|time| time.holds(moment));
                holds(cell.first()) == holds(moment)
            })
        };
        self.cells.iter().position(alike)
    }
}

/// Days, and what begins on them and on those before.
struct Partition<'a> {
    days: &'a [Day],
    times: &'a [&'a Time],
    /// By day and then by time: the days on which it began, as [`Time::since`] counts them.
    begun: Vec<u8>,
    /// The times of each condition.
    conditions: Vec<Range<usize>>,
    bounds: BTreeSet<u16>,
}

impl<'a> Partition<'a> {
    fn new(
        times: &'a [&'a Time],
        days: &'a [Day],
        conditions: &[Condition<'_>],
        looks: &mut Looks,
    ) -> Result<Self, TooManyTimes> {
        let bounds: BTreeSet<u16> = times.iter().flat_map(|time| time.bounds()).chain([0]).collect();
        let reach: usize = times.iter().filter_map(|time| usize::try_from(time.reach() + 1).ok()).sum();
        looks.take(reach, days.len(), 1)?;
        looks.take(times.len(), days.len(), HOURS.len() + bounds.len())?;
        let on = |time: &Time, day: Day| {
            let begins = (0..=time.reach()).filter(|back| time.is_on(day - back));
            begins.fold(0, |days, back| days | TODAY >> back)
        };
        let begun = days.iter().flat_map(|day| times.iter().map(|time| on(time, *day))).collect();
        let mut next = 0;
        let conditions = conditions.iter().map(|condition| {
            let first = next;
            next += condition.times.len();
            first..next
        });
        let conditions = conditions.collect();
        Ok(Self { days, times, begun, conditions, bounds })
    }

    /// A moment of each cell.
    fn cells(&self) -> Vec<Cell> {
        let mut seen: HashSet<Box<[u64]>> = HashSet::new();
        let mut cells = Vec::new();
        let mut holding = vec![0_u64; self.conditions.len().div_ceil(64)];
        let likely = HOURS.iter().map(|hour| hour * 60);
        for minute in likely.chain(self.bounds.iter().copied()) {
            let since: Vec<u8> = self.times.iter().map(|time| time.since(minute)).collect();
            for (day, begun) in self.days.iter().zip(self.begun.chunks(self.times.len())) {
                self.holding((begun, &since), &mut holding);
                if !seen.contains(&*holding) {
                    seen.insert(holding.as_slice().into());
                    let shown = [Moment { day: *day, minute }].into();
                    cells.push(Cell { shown, ..Cell::default() });
                }
            }
        }
        cells
    }

    /// A bit for each condition: whether it holds.
    fn holding(&self, (begun, since): (&[u8], &[u8]), holding: &mut [u64]) {
        holding.fill(0);
        for (at, times) in self.conditions.iter().enumerate() {
            let pairs = begun
                .get(times.clone())
                .into_iter()
                .flatten()
                .zip(since.get(times.clone()).into_iter().flatten());
            let holds = pairs.fold(0, |any, (begun, since)| any | begun & since) != 0;
            if let Some(word) = holding.get_mut(at / 64) {
                *word |= u64::from(holds) << (at % 64);
            }
        }
    }
}

/// The days of a week, from Monday.
fn a_week() -> Vec<Day> {
    (0..7).map(|day| Moment::of_week(day, 0).day).collect()
}

/// The last of the years that are gone through one after the other, if some of these times are not known for ever.
pub(in super::super) fn followed_until(times: &[&Time]) -> Option<i32> {
    let is_known = times.iter().all(|time| !time.is_spaced());
    (!is_known).then(|| last_named(&turns(times)) + YEARS - 1)
}

/// The years in which something that is named with its year begins or ends. What begins at the end of one may last for
/// a week of the next.
fn turns(times: &[&Time]) -> BTreeSet<i32> {
    let spans = times.iter().flat_map(|time| time.once());
    let days = spans.flat_map(|(first, last)| [Some(*first), last.checked_add(1)]).flatten();
    days.flat_map(|day| [day, day.saturating_add(7)]).map(|day| year_of(day).0).collect()
}

fn last_named(turns: &BTreeSet<i32>) -> i32 {
    turns.last().copied().unwrap_or(BEGIN).max(BEGIN)
}

/// The years that are gone through for times, the likeliest first.
pub(super) fn years(times: &[&Time]) -> Vec<i32> {
    let turns = turns(times);
    let (first, last) = (turns.first().copied().unwrap_or(BEGIN).min(BEGIN) - 1, last_named(&turns));
    let followed = if times.iter().any(|time| time.is_followed()) { last + YEARS } else { first };
    let mut seen = HashSet::new();
    let is_new = |year: &i32| {
        let now = || -> Vec<bool> {
            let named = times.iter().map(|time| time.once()).filter(|once| !once.is_empty());
            named.map(|once| is_in(once, new_year(*year))).collect()
        };
        *year < followed || turns.contains(year) || seen.insert((now(), kind_of(year - 1), kind_of(*year)))
    };
    // After the last that is named, the calendar comes round once.
    (BEGIN..=last + 1 + ROUND_YEARS).chain(first..BEGIN).filter(is_new).collect()
}

/// One day for each set of times that can begin on it and on the days before it.
fn different_days(times: &[&Time], looks: &mut Looks) -> Result<Vec<Day>, TooManyTimes> {
    let (dated, weekly): (Vec<&Time>, Vec<&Time>) = times.iter().partition(|time| time.is_dated());
    let years = years(&dated);
    looks.take(dated.len(), years.len(), 366)?;
    let weekdays = kinds_of_weekdays(&weekly);
    let mut seen: HashSet<Box<[u8]>> = HashSet::new();
    // By day of the week, what the last one was: it is as a rule what the next one is.
    let mut latest: [Vec<u8>; 7] = Default::default();
    let mut key = Vec::with_capacity(1 + dated.len());
    let mut days = Vec::new();
    for year in years {
        let leaves = Leaf::with_week_before(year);
        let on: Vec<Bits> = dated.iter().map(|time| on_leaves(time, &leaves)).collect();
        for (at, leaf) in leaves.iter().enumerate().skip(7) {
            let weekday = usize::from(leaf.weekday);
            key.clear();
            key.extend(weekdays.get(weekday));
            key.extend(dated.iter().zip(&on).map(|(time, on)| on.eight_to(at) & lasting(time)));
            let Some(latest) = latest.get_mut(weekday).filter(|latest| **latest != key) else { continue };
            latest.clone_from(&key);
            if !seen.contains(&*key) {
                seen.insert(key.as_slice().into());
                days.push(leaf.day);
            }
        }
    }
    Ok(days)
}

/// For each day of the week, a number that those share on which the same times begin, and began the day before.
fn kinds_of_weekdays(weekly: &[&Time]) -> Vec<u8> {
    let mut kinds: Vec<Vec<bool>> = Vec::new();
    let kind_of = |day: Day| {
        let kind: Vec<bool> = weekly.iter().flat_map(|time| [time.is_on(day), time.is_on(day - 1)]).collect();
        let at = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        });
        u8::try_from(at).unwrap_or(0)
    };
    debug_assert!(a_week().into_iter().map(weekday_of).eq(0..7), "in the order of days of the week");
    a_week().into_iter().map(kind_of).collect()
}

/// On which of some days a time begins.
fn on_leaves(time: &Time, leaves: &[Leaf]) -> Bits {
    let mut on = Bits::default();
    let begins = leaves.iter().enumerate().filter(|(_, leaf)| time.is_on_leaf(leaf));
    begins.for_each(|(at, _)| on.set(at));
    on
}

/// The days that count for what a time may be on a day, as [`Time::since`] counts them.
fn lasting(time: &Time) -> u8 {
    (0..=time.reach()).fold(0, |days, back| days | TODAY >> back)
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

    /// A time condition that says just this.
    fn conditions(times: &[&str]) -> Vec<Vec<Time>> {
        use super::super::super::profile::Profile;
        use super::super::super::words::Direction;
        let rules: Vec<String> = times.iter().map(|time| format!("time {time} and urgent -> busy")).collect();
        let rules = rules.join("\n");
        let source = format!("profile \"p\" {{ incoming {{\n{rules}\notherwise -> ignore\n}} }}");
        let owner = crate::base::Uid::parse("anne@north.test").unwrap();
        let profile = Profile::compile_stored(&source, &crate::base::Limits::default(), &owner)
            .unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        profile.graph(Direction::Incoming).unwrap().times().map(<[Time]>::to_vec).collect()
    }

    const DATED: [&str; 12] = [
        "feb-29",
        "tue 22:00-03:00 or sun 22:00-03:00",
        "mon-fri 09:00-17:00",
        "dec-31 to jan-2 22:00-06:00",
        "2027-12-31 or 2031-05-17 to 2033-01-01",
        "every \"FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR,SU\" from 2026-03-01 23:00 for 7d",
        "every \"FREQ=YEARLY;BYYEARDAY=-3,366\" from 2020-01-01 for 6d",
        "every \"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1\" from 2026-01-01 09:00 for 8h",
        "every \"FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR\" from 2027-01-01",
        "every \"FREQ=YEARLY;COUNT=9\" from 2028-02-29",
        "every \"FREQ=DAILY;UNTIL=20281231\" from 2028-06-01 06:00 for 2d",
        "every \"FREQ=YEARLY;BYWEEKNO=1;BYSETPOS=1\" from 2029-01-01 12:00 for 30h",
    ];

    /// Whatever day of whatever year is looked at, what holds on it was found.
    #[test]
    fn every_minute_of_all_years_is_in_a_cell() {
        let all = conditions(&DATED);
        for first in 0..all.len() {
            let some: Vec<&Vec<Time>> =
                [0, 1, 5].iter().filter_map(|more| all.get((first + more) % all.len())).collect();
            let conditions: Vec<Condition<'_>> =
                some.iter().map(|times| Condition { times, clock: 0 }).collect();
            let times = Times::new(&conditions, &[], 5_000_000).unwrap();
            let truth = |m: Moment| -> Vec<bool> {
                some.iter().map(|times| times.iter().any(|time| time.holds(m))).collect()
            };
            let cells: HashSet<Vec<bool>> = times.cells.iter().map(|cell| truth(cell.first())).collect();
            assert_eq!(cells.len(), times.cells.len(), "no cell is there twice");
            // Three weeks about each new year, and each 29th of February, when years are long.
            let days = (BEGIN..2_500).flat_map(|year| {
                let begin = new_year(year);
                (begin - 9..begin + 10).chain(begin + 57..begin + 62)
            });
            for day in days.chain(new_year(BEGIN)..new_year(BEGIN + 9)) {
                for minute in [0, 179, 360, 540, 1_020, 1_319, 1_380] {
                    let moment = Moment { day, minute };
                    assert!(cells.contains(&truth(moment)), "{} of {first}", moment.dated());
                }
            }
        }
    }

    /// What lasts for a week may have begun on any of eight days, what lasts for a day on one of two.
    #[test]
    fn looks_are_counted_by_how_long_times_last() {
        let looks = |length: &str| {
            let time = format!("every \"FREQ=YEARLY;COUNT=1\" from 2026-03-01 09:00 for {length}");
            let times = conditions(&[&time]);
            let conditions: Vec<_> = times.iter().map(|times| Condition { times, clock: 0 }).collect();
            let days = different_days(&times.iter().flatten().collect::<Vec<_>>(), &mut Looks::of(1_000_000));
            let (days, times) = (days.unwrap(), times.iter().flatten().collect::<Vec<_>>());
            let mut looks = Looks::of(1_000_000);
            Partition::new(&times, &days[..1], &conditions, &mut looks).unwrap();
            looks.taken()
        };
        assert_eq!(looks("7d"), looks("24h") + 6);
    }
}
