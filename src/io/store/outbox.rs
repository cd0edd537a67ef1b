//! The outbox: pages that wait for another cluster, and the receipts of those that have waited.
//!
//! A page and its record are written together, so that whoever was told 202 finds it in the listing
//! whatever happens next; a page that waits already is not put again. It goes together with the receipt
//! that says what became of it.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::rows::Statement;
use super::write::{PUT_PAGES, bind_page};
use crate::base::{Cid, Limits, Uid};
use crate::effect::StoreOutcome;
use crate::effect::fact::PageRecord;
use crate::effect::store::OutboxPage;

/// What a batch does to the outbox, each list in its order.
#[derive(Default)]
pub(super) struct Work<'a> {
    pub(super) put: Vec<(&'a OutboxPage, &'a PageRecord)>,
    /// Serial, tries, when it is due.
    pub(super) defer: Vec<(i64, u32, i64)>,
    /// Page, receipt, when.
    pub(super) settle: Vec<(&'a OutboxPage, &'a str, i64)>,
}

impl Work<'_> {
    /// Writes it all; the outcomes of the pages that were put.
    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
        limits: &Limits,
    ) -> Result<Vec<StoreOutcome>, sqlx::Error> {
        DEFER
            .run(connection, &self.defer, |(serial, tries, due_ms), columns| {
                columns.put(*serial).put(i64::from(*tries)).put(*due_ms);
            })
            .await?;
        RECEIPT
            .run(connection, &self.settle, |(page, receipt, at_ms), columns| {
                columns.put(page.id.as_str()).put(page.owner.as_str()).put(*receipt).put(*at_ms);
            })
            .await?;
        SETTLE
            .run(connection, &self.settle, |(page, ..), columns| {
                columns.put(page.serial);
            })
            .await?;
        self.put(connection, limits).await
    }

    async fn put(
        &self,
        connection: &mut SqliteConnection,
        limits: &Limits,
    ) -> Result<Vec<StoreOutcome>, sqlx::Error> {
        let mut owners: BTreeMap<&str, i64> = BTreeMap::new();
        let mut peers: BTreeMap<&str, i64> = BTreeMap::new();
        let mut new = Vec::with_capacity(self.put.len());
        let mut outcomes = Vec::with_capacity(self.put.len());
        for (page, record) in &self.put {
            let is_it = |(other, _): &(&OutboxPage, &PageRecord)| {
                (&other.owner, &other.call_id) == (&page.owner, &page.call_id)
            };
            if new.iter().any(is_it) || is_there(connection, page).await? {
                outcomes.push(StoreOutcome::Saved);
                continue;
            }
            let of_owner = waiting(connection, &mut owners, OF_OWNER, page.owner.as_str()).await?;
            let of_peer = waiting(connection, &mut peers, OF_PEER, page.peer.as_str()).await?;
            if of_owner >= i64::from(limits.outbox_per_user) || of_peer >= i64::from(limits.outbox_per_peer) {
                outcomes.push(StoreOutcome::Full);
                continue;
            }
            owners.entry(page.owner.as_str()).and_modify(|count| *count += 1);
            peers.entry(page.peer.as_str()).and_modify(|count| *count += 1);
            new.push((*page, *record));
            outcomes.push(StoreOutcome::Saved);
        }
        PUT.run(connection, &new, |(page, _), columns| {
            columns
                .put(page.owner.as_str())
                .put(i64::from(page.owner.slot().0))
                .put(page.id.as_str())
                .put(page.peer.as_str())
                .put(page.recipient.as_str())
                .put(page.call_id.as_str())
                .put(page.from.as_str())
                .put(page.headers.as_str())
                .put(&*page.body)
                .put(i64::from(page.max_forwards))
                .put(page.stored_ms)
                .put(page.due_ms)
                .put(i64::from(page.tries));
        })
        .await?;
        PUT_PAGES.run(connection, &new, |(_, record), columns| bind_page(record, columns)).await?;
        RECEIPT
            .run(connection, &new, |(page, _), columns| {
                columns.put(page.id.as_str()).put(page.owner.as_str()).put("waiting").put(page.stored_ms);
            })
            .await?;
        Ok(outcomes)
    }
}

/// Whether the same page waits already: its sender has repeated it.
async fn is_there(connection: &mut SqliteConnection, page: &OutboxPage) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(IS_THERE).bind(page.owner.as_str()).bind(page.call_id.as_str());
    query.fetch_one(connection).await
}

