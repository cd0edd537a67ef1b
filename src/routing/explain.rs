//! Telling people how a decision was taken, from the evaluator's own trace.

use std::fmt::{self, Write};

use super::content::{Header, Piece};
use super::evaluate::{Fact, Line, Other, Test};
use super::fault::Span;
use super::lex::escape;
use super::profile::Profile;
use super::question::Question;
use super::trace::{Trace, TraceStep};
use super::values::{Amount, Named};
use super::week::Zone;
use super::words::Registered;

impl Profile {
    /// The path of a decision, for people: each condition with the value it saw, each line taken.
    pub fn explain(&self, trace: &Trace, question: &Question<'_>) -> String {
        // A step is a line of some forty letters.
        let mut told = String::with_capacity(40 * trace.steps().count() + 100);
        let ask = format_args!("profile \"{}\", {}: {}", self.name, trace.direction(), ask(question));
        put_line(&mut told, ask);
        if trace.forgotten() > 0 {
            put_line(&mut told, format_args!("        {} earlier steps are left out", trace.forgotten()));
        }
        for step in trace.steps() {
            self.step(&mut told, trace, step, question);
        }
        if let Some(TraceStep::CameBack { outcome }) = trace.steps().next_back() {
            put_line(&mut told, format_args!("        the caller hears: {outcome}"));
        }
        told
    }

    /// The rule that decided, in one line: `default:4 otherwise -> try clients`.
    pub fn rule_line(&self, trace: &Trace) -> String {
        let reached = trace.steps().rev().find_map(|step| match step {
            TraceStep::Reached { line } => Some(line),
            TraceStep::Tested { .. } | TraceStep::CameBack { .. } => None,
        });
        match reached.filter(|line| *line > 0).and_then(|line| self.line_of(trace, line)) {
            Some(line) => self.line_told(line),
            None => format!("{}: no rule", self.name),
        }
    }

    fn step(&self, told: &mut String, trace: &Trace, step: TraceStep, question: &Question<'_>) {
        match step {
            TraceStep::Tested { test, held } => {
                let Some(Test { fact, span, .. }) = self.test(trace, test) else { return };
                let (line, what) = (self.line_number(*span), self.words(*span));
                let (verdict, seen) = (if held { "yes" } else { "no" }, seen(fact, question, self.clock()));
                put_line(told, format_args!("  {line:>4}  {what}? {verdict}: {seen}"));
            }
            TraceStep::Reached { line: 0 } => put_line(told, format_args!("        no rule matches")),
            TraceStep::Reached { line } => {
                let Some(line) = self.line_of(trace, line) else { return };
                let at = self.line_number(line.when);
                put_line(told, format_args!("  {at:>4}  {}", self.rule(line)));
            }
            TraceStep::CameBack { outcome } => put_line(told, format_args!("        came back: {outcome}")),
        }
    }

    /// A line as [`Profile::rule_line`] tells it.
    pub(super) fn line_told(&self, line: &Line) -> String {
        format!("{}:{} {}", self.name, self.line_number(line.when), self.rule(line))
    }

    fn rule<'a>(&'a self, line: &Line) -> impl fmt::Display + use<'a> {
        let (when, what) = (self.words(line.when), self.words(line.what));
        fmt::from_fn(move |f| write!(f, "{when} -> {what}"))
    }

    /// The line of the source at which a piece of it begins, from 1.
    fn line_number(&self, span: Span) -> usize {
        self.line_ends.partition_point(|end| usize::try_from(*end).is_ok_and(|end| end < span.start)) + 1
    }

    /// A piece of the source with every gap made one space.
    fn words(&self, span: Span) -> impl fmt::Display + use<'_> {
        let text = span.of(&self.source);
        fmt::from_fn(move |f| {
            for (at, word) in text.split_ascii_whitespace().enumerate() {
                f.write_str(if at == 0 { "" } else { " " })?;
                f.write_str(word)?;
            }
            Ok(())
        })
    }

    fn test(&self, trace: &Trace, test: u16) -> Option<&Test> {
        self.graph(trace.direction())?.tests.get(usize::from(test))
    }

    fn line_of(&self, trace: &Trace, line: u16) -> Option<&Line> {
        self.graph(trace.direction())?.lines.get(usize::from(line))
    }
}

