//! Times of the week as a tree names them, and what the clock on a user's wall shows.
//!
//! A moment is a day and a minute of that day. What counts is the clock on the wall: in the hour that an autumn night has twice, `02:00-03:00` holds
//! twice as long; in spring it does not come at all.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::calendar::{Dates, Day, Leaf, date_of, weekday_of};
use super::recurrence::Recurrence;

/// The days as trees write them, from Monday.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;

/// A day and a minute of that day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Moment {
    pub(super) day: Day,
    /// From midnight, 0 to 1439.
    pub(super) minute: u16,
}

/// Days in a row, round the end of the week if need be: `mon-fri`, `sat`, `fri-mon`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Days {
    first: u8,
    last: u8,
}

/// Hours of a day, the last minute not counted. Those that do not end after they begin end on the
/// next day, and belong to the day on which they began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hours {
    from: u16,
    until: u16,
}

/// One value of a `time` condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Time {
    /// Dates, days and hours.
    Window(Window),
    /// What comes again by a rule.
    Every(Recurrence),
}

/// Dates, days, hours: each that is named has to fit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Window {
    /// Without: every date.
    pub(super) dates: Option<Dates>,
    /// Without: every day of the week.
    pub(super) days: Option<Days>,
    /// Without: the whole day.
    pub(super) hours: Option<Hours>,
}

/// Where the clock hangs that a tree's times are read from. The database of zones is part of the
/// program, so a tree means the same on every machine.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Zone(TimeZone);

impl Days {
    /// Reads a day, or two with a dash between them.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(Self { first: day(first)?, last: day(last)? })
    }

    fn has(self, day: u8) -> bool {
        let since_first = |day: u8| (day + 7 - self.first) % 7;
        since_first(day) <= since_first(self.last)
    }
}

impl Hours {
    /// Reads `09:00-17:00`; midnight at the end may be written `00:00` or `24:00`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let (from, until) = (minute(from)?, minute(until)?);
        let until = if until == 0 && from > 0 { DAY_MINUTES } else { until };
        (from < DAY_MINUTES).then_some(Self { from, until })
    }

    /// Whether no time passes from begin to end, or a whole day: nobody can tell which is meant.
    pub(super) fn is_nothing(self) -> bool {
        self.from == self.until
    }
}

/// The day itself, in bits that stand for it and the seven before it.
pub(super) const TODAY: u8 = 1 << 7;

impl Window {
    /// Whether a day is one of those that it names.
    fn is_on(&self, weekday: u8, leaf: impl FnOnce() -> Leaf) -> bool {
        self.days.is_none_or(|days| days.has(weekday))
            && self.dates.as_ref().is_none_or(|dates| dates.has(&leaf()))
    }

    /// As [`Time::since`].
    fn since(&self, minute: u16) -> u8 {
        let Some(Hours { from, until }) = self.hours else { return TODAY };
        let is_after = minute >= from;
        if from < until {
            return if is_after && minute < until { TODAY } else { 0 };
        }
        let yesterday = if minute < until { TODAY >> 1 } else { 0 };
        if is_after { TODAY | yesterday } else { yesterday }
    }
}

impl Time {
    /// Whether a moment falls into it.
    pub(super) fn holds(&self, moment: Moment) -> bool {
        let mut since = self.since(moment.minute);
        let mut day = moment.day;
        while since != 0 {
            if since & TODAY != 0 && self.is_on(day) {
                return true;
            }
            (since, day) = (since << 1, day.saturating_sub(1));
        }
        false
    }

    /// The days that count at a minute, this one and those before it ([`TODAY`] and the bits below): on which it has
    /// begun if it holds.
    pub(super) fn since(&self, minute: u16) -> u8 {
        match self {
            Self::Window(window) => window.since(minute),
            Self::Every(recurrence) => recurrence.since(minute),
        }
    }

    /// Whether it begins on a day, as far as days are concerned.
    pub(super) fn is_on(&self, day: Day) -> bool {
        match self {
            Self::Window(window) => window.is_on(weekday_of(day), || Leaf::of(day)),
            Self::Every(recurrence) => recurrence.is_on(&Leaf::of(day)),
        }
    }

    /// The same of a day that has been looked up.
    pub(super) fn is_on_leaf(&self, leaf: &Leaf) -> bool {
        match self {
            Self::Window(window) => window.is_on(leaf.weekday, || *leaf),
            Self::Every(recurrence) => recurrence.is_on(leaf),
        }
    }

