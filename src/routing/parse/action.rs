//! Lines of actions: `try` with its targets and results, and the actions that end a call's way.

use std::time::Duration;

use super::super::ast::{
    Continuation, Leaf, Line, LineKind, ResultRule, Results, Side, Spanned, Target, Timed, TryLine,
};
use super::super::fault::{Code, Fault, Span};
use super::super::instead::{Expected, instead};
use super::super::lex::{Kind, Token, unescape};
use super::super::pattern::Pattern;
use super::super::vocabulary::{ACTIONS, TARGETS, TargetWord, Verb, find, words_of};
use super::super::words::Outcome;
use super::cursor::{Lost, Parser, Read, told};
use super::meant::{BY_DEVICE, is_action, scheme, time_meant};
use crate::base::Uid;

/// The longest time that `for` and `after` may name.
const LONGEST: Duration = Duration::from_secs(3_600);

impl<'s> Parser<'s> {
    /// Reads a line of actions.
    pub(super) fn line(&mut self) -> Read<Line> {
        let token = self.peek();
        let word = match token.kind {
            Kind::Word(word) => word,
            // A device is a bare target too.
            Kind::Text(_) => return self.try_line(token.span),
            _ => return Err(self.expected("an action")),
        };
        match (find(ACTIONS, word), find(TARGETS, word)) {
            (Some(verb), _) => {
                self.bump();
                self.action(verb, token.span)
            }
            (None, None) => {
                Err(self.unknown(token, Expected::Action, words_of(ACTIONS).chain(words_of(TARGETS))))
            }
            (None, Some(_)) => self.try_line(token.span),
        }
    }

    fn action(&mut self, verb: Verb, start: Span) -> Read<Line> {
        let leaf = match verb {
            Verb::Try => return self.try_line(start),
            Verb::Also => {
                let begin = self.peek().span;
                let copy = Side::Also(self.target()?);
                return self.beside(start, Spanned { it: copy, span: begin.to(self.behind()) });
            }
            Verb::Set => {
                let key = self.quoted_name("a property", "set")?;
                self.bounded(&key, "the name of a property");
                let value =
                    self.text("the value of the property in quotes, as in `set \"lunch\" \"yes\"`")?;
                self.bounded(&value, "the value of a property");
                let it = Side::Set(key.it, value.it);
                return self.beside(start, Spanned { it, span: start.to(self.behind()) });
            }
            Verb::Log => {
                let text = self.text("what to write, in quotes")?;
                self.bounded(&text, "a line of the log");
                return self.beside(start, Spanned { it: Side::Log(text.it), span: start.to(self.behind()) });
            }
            Verb::Reply => {
                let name = self.quoted_name("a stock message", "reply")?;
                if self.peek().kind == Kind::Comma {
                    let it = Side::Reply(name.it);
                    return self.beside(start, Spanned { it, span: name.span });
                }
                Leaf::Reply(name)
            }
            Verb::Hold => Leaf::Hold,
            Verb::Redirect => Leaf::Redirect(self.uid()?),
            Verb::Decline => Leaf::Decline,
            Verb::Busy => Leaf::Busy,
            Verb::Ignore => Leaf::Ignore,
            Verb::Send => Leaf::Send,
            Verb::Forward => {
                // `forward user anne@north.test` says the same.
                self.eat(Kind::Word("user"));
                Leaf::Forward(self.uid()?)
            }
            Verb::Refuse => Leaf::Refuse(self.reason()?),
        };
        Ok(Line { span: start.to(self.behind()), sides: Vec::new(), kind: LineKind::Leaf(leaf) })
    }

    /// Reads why somebody is refused.
    fn reason(&mut self) -> Read<String> {
        let help = match self.peek().kind {
            Kind::Word(word) if is_action(word) => {
                Some(format!("write `refuse \"{word}\"`, or `{word}` alone"))
            }
            Kind::Word(word) => Some(format!("write `refuse \"{word}\"`")),
            Kind::Text(_) => return Ok(self.text("the reason in quotes")?.it),
            _ => None,
        };
        Err(self.expected_as("the reason in quotes", help))
    }

