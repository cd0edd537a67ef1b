//! The routing trees of users, as text.

use serde::Serialize;
use sqlx::{Connection, Row};

use super::database::Database;
use super::error::StoreError;
use super::people::require;
use crate::base::Uid;
use crate::io::clock;

/// A profile as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileRow {
    /// Its name.
    pub name: String,
    /// Whether it is the one that serves.
    pub active: bool,
    /// How long its text is.
    pub bytes: i64,
    /// When it was stored, milliseconds since 1970.
    pub stored_ms: i64,
}

impl Database {
    /// Stores a profile, checked by the caller, in place of one of the same name. It becomes the
    /// active one only by [`Database::activate_profile`], unless it was.
    pub async fn put_profile(&mut self, uid: &Uid, name: &str, source: &str) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let sql = "INSERT INTO profiles (uid, name, slot, source, stored_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (uid, name) DO UPDATE SET source = excluded.source, stored_ms = excluded.stored_ms";
        sqlx::query(sql)
            .bind(uid.as_str())
            .bind(name)
            .bind(i64::from(uid.slot().0))
            .bind(source)
            .bind(clock::wall_ms())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// A user's profiles, by name.
    pub async fn profiles(&mut self, uid: &Uid) -> Result<Vec<ProfileRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        let sql = "SELECT name, active, length(CAST(source AS BLOB)) AS bytes, stored_ms FROM profiles WHERE uid = ?1 ORDER BY name";
        let rows = sqlx::query(sql).bind(uid.as_str()).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(ProfileRow {
                    name: row.try_get("name")?,
                    active: row.try_get("active")?,
                    bytes: row.try_get("bytes")?,
                    stored_ms: row.try_get("stored_ms")?,
                })
            })
            .collect()
    }

    /// The text of a profile.
    pub async fn profile(&mut self, uid: &Uid, name: &str) -> Result<String, StoreError> {
        let sql = "SELECT source FROM profiles WHERE uid = ?1 AND name = ?2";
        sqlx::query_scalar(sql)
            .bind(uid.as_str())
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await?
            .ok_or_else(|| StoreError::NoProfile { uid: uid.clone(), name: name.into() })
    }

    /// Lets a profile serve from now on; `None`: the cluster's default.
    pub async fn activate_profile(&mut self, uid: &Uid, name: Option<&str>) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        sqlx::query("UPDATE profiles SET active = 0 WHERE uid = ?1 AND active = 1")
            .bind(uid.as_str())
            .execute(&mut *transaction)
            .await?;
        if let Some(name) = name {
            let done = sqlx::query("UPDATE profiles SET active = 1 WHERE uid = ?1 AND name = ?2")
                .bind(uid.as_str())
                .bind(name)
                .execute(&mut *transaction)
                .await?;
            if done.rows_affected() == 0 {
                return Err(StoreError::NoProfile { uid: uid.clone(), name: name.into() });
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Removes a profile. If it was the active one, the cluster's default serves.
    pub async fn remove_profile(&mut self, uid: &Uid, name: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM profiles WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(name)
            .execute(&mut self.connection)
            .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NoProfile { uid: uid.clone(), name: name.into() });
        }
        Ok(())
    }
}
