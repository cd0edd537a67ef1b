//! Words that have no place in a file, or in this one.

use super::source::{Source, none, root, rust, sources};

/// What says that something is missing, or names somebody's machine.
const BANNED: [&str; 9] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("not imple", "mented"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// What touches the outside world; only `io/`, `cli/` and `main.rs` may name it.
const OUTSIDE: [&str; 10] = [
    "tokio",
    "sqlx",
    "socket2",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::fs",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
];

/// SIP and SDP crates, which serve the tests of `sip/` as oracles.
const ORACLES: [&str; 2] = ["rsip", "sdp_rs"];

/// Whether a line has a word that is not part of a longer one.
fn has(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Each place where a file of these has one of the words.
fn places<'a>(files: impl IntoIterator<Item = &'a Source>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in file.code() {
            let named = words.iter().filter(|word| has(line, word));
            found.extend(named.map(|word| format!("{}:{at}: {word}", file.path)));
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    let mut files = rust();
    for under in ["docs", "sipp-scenarios", "routing-trees", "sql", "fuzz", ".ci", "tests"] {
        if root().join(under).exists() {
            files.extend(sources(under, &[".md", ".xml", ".tree", ".sql", ".toml", "run"]));
        }
    }
    let notes = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "BENCHMARKS.md", "Cargo.toml"];
    files.extend(
        notes.into_iter().filter(|name| root().join(name).exists()).flat_map(|name| sources(name, &[name])),
    );
    let mut found = Vec::new();
    for file in &files {
        for (at, line) in file.text.lines().enumerate() {
            let named = BANNED.iter().filter(|word| line.contains(**word));
            found.extend(named.map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    none(&found, "what is not done is an issue, not a remark; and no file knows a machine");
}

#[test]
fn only_io_and_cli_touch_the_world() {
    let files = sources("src", &[".rs"]);
    let core = files.iter().filter(|file| !matches!(file.room(), Some("io" | "cli" | "main")));
    none(&places(core, &OUTSIDE), "only io/ and cli/ touch the outside world");
}

#[test]
fn only_sip_names_a_sip_crate() {
    let files = sources("src", &[".rs"]);
    let others = files.iter().filter(|file| file.room() != Some("sip"));
    none(&places(others, &ORACLES), "only sip/ names a SIP or SDP crate, in its tests");
    for file in files.iter().filter(|file| file.room() == Some("sip")) {
        let body = file.text.split("#[cfg(test)]").next().unwrap();
        let body = Source { path: file.path.clone(), text: body.into() };
        none(&places([&body], &ORACLES), "an oracle is named in tests only");
    }
}
