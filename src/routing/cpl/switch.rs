//! The switches of a script: what each output asks becomes the condition of a rule.

use super::super::content::Language;
use super::super::fault::{Code, Fault};
use super::super::lex::escape;
use super::super::week::Zone;
use super::super::words::Direction;
use super::address;
use super::decision::Decision;
use super::element::Element;
use super::walk::{State, Walker};

/// The priorities of SIP, the least first.
const PRIORITIES: [&str; 4] = ["non-urgent", "normal", "urgent", "emergency"];
/// Longest text that a tree looks for, in letters.
const WORDS_MAX: usize = 100;

/// What an output asks.
pub(super) enum Test {
    /// A condition of a tree.
    When(String),
    /// What always holds.
    Always,
    /// What never holds.
    Never,
}

/// Why an output has no condition: what to say, and the way out.
pub(super) type Why = (String, &'static str);

impl<'x> Walker<'x> {
    pub(super) fn switch(&mut self, node: Element<'x>, name: &str, state: State) -> Decision {
        let (output, attributes): (&str, &[&str]) = match name {
            "address-switch" => ("address", &["field", "subfield"]),
            "string-switch" => ("string", &["field"]),
            "language-switch" => ("language", &[]),
            "priority-switch" => ("priority", &[]),
            _ => ("time", &["tzid", "tzurl"]),
        };
        self.only(node, attributes);
        if name == "time-switch" {
            self.take_zone(node);
        }
        let mut cases: Vec<(String, Decision)> = Vec::new();
        let (mut always, mut otherwise) = (None, None);
        for one in node.children() {
            if otherwise.is_some() {
                let message = format!("{} is never reached: `<otherwise>` stands last", one.told());
                self.faults.push(Fault::new(Code::DeadRule, one.span(), message));
            }
            match one.name() {
                Some("otherwise") => otherwise = Some(self.follow(one, state.clone())),
                Some(own) if own == output || own == "not-present" => {
                    let then = self.follow(one, state.clone());
                    let test =
                        if own == output { self.test(node, name, one) } else { self.missing(node, name) };
                    match test {
                        Ok(Test::When(when))
                            if cases.iter().all(|(own, _)| *own != when) && always.is_none() =>
                        {
                            cases.push((when, then));
                        }
                        Ok(Test::Always) if always.is_none() => always = Some(then),
                        Ok(Test::When(_) | Test::Always | Test::Never) => {
                            self.remark(one.span(), &format!("{} is never reached here", one.told()));
                        }
                        Err((message, help)) => self.no_counterpart(one.span(), message, help),
                    }
                }
                _ => self.unknown(one, &[output, "not-present", "otherwise"]),
            }
        }
        let otherwise = always.or(otherwise).unwrap_or_else(|| self.end(node, state));
        if cases.is_empty() { otherwise } else { Decision::Cases(cases, Box::new(otherwise)) }
    }

    fn test(&mut self, node: Element<'x>, name: &str, output: Element<'x>) -> Result<Test, Why> {
        match name {
            "address-switch" => {
                let how = self.one_of(output, &["is", "contains", "subdomain-of"]);
                let Some((how, value)) = how else { return Ok(Test::Never) };
                let field = self.needed(node, "field").unwrap_or_default();
                let subfield = node.attribute("subfield");
                address::test(self.direction, (field, subfield), (how, value))
            }
            "string-switch" => {
                let Some((how, value)) = self.one_of(output, &["is", "contains"]) else {
                    return Ok(Test::Never);
                };
                let field = self.needed(node, "field").unwrap_or_default();
                if field == "display" { Ok(Test::Never) } else { string(field, how, value) }
            }
            "language-switch" => {
                self.only(output, &["matches"]);
                let tag = self.needed(output, "matches").unwrap_or_default().trim();
                let test = language(tag)?;
                if let Some(told) = nearly(tag) {
                    self.remark(output.span(), &told);
                }
                Ok(test)
            }
            "priority-switch" => {
                let Some((how, value)) = self.one_of(output, &["less", "greater", "equal"]) else {
                    return Ok(Test::Never);
                };
                Ok(priority(how, &value.trim().to_ascii_lowercase()))
            }
            _ => self.time(output).map(|times| Test::When(format!("time {times}"))),
        }
    }

    /// What `<not-present>` asks.
    fn missing(&mut self, node: Element<'x>, name: &str) -> Result<Test, Why> {
        match name {
            "address-switch" => {
                let field = self.needed(node, "field").unwrap_or_default();
                address::missing(self.direction, field, node.attribute("subfield"))
            }
            "string-switch" => {
                let field = self.needed(node, "field").unwrap_or_default();
                // SIP has no such text (RFC 3880 §4.2.1).
                if field == "display" {
                    return Ok(Test::Always);
                }
                string(field, "contains", "x")?;
                Ok(Test::When("not subject matches \"*\"".to_owned()))
            }
            "language-switch" => Ok(Test::When("not header \"Accept-Language\" matches \"*\"".to_owned())),
            // There is always a time, and a call without a priority has the normal one.
            _ => Ok(Test::Never),
        }
    }

    /// The one attribute of these that an output has.
    fn one_of(&mut self, output: Element<'x>, names: &[&'static str]) -> Option<(&'static str, &'x str)> {
        self.only(output, names);
        let mut found = names.iter().filter_map(|name| Some((*name, output.attribute(name)?)));
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => {
                let message = format!("{} has one of `{}`", output.told(), names.join("`, `"));
                self.faults.push(Fault::new(Code::Syntax, output.span(), message));
                None
            }
        }
    }

    /// A tree has one clock.
    fn take_zone(&mut self, node: Element<'x>) {
        let Some(name) = node.attribute("tzid") else {
            if node.attribute("tzurl").is_some() {
                let message = "time zones are not fetched from elsewhere";
                self.no_counterpart(node.span_of("tzurl"), message, "name it: `tzid=\"Europe/Oslo\"`");
            } else if self.zone.as_ref().is_none_or(|zone| *zone == *Zone::UTC) {
                self.remark(node.span(), "without a `tzid`, times without a `Z` are universal time too");
            } else {
                self.remark(
                    node.span(),
                    "without a `tzid`, times are those of the zone that another switch names",
                );
            }
            return;
        };
        let Some(zone) = Zone::named(name.trim_start_matches('/')) else {
            let message = format!("{} is no time zone", escape(name));
            let fault = Fault::new(Code::UnknownZone, node.span_of("tzid"), message);
            self.faults.push(fault.help("zones are named by continent and city: `Europe/Oslo`"));
            return;
        };
        match &self.zone {
            Some(own) if *own != zone => {
                let message =
                    format!("a tree has one clock, and another switch looks at that of {}", own.name());
                self.no_counterpart(node.span_of("tzid"), message, "say all times by one of them");
            }
            Some(_) | None => self.zone = Some(zone),
        }
    }
}

