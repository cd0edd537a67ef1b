//! The finite partition of all time for trees whose clocks hang in different zones.
//!
//! What a clock shows changes what holds only where hours of its own tree begin or end, at midnight,
//! and where the clock is put back or forward. So one look at each of those moments, on each day of the years that are
//! gone through (see `times`), finds all cells, whatever lies between the zones on that day. When clocks are changed is taken
//! from the database of zones for those years.

use std::collections::BTreeSet;

use super::super::calendar::{Day, new_year};
use super::super::week::{Time, Zone};
use super::times::{Cell, Condition, Looks, TooManyTimes, years};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Clocks are changed at such moments of universal time, if they are.
const CHANGE_MS: i64 = 15 * MINUTE_MS;

/// Partitions time by conditions, each read from its clock.
pub(super) fn cells(
    conditions: &[Condition<'_>],
    clocks: &[&Zone],
    looks: &mut Looks,
) -> Result<Vec<Cell>, TooManyTimes> {
    let all = || conditions.iter().flat_map(|condition| condition.times.iter());
    let years = years(&all().collect::<Vec<_>>());
    let days = || years.iter().flat_map(|year| new_year(*year)..new_year(year + 1));
    let bounds: Vec<_> = (0..clocks.len()).map(|clock| bounds(conditions, clock)).collect();
    looks.take(all().count(), days().count(), bounds.iter().map(BTreeSet::len).sum())?;
    let mut moments = BTreeSet::new();
    for (clock, bounds) in clocks.iter().zip(&bounds) {
        for day in days() {
            turns(clock, day, bounds, &mut moments);
        }
    }
    let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
    let mut cells = Vec::new();
    for at in moments {
        let shown: Box<[_]> = clocks.iter().map(|clock| clock.moment(at)).collect();
        let holds = |condition: &Condition<'_>| {
            let moment = shown.get(condition.clock).copied().unwrap_or_default();
            condition.times.iter().any(|time| time.holds(moment))
        };
        if seen.insert(conditions.iter().map(holds).collect()) {
            cells.push(Cell { shown, at: Some(at), is_later: false });
        }
    }
    Ok(cells)
}

/// The minutes of a day at which times by one clock begin or end, and midnight.
fn bounds(conditions: &[Condition<'_>], clock: usize) -> BTreeSet<u16> {
    let own = conditions.iter().filter(|condition| condition.clock == clock);
    own.flat_map(|condition| condition.times).flat_map(Time::bounds).chain([0]).collect()
}

/// The moments of a day at which a clock comes to one of these minutes, or is changed.
fn turns(clock: &Zone, day: Day, bounds: &BTreeSet<u16>, moments: &mut BTreeSet<i64>) {
    let midnight = i64::from(day) * DAY_MS;
    let ahead = |at: i64| {
        let shown = clock.moment(at);
        i64::from(shown.day) * DAY_MS + i64::from(shown.minute) * MINUTE_MS
            - at.div_euclid(MINUTE_MS) * MINUTE_MS
    };
    // By the clock before a change and by the one after it: one of them is what it comes to.
    let offsets = BTreeSet::from([ahead(midnight - DAY_MS), ahead(midnight), ahead(midnight + DAY_MS)]);
    for offset in &offsets {
        moments.extend(bounds.iter().map(|minute| midnight + i64::from(*minute) * MINUTE_MS - offset));
    }
    if ahead(midnight) != ahead(midnight + DAY_MS) {
        moments.extend((0..=DAY_MS / CHANGE_MS).map(|part| midnight + part * CHANGE_MS));
    }
}
