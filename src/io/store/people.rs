//! Users as the command line keeps them: made, listed, changed, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use sqlx::{Connection, Row, SqliteConnection};

use super::database::Database;
use super::digest::{ha1, join};
use super::error::StoreError;
use super::own::put_properties;
use super::refusal::Refusal;
use super::rows::Statement;
use crate::base::text::is_unseen;
use crate::base::{Limits, Uid};
use crate::effect::store::Secrets;
use crate::io::clock;
use crate::io::seal::Seal;
use crate::routing::nearest;

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// His address.
    pub uid: Uid,
    /// What he registers with; without one he cannot register.
    pub password: Option<String>,
    /// The name shown to those he calls.
    pub name: Option<String>,
    /// The numbers that reach him, canonical ([`canonical_number`]).
    pub numbers: Vec<String>,
    /// The account type, if not the standard one.
    pub account: Option<String>,
}

/// What is to be changed of a user; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The name; empty removes it.
    pub name: Option<String>,
    /// All his numbers, canonical.
    pub numbers: Option<Vec<String>>,
    /// The account type.
    pub account: Option<String>,
    /// What is left on the account, in the operator's own unit.
    pub credit: Option<i64>,
    /// Properties, key and value; an empty value removes one.
    pub properties: Vec<(String, String)>,
}

/// A user as listings show him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// His address.
    pub uid: String,
    /// The name shown to those he calls.
    pub name: Option<String>,
    /// The numbers that reach him.
    pub numbers: Vec<String>,
    /// The account type.
    pub account: String,
    /// What is left on the account, in the operator's own unit.
    pub credit: i64,
    /// The active profile; `None`: the cluster's default.
    pub profile: Option<String>,
    /// How many bindings the store holds.
    pub bindings: u32,
    /// How many devices have a name.
    pub devices: u32,
    /// How many are on his contact list.
    pub contacts: u32,
    /// How many groups of contacts he has made.
    pub groups: u32,
    /// How many pages wait in his inbox.
    pub waiting: u32,
    /// Whether he has a password.
    pub password: bool,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many users were made.
    pub added: usize,
    /// Those that were there already and have been changed.
    pub changed: Vec<Uid>,
}

/// A number as it is stored and looked up: digits, and a leading `+` if it has one. `None` if it is
/// no number.
pub fn canonical_number(text: &str) -> Option<String> {
    let text = text.trim();
    let (plus, digits) = match text.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", text),
    };
    let digits: String = digits.chars().filter(|c| !" -.()/".contains(*c)).collect();
    let is_number =
        (1..=32).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit() || "*#".contains(c));
    is_number.then(|| format!("{plus}{digits}"))
}

/// What the sealed MD5 secret of a user is bound to.
pub(super) fn about_md5(uid: &Uid) -> String {
    format!("{uid} MD5")
}

/// What the sealed SHA-256 secret of a user is bound to.
pub(super) fn about_sha256(uid: &Uid) -> String {
    format!("{uid} SHA-256")
}

impl Database {
    /// Makes a user.
    pub async fn add_user(&mut self, user: &NewUser) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        if exists(&mut transaction, &user.uid).await? {
            return Err(StoreError::UserExists(user.uid.clone()));
        }
        prove(user.name.as_deref(), &user.numbers)?;
        refuse_taken(&mut transaction, &user.uid, &user.numbers).await?;
        put_users(&mut transaction, &mut self.seal, std::slice::from_ref(user)).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes and changes many users. Nothing is written if a number belongs to somebody else; what
    /// a user of the list does not say stays as it is. `pause` lies between two transactions, so
    /// that a server on the same database can write too.
    pub async fn import(&mut self, users: &[NewUser], pause: Duration) -> Result<Imported, StoreError> {
        const CHUNK: usize = 1000;
        for user in users {
            prove(user.name.as_deref(), &user.numbers)?;
        }
        self.refuse_taken_numbers(users).await?;
        let mut imported = Imported::default();
        for chunk in users.chunks(CHUNK) {
            let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
            let there = existing(&mut transaction, chunk).await?;
            put_users(&mut transaction, &mut self.seal, chunk).await?;
            transaction.commit().await?;
            let changed = chunk.iter().filter(|user| there.contains(user.uid.as_str()));
            imported.changed.extend(changed.map(|user| user.uid.clone()));
            imported.added += chunk.len() - there.len();
            tokio::time::sleep(pause).await;
        }
        Ok(imported)
    }

