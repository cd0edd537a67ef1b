//! A rule of RFC 5545: which days of a year it lets through, and in which periods it comes.
//!
//! Of each day is asked whether it is one of the rule's, by what RFC 5545 calls limiting in each part. That
//! depends on the kind of the year alone (see [`kind_of`](super::calendar::kind_of)), but for INTERVAL, which counts
//! from the first day. Rules that come more often than once a day are refused, since hours are said beside them.
//!
//! Implements: RFC 5545 §3.3.10 (FREQ from DAILY to YEARLY, INTERVAL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY,
//! BYMONTHDAY, BYDAY, BYSETPOS).

use jiff::civil::Date;

use super::calendar::{Bits, Day, date_of, day_of, digits, new_year, weekday_of, year_of};

/// How often a rule may come that says how often.
const COUNT_MAX: usize = 1_000;

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// The parts of a rule. Where there are no numbers, nothing is limited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    freq: Freq,
    interval: i32,
    week_start: u8,
    months: Numbers,
    weeks: Numbers,
    year_days: Numbers,
    month_days: Numbers,
    /// A bit for each day of the week, from Monday.
    weekdays: u8,
    /// By day of the week: the how manieth of its kind.
    nth: [Numbers; 7],
    places: Numbers,
}

/// When a rule comes no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Never,
    /// After so many times.
    Count(usize),
    /// After this day.
    Until(Day),
}

/// In which of its periods a rule comes: in every so manieth from the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turns {
    freq: Freq,
    week_start: u8,
    interval: i32,
    /// The number of the first period.
    first: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Numbers that count from the start of something, and such as count from its end. Saying one twice
/// adds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Numbers {
    from_start: Bits,
    from_end: Bits,
}

