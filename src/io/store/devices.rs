//! Devices as the command line keeps them: what kinds there are, and what each needs.
//!
//! Implements: RFC 5626 §4.1 (instance-id).

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{Connection, Row, SqliteConnection};

use super::database::Database;
use super::error::StoreError;
use super::names::good_name;
use super::people::{canonical_number, require};
use super::refusal::{Hint, Refusal};
use crate::base::{Limits, Uid};
use crate::effect::store::StoredDevice;
use crate::io::clock;

/// A kind of device, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceKind {
    /// `gsm`, …
    pub word: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What it is reached by.
    pub needs: Needs,
}

/// What a device is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The instance-id of a client.
    Instance,
    /// A telephone number.
    Number,
    /// An e-mail address.
    Mail,
    /// Nothing: it is part of the network.
    Nothing,
}

/// A device as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// As a tree names it.
    pub name: String,
    /// `client`, `gsm`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The number or address of one that is no client.
    pub address: Option<String>,
    /// The instance-id of a client.
    pub instance: Option<String>,
    /// Of a client: the profile that it sends under, if it is not the one that serves.
    pub profile: Option<String>,
    /// Of a client: whether the store has a binding of it.
    pub registered: Option<bool>,
}

/// Why a wish for a device makes none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// It needs something else.
    #[error("a {what} is reached by {}\n  give {}", needs.words(), needs.flag())]
    Needs {
        /// What it is.
        what: &'static str,
        /// What it is reached by.
        needs: Needs,
    },
    /// It was given something that it has no use for.
    #[error("a {what} has no {flag}\n  {}", needs.flag())]
    NoUse {
        /// What it is.
        what: &'static str,
        /// What it was given.
        flag: &'static str,
        /// What it is reached by.
        needs: Needs,
    },
    /// No instance-id.
    #[error(
        "\"{}\" is no instance-id: {why}\n  it is a URN, for instance urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6; `ratatosk registrations --json` shows that of each phone that has one", .text.escape_debug()
    )]
    Instance {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No number.
    #[error("\"{}\" is no telephone number\n  a number is digits, with a leading + if it is international: +3545551234", .0.escape_debug())]
    Number(String),
    /// No e-mail address.
    #[error("\"{}\" is no e-mail address\n  it has the form anne@example.net", .0.escape_debug())]
    Mail(String),
}

impl DeviceKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self { word: "client", what: "client", needs: Needs::Instance },
        Self { word: "phone", what: "standard phone", needs: Needs::Number },
        Self { word: "gsm", what: "GSM phone", needs: Needs::Number },
        Self { word: "auto-replier", what: "auto-replier", needs: Needs::Nothing },
        Self { word: "web", what: "web page", needs: Needs::Nothing },
        Self { word: "pager", what: "pager", needs: Needs::Number },
        Self { word: "mail", what: "email client", needs: Needs::Mail },
        Self { word: "voicemail", what: "voice mailbox", needs: Needs::Nothing },
        Self { word: "fax", what: "fax machine", needs: Needs::Number },
    ];

    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|kind| kind.word == word).copied()
    }

    /// A device of this kind, or what is wrong with it.
    pub fn device(
        self,
        name: &str,
        address: Option<&str>,
        instance: Option<&str>,
    ) -> Result<StoredDevice, DeviceFault> {
        let Self { word, what, needs } = self;
        let missing = DeviceFault::Needs { what, needs };
        let no_use = |flag| DeviceFault::NoUse { what, flag, needs };
        let (address, instance) = match (needs, address, instance) {
            (Needs::Instance, None, Some(instance)) => (None, Some(canonical_instance(instance)?)),
            (Needs::Instance | Needs::Nothing, Some(_), _) => return Err(no_use("address")),
            (Needs::Number | Needs::Mail | Needs::Nothing, _, Some(_)) => return Err(no_use("instance-id")),
            (Needs::Instance | Needs::Number | Needs::Mail, None, None) => return Err(missing),
            (Needs::Number, Some(text), None) => {
                let number = canonical_number(text).ok_or_else(|| DeviceFault::Number(text.into()))?;
                (Some(number), None)
            }
            (Needs::Mail, Some(text), None) => {
                if !is_mail(text) {
                    return Err(DeviceFault::Mail(text.into()));
                }
                (Some(text.to_owned()), None)
            }
            (Needs::Nothing, None, None) => (None, None),
        };
        Ok(StoredDevice { name: name.to_owned(), kind: word.to_owned(), address, instance })
    }
}

