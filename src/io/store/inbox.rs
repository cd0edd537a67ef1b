//! The inbox: pages that wait for their recipient's clients, and those that they have had.
//!
//! A page is stored once, told from all others by its sender, Call-ID and CSeq. Those that wait are
//! counted against limits when they come, those that were had give way to newer ones. A copy becomes
//! a page that waits when the same one is to be delivered after all.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{Connection, Row, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::people::require;
use super::refusal::Refusal;
use super::rows::Statement;
use crate::base::{Limits, Uid};
use crate::effect::StoreOutcome;
use crate::effect::store::InboxPage;
use crate::io::clock;

/// A page as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InboxRow {
    /// Its place in the inbox.
    pub serial: i64,
    /// The page's record.
    pub id: String,
    /// Who sent it.
    pub sender: String,
    /// Its Content-Type.
    pub content_type: String,
    /// Its body, if that is text; of a long one the beginning.
    pub text: Option<String>,
    /// How long its body is.
    pub bytes: i64,
    /// When it was accepted, milliseconds since 1970.
    pub stored_ms: i64,
    /// When a client has taken it; `None`: it waits, or is a copy.
    pub delivered_ms: Option<i64>,
    /// Whether it is a copy of one that was delivered otherwise.
    pub copy: bool,
}

/// What a user's pages take: how many, and how many bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    waiting: (i64, i64),
    kept: (i64, i64),
}

/// What the pages of one sender take that wait for a user: no more than a part of the room, so that others can leave
/// him a page, too.
#[derive(Debug, Default, Clone, Copy)]
struct Own {
    pages: i64,
    bytes: i64,
}

/// One sender has one part of so many.
const PARTS: i64 = 4;

/// What tells a page from all others.
type Sameness<'p> = (&'p str, &'p str, &'p str, u32);

/// Stores the pages of a batch that are new and fit, in their order. Gives the outcome of each.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    pages: &[&InboxPage],
    limits: &Limits,
) -> Result<Vec<StoreOutcome>, sqlx::Error> {
    if pages.is_empty() {
        return Ok(Vec::new());
    }
    let mut shares = shares(connection, pages).await?;
    let mut senders = senders(connection, pages).await?;
    let there = there(connection, pages).await?;
    let mut seen: BTreeMap<Sameness<'_>, bool> = BTreeMap::new();
    let mut new = Vec::with_capacity(pages.len());
    let mut outcomes = Vec::with_capacity(pages.len());
    for (at, page) in (0_i64..).zip(pages) {
        // A copy of it is no reason not to store one that is to be delivered.
        let is_copy = seen.get(&sameness(page)).or_else(|| there.get(&at));
        let outcome = match shares.get_mut(page.uid.as_str()) {
            // He was removed while the page was on its way.
            None => StoreOutcome::Failed,
            Some(_) if is_copy.is_some_and(|is_copy| !is_copy || page.copy) => StoreOutcome::Saved,
            Some(share) => {
                let own = senders.entry((page.uid.as_str(), &page.sender)).or_default();
                if !own.has_room_for(page, limits) || !share.take(page, limits) {
                    outcomes.push(StoreOutcome::Full);
                    continue;
                }
                own.add(page);
                seen.insert(sameness(page), page.copy);
                new.push(*page);
                StoreOutcome::Saved
            }
        };
        outcomes.push(outcome);
    }
    PUT.run(connection, &new, |page, columns| {
        columns
            .put(page.uid.as_str())
            .put(i64::from(page.uid.slot().0))
            .put(page.id.as_str())
            .put(page.sender.as_str())
            .put(page.call_id.as_str())
            .put(i64::from(page.cseq))
            .put(bytes_of(page))
            .put(page.stored_ms)
            .put(i64::from(page.copy))
            .put(page.copy.then_some(page.stored_ms))
            .put(page.from.as_str())
            .put(page.headers.as_str())
            .put(&*page.body)
            .put(i64::from(page.held));
    })
    .await?;
    for (uid, _) in shares.iter().filter(|(_, share)| share.keeps_too_much(limits)) {
        sqlx::query(GIVE_WAY)
            .bind(uid)
            .bind(limits.inbox_pages)
            .bind(limits.inbox_bytes)
            .execute(&mut *connection)
            .await?;
    }
    Ok(outcomes)
}

/// Marks pages as delivered. One that is gone needs no mark.
pub(super) async fn delivered(
    connection: &mut SqliteConnection,
    pages: &[(&Uid, i64)],
) -> Result<(), sqlx::Error> {
    let now_ms = clock::wall_ms();
    DELIVERED
        .run(connection, pages, |(uid, serial), columns| {
            columns.put(uid.as_str()).put(*serial).put(now_ms);
        })
        .await
}