    /// Every user, by UID; of one user, or of none, if `uid` says so.
    pub async fn users(&mut self, uid: Option<&Uid>) -> Result<Vec<UserRow>, StoreError> {
        let rows = sqlx::query(LIST_USERS)
            .bind(uid.map(Uid::as_str))
            .bind(clock::wall_ms() / 1000)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                let numbers: &str = row.try_get("numbers")?;
                Ok(UserRow {
                    uid: row.try_get("uid")?,
                    name: row.try_get("name")?,
                    numbers: serde_json::from_str(numbers).unwrap_or_default(),
                    account: row.try_get("account")?,
                    credit: row.try_get("credit")?,
                    profile: row.try_get("profile")?,
                    bindings: row.try_get("bindings")?,
                    devices: row.try_get("devices")?,
                    contacts: row.try_get("contacts")?,
                    groups: row.try_get("groups")?,
                    waiting: row.try_get("waiting")?,
                    password: row.try_get("password")?,
                    created_ms: row.try_get("created_ms")?,
                })
            })
            .collect()
    }

    /// One user.
    pub async fn user(&mut self, uid: &Uid) -> Result<UserRow, StoreError> {
        require(&mut self.connection, uid).await?;
        self.users(Some(uid)).await?.pop().ok_or_else(|| StoreError::NoUser(uid.clone()))
    }

    /// Gives a user another password.
    pub async fn set_password(&mut self, uid: &Uid, password: &str) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        put_secrets(&mut transaction, &mut self.seal, &[(uid, ha1(uid, password))]).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes a user.
    pub async fn change_user(
        &mut self,
        uid: &Uid,
        change: &Change,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        prove(change.name.as_deref(), change.numbers.as_deref().unwrap_or_default())?;
        if let Some(name) = &change.name {
            sqlx::query("UPDATE users SET name = nullif(?2, '') WHERE uid = ?1")
                .bind(uid.as_str())
                .bind(name)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(account) = &change.account {
            sqlx::query("UPDATE users SET account = ?2 WHERE uid = ?1")
                .bind(uid.as_str())
                .bind(account)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(credit) = change.credit {
            sqlx::query("UPDATE users SET credit = ?2 WHERE uid = ?1")
                .bind(uid.as_str())
                .bind(credit)
                .execute(&mut *transaction)
                .await?;
        }
        put_properties(&mut transaction, uid, &change.properties, limits).await?;
        if let Some(numbers) = &change.numbers {
            refuse_taken(&mut transaction, uid, numbers).await?;
            put_numbers(&mut transaction, &[(uid, numbers)]).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Removes a user and all that is his; records of his calls stay.
    pub async fn remove_user(&mut self, uid: &Uid) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM users WHERE uid = ?1")
            .bind(uid.as_str())
            .execute(&mut self.connection)
            .await?;
        if done.rows_affected() == 0 { Err(missing(&mut self.connection, uid).await?) } else { Ok(()) }
    }

    async fn refuse_taken_numbers(&mut self, users: &[NewUser]) -> Result<(), StoreError> {
        let wanted: BTreeMap<&str, &Uid> = users
            .iter()
            .flat_map(|user| user.numbers.iter().map(|number| (number.as_str(), &user.uid)))
            .collect();
        let numbers: Vec<&str> = wanted.keys().copied().collect();
        for (number, owner) in owners(&mut self.connection, &numbers).await? {
            if wanted.get(number.as_str()).is_some_and(|uid| uid.as_str() != owner) {
                return Err(StoreError::NumberTaken { number, owner });
            }
        }
        Ok(())
    }
}

/// Bytes of a name that phones are shown: it is in each request that they get, and a datagram holds a thousand.
const NAME_MAX: usize = 128;
/// Numbers of one user.
const NUMBERS_MAX: usize = 50;

/// Whether phones can be shown this name.
pub fn is_showable(name: &str) -> bool {
    name.len() <= NAME_MAX && !name.contains(is_unseen)
}

/// Refuses a name that cannot be shown, and too many numbers.
fn prove(name: Option<&str>, numbers: &[String]) -> Result<(), Refusal> {
    if name.is_some_and(|name| !is_showable(name)) {
        return Err(Refusal::ShownName { most: NAME_MAX });
    }
    if numbers.len() > NUMBERS_MAX {
        return Err(Refusal::TooManyNumbers { found: numbers.len(), most: NUMBERS_MAX });
    }
    Ok(())
}

/// Refuses to go on with a user who is not there.
pub(super) async fn require(connection: &mut SqliteConnection, uid: &Uid) -> Result<(), StoreError> {
    if exists(connection, uid).await? { Ok(()) } else { Err(missing(connection, uid).await?) }
}

/// What to say of a user who is not there.
async fn missing(connection: &mut SqliteConnection, uid: &Uid) -> Result<StoreError, StoreError> {
    let uid = uid.clone();
    Ok(match near(connection, &uid).await? {
        Some(meant) => StoreError::NoUserBut { uid, meant },
        None => StoreError::NoUser(uid),
    })
}

/// A user whose name is nearly this one, among those with the same first letter.
pub(super) async fn near(connection: &mut SqliteConnection, uid: &Uid) -> Result<Option<String>, StoreError> {
    let first: String = uid.as_str().chars().take(1).collect();
    let there: Vec<String> =
        sqlx::query_scalar("SELECT uid FROM users WHERE uid >= ?1 AND uid < ?2 LIMIT 10000")
            .bind(&first)
            .bind(format!("{first}\u{10ffff}"))
            .fetch_all(connection)
            .await?;
    let user = |uid: &'_ str| uid.rsplit_once('@').map_or(String::new(), |(user, _)| user.to_owned());
    let names: Vec<String> = there.iter().map(|there| user(there)).collect();
    let meant = nearest(uid.user(), names.iter().map(String::as_str)).map(str::to_owned);
    Ok(meant.map(|user| format!("{user}@{}", uid.cluster())))
}

async fn exists(connection: &mut SqliteConnection, uid: &Uid) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE uid = ?1)";
    Ok(sqlx::query_scalar(sql).bind(uid.as_str()).fetch_one(connection).await?)
}