impl Needs {
    fn words(self) -> &'static str {
        match self {
            Self::Instance => "the instance-id of its program or phone",
            Self::Number => "its number",
            Self::Mail => "an e-mail address",
            Self::Nothing => "its name alone",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Instance => {
                "--instance urn:uuid:…; `ratatosk registrations --json` shows that of each phone"
            }
            Self::Number => "--address +3545551234",
            Self::Mail => "--address anne@example.net",
            Self::Nothing => "it is part of the network: its name is enough",
        }
    }
}

impl Database {
    /// Gives a user a device.
    pub async fn add_device(
        &mut self,
        uid: &Uid,
        device: &StoredDevice,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        let name = good_name("device", &device.name)?;
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let there = devices(&mut transaction, uid).await?;
        if let Some(own) = there.iter().find(|own| own.name.eq_ignore_ascii_case(name)) {
            let device = own.name.clone();
            return Err(Refusal::DeviceExists { uid: uid.clone(), device }.into());
        }
        let same = |own: &&StoredDevice| own.instance.is_some() && own.instance == device.instance;
        if let Some(own) = there.iter().find(same) {
            let instance = own.instance.clone().unwrap_or_default();
            return Err(Refusal::InstanceTaken { instance, device: own.name.clone() }.into());
        }
        let most = u32::from(limits.devices_per_user);
        if u32::try_from(there.len()).is_ok_and(|count| count >= most) {
            let (what, limit) = ("many devices", "devices_per_user");
            return Err(Refusal::TooMany { uid: uid.clone(), what, limit, most }.into());
        }
        let sql =
            "INSERT INTO devices (uid, name, slot, kind, address, instance) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        sqlx::query(sql)
            .bind(uid.as_str())
            .bind(name)
            .bind(i64::from(uid.slot().0))
            .bind(&device.kind)
            .bind(&device.address)
            .bind(&device.instance)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// A user's devices, by name.
    pub async fn devices(&mut self, uid: &Uid) -> Result<Vec<DeviceRow>, StoreError> {
        require(&mut self.connection, uid).await?;
        let sql = "SELECT lower(trim(instance, '\"<> ')) FROM bindings WHERE uid = ?1 AND expires_s > ?2";
        let bound: Vec<String> = sqlx::query_scalar(sql)
            .bind(uid.as_str())
            .bind(clock::wall_ms() / 1000)
            .fetch_all(&mut self.connection)
            .await?;
        let sql = "SELECT name, profile FROM devices WHERE uid = ?1 AND profile IS NOT NULL";
        let under: Vec<(String, String)> =
            sqlx::query_as(sql).bind(uid.as_str()).fetch_all(&mut self.connection).await?;
        let mut under: BTreeMap<String, String> = under.into_iter().collect();
        let devices = devices(&mut self.connection, uid).await?;
        let row = |device: StoredDevice| {
            let is_bound = |instance: &String| bound.contains(&instance.to_ascii_lowercase());
            let registered = device.instance.as_ref().map(is_bound);
            let StoredDevice { name, kind, address, instance } = device;
            let profile = under.remove(&name);
            DeviceRow { name, kind, address, instance, profile, registered }
        };
        Ok(devices.into_iter().map(row).collect())
    }

    /// Takes a device from a user. Gives its name as it was stored.
    pub async fn remove_device(&mut self, uid: &Uid, name: &str) -> Result<String, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        require(&mut transaction, uid).await?;
        let there = devices(&mut transaction, uid).await?;
        let Some(device) = there.iter().find(|own| own.name.eq_ignore_ascii_case(name)) else {
            let otherwise = || format!("`ratatosk device list {uid}` shows those he has");
            let hint = Hint::of(name, there.iter().map(|own| own.name.as_str()), otherwise);
            return Err(Refusal::NoDevice { uid: uid.clone(), device: name.into(), hint }.into());
        };
        sqlx::query("DELETE FROM devices WHERE uid = ?1 AND name = ?2")
            .bind(uid.as_str())
            .bind(&device.name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(device.name.clone())
    }
}

/// A user's devices, by name.
pub(super) async fn devices(
    connection: &mut SqliteConnection,
    uid: &Uid,
) -> Result<Vec<StoredDevice>, StoreError> {
    let sql = "SELECT name, kind, address, instance FROM devices WHERE uid = ?1 ORDER BY name";
    let rows = sqlx::query(sql).bind(uid.as_str()).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(StoredDevice {
                name: row.try_get("name")?,
                kind: row.try_get("kind")?,
                address: row.try_get("address")?,
                instance: row.try_get("instance")?,
            })
        })
        .collect()
}

