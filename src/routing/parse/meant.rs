//! What was meant: where a word stands that does not belong there, the words around it tell what to write instead.

use super::super::calendar::MONTHS;
use super::super::fault::{Code, Fault, Faults};
use super::super::instead::{ARROW, BESIDES, BETWEEN, Expected, NEXT, instead};
use super::super::lex::{Kind, Token, escape, unescape};
use super::super::pattern::Pattern;
use super::super::vocabulary::{ACTIONS, CONDITIONS, Key, TARGETS, find, nearest, words_of};
use super::super::week::{Days, Hours};
use super::super::words::{Mode, Status};
use super::cursor::{Lost, Parser, Read, list, told};
use super::time::is_date;
use crate::base::Uid;

/// How to reach what has a number and no address.
pub(super) const BY_DEVICE: &str = "a number is reached by a device: after `ratatosk device add UID gsm --type gsm --address NUMBER` say `try \"gsm\"`";

/// So many words of a line are said again.
const AGAIN_MAX: usize = 12;

/// Units of time, by the words for them.
const UNITS: [(&str, &[&str]); 4] = [
    ("s", &["s", "sec", "secs", "second", "seconds"]),
    ("m", &["m", "min", "mins", "minute", "minutes"]),
    ("h", &["h", "hr", "hrs", "hour", "hours"]),
    ("d", &["d", "day", "days"]),
];

impl<'s> Parser<'s> {
    /// Whether so few faults are known that it is worth while to look for what was meant.
    fn has_room(&self) -> bool {
        self.faults.len() < Faults::MOST
    }

