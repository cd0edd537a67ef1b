//! The finite partition of the week that a tree's times can tell apart.
//!
//! Two minutes are in one cell when every time condition holds at both or at neither. That can only
//! change where some hours begin or end, so one look at each of those minutes, on each day, finds
//! all cells. Every minute of the week comes, whatever the zone, so no cell is empty.

use std::collections::BTreeSet;

use super::super::week::{Moment, Window};

/// How many times a tree may name: more make no tree that anybody keeps in mind.
const WINDOWS_MAX: usize = 500;
/// The hours that examples are taken from, the likeliest first.
const HOURS: [u16; 12] = [10, 14, 18, 20, 22, 8, 6, 16, 12, 4, 2, 0];

/// The cells of the week, each with a moment as an example, the likeliest examples first.
pub(super) struct Times {
    pub(super) cells: Vec<Moment>,
}

/// There are too many times to tell apart.
#[derive(Debug)]
pub(super) struct TooManyTimes;

impl Times {
    /// Partitions the week by conditions, each a list of times.
    pub(super) fn new(conditions: &[&[Window]]) -> Result<Self, TooManyTimes> {
        if conditions.iter().map(|windows| windows.len()).sum::<usize>() > WINDOWS_MAX {
            return Err(TooManyTimes);
        }
        let bounds: BTreeSet<u16> =
            conditions.iter().flat_map(|windows| windows.iter()).flat_map(|window| window.bounds()).collect();
        let on_every_day = |minutes: Vec<u16>| {
            minutes.into_iter().flat_map(|m| (0..7).map(move |day| Moment { day, minute: m }))
        };
        let likely = on_every_day(HOURS.iter().map(|hour| hour * 60).collect());
        let edges = on_every_day(bounds.into_iter().chain([0]).collect());
        let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
        let truth = |moment: Moment| -> Vec<bool> {
            conditions.iter().map(|windows| windows.iter().any(|window| window.holds(moment))).collect()
        };
        let cells = likely.chain(edges).filter(|moment| seen.insert(truth(*moment))).collect();
        Ok(Self { cells })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::week::{DAY_MINUTES, Days, Hours};
    use super::*;

    #[test]
    fn every_minute_of_the_week_is_in_a_cell() {
        let window = |days: &str, hours: &str| Window { days: Days::read(days), hours: Hours::read(hours) };
        let one = [window("mon-fri", "09:00-17:30"), window("sat", "")];
        let other = [window("", "22:15-06:01")];
        let third = [window("fri", "16:59-17:00")];
        let conditions: [&[Window]; 3] = [&one, &other, &third];
        let times = Times::new(&conditions).unwrap();
        let truth = |m: Moment| conditions.map(|windows| windows.iter().any(|window| window.holds(m)));
        let cells: Vec<[bool; 3]> = times.cells.iter().map(|moment| truth(*moment)).collect();
        for day in 0..7 {
            for minute in 0..DAY_MINUTES {
                assert!(cells.contains(&truth(Moment { day, minute })), "{day} {minute}");
            }
        }
        let different: BTreeSet<[bool; 3]> = cells.iter().copied().collect();
        assert_eq!(different.len(), cells.len());
        assert_eq!(times.cells.first(), Some(&Moment { day: 0, minute: 600 }));
    }
}
