//! ARCHITECTURE.md is the map of `src/`: it has a paragraph for every room, and no other.

use std::collections::BTreeSet;
use std::fs;

use super::source::{none, root, sources};

const LINES_MAX: usize = 300;

fn map() -> String {
    let file = root().join("ARCHITECTURE.md");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("ARCHITECTURE.md: {error}"))
}

/// The rooms with a paragraph: a heading, or a paragraph or list item in bold, that begins with `room/`.
fn described(text: &str) -> BTreeSet<String> {
    let title = |line: &str| {
        let line = line.trim_start().trim_start_matches(['-', '*', '|']).trim_start_matches("* ");
        let line = line.trim_start_matches(['#', ' ', '*', '`']);
        let name: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty() && line[name.len()..].starts_with('/')).then_some(name)
    };
    let titles = text.lines().filter(|line| line.starts_with('#') || line.contains("**"));
    titles.filter_map(title).collect()
}

#[test]
fn the_map_shows_every_room() {
    let rooms: BTreeSet<_> = sources("src", &[".rs"])
        .iter()
        .filter(|file| file.path.matches('/').count() > 1)
        .filter_map(|file| file.room().map(str::to_owned))
        .collect();
    let described = described(&map());
    let missing = rooms.difference(&described).map(|room| format!("src/{room}/ has no paragraph"));
    let gone =
        described.difference(&rooms).map(|room| format!("{room}/ has a paragraph, but is not in src/"));
    none(&missing.chain(gone).collect::<Vec<_>>(), "ARCHITECTURE.md and src/ have the same rooms");
}

#[test]
fn the_map_is_short() {
    let lines = map().lines().count();
    assert!(lines <= LINES_MAX, "ARCHITECTURE.md has {lines} lines, more than {LINES_MAX}");
}

#[test]
fn paragraphs_are_found() {
    let text = "# The house\n### `sip/`\n## base/ the ground\n**`io/`** is real\n- **call/**: calls\n| **`leg/`** | x |\nin sip/x\n";
    let found: Vec<_> = described(text).into_iter().collect();
    assert_eq!(found, ["base", "call", "io", "leg", "sip"]);
}
