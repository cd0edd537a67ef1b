//! What was: records of calls and pages, and the bindings that the store holds.

use serde::{Serialize, Serializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::database::Database;
use super::error::StoreError;
use crate::base::Uid;
use crate::base::token::ends_of_name;
use crate::call::rungs;
use crate::io::clock;
use crate::io::metrics::Stock;

/// Which records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Of this user only.
    pub owner: Option<Uid>,
    /// So many calls, or pages, at most, the latest.
    pub limit: u32,
}

/// Half of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRow {
    /// The call: the same for both halves.
    pub id: String,
    /// `outgoing` or `incoming`: whose half.
    pub direction: String,
    /// Whose tree decided.
    pub owner: String,
    /// Who asked.
    pub caller: String,
    /// Who was asked for.
    pub callee: String,
    /// `voice`, `video`, …
    pub mode: String,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// Milliseconds since 1970; `None` if nobody answered.
    pub answered_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub ended_ms: i64,
    /// The final status the caller was given.
    pub status: u16,
    /// What ended it.
    pub end: String,
    /// The deciding rule.
    pub rule: String,
    /// The whole decision.
    pub path: String,
    /// The question and what was done about it; empty if an older version has recorded it.
    #[serde(serialize_with = "as_question")]
    pub question: String,
    /// What was said and heard.
    #[serde(serialize_with = "as_rungs")]
    pub ladder: String,
}

/// Programs are given a ladder as a list.
fn as_rungs<S: Serializer>(kept: &str, serializer: S) -> Result<S::Ok, S::Error> {
    rungs(kept).serialize(serializer)
}

/// Programs are given a question as what it is; `null` if there is none.
fn as_question<S: Serializer>(kept: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<serde_json::Value>(kept).unwrap_or_default().serialize(serializer)
}

/// Half of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageRow {
    /// The page: the same for both halves.
    pub id: String,
    /// `outgoing` or `incoming`: whose half.
    pub direction: String,
    /// Whose tree decided.
    pub owner: String,
    /// Who sent it.
    pub sender: String,
    /// To whom.
    pub recipient: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The final status the sender was given.
    pub status: u16,
    /// Who took it: `client`, `inbox`, `outbox`, `cluster`, `user`, `ignored`; empty if nobody did.
    pub how: String,
    /// What became of it after its sender was told 202: `waiting`, `delivered`, `refused 404`,
    /// `expired after 48 h`; empty if there was nothing to wait for.
    pub receipt: String,
    /// When, milliseconds since 1970.
    pub receipt_ms: Option<i64>,
    /// The deciding rule.
    pub rule: String,
    /// The whole decision.
    pub path: String,
    /// The question and what was done about it; empty if an older version has recorded it.
    #[serde(serialize_with = "as_question")]
    pub question: String,
}

/// A binding that the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindingRow {
    /// Whose.
    pub uid: String,
    /// What makes it the same binding.
    pub key: String,
    /// The Contact as the phone wrote it.
    pub contact: String,
    /// The transport it is called by.
    pub transport: String,
    /// The far end it is called at.
    pub target: String,
    /// Preference in thousandths.
    pub q: u16,
    /// `+sip.instance`, empty if there was none.
    pub instance: String,
    /// What the phone calls itself.
    pub user_agent: String,
    /// Seconds until the store may forget it.
    pub expires_s: i64,
    /// Since when it is held without a break, seconds since 1970; 0: nobody knows.
    pub since_s: i64,
}

/// All halves of the latest calls or pages: of everybody, and of one user. Their names are found at the end
/// of the table, or of its index by owner, where the `LIMIT` ends the search.
macro_rules! latest {
    ($table:literal) => {
        [latest!($table, "?1 IS NULL"), latest!($table, "owner = ?1")]
    };
    ($table:literal, $whose:literal) => {
        concat!(
            "SELECT * FROM ",
            $table,
            " WHERE ",
            $whose,
            " AND id IN (SELECT DISTINCT id FROM ",
            $table,
            " WHERE ",
            $whose,
            " ORDER BY serial DESC LIMIT ?2) ORDER BY serial"
        )
    };
}

impl Database {
    /// All halves of the latest calls, the latest last.
    pub async fn calls(&mut self, filter: &Filter) -> Result<Vec<CallRow>, StoreError> {
        self.latest(latest!("calls"), filter).await
    }

    /// Both halves of the call whose name is asked for, or as much of a name as there is; of several calls, all.
    pub async fn call(&mut self, asked: &str) -> Result<Vec<CallRow>, StoreError> {
        let (begin, end) = ends_of_name(asked);
        let sql = "SELECT * FROM calls WHERE id >= ?1 AND id < ?1 || char(0x10ffff) \
                   AND (?2 = '' OR substr(id, -length(?2)) = ?2) ORDER BY id, serial LIMIT 64";
        Ok(sqlx::query_as(sql).bind(begin).bind(end).fetch_all(&mut self.connection).await?)
    }

    /// All halves of the latest pages, the latest last.
    pub async fn pages(&mut self, filter: &Filter) -> Result<Vec<PageRow>, StoreError> {
        self.latest(latest!("pages"), filter).await
    }

    /// The bindings that the store holds, by user.
    pub async fn bindings(&mut self) -> Result<Vec<BindingRow>, StoreError> {
        let sql = "SELECT uid, key, contact, transport, target, q, instance, user_agent, since_s, \
                   expires_s - ?1 AS expires_s FROM bindings WHERE expires_s > ?1 ORDER BY uid, key";
        Ok(sqlx::query_as(sql).bind(clock::wall_ms() / 1000).fetch_all(&mut self.connection).await?)
    }

    /// What the tables come to.
    pub async fn take_stock(&mut self) -> Result<Stock, StoreError> {
        let users = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut self.connection).await?;
        let now_s = clock::wall_ms() / 1000;
        let sql = "SELECT count(DISTINCT uid) FROM bindings WHERE expires_s > ?1";
        let registered = sqlx::query_scalar(sql).bind(now_s).fetch_one(&mut self.connection).await?;
        let sql = "SELECT transport, count(*) FROM bindings WHERE expires_s > ?1 GROUP BY transport";
        let bindings = sqlx::query_as(sql).bind(now_s).fetch_all(&mut self.connection).await?;
        Ok(Stock { users, registered, bindings, waiting: self.outbox().await? })
    }

    async fn latest<T>(&mut self, sql: [&'static str; 2], filter: &Filter) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let owner = filter.owner.as_ref().map(Uid::as_str);
        let [of_all, of_one] = sql;
        let sql = if owner.is_some() { of_one } else { of_all };
        Ok(sqlx::query_as(sql).bind(owner).bind(filter.limit).fetch_all(&mut self.connection).await?)
    }
}

/// Reads a row whose columns have the names of the fields.
macro_rules! from_row {
    ($row:ident { $($field:ident),* }) => {
        impl FromRow<'_, SqliteRow> for $row {
            fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }
    };
}

from_row!(CallRow {
    id,
    direction,
    owner,
    caller,
    callee,
    mode,
    started_ms,
    answered_ms,
    ended_ms,
    status,
    end,
    rule,
    path,
    question,
    ladder
});
from_row!(PageRow {
    id,
    direction,
    owner,
    sender,
    recipient,
    at_ms,
    status,
    how,
    receipt,
    receipt_ms,
    rule,
    path,
    question
});
from_row!(BindingRow { uid, key, contact, transport, target, q, instance, user_agent, expires_s, since_s });
