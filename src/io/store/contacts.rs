//! Contact lists as the command line keeps them.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::groups::put_group;
use super::lists::{INVISIBLE, Lists};
use super::people::{near, require};
use super::refusal::{Hint, Refusal};
use crate::base::{Limits, Uid};
use crate::routing::Listed;

/// Somebody whom a user knows, as listings show him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactRow {
    /// A UID, `@cluster`, a number, or the beginning or end of one.
    pub contact: String,
    /// The groups he is in himself.
    pub groups: Vec<String>,
    /// Whether he is on the contact list; one who is only blocked is not.
    pub listed: bool,
    /// Whether he is in "Invisible", by way of another group too.
    pub blocked: bool,
}

impl Database {
    /// Everybody on a user's contact list or in a group of his, by name.
    pub async fn contacts(&mut self, uid: &Uid) -> Result<Vec<ContactRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        let lists = Lists::read(&mut self.connection, uid).await?;
        let blocked = lists.members(INVISIBLE);
        let mut rows: BTreeMap<&str, ContactRow> = BTreeMap::new();
        let row = |contact: &str, listed| ContactRow {
            contact: contact.to_owned(),
            groups: Vec::new(),
            listed,
            blocked: blocked.contains(contact),
        };
        for contact in &lists.contacts {
            rows.insert(contact, row(contact, true));
        }
        for group in &lists.groups {
            for contact in &group.contacts {
                let row = rows.entry(contact).or_insert_with(|| row(contact, false));
                row.groups.push(group.name.clone());
            }
        }
        Ok(rows.into_values().collect())
    }

    /// Those of [`Database::contacts`] who are in a group, by way of groups inside it too.
    pub async fn contacts_in(&mut self, uid: &Uid, group: &str) -> Result<Vec<ContactRow>, StoreError> {
        let mut rows = self.contacts(uid).await?;
        let lists = Lists::read(&mut self.connection, uid).await?;
        let members = lists.members(&lists.name(uid, group)?);
        rows.retain(|row| members.contains(row.contact.as_str()));
        Ok(rows)
    }

    /// Puts somebody on a contact list and into groups. Into "Invisible", or a group inside it,
    /// he goes without being a contact. Says whether that changed anything.
    pub async fn add_contact(
        &mut self,
        uid: &Uid,
        contact: &Listed,
        groups: &[String],
        limits: &Limits,
    ) -> Result<bool, StoreError> {
        let cluster = self.cid.clone();
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let lists = Lists::read(&mut transaction, uid).await?;
        let groups = groups.iter().map(|group| lists.name(uid, group)).collect::<Result<Vec<_>, _>>()?;
        require_known(&mut transaction, contact, cluster.as_str()).await?;
        let text = contact.to_string();
        let is_contact = groups.is_empty() || !groups.iter().all(|group| lists.is_invisible(group));
        let mut changed = 0;
        if is_contact {
            let sql = "INSERT INTO contacts (uid, contact, slot) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            let done = sqlx::query(sql)
                .bind(uid.as_str())
                .bind(&text)
                .bind(i64::from(uid.slot().0))
                .execute(&mut *transaction)
                .await?;
            changed += done.rows_affected();
        }
        for group in &groups {
            put_group(&mut transaction, uid, group).await?;
            changed += put_member(&mut transaction, uid, group, &text).await?;
        }
        Lists::read(&mut transaction, uid).await?.fit(uid, limits)?;
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// Takes somebody out of groups. With none named he goes from the contact list and out of all
    /// groups but "Invisible" and those inside it. Says whether he is still blocked.
    pub async fn remove_contact(
        &mut self,
        uid: &Uid,
        contact: &Listed,
        groups: &[String],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let lists = Lists::read(&mut transaction, uid).await?;
        let text = contact.to_string();
        if groups.is_empty() {
            let seen = lists.groups.iter().filter(|group| !lists.is_invisible(&group.name));
            let of: Vec<&str> =
                seen.filter(|group| group.contacts.contains(&text)).map(|g| &*g.name).collect();
            if of.is_empty() && !lists.contacts.contains(&text) {
                let otherwise = || format!("`ratatosk contact list {uid}` shows whom he knows");
                let hint = Hint::of(&text, lists.contacts.iter().map(String::as_str), otherwise);
                return Err(Refusal::NoContact { uid: uid.clone(), contact: text, hint }.into());
            }
            sqlx::query("DELETE FROM contacts WHERE uid = ?1 AND contact = ?2")
                .bind(uid.as_str())
                .bind(&text)
                .execute(&mut *transaction)
                .await?;
            for group in of {
                delete_member(&mut transaction, uid, group, &text).await?;
            }
        }
        for group in groups {
            let group = lists.name(uid, group)?;
            if delete_member(&mut transaction, uid, &group, &text).await? == 0 {
                let hint = whereabouts(&lists, &group, contact);
                return Err(Refusal::NotInGroup { contact: text, group, hint }.into());
            }
        }
        let blocked = Lists::read(&mut transaction, uid).await?.members(INVISIBLE).contains(text.as_str());
        transaction.commit().await?;
        Ok(blocked)
    }

    /// Lets somebody through again: takes him out of "Invisible" and the groups inside it. Gives the
    /// entries that still cover him, such as his cluster.
    pub async fn unblock(&mut self, uid: &Uid, caller: &Listed) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let lists = Lists::read(&mut transaction, uid).await?;
        let text = caller.to_string();
        let mut changed = 0;
        for group in lists.inside(INVISIBLE) {
            changed += delete_member(&mut transaction, uid, &group.name, &text).await?;
        }
        if changed == 0 {
            let hint = whereabouts(&lists, INVISIBLE, caller);
            return Err(Refusal::NotBlocked { uid: uid.clone(), caller: text, hint }.into());
        }
        transaction.commit().await?;
        Ok(covering(&lists, INVISIBLE, caller).filter(|entry| *entry != text).map(str::to_owned).collect())
    }
}

