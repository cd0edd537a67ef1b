//! What the store forgets by itself: bindings whose time is over, and, after the days that the
//! limits say, delivered pages of inboxes and records of calls and pages.
//!
//! A little at a time, so that nobody who has to be answered waits for it. A page that waits for its
//! recipient is never among it.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::base::Limits;
use crate::io::clock;

/// Rows that one step removes from a table at most: some milliseconds of work.
const STEP: u32 = 500;
/// Time to the next step when there is more to forget, and when there is not.
const SOON: Duration = Duration::from_millis(50);
/// See [`SOON`].
pub(super) const LATER: Duration = Duration::from_secs(600);

const DAY_MS: i64 = 86_400_000;

/// Forgets some of what is to be forgotten, and says when to come again.
pub(super) async fn step(
    connection: &mut SqliteConnection,
    limits: &Limits,
) -> Result<Duration, sqlx::Error> {
    let now_ms = clock::wall_ms();
    let before = |days: u32| (days > 0).then(|| now_ms - i64::from(days) * DAY_MS);
    let tables = [
        (BINDINGS, Some(now_ms / 1000)),
        (INBOX, before(limits.inbox_keep_days)),
        (CALLS, before(limits.records_keep_days)),
        (PAGES, before(limits.records_keep_days)),
    ];
    let mut again = LATER;
    if is_nearly_full(connection).await? {
        tracing::warn!("the store is nearly full: the oldest records of calls and pages go");
        for sql in [OLDEST_CALLS, OLDEST_PAGES] {
            let done = sqlx::query(sql).bind(STEP).execute(&mut *connection).await?;
            if done.rows_affected() > 0 {
                again = SOON;
            }
        }
    }
    for (sql, before) in tables {
        let Some(before) = before else { continue };
        let done = sqlx::query(sql).bind(before).bind(STEP).execute(&mut *connection).await?;
        if done.rows_affected() > 0 && sql != BINDINGS {
            again = SOON;
        }
    }
    Ok(again)
}

/// Whether less than a tenth is left of the room that `max_mb` gives.
async fn is_nearly_full(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let sql = "SELECT (page_count - freelist_count) * 10 > max_page_count * 9 \
               FROM pragma_page_count, pragma_freelist_count, pragma_max_page_count";
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// All of them at once: no more than there are phones, and a restart reads those that are left.
const BINDINGS: &str = "DELETE FROM bindings WHERE expires_s <= ?1 AND ?2 > 0";

const INBOX: &str = "\
    DELETE FROM inbox WHERE serial IN (SELECT serial FROM inbox \
      WHERE delivered_ms IS NOT NULL AND delivered_ms < ?1 ORDER BY delivered_ms LIMIT ?2)";

/// Records are in the order of their time, so that their beginning is looked at and no index needed.
const CALLS: &str = "\
    DELETE FROM calls WHERE serial IN (SELECT serial FROM calls ORDER BY serial LIMIT ?2) AND ended_ms < ?1";

const OLDEST_CALLS: &str =
    "DELETE FROM calls WHERE serial IN (SELECT serial FROM calls ORDER BY serial LIMIT ?1)";

const OLDEST_PAGES: &str =
    "DELETE FROM pages WHERE serial IN (SELECT serial FROM pages ORDER BY serial LIMIT ?1)";

const PAGES: &str = "\
    DELETE FROM pages WHERE serial IN (SELECT serial FROM pages ORDER BY serial LIMIT ?2) AND at_ms < ?1";
