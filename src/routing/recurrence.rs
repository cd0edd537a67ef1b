//! Recurring times: on which days a rule of RFC 5545 comes, and from when to when on them.
//!
//! A rule is read first ([`Written`]) and then rolled out ([`Recurrence`]): a year of each kind that there is, a bit
//! for each of its days. So a day is looked up in some tens of nanoseconds, whatever the rule says, and a rule is right in
//! every year. What counts is the clock on the wall, as for all times of a tree.
//!
//! Implements: RFC 5545 §3.3.10 (COUNT, UNTIL).

use std::fmt;
use std::sync::Arc;

use super::calendar::{
    Bits, Day, KINDS, Leaf, ROUND_YEARS, YEARS, date_of, inner_kind, kind_of, new_year, year_of,
};
use super::rule::{End, Rule, Turns};
use super::week::TODAY;

/// The longest that one time may last, in minutes.
pub(super) const LENGTH_MAX: u32 = 7 * 24 * 60;

/// A recurring time as it was written.
#[derive(Debug)]
pub(super) struct Written {
    said: Said,
    rule: Rule,
    end: End,
}

/// A recurring time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Recurrence {
    said: Said,
    /// The first day on which it may come, and the last one.
    span: (Day, Day),
    turns: Turns,
    /// By the kind of a year: the days on which it comes, the first of the year being 0.
    years: Arc<[Bits; KINDS]>,
}

/// What a tree says of a recurring time.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Said {
    /// The rule in capital letters.
    rule: Box<str>,
    /// DTSTART.
    first: Day,
    /// When on a day it begins, in minutes; and for how many.
    from: u16,
    length: u32,
    /// Whether an hour was named.
    timed: bool,
}

impl Written {
    /// Reads a rule; or says what is wrong with it.
    pub(super) fn read(
        text: &str,
        first: Day,
        (from, length, timed): (u16, u32, bool),
    ) -> Result<Self, String> {
        let text = text.to_ascii_uppercase();
        let (mut rule, end) = Rule::read(&text)?;
        rule.complete(date_of(first));
        Ok(Self { said: Said { rule: text.into(), first, from, length, timed }, rule, end })
    }

    /// Rolls it out: ten thousand days are looked at, and more if it has a COUNT.
    pub(super) fn rolled_out(self) -> Recurrence {
        let Self { said, rule, end } = self;
        let mut years: [Option<Bits>; KINDS] = [None; KINDS];
        // Kinds that no year of a round is of are never asked for.
        for year in 1970..1970 + ROUND_YEARS {
            let kind = kind_of(year);
            let alike = if rule.is_within_years() { inner_kind(kind) } else { kind };
            let days = years.get(alike).copied().flatten().unwrap_or_else(|| rule.year(year));
            for kind in [kind, alike] {
                if let Some(it) = years.get_mut(kind) {
                    *it = Some(days);
                }
            }
        }
        let years = Arc::new(years.map(Option::unwrap_or_default));
        let turns = rule.turns(said.first);
        let mut it = Recurrence { span: (said.first, Day::MAX), said, turns, years };
        it.span.1 = match end {
            End::Never => Day::MAX,
            End::Until(day) => day,
            End::Count(count) => it.last_of(count),
        };
        it
    }
}

impl Recurrence {
    /// The day on which it comes for the last time, if it comes so often at most; it is followed through all
    /// years that a tree may name.
    fn last_of(&self, count: usize) -> Day {
        let (begin, _) = year_of(self.said.first);
        let years = begin..=i32::from(*YEARS.end());
        let of_year = |year: i32| self.years.get(kind_of(year)).copied().unwrap_or_default();
        let days = years.flat_map(|year| {
            let days = of_year(year);
            (0..366)
                .filter(move |passed| days.has(*passed))
                .filter_map(move |passed| Some(new_year(year) + Day::try_from(passed).ok()?))
        });
        let comes = |day: &Day| *day >= self.said.first && self.turns.has(*day);
        days.filter(comes).take(count).last().unwrap_or(self.said.first.saturating_sub(1))
    }

    /// Whether it comes on a day.
    pub(super) fn is_on(&self, leaf: &Leaf) -> bool {
        (self.span.0..=self.span.1).contains(&leaf.day)
            && self
                .years
                .get(leaf.kind)
                .is_some_and(|days| usize::try_from(leaf.passed).is_ok_and(|at| days.has(at)))
            && self.turns.has(leaf.day)
    }

    /// As [`Time::since`](super::week::Time::since).
    pub(super) fn since(&self, minute: u16) -> u8 {
        (0..=self.reach()).fold(0, |days, back| {
            let since = i64::from(back) * 1_440 + i64::from(minute) - i64::from(self.said.from);
            let lasts = (0..i64::from(self.said.length)).contains(&since);
            if lasts { days | TODAY >> back } else { days }
        })
    }

    /// How many days after the one on which it begins it may still last.
    pub(super) fn reach(&self) -> Day {
        Day::try_from((u32::from(self.said.from) + self.said.length).saturating_sub(1) / 1_440).unwrap_or(0)
    }

    /// The minutes of a day at which it begins and ends.
    pub(super) fn bounds(&self) -> [u16; 2] {
        let end = (u32::from(self.said.from) + self.said.length) % 1_440;
        [self.said.from, u16::try_from(end).unwrap_or(0)]
    }

    /// The first day on which it may come, and the last one.
    pub(super) fn span(&self) -> &(Day, Day) {
        &self.span
    }

    /// Whether it has an INTERVAL.
    pub(super) fn is_followed(&self) -> bool {
        self.turns.are_spaced()
    }

    /// Whether it has an INTERVAL, and no end, and comes at all.
    pub(super) fn is_spaced(&self) -> bool {
        self.span.1 == Day::MAX && self.is_followed() && self.years.iter().any(|days| !days.is_empty())
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said.fmt(f)
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said.fmt(f)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every \"{}\" from {}", self.rule, date_of(self.first))?;
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