/// The oldest pages that wait for a user.
pub(super) async fn waiting(
    connection: &mut SqliteConnection,
    uid: &Uid,
    limit: u32,
    held: bool,
) -> Result<Vec<InboxPage>, sqlx::Error> {
    let rows = sqlx::query(WAITING).bind(uid.as_str()).bind(limit).bind(held).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(InboxPage {
                serial: row.try_get("serial")?,
                id: row.try_get("id")?,
                uid: uid.clone(),
                sender: row.try_get("sender")?,
                call_id: row.try_get("call_id")?,
                cseq: row.try_get("cseq")?,
                from: row.try_get("from")?,
                headers: row.try_get("headers")?,
                body: row.try_get::<Vec<u8>, _>("body")?.into(),
                stored_ms: row.try_get("stored_ms")?,
                copy: false,
                held: row.try_get("held")?,
            })
        })
        .collect()
}

impl Database {
    /// The latest pages of a user's inbox, the latest last.
    pub async fn inbox(&mut self, uid: &Uid, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        let mut rows = sqlx::query(LIST)
            .bind(uid.as_str())
            .bind(limit)
            .bind(TEXT_MAX)
            .fetch_all(&mut self.connection)
            .await?;
        rows.reverse();
        let row = |row: &sqlx::sqlite::SqliteRow| -> Result<InboxRow, sqlx::Error> {
            let content_type = content_type(row.try_get("headers")?).to_owned();
            let start: Vec<u8> = row.try_get("start")?;
            let copy: bool = row.try_get("copy")?;
            let is_text = content_type.get(..5).is_none_or(|start| start.eq_ignore_ascii_case("text/"));
            Ok(InboxRow {
                serial: row.try_get("serial")?,
                id: row.try_get("id")?,
                sender: row.try_get("sender")?,
                text: is_text.then(|| String::from_utf8_lossy(&start).into_owned()),
                content_type,
                bytes: row.try_get("length")?,
                stored_ms: row.try_get("stored_ms")?,
                delivered_ms: row.try_get::<Option<i64>, _>("delivered_ms")?.filter(|_| !copy),
                copy,
            })
        };
        Ok(rows.iter().map(row).collect::<Result<_, _>>()?)
    }

    /// Removes pages from a user's inbox, whether he has had them or not; all or none.
    pub async fn remove_pages(&mut self, uid: &Uid, serials: &[i64]) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        for serial in serials {
            let done = sqlx::query("DELETE FROM inbox WHERE serial = ?1 AND uid = ?2")
                .bind(serial)
                .bind(uid.as_str())
                .execute(&mut *transaction)
                .await?;
            if done.rows_affected() == 0 {
                return Err(Refusal::NoPage { uid: uid.clone(), serial: *serial }.into());
            }
        }
        Ok(transaction.commit().await?)
    }
}

impl Own {
    fn has_room_for(self, page: &InboxPage, limits: &Limits) -> bool {
        let (pages, bytes) = (self.pages, self.bytes.saturating_add(bytes_of(page)));
        page.copy || pages == 0 || within((PARTS * (pages + 1), PARTS * bytes), limits)
    }

    fn add(&mut self, page: &InboxPage) {
        if !page.copy {
            self.pages += 1;
            self.bytes += bytes_of(page);
        }
    }
}

impl Share {
    /// Lets a page in if it fits.
    fn take(&mut self, page: &InboxPage, limits: &Limits) -> bool {
        let bytes = bytes_of(page);
        let part = if page.copy { &mut self.kept } else { &mut self.waiting };
        let after = (part.0 + 1, part.1 + bytes);
        // A copy that is too long alone would only push out all others and then itself.
        let fits = if page.copy { bytes <= i64::from(limits.inbox_bytes) } else { within(after, limits) };
        if fits {
            *part = after;
        }
        fits
    }

    fn keeps_too_much(&self, limits: &Limits) -> bool {
        !within(self.kept, limits)
    }
}

fn within((pages, bytes): (i64, i64), limits: &Limits) -> bool {
    pages <= i64::from(limits.inbox_pages) && bytes <= i64::from(limits.inbox_bytes)
}

fn bytes_of(page: &InboxPage) -> i64 {
    let texts = [&page.id, &page.sender, &page.call_id, &page.from, &page.headers];
    let bytes = page.body.len() + texts.into_iter().map(String::len).sum::<usize>();
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn sameness(page: &InboxPage) -> Sameness<'_> {
    (page.uid.as_str(), &page.sender, &page.call_id, page.cseq)
}

/// What the recipients' pages take now; a recipient who is not there is left out.
async fn shares(
    connection: &mut SqliteConnection,
    pages: &[&InboxPage],
) -> Result<BTreeMap<String, Share>, sqlx::Error> {
    let uids: BTreeSet<&str> = pages.iter().map(|page| page.uid.as_str()).collect();
    let wanted = serde_json::to_string(&uids).unwrap_or_default();
    let rows = sqlx::query(SHARES).bind(wanted).fetch_all(connection).await?;
    let parse = |text: &str| serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()));
    rows.iter()
        .map(|row| {
            let share =
                Share { waiting: parse(row.try_get("waiting")?)?, kept: parse(row.try_get("kept")?)? };
            Ok((row.try_get("uid")?, share))
        })
        .collect()
}

