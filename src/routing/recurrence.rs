//! Recurring times: on which days a rule of RFC 5545 comes, and from when to when on them.
//!
//! A rule is not rolled out: of each day is asked whether it is one of the rule's, by what RFC 5545 calls
//! limiting in each part. What counts is the clock on the wall, as for all times of a tree. Rules that come
//! more often than once a day are refused, since hours are said beside them.
//!
//! Implements: RFC 5545 §3.3.10 (FREQ from DAILY to YEARLY, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO,
//! BYYEARDAY, BYMONTHDAY, BYDAY, BYSETPOS).

use std::fmt;

use jiff::civil::Date;

use super::calendar::{Day, date_of, day_of, digits, weekday_of};

/// The longest that one time may last, in minutes.
pub(super) const LENGTH_MAX: u32 = 7 * 24 * 60;
/// How often a rule may come that says how often.
const COUNT_MAX: u32 = 1_000;
/// How far a rule with a COUNT is followed, in days.
const FOLLOWED: Day = 40 * 366;

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A recurring time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Recurrence {
    rule: Rule,
    /// The rule as it was written.
    text: Box<str>,
    /// DTSTART.
    first: Day,
    /// The last day on which it may come.
    last: Day,
    /// When on a day it begins, in minutes; and for how many.
    pub(super) from: u16,
    pub(super) length: u32,
    /// Whether an hour was named.
    pub(super) timed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// The parts of a rule. An empty list limits nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    freq: Freq,
    interval: i32,
    week_start: u8,
    months: Vec<i16>,
    weeks: Vec<i16>,
    year_days: Vec<i16>,
    month_days: Vec<i16>,
    /// A bit for each day of the week, from Monday.
    weekdays: u8,
    /// The how manieth of its kind, from the end if negative.
    nth: Vec<(i16, u8)>,
    places: Vec<i16>,
}

