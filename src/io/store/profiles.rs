//! The routing trees of users, as text.

use serde::Serialize;
use sqlx::{Connection, Row, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::names::good_name;
use super::people::require;
use super::refusal::{Hint, Refusal};
use crate::base::{Limits, Uid};
use crate::io::clock;
use crate::routing::tag_of;

/// A profile as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileRow {
    /// Its name.
    pub name: String,
    /// Whether it is the one that serves.
    pub active: bool,
    /// The digit by which phones dial it.
    pub code: Option<u8>,
    /// How long its text is.
    pub bytes: i64,
    /// When it was stored, milliseconds since 1970.
    pub stored_ms: i64,
    /// What tells its text from every other.
    pub tag: String,
    /// Its text.
    #[serde(skip)]
    pub source: String,
}

/// What has to stand in a place for it to be written: so that of two who change the same profile the
/// second hears of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Whatever,
    /// A profile, whichever it is.
    Something,
    /// No profile.
    Nothing,
    /// The profile with one of these tags.
    Tagged(Vec<String>),
}

impl Expected {
    fn holds(&self, tag: Option<&str>) -> bool {
        match self {
            Self::Whatever => true,
            Self::Something => tag.is_some(),
            Self::Nothing => tag.is_none(),
            Self::Tagged(tags) => tags.iter().any(|expected| Some(expected.as_str()) == tag),
        }
    }
}

impl Database {
    /// Stores a profile, checked by the caller, in place of one of the same name, if what stands there
    /// is as expected. It becomes the active one only by [`Database::activate_profile`], unless it was.
    pub async fn put_profile(
        &mut self,
        uid: &Uid,
        name: &str,
        source: &str,
        expected: &Expected,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        let name = good_name("profile", name)?;
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        if *expected != Expected::Whatever {
            let sql = "SELECT source FROM profiles WHERE uid = ?1 AND name = ?2";
            let there: Option<String> = sqlx::query_scalar(sql)
                .bind(uid.as_str())
                .bind(name)
                .fetch_optional(&mut *transaction)
                .await?;
            if !expected.holds(there.as_deref().map(tag_of).as_deref()) {
                let there = there.is_some();
                return Err(Refusal::Changed { uid: uid.clone(), name: name.into(), there }.into());
            }
        }
        let there = names(&mut transaction, uid).await?;
        let most = u32::from(limits.profiles_per_user);
        let is_full = u32::try_from(there.len()).is_ok_and(|count| count >= most);
        if is_full && !there.iter().any(|own| own == name) {
            let (what, limit) = ("many profiles", "profiles_per_user");
            return Err(Refusal::TooMany { uid: uid.clone(), what, limit, most }.into());
        }
        let sql = "SELECT COALESCE(SUM(LENGTH(CAST(source AS BLOB))), 0) FROM profiles WHERE uid = ?1 AND name <> ?2";
        let others: i64 =
            sqlx::query_scalar(sql).bind(uid.as_str()).bind(name).fetch_one(&mut *transaction).await?;
        let bytes = i64::try_from(source.len()).unwrap_or(i64::MAX).saturating_add(others);
        let most = limits.profile_bytes_per_user;
        if bytes > i64::from(most) {
            let (what, limit) = ("many bytes of profiles", "profile_bytes_per_user");
            return Err(Refusal::TooMany { uid: uid.clone(), what, limit, most }.into());
        }
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
        let sql = "SELECT name, active, code, length(CAST(source AS BLOB)) AS bytes, stored_ms, source FROM profiles WHERE uid = ?1 ORDER BY name";
        let rows = sqlx::query(sql).bind(uid.as_str()).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                let source: String = row.try_get("source")?;
                Ok(ProfileRow {
                    name: row.try_get("name")?,
                    active: row.try_get("active")?,
                    code: row.try_get("code")?,
                    bytes: row.try_get("bytes")?,
                    stored_ms: row.try_get("stored_ms")?,
                    tag: tag_of(&source),
                    source,
                })
            })
            .collect()
    }

    /// The text of a profile.
    pub async fn profile(&mut self, uid: &Uid, name: &str) -> Result<String, StoreError> {
        require(&mut self.connection, uid).await?;
        let sql = "SELECT source FROM profiles WHERE uid = ?1 AND name = ?2";
        let source: Option<String> = sqlx::query_scalar(sql)
            .bind(uid.as_str())
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await?;
        match source {
            Some(source) => Ok(source),
            None => Err(missing(&mut self.connection, uid, name).await?),
        }
    }

    /// The text of the profile that serves, if it is one of the user's own.
    pub async fn active_profile(&mut self, uid: &Uid) -> Result<Option<String>, StoreError> {
        require(&mut self.connection, uid).await?;
        Ok(self.serving_profile(uid).await?.flatten())
    }

    /// The text of what serves a user, if it is a profile of his own; `None` where there is no such user.
    pub async fn serving_profile(&mut self, uid: &Uid) -> Result<Option<Option<String>>, StoreError> {
        let sql = "SELECT source FROM users LEFT JOIN profiles ON profiles.uid = users.uid AND active = 1 \
                   WHERE users.uid = ?1";
        Ok(sqlx::query_scalar(sql).bind(uid.as_str()).fetch_optional(&mut self.connection).await?)
    }

    /// Every stored profile of the cluster after this one, by user and name; at most so many.
    pub async fn all_profiles(
        &mut self,
        after: &(String, String),
        limit: u32,
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        let sql =
            "SELECT uid, name, source FROM profiles WHERE (uid, name) > (?1, ?2) ORDER BY uid, name LIMIT ?3";
        let query = sqlx::query_as(sql).bind(after.0.as_str()).bind(after.1.as_str()).bind(limit);
        Ok(query.fetch_all(&mut self.connection).await?)
    }

    /// The users after this one, in order, and the text of what serves them if it is a profile of their own; at most so
    /// many. Those who have none are left out unless `everybody` is wanted.
    pub async fn serving_profiles(
        &mut self,
        after: &str,
        everybody: bool,
        limit: u32,
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let sql = "SELECT users.uid, source FROM users LEFT JOIN profiles ON profiles.uid = users.uid AND active = 1 \
                   WHERE users.uid > ?1 AND (?2 OR source IS NOT NULL) ORDER BY users.uid LIMIT ?3";
        let query = sqlx::query_as(sql).bind(after).bind(everybody).bind(limit);
        Ok(query.fetch_all(&mut self.connection).await?)
    }

    /// Lets a profile serve from now on; `None`: the cluster's default.
    pub async fn activate_profile(&mut self, uid: &Uid, name: Option<&str>) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        if let (false, Some(name)) = (activate(&mut transaction, uid, name).await?, name) {
            return Err(missing(&mut transaction, uid, name).await?);
        }
        Ok(transaction.commit().await?)
    }

    /// Lets a profile be dialled by this digit, in place of another that was; `None`: by none.
    pub async fn put_code(&mut self, uid: &Uid, name: &str, code: Option<u8>) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        sqlx::query("UPDATE profiles SET code = NULL WHERE uid = ?1 AND code = ?2")
            .bind(uid.as_str())
            .bind(code)
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query("UPDATE profiles SET code = ?3 WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(name)
            .bind(code)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(missing(&mut transaction, uid, name).await?);
        }
        Ok(transaction.commit().await?)
    }

    /// Lets a client of a user's send under a profile; `None`: under the one that serves.
    pub async fn put_profile_of_client(
        &mut self,
        uid: &Uid,
        client: &str,
        profile: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        if let Some(name) = profile
            && !names(&mut transaction, uid).await?.iter().any(|own| own == name)
        {
            return Err(missing(&mut transaction, uid, name).await?);
        }
        let sql = "UPDATE devices SET profile = ?3 WHERE uid = ?1 AND name = ?2 AND instance IS NOT NULL";
        let done =
            sqlx::query(sql).bind(uid.as_str()).bind(client).bind(profile).execute(&mut *transaction).await?;
        if done.rows_affected() == 0 {
            return Err(no_client(&mut transaction, uid, client).await?);
        }
        Ok(transaction.commit().await?)
    }

    /// Removes a profile. If it was the active one, the cluster's default serves.
    pub async fn remove_profile(&mut self, uid: &Uid, name: &str) -> Result<(), StoreError> {
        require(&mut self.connection, uid).await?;
        let done = sqlx::query("DELETE FROM profiles WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(name)
            .execute(&mut self.connection)
            .await?;
        if done.rows_affected() == 0 {
            return Err(missing(&mut self.connection, uid, name).await?);
        }
        Ok(())
    }
}

