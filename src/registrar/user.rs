//! The routing record of one user, in memory.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{At, Key, Now, TimerId, Uid};
use crate::config::Settings;
use crate::effect::Flow;
use crate::effect::store::{Secrets, StoredDevice, StoredProfile, StoredUser};
use crate::routing::{Account, Content, Facts, Profile, Registered, Status, Who};
use crate::sip::Preferences;
use crate::sip::digest::{Algorithm, Hex, Uses};

use super::bindings::{Binding, Bindings};
use super::calls::Calls;
use super::contacts::Contacts;
use super::hourly::Hourly;

/// A user whose record is loaded.
#[derive(Debug)]
pub struct User {
    /// Whose.
    pub uid: Uid,
    /// The name shown to those he calls.
    pub name: Option<String>,
    /// The numbers that reach him.
    pub numbers: Vec<String>,
    /// Where his phones are.
    pub bindings: Bindings,
    /// The profile that he has activated; without one the cluster's default decides.
    pub profile: Option<Arc<Profile>>,
    /// All of his profiles, as his phones name them.
    pub own_profiles: Box<[StoredProfile]>,
    /// Whom he knows.
    pub contacts: Contacts,
    /// His named devices.
    pub devices: Box<[StoredDevice]>,
    /// What his trees may look at besides; nothing is a standard account.
    pub account: Option<Arc<Account>>,
    /// How he has said that he can be reached.
    pub status: Option<Status>,
    /// His own stock messages, by name.
    pub stock: Box<[(Box<str>, Box<str>)]>,
    /// Whether pages wait in his inbox for one of his clients.
    pub waiting: bool,
    /// Whether his clients have refused all of those, each for good.
    pub refused: bool,
    /// The round that is bringing them to his clients.
    pub round: Option<Key>,
    /// When a client of his last registered here.
    pub registered: Option<At>,
    /// The halves of calls that are in progress.
    pub calls: Calls,
    /// Halves of pages that are in progress.
    pub pages: u16,
    /// How many of his pages were kept lately for whom they did not reach.
    pub kept: Hourly,
    /// Whether the store knows him no longer: he goes when his last half does.
    pub removed: bool,
    /// When something was last asked of him.
    pub used: At,
    /// The timer of the binding that expires first.
    pub expiry: Option<TimerId>,
    /// How often he is being read again.
    pub reading: u16,
    /// What he is to hear with the next answer to a REGISTER.
    pub news: Option<Box<str>>,
    /// Properties that a tree has given him and that are not in the store yet, the oldest first.
    unsaved: Vec<(Arc<str>, Arc<str>)>,
    pub(super) uses: Uses,
    secrets: Box<Ha1s>,
}

impl User {
    /// Takes a record from the store.
    pub fn load(settings: &Settings, now: Now, stored: StoredUser) -> Self {
        let bindings = Bindings::load(settings, now, &stored.uid, stored.bindings);
        Self {
            uid: stored.uid,
            name: stored.name,
            numbers: stored.numbers,
            bindings,
            profile: stored.profile,
            own_profiles: stored.profiles,
            contacts: Contacts::load(stored.contacts),
            devices: stored.devices.into(),
            account: stored.account,
            status: stored.status,
            stock: stored.stock,
            waiting: stored.waiting,
            refused: false,
            round: None,
            registered: None,
            calls: Calls::default(),
            pages: 0,
            kept: Hourly::default(),
            removed: false,
            used: now.at,
            expiry: None,
            reading: 0,
            news: None,
            unsaved: Vec::new(),
            uses: Uses::default(),
            secrets: Box::new(Ha1s::of(&stored.secrets)),
        }
    }

    /// The best binding that fits of each of his clients, the best first: of all clients, or of the one that
    /// he calls by this name. Who asks has to say what fits: another flow of a client may be good where its
    /// best one is not.
    pub fn clients(
        &self,
        now: At,
        name: Option<&str>,
        fits: impl Fn(&Binding) -> bool,
    ) -> impl Iterator<Item = &Binding> {
        let device = |device: &&StoredDevice| Some(device.name.as_str()) == name;
        let instance = self.devices.iter().find(device).and_then(|device| device.instance.as_deref());
        let named = move |binding: &&Binding| {
            name.is_none() || instance.is_some_and(|instance| binding.has_instance(instance))
        };
        let mut seen: SmallVec<[&str; 4]> = SmallVec::new();
        let fitting = self.bindings.reachable(now).filter(named).filter(move |binding| fits(binding));
        fitting.filter(move |binding| {
            let is_new = !seen.contains(&binding.client());
            seen.push(binding.client());
            is_new
        })
    }