fn string(field: &str, how: &str, value: &str) -> Result<Test, Why> {
    const HELP: &str = "a tree looks at the subject: `field=\"subject\"`";
    match field {
        "subject" => {}
        "user-agent" => {
            return Err(("what program a caller uses is not told to those he calls".to_owned(), HELP));
        }
        other => return Err((format!("{} does not reach a tree", escape(other)), HELP)),
    }
    let is_long = value.chars().count() > WORDS_MAX;
    if value.trim().is_empty() || is_long || value.chars().any(super::super::lex::is_invisible) {
        let message = format!("a tree looks for a text of 1 to {WORDS_MAX} letters");
        return Err((message, "look for a part of it: `contains`"));
    }
    if how == "contains" {
        return Ok(Test::When(format!("subject contains {}", escape(value))));
    }
    if value.contains('*') {
        let message = "a `*` in a text that is to be the whole subject stands for anything in a tree";
        return Err((message.to_owned(), "look for the part without it: `contains`"));
    }
    Ok(Test::When(format!("subject matches {}", escape(value))))
}

/// What of a language is otherwise: a script names what is spoken here and asks whether a caller's wish
/// covers it, a tree names a wish and asks whether it covers the caller's. And who takes every language names none to a
/// script (RFC 3880 §4.3), but speaks each of them to a tree.
fn nearly(tag: &str) -> Option<String> {
    Some(match tag.split_once('-') {
        _ if tag == "*" => return None,
        Some((wide, _)) => {
            format!(
                "who asks for `{wide}` and says no more is not taken to ask for `{tag}`, who takes any is"
            )
        }
        None => format!("who asks for a kind of `{tag}`, or takes any, is taken to ask for it"),
    })
}

fn language(range: &str) -> Result<Test, Why> {
    if range == "*" {
        return Ok(Test::When("header \"Accept-Language\" matches \"*\"".to_owned()));
    }
    let Some(language) = Language::read(range) else {
        let message = format!("{} is no language", escape(range));
        return Err((message, "a language is written as programs write it: `es`, `en-gb`"));
    };
    Ok(Test::When(format!("language {language}")))
}

/// A call without a priority, or with one that nobody knows, has the normal one.
fn priority(how: &str, value: &str) -> Test {
    let is = |word: &str| format!("header \"Priority\" matches {}", escape(word));
    let Some(rank) = PRIORITIES.iter().position(|one| *one == value) else {
        let plain = !value.is_empty() && !value.contains('*') && value.len() <= WORDS_MAX;
        return if how == "equal" && plain && !value.chars().any(super::super::lex::is_invisible) {
            Test::When(is(value))
        } else {
            Test::Never
        };
    };
    let when = match (how, rank) {
        // One that nobody knows is compared as it is written.
        ("equal", 1) => format!("not header \"Priority\" matches \"*\" or {}", is("normal")),
        ("equal", _) => is(value),
        ("greater", 0) => format!("not {}", is("non-urgent")),
        ("greater", 1) => "urgent".to_owned(),
        ("greater", 2) => is("emergency"),
        ("less", 1) => is("non-urgent"),
        ("less", 2) => "not urgent".to_owned(),
        ("less", 3) => format!("not {}", is("emergency")),
        _ => return Test::Never,
    };
    Test::When(when)
}

/// Which tree a script's `field` is looked at in.
pub(super) fn key(direction: Direction, field: &str) -> Result<&'static str, Why> {
    match (direction, field) {
        (Direction::Incoming, "origin") => Ok("caller"),
        (Direction::Outgoing, "destination" | "original-destination") => Ok("to"),
        (Direction::Incoming, "destination" | "original-destination") => Err((
            "by which of your addresses you were called does not reach a tree".to_owned(),
            "a tree looks at who calls: `field=\"origin\"`",
        )),
        (Direction::Outgoing, "origin") => Err((
            "in the outgoing tree the caller is always yourself".to_owned(),
            "a tree looks at whom you call: `field=\"destination\"`",
        )),
        (_, other) => Err((
            format!("{} is no address that there is", escape(other)),
            "a script looks at `origin`, `destination` or `original-destination`",
        )),
    }
}