/// Lets a profile serve, or with `None` the cluster's default. False if there is none of that name: then
/// none serves.
pub(super) async fn activate(
    connection: &mut SqliteConnection,
    uid: &Uid,
    name: Option<&str>,
) -> Result<bool, sqlx::Error> {
    if let Some(name) = name {
        let sql = "SELECT EXISTS (SELECT 1 FROM profiles WHERE uid = ?1 AND name = ?2)";
        let there: bool =
            sqlx::query_scalar(sql).bind(uid.as_str()).bind(name).fetch_one(&mut *connection).await?;
        if !there {
            return Ok(false);
        }
    }
    // No two are active at any time.
    for sql in [
        "UPDATE profiles SET active = 0 WHERE uid = ?1 AND active = 1 AND name IS NOT ?2",
        "UPDATE profiles SET active = 1 WHERE uid = ?1 AND active = 0 AND name = ?2",
    ] {
        sqlx::query(sql).bind(uid.as_str()).bind(name).execute(&mut *connection).await?;
    }
    Ok(true)
}

/// What to say of a client that is not there.
async fn no_client(
    connection: &mut SqliteConnection,
    uid: &Uid,
    client: &str,
) -> Result<StoreError, StoreError> {
    let devices = super::devices::devices(connection, uid).await?;
    let clients = devices.iter().filter(|device| device.instance.is_some());
    let otherwise = || format!("`ratatosk device list {uid}` shows his clients");
    let hint = Hint::of(client, clients.map(|device| device.name.as_str()), otherwise);
    Ok(Refusal::NoDevice { uid: uid.clone(), device: client.into(), hint }.into())
}

/// The names of a user's profiles.
async fn names(connection: &mut SqliteConnection, uid: &Uid) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM profiles WHERE uid = ?1 ORDER BY name";
    Ok(sqlx::query_scalar(sql).bind(uid.as_str()).fetch_all(connection).await?)
}

/// What to say of a profile that is not there.
async fn missing(connection: &mut SqliteConnection, uid: &Uid, name: &str) -> Result<StoreError, StoreError> {
    let there = names(connection, uid).await?;
    let otherwise = || format!("`ratatosk profile list {uid}` shows those he has");
    let hint = Hint::of(name, there.iter().map(String::as_str), otherwise);
    Ok(StoreError::NoProfile { uid: uid.clone(), name: name.into(), hint })
}
