//! Dates as a tree names them: one, from one to another, or the same every year.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

/// The months as trees write them.
pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The years that a tree may name.
pub(super) const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// A day, counted from 1 January 1970.
pub(super) type Day = i32;

/// How many kinds of years there are, see [`kind_of`].
pub(super) const KINDS: usize = 28;
/// Years after which the calendar begins anew.
pub(super) const ROUND_YEARS: i32 = 400;

/// A day, and what all times that look at it would else find out each for themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) day: Day,
    /// The kind of its year, see [`kind_of`].
    pub(super) kind: usize,
    /// How many days of its year have passed.
    pub(super) passed: Day,
    /// From Monday.
    pub(super) weekday: u8,
    /// The month, and the day of it.
    at: (u8, u8),
}

/// Numbers from 0 to 383, a bit each: days of a year, counted in one way or another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Bits([u64; 6]);

/// The days that a profile calls holidays. However many there are, a day is soon looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Holidays {
    /// From one day to another, in order and apart.
    once: Box<[(Day, Day)]>,
    /// A bit for each day of 12 months of 31 days.
    yearly: Bits,
}

/// Days by their date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Dates {
    /// From one to the other, both counted.
    Once((Day, Day)),
    /// From one month and day to the other every year, round the end of the year if need be. The 29th
    /// of February comes in leap years only.
    Yearly((u8, u8), (u8, u8)),
    /// The days that the profile calls holidays.
    Holiday(Arc<Holidays>),
}

/// The day of a date.
pub(super) fn day_of(date: Date) -> Day {
    new_year(i32::from(date.year())) + i32::from(date.day_of_year()) - 1
}

/// The date of a day.
pub(super) fn date_of(day: Day) -> Date {
    let (year, passed) = year_of(day);
    let (month, month_day) = month_day(is_leap(year), passed);
    let date = i16::try_from(year).ok().zip(i8::try_from(month).ok().zip(i8::try_from(month_day).ok()));
    let date = date.and_then(|(year, (month, day))| Date::new(year, month, day).ok());
    date.unwrap_or(if day < 0 { Date::MIN } else { Date::MAX })
}

/// The month and the day of it, when so many days of a year have passed: plain arithmetic, for where years are gone
/// through this is asked ten thousand times.
fn month_day(is_leap: bool, passed: Day) -> (u8, u8) {
    // If February had 30 days, every month would begin after so many 367ths of a year.
    let february = if is_leap { 60 } else { 59 };
    let at = if passed < february { passed } else { passed + 61 - february };
    let month = (12 * at + 6) / 367;
    let begin = (367 * month + 5) / 12;
    (u8::try_from(month + 1).unwrap_or(0), u8::try_from(at - begin + 1).unwrap_or(0))
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % ROUND_YEARS == 0)
}

/// The year of a day, and how many of its days have passed.
pub(super) fn year_of(day: Day) -> (i32, Day) {
    /// Days after which the calendar begins anew.
    const ROUND_DAYS: i64 = 146_097;
    let near = 1970 + (i64::from(day) * i64::from(ROUND_YEARS)).div_euclid(ROUND_DAYS);
    let mut year = i32::try_from(near).unwrap_or(0);
    while new_year(year) > day {
        year -= 1;
    }
    while new_year(year + 1) <= day {
        year += 1;
    }
    (year, day - new_year(year))
}

/// The kind of a year: on which day of the week it begins, and whether it, the one before it or the
/// one after it has a 29th of February. Years of a kind have the same days on the same dates, and the
/// same weeks as far as these reach over into them.
pub(super) fn kind_of(year: i32) -> usize {
    let leaps = [year - 1, year, year + 1].into_iter().position(is_leap).map_or(0, |at| at + 1);
    usize::from(weekday_of(new_year(year))) * 4 + leaps
}

/// One of the kinds whose years have the same days on the same dates as those of this one.
pub(super) fn inner_kind(kind: usize) -> usize {
    /// It has a 29th of February itself.
    const LEAPS: usize = 2;
    if kind % 4 == LEAPS { kind } else { kind - kind % 4 }
}

/// The first day of a year.
pub(super) fn new_year(year: i32) -> Day {
    let leaps = |year: i32| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leaps(year - 1) - leaps(1969)
}

/// The day of the week, from Monday.
pub(super) fn weekday_of(day: Day) -> u8 {
    // 1970 began on a Thursday.
    u8::try_from((day.rem_euclid(7) + 3) % 7).unwrap_or(0)
}