    /// Those of [`User::clients`] that the caller would reach, those that he would rather reach first
    /// among equals (RFC 3841 §7.2.4).
    pub fn preferred(
        &self,
        now: At,
        name: Option<&str>,
        wishes: &Preferences,
        fits: impl Fn(&Binding) -> bool,
    ) -> SmallVec<[&Binding; 4]> {
        let all: SmallVec<[&Binding; 4]> = self.clients(now, name, fits).collect();
        let scored = all.iter().filter_map(|own| Some((wishes.score(&own.stored.features)?, *own)));
        let mut scored: SmallVec<[(u32, &Binding); 4]> = scored.collect();
        if scored.is_empty() && wishes.is_implicit() {
            return all;
        }
        // The callee's own order comes first.
        scored.sort_by_key(|(score, own)| (own.has_failed, Reverse(own.stored.q), Reverse(*score)));
        scored.into_iter().map(|(_, own)| own).collect()
    }

    /// Whether one of his clients has registered by this flow.
    pub fn is_reached_by(&self, flow: Flow) -> bool {
        self.bindings.iter().any(|binding| binding.flow == flow)
    }

    /// The best binding of a client's that fits.
    pub fn other_flow(&self, now: At, client: &str, fits: impl Fn(&Binding) -> bool) -> Option<&Binding> {
        self.bindings.reachable(now).find(|binding| binding.client() == client && fits(binding))
    }

    /// Whether he calls one of his clients by this name.
    pub fn calls_client(&self, name: &str) -> bool {
        self.devices.iter().any(|device| device.name == name && device.instance.is_some())
    }

    /// What his trees may look at when somebody calls him, or when he calls somebody.
    pub fn facts(&self, now: Now, other: &Who, content: Option<Arc<Content>>) -> Facts {
        let any = self.bindings.any(now.at);
        let (groups, contact) = self.contacts.of(other);
        Facts {
            registered: if any { Registered::ThisMode } else { Registered::None },
            groups,
            contact,
            urgent: content.as_ref().is_some_and(|content| content.is_urgent()),
            wall_ms: now.wall_ms,
            status: self.status(now.at),
            // Whoever is named has proved it: to us, or to his own cluster, which answers for him.
            verified: matches!(other, Who::User(_)),
            account: self.account.clone(),
            device: None,
            content,
        }
    }

    /// Gives a property a value, or removes it with an empty one. True if that changes anything and
    /// he does not have more than `most` of them.
    pub fn set_property(&mut self, key: &str, value: &str, most: usize) -> bool {
        let now = self.account.as_ref().and_then(|account| account.property(key)).unwrap_or_default();
        if now == value {
            return false;
        }
        let account = Arc::make_mut(self.account.get_or_insert_default());
        let others = account.properties.iter().filter(|(own, _)| **own != *key).cloned();
        let new = (!value.is_empty()).then(|| (key.into(), value.into()));
        let properties: Box<[_]> = others.chain(new).collect();
        let fits = properties.len() <= most;
        if fits {
            account.properties = properties;
        }
        fits
    }

    /// A property is on its way to the store: until it is there, what is read does not know of it.
    pub fn begin_saving(&mut self, key: Arc<str>, value: Arc<str>) {
        self.unsaved.push((key, value));
    }

    /// The oldest of those properties is in the store, or will never be. True if he is being read, and
    /// nobody knows from when that is.
    pub fn end_saving(&mut self, key: &str) -> bool {
        if let Some(at) = self.unsaved.iter().position(|(own, _)| **own == *key) {
            self.unsaved.remove(at);
        }
        self.reading > 0
    }

    /// How he can be reached: what he has said, or else whether a client of his is registered.
    pub fn status(&self, now: At) -> Status {
        let seen = if self.bindings.any(now) { Status::Available } else { Status::Offline };
        self.status.unwrap_or(seen)
    }

    /// The name of that of his clients to which a binding belongs, if it has one.
    pub fn device(&self, now: At, is: impl Fn(&Binding) -> bool) -> Option<Arc<str>> {
        if self.devices.is_empty() {
            return None;
        }
        let mut bindings = self.bindings.reachable(now).filter(|binding| is(binding));
        bindings.find_map(|binding| {
            let named = |device: &&StoredDevice| {
                device.instance.as_deref().is_some_and(|instance| binding.has_instance(instance))
            };
            self.devices.iter().find(named).map(|device| device.name.as_str().into())
        })
    }