    /// Whether it says more than days of the week and hours.
    pub(super) fn is_dated(&self) -> bool {
        match self {
            Self::Window(window) => window.dates.is_some(),
            Self::Every(_) => true,
        }
    }

    /// Whether it comes in every so manieth period only, for ever: nobody has looked at all of them.
    pub(super) fn is_spaced(&self) -> bool {
        match self {
            Self::Window(_) => false,
            Self::Every(recurrence) => recurrence.is_spaced(),
        }
    }

    /// Whether it comes in every so manieth period only: it is followed through year after year.
    pub(super) fn is_followed(&self) -> bool {
        match self {
            Self::Window(_) => false,
            Self::Every(recurrence) => recurrence.is_followed(),
        }
    }

    /// For how many days after the one on which it begins it may last, 7 at most.
    pub(super) fn reach(&self) -> Day {
        match self {
            Self::Window(Window { hours: Some(hours), .. }) => Day::from(hours.until <= hours.from),
            Self::Window(_) => 0,
            Self::Every(recurrence) => recurrence.reach(),
        }
    }

    /// The spans of days outside of which it does not come, if the years matter to it; in order, and apart.
    pub(super) fn once(&self) -> &[(Day, Day)] {
        match self {
            Self::Window(window) => window.dates.as_ref().map_or(&[], Dates::once),
            Self::Every(recurrence) => std::slice::from_ref(recurrence.span()),
        }
    }

    /// The minutes of a day at which it may begin or end.
    pub(super) fn bounds(&self) -> [u16; 2] {
        match self {
            Self::Window(window) => {
                window.hours.map_or([0, 0], |hours| [hours.from, hours.until % DAY_MINUTES])
            }
            Self::Every(recurrence) => recurrence.bounds(),
        }
    }
}

impl Zone {
    /// The zone of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// The names of all zones.
    pub(super) fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|zone| zone.to_string()).collect()
    }

    /// Universal time, where a tree names no zone.
    pub(super) const UTC: &'static Self = &Self(TimeZone::UTC);

    /// Its one name, however it was written.
    pub(super) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the clock shows, `wall_ms` after 1970 began. Costs no allocation.
    pub(super) fn moment(&self, wall_ms: i64) -> Moment {
        let local_s = self.local_s(wall_ms);
        // No calendar goes further than some thousand years.
        let day = Day::try_from(local_s.div_euclid(86_400).clamp(-2_900_000, 2_900_000)).unwrap_or(0);
        let minute = local_s.rem_euclid(86_400) / 60;
        Moment { day, minute: u16::try_from(minute).unwrap_or(0) }
    }

    /// A time at which the clock shows that moment, or the same of a week soon after it; `None` if it
    /// never does.
    pub(super) fn shows(&self, moment: Moment) -> Option<i64> {
        const WEEK_MS: i64 = 7 * 86_400_000;
        let first_ms = i64::from(moment.day) * 86_400_000 + i64::from(moment.minute) * 60_000;
        // The hour that a spring night leaves out comes a week later.
        (0..3).find_map(|week| {
            let local_ms = first_ms + week * WEEK_MS;
            let ahead_ms = |wall_ms: i64| (self.local_s(wall_ms) - wall_ms.div_euclid(1_000)) * 1_000;
            // Near a change of the clock, the offset of the moment itself is that of a little earlier or later.
            let shown = Moment { day: moment.day + i32::try_from(week * 7).unwrap_or(0), ..moment };
            [0, 86_400_000, -86_400_000]
                .into_iter()
                .map(|near| local_ms - ahead_ms(local_ms + near))
                .find(|wall_ms| self.moment(*wall_ms) == shown)
        })
    }

    /// What the clock shows, for people: `Saturday 2026-11-28 10:00 in Europe/Oslo`.
    pub(super) fn told(&self, wall_ms: i64) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(wall_ms) else { return String::from("no date") };
        let date = timestamp.to_zoned(self.0.clone()).strftime("%Y-%m-%d").to_string();
        let Moment { day, minute } = self.moment(wall_ms);
        let name = day_name(day);
        let place = if self.name() == "UTC" { String::from(" UTC") } else { format!(" in {}", self.name()) };
        format!("{name} {date} {}{place}", Clock(minute))
    }

    fn local_s(&self, wall_ms: i64) -> i64 {
        let utc_s = wall_ms.div_euclid(1_000);
        let offset = Timestamp::from_second(utc_s).map_or(Offset::UTC, |at| self.0.to_offset(at));
        utc_s + i64::from(offset.seconds())
    }
}