/// What the senders of the pages have waiting for the same recipients.
async fn senders<'p>(
    connection: &mut SqliteConnection,
    pages: &[&'p InboxPage],
) -> Result<BTreeMap<(&'p str, &'p str), Own>, sqlx::Error> {
    let pairs: BTreeSet<(&str, &str)> =
        pages.iter().map(|page| (page.uid.as_str(), page.sender.as_str())).collect();
    let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(SENDERS)
        .bind(serde_json::to_string(&pairs).unwrap_or_default())
        .fetch_all(connection)
        .await?;
    let own = |(at, pages, bytes): (i64, i64, i64)| {
        let pair = pairs.get(usize::try_from(at).ok()?)?;
        Some((*pair, Own { pages, bytes }))
    };
    Ok(rows.into_iter().filter_map(own).collect())
}

/// Which of the pages, by their place, are stored already, and whether as a copy.
async fn there(
    connection: &mut SqliteConnection,
    pages: &[&InboxPage],
) -> Result<BTreeMap<i64, bool>, sqlx::Error> {
    let wanted: Vec<Sameness<'_>> = pages.iter().map(|page| sameness(page)).collect();
    let there: Vec<(i64, bool)> = sqlx::query_as(THERE)
        .bind(serde_json::to_string(&wanted).unwrap_or_default())
        .fetch_all(connection)
        .await?;
    Ok(there.into_iter().collect())
}

/// The value of the Content-Type among header lines (RFC 3261 §7.3.3: it may be written `c`).
fn content_type(headers: &str) -> &str {
    let values = headers.lines().filter_map(|line| line.split_once(':'));
    let is_type = |name: &str| ["content-type", "c"].contains(&name.trim().to_ascii_lowercase().as_str());
    values.into_iter().find(|(name, _)| is_type(name)).map_or("", |(_, value)| value.trim())
}

/// Bytes of a text that listings read.
const TEXT_MAX: u32 = 4_096;

static PUT: Statement = Statement::new(
    "INSERT INTO inbox (uid, slot, id, sender, call_id, cseq, bytes, stored_ms, copy, delivered_ms, \
     \"from\", headers, body, held) SELECT * FROM",
    14,
    "WHERE column1 IS NOT NULL ON CONFLICT (uid, sender, call_id, cseq) DO UPDATE SET \
     copy = 0, delivered_ms = NULL, held = excluded.held WHERE inbox.copy = 1 AND excluded.copy = 0",
);

static DELIVERED: Statement = Statement::new(
    "UPDATE inbox SET delivered_ms = column3 FROM",
    3,
    "WHERE serial = column2 AND uid = column1 AND delivered_ms IS NULL",
);

const WAITING: &str = "\
    SELECT serial, id, sender, call_id, cseq, \"from\", headers, body, stored_ms, held FROM inbox \
    WHERE uid = ?1 AND delivered_ms IS NULL AND (held = 0 OR ?3) ORDER BY serial LIMIT ?2";

const LIST: &str = "\
    SELECT serial, id, sender, headers, substr(body, 1, ?3) AS start, length(body) AS length, stored_ms, \
      delivered_ms, copy FROM inbox WHERE uid = ?1 ORDER BY serial DESC LIMIT ?2";

const SHARES: &str = "\
    SELECT u.uid, \
      (SELECT json_array(count(*), ifnull(sum(i.bytes), 0)) FROM inbox i \
       WHERE i.uid = u.uid AND i.delivered_ms IS NULL) AS waiting, \
      (SELECT json_array(count(*), ifnull(sum(i.bytes), 0)) FROM inbox i \
       WHERE i.uid = u.uid AND i.delivered_ms IS NOT NULL) AS kept \
    FROM json_each(?1) wanted JOIN users u ON u.uid = wanted.value";

const SENDERS: &str = "    SELECT w.key, count(*), sum(i.bytes) FROM json_each(?1) w JOIN inbox i ON i.uid = w.value ->> 0       AND i.sender = w.value ->> 1 WHERE i.delivered_ms IS NULL GROUP BY w.key";

const THERE: &str = "\
    SELECT w.key, i.copy FROM json_each(?1) w JOIN inbox i ON i.uid = w.value ->> 0 \
      AND i.sender = w.value ->> 1 AND i.call_id = w.value ->> 2 AND i.cseq = w.value ->> 3";

const GIVE_WAY: &str = "\
    DELETE FROM inbox WHERE serial IN (SELECT serial FROM \
      (SELECT serial, row_number() OVER latest AS pages, sum(bytes) OVER latest AS bytes FROM inbox \
       WHERE uid = ?1 AND delivered_ms IS NOT NULL WINDOW latest AS (ORDER BY serial DESC)) \
      WHERE pages > ?2 OR bytes > ?3)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_page_is_found_however_it_is_written() {
        assert_eq!(
            content_type("Subject: hi\r\nContent-Type: text/plain;charset=UTF-8\r\n"),
            "text/plain;charset=UTF-8"
        );
        assert_eq!(content_type("c : image/png\r\n"), "image/png");
        assert_eq!(content_type("Subject: Content-Type: x\r\n"), "");
    }
}