    /// What to write instead of a word, of which the candidates might have stood here.
    pub(super) fn meant<'c>(
        &self,
        word: Token<'s>,
        expected: Expected,
        candidates: impl Iterator<Item = &'c str> + Clone,
    ) -> String {
        let did_you = |word: &str| format!("did you mean `{word}`?");
        if let (Kind::Word(text), true) = (word.kind, self.has_room()) {
            let known = instead(expected, text).or_else(|| nearest(text, candidates.clone()).map(did_you));
            let help = known.or_else(|| self.in_two(word, text, candidates.clone()).map(did_you));
            if let Some(help) = help {
                return help;
            }
        }
        match (expected, word.kind) {
            (Expected::Target, Kind::Word(text)) => {
                let name = escape(text.trim_matches(['\'', '`', '´', '’', '‘']));
                format!("a device stands in quotes: `try {name}`; other targets are {}", list(candidates))
            }
            _ => format!("one of: {}", list(candidates)),
        }
    }

    /// The candidate that was written as two words.
    fn in_two<'c>(
        &self,
        word: Token<'s>,
        text: &str,
        mut candidates: impl Iterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let is_ahead = self.peek().span.start == word.span.start;
        let Kind::Word(next) = self.ahead(usize::from(is_ahead)).kind else { return None };
        let together = format!("{text}{next}").to_lowercase();
        candidates.find(|candidate| candidate.replace('-', "") == together)
    }

    /// Says what is wrong with a word where a condition should begin.
    pub(super) fn no_condition(&mut self, token: Token<'s>, word: &str) -> Lost {
        let known =
            self.else_ahead(word).or_else(|| self.action_ahead(word)).or_else(|| self.value_ahead(word));
        let Some((message, help)) = known else {
            let words = words_of(CONDITIONS).chain(["otherwise", "not"]);
            return self.unknown(token, Expected::Condition, words);
        };
        self.note(Fault::new(Code::UnknownWord, token.span, message).here("no condition").help(help));
        Lost
    }

    fn else_ahead(&self, word: &str) -> Option<(String, String)> {
        if word != "else" {
            return None;
        }
        Some(if self.ahead(1).kind == Kind::Arrow && self.is_last_line() {
            let help = format!("write `otherwise {}`", self.again(1));
            ("`else` belongs to a `try`, and this is a rule".to_owned(), help)
        } else {
            let help = "write `try clients for 20s else decline` on one line".to_owned();
            ("`else` stands on the line of its `try`".to_owned(), help)
        })
    }

    fn action_ahead(&self, word: &str) -> Option<(String, String)> {
        let message = format!("`{word}` is an action, and a rule begins with its condition");
        is_action(word).then(|| (message, format!("write `otherwise -> {}`", self.again(0))))
    }

    /// A value without its condition, perhaps because another one stands before it with its `and`.
    fn value_ahead(&self, word: &str) -> Option<(String, String)> {
        let key = key_of(word)?;
        let before = |back: usize| match self.back(back)?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        };
        let first = before(1).filter(|first| before(0) == Some("and") && key_of(first) == Some(key));
        // Whom you call is an address, too.
        let key = before(2).filter(|other| *other == "to" && first.is_some()).unwrap_or(key);
        let help = match first {
            Some(first) => format!("several values are joined with `or`: write `{key} {first} or {word}`"),
            None => format!("write `{key} {}`", self.again(0)),
        };
        Some((format!("`{word}` is a value of `{key}`"), help))
    }

    /// Notes what people write between a condition and its value.
    pub(super) fn nothing_between(&mut self, key: Key, word: &str) -> Read<()> {
        let token = self.peek();
        let Kind::Word(between) = token.kind else { return Ok(()) };
        let has_values =
            matches!(key, Key::Mode | Key::Caller | Key::To | Key::Status | Key::Time | Key::Device);
        if !has_values || !BETWEEN.contains(&between.to_lowercase().as_str()) {
            return Ok(());
        }
        let is_not = self.ahead(1).kind == Kind::Word("not") && self.ahead(2).kind != Kind::Word("in");
        let (not, value) = if is_not { ("not ", self.ahead(2)) } else { ("", self.ahead(1)) };
        let message = format!("{} stands between `{word}` and its value", told(token));
        let help = match value.kind {
            Kind::Word("in") => format!("leave it out: `{word} in {}`", plain(self.ahead(2))),
            Kind::Word(_) | Kind::Text(_) => format!("leave it out: `{not}{word} {}`", plain(value)),
            _ => "leave it out".to_owned(),
        };
        self.note(Fault::new(Code::Syntax, token.span, message).here("not here").help(help));
        Err(Lost)
    }

    /// What to write where an arrow should stand, and something else does.
    pub(super) fn no_arrow(&self) -> Option<String> {
        let found = self.peek();
        let word = match found.kind {
            Kind::Comma => {
                let (first, second) = (self.last().map(plain).unwrap_or_default(), plain(self.ahead(1)));
                return Some(format!("several values are joined with `or`: `{first} or {second}`"));
            }
            Kind::Word(word) => word,
            _ => return None,
        };
        let parts = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'.' | b'/'))
        };
        let number = |token: Token<'s>| match token.kind {
            Kind::Word(text) if parts(text.strip_prefix('+').unwrap_or(text)) => Some(text),
            _ => None,
        };
        if let (Some(first), Some(_)) = (self.last().and_then(number), number(found)) {
            let rest = (0..AGAIN_MAX).map_while(|more| number(self.ahead(more)));
            let whole = std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ");
            return Some(format!("put a number with spaces in quotes: `number {}`", escape(&whole)));
        }
        if matches!(self.last().map(|token| token.kind), Some(Kind::Word(last)) if last.ends_with(':')) {
            return Some(ARROW.to_owned());
        }
        if is_action(word) {
            return Some(format!("write `-> {}`", self.again(0)));
        }
        if find(CONDITIONS, word).is_some() {
            return Some(format!("conditions are joined with `and`: `and {}`", self.again(0)));
        }
        instead(Expected::Arrow, word)
    }

    /// What to write where a rule should have ended, and something else stands.
    pub(super) fn no_end(&self) -> String {
        let found = self.peek();
        let in_time = self.back(1).is_some_and(|token| token.kind == Kind::Word("for"));
        let help = match found.kind {
            Kind::Comma if in_time => Some(NEXT.to_owned()),
            Kind::Comma => Some(BESIDES.to_owned()),
            Kind::Word(word) => time_meant(word, self.ahead(1), "s")
                .map(|time| format!("write `for {time}`"))
                .or_else(|| instead(Expected::End, word)),
            _ => None,
        };
        help.unwrap_or_else(|| "each rule has a line of its own".to_owned())
    }

    /// Whether a target has been left behind, whatever it was.
    pub(super) fn target_ended(&self) -> bool {
        self.line_ended()
            || matches!(
                self.peek().kind,
                Kind::Comma | Kind::OpenBrace | Kind::Word("for" | "after" | "else")
            )
    }

    /// Says what is wrong with a word where a target should stand.
    pub(super) fn no_target(&mut self, token: Token<'s>, word: &str) {
        let fault = |message: String| Fault::new(Code::Syntax, token.span, message);
        let bare = scheme(word).map_or(word, |(_, bare)| bare);
        if let Some(help) = instead(Expected::Besides, word).filter(|_| find(ACTIONS, word).is_some()) {
            self.note(fault(format!("`{word}` stands before the action")).help(help));
        } else if Uid::parse(bare).is_ok() {
            let help = format!("write `user {bare}`");
            self.note(fault(format!("{} is an address", told(token))).here("a user").help(help));
        } else if is_number(word) {
            self.note(fault(format!("{} is a number", told(token))).here("no target").help(BY_DEVICE));
        } else {
            self.unknown(token, Expected::Target, words_of(TARGETS));
        }
    }

    /// The name in quotes that a word without them was meant for, with the value that follows it.
    pub(super) fn named(&self, before: &str, word: &str) -> String {
        let joint = match before {
            "property" => "is ",
            "set" => "",
            _ => return format!("{before} \"{word}\""),
        };
        let is_between =
            |token: Token<'s>| matches!(token.kind, Kind::Word(w) if BETWEEN.contains(&w) || w == "to");
        let value = self.ahead(if is_between(self.ahead(1)) { 2 } else { 1 });
        match value.kind {
            Kind::Word(value) if value != "and" && value != "or" => {
                format!("{before} \"{word}\" {joint}{}", escape(value))
            }
            Kind::Text(_) => format!("{before} \"{word}\" {joint}{}", plain(value)),
            _ => format!("{before} \"{word}\""),
        }
    }

    /// The rest of the line as it stands, from so many words ahead.
    pub(super) fn again(&self, from: usize) -> String {
        let ends = |token: &Token<'s>| match token.kind {
            Kind::LineEnd | Kind::End | Kind::CloseBrace | Kind::OpenBrace => true,
            Kind::Word(word) => word.starts_with("//"),
            _ => false,
        };
        let mut text = String::new();
        let tokens = (from..=from + AGAIN_MAX).map(|more| self.ahead(more)).take_while(|token| !ends(token));
        for (at, token) in tokens.enumerate() {
            if at > 0 && token.kind != Kind::Comma {
                text.push(' ');
            }
            text += &if at < AGAIN_MAX { plain(token) } else { "…".to_owned() };
        }
        text
    }

    /// Whether nothing stands between the end of this line and that of the block.
    fn is_last_line(&self) -> bool {
        let mut kinds = (0..).map(|more| self.ahead(more).kind);
        let mut kinds =
            kinds.by_ref().skip_while(|kind| !matches!(kind, Kind::LineEnd | Kind::CloseBrace | Kind::End));
        matches!(kinds.find(|kind| *kind != Kind::LineEnd), Some(Kind::CloseBrace | Kind::End))
    }
}

