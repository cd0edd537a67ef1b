//! The reader: routing records and numbers, on a connection of its own, so that no write delays it.
//!
//! One statement reads a whole batch of users; their profiles are [`Compiled`] together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::watch;

use super::compiled::{Compiled, Hash, Text, hash_of};
use super::database::connect;
use super::digest::part;
use super::due::Due;
use super::error::StoreError;
use super::inbox;
use super::lists::{self, Lists};
use super::outbox::Wanted;
use super::own;
use super::people::{about_md5, about_sha256};
use crate::base::{Limits, Uid};
use crate::config::Place;
use crate::effect::store::{InboxPage, Secrets, StoredBinding, StoredDevice, StoredProfile, StoredUser};
use crate::effect::{StoreOp, StoreOutcome, Transport};
use crate::io::clock;
use crate::io::seal::Seal;
use crate::routing::Profile;

/// The connection that reads.
pub(super) struct Reader {
    place: Place,
    connection: Option<SqliteConnection>,
    seal: Seal,
    profiles: Compiled,
}

impl Reader {
    pub(super) fn new(place: Place, seal: Seal, limits: watch::Receiver<Limits>) -> Self {
        Self { place, connection: None, seal, profiles: Compiled::new(limits) }
    }

    /// Opens the connection, to know early whether it opens.
    pub(super) async fn connect(&mut self) -> Result<(), sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.place).await?);
        }
        Ok(())
    }

    /// Performs all of a batch, and answers each.
    pub(super) async fn perform(&mut self, ops: &[StoreOp]) -> Vec<StoreOutcome> {
        match self.read(ops).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.connection = None;
                let error = StoreError::from(error);
                tracing::error!(%error, "the store cannot read: users not in memory are refused");
                ops.iter().map(|_| StoreOutcome::Failed).collect()
            }
        }
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store did not close in order; nothing is lost");
        }
    }

    async fn read(&mut self, ops: &[StoreOp]) -> Result<Vec<StoreOutcome>, sqlx::Error> {
        let mut uids = Vec::new();
        let mut numbers = Vec::new();
        let mut inboxes = Vec::new();
        let mut outboxes = Vec::new();
        let mut due = Vec::new();
        for op in ops {
            match op {
                StoreOp::LoadUser(uid) => uids.push(uid.as_str()),
                StoreOp::FindNumber(number) => numbers.push(number.as_str()),
                StoreOp::LoadInbox { uid, limit, held } => inboxes.push((uid, *limit, *held)),
                StoreOp::LoadDue { slots, due_s, after, limit } => {
                    due.push(Due { slots: *slots, now_s: *due_s, after: after.as_ref(), limit: *limit });
                }
                // Writes have a connection of their own.
                StoreOp::SaveBindings { .. }
                | StoreOp::ImportScript { .. }
                | StoreOp::FindCircles { .. }
                | StoreOp::PutProperty { .. }
                | StoreOp::Activate { .. }
                | StoreOp::PutCall(_)
                | StoreOp::PutPage(_)
                | StoreOp::PutInbox(_)
                | StoreOp::Delivered { .. }
                | StoreOp::PutOutbox(..)
                | StoreOp::DeferOutbox { .. }
                | StoreOp::SettleOutbox { .. } => {}
                StoreOp::LoadOutbox { peer, after, due_ms, stored_ms, limit } => outboxes.push(Wanted {
                    peer,
                    after: *after,
                    due_ms: *due_ms,
                    stored_ms: *stored_ms,
                    limit: *limit,
                }),
            }
        }
        self.connect().await?;
        let users = self.users(&uids).await?;
        let owners = self.owners(&numbers).await?;
        let mut inboxes = self.inboxes(&inboxes).await?.into_iter();
        let mut outboxes = self.outboxes(&outboxes).await?.into_iter();
        let mut due = self.due(&due).await?.into_iter();
        Ok(ops
            .iter()
            .map(|op| match op {
                StoreOp::LoadUser(uid) => match users.get(uid.as_str()) {
                    Some(Some(user)) => StoreOutcome::User(Some(Box::new(user.clone()))),
                    Some(None) => StoreOutcome::Failed,
                    None => StoreOutcome::User(None),
                },
                StoreOp::FindNumber(number) => StoreOutcome::Number(owners.get(number.as_str()).cloned()),
                StoreOp::LoadInbox { .. } => inboxes.next().map_or(StoreOutcome::Failed, StoreOutcome::Inbox),
                StoreOp::SaveBindings { .. }
                | StoreOp::ImportScript { .. }
                | StoreOp::FindCircles { .. }
                | StoreOp::PutProperty { .. }
                | StoreOp::Activate { .. }
                | StoreOp::PutCall(_)
                | StoreOp::PutPage(_)
                | StoreOp::PutInbox(_)
                | StoreOp::Delivered { .. }
                | StoreOp::PutOutbox(..)
                | StoreOp::DeferOutbox { .. }
                | StoreOp::SettleOutbox { .. } => StoreOutcome::Failed,
                StoreOp::LoadOutbox { .. } => outboxes.next().unwrap_or(StoreOutcome::Failed),
                StoreOp::LoadDue { .. } => due.next().map_or(StoreOutcome::Failed, StoreOutcome::Due),
            })
            .collect())
    }

    /// What waits for other clusters.
    async fn outboxes(&mut self, wanted: &[Wanted<'_>]) -> Result<Vec<StoreOutcome>, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        let mut found = Vec::with_capacity(wanted.len());
        for one in wanted {
            found.push(one.read(connection).await?);
        }
        Ok(found)
    }

    /// Whose phones have to be woken.
    async fn due(&mut self, wanted: &[Due<'_>]) -> Result<Vec<Vec<(i64, Uid)>>, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        let mut found = Vec::with_capacity(wanted.len());
        for one in wanted {
            found.push(one.read(connection).await?);
        }
        Ok(found)
    }

    /// The users there are among `uids`; `None` for one whose row cannot be understood.
    async fn users(&mut self, uids: &[&str]) -> Result<HashMap<String, Option<StoredUser>>, sqlx::Error> {
        let Some(connection) = self.connection.as_mut().filter(|_| !uids.is_empty()) else {
            return Ok(HashMap::new());
        };
        let rows = sqlx::query(LOAD_USERS)
            .bind(list(uids))
            .bind(clock::wall_ms() / 1000)
            .fetch_all(connection)
            .await?;
        let mut texts = BTreeMap::new();
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            columns.push(profiles(row, &mut texts));
        }
        let compiled = self.profiles.profiles(texts).await;
        let mut users = HashMap::with_capacity(rows.len());
        for (row, columns) in rows.iter().zip(columns) {
            let uid: String = row.try_get("uid")?;
            let user = columns.and_then(|columns| user(row, &self.seal, columns, &compiled));
            if let Err(error) = &user {
                tracing::error!(%error, "a user's row cannot be used");
            }
            users.insert(uid, user.ok());
        }
        Ok(users)
    }

    /// The owners of those of `numbers` that have one.
    async fn owners(&mut self, numbers: &[&str]) -> Result<HashMap<String, Uid>, sqlx::Error> {
        let Some(connection) = self.connection.as_mut().filter(|_| !numbers.is_empty()) else {
            return Ok(HashMap::new());
        };
        let rows = sqlx::query(FIND_NUMBERS).bind(list(numbers)).fetch_all(connection).await?;
        let mut owners = HashMap::with_capacity(rows.len());
        for row in rows {
            if let Ok(uid) = Uid::parse(row.try_get("uid")?) {
                owners.insert(row.try_get("number")?, uid);
            }
        }
        Ok(owners)
    }

    /// What waits in inboxes, in the order asked.
    async fn inboxes(&mut self, asked: &[(&Uid, u32, bool)]) -> Result<Vec<Vec<InboxPage>>, sqlx::Error> {
        let mut found = Vec::with_capacity(asked.len());
        if let Some(connection) = &mut self.connection {
            for (uid, limit, held) in asked {
                found.push(inbox::waiting(connection, uid, *limit, *held).await?);
            }
        }
        Ok(found)
    }
}

