//! The tree language from outside: decisions, diagnostics, the canonical form.

#![allow(clippy::format_collect, reason = "plain to read, and speed is no matter here")]

mod bookmarks;
mod circles;
mod clock;
mod cpl;
mod decisions;
mod faults;
mod instead;
mod json;
mod pictures;
mod proof;
mod properties;
mod recurrences;
mod rosters;
mod shipped;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use ratatosk::base::Uid;
use ratatosk::routing::{
    Account, Action, Code, Content, Header, Mode, Outcome, Party, Place, Profile, Question, Registered, Side,
    Status, Target, TimedTarget, format,
};

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

/// A question as a table writes it: `voice anne@north.test`, with `reg` or `mode` for the
/// registration of a client at all, or of one that takes the mode; `urgent`; `contact`, `in:Friends`;
/// `at:2026-11-28T10:00Z`; `subject:lunch`, `priority:urgent`, `language:is`; `status:away` (without it, as registered), `account:gold`, `credit:5`, `device:desk`.
fn ask<R>(text: &str, then: impl FnOnce(&Question<'_>) -> R) -> R {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mode: Mode = words[0].parse().unwrap();
    let address = Uid::parse(words[1]);
    let party = match &address {
        Ok(uid) => Party::User(uid),
        Err(_) if words[1] == "anonymous" => Party::Anonymous,
        Err(_) => Party::Number(words[1]),
    };
    let registered = match (words.contains(&"mode"), words.contains(&"reg")) {
        (true, _) => Registered::ThisMode,
        (false, true) => Registered::OtherModes,
        (false, false) => Registered::None,
    };
    let groups: Vec<Arc<str>> =
        words.iter().filter_map(|word| word.strip_prefix("in:")).map(Arc::from).collect();
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let at = value("at:");
    let seen = if registered == Registered::None { Status::Offline } else { Status::Available };
    let account = Account {
        kind: value("account:").unwrap_or(Account::STANDARD).into(),
        credit: value("credit:").map_or(0, |credit| credit.parse().unwrap()),
        ..Account::default()
    };
    let headers = [
        ("subject:", Header::Subject),
        ("priority:", Header::Priority),
        ("language:", Header::AcceptLanguage),
    ];
    let header = |(word, header)| Some((header, Bytes::copy_from_slice(value(word)?.as_bytes())));
    let content = Content::new(headers.into_iter().filter_map(header), Bytes::new(), 0);
    then(&Question {
        mode,
        caller: party,
        to: party,
        registered,
        groups: &groups,
        contact: words.contains(&"contact") || !groups.is_empty(),
        urgent: words.contains(&"urgent") || content.is_urgent(),
        wall_ms: at.map_or(0, |at| at.parse::<Timestamp>().unwrap().as_millisecond()),
        status: value("status:").map_or(seen, |status| status.parse().unwrap()),
        account: Some(&account),
        device: value("device:"),
        content: Some(&content),
        ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
    })
}

/// An action in the words of a table.
fn told(action: &Action) -> String {
    match action {
        Action::Try(plan) => {
            let timed = |timed: &TimedTarget| format!("{}+{}", target(&timed.target), timed.after.as_secs());
            let targets: Vec<String> = plan.targets.iter().map(timed).collect();
            let ring_for = plan.ring_for.map_or(String::new(), |time| format!(" {}s", time.as_secs()));
            format!("try {}{ring_for}", targets.join(","))
        }
        Action::Decline => "decline".to_owned(),
        Action::Busy => "busy".to_owned(),
        Action::Ignore => "ignore".to_owned(),
        Action::Forward(uid) => format!("forward {uid}"),
        Action::Send => "send".to_owned(),
        Action::Refuse(why) => format!("refuse {why}"),
        Action::Reply(name) => format!("reply \"{name}\""),
        Action::Hold => "hold".to_owned(),
        Action::Redirect(uid) => format!("redirect {uid}"),
    }
}

fn target(target: &Target) -> String {
    match target {
        Target::Clients => "clients".to_owned(),
        Target::User(uid) => uid.to_string(),
        Target::Client(name) => format!("client \"{name}\""),
        Target::Device(name) => format!("\"{name}\""),
        Target::Inbox => "inbox".to_owned(),
        Target::Voicemail => "voicemail".to_owned(),
        Target::Trunk(name, None) => format!("trunk \"{name}\""),
        Target::Trunk(name, Some(number)) => format!("trunk \"{name}\" as {number}"),
    }
}

/// What is done at a place, what is done besides first.
fn line_told(profile: &Profile, place: Place) -> String {
    let side = |side: &Side| match side {
        Side::Also(copy) => format!("also {}, ", target(copy)),
        Side::Reply(name) => format!("reply \"{name}\", "),
        Side::Set(key, value) => format!("set {key}={value}, "),
        Side::Log(text) => format!("log {text}, "),
    };
    let sides: String = profile.sides(place).iter().map(side).collect();
    format!("{sides}{}", told(profile.action(place)))
}

fn compiled(source: &str) -> Profile {
    Profile::compile(source).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

#[test]
fn the_trees_that_are_shipped_check_and_are_in_canonical_form() {
    let directories = ["routing-trees", "routing-trees/examples"];
    let files = directories.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap()).map(|f| f.unwrap().path());
    let trees: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "tree")).collect();
    assert!(trees.len() >= 4, "{trees:?}");
    for path in trees {
        let source = std::fs::read_to_string(&path).unwrap();
        compiled(&source);
        assert_eq!(format(&source).unwrap(), source, "{}", path.display());
    }
}

#[test]
fn the_first_example_of_the_reference_page_checks() {
    let page = std::fs::read_to_string("docs/routing-tree.md").unwrap();
    let example = page.split("```\n").nth(1).unwrap();
    compiled(example);
    assert_eq!(format(example).unwrap(), example);
}

/// The pieces of a page that stand between fences without a word behind them: trees and parts of trees.
fn examples(page: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = page;
    while let Some((_, fenced)) = rest.split_once("```") {
        let (inside, after) = fenced.split_once("\n```").expect("every fence is closed");
        pieces.extend(inside.strip_prefix('\n'));
        rest = after;
    }
    pieces
}

#[test]
fn every_example_of_the_reference_page_checks() {
    let page = std::fs::read_to_string("docs/routing-tree.md").unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 14, "{examples:?}");
    for example in examples {
        let whole = match example.split_whitespace().next() {
            Some("profile" | "#") => example.to_owned(),
            Some("zone") => format!("profile \"p\" {{\n{example}\n}}"),
            Some("try") => format!("profile \"p\" {{ incoming {{\notherwise -> {example}\n}} }}"),
            _ => {
                let is_total = example.lines().any(|line| line.starts_with("otherwise"));
                let rest = if is_total { "" } else { "otherwise -> decline" };
                format!("profile \"p\" {{ incoming {{\n{example}\n{rest}\n}} }}")
            }
        };
        if let Err(faults) = Profile::compile(&whole) {
            panic!("{example}\n{}", faults.render(false));
        }
    }
}

#[test]
fn the_reference_page_knows_every_word_and_code() {
    let page = std::fs::read_to_string("docs/routing-tree.md").unwrap();
    let words = Mode::ALL.iter().map(|w| w.as_str()).chain(Outcome::ALL.iter().map(|w| w.as_str()));
    for word in words.chain(Code::ALL.iter().map(|code| code.as_str())) {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}