impl Recurrence {
    /// Reads a rule; or says what is wrong with it.
    pub(super) fn read(
        text: &str,
        first: Day,
        (from, length, timed): (u16, u32, bool),
    ) -> Result<Self, String> {
        let mut rule = Rule {
            freq: Freq::Daily,
            interval: 1,
            week_start: 0,
            months: Vec::new(),
            weeks: Vec::new(),
            year_days: Vec::new(),
            month_days: Vec::new(),
            weekdays: 0,
            nth: Vec::new(),
            places: Vec::new(),
        };
        let (mut freq, mut count, mut last) = (None, None, None);
        let upper = text.to_ascii_uppercase();
        let mut seen: Vec<&str> = Vec::new();
        for part in upper.split(';') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is no part of a rule"))?;
            if seen.contains(&name) {
                return Err(format!("{name} stands twice"));
            }
            seen.push(name);
            let bad = || format!("`{value}` is no value of {name}");
            match name {
                "FREQ" => freq = Some(Freq::read(value)?),
                "INTERVAL" => {
                    rule.interval =
                        digits(value, 1..=4).map(i32::from).filter(|every| *every > 0).ok_or_else(bad)?;
                }
                "COUNT" => {
                    let number = value.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
                    count = Some(number.ok_or_else(|| format!("COUNT is a number up to {COUNT_MAX}"))?);
                }
                "UNTIL" => last = Some(until(value)?),
                "WKST" => rule.week_start = weekday(value).ok_or_else(bad)?,
                "BYMONTH" => rule.months = numbers(value, 12, false).ok_or_else(bad)?,
                "BYWEEKNO" => rule.weeks = numbers(value, 53, true).ok_or_else(bad)?,
                "BYYEARDAY" => rule.year_days = numbers(value, 366, true).ok_or_else(bad)?,
                "BYMONTHDAY" => rule.month_days = numbers(value, 31, true).ok_or_else(bad)?,
                "BYSETPOS" => rule.places = numbers(value, 366, true).ok_or_else(bad)?,
                "BYDAY" => rule.days(value).ok_or_else(bad)?,
                "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                    return Err(format!(
                        "{name} is said outside of the rule: `from 2026-01-05 09:00 for 8h`"
                    ));
                }
                _ => return Err(format!("RFC 5545 knows no part {name}")),
            }
        }
        rule.freq = freq.ok_or("a rule has a FREQ: `FREQ=WEEKLY`")?;
        if count.is_some() && last.is_some() {
            return Err("COUNT and UNTIL do not stand together".to_owned());
        }
        if count.is_some() && !rule.places.is_empty() {
            return Err("COUNT does not stand with BYSETPOS: say UNTIL".to_owned());
        }
        rule.fits()?;
        rule.complete(date_of(first));
        let mut it = Self { rule, text: upper.into(), first, last: Day::MAX, from, length, timed };
        it.last = last.unwrap_or_else(|| count.map_or(Day::MAX, |count| it.last_of(count)));
        Ok(it)
    }

    /// The day on which it comes for the last time.
    fn last_of(&self, mut count: u32) -> Day {
        let end = self.first.saturating_add(FOLLOWED);
        let mut last = self.first.saturating_sub(1);
        for day in self.first..end {
            if self.is_on(day) {
                (last, count) = (day, count - 1);
                if count == 0 {
                    break;
                }
            }
        }
        last
    }

    /// Whether it comes on a day.
    pub(super) fn is_on(&self, day: Day) -> bool {
        (self.first..=self.last).contains(&day)
            && self.rule.is_turn(self.first, day)
            && self.rule.limits(day)
            && self.rule.has_place(day)
    }

    /// Whether it is that time, so many minutes after a day began.
    pub(super) fn holds(&self, day: Day, minute: u16) -> bool {
        (0..=self.reach()).any(|back| {
            let since = i64::from(back) * 1_440 + i64::from(minute) - i64::from(self.from);
            (0..i64::from(self.length)).contains(&since) && self.is_on(day.saturating_sub(back))
        })
    }

    /// How many days after the one on which it begins it may still last.
    pub(super) fn reach(&self) -> Day {
        Day::try_from((u32::from(self.from) + self.length).saturating_sub(1) / 1_440).unwrap_or(0)
    }

    /// How many days have to be looked at to know about one.
    pub(super) fn cost(&self) -> usize {
        match (self.rule.places.is_empty(), self.rule.freq) {
            (true, _) | (false, Freq::Daily) => 1,
            (false, Freq::Weekly) => 7,
            (false, Freq::Monthly) => 31,
            (false, Freq::Yearly) => 366,
        }
    }

    /// The first day, and the last one if it has one.
    pub(super) fn named(&self) -> (Day, Day) {
        (self.first, if self.last == Day::MAX { self.first } else { self.last.max(self.first) })
    }
}

impl Freq {
    fn read(value: &str) -> Result<Self, String> {
        Ok(match value {
            "DAILY" => Self::Daily,
            "WEEKLY" => Self::Weekly,
            "MONTHLY" => Self::Monthly,
            "YEARLY" => Self::Yearly,
            "HOURLY" | "MINUTELY" | "SECONDLY" => {
                return Err("a rule comes once a day at most; hours are said beside it".to_owned());
            }
            _ => return Err(format!("`{value}` is no FREQ: DAILY, WEEKLY, MONTHLY or YEARLY")),
        })
    }
}

impl Rule {
    /// Reads the days of the week, with or without the how manieth.
    fn days(&mut self, value: &str) -> Option<()> {
        for entry in value.split(',') {
            let (number, name) = entry.split_at_checked(entry.len().checked_sub(2)?)?;
            let day = weekday(name)?;
            if number.is_empty() {
                self.weekdays |= 1 << day;
            } else {
                self.nth.push((signed(number, 53, true)?, day));
            }
        }
        Some(())
    }