/// A list as SQLite's `json_each` reads it.
fn list(texts: &[&str]) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// Why a row makes no user.
#[derive(Debug, thiserror::Error)]
enum RowError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("its UID: {0}")]
    Uid(#[from] crate::base::id::UidError),
    #[error("a column of what is his: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a column of what is his own: {0}")]
    Own(#[from] own::OwnError),
    #[error(transparent)]
    Secret(StoreError),
}

/// The profiles of a user's row; their texts are put among those that are to be compiled.
fn profiles(
    row: &SqliteRow,
    texts: &mut BTreeMap<Hash, Text>,
) -> Result<Vec<(ProfileColumns, Hash)>, RowError> {
    let columns: Option<&str> = row.try_get("profiles")?;
    let mut columns: Vec<ProfileColumns> = columns.map_or(Ok(Vec::new()), serde_json::from_str)?;
    let owner = Uid::parse(row.try_get("uid")?)?;
    let text = |columns: &mut ProfileColumns| {
        let (source, is_active) = (std::mem::take(&mut columns.3), columns.1 == 1);
        let hash = hash_of(&source);
        let text = texts.entry(hash).or_insert_with(|| Text { owner: owner.clone(), source, is_active });
        text.is_active |= is_active;
        hash
    };
    let hashes: Vec<Hash> = columns.iter_mut().map(text).collect();
    Ok(columns.into_iter().zip(hashes).collect())
}

fn user(
    row: &SqliteRow,
    seal: &Seal,
    columns: Vec<(ProfileColumns, Hash)>,
    compiled: &HashMap<Hash, Arc<Profile>>,
) -> Result<StoredUser, RowError> {
    let uid = Uid::parse(row.try_get("uid")?)?;
    let numbers: Vec<String> = serde_json::from_str(row.try_get("numbers")?)?;
    let bindings: Vec<BindingColumns> = serde_json::from_str(row.try_get("bindings")?)?;
    let lists = Lists::parse(row.try_get("lists")?)?;
    let devices: Option<&str> = row.try_get("devices")?;
    let devices: Vec<DeviceColumns> = devices.map_or(Ok(Vec::new()), serde_json::from_str)?;
    let secrets = secrets(&uid, row.try_get("md5")?, row.try_get("sha256")?, seal)
        .ok_or_else(|| RowError::Secret(StoreError::Unsealable(uid.clone())))?;
    let own = own::own(row)?;
    let mut active = None;
    let all = columns.into_iter().map(|(ProfileColumns(name, is_active, code, _, clients), hash)| {
        let profile = compiled.get(&hash).cloned();
        if is_active == 1 {
            active.clone_from(&profile);
        }
        StoredProfile { name, code, clients, profile }
    });
    let all = all.collect();
    let bindings = bindings.into_iter().filter_map(BindingColumns::binding).collect();
    Ok(StoredUser {
        name: row.try_get("name")?,
        uid,
        numbers,
        secrets,
        bindings,
        profile: active,
        profiles: all,
        contacts: lists.stored(),
        devices: devices.into_iter().map(DeviceColumns::device).collect(),
        account: own.account,
        status: own.status,
        stock: own.stock,
        waiting: row.try_get("waiting")?,
    })
}

/// Opens a user's secrets. One who has none gets random ones, which no password fits.
fn secrets(uid: &Uid, md5: Option<&[u8]>, sha256: Option<&[u8]>, seal: &Seal) -> Option<Secrets> {
    let mut secrets = Secrets { md5: [0; 32], sha256: [0; 64], md5_uid: [0; 32], sha256_uid: [0; 64] };
    match md5 {
        Some(sealed) => (secrets.md5, secrets.md5_uid) = part(&seal.open(&about_md5(uid), sealed)?)?,
        None => [secrets.md5, secrets.md5_uid] = [random(), random()],
    }
    match sha256 {
        Some(sealed) => {
            (secrets.sha256, secrets.sha256_uid) = part(&seal.open(&about_sha256(uid), sealed)?)?;
        }
        None => [secrets.sha256, secrets.sha256_uid] = [random(), random()],
    }
    Some(secrets)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ChaCha8Rng::from_os_rng().fill_bytes(&mut bytes);
    bytes
}

/// A binding as `LOAD_USERS` lists it.
#[derive(serde::Deserialize)]
struct BindingColumns(
    String,
    String,
    String,
    Transport,
    String,
    String,
    u16,
    String,
    String,
    String,
    u32,
    i64,
    u32,
    String,
    Option<i64>,
);

impl BindingColumns {
    fn binding(self) -> Option<StoredBinding> {
        let Self(
            key,
            contact,
            target,
            transport,
            listener,
            path,
            q,
            instance,
            user_agent,
            call_id,
            cseq,
            expires_s,
            granted_s,
            features,
            wake_s,
        ) = self;
        let target = target.parse().ok()?;
        Some(StoredBinding {
            key,
            contact,
            target,
            transport,
            listener,
            path,
            q,
            instance,
            features,
            user_agent,
            call_id,
            cseq,
            expires_s,
            granted_s,
            wake_s,
        })
    }
}

/// A profile as `LOAD_USERS` lists it: name, whether it is active, code, text, clients.
#[derive(serde::Deserialize)]
struct ProfileColumns(Box<str>, u8, Option<u8>, String, Box<[Box<str>]>);

/// A device as `LOAD_USERS` lists it.
#[derive(serde::Deserialize)]
struct DeviceColumns(String, String, Option<String>, Option<String>);

impl DeviceColumns {
    fn device(self) -> StoredDevice {
        let Self(name, kind, address, instance) = self;
        StoredDevice { name, kind, address, instance }
    }
}

const LOAD_USERS: &str = concat!(
    "SELECT u.uid, u.name, ",
    own::own_of_user!(),
    ", ",
    lists::lists_of_user!(),
    " AS lists, \
      (SELECT json_group_array(n.number) FROM numbers n WHERE n.uid = u.uid) AS numbers, \
      (SELECT json_group_array(json_array(b.key, b.contact, b.target, b.transport, b.listener, b.path, b.q, \
         b.instance, b.user_agent, b.call_id, b.cseq, b.expires_s, b.granted_s, \
         b.features, b.wake_s)) \
       FROM bindings b WHERE b.uid = u.uid AND b.expires_s > ?2) AS bindings, \
      (SELECT s.sealed FROM secrets s WHERE s.uid = u.uid AND s.algorithm = 'MD5') AS md5, \
      (SELECT s.sealed FROM secrets s WHERE s.uid = u.uid AND s.algorithm = 'SHA-256') AS sha256, \
      CASE WHEN EXISTS (SELECT 1 FROM profiles p WHERE p.uid = u.uid) THEN \
        (SELECT json_group_array(json_array(p.name, p.active, p.code, p.source, \
           (SELECT json_group_array(d.name) FROM devices d WHERE d.uid = u.uid AND d.profile = p.name))) \
         FROM profiles p WHERE p.uid = u.uid) END AS profiles, \
      CASE WHEN EXISTS (SELECT 1 FROM devices d WHERE d.uid = u.uid) THEN \
        (SELECT json_group_array(json_array(d.name, d.kind, d.address, d.instance)) FROM devices d WHERE d.uid = u.uid) \
        END AS devices, \
      EXISTS (SELECT 1 FROM inbox i WHERE i.uid = u.uid AND i.delivered_ms IS NULL) AS waiting \
    FROM json_each(?1) wanted JOIN users u ON u.uid = wanted.value"
);

const FIND_NUMBERS: &str = "\
    SELECT n.number, n.uid FROM json_each(?1) wanted JOIN numbers n ON n.number = wanted.value";