impl Rule {
    /// Reads a rule in capital letters; or says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<(Self, End), String> {
        let none = Numbers::default();
        let mut rule = Self {
            freq: Freq::Daily,
            interval: 1,
            week_start: 0,
            months: none,
            weeks: none,
            year_days: none,
            month_days: none,
            weekdays: 0,
            nth: [none; 7],
            places: none,
        };
        let (mut freq, mut end) = (None, End::Never);
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is no part of a rule"))?;
            if seen.contains(&name) {
                return Err(format!("{name} stands twice"));
            }
            seen.push(name);
            match name {
                "FREQ" => freq = Some(Freq::read(value)?),
                "COUNT" | "UNTIL" if end != End::Never => {
                    return Err("COUNT and UNTIL do not stand together".to_owned());
                }
                "COUNT" => {
                    let number = value.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
                    end = End::Count(number.ok_or_else(|| format!("COUNT is a number up to {COUNT_MAX}"))?);
                }
                "UNTIL" => end = End::Until(until(value)?),
                "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                    return Err(format!(
                        "{name} is said outside of the rule: `from 2026-01-05 09:00 for 8h`"
                    ));
                }
                _ => rule.part(name, value)?,
            }
        }
        rule.freq = freq.ok_or("a rule has a FREQ: `FREQ=WEEKLY`")?;
        if matches!(end, End::Count(_)) && !rule.places.is_empty() {
            return Err("COUNT does not stand with BYSETPOS: say UNTIL".to_owned());
        }
        rule.fits()?;
        Ok((rule, end))
    }

    /// Reads a part that says which days.
    fn part(&mut self, name: &str, value: &str) -> Result<(), String> {
        let bad = || format!("`{value}` is no value of {name}");
        let list = |most, signed| Numbers::read(value, most, signed).ok_or_else(bad);
        match name {
            "INTERVAL" => {
                let every = digits(value, 1..=4).map(i32::from).filter(|every| *every > 0);
                self.interval = every.ok_or_else(bad)?;
            }
            "WKST" => self.week_start = weekday(value).ok_or_else(bad)?,
            "BYMONTH" => self.months = list(12, false)?,
            "BYWEEKNO" => self.weeks = list(53, true)?,
            "BYYEARDAY" => self.year_days = list(366, true)?,
            "BYMONTHDAY" => self.month_days = list(31, true)?,
            "BYSETPOS" => self.places = list(366, true)?,
            "BYDAY" => self.days(value).ok_or_else(bad)?,
            _ => return Err(format!("RFC 5545 knows no part {name}")),
        }
        Ok(())
    }

    /// Reads the days of the week, with or without the how manieth.
    fn days(&mut self, value: &str) -> Option<()> {
        for entry in value.split(',') {
            let (number, name) = entry.split_at_checked(entry.len().checked_sub(2)?)?;
            let day = weekday(name)?;
            if number.is_empty() {
                self.weekdays |= 1 << day;
            } else {
                self.nth.get_mut(usize::from(day))?.insert(signed(number, 53, true)?);
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
                self.has_nth() && (self.freq < Freq::Monthly || !self.weeks.is_empty()),
                "a BYDAY with a number stands with FREQ=MONTHLY or FREQ=YEARLY, and not with BYWEEKNO",
            ),
            (
                !self.places.is_empty()
                    && limited.into_iter().all(Numbers::is_empty)
                    && self.weekdays == 0
                    && !self.has_nth(),
                "BYSETPOS stands with another part that begins with BY",
            ),
        ];
        faults.into_iter().find(|(found, _)| *found).map_or(Ok(()), |(_, why)| Err(why.to_owned()))
    }

    fn has_nth(&self) -> bool {
        !self.nth.iter().all(Numbers::is_empty)
    }

    /// Where a rule says no day, it is that of its first time: of a week that it names, the same day of the week.
    pub(super) fn complete(&mut self, first: Date) {
        let has_dates = !(self.year_days.is_empty() && self.month_days.is_empty());
        if !self.weeks.is_empty() && !has_dates && self.weekdays == 0 {
            self.weekdays = 1 << weekday_of(day_of(first));
        }
        let says_day = !(self.weeks.is_empty() && self.year_days.is_empty() && self.month_days.is_empty())
            || self.weekdays != 0
            || self.has_nth();
        if says_day {
            return;
        }
        match self.freq {
            Freq::Daily => {}
            Freq::Weekly => self.weekdays = 1 << weekday_of(day_of(first)),
            Freq::Monthly => self.month_days.insert(i16::from(first.day())),
            Freq::Yearly => {
                if self.months.is_empty() {
                    self.months.insert(i16::from(first.month()));
                }
                self.month_days.insert(i16::from(first.day()));
            }
        }
    }

    /// In which periods it comes, if it comes first on that day.
    pub(super) fn turns(&self, first: Day) -> Turns {
        let &Self { freq, week_start, interval, .. } = self;
        Turns { freq, week_start, interval, first: self.period(first, date_of(first)) }
    }

    /// Whether years that have the same days on the same dates are alike to it, whatever years are about them.
    pub(super) fn is_within_years(&self) -> bool {
        self.weeks.is_empty()
    }

    fn period(&self, day: Day, date: Date) -> i32 {
        period((self.freq, self.week_start), day, || date)
    }

    /// The days of a year that every part lets through, and that have one of the places asked for among
    /// such days of their period.
    pub(super) fn year(&self, year: i32) -> Bits {
        let (begin, end) = (new_year(year), new_year(year + 1));
        // A week reaches over into the next year.
        let dates = std::iter::successors(Some(date_of(begin - 7)), |date| date.tomorrow().ok());
        let all = (begin - 7..end + 7).zip(dates);
        let let_through: Vec<(Day, i32)> = all
            .filter(|(day, date)| self.limits(*day, *date))
            .map(|(day, date)| (day, self.period(day, date)))
            .collect();
        let mut days = Bits::default();
        for period in let_through.chunk_by(|(_, one), (_, next)| one == next) {
            for (at, (day, _)) in period.iter().enumerate() {
                let has_place = self.places.is_empty() || self.places.have(at + 1, period.len() - at);
                if has_place && (begin..end).contains(day) {
                    days.set(usize::try_from(day - begin).unwrap_or(usize::MAX));
                }
            }
        }
        days
    }

    /// Whether every part lets a day through.
    fn limits(&self, day: Day, date: Date) -> bool {
        // What is soon found out goes first.
        self.months.let_through(i32::from(date.month()), 12)
            && (self.month_days.is_empty() || {
                let (month_day, month_days) = (date.day(), date.days_in_month());
                self.month_days.let_through(i32::from(month_day), i32::from(month_days))
            })
            && self.is_weekday(day, date)
            && (self.year_days.is_empty() || {
                let (year_day, year_days) = (date.day_of_year(), date.days_in_year());
                self.year_days.let_through(i32::from(year_day), i32::from(year_days))
            })
            && (self.weeks.is_empty() || {
                let (week, weeks) = self.week_number(day);
                self.weeks.let_through(week, weeks)
            })
    }

    fn is_weekday(&self, day: Day, date: Date) -> bool {
        if self.weekdays == 0 && !self.has_nth() {
            return true;
        }
        let weekday = weekday_of(day);
        if self.weekdays >> weekday & 1 == 1 || !self.has_nth() {
            return self.weekdays >> weekday & 1 == 1;
        }
        let (at, days) = if self.freq == Freq::Monthly || !self.months.is_empty() {
            (i32::from(date.day()), i32::from(date.days_in_month()))
        } else {
            (i32::from(date.day_of_year()), i32::from(date.days_in_year()))
        };
        let (from_start, from_end) = ((at - 1) / 7 + 1, (days - at) / 7 + 1);
        let nth = self.nth.get(usize::from(weekday)).copied().unwrap_or_default();
        let all = from_start + from_end - 1;
        !nth.is_empty() && nth.let_through(from_start, all)
    }

    /// The week of the year that a day is in, and how many that year has: a week belongs to the year in
    /// which most of its days are.
    fn week_number(&self, day: Day) -> (i32, i32) {
        let start = |year: i32| {
            let new_year = new_year(year);
            let since = (i32::from(weekday_of(new_year)) - i32::from(self.week_start)).rem_euclid(7);
            if since <= 3 { new_year - since } else { new_year + 7 - since }
        };
        let (mut year, _) = year_of(day);
        if day < start(year) {
            year -= 1;
        } else if day >= start(year + 1) {
            year += 1;
        }
        ((day - start(year)) / 7 + 1, (start(year + 1) - start(year)) / 7)
    }
}

