//! Groups of contacts as the command line keeps them.

use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::lists::{INVISIBLE, Lists};
use super::names::good_name;
use super::people::require;
use super::refusal::Refusal;
use crate::base::{Limits, Uid};

/// A group as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupRow {
    /// As a tree names it.
    pub group: String,
    /// Who is in it himself.
    pub contacts: Vec<String>,
    /// Which groups are in it.
    pub groups: Vec<String>,
    /// Everybody in it, by way of its groups too.
    pub members: Vec<String>,
    /// Which groups it is in.
    pub inside: Vec<String>,
}

impl Database {
    /// A user's groups, by name; "Invisible" is always among them.
    pub async fn groups(&mut self, uid: &Uid) -> Result<Vec<GroupRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        let lists = Lists::read(&mut self.connection, uid).await?;
        let around = |name: &str| {
            let holds = |inner: &String| inner.eq_ignore_ascii_case(name);
            let outer = lists.groups.iter().filter(|group| group.groups.iter().any(holds));
            outer.map(|group| group.name.clone()).collect()
        };
        let mut rows: Vec<GroupRow> = lists
            .groups
            .iter()
            .map(|group| GroupRow {
                group: group.name.clone(),
                contacts: group.contacts.clone(),
                groups: group.groups.clone(),
                members: lists.members(&group.name).into_iter().map(str::to_owned).collect(),
                inside: around(&group.name),
            })
            .collect();
        if lists.get(INVISIBLE).is_none() {
            let none = Vec::new;
            let group = INVISIBLE.to_owned();
            rows.push(GroupRow { group, contacts: none(), groups: none(), members: none(), inside: none() });
        }
        rows.sort_by(|a, b| a.group.cmp(&b.group));
        Ok(rows)
    }

    /// Makes a group, and puts it into others. One that is there may be put into further ones. Gives
    /// its name as it is stored.
    pub async fn add_group(
        &mut self,
        uid: &Uid,
        name: &str,
        outer: &[String],
        limits: &Limits,
    ) -> Result<String, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let mut lists = Lists::read(&mut transaction, uid).await?;
        let name = match (lists.name(uid, name), outer) {
            (Ok(name), _) if name == INVISIBLE => return Err(Refusal::GroupOfAll(INVISIBLE).into()),
            (Ok(group), []) => return Err(Refusal::GroupExists { uid: uid.clone(), group }.into()),
            (Ok(name), _) => name,
            (Err(_), _) => good_name("group", name)?.to_owned(),
        };
        put_group(&mut transaction, uid, &name).await?;
        for outer in outer {
            let outer = lists.name(uid, outer)?;
            let way = if outer.eq_ignore_ascii_case(&name) {
                Some("they are one group".into())
            } else {
                lists.way(&name, &outer)
            };
            if let Some(way) = way {
                return Err(Refusal::GroupCircle { inner: name, outer, way }.into());
            }
            put_group(&mut transaction, uid, &outer).await?;
            let sql = "INSERT INTO subgroups (uid, \"group\", inner, slot) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO NOTHING";
            sqlx::query(sql)
                .bind(uid.as_str())
                .bind(&outer)
                .bind(&name)
                .bind(i64::from(uid.slot().0))
                .execute(&mut *transaction)
                .await?;
            lists = Lists::read(&mut transaction, uid).await?;
        }
        Lists::read(&mut transaction, uid).await?.fit(uid, limits)?;
        transaction.commit().await?;
        Ok(name)
    }

    /// Gives a group another name. Its members and its place stay. Gives its old name as it was
    /// stored.
    pub async fn rename_group(&mut self, uid: &Uid, old: &str, new: &str) -> Result<String, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let lists = Lists::read(&mut transaction, uid).await?;
        let old = own_group(&lists, uid, old)?;
        let new = good_name("group", new)?;
        if let Ok(group) = lists.name(uid, new)
            && group != old
        {
            return Err(Refusal::GroupExists { uid: uid.clone(), group }.into());
        }
        sqlx::query("UPDATE groups SET name = ?3 WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(&old)
            .bind(new)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(old)
    }

    /// Removes a group; who was in it stays on the contact list, and groups that were in it stay. Or
    /// only takes it out of others. Gives its name as it was stored.
    pub async fn remove_group(
        &mut self,
        uid: &Uid,
        name: &str,
        outer: &[String],
    ) -> Result<String, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let lists = Lists::read(&mut transaction, uid).await?;
        let name = own_group(&lists, uid, name)?;
        if outer.is_empty() {
            sqlx::query("DELETE FROM groups WHERE uid = ?1 AND name = ?2")
                .bind(uid.as_str())
                .bind(&name)
                .execute(&mut *transaction)
                .await?;
        }
        for outer in outer {
            let outer = lists.name(uid, outer)?;
            let done = sqlx::query("DELETE FROM subgroups WHERE uid = ?1 AND \"group\" = ?2 AND inner = ?3")
                .bind(uid.as_str())
                .bind(&outer)
                .bind(&name)
                .execute(&mut *transaction)
                .await?;
            if done.rows_affected() == 0 {
                return Err(Refusal::GroupNotIn { inner: name, outer }.into());
            }
        }
        transaction.commit().await?;
        Ok(name)
    }
}

/// The stored name of a group that its owner has made himself.
fn own_group(lists: &Lists, uid: &Uid, name: &str) -> Result<String, Refusal> {
    match lists.name(uid, name)? {
        name if name == INVISIBLE => Err(Refusal::GroupOfAll(INVISIBLE)),
        name => Ok(name),
    }
}

/// Makes a group where there is none: "Invisible" comes into being when it is used.
pub(super) async fn put_group(
    connection: &mut SqliteConnection,
    uid: &Uid,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO groups (uid, name, slot) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .bind(uid.as_str())
        .bind(name)
        .bind(i64::from(uid.slot().0))
        .execute(connection)
        .await?;
    Ok(())
}