    /// Reads the line that something stands before which is done besides.
    fn beside(&mut self, start: Span, side: Spanned<Side>) -> Read<Line> {
        if !self.eat(Kind::Comma) {
            return Err(self.expected("`,` and what to do besides, as in `also inbox, try clients`"));
        }
        let line = self.deeper(Self::line)?;
        let sides = std::iter::once(side).chain(line.sides).collect();
        Ok(Line { span: start.to(line.span), sides, kind: line.kind })
    }

    /// Reads a text in quotes; it may be empty.
    fn text(&mut self, what: &str) -> Read<Spanned<String>> {
        let token = self.peek();
        let Kind::Text(text) = token.kind else { return Err(self.expected(what)) };
        self.bump();
        Ok(Spanned { it: unescape(text), span: token.span })
    }

    /// Reads targets, their times and what follows; `try` itself has been read, or left out.
    fn try_line(&mut self, start: Span) -> Read<Line> {
        let mut targets = vec![self.timed()?];
        while self.eat(Kind::Comma) {
            targets.push(self.timed()?);
        }
        let ring_for =
            if self.eat(Kind::Word("for")) { Some(self.duration(Duration::from_secs(1))?) } else { None };
        let span = start.to(self.behind());
        let word = self.peek().span;
        let after = if self.eat(Kind::Word("else")) {
            Continuation::Else { word, line: Box::new(self.deeper(Self::line)?) }
        } else if self.peek().kind == Kind::OpenBrace {
            Continuation::Results(self.deeper(Self::results)?)
        } else {
            Continuation::Return
        };
        let kind = LineKind::Try(TryLine { targets, ring_for, after });
        Ok(Line { span, sides: Vec::new(), kind })
    }

    fn timed(&mut self) -> Read<Timed> {
        let start = self.peek().span;
        let target = self.target()?;
        let after =
            if self.eat(Kind::Word("after")) { self.duration(Duration::ZERO)? } else { Duration::ZERO };
        Ok(Timed { target, after, span: start.to(self.behind()) })
    }

    fn target(&mut self) -> Read<Target> {
        let token = self.peek();
        let word = match token.kind {
            Kind::Word(word) => word,
            Kind::Text(_) => return Ok(Target::Device(self.quoted_name("a device", "try")?)),
            _ => return Err(self.expected("a target, such as `clients`")),
        };
        self.bump();
        match find(TARGETS, word) {
            Some(TargetWord::Clients) => return Ok(Target::Clients),
            Some(TargetWord::Client) => {
                return Ok(Target::Client(self.quoted_name("a client", "client")?));
            }
            Some(TargetWord::User) => return Ok(Target::User(self.uid()?.it)),
            Some(TargetWord::Inbox) => return Ok(Target::Inbox),
            Some(TargetWord::Voicemail) => return Ok(Target::Voicemail),
            Some(TargetWord::Trunk) => return self.trunk(),
            None => self.no_target(token, word),
        }
        // What follows a word that is no target is none of ours either.
        if self.target_ended() { Ok(Target::Faulty) } else { Err(Lost) }
    }

    /// Reads the name of a trunk and the number that is shown; `trunk` itself has been read.
    fn trunk(&mut self) -> Read<Target> {
        let name = self.quoted_name("a trunk", "trunk")?;
        if !self.eat(Kind::Word("as")) {
            return Ok(Target::Trunk(name, None));
        }
        let token = self.peek();
        let (Kind::Word(text) | Kind::Text(text)) = token.kind else {
            return Err(self.expected("the number that is shown, such as \"+4722000000\""));
        };
        self.bump();
        let shown =
            Pattern::number(&unescape(text)).ok().and_then(|pattern| pattern.exactly().map(str::to_owned));
        if shown.is_none() {
            let fault = Fault::new(Code::BadAddress, token.span, format!("{} is no number", told(token)));
            self.note(fault.here("no number").help("one whole number of yours, such as \"+4722000000\""));
        }
        Ok(Target::Trunk(name, shown))
    }

