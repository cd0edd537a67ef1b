//! A room imports only from lower floors, and rooms on one floor do not know each other.

use super::source::{Source, none, sources};

/// The house, from the ground up.
const FLOORS: [&[&str]; 12] = [
    &["base"],
    &["sip", "routing"],
    &["effect", "config"],
    &["transport"],
    &["transaction"],
    &["dialog"],
    &["leg", "registrar", "presence", "contacts", "media", "cluster", "federation"],
    &["device"],
    &["call", "message"],
    &["server"],
    &["io"],
    &["cli", "main"],
];

/// The rooms of one floor that do know each other: the words of the world and the settings.
const NEIGHBOURS: [(&str, &str); 3] = [("effect", "config"), ("config", "effect"), ("main", "cli")];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn may_know(room: &str, other: &str) -> bool {
    room == other || floor(other) < floor(room) || NEIGHBOURS.contains(&(room, other))
}

/// The rooms that a line names, as `crate::room`, `ratatosk::room`, `crate::{room, …}` or by `super`.
fn rooms_named(line: &str, depth: usize) -> Vec<&str> {
    let climb = "super::".repeat(depth);
    let mut named = Vec::new();
    for start in ["crate::", "ratatosk::", &climb] {
        for (at, _) in line.match_indices(start) {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
                continue;
            }
            let rest = &line[at + start.len()..];
            named.extend(match rest.strip_prefix('{') {
                Some(group) => heads(group),
                None => vec![word(rest)],
            });
        }
    }
    named.retain(|name| floor(name).is_some());
    named
}

/// The first word of each member of `{a, b::{c, d}, e}`.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut heads) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(&group[start..]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.push(word(&group[start..]));
    heads
}

fn word(text: &str) -> &str {
    let text = text.trim_start();
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// What a file imports that it may not.
fn faults(file: &Source) -> Vec<String> {
    let Some(room) = file.room().filter(|room| *room != "lib") else { return Vec::new() };
    if floor(room).is_none() {
        return vec![format!("{}: the room {room}/ stands on no floor", file.path)];
    }
    let depth = file.path.matches('/').count() - usize::from(file.path.ends_with("/mod.rs"));
    // A group may run over several lines: join them to one before reading.
    let mut found = Vec::new();
    let mut joined = String::new();
    for (at, line) in file.code() {
        joined.push_str(line.trim());
        let open =
            joined.trim_start().trim_start_matches("pub ").starts_with("use ") && !joined.contains(';');
        if open {
            continue;
        }
        for other in rooms_named(&joined, depth).into_iter().filter(|other| !may_know(room, other)) {
            found.push(format!("{}:{at}: {room} may not know {other}", file.path));
        }
        joined.clear();
    }
    found
}

#[test]
fn rooms_know_only_lower_floors() {
    let found: Vec<_> = sources("src", &[".rs"]).iter().flat_map(faults).collect();
    none(&found, "a room imports only from lower floors");
}

#[test]
fn the_rule_sees_every_way_to_import() {
    let named = |text: &str| {
        let file = Source { path: "src/dialog/hop.rs".into(), text: text.into() };
        faults(&file).len()
    };
    assert_eq!(named("use crate::leg::Leg;"), 1);
    assert_eq!(named("use crate::{base::At, leg::{Leg, call}, sip};"), 1);
    assert_eq!(named("use crate::{\n    base::At,\n    call::Call,\n};"), 1);
    assert_eq!(named("let x = crate::server::home(uid);"), 1);
    assert_eq!(named("use super::super::io::Net;"), 1);
    assert_eq!(
        named("use crate::transaction::Key;\nuse crate::dialog::Dialog;\nuse super::dialog::Dialog;"),
        0
    );
    assert_eq!(named("// as crate::call does"), 0);
    let sip = Source { path: "src/sip/uri.rs".into(), text: "use crate::routing::Tree;".into() };
    assert_eq!(faults(&sip), ["src/sip/uri.rs:1: sip may not know routing"]);
    let config =
        Source { path: "src/config/settings.rs".into(), text: "use crate::effect::Transport;".into() };
    assert_eq!(faults(&config).len(), 0);
}