/// An instance-id in its one form, however a listing has quoted it: a URN, of which a UUID is in
/// lower case (RFC 4122 §3).
fn canonical_instance(text: &str) -> Result<String, DeviceFault> {
    let fault = |why| DeviceFault::Instance { text: text.into(), why };
    let bare = text.trim_matches(|c| matches!(c, '"' | '<' | '>' | ' '));
    let lower = bare.to_ascii_lowercase();
    let Some(name) = lower.strip_prefix("urn:") else { return Err(fault("it does not begin with `urn:`")) };
    let Some((space, rest)) =
        name.split_once(':').filter(|(space, rest)| !space.is_empty() && !rest.is_empty())
    else {
        return Err(fault("it names nothing"));
    };
    if bare.len() > 255 || !bare.bytes().all(|byte| byte.is_ascii_graphic()) || bare.contains(['"', '<', '>'])
    {
        return Err(fault("it holds what cannot stand in one, or too much"));
    }
    if space == "uuid" && !is_uuid(rest) {
        return Err(fault("a UUID has 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12"));
    }
    Ok(lower)
}

fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn is_mail(text: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
    };
    let parts = text.rsplit_once('@');
    text.len() <= 254
        && parts.is_some_and(|(user, host)| {
            good(user) && good(host) && !host.starts_with('.') && !host.ends_with('.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_takes_what_it_is_reached_by() {
        const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        for kind in DeviceKind::ALL {
            let of = |address, instance| kind.device("x", address, instance);
            let number = of(Some("+354 555-1234"), None);
            let mail = of(Some("anne@example.net"), None);
            let client = of(None, Some(URN));
            let bare = of(None, None);
            let good = [client.is_ok(), number.is_ok(), mail.is_ok(), bare.is_ok()];
            let expected = match kind.needs {
                Needs::Instance => [true, false, false, false],
                Needs::Number => [false, true, false, false],
                Needs::Mail => [false, false, true, false],
                Needs::Nothing => [false, false, false, true],
            };
            assert_eq!(good, expected, "{}", kind.word);
            assert!(of(Some("+354"), Some(URN)).is_err(), "{}", kind.word);
        }
        let gsm = DeviceKind::of("gsm").unwrap().device("gsm", Some("+354 555-1234"), None).unwrap();
        assert_eq!(gsm.address.as_deref(), Some("+3545551234"));
    }

    #[test]
    fn an_instance_has_one_form() {
        let good = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        for text in [
            good,
            "\"<urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6>\"",
            " <URN:UUID:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>",
        ] {
            assert_eq!(canonical_instance(text).as_deref(), Ok(good));
        }
        assert!(canonical_instance("urn:gsma:imei:90420156-025763-0").is_ok());
        for bad in [
            "",
            "desk",
            "uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "urn:",
            "urn:uuid:",
            "urn:uuid:f81d4fae",
            "urn:x:a b",
        ] {
            assert!(canonical_instance(bad).is_err(), "{bad}");
        }
    }
}