    /// Which parts stand with which FREQ.
    fn fits(&self) -> Result<(), String> {
        let is_yearly = self.freq == Freq::Yearly;
        let limited = [&self.months, &self.weeks, &self.year_days, &self.month_days];
        let faults = [
            (!self.weeks.is_empty() && !is_yearly, "BYWEEKNO stands with FREQ=YEARLY only"),
            (!self.year_days.is_empty() && !is_yearly, "BYYEARDAY stands with FREQ=YEARLY only"),
            (
                !self.month_days.is_empty() && self.freq == Freq::Weekly,
                "BYMONTHDAY does not stand with FREQ=WEEKLY",
            ),
            (
                !self.nth.is_empty() && (self.freq < Freq::Monthly || !self.weeks.is_empty()),
                "a BYDAY with a number stands with FREQ=MONTHLY or FREQ=YEARLY, and not with BYWEEKNO",
            ),
            (
                !self.places.is_empty()
                    && limited.into_iter().all(Vec::is_empty)
                    && self.weekdays == 0
                    && self.nth.is_empty(),
                "BYSETPOS stands with another part that begins with BY",
            ),
        ];
        faults.into_iter().find(|(found, _)| *found).map_or(Ok(()), |(_, why)| Err(why.to_owned()))
    }

    /// Where a rule says no day, it is that of its first time.
    fn complete(&mut self, first: Date) {
        let says_day = !(self.weeks.is_empty() && self.year_days.is_empty() && self.month_days.is_empty())
            || self.weekdays != 0
            || !self.nth.is_empty();
        if says_day {
            return;
        }
        match self.freq {
            Freq::Daily => {}
            Freq::Weekly => self.weekdays = 1 << weekday_of(day_of(first)),
            Freq::Monthly => self.month_days.push(i16::from(first.day())),
            Freq::Yearly => {
                if self.months.is_empty() {
                    self.months.push(i16::from(first.month()));
                }
                self.month_days.push(i16::from(first.day()));
            }
        }
    }

    /// Whether the period of a day is one of every so many.
    fn is_turn(&self, first: Day, day: Day) -> bool {
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let passed = match self.freq {
            Freq::Daily => day - first,
            Freq::Weekly => self.week_of(day) - self.week_of(first),
            Freq::Monthly => months(date_of(day)) - months(date_of(first)),
            Freq::Yearly => i32::from(date_of(day).year()) - i32::from(date_of(first).year()),
        };
        passed % self.interval == 0
    }

    fn week_of(&self, day: Day) -> i32 {
        // 5 January 1970 was a Monday.
        (day - 4 - i32::from(self.week_start)).div_euclid(7)
    }

    /// Whether every part lets a day through.
    fn limits(&self, day: Day) -> bool {
        let date = date_of(day);
        let any = |list: &[i16], from_start: i16, from_end: i16| {
            list.is_empty() || list.iter().any(|one| *one == from_start || *one == from_end)
        };
        let (month_day, month_days) = (i16::from(date.day()), i16::from(date.days_in_month()));
        any(&self.months, i16::from(date.month()), 0)
            && any(&self.month_days, month_day, month_day - month_days - 1)
            && any(&self.year_days, date.day_of_year(), date.day_of_year() - date.days_in_year() - 1)
            && (self.weeks.is_empty() || {
                let (week, weeks) = self.week_number(day);
                any(&self.weeks, week, week - weeks - 1)
            })
            && self.is_weekday(day, date)
    }

    fn is_weekday(&self, day: Day, date: Date) -> bool {
        if self.weekdays == 0 && self.nth.is_empty() {
            return true;
        }
        let weekday = weekday_of(day);
        let (at, days) = if self.freq == Freq::Monthly || !self.months.is_empty() {
            (i16::from(date.day()), i16::from(date.days_in_month()))
        } else {
            (date.day_of_year(), date.days_in_year())
        };
        let (from_start, from_end) = ((at - 1) / 7 + 1, -((days - at) / 7 + 1));
        let is_nth = |(nth, own): &(i16, u8)| *own == weekday && (*nth == from_start || *nth == from_end);
        self.weekdays >> weekday & 1 == 1 || self.nth.iter().any(is_nth)
    }

