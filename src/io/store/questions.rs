//! What trees were asked: the recorded questions of a user, many at a time.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::database::Database;
use super::error::StoreError;
use crate::base::Uid;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Calls.
    Call,
    /// Pages.
    Page,
}

/// A recorded question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionRow {
    /// The order in which they were written.
    pub serial: i64,
    /// The call or page.
    pub id: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who asked.
    pub caller: String,
    /// Who was asked for.
    pub callee: String,
    /// The rule that decided.
    pub rule: String,
    /// `routing::Recorded` reads it; empty if an older version has recorded it.
    pub question: String,
}

impl Database {
    /// The questions that a user's trees were asked since then (milliseconds since 1970), oldest first:
    /// those after a serial, so many at most.
    pub async fn questions(
        &mut self,
        uid: &Uid,
        kind: Kind,
        since_ms: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<QuestionRow>, StoreError> {
        let sql = match kind {
            Kind::Call => {
                "SELECT serial, id, started_ms, caller, callee, rule, question FROM calls \
                 WHERE owner = ?1 AND serial > ?2 AND started_ms >= ?3 ORDER BY serial LIMIT ?4"
            }
            Kind::Page => {
                "SELECT serial, id, at_ms, sender, recipient, rule, question FROM pages \
                 WHERE owner = ?1 AND serial > ?2 AND at_ms >= ?3 ORDER BY serial LIMIT ?4"
            }
        };
        let query = sqlx::query_as(sql).bind(uid.as_str()).bind(after).bind(since_ms).bind(limit);
        Ok(query.fetch_all(&mut self.connection).await?)
    }
}

impl FromRow<'_, SqliteRow> for QuestionRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            serial: row.try_get(0)?,
            id: row.try_get(1)?,
            at_ms: row.try_get(2)?,
            caller: row.try_get(3)?,
            callee: row.try_get(4)?,
            rule: row.try_get(5)?,
            question: row.try_get(6)?,
        })
    }
}