/// The members of a group, by way of others too, that mean somebody.
fn covering<'l>(lists: &'l Lists, group: &str, who: &'l Listed) -> impl Iterator<Item = &'l str> {
    lists.members(group).into_iter().filter(|entry| Listed::read(entry).is_ok_and(|entry| entry.covers(who)))
}

/// Where somebody is who is not in a group himself.
fn whereabouts(lists: &Lists, group: &str, who: &Listed) -> Hint {
    let text = who.to_string();
    let holds = |inner: &&&super::lists::Group| inner.contacts.contains(&text);
    let inside = lists.inside(group);
    if let Some(inner) = inside.iter().find(holds) {
        return Hint::Through(inner.name.clone());
    }
    match covering(lists, group, who).next() {
        Some(entry) => Hint::Through(entry.to_owned()),
        None => {
            let members = lists.members(group);
            Hint::of(&text, members.into_iter(), || "`ratatosk contact list` shows who is where".into())
        }
    }
}

/// Refuses a user of this cluster who is not there: nobody would ever be meant by him.
async fn require_known(
    connection: &mut SqliteConnection,
    contact: &Listed,
    cluster: &str,
) -> Result<(), StoreError> {
    let uid = contact.exactly().and_then(|text| Uid::parse(text).ok()).filter(|uid| uid.cluster() == cluster);
    let Some(uid) = uid else { return Ok(()) };
    match require(connection, &uid).await {
        Err(StoreError::NoUser(_) | StoreError::NoUserBut { .. }) => {
            let hint = match near(connection, &uid).await? {
                Some(meant) => Hint::Meant(meant),
                None => Hint::Do("`ratatosk user list` shows who there is".into()),
            };
            Err(Refusal::NoSuchUser { contact: uid.to_string(), hint }.into())
        }
        done => done,
    }
}

async fn put_member(
    connection: &mut SqliteConnection,
    uid: &Uid,
    group: &str,
    contact: &str,
) -> Result<u64, StoreError> {
    let sql =
        "INSERT INTO members (uid, \"group\", contact, slot) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let done = sqlx::query(sql)
        .bind(uid.as_str())
        .bind(group)
        .bind(contact)
        .bind(i64::from(uid.slot().0))
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

async fn delete_member(
    connection: &mut SqliteConnection,
    uid: &Uid,
    group: &str,
    contact: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM members WHERE uid = ?1 AND \"group\" = ?2 AND contact = ?3")
        .bind(uid.as_str())
        .bind(group)
        .bind(contact)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