async fn existing(
    connection: &mut SqliteConnection,
    users: &[NewUser],
) -> Result<BTreeSet<String>, StoreError> {
    let uids: Vec<&str> = users.iter().map(|user| user.uid.as_str()).collect();
    let sql = "SELECT u.uid FROM json_each(?1) wanted JOIN users u ON u.uid = wanted.value";
    let there: Vec<String> = sqlx::query_scalar(sql)
        .bind(serde_json::to_string(&uids).unwrap_or_default())
        .fetch_all(connection)
        .await?;
    Ok(there.into_iter().collect())
}

async fn owners(
    connection: &mut SqliteConnection,
    numbers: &[&str],
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT n.number, n.uid FROM json_each(?1) wanted JOIN numbers n ON n.number = wanted.value";
    let wanted = serde_json::to_string(numbers).unwrap_or_default();
    Ok(sqlx::query_as(sql).bind(wanted).fetch_all(connection).await?)
}

async fn refuse_taken(
    connection: &mut SqliteConnection,
    uid: &Uid,
    numbers: &[String],
) -> Result<(), StoreError> {
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    match owners(connection, &numbers).await?.into_iter().find(|(_, owner)| owner != uid.as_str()) {
        Some((number, owner)) => Err(StoreError::NumberTaken { number, owner }),
        None => Ok(()),
    }
}

/// Writes users, their numbers and their secrets; of those that are there, what is given.
async fn put_users(
    connection: &mut SqliteConnection,
    seal: &mut Seal,
    users: &[NewUser],
) -> Result<(), StoreError> {
    let created_ms = clock::wall_ms();
    PUT_USERS
        .run(connection, users, |user, columns| {
            columns
                .put(user.uid.as_str())
                .put(i64::from(user.uid.slot().0))
                .put(user.name.as_deref())
                .put(user.account.as_deref())
                .put(created_ms);
        })
        .await?;
    let numbered: Vec<_> =
        users.iter().filter(|user| !user.numbers.is_empty()).map(|user| (&user.uid, &user.numbers)).collect();
    put_numbers(connection, &numbered).await?;
    let secrets: Vec<_> = users
        .iter()
        .filter_map(|user| Some((&user.uid, ha1(&user.uid, user.password.as_deref()?))))
        .collect();
    put_secrets(connection, seal, &secrets).await
}

