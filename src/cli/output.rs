//! What is printed, and how. The only place that writes to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this module is for")]

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::failure::Failure;
use crate::base::text::is_unseen;

/// A line for people, or for programs that read lines.
pub(super) fn line(text: impl Display) {
    // A reader that has gone away (`| head`) is no fault of ours.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A remark beside the result.
pub(super) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What programs read: one JSON value.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(escaped(&text)),
        Err(error) => remark(format_args!("this cannot be printed as JSON: {error}")),
    }
}

/// A JSON text without characters that a terminal would obey: they stand in strings only, where they
/// can be written in another way.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unseen(c) && c != '\n' {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// What people read: a table, or a sentence if it would be empty.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>, empty: &str) {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() {
        // Lines are broken for a terminal only: a pipe has no width.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(headings.iter().copied());
    let seen = |cell: String| cell.chars().map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(seen).collect::<Vec<String>>()));
    line(table);
}

/// Why a command failed.
pub(super) fn error(failure: &Failure) {
    remark(render(failure, has_colours()));
}

/// The same as plain text.
pub(super) fn plain(failure: &Failure) -> String {
    render(failure, false)
}

fn render(failure: &Failure, colours: bool) -> String {
    let with = |rendered: String, faults: &dyn Display| format!("{}\nerror: {faults}", rendered.trim_end());
    if let Failure::Config(faults) = failure {
        with(faults.render(colours), faults)
    } else if let Failure::Trees(files) = failure {
        let files = files.iter().map(|faults| with(faults.render(colours), faults));
        files.collect::<Vec<_>>().join("\n")
    } else {
        format!("error: {failure}")
    }
}

/// Moments for people: `2026-11-22 23:16:01`, in universal time.
pub(super) fn moment(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// Moments for programs and for options: `2026-11-22T23:16:01Z`.
pub(super) fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |moment| moment.to_string())
}

/// Lengths of time for people: `1:02:03`, `2:03`.
pub(super) fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn has_colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_and_obeys_nobody() {
        let text = "a\u{9b}31m\u{202e}\u{1b}\u{e0001}é\n";
        let written = escaped(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(!written.chars().any(|c| is_unseen(c) && c != '\n'), "{written:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [text]);
    }
}
