//! The files that the rules are about.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of one Rust file.
const LINES_MAX: usize = 600;

/// A text file of the project.
pub(super) struct Source {
    /// From the root of the project, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Its lines of code, numbered from one; not those that are only comment.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The room it belongs to: the directory under `src/`, or `main` and `lib` for the two roots.
    pub(super) fn room(&self) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?;
        Some(inner.split('/').next().unwrap().trim_end_matches(".rs"))
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a directory of the project whose names end so.
pub(super) fn sources(under: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "node_modules" {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(Source { path: relative(&path), text: fs::read_to_string(&path).unwrap() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All Rust of the project.
pub(super) fn rust() -> Vec<Source> {
    ["src", "tests", "benches"].into_iter().flat_map(|under| sources(under, &[".rs"])).collect()
}

fn relative(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).unwrap().into();
    path.to_string_lossy().replace('\\', "/")
}

/// Fails with everything that was found, one a line.
pub(super) fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn files_are_short() {
    let long = rust().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", file.path))
    });
    none(&long.collect::<Vec<_>>(), &format!("a file has at most {LINES_MAX} lines"));
}

#[test]
fn rooms_have_no_logic_in_mod_rs() {
    let logic = |line: &str| {
        let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        words.contains(&"fn") || words.contains(&"impl")
    };
    let mut found = Vec::new();
    for file in sources("src", &[".rs"]).iter().filter(|file| file.path.ends_with("/mod.rs")) {
        found
            .extend(file.code().filter(|(_, line)| logic(line)).map(|(at, _)| format!("{}:{at}", file.path)));
    }
    none(&found, "a mod.rs holds declarations and the doc of its room, no fn and no impl");
}

#[test]
fn every_file_says_what_it_is() {
    let silent = rust().into_iter().filter(|file| !file.text.starts_with("//!"));
    none(&silent.map(|file| file.path).collect::<Vec<_>>(), "a file opens with a `//!` doc");
}
