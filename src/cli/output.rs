//! What is printed, and how. The only place that writes to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this module is for")]

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::failure::Failure;
use super::table;
use crate::base::text::is_unseen;
use crate::base::{Cid, Uid};
use crate::io::clock;

/// Why something that was said has reached nobody.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line for people, or for programs that read lines.
pub(super) fn line(text: impl Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}")
        // A reader that has gone away (`| head`) is no fault of ours.
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Why not all that was said has been written, if so.
pub(super) fn lost() -> Option<io::Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
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
    // A pipe has no width of its own.
    let width = comfy_table::Table::new().width().map_or(table::USUAL, usize::from);
    line(table::draw(headings, rows, width));
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

/// Moments in a table: `11-22 23:16`, or the day alone if that was more than half a year ago.
pub(super) fn when(ms: i64) -> String {
    let form = if (clock::wall_ms() - ms).abs() < HALF_A_YEAR_MS { "%m-%d %H:%M" } else { "%Y-%m-%d" };
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(moment) => moment.strftime(form).to_string(),
        Err(_) => ms.to_string(),
    }
}

const HALF_A_YEAR_MS: i64 = 182 * 86_400_000;

/// An address in a table: a user of this cluster by what stands before the `@`.
pub(super) fn name(address: &str, cid: &Cid) -> String {
    match Uid::parse(address) {
        Ok(uid) if uid.cluster() == cid.as_str() => uid.user().to_owned(),
        Ok(_) | Err(_) => address.to_owned(),
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