/// A length of time in the largest unit that people count it in: `90s`, `2m`, `1h`.
pub(super) struct Length(pub(super) Duration);

/// A minute of the day as a clock shows it.
struct Clock(u16);

fn day(text: &str) -> Option<u8> {
    DAYS.iter().position(|day| *day == text).and_then(|at| u8::try_from(at).ok())
}

/// Reads `9:05`, `09:05` or `24:00`.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str, most: usize| {
        let all = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        all.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2).filter(|_| minute.len() == 2)?);
    (minute < 60).then_some(hour * 60 + minute).filter(|minute| *minute <= DAY_MINUTES)
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds if seconds >= 3_600 && seconds % 3_600 == 0 => write!(f, "{}h", seconds / 3_600),
            seconds if seconds >= 120 && seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", day_name(self.day), Clock(self.minute))
    }
}

impl Moment {
    /// A day of the week, from Monday, in the first whole week of 1970.
    pub(super) const fn of_week(day: Day, minute: u16) -> Self {
        Self { day: 4 + day, minute }
    }

    /// With its date: `Thursday 2026-12-24 at 10:00`.
    pub(super) fn dated(self) -> String {
        format!("{} {} at {}", day_name(self.day), date_of(self.day), Clock(self.minute))
    }
}

fn day_name(day: Day) -> &'static str {
    DAY_NAMES.get(usize::from(weekday_of(day))).copied().unwrap_or_default()
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: u8| DAYS.get(usize::from(day)).copied().unwrap_or_default();
        f.write_str(name(self.first))?;
        if self.first == self.last { Ok(()) } else { write!(f, "-{}", name(self.last)) }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Clock(self.from), Clock(self.until))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dates = self.dates.as_ref().map(ToString::to_string);
        let days = self.days.map(|days| days.to_string());
        let hours = self.hours.map(|hours| hours.to_string());
        f.write_str(&dates.into_iter().chain(days).chain(hours).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(window) => window.fmt(f),
            Self::Every(recurrence) => recurrence.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_round_the_week() {
        let on = |text: &str| -> Vec<u8> {
            let days = Days::read(text).unwrap();
            (0..7).filter(|day| days.has(*day)).collect()
        };
        assert_eq!(on("mon-fri"), [0, 1, 2, 3, 4]);
        assert_eq!(on("fri-mon"), [0, 4, 5, 6]);
        assert_eq!(on("sun"), [6]);
        assert_eq!(on("sun-sat"), [0, 1, 2, 3, 4, 5, 6]);
        for bad in ["", "-", "monday", "mon-", "mon-fri-sun", "Mon"] {
            assert_eq!(Days::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn hours_read_one_way() {
        let told = |text: &str| Hours::read(text).map(|hours| hours.to_string());
        assert_eq!(told("9:00-17:05").as_deref(), Some("09:00-17:05"));
        assert_eq!(told("22:00-00:00").as_deref(), Some("22:00-24:00"));
        assert_eq!(told("00:00-24:00").as_deref(), Some("00:00-24:00"));
        for bad in [
            "9-17",
            "09:00",
            "09:00-",
            "24:00-01:00",
            "09:60-10:00",
            "9:0-10:00",
            "25:00-26:00",
            "+9:00-10:00",
        ] {
            assert_eq!(told(bad), None, "{bad}");
        }
        assert!(Hours::read("09:00-09:00").unwrap().is_nothing());
        assert!(Hours::read("00:00-00:00").unwrap().is_nothing());
    }

    #[test]
    fn a_night_belongs_to_the_day_it_began_on() {
        let window = |day| Window { days: Days::read(day), hours: Hours::read("22:00-06:00"), dates: None };
        let window = |day| Time::Window(window(day));
        let holds = |day, minute| window("fri").holds(Moment::of_week(day, minute));
        assert!(holds(4, 22 * 60) && holds(4, 1_439) && holds(5, 0) && holds(5, 6 * 60 - 1));
        assert!(!holds(4, 0) && !holds(4, 22 * 60 - 1) && !holds(5, 6 * 60) && !holds(5, 22 * 60));
        assert!(window("sun").holds(Moment::of_week(0, 5)), "the week goes round");
    }
}
