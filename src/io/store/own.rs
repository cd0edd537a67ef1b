//! What a user's trees may look at besides, and answer with: his account, his status, his properties,
//! his stock messages.

use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::names::good_name;
use super::people::require;
use super::refusal::{Hint, Refusal};
use crate::base::{Limits, Uid};
use crate::routing::{Account, Status};

/// Longest value of a property, bytes.
const VALUE_MAX: usize = 200;
/// Longest stock message, bytes: what fits into a page by datagram.
const TEXT_MAX: usize = 1_000;

/// The columns that [`own`] reads, of a user `u`; the lists are NULL where there is nothing.
macro_rules! own_of_user {
    () => {
        "u.account, u.credit, u.status, \
         CASE WHEN EXISTS (SELECT 1 FROM properties p WHERE p.uid = u.uid) THEN \
           (SELECT json_group_array(json_array(p.key, p.value)) FROM properties p WHERE p.uid = u.uid) END AS properties, \
         CASE WHEN EXISTS (SELECT 1 FROM stock s WHERE s.uid = u.uid) THEN \
           (SELECT json_group_array(json_array(s.name, s.text)) FROM stock s WHERE s.uid = u.uid) END AS stock"
    };
}
pub(super) use own_of_user;

/// What is a user's own.
pub(super) struct Own {
    pub(super) account: Option<Arc<Account>>,
    pub(super) status: Option<Status>,
    pub(super) stock: Pairs,
}

/// Names and what they stand for.
type Pairs = Box<[(Box<str>, Box<str>)]>;

/// A stock message as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockRow {
    /// As a tree names it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Why a row cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Reads the columns.
pub(super) fn own(row: &SqliteRow) -> Result<Own, OwnError> {
    let pairs = |column: &str| -> Result<Pairs, OwnError> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.map_or(Ok(Vec::new()), serde_json::from_str)?.into())
    };
    let kind: &str = row.try_get("account")?;
    let account =
        Account { kind: kind.into(), credit: row.try_get("credit")?, properties: pairs("properties")? };
    let status: Option<&str> = row.try_get("status")?;
    Ok(Own {
        account: (account != Account::default()).then(|| Arc::new(account)),
        status: status.and_then(|status| status.parse().ok()),
        stock: pairs("stock")?,
    })
}

impl Database {
    /// Says how a user can be reached; `None`: as the server sees it.
    pub async fn put_status(&mut self, uid: &Uid, status: Option<Status>) -> Result<(), StoreError> {
        require(&mut self.connection, uid).await?;
        sqlx::query("UPDATE users SET status = ?2 WHERE uid = ?1")
            .bind(uid.as_str())
            .bind(status.map(Status::as_str))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// How a user has said that he can be reached, if he has.
    pub async fn status(&mut self, uid: &Uid) -> Result<Option<Status>, StoreError> {
        require(&mut self.connection, uid).await?;
        let sql = "SELECT status FROM users WHERE uid = ?1";
        let status: Option<String> =
            sqlx::query_scalar(sql).bind(uid.as_str()).fetch_one(&mut self.connection).await?;
        Ok(status.and_then(|status| status.parse().ok()))
    }

    /// A user's properties, by key.
    pub async fn properties(&mut self, uid: &Uid) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT key, value FROM properties WHERE uid = ?1 ORDER BY key";
        Ok(sqlx::query_as(sql).bind(uid.as_str()).fetch_all(&mut self.connection).await?)
    }

    /// Makes a stock message, or gives it another text.
    pub async fn put_stock(
        &mut self,
        uid: &Uid,
        name: &str,
        text: &str,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        let name = good_name("stock message", name)?;
        if text.trim().is_empty() || text.len() > TEXT_MAX {
            return Err(Refusal::Text { what: "stock message", most: TEXT_MAX }.into());
        }
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let there = stock(&mut transaction, uid).await?;
        let most = u32::from(limits.stock_per_user);
        let is_full = u32::try_from(there.len()).is_ok_and(|count| count >= most);
        if is_full && !there.iter().any(|own| own.name.eq_ignore_ascii_case(name)) {
            let (what, limit) = ("many stock messages", "stock_per_user");
            return Err(Refusal::TooMany { uid: uid.clone(), what, limit, most }.into());
        }
        let sql = "INSERT INTO stock (uid, name, slot, text) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (uid, name) DO UPDATE SET text = excluded.text";
        sqlx::query(sql)
            .bind(uid.as_str())
            .bind(name)
            .bind(i64::from(uid.slot().0))
            .bind(text)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// A user's own stock messages, by name.
    pub async fn stock(&mut self, uid: &Uid) -> Result<Vec<StockRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        stock(&mut self.connection, uid).await
    }

    /// Removes a stock message. Gives its name as it was stored.
    pub async fn remove_stock(&mut self, uid: &Uid, name: &str) -> Result<String, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let there = stock(&mut transaction, uid).await?;
        let Some(own) = there.iter().find(|own| own.name.eq_ignore_ascii_case(name)) else {
            let otherwise = || format!("`ratatosk stock list {uid}` shows those he has");
            let hint = Hint::of(name, there.iter().map(|own| own.name.as_str()), otherwise);
            return Err(Refusal::NoStock { uid: uid.clone(), stock: name.into(), hint }.into());
        };
        sqlx::query("DELETE FROM stock WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(&own.name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(own.name.clone())
    }
}

pub(super) async fn stock(connection: &mut SqliteConnection, uid: &Uid) -> Result<Vec<StockRow>, StoreError> {
    let sql = "SELECT name, text FROM stock WHERE uid = ?1 ORDER BY name";
    let rows: Vec<(String, String)> = sqlx::query_as(sql).bind(uid.as_str()).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(name, text)| StockRow { name, text }).collect())
}

/// Sets properties; an empty value removes one.
pub(super) async fn put_properties(
    connection: &mut SqliteConnection,
    uid: &Uid,
    properties: &[(String, String)],
    limits: &Limits,
) -> Result<(), StoreError> {
    for (key, value) in properties {
        let key = good_name("property", key)?;
        if value.len() > VALUE_MAX {
            return Err(Refusal::Text { what: "value of a property", most: VALUE_MAX }.into());
        }
        put_property(connection, uid, key, value).await?;
    }
    let sql = "SELECT count(*) FROM properties WHERE uid = ?1";
    let count: u32 = sqlx::query_scalar(sql).bind(uid.as_str()).fetch_one(connection).await?;
    let most = u32::from(limits.properties_per_user);
    if count > most {
        let (what, limit) = ("many properties", "properties_per_user");
        return Err(Refusal::TooMany { uid: uid.clone(), what, limit, most }.into());
    }
    Ok(())
}

/// Sets one property of a user who is there; an empty value removes it.
pub(super) async fn put_property(
    connection: &mut SqliteConnection,
    uid: &Uid,
    key: &str,
    value: &str,
) -> Result<(), sqlx::Error> {
    let sql = if value.is_empty() {
        "DELETE FROM properties WHERE uid = ?1 AND key = ?2"
    } else {
        "INSERT INTO properties (uid, key, slot, value) SELECT ?1, ?2, ?4, ?3 \
         WHERE EXISTS (SELECT 1 FROM users WHERE uid = ?1) \
         ON CONFLICT (uid, key) DO UPDATE SET value = excluded.value"
    };
    sqlx::query(sql)
        .bind(uid.as_str())
        .bind(key)
        .bind(value)
        .bind(i64::from(uid.slot().0))
        .execute(connection)
        .await?;
    Ok(())
}