impl Leaf {
    /// That of a day.
    pub(super) fn of(day: Day) -> Self {
        let (year, passed) = year_of(day);
        Self {
            day,
            kind: kind_of(year),
            passed,
            weekday: weekday_of(day),
            at: month_day(is_leap(year), passed),
        }
    }

    /// Those of a year, and before them those of the last week of the year before.
    pub(super) fn with_week_before(year: i32) -> Vec<Self> {
        let begin = new_year(year);
        let (kind, is_leap) = (kind_of(year), is_leap(year));
        let own = (begin..new_year(year + 1)).map(|day| {
            let passed = day - begin;
            Self { day, kind, passed, weekday: weekday_of(day), at: month_day(is_leap, passed) }
        });
        (begin - 7..begin).map(Self::of).chain(own).collect()
    }
}

impl Dates {
    /// Reads one date: `2026-12-24`, or `dec-24` every year.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once('-')?;
        if let Some(month) = MONTHS.iter().position(|month| *month == head) {
            let month = u8::try_from(month + 1).ok()?;
            let day = digits(rest, 1..=2)?;
            // A leap year has all days.
            Date::new(2024, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
            let it = (month, u8::try_from(day).ok()?);
            return Some(Self::Yearly(it, it));
        }
        let (month, day) = rest.split_once('-')?;
        let year = digits(head, 4..=4)?;
        let (month, day) = (digits(month, 2..=2)?, digits(day, 2..=2)?);
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        YEARS.contains(&year).then(|| Self::Once((day_of(date), day_of(date))))
    }

    /// From this date to another, if that makes sense.
    pub(super) fn to(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Once((first, _)), Self::Once((last, _))) if first <= last => {
                Some(Self::Once((*first, *last)))
            }
            (Self::Yearly(first, _), Self::Yearly(last, _)) => Some(Self::Yearly(*first, *last)),
            (Self::Once(_) | Self::Yearly(..) | Self::Holiday(_), _) => None,
        }
    }

    /// Whether a day is among them.
    pub(super) fn has(&self, leaf: &Leaf) -> bool {
        match self {
            Self::Once((first, last)) => (*first..=*last).contains(&leaf.day),
            Self::Yearly(first, last) => {
                let at = leaf.at;
                if first <= last { *first <= at && at <= *last } else { *first <= at || at <= *last }
            }
            Self::Holiday(days) => days.has(leaf),
        }
    }

    /// The days that it names with their year, from one to another.
    pub(super) fn once(&self) -> &[(Day, Day)] {
        match self {
            Self::Once(days) => std::slice::from_ref(days),
            Self::Yearly(..) => &[],
            Self::Holiday(days) => &days.once,
        }
    }
}

impl Holidays {
    /// All days of these dates.
    pub(super) fn new(dates: &[Dates]) -> Self {
        let mut days = Vec::new();
        let mut yearly = Bits::default();
        for one in dates {
            match one {
                Dates::Once((first, last)) => days.push((*first, *last)),
                Dates::Yearly(first, last) => {
                    let (first, last) = (day_of_months(*first), day_of_months(*last));
                    let round = if first <= last { 0 } else { MONTHS_DAYS };
                    (first..=last + round).for_each(|day| yearly.set(day % MONTHS_DAYS));
                }
                Dates::Holiday(_) => {}
            }
        }
        days.sort_unstable();
        let mut once: Vec<(Day, Day)> = Vec::new();
        for (first, last) in days {
            match once.last_mut() {
                Some((_, end)) if first <= *end => *end = last.max(*end),
                _ => once.push((first, last)),
            }
        }
        Self { once: once.into(), yearly }
    }

    fn has(&self, leaf: &Leaf) -> bool {
        is_in(&self.once, leaf.day) || self.yearly.has(day_of_months(leaf.at))
    }
}

/// Whether a day is in one of some spans, which are in order and apart.
pub(super) fn is_in(spans: &[(Day, Day)], day: Day) -> bool {
    let begun = spans.partition_point(|(first, _)| *first <= day);
    begun.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|(_, last)| day <= *last)
}

/// The days of 12 months of 31 days.
const MONTHS_DAYS: usize = 12 * 31;

/// The place of a month and day among them.
fn day_of_months((month, day): (u8, u8)) -> usize {
    (usize::from(month) * 31 + usize::from(day)).saturating_sub(32)
}