    /// The week of the year that a day is in, and how many that year has: a week belongs to the year in
    /// which most of its days are.
    fn week_number(&self, day: Day) -> (i16, i16) {
        let start = |year: i16| {
            let new_year = Date::new(year, 1, 1).map_or(0, day_of);
            let since = (i32::from(weekday_of(new_year)) - i32::from(self.week_start)).rem_euclid(7);
            if since <= 3 { new_year - since } else { new_year + 7 - since }
        };
        let mut year = date_of(day).year();
        if day < start(year) {
            year -= 1;
        } else if day >= start(year + 1) {
            year += 1;
        }
        let weeks = |days: i32| i16::try_from(days / 7).unwrap_or(0);
        (weeks(day - start(year)) + 1, weeks(start(year + 1) - start(year)))
    }

    /// Whether a day that the other parts let through has one of the places that are asked for, among
    /// such days of its period.
    fn has_place(&self, day: Day) -> bool {
        if self.places.is_empty() {
            return true;
        }
        let date = date_of(day);
        let (start, end) = match self.freq {
            Freq::Daily => (day, day),
            Freq::Weekly => {
                let start = self.week_of(day) * 7 + 4 + i32::from(self.week_start);
                (start, start + 6)
            }
            Freq::Monthly => (day_of(date.first_of_month()), day_of(date.last_of_month())),
            Freq::Yearly => (day_of(date.first_of_year()), day_of(date.last_of_year())),
        };
        let count = |range: std::ops::RangeInclusive<Day>| {
            i16::try_from(range.filter(|day| self.limits(*day)).count()).unwrap_or(i16::MAX)
        };
        let (from_start, from_end) = (count(start..=day), -count(day..=end));
        self.places.iter().any(|place| *place == from_start || *place == from_end)
    }
}

fn weekday(name: &str) -> Option<u8> {
    WEEKDAYS.iter().position(|day| *day == name).and_then(|at| u8::try_from(at).ok())
}

/// Reads numbers up to one, perhaps counted from the end.
fn numbers(text: &str, most: i16, may_be_negative: bool) -> Option<Vec<i16>> {
    text.split(',').map(|one| signed(one, most, may_be_negative)).collect()
}

fn signed(text: &str, most: i16, may_be_negative: bool) -> Option<i16> {
    let (sign, bare) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(bare), _) if may_be_negative => (-1, bare),
        (_, Some(bare)) if may_be_negative => (1, bare),
        _ => (1, text),
    };
    digits(bare, 1..=3).filter(|number| (1..=most).contains(number)).map(|number| sign * number)
}

/// Reads the last date.
fn until(text: &str) -> Result<Day, String> {
    let date = text.get(..8).zip(text.get(8..));
    let day = date.filter(|(_, rest)| rest.is_empty()).and_then(|(date, _)| {
        let part = |range: std::ops::Range<usize>| digits(date.get(range)?, 1..=4);
        let (month, day) = (i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?);
        Date::new(part(0..4)?, month, day).ok().map(day_of)
    });
    day.ok_or_else(|| "UNTIL is a date by the clock on your wall: `UNTIL=20261231`".to_owned())
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every \"{}\" from {}", self.text, date_of(self.first))?;
        if self.timed {
            write!(f, " {:02}:{:02}", self.from / 60, self.from % 60)?;
        }
        match self.length {
            1_440 if !self.timed => Ok(()),
            length if length % 1_440 == 0 => write!(f, " for {}d", length / 1_440),
            length if length % 60 == 0 => write!(f, " for {}h", length / 60),
            length => write!(f, " for {length}m"),
        }
    }
}
