//! `ratatosk user import FILE.csv`: uid,password,name,number; all of the file or nothing of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord};

use super::failure::Failure;
use super::live;
use super::load::{Loaded, block_on};
use crate::base::Uid;
use crate::io::store::{NewUser, Opening, canonical_number, is_showable};

/// Faults that are told; the rest is counted.
const FAULTS_TOLD: usize = 20;
/// Time between two transactions in which a running server can write.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn run(loaded: &Loaded, path: &Path) -> Result<(), Failure> {
    let users = read(loaded, path)?;
    let running = live::is_running(loaded)?;
    let imported = block_on(async {
        let mut database = loaded.database(Opening::Create).await?;
        let imported = database.import(&users, if running { PAUSE } else { Duration::ZERO }).await?;
        database.close().await?;
        Ok(imported)
    })?;
    live::refresh(loaded, &imported.changed);
    loaded.desk.line(format_args!("{} users added, {} changed", imported.added, imported.changed.len()));
    Ok(())
}

/// Reads the whole file, or tells every line that is at fault.
fn read(loaded: &Loaded, path: &Path) -> Result<Vec<NewUser>, Failure> {
    let fail = |source| Failure::Read { path: path.into(), source };
    let text = loaded.desk.read(path)?;
    let mut lines = Lines::default();
    lines.faults.extend(bad_quote(&text));
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
    for (index, record) in reader.records().enumerate() {
        match record {
            Ok(record) if index == 0 && is_header(&record) => {}
            Ok(record) => lines.take(loaded, &record),
            Err(error) if error.is_io_error() => return Err(fail(error.into())),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                lines.faults.push((line, "this is no text (UTF-8), or its quotes do not end".into()));
            }
        }
    }
    if lines.faults.is_empty() {
        return Ok(lines.users);
    }
    let count = lines.faults.len();
    let told = lines.faults.iter().take(FAULTS_TOLD);
    let mut list: Vec<String> = told.map(|(line, fault)| format!("  line {line}: {fault}")).collect();
    if count > FAULTS_TOLD {
        list.push(format!("  and {} more", count - FAULTS_TOLD));
    }
    Err(Failure::Import { path: path.into(), count, list: list.join("\n") })
}

/// The first line with a quote that does not end where its field does.
fn bad_quote(text: &[u8]) -> Option<(u64, String)> {
    let (mut line, mut opened, mut is_start) = (1, None, true);
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        match (byte, opened) {
            (b'"', None) if is_start => opened = Some(line),
            (b'"', Some(_)) if next == Some(&b'"') => {
                bytes.next();
            }
            (b'"', Some(_)) if next.is_none_or(|next| matches!(next, b',' | b'\r' | b'\n')) => opened = None,
            (b'"', Some(line)) => {
                return Some((line, "something stands behind the end of its quotes".into()));
            }
            (b'\n', _) => line += 1,
            _ => {}
        }
        is_start = matches!(byte, b',' | b'\n');
    }
    opened.map(|line| (line, "its quotes do not end".into()))
}

fn is_header(record: &StringRecord) -> bool {
    record.get(0).is_some_and(|first| first.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case("uid"))
}

/// What has been read.
#[derive(Default)]
struct Lines {
    users: Vec<NewUser>,
    faults: Vec<(u64, String)>,
    /// On which line each user and number stands.
    seen: BTreeMap<Uid, u64>,
    numbers: BTreeMap<String, u64>,
}

impl Lines {
    fn take(&mut self, loaded: &Loaded, record: &StringRecord) {
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index| record.get(index).map(str::trim).filter(|text| !text.is_empty());
        let mut fault = |text: String| self.faults.push((line, text));
        if record.len() > 4 {
            fault(format!("{} fields; a line is uid,password,name,number", record.len()));
        }
        let uid = match loaded.uid(field(0).unwrap_or_default().trim_start_matches('\u{feff}').trim()) {
            Ok(uid) => uid,
            Err(failure) => return fault(failure.to_string()),
        };
        if let Some(first) = self.seen.insert(uid.clone(), line) {
            fault(format!("{uid} stands on line {first} already"));
        }
        if field(2).is_some_and(|name| !is_showable(name)) {
            fault("the name is too long to be shown, or holds characters that cannot be seen".into());
        }
        let mut numbers = Vec::new();
        if let Some(text) = field(3) {
            match canonical_number(text) {
                None => fault(format!("\"{text}\" is no telephone number")),
                Some(number) => {
                    if let Some(first) = self.numbers.insert(number.clone(), line) {
                        fault(format!("the number {number} stands on line {first} already"));
                    }
                    numbers.push(number);
                }
            }
        }
        // A password may begin or end with a space.
        let password = record.get(1).filter(|text| !text.is_empty()).map(str::to_owned);
        let name = field(2).map(str::to_owned);
        self.users.push(NewUser { uid, password, name, numbers, account: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_where_their_field_does() {
        for good in [
            "anne,pw,\"Arnesen, Anne\"\ncarl,\"a \"\"b\"\"\"\r\n",
            "anne,5\" pipe",
            "\"anne\"",
            "",
            "\"two\nlines\",x",
        ] {
            assert_eq!(bad_quote(good.as_bytes()), None, "{good}");
        }
        assert_eq!(bad_quote(b"anne,x\n\"ic").unwrap().0, 2);
        assert_eq!(bad_quote(b"anne,x\n\n\"ic\"x,pw\n").unwrap().0, 3);
    }
}