    /// The profile that decides, and the one that does where it has no tree.
    pub fn profiles<'a>(&'a self, settings: &'a Settings) -> (&'a Arc<Profile>, &'a Arc<Profile>) {
        let default = &settings.default_profile;
        (self.profile.as_ref().unwrap_or(default), default)
    }

    /// His profile of that name, in any case.
    pub fn named(&self, name: &str) -> Option<&StoredProfile> {
        self.own_profiles.iter().find(|own| own.name.eq_ignore_ascii_case(name))
    }

    /// His profile that is dialled by this digit.
    pub fn coded(&self, code: &str) -> Option<&StoredProfile> {
        let code = code.parse().ok().filter(|_| code.len() == 1);
        self.own_profiles.iter().find(|own| code.is_some() && own.code == code)
    }

    /// The profile that a client of his sends under, if it has one.
    pub fn of_client(&self, client: &str) -> Option<&StoredProfile> {
        let sends = |own: &&StoredProfile| own.clients.iter().any(|name| name.eq_ignore_ascii_case(client));
        self.own_profiles.iter().find(sends)
    }

    /// Lets a profile of his serve, or with `None` the cluster's default.
    pub fn activate(&mut self, name: Option<&str>) {
        self.profile = name.and_then(|name| self.named(name)).and_then(|own| own.profile.clone());
    }

    /// Whether something of his is in progress.
    pub fn is_busy(&self) -> bool {
        !self.calls.is_empty() || self.pages > 0 || self.round.is_some()
    }

    /// The store knows him no longer: no password fits from now on.
    pub fn remove(&mut self) {
        self.removed = true;
        *self.secrets = Ha1s::default();
    }

    /// Takes what an operator may have changed; bindings, calls and uses stay.
    pub fn refresh(&mut self, stored: StoredUser) {
        self.name = stored.name;
        self.numbers = stored.numbers;
        self.contacts = Contacts::load(stored.contacts);
        self.devices = stored.devices.into();
        self.account = stored.account;
        for (key, value) in std::mem::take(&mut self.unsaved) {
            self.set_property(&key, &value, usize::MAX);
            self.unsaved.push((key, value));
        }
        self.status = stored.status;
        self.stock = stored.stock;
        self.profile = stored.profile;
        self.own_profiles = stored.profiles;
        self.removed = false;
        // A page that came while he was read again waits, whatever was read.
        self.waiting |= stored.waiting;
        *self.secrets = Ha1s::of(&stored.secrets);
    }

    /// The HA1 for an algorithm, and for a user name that is the whole UID or its user part.
    pub(super) fn ha1(&self, algorithm: Algorithm, whole_uid: bool) -> Option<Hex> {
        let Ha1s { md5, sha256, md5_uid, sha256_uid } = &*self.secrets;
        match (algorithm, whole_uid) {
            (Algorithm::Md5, false) => md5.map(|hash| Hex::of(&hash)),
            (Algorithm::Md5, true) => md5_uid.map(|hash| Hex::of(&hash)),
            (Algorithm::Sha256, false) => sha256.map(|hash| Hex::of(&hash)),
            (Algorithm::Sha256, true) => sha256_uid.map(|hash| Hex::of(&hash)),
            (Algorithm::Sha512_256, _) => None,
        }
    }
}

/// The secrets as bytes, which take half as much as the digits that proofs are checked with: most
/// users only sit there. `None` is one that no password fits.
#[derive(Default)]
struct Ha1s {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    md5_uid: Option<[u8; 16]>,
    sha256_uid: Option<[u8; 32]>,
}

impl Ha1s {
    fn of(secrets: &Secrets) -> Self {
        Self {
            md5: bytes(&secrets.md5),
            sha256: bytes(&secrets.sha256),
            md5_uid: bytes(&secrets.md5_uid),
            sha256_uid: bytes(&secrets.sha256_uid),
        }
    }
}

impl fmt::Debug for Ha1s {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1s(…)")
    }
}

/// The bytes that hexadecimal digits stand for; `None` if they are none.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut bytes = [0; N];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_bytes() {
        assert_eq!(bytes(b"00ffA5"), Some([0, 255, 165]));
        assert_eq!(bytes::<3>(b"00ffg5"), None);
        assert_eq!(bytes::<3>(b"00ff"), None);
        assert_eq!(bytes::<3>(b"00ffa51"), None);
    }
}