impl Turns {
    /// Whether it comes not in every period.
    pub(super) fn are_spaced(&self) -> bool {
        self.interval > 1
    }

    /// Whether the period of a day is one of every so many.
    pub(super) fn has(&self, day: Day) -> bool {
        self.interval == 1 || {
            let period = period((self.freq, self.week_start), day, || date_of(day));
            (period - self.first) % self.interval == 0
        }
    }
}

/// The number of the period that a day is in.
fn period((freq, week_start): (Freq, u8), day: Day, date: impl FnOnce() -> Date) -> i32 {
    match freq {
        Freq::Daily => day,
        // 5 January 1970 was a Monday.
        Freq::Weekly => (day - 4 - i32::from(week_start)).div_euclid(7),
        Freq::Monthly => {
            let date = date();
            i32::from(date.year()) * 12 + i32::from(date.month())
        }
        Freq::Yearly => i32::from(date().year()),
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

impl Numbers {
    /// Reads numbers up to one, perhaps counted from the end.
    fn read(text: &str, most: i16, may_be_negative: bool) -> Option<Self> {
        let mut numbers = Self::default();
        for one in text.split(',') {
            numbers.insert(signed(one, most, may_be_negative)?);
        }
        Some(numbers)
    }

    fn insert(&mut self, number: i16) {
        let side = if number < 0 { &mut self.from_end } else { &mut self.from_start };
        side.set(usize::from(number.unsigned_abs()));
    }

    fn is_empty(&self) -> bool {
        self.from_start.is_empty() && self.from_end.is_empty()
    }

    /// Whether one of them is the how manieth something is, from the start or from the end.
    fn have(&self, from_start: usize, from_end: usize) -> bool {
        self.from_start.has(from_start) || self.from_end.has(from_end)
    }

    /// Whether they limit nothing, or one of them is the how manieth something is of so many.
    fn let_through(&self, at: i32, of: i32) -> bool {
        let place = |at: i32| usize::try_from(at).unwrap_or(usize::MAX);
        self.is_empty() || self.have(place(at), place(of - at + 1))
    }
}

fn weekday(name: &str) -> Option<u8> {
    WEEKDAYS.iter().position(|day| *day == name).and_then(|at| u8::try_from(at).ok())
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
