//! The periods of a time switch, as times of a tree.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time};

use super::super::calendar::{Day, date_of, day_of};
use super::super::recurrence::{LENGTH_MAX, Written};
use super::super::week::{self, Zone};
use super::element::Element;
use super::switch::Why;
use super::walk::Walker;

/// Minutes of a day.
const DAY: i64 = 1_440;
/// So many hours and minutes of a day one period may begin at.
const STARTS_MAX: usize = 48;
/// The years that a tree may name.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;
/// The parts of a rule that a tree takes as they are.
const PARTS: [&str; 8] =
    ["count", "byday", "bymonthday", "byyearday", "byweekno", "bymonth", "wkst", "bysetpos"];

const HELP: &str = "times of a tree begin at a full minute and last a week at most; they come once a day or less often, or at named hours";

/// A date and a time by the clock of the tree.
#[derive(Clone, Copy)]
struct Moment {
    day: Day,
    minute: i64,
    /// Whether it was written as universal time.
    is_utc: bool,
}

impl<'x> Walker<'x> {
    /// The values of a `time` condition.
    pub(super) fn time(&mut self, output: Element<'x>) -> Result<String, Why> {
        let own =
            ["dtstart", "dtend", "duration", "freq", "interval", "until", "bysecond", "byminute", "byhour"];
        self.only(output, &[&own[..], &PARTS[..]].concat());
        let Some(start) = self.needed(output, "dtstart") else { return Ok(String::new()) };
        let zone = self.zone.clone().unwrap_or_else(|| Zone::UTC.clone());
        let start = moment(start, &zone)?;
        let is_exact = output.attribute("duration").is_some_and(|text| text.contains(['T', 't']));
        let length = match (output.attribute("duration"), output.attribute("dtend")) {
            (Some(text), None) => duration(text)?,
            (None, Some(text)) => {
                let end = moment(text, &zone)?;
                i64::from(end.day - start.day) * DAY + end.minute - start.minute
            }
            _ => return Err(("a period has either a `duration` or a `dtend`".to_owned(), HELP)),
        };
        if length <= 0 {
            return Err(("this period ends before it begins".to_owned(), HELP));
        }
        if is_exact && may_change(&zone, start, length, output) {
            let told = "a period ends by the clock: where the clock changes in it, it lasts an hour more or less than its `duration`";
            self.remark(output.span_of("duration"), told);
        }
        match output.attribute("freq") {
            None => once(start, length),
            Some(freq) => rule(output, freq, &zone, start, length),
        }
    }
}

/// Whether a clock may change in a period of so many minutes; one that comes again may begin on any day.
fn may_change(zone: &Zone, start: Moment, length: i64, output: Element<'_>) -> bool {
    /// Clocks are changed in the first hours of a day.
    const CHANGED: i64 = 4 * 60;
    const MINUTE_MS: i64 = 60_000;
    let wall_ms = |minutes: i64| {
        let minute = start.minute + minutes;
        let day = start.day.checked_add(Day::try_from(minute.div_euclid(DAY)).ok()?)?;
        let minute = u16::try_from(minute.rem_euclid(DAY)).ok()?;
        zone.shows(week::Moment { day, minute })
    };
    let lasts = |minutes: i64| Some(wall_ms(minutes)? - wall_ms(0)? == minutes * MINUTE_MS);
    let Some(freq) = output.attribute("freq") else { return lasts(length) == Some(false) };
    let hours = ["byhour", "byminute"].iter().any(|part| output.attribute(part).is_some());
    let any_hour = hours || freq.trim().eq_ignore_ascii_case("hourly");
    let at_night = any_hour || start.minute < CHANGED || start.minute + length > DAY;
    // Each month of a year from the first time on.
    at_night && (1..=12).any(|month| lasts(month * 30 * DAY) == Some(false))
}