/// The condition that a word alone would be a value of.
fn key_of(word: &str) -> Option<&'static str> {
    let (is_mode, is_status) = (word.parse::<Mode>().is_ok(), word.parse::<Status>().is_ok());
    let is_party = matches!(word, "anonymous" | "contact" | "verified")
        || word.contains('@') && Pattern::read(word).is_ok();
    let is_time =
        Days::read(word).is_some() || Hours::read(word).is_some() || word == "holiday" || is_date(word);
    let keys = [("mode", is_mode), ("status", is_status), ("caller", is_party), ("time", is_time)];
    keys.into_iter().find(|(_, is)| *is).map(|(key, _)| key)
}

pub(super) fn is_action(word: &str) -> bool {
    find(ACTIONS, word).is_some() || find(TARGETS, word).is_some()
}

fn is_number(word: &str) -> bool {
    Pattern::number(word).is_ok_and(|number| number.exactly().is_some())
}

/// The scheme of a URI that stands for an address or a number, and the rest of it.
pub(super) fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, bare) = text.split_once(':')?;
    let known = ["sip", "sips", "tel", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then_some((scheme, bare))
}

/// The time that was meant by a number, with its unit perhaps in the next word.
pub(super) fn time_meant(word: &str, next: Token<'_>, usual: &str) -> Option<String> {
    let at = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, rest) = word.split_at_checked(at).filter(|(digits, _)| !digits.is_empty())?;
    let unit = |text: &str| {
        let lower = text.to_lowercase();
        UNITS.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(unit, _)| *unit)
    };
    let apart = match next.kind {
        Kind::Word(next) => unit(next),
        _ => None,
    };
    let unit = if rest.is_empty() { apart.unwrap_or(usual) } else { unit(rest)? };
    Some(format!("{digits}{unit}"))
}

/// The date that was meant by one with dots or strokes, the day first: `24.12.2026`, `24/12`.
pub(super) fn date_meant(word: &str) -> Option<String> {
    let mut parts = word.split(['.', '/']).filter(|part| !part.is_empty()).map(str::parse::<u16>);
    let (one, two) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let year = parts.next().transpose().ok()?;
    // Where the second cannot be a month, it is the day.
    let (day, month) = if two > 12 { (two, one) } else { (one, two) };
    let good = (1..=31).contains(&day) && (1..=12).contains(&month) && parts.next().is_none();
    let name = MONTHS.get(usize::from(month).checked_sub(1)?)?;
    good.then(|| match year {
        Some(year) if year < 100 => format!("20{year:02}-{month:02}-{day:02}"),
        Some(year) => format!("{year}-{month:02}-{day:02}"),
        None => format!("{name}-{day}"),
    })
}

/// A token as it is written.
fn plain(token: Token<'_>) -> String {
    match token.kind {
        Kind::Text(text) => escape(&unescape(text)),
        Kind::Word(word) => word.to_owned(),
        Kind::Arrow => "->".to_owned(),
        Kind::Comma => ",".to_owned(),
        Kind::OpenParen => "(".to_owned(),
        Kind::CloseParen => ")".to_owned(),
        Kind::OpenBrace | Kind::CloseBrace | Kind::LineEnd | Kind::End => String::new(),
    }
}
