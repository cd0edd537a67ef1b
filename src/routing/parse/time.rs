//! The values of a `time` condition: days, hours, or hours on some days.

use super::super::fault::{Code, Fault, Span};
use super::super::lex::{Kind, Token};
use super::super::week::{DAYS, Days, Hours, Window};
use super::cursor::{Lost, Parser, Read, told};

impl Parser<'_> {
    /// Reads a list of times; `time` itself has been read.
    pub(super) fn windows(&mut self) -> Read<Vec<Window>> {
        let windows = self.values(|parser| {
            let start = parser.peek().span;
            let window = parser.window()?;
            Ok((window, start.to(parser.behind())))
        })?;
        for pair in windows.windows(2) {
            if let [(days, first), (hours, second)] = pair {
                self.one_reading((*days, *first), (*hours, *second));
            }
        }
        Ok(windows.into_iter().map(|(window, _)| window).collect())
    }

    /// Whole days right before days with hours: the hours may be meant for both.
    fn one_reading(&mut self, (before, first): (Window, Span), (after, second): (Window, Span)) {
        let (None, Some(whole), Some(days), Some(hours)) =
            (before.hours, before.days, after.days, after.hours)
        else {
            return;
        };
        let message = format!("are these hours meant for `{whole}` too?");
        let help = format!(
            "write `{whole} {hours} or {days} {hours}` if they are, `{whole} 00:00-24:00 or {days} {hours}` if not"
        );
        let fault = Fault::new(Code::BadTime, second, message).here("hours here");
        self.note(fault.label(first, "no hours here").help(help));
    }

    fn window(&mut self) -> Read<Window> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else {
            return Err(self.expected("days or hours, such as `mon-fri 09:00-17:00`"));
        };
        if is_hours(word) {
            return Ok(Window { days: None, hours: Some(self.hours()?) });
        }
        self.bump();
        let days = Days::read(word).ok_or_else(|| self.no_days(token, word))?;
        let next = self.peek();
        let hours = match next.kind {
            Kind::Word("-") => return Err(self.apart(next)),
            Kind::Word(word) if is_hours(word) => Some(self.hours()?),
            Kind::Word(word) if Days::read(word).is_some() => {
                let fault = Fault::new(Code::BadTime, next.span, "several days are joined with `or`");
                self.note(fault.help(format!("write `{days} or {word}`")));
                return Err(Lost);
            }
            _ => None,
        };
        Ok(Window { days: Some(days), hours })
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
                let help = "hours are written `09:00-17:00`, without spaces; a day ends at `24:00`";
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
        let help = match meant {
            Some(days) => format!("did you mean `{}`?", days.join("-")),
            None => format!("days are `{}`, hours are written `09:00-17:00`", DAYS.join("`, `")),
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
    word.starts_with(|c: char| c.is_ascii_digit())
}
