//! `ratatosk inbox UID`

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::load::{Loaded, with};
use super::output;
use crate::base::Uid;
use crate::base::text::is_unseen;
use crate::io::store::InboxRow;

#[derive(Debug, Args)]
pub(super) struct Inbox {
    /// The user.
    uid: String,
    /// So many, the latest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Remove this page instead, by its number in the list, whether he has had it or not; may be
    /// given several times.
    #[arg(long, value_name = "SERIAL")]
    remove: Vec<i64>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// A page, for programs.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: InboxRow,
    state: &'static str,
}

impl Inbox {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let uid = loaded.uid(&self.uid)?;
        if self.remove.is_empty() { self.list(loaded, &uid) } else { self.remove(loaded, &uid) }
    }

    fn list(self, loaded: &Loaded, uid: &Uid) -> Result<(), Failure> {
        let pages = with(loaded, async |database| database.inbox(uid, self.limit).await)?;
        if self.json {
            let shown = pages.into_iter().map(|row| Shown { state: state(&row), row });
            loaded.desk.json(&shown.collect::<Vec<_>>());
            return Ok(());
        }
        let rows = pages.into_iter().map(|page| {
            let state = match page.delivered_ms {
                Some(at) => format!("delivered {}", output::when(at)),
                None => state(&page).to_owned(),
            };
            let (at, text) = (output::when(page.stored_ms), preview(&page));
            vec![page.serial.to_string(), at, page.sender, text, state]
        });
        let headings = ["page", "stored (UTC)", "from", "text", "state"];
        loaded.desk.table(&headings, rows.collect(), &format!("the inbox of {uid} is empty"));
        Ok(())
    }

    fn remove(self, loaded: &Loaded, uid: &Uid) -> Result<(), Failure> {
        with(loaded, async |database| database.remove_pages(uid, &self.remove).await)?;
        let count = self.remove.len();
        loaded.desk.line(format_args!("{count} page{} of {uid} removed", if count == 1 { "" } else { "s" }));
        Ok(())
    }
}

fn state(page: &InboxRow) -> &'static str {
    match (page.copy, page.delivered_ms) {
        (true, _) => "copy",
        (false, Some(_)) => "delivered",
        (false, None) => "waiting",
    }
}

/// The beginning of a text in one line, without anything that a terminal would obey.
fn preview(page: &InboxRow) -> String {
    const SHOWN: usize = 60;
    let Some(text) = &page.text else { return format!("({}, {} bytes)", page.content_type, page.bytes) };
    let space = |c: char| if is_unseen(c) { ' ' } else { c };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().map(space).collect();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    if shown.is_empty() { "(empty)".into() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(content_type: &str, text: Option<&str>) -> InboxRow {
        InboxRow {
            serial: 1,
            id: "p".into(),
            sender: "carl@north.test".into(),
            content_type: content_type.into(),
            text: text.map(str::to_owned),
            bytes: 7,
            stored_ms: 0,
            delivered_ms: None,
            copy: false,
        }
    }

    #[test]
    fn a_preview_is_one_line_that_can_be_seen() {
        assert_eq!(preview(&page("text/plain", Some("Hi,\r\n\tthere"))), "Hi, there");
        let evil = preview(&page("text/plain", Some("\u{1b}]0;x\u{7}\u{9b}31m \u{202e}red")));
        assert!(!evil.chars().any(is_unseen) && evil.contains("31m") && evil.contains("red"), "{evil}");
        assert_eq!(preview(&page("image/png", None)), "(image/png, 7 bytes)");
        assert_eq!(preview(&page("text/plain", Some(" \n"))), "(empty)");
        let long = preview(&page("text/plain", Some(&"é".repeat(80))));
        assert_eq!((long.chars().count(), long.ends_with('…')), (61, true));
    }
}