/// The question as a person would put it.
fn ask<'a>(question: &'a Question<'a>) -> impl fmt::Display + use<'a> {
    fmt::from_fn(move |f| {
        write!(f, "{} from {} to {}", question.mode.request(), question.caller, question.to)
    })
}

/// Appends a line.
fn put_line(text: &mut String, line: fmt::Arguments<'_>) {
    // To write to a string does not fail.
    let _ = writeln!(text, "{line}");
}

/// The value that a condition saw.
fn seen(fact: &Fact, question: &Question<'_>, clock: &Zone) -> String {
    match fact {
        Fact::Mode(_) => format!("the mode is {}", question.mode),
        Fact::Caller(list) => format!("the caller is {}{}", question.caller, ties(list, question)),
        Fact::To(list) => format!("it is for {}{}", question.to, ties(list, question)),
        Fact::Registered | Fact::RegisteredForMode => String::from(match question.registered {
            Registered::ThisMode => "a client is registered that takes this mode",
            Registered::OtherModes => "a client is registered, but none that takes this mode",
            Registered::None => "no client is registered",
        }),
        Fact::Urgent => String::from(if question.urgent { "it is urgent" } else { "it is not urgent" }),
        Fact::Time(_) => format!("it is {}", clock.told(question.wall_ms)),
        Fact::Status(_) => format!("the status is {}", question.status),
        Fact::Named(of, _) => named(of, question),
        Fact::Amount(Amount::Credit, _) => format!("the credit is {}", question.amount(Amount::Credit)),
        Fact::Amount(Amount::Size, _) => format!("it has {} bytes", question.amount(Amount::Size)),
        // What somebody writes is between him and his reader.
        Fact::Says(Piece::Body, ..) => String::from("the text of a message is not kept"),
        Fact::Says(Piece::Header(header), ..) => says(*header, question),
        Fact::Language(_) => {
            let written = question.content.and_then(|content| content.header(Header::ContentLanguage));
            says(if written.is_some() { Header::ContentLanguage } else { Header::AcceptLanguage }, question)
        }
    }
}

fn named(of: &Named, question: &Question<'_>) -> String {
    match (of, question.named(of)) {
        (Named::Account, kind) => format!("the account is {}", escape(kind.unwrap_or_default())),
        (Named::Property(_), Some(value)) => format!("it is {}", escape(value)),
        (Named::Property(_), None) => String::from("it is not set"),
        (Named::Device, Some(name)) => format!("it is sent by {}", escape(name)),
        (Named::Device, None) => String::from("it is sent by a device without a name"),
    }
}

/// What a header says, as far as it fits on a line.
fn says(header: Header, question: &Question<'_>) -> String {
    const LONGEST: usize = 60;
    let Some(value) = question.content.and_then(|content| content.header(header)) else {
        return format!("there is no {header}");
    };
    let text = String::from_utf8_lossy(value);
    let plain: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let more = if text.chars().count() > LONGEST { "…" } else { "" };
    format!("the {header} is {}{more}", escape(&plain))
}

/// How the owner knows the other side, where a condition looks at it.
fn ties(list: &[Other], question: &Question<'_>) -> String {
    let mut told = if list.contains(&Other::Verified) {
        String::from(if question.verified { ", who is verified" } else { ", who is not verified" })
    } else {
        String::new()
    };
    if list.iter().all(|other| matches!(other, Other::Like(_) | Other::Verified)) {
        return told;
    }
    let groups: Vec<String> = question.groups.iter().map(|group| escape(group)).collect();
    match groups.as_slice() {
        [] if question.contact => told.push_str(", a contact in no group"),
        [] => told.push_str(", no contact"),
        groups => {
            told.push_str(", in ");
            told.push_str(&groups.join(" and "));
        }
    }
    told
}