    fn uid(&mut self) -> Read<Spanned<Uid>> {
        let token = self.peek();
        let text = match token.kind {
            Kind::Word(word) => word.to_owned(),
            Kind::Text(text) => unescape(text),
            _ => return Err(self.expected("the address of a user")),
        };
        self.bump();
        Uid::parse(&text).map(|it| Spanned { it, span: token.span }).map_err(|error| {
            let message = format!("{} is no address of a user", told(token));
            let fault = Fault::new(Code::BadAddress, token.span, message).here("no address");
            let is_number = Pattern::number(&text).is_ok_and(|number| number.exactly().is_some());
            self.note(fault.help(match scheme(&text) {
                _ if is_number => BY_DEVICE.to_owned(),
                Some((scheme, bare)) => format!("write it without `{scheme}:`: `{bare}`"),
                None => error.to_string(),
            }));
            Lost
        })
    }

    fn duration(&mut self, shortest: Duration) -> Read<Duration> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else { return Err(self.expected("a time, such as `20s`")) };
        self.bump();
        let fault = |message: String| Fault::new(Code::BadDuration, token.span, message).here("no time");
        let Some(duration) = read_duration(word) else {
            let help = match time_meant(word, self.peek(), "s") {
                Some(time) => format!("did you mean `{time}`?"),
                None => instead(Expected::End, word).unwrap_or_else(|| {
                    "a time is a number and `s`, `m` or `h`, without a space: `20s`, `2m`".to_owned()
                }),
            };
            self.note(fault(format!("{} is no time", told(token))).help(help));
            return Err(Lost);
        };
        if duration < shortest || duration > LONGEST {
            self.note(
                fault(format!("{} is out of bounds", told(token)))
                    .help("at least one second, at most one hour"),
            );
        }
        Ok(duration.clamp(shortest, LONGEST))
    }

    /// Reads what follows each outcome, from brace to brace.
    fn results(&mut self) -> Read<Results> {
        let open = self.bump().span;
        let mut results = Results { rules: Vec::new(), faulty: false, open, close: Span::default() };
        loop {
            self.skip_blank();
            results.close = self.peek().span;
            match self.peek().kind {
                Kind::CloseBrace => {
                    self.bump();
                    return Ok(results);
                }
                Kind::End => {
                    self.unclosed("list of outcomes", results.open);
                    return Ok(results);
                }
                _ => {
                    self.count_rule()?;
                    match self.result_rule() {
                        Ok(rule) => results.rules.push(rule),
                        Err(Lost) => {
                            results.faulty = true;
                            self.skip_line();
                        }
                    }
                    self.end_line();
                }
            }
        }
    }

    fn result_rule(&mut self) -> Read<ResultRule> {
        let start = self.peek().span;
        let mut outcomes = Vec::new();
        if !self.eat(Kind::Word("otherwise")) {
            outcomes.push(self.outcome()?);
            while self.eat(Kind::Word("or")) {
                outcomes.push(self.outcome()?);
            }
        }
        let span = start.to(self.behind());
        if !self.eat(Kind::Arrow) {
            let help = match self.peek().kind {
                Kind::Comma => Some("several outcomes are joined with `or`: `busy or no-answer`".to_owned()),
                _ => self.no_arrow(),
            };
            return Err(self.expected_as("`->` and an action", help));
        }
        let line = self.deeper(Self::line)?;
        Ok(ResultRule { outcomes, span, line })
    }

    fn outcome(&mut self) -> Read<Spanned<Outcome>> {
        let token: Token<'s> = self.peek();
        let Kind::Word(word) = token.kind else { return Err(self.expected("an outcome, such as `busy`")) };
        let Ok(it) = word.parse() else {
            if is_action(word) {
                let message = format!(
                    "{} is an action, and each line in these braces begins with an outcome",
                    told(token)
                );
                let help = format!("write `otherwise -> {}`", self.again(0));
                self.note(Fault::new(Code::UnknownWord, token.span, message).here("no outcome").help(help));
                return Err(Lost);
            }
            let words = Outcome::ALL.iter().filter(|o| **o != Outcome::Answered).map(|o| o.as_str());
            return Err(self.unknown(token, Expected::Outcome, words.chain(["otherwise"])));
        };
        self.bump();
        Ok(Spanned { it, span: token.span })
    }
}

fn read_duration(word: &str) -> Option<Duration> {
    let unit_at = word.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = word.split_at_checked(unit_at)?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        _ => return None,
    };
    Some(Duration::from_secs(digits.parse::<u64>().ok()?.checked_mul(seconds)?))
}
