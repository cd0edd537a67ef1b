//! Whose phones are asleep and have to be woken by now, so that they renew their bindings.
//!
//! Of the many who are registered only those are looked at that are due: an index holds the moments.
//!
//! Implements: RFC 8599 §5.5.

use sqlx::{Row, SqliteConnection};

use crate::base::{Slot, Uid};

/// Some of those who are due.
pub(super) struct Due<'a> {
    pub(super) slots: (Slot, Slot),
    pub(super) now_s: i64,
    pub(super) after: Option<&'a (i64, Uid)>,
    pub(super) limit: u32,
}

impl Due<'_> {
    /// When each had to be woken, and who.
    pub(super) async fn read(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(i64, Uid)>, sqlx::Error> {
        let (after_s, after) = self.after.map_or((0, ""), |(after_s, uid)| (*after_s, uid.as_str()));
        let (first, last) = self.slots;
        let rows = sqlx::query(DUE)
            .bind(self.now_s)
            .bind(after_s)
            .bind(after)
            .bind(i64::from(first.0))
            .bind(i64::from(last.0))
            .bind(self.limit)
            .fetch_all(connection)
            .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            if let Ok(uid) = Uid::parse(row.try_get("uid")?) {
                due.push((row.try_get("wake_s")?, uid));
            }
        }
        Ok(due)
    }
}

/// Several bindings of a user that are due at one moment are told of once.
pub(super) const DUE: &str = "\
    SELECT DISTINCT wake_s, uid FROM bindings INDEXED BY bindings_by_wake \
    WHERE wake_s <= ?1 AND (wake_s, uid) > (?2, ?3) AND slot BETWEEN ?4 AND ?5 AND expires_s > ?1 \
    ORDER BY wake_s, uid LIMIT ?6";