/// How many wait already; counted once for each batch.
async fn waiting<'a>(
    connection: &mut SqliteConnection,
    counted: &mut BTreeMap<&'a str, i64>,
    sql: &'static str,
    of: &'a str,
) -> Result<i64, sqlx::Error> {
    if let Some(count) = counted.get(of) {
        return Ok(*count);
    }
    let count = sqlx::query_scalar(sql).bind(of).fetch_one(connection).await?;
    counted.insert(of, count);
    Ok(count)
}

/// What is read of the outbox of one cluster.
pub(super) struct Wanted<'a> {
    pub(super) peer: &'a Cid,
    pub(super) after: i64,
    pub(super) due_ms: i64,
    pub(super) stored_ms: i64,
    pub(super) limit: u32,
}

impl Wanted<'_> {
    /// The pages, oldest first, and when the next one that was left is due.
    pub(super) async fn read(&self, connection: &mut SqliteConnection) -> Result<StoreOutcome, sqlx::Error> {
        let rows = sqlx::query(LOAD)
            .bind(self.peer.as_str())
            .bind(self.after)
            .bind(self.due_ms)
            .bind(self.stored_ms)
            .bind(self.limit)
            .fetch_all(&mut *connection)
            .await?;
        let next_ms =
            sqlx::query_scalar(NEXT).bind(self.peer.as_str()).bind(self.due_ms).fetch_one(connection).await?;
        // A row that makes no page would be in the way of all others: it is left where it is.
        let pages = rows.iter().map(|row| page(row, self.peer)).collect::<Result<Vec<_>, _>>()?;
        Ok(StoreOutcome::Outbox(pages.into_iter().flatten().collect(), next_ms))
    }
}

fn page(row: &SqliteRow, peer: &Cid) -> Result<Option<OutboxPage>, sqlx::Error> {
    let (Ok(owner), Ok(recipient)) =
        (Uid::parse(row.try_get("owner")?), Uid::parse(row.try_get("recipient")?))
    else {
        return Ok(None);
    };
    Ok(Some(OutboxPage {
        serial: row.try_get("serial")?,
        id: row.try_get("id")?,
        owner,
        peer: peer.clone(),
        recipient,
        call_id: row.try_get("call_id")?,
        from: row.try_get("from")?,
        headers: row.try_get("headers")?,
        body: row.try_get::<Vec<u8>, _>("body")?.into(),
        max_forwards: row.try_get("max_forwards")?,
        stored_ms: row.try_get("stored_ms")?,
        due_ms: row.try_get("due_ms")?,
        tries: row.try_get("tries")?,
    }))
}

impl Database {
    /// How many pages wait for each cluster for which any do.
    pub async fn outbox(&mut self) -> Result<BTreeMap<String, i64>, StoreError> {
        let sql = "SELECT peer, count(*) FROM outbox GROUP BY peer";
        let counts: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut self.connection).await?;
        Ok(counts.into_iter().collect())
    }
}

const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM outbox WHERE owner = ?1 AND call_id = ?2)";
const OF_OWNER: &str = "SELECT count(*) FROM outbox WHERE owner = ?1";
const OF_PEER: &str = "SELECT count(*) FROM outbox WHERE peer = ?1";

static PUT: Statement = Statement::new(
    "INSERT INTO outbox (owner, slot, id, peer, recipient, call_id, \"from\", headers, body, max_forwards, \
     stored_ms, due_ms, tries) SELECT * FROM",
    13,
    "WHERE column1 IS NOT NULL",
);

static DEFER: Statement =
    Statement::new("UPDATE outbox SET tries = column2, due_ms = column3 FROM", 3, "WHERE serial = column1");

static SETTLE: Statement = Statement::new("DELETE FROM outbox WHERE (serial) IN", 1, "-- a NULL is nobody's");

static RECEIPT: Statement = Statement::new(
    "UPDATE pages SET receipt = column3, receipt_ms = column4 FROM",
    4,
    "WHERE id = column1 AND owner = column2",
);

const LOAD: &str = "\
    SELECT serial, owner, id, recipient, call_id, \"from\", headers, body, max_forwards, stored_ms, due_ms, \
      tries FROM outbox WHERE peer = ?1 AND serial > ?2 AND (due_ms <= ?3 OR stored_ms <= ?4) \
    ORDER BY serial LIMIT ?5";

const NEXT: &str = "SELECT min(due_ms) FROM outbox WHERE peer = ?1 AND due_ms > ?2";