/// Gives users these numbers and no others.
async fn put_numbers(
    connection: &mut SqliteConnection,
    users: &[(&Uid, &Vec<String>)],
) -> Result<(), StoreError> {
    DELETE_NUMBERS
        .run(connection, users, |(uid, _), columns| {
            columns.put(uid.as_str());
        })
        .await?;
    let rows: Vec<_> =
        users.iter().flat_map(|(uid, numbers)| numbers.iter().map(move |number| (*uid, number))).collect();
    PUT_NUMBERS
        .run(connection, &rows, |(uid, number), columns| {
            columns.put(number.as_str()).put(uid.as_str()).put(i64::from(uid.slot().0));
        })
        .await?;
    Ok(())
}

async fn put_secrets(
    connection: &mut SqliteConnection,
    seal: &mut Seal,
    users: &[(&Uid, Secrets)],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(users.len() * 2);
    for (uid, secrets) in users {
        rows.push((*uid, "MD5", seal.seal(&about_md5(uid), &join(&secrets.md5, &secrets.md5_uid))));
        rows.push((
            *uid,
            "SHA-256",
            seal.seal(&about_sha256(uid), &join(&secrets.sha256, &secrets.sha256_uid)),
        ));
    }
    PUT_SECRETS
        .run(connection, &rows, |(uid, algorithm, sealed), columns| {
            columns.put(uid.as_str()).put(*algorithm).put(i64::from(uid.slot().0)).put(sealed.as_slice());
        })
        .await?;
    Ok(())
}

static PUT_USERS: Statement = Statement::new(
    "INSERT INTO users (uid, slot, name, account, created_ms) \
     SELECT column1, column2, column3, coalesce(column4, 'standard'), column5 FROM",
    5,
    "WHERE column1 IS NOT NULL ON CONFLICT (uid) DO UPDATE SET name = coalesce(excluded.name, name)",
);

static DELETE_NUMBERS: Statement = Statement::new("DELETE FROM numbers WHERE uid IN", 1, "");

static PUT_NUMBERS: Statement = Statement::new(
    "INSERT INTO numbers (number, uid, slot) SELECT * FROM",
    3,
    "WHERE column1 IS NOT NULL ON CONFLICT (number) DO NOTHING",
);

static PUT_SECRETS: Statement = Statement::new(
    "INSERT INTO secrets (uid, algorithm, slot, sealed) SELECT * FROM",
    4,
    "WHERE column1 IS NOT NULL ON CONFLICT (uid, algorithm) DO UPDATE SET sealed = excluded.sealed",
);

const LIST_USERS: &str = "\
    SELECT u.uid, u.name, u.account, u.credit, u.created_ms, \
      (SELECT json_group_array(n.number) FROM numbers n WHERE n.uid = u.uid) AS numbers, \
      (SELECT p.name FROM profiles p WHERE p.uid = u.uid AND p.active = 1) AS profile, \
      (SELECT count(*) FROM bindings b WHERE b.uid = u.uid AND b.expires_s > ?2) AS bindings, \
      (SELECT count(*) FROM devices d WHERE d.uid = u.uid) AS devices, \
      (SELECT count(*) FROM contacts c WHERE c.uid = u.uid) AS contacts, \
      (SELECT count(*) FROM groups g WHERE g.uid = u.uid AND g.name <> 'Invisible') AS groups, \
      (SELECT count(*) FROM inbox i WHERE i.uid = u.uid AND i.delivered_ms IS NULL) AS waiting, \
      EXISTS (SELECT 1 FROM secrets s WHERE s.uid = u.uid) AS password \
    FROM users u WHERE ?1 IS NULL OR u.uid = ?1 ORDER BY u.uid";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        assert_eq!(canonical_number("+354 555-1234").as_deref(), Some("+3545551234"));
        assert_eq!(canonical_number(" 100 ").as_deref(), Some("100"));
        assert_eq!(canonical_number("*97#").as_deref(), Some("*97#"));
        assert_eq!(canonical_number("anne"), None);
        assert_eq!(canonical_number("+"), None);
        assert_eq!(canonical_number("5+5"), None);
    }
}