/// One period: the hours of its first day, those of its last, and the days between.
fn once(start: Moment, length: i64) -> Result<String, Why> {
    let end_minute = start.minute + length;
    let last = Day::try_from(end_minute.div_euclid(DAY)).ok().and_then(|days| start.day.checked_add(days));
    let last = last.filter(|day| YEARS.contains(&date_of(*day).year()));
    let last = last.ok_or_else(|| ("this period ends after the year 2199".to_owned(), HELP))?;
    let until = end_minute.rem_euclid(DAY);
    let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
    if last == start.day {
        return Ok(format!("{} {}-{}", date_of(start.day), clock(start.minute), clock(until)));
    }
    let mut parts = Vec::new();
    let mut first_whole = start.day;
    if start.minute > 0 {
        parts.push(format!("{} {}-24:00", date_of(start.day), clock(start.minute)));
        first_whole += 1;
    }
    if until > 0 {
        parts.push(format!("{} 00:00-{}", date_of(last), clock(until)));
    }
    let last_whole = last - 1;
    if first_whole == last_whole {
        parts.push(date_of(first_whole).to_string());
    } else if first_whole < last_whole {
        parts.push(format!("{} to {}", date_of(first_whole), date_of(last_whole)));
    }
    Ok(parts.join(" or "))
}

/// Periods that come again: one value for each hour at which they begin.
fn rule(output: Element<'_>, freq: &str, zone: &Zone, start: Moment, length: i64) -> Result<String, Why> {
    let length = u32::try_from(length).ok().filter(|length| *length <= LENGTH_MAX);
    let length = length.ok_or_else(|| ("a time that comes again lasts a week at most".to_owned(), HELP))?;
    if start.is_utc && *zone != *Zone::UTC {
        return Err((
            "this comes again by universal time, and the tree's clock is another".to_owned(),
            "say it by the clock of the zone, without `Z`",
        ));
    }
    let freq = freq.trim().to_ascii_uppercase();
    let interval = output.attribute("interval").unwrap_or("1").trim();
    let (minutes, of_day) = starts(output, &freq, interval, start)?;
    let mut head = if freq == "HOURLY" { "FREQ=DAILY".to_owned() } else { format!("FREQ={freq}") };
    if interval != "1" && freq != "HOURLY" {
        let _ = write!(head, ";INTERVAL={interval}");
    }
    for part in PARTS {
        if let Some(value) = output.attribute(part) {
            if of_day && matches!(part, "count" | "bysetpos") {
                return Err((format!("`{part}` cannot be counted where hours are named one by one"), HELP));
            }
            let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
            let _ = write!(head, ";{}={value}", part.to_ascii_uppercase());
        }
    }
    let mut values = Vec::new();
    for minute in minutes {
        let until = match output.attribute("until") {
            Some(text) => format!(";UNTIL={}", until(text, zone, minute)?),
            None => String::new(),
        };
        // An hour that has passed on the first day comes on the next one.
        let first = start.day + Day::from(of_day && i64::from(minute) < start.minute);
        let recurrence = Written::read(&format!("{head}{until}"), first, (minute, length, true));
        values.push(recurrence.map_err(|why| (why, HELP))?.to_string());
    }
    Ok(values.join(" or "))
}

/// The minutes of a day at which a period begins, and whether the script names them.
fn starts(output: Element<'_>, freq: &str, interval: &str, start: Moment) -> Result<(Vec<u16>, bool), Why> {
    let list = |name: &str, most: i64| -> Result<Option<Vec<i64>>, Why> {
        let Some(text) = output.attribute(name) else { return Ok(None) };
        let number = |one: &str| one.trim().parse::<i64>().ok().filter(|number| (0..most).contains(number));
        let numbers: Option<Vec<i64>> = text.split(',').map(number).collect();
        numbers.map(Some).ok_or_else(|| (format!("`{name}` is a list of numbers"), HELP))
    };
    if list("bysecond", 60)?.is_some_and(|seconds| seconds != [0]) {
        return Err(("a tree does not look at seconds".to_owned(), HELP));
    }
    let (hours, minutes) = (list("byhour", 24)?, list("byminute", 60)?);
    let of_day = hours.is_some() || minutes.is_some() || freq == "HOURLY";
    let hours = match (freq, hours) {
        ("HOURLY", named) => {
            let every = interval.parse::<i64>().ok().filter(|every| *every > 0 && 24 % every == 0);
            let every =
                every.ok_or_else(|| ("these hours are not the same on every day".to_owned(), HELP))?;
            let all = (0..24).filter(|hour| (hour - start.minute / 60).rem_euclid(every) == 0);
            all.filter(|hour| named.as_ref().is_none_or(|named| named.contains(hour))).collect()
        }
        (_, named) => named.unwrap_or_else(|| vec![start.minute / 60]),
    };
    let minutes = minutes.unwrap_or_else(|| vec![start.minute % 60]);
    let mut all: Vec<u16> = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
        .filter_map(|minute| u16::try_from(minute).ok())
        .collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() || all.len() > STARTS_MAX {
        return Err((format!("a period begins at 1 to {STARTS_MAX} times of a day"), HELP));
    }
    Ok((all, of_day))
}

