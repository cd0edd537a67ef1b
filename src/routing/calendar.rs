//! Dates as a tree names them: one, from one to another, or the same every year.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

/// The months as trees write them.
pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The years that a tree may name.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// A day, counted from 1 January 1970.
pub(super) type Day = i32;

/// Days by their date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Dates {
    /// From one to the other, both counted.
    Once(Day, Day),
    /// From one month and day to the other every year, round the end of the year if need be. The 29th
    /// of February comes in leap years only.
    Yearly((u8, u8), (u8, u8)),
    /// The days that the profile calls holidays.
    Holiday(Arc<[Self]>),
}

/// The day of a date.
pub(super) fn day_of(date: Date) -> Day {
    new_year(i32::from(date.year())) + i32::from(date.day_of_year()) - 1
}

/// The date of a day. This is asked ten thousand times where years are gone through, so it is plain
/// arithmetic.
pub(super) fn date_of(day: Day) -> Date {
    /// Days and years after which the calendar begins anew.
    const ROUND: (i64, i64) = (146_097, 400);
    let near = 1970 + (i64::from(day) * ROUND.1).div_euclid(ROUND.0);
    let mut year = i32::try_from(near).unwrap_or(0);
    while new_year(year) > day {
        year -= 1;
    }
    while new_year(year + 1) <= day {
        year += 1;
    }
    let at = day - new_year(year);
    let limit = if day < 0 { Date::MIN } else { Date::MAX };
    let Ok(year) = i16::try_from(year) else { return limit };
    let mut month = Date::new(year, 1, 1).unwrap_or(limit);
    let mut left = at;
    while left >= i32::from(month.days_in_month()) && month.month() < 12 {
        left -= i32::from(month.days_in_month());
        month = Date::new(year, month.month() + 1, 1).unwrap_or(limit);
    }
    Date::new(year, month.month(), i8::try_from(left + 1).unwrap_or(1)).unwrap_or(limit)
}

/// The first day of a year.
fn new_year(year: i32) -> Day {
    let leaps = |year: i32| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leaps(year - 1) - leaps(1969)
}

/// The day of the week, from Monday.
pub(super) fn weekday_of(day: Day) -> u8 {
    // 1970 began on a Thursday.
    u8::try_from((day.rem_euclid(7) + 3) % 7).unwrap_or(0)
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
        YEARS.contains(&year).then(|| Self::Once(day_of(date), day_of(date)))
    }

    /// From this date to another, if that makes sense.
    pub(super) fn to(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Once(first, _), Self::Once(last, _)) if first <= last => Some(Self::Once(*first, *last)),
            (Self::Yearly(first, _), Self::Yearly(last, _)) => Some(Self::Yearly(*first, *last)),
            (Self::Once(..) | Self::Yearly(..) | Self::Holiday(_), _) => None,
        }
    }

    /// Whether a day is among them.
    pub(super) fn has(&self, day: Day) -> bool {
        match self {
            Self::Once(first, last) => (*first..=*last).contains(&day),
            Self::Yearly(first, last) => {
                let date = date_of(day);
                let at = (date.month().unsigned_abs(), date.day().unsigned_abs());
                if first <= last { *first <= at && at <= *last } else { *first <= at || at <= *last }
            }
            Self::Holiday(days) => days.iter().any(|dates| dates.has(day)),
        }
    }

    /// The first and the last day that it names with their year.
    pub(super) fn named(&self) -> Option<(Day, Day)> {
        match self {
            Self::Once(first, last) => Some((*first, *last)),
            Self::Yearly(..) => None,
            Self::Holiday(days) => {
                let named = || days.iter().filter_map(Self::named);
                Some((named().map(|(first, _)| first).min()?, named().map(|(_, last)| last).max()?))
            }
        }
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
            Self::Once(first, last) if first == last => date_of(*first).fmt(f),
            Self::Once(first, last) => write!(f, "{} to {}", date_of(*first), date_of(*last)),
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
        assert!(christmas.has(day("2026-12-24")) && christmas.has(day("2031-01-02")));
        assert!(!christmas.has(day("2026-12-23")) && !christmas.has(day("2026-01-03")));
        assert_eq!(weekday_of(day("2026-11-26")), 3);
        for day in (-20_000..90_000).step_by(37).chain([-2_900_000, 2_900_000]) {
            assert_eq!(day_of(date_of(day)), day);
            assert_eq!(i32::from(weekday_of(day)), i32::from(date_of(day).weekday().to_monday_zero_offset()));
        }
    }
}
