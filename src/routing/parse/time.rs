//! The values of a `time` condition: dates, days, hours, what comes again by a rule.

use super::super::calendar::{Dates, MONTHS};
use super::super::fault::{Code, Fault, Span};
use super::super::instead::{Expected, instead};
use super::super::lex::{Kind, Token, unescape};
use super::super::recurrence::{LENGTH_MAX, Recurrence, Written};
use super::super::week::{DAYS, Days, Hours, Time, Window, minute};
use super::cursor::{Lost, Parser, Read, told};
use super::meant::{date_meant, time_meant};

impl Parser<'_> {
    /// Reads a list of times; `time` itself has been read.
    pub(super) fn times(&mut self) -> Read<Vec<Time>> {
        let times = self.values(|parser| {
            let start = parser.peek().span;
            let time = parser.time()?;
            Ok((time, start.to(parser.behind())))
        })?;
        for pair in times.windows(2) {
            if let [(Time::Window(days), first), (Time::Window(hours), second)] = pair {
                self.one_reading((days, *first), (hours, *second));
            }
        }
        Ok(times.into_iter().map(|(time, _)| time).collect())
    }

    /// Whole days right before days with hours: the hours may be meant for both.
    fn one_reading(&mut self, (before, first): (&Window, Span), (after, second): (&Window, Span)) {
        let without = |window: &Window| Window { hours: None, ..window.clone() };
        let Some(hours) = after.hours.filter(|_| before.hours.is_none()) else { return };
        let (whole, days) = (without(before).to_string(), without(after).to_string());
        if days.is_empty() {
            return;
        }
        let message = format!("are these hours meant for `{whole}` too?");
        let help = format!(
            "write `{whole} {hours} or {days} {hours}` if they are, `{whole} 00:00-24:00 or {days} {hours}` if not"
        );
        let fault = Fault::new(Code::BadTime, second, message).here("hours here");
        self.note(fault.label(first, "no hours here").help(help));
    }

    fn time(&mut self) -> Read<Time> {
        if self.eat(Kind::Word("every")) {
            return self.every().map(Time::Every);
        }
        self.window().map(Time::Window)
    }

    fn window(&mut self) -> Read<Window> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else {
            return Err(self.expected("days or hours, such as `mon-fri 09:00-17:00`"));
        };
        let mut window = Window::default();
        if word == "holiday" {
            window.dates = Some(self.holiday()?);
        } else if is_date(word) {
            window.dates = Some(self.dates()?);
        } else if !is_hours(word) {
            window.days = Some(self.days()?);
        }
        if window.dates.is_some()
            && let Kind::Word(word) = self.peek().kind
            && Days::read(word).is_some()
        {
            window.days = Some(self.days()?);
        }
        let next = self.peek();
        match next.kind {
            Kind::Word("-") => return Err(self.apart(next)),
            Kind::Word(word) if is_date(word) => {
                let fault = Fault::new(Code::BadTime, next.span, "dates stand before days and hours");
                self.note(
                    fault.help("for instance `dec-24 to dec-26 09:00-12:00`; several are joined with `or`"),
                );
                return Err(Lost);
            }
            Kind::Word(word) if is_hours(word) => window.hours = Some(self.hours()?),
            Kind::Word(word) if Days::read(word).is_some() => {
                let days = window.days.map_or_else(String::new, |days| days.to_string());
                let fault = Fault::new(Code::BadTime, next.span, "several days are joined with `or`");
                self.note(fault.help(format!("write `{days} or {word}`")));
                return Err(Lost);
            }
            _ => {}
        }
        Ok(window)
    }

    fn days(&mut self) -> Read<Days> {
        let token = self.bump();
        let Kind::Word(word) = token.kind else { return Err(Lost) };
        Days::read(word).ok_or_else(|| self.no_days(token, word))
    }

    fn holiday(&mut self) -> Read<Dates> {
        let token = self.bump();
        if self.holidays.is_empty() {
            let fault = Fault::new(Code::BadTime, token.span, "this profile names no holidays");
            self.note(
                fault
                    .here("which days?")
                    .help("write them before the trees: `holidays jan-1 or dec-24 to dec-26 or 2027-03-26`"),
            );
            return Err(Lost);
        }
        Ok(Dates::Holiday(self.holidays.together()))
    }

    /// Reads a date, or one and another.
    pub(super) fn dates(&mut self) -> Read<Dates> {
        let start = self.peek().span;
        let first = self.date()?;
        if !self.eat(Kind::Word("to")) {
            return Ok(first);
        }
        let last = self.date()?;
        first.to(&last).ok_or_else(|| {
            let span = start.to(self.behind());
            let fault = Fault::new(Code::BadTime, span, "this is no time from one date to another");
            self.note(fault.help("the later one stands last; both have a year, or neither"));
            Lost
        })
    }

    fn date(&mut self) -> Read<Dates> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else {
            return Err(self.expected("a date, such as `2026-12-24` or `dec-24`"));
        };
        self.bump();
        Dates::read(word).ok_or_else(|| {
            let fault = Fault::new(Code::BadTime, token.span, format!("{} is no date", told(token)));
            let help = match (date_meant(word), self.peek().kind) {
                (Some(date), _) => format!("did you mean `{date}`?"),
                (None, Kind::Word(day)) if MONTHS.contains(&word) && day.parse::<u8>().is_ok() => {
                    format!("did you mean `{word}-{day}`?")
                }
                _ => "a date is `2026-12-24`, or `dec-24` for every year; from one to another is `dec-24 to jan-2`".to_owned(),
            };
            self.note(fault.here("no date").help(help));
            Lost
        })
    }

    /// Reads a rule, when it comes first, and for how long; `every` itself has been read.
    fn every(&mut self) -> Read<Recurrence> {
        let rule = self.peek();
        let Kind::Text(text) = rule.kind else {
            return Err(self.expected("a rule in quotes, such as \"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO\""));
        };
        self.bump();
        if !self.eat(Kind::Word("from")) {
            return Err(self.expected("`from` and the date on which it comes first"));
        }
        let date = self.peek();
        let Dates::Once((first, _)) = self.date()? else {
            let fault = Fault::new(Code::BadTime, date.span, "the first date has a year");
            self.note(fault.help("for instance `from 2026-01-05`"));
            return Err(Lost);
        };
        let from = match self.peek().kind {
            Kind::Word(word) if word.contains(':') => {
                let token = self.bump();
                let from = minute(word).filter(|minute| *minute < 1_440);
                Some(from.ok_or_else(|| self.no_hour(token))?)
            }
            _ => None,
        };
        let length = if self.eat(Kind::Word("for")) { self.length()? } else { 1_440 };
        let written = Written::read(&unescape(text), first, (from.unwrap_or(0), length, from.is_some()));
        let written = written.map_err(|why| {
            let help =
                "rules are those of RFC 5545: `FREQ=MONTHLY;BYDAY=-1FR` is the last Friday of each month";
            self.note(Fault::new(Code::BadTime, rule.span, why).here("in this rule").help(help));
            Lost
        })?;
        // Rolling out is work: only so many are.
        self.count_recurrence(rule.span)?;
        Ok(written.rolled_out())
    }

    /// Reads how long a time lasts, in minutes.
    fn length(&mut self) -> Read<u32> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else { return Err(self.expected("a time, such as `8h`")) };
        self.bump();
        let unit = word.find(|c: char| !c.is_ascii_digit()).and_then(|at| word.split_at_checked(at));
        let minutes = unit.and_then(|(digits, unit)| {
            let each = match unit {
                "m" | "min" => 1,
                "h" => 60,
                "d" => 1_440,
                _ => return None,
            };
            digits.parse::<u32>().ok()?.checked_mul(each)
        });
        minutes.filter(|minutes| (1..=LENGTH_MAX).contains(minutes)).ok_or_else(|| {
            let fault = Fault::new(Code::BadDuration, token.span, format!("{} is no time", told(token)));
            let help = match time_meant(word, self.peek(), "h").filter(|time| time != word) {
                Some(time) => format!("did you mean `{time}`?"),
                None => "a number and `m`, `h` or `d`, a week at most: `90m`, `8h`, `2d`".to_owned(),
            };
            self.note(fault.here("no time").help(help));
            Lost
        })
    }

    fn no_hour(&mut self, token: Token<'_>) -> Lost {
        let fault = Fault::new(Code::BadTime, token.span, format!("{} is no time of the day", told(token)));
        self.note(fault.here("no time").help("for instance `09:00`"));
        Lost
    }

    fn hours(&mut self) -> Read<Hours> {
        let token = self.bump();
        let Kind::Word(word) = token.kind else { return Err(Lost) };
        if self.peek().kind == Kind::Word("-") {
            let next = self.peek();
            return Err(self.apart(next));
        }
        let fault = |message: String| Fault::new(Code::BadTime, token.span, message);
        match Hours::read(word) {
            None => {
                let help = match date_meant(word) {
                    Some(date) => format!("did you mean `{date}`?"),
                    None => {
                        "hours are written `09:00-17:00`, without spaces; a day ends at `24:00`".to_owned()
                    }
                };
                self.note(
                    fault(format!("{} is no time of the day", told(token))).here("no hours").help(help),
                );
                Err(Lost)
            }
            Some(hours) if hours.is_nothing() => {
                let help = "a whole day is `00:00-24:00`";
                self.note(fault(format!("{} ends when it begins", told(token))).here("no time").help(help));
                Err(Lost)
            }
            Some(hours) => Ok(hours),
        }
    }

    fn no_days(&mut self, token: Token<'_>, word: &str) -> Lost {
        let short = |text: &str| {
            let letters: String = text.chars().take(3).flat_map(char::to_lowercase).collect();
            DAYS.contains(&letters.as_str()).then_some(letters)
        };
        let meant: Option<Vec<String>> = word.splitn(2, '-').map(short).collect();
        let help = match (instead(Expected::Day, word), meant) {
            (Some(help), _) => help,
            (None, Some(days)) => format!("did you mean `{}`?", days.join("-")),
            (None, None) => format!("days are `{}`, hours are written `09:00-17:00`", DAYS.join("`, `")),
        };
        self.note(Fault::new(Code::BadTime, token.span, format!("{} is no day", told(token))).help(help));
        Lost
    }

    fn apart(&mut self, dash: Token<'_>) -> Lost {
        let fault = Fault::new(Code::BadTime, dash.span, "a span of time is written without spaces");
        self.note(fault.help("for instance `mon-fri 09:00-17:00`"));
        Lost
    }
}

/// Whether a word is meant as hours, well written or not.
fn is_hours(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && !is_date(word)
}

/// Whether a word is meant as a date: it has a year and two dashes, or begins with a month.
pub(super) fn is_date(word: &str) -> bool {
    let with_year = word.starts_with(|c: char| c.is_ascii_digit()) && word.matches('-').count() == 2;
    let month = word.split('-').next().unwrap_or_default();
    with_year || MONTHS.contains(&month)
}