/// The last day on which a period that begins at a minute may begin.
fn until(text: &str, zone: &Zone, minute: u16) -> Result<String, Why> {
    let text = text.trim();
    let day = if text.len() == 8 {
        date(text).ok_or_else(|| bad(text))?
    } else {
        let last = moment(text, zone)?;
        last.day - Day::from(last.minute < i64::from(minute))
    };
    let date = date_of(day);
    Ok(format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()))
}

/// Reads `20261224T090000`, with a `Z` if it is universal time.
fn moment(text: &str, zone: &Zone) -> Result<Moment, Why> {
    let text = text.trim().to_ascii_uppercase();
    let (bare, is_utc) = match text.strip_suffix('Z') {
        Some(bare) => (bare, true),
        None => (text.as_str(), false),
    };
    let (day, time) = bare.split_once('T').ok_or_else(|| bad(&text))?;
    let day = date(day).ok_or_else(|| bad(&text))?;
    let part = |at: usize| {
        let digits = time.get(at..at + 2).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i8>().ok()
    };
    let all = (part(0), part(2), part(4));
    let (Some(hour), Some(minute), Some(second), 6) = (all.0, all.1, all.2, time.len()) else {
        return Err(bad(&text));
    };
    let time = Time::new(hour, minute, second, 0).map_err(|_| bad(&text))?;
    if second != 0 {
        return Err(("a tree does not look at seconds".to_owned(), HELP));
    }
    let minute = i64::from(hour) * 60 + i64::from(minute);
    if !is_utc {
        return Ok(Moment { day, minute, is_utc });
    }
    let utc = DateTime::from_parts(date_of(day), time).to_zoned(jiff::tz::TimeZone::UTC);
    let shown = zone.moment(utc.map_err(|_| bad(&text))?.timestamp().as_millisecond());
    Ok(Moment { day: shown.day, minute: i64::from(shown.minute), is_utc })
}

fn date(text: &str) -> Option<Day> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date =
        Date::new(text.get(..4)?.parse().ok()?, text.get(4..6)?.parse().ok()?, text.get(6..)?.parse().ok()?);
    date.ok().filter(|date| YEARS.contains(&date.year())).map(day_of)
}

fn bad(text: &str) -> Why {
    let message = format!("`{text}` is no date and time from 1970 to 2199");
    (message, "for instance `20261224T090000`")
}

/// Reads a duration of RFC 2445: `P1W`, `PT8H30M`; in minutes.
fn duration(text: &str) -> Result<i64, Why> {
    let bad = || (format!("`{text}` is no length of time"), "for instance `PT8H` or `PT90M`; whole minutes");
    let upper = text.trim().to_ascii_uppercase();
    let mut rest = upper.trim_start_matches('+').strip_prefix('P').ok_or_else(bad)?;
    let (mut seconds, mut in_time, mut any) = (0_i64, false, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, in_time) = (time, true);
            continue;
        }
        let at =
            rest.find(|c: char| !c.is_ascii_digit()).filter(|at| (1..=9).contains(at)).ok_or_else(bad)?;
        let (digits, unit) = rest.split_at_checked(at).ok_or_else(bad)?;
        let each = match (unit.chars().next(), in_time) {
            (Some('W'), false) => 604_800,
            (Some('D'), false) => 86_400,
            (Some('H'), true) => 3_600,
            (Some('M'), true) => 60,
            (Some('S'), true) => 1,
            _ => return Err(bad()),
        };
        seconds += digits.parse::<i64>().map_err(|_| bad())? * each;
        (rest, any) = (unit.get(1..).unwrap_or_default(), true);
    }
    if any && seconds % 60 == 0 { Ok(seconds / 60) } else { Err(bad()) }
}
