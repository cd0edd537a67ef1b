//! `docs/conformance.md`: which RFC section is implemented where, read from the `Implements:` lines.
//!
//! `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::source::{Source, none, root, sources};

const FILE: &str = "docs/conformance.md";
const HEAD: &str = "# What is implemented where

Made from the `Implements:` lines of the sources; a test keeps it up to date, and `UPDATE_GOLDEN=1 cargo test tidy`
writes it anew.

| document | sections | in |
|---|---|---|
";

/// What one file implements: documents by number, with their sections.
fn implements(file: &Source) -> Result<Vec<(u32, String)>, String> {
    let mut docs = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let Some(first) = docs.find_map(|line| line.strip_prefix("Implements:")) else { return Ok(Vec::new()) };
    let mut text = first.trim().to_owned();
    // A long list goes on with the next lines, up to its full stop.
    while !text.ends_with('.') {
        let next = docs.next().filter(|line| !line.is_empty());
        let next = next.ok_or_else(|| format!("{}: `Implements:` has no full stop", file.path))?;
        text = format!("{text} {next}");
    }
    text.trim_end_matches('.').split(';').map(|entry| document(entry.trim(), file)).collect()
}

/// `RFC 3261 §10.3, §10.4` as its number and its sections.
fn document(entry: &str, file: &Source) -> Result<(u32, String), String> {
    let split = entry.strip_prefix("RFC ").and_then(|rest| {
        let (number, sections) = rest.split_once([' ', ',']).unwrap_or((rest, ""));
        Some((number.parse().ok()?, sections.trim().to_owned()))
    });
    split.ok_or_else(|| format!("{}: {entry:?} is not `RFC number §section`", file.path))
}

/// The numbers of all that is implemented.
pub(super) fn documents(files: &[Source]) -> std::collections::BTreeSet<u32> {
    files.iter().filter_map(|file| implements(file).ok()).flatten().map(|(number, _)| number).collect()
}

/// The table, by document and file.
fn table(files: &[Source]) -> String {
    let mut rows = BTreeMap::new();
    let mut faults = Vec::new();
    for file in files {
        match implements(file) {
            Ok(found) => rows.extend(found.into_iter().map(|(rfc, sections)| ((rfc, &file.path), sections))),
            Err(fault) => faults.push(fault),
        }
    }
    none(&faults, "an `Implements:` line reads `RFC 3261 §17.2.1; RFC 6026 §7.1.`");
    let mut text = HEAD.to_owned();
    for ((rfc, path), sections) in rows {
        let sections = if sections.is_empty() { "all of it that applies" } else { &sections };
        let name = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let link = format!("https://www.rfc-editor.org/rfc/rfc{rfc}");
        writeln!(text, "| [RFC {rfc}]({link}) | {sections} | [{name}](../{path}) |").unwrap();
    }
    text
}

#[test]
fn the_conformance_table_is_up_to_date() {
    let table = table(&sources("src", &[".rs"]));
    let file = root().join(FILE);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &table).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == table, "{FILE} is out of date: UPDATE_GOLDEN=1 cargo test tidy");
}

#[test]
fn implements_lines_are_read() {
    let read = |text: &str| implements(&Source { path: "src/sip/x.rs".into(), text: text.into() });
    let found =
        read("//! A thing.\n//!\n//! Implements: RFC 3261 §7,\n//! §20.14; RFC 8760.\n\nuse x;").unwrap();
    assert_eq!(found, [(3261, "§7, §20.14".into()), (8760, String::new())]);
    assert_eq!(read("//! A thing.\n\nuse x;").unwrap(), []);
    assert!(read("//! Implements: RFC 3261").is_err());
    assert!(read("//! Implements: the seed.").is_err());
}