impl Bits {
    /// Puts a number in.
    pub(super) fn set(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether a number is in.
    pub(super) fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Of a number and the seven below it: a bit each, the highest for the number itself.
    pub(super) fn eight_to(&self, number: usize) -> u8 {
        let (word, shift) = ((number.saturating_sub(7)) / 64, (number.saturating_sub(7)) % 64);
        let of = |word: usize| u128::from(self.0.get(word).copied().unwrap_or(0));
        let eight = ((of(word + 1) << 64 | of(word)) >> shift) & 0xff;
        u8::try_from(eight).unwrap_or(0)
    }

    /// Whether none is in.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads a number of so many digits.
pub(super) fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let good = count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = |(month, day): &(u8, u8)| {
            let name = MONTHS.get(usize::from(month.saturating_sub(1))).copied().unwrap_or_default();
            format!("{name}-{day}")
        };
        match self {
            Self::Once((first, last)) if first == last => date_of(*first).fmt(f),
            Self::Once((first, last)) => write!(f, "{} to {}", date_of(*first), date_of(*last)),
            Self::Yearly(first, last) if first == last => f.write_str(&month(first)),
            Self::Yearly(first, last) => write!(f, "{} to {}", month(first), month(last)),
            Self::Holiday(_) => f.write_str("holiday"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_and_write_themselves() {
        for text in ["2026-12-24", "dec-24", "feb-29", "2024-02-29", "jan-1"] {
            assert_eq!(Dates::read(text).unwrap().to_string(), text);
        }
        for bad in [
            "2026-02-29",
            "feb-30",
            "dec-0",
            "dec",
            "1969-12-31",
            "26-12-24",
            "2026-1-1",
            "mon-fri",
            "2200-01-01",
        ] {
            assert_eq!(Dates::read(bad), None, "{bad}");
        }
        let to = |first: &str, last: &str| Dates::read(first).unwrap().to(&Dates::read(last).unwrap());
        assert_eq!(to("2026-12-24", "2026-12-23"), None);
        assert_eq!(to("2026-12-24", "dec-26"), None);
        let christmas = to("dec-24", "jan-2").unwrap();
        let day = |text: &str| day_of(text.parse().unwrap());
        let leaf = |text: &str| Leaf::of(day_of(text.parse().unwrap()));
        assert!(christmas.has(&leaf("2026-12-24")) && christmas.has(&leaf("2031-01-02")));
        assert!(!christmas.has(&leaf("2026-12-23")) && !christmas.has(&leaf("2026-01-03")));
        assert_eq!(weekday_of(day("2026-11-26")), 3);
        let holidays = Holidays::new(&[
            christmas,
            Dates::read("2026-05-01").unwrap(),
            to("2026-04-20", "2026-05-02").unwrap(),
            to("2027-03-26", "2027-03-28").unwrap(),
        ]);
        for text in ["2025-12-24", "2026-12-31", "2028-01-02", "2026-04-20", "2026-05-02", "2027-03-27"] {
            assert!(holidays.has(&leaf(text)), "{text}");
        }
        for text in ["2025-12-23", "2028-01-03", "2026-04-19", "2026-05-03", "2027-03-25", "2027-03-29"] {
            assert!(!holidays.has(&leaf(text)), "{text}");
        }
        for day in (-20_000..90_000).step_by(37).chain([-2_900_000, 2_900_000]) {
            assert_eq!(day_of(date_of(day)), day);
            assert_eq!(i32::from(weekday_of(day)), i32::from(date_of(day).weekday().to_monday_zero_offset()));
        }
    }

    #[test]
    fn the_leaves_of_a_year_are_its_days() {
        for year in [1970, 2000, 2027, 2028, 2100] {
            let leaves = Leaf::with_week_before(year);
            let days = new_year(year) - 7..new_year(year + 1);
            assert!(leaves.iter().map(|leaf| leaf.day).eq(days));
            for leaf in leaves {
                let date = date_of(leaf.day);
                assert_eq!(leaf.at, (date.month().unsigned_abs(), date.day().unsigned_abs()));
                let of = Leaf::of(leaf.day);
                let facts = |leaf: Leaf| (leaf.kind, leaf.passed, leaf.weekday, leaf.at);
                assert_eq!(facts(leaf), facts(of));
            }
        }
        let mut bits = Bits::default();
        for number in [0, 7, 63, 64, 70, 383] {
            bits.set(number);
        }
        for (number, eight) in
            [(7, 0b1000_0001), (64, 0b1100_0000), (70, 0b1000_0011), (71, 0b0100_0001), (383, 0x80)]
        {
            assert_eq!(bits.eight_to(number), eight, "{number}");
        }
    }
}
