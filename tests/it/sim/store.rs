//! The fake of the store: what is in it outlives every user server, and it can be full.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ratatosk::base::{Cid, Limits, Slot, Uid};
use ratatosk::config::Algorithm;
use ratatosk::effect::fact::{CallRecord, PageRecord};
use ratatosk::effect::store::{
    InboxPage, OutboxPage, Script, Secrets, StoreOp, StoreOutcome, StoredBinding, StoredContacts,
    StoredDevice, StoredProfile, StoredUser,
};
use ratatosk::routing::{Account, Profile, Status, Ways, import_cpl, text_of};

use super::digest::hash;

/// Users, bindings and records, as on a disk.
#[derive(Debug)]
pub struct Store {
    /// Whether nothing more fits: every write fails.
    pub full: bool,
    /// Whether the database is gone: everything fails.
    pub gone: bool,
    /// How much longer than other things scripts and the search for circles take.
    pub aside: Duration,
    /// Pages that may wait in one inbox.
    pub inbox_room: usize,
    /// Records of calls, in the order they were put.
    pub calls: Vec<CallRecord>,
    /// Records of pages.
    pub pages: Vec<PageRecord>,
    /// Everything that was ever put into an inbox, in order, and whether a client has had it.
    pub inbox: Vec<(InboxPage, bool)>,
    /// Pages that wait for other clusters.
    pub outbox: Vec<OutboxPage>,
    /// Pages that need not wait for another cluster any more.
    pub settled: Vec<OutboxPage>,
    /// What became of those that have waited, by their records.
    pub receipts: BTreeMap<String, String>,
    serial: i64,
    users: BTreeMap<Uid, StoredUser>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            full: false,
            gone: false,
            aside: Duration::ZERO,
            inbox_room: 1000,
            calls: Vec::new(),
            pages: Vec::new(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            settled: Vec::new(),
            receipts: BTreeMap::new(),
            serial: 0,
            users: BTreeMap::new(),
        }
    }
}

impl Store {
    /// Adds a user whose password is `password`.
    pub fn add(&mut self, uid: &Uid, password: &str) {
        let ha1 = |algorithm, name: &str| hash(algorithm, &format!("{name}:{}:{password}", uid.cluster()));
        let secrets = Secrets {
            md5: hex(&ha1(Algorithm::Md5, uid.user())),
            sha256: hex(&ha1(Algorithm::Sha256, uid.user())),
            md5_uid: hex(&ha1(Algorithm::Md5, uid.as_str())),
            sha256_uid: hex(&ha1(Algorithm::Sha256, uid.as_str())),
        };
        let user = StoredUser::new(uid.clone(), secrets);
        self.users.entry(uid.clone()).or_insert(user);
    }

    /// Forgets a user and all of his.
    pub fn remove(&mut self, uid: &Uid) {
        self.users.remove(uid);
    }

    /// Gives a name to the client of that instance.
    pub fn client(&mut self, uid: &Uid, name: &str, instance: &str) {
        let device = StoredDevice {
            name: name.to_owned(),
            kind: "client".to_owned(),
            address: None,
            instance: Some(instance.to_owned()),
        };
        self.users.get_mut(uid).unwrap().devices.push(device);
    }

    /// Gives a user a number.
    pub fn number(&mut self, uid: &Uid, number: &str) {
        self.users.get_mut(uid).unwrap().numbers.push(number.to_owned());
    }

    /// Gives a user a device.
    pub fn device(&mut self, uid: &Uid, device: StoredDevice) {
        self.users.get_mut(uid).unwrap().devices.push(device);
    }

    /// Says how a user can be reached.
    pub fn status(&mut self, uid: &Uid, status: Option<Status>) {
        self.users.get_mut(uid).unwrap().status = status;
    }

    /// Gives a user a stock message.
    pub fn stock(&mut self, uid: &Uid, name: &str, text: &str) {
        self.users.get_mut(uid).unwrap().stock = Box::new([(name.into(), text.into())]);
    }

    /// Gives a user an account.
    pub fn account(&mut self, uid: &Uid, kind: &str, credit: i64) {
        let account = Account { kind: kind.into(), credit, ..Account::default() };
        self.users.get_mut(uid).unwrap().account = Some(Arc::new(account));
    }

    /// The value of a user's property.
    pub fn property(&self, uid: &Uid, key: &str) -> Option<String> {
        let account = self.users.get(uid)?.account.as_ref()?;
        account.property(key).map(str::to_owned)
    }

    /// Gives a user a contact list.
    pub fn contacts(&mut self, uid: &Uid, contacts: StoredContacts) {
        self.users.get_mut(uid).unwrap().contacts = contacts;
    }

    /// The profile of a user, if he has one of his own.
    pub fn profile_of(&self, uid: &Uid) -> Option<&Arc<Profile>> {
        self.users.get(uid)?.profile.as_ref()
    }

    /// The profile of a user that a rule names, or the one that serves.
    pub fn profile_that(&self, uid: &Uid, rule: &str) -> Option<&Arc<Profile>> {
        let name = rule.split(':').next();
        let own = self.users.get(uid).into_iter().flat_map(|user| &*user.profiles);
        let mut named = own.filter_map(|own| own.profile.as_ref()).filter(|own| Some(own.name()) == name);
        named.next().or_else(|| self.profile_of(uid))
    }

    /// Gives a user a profile, written in the tree language.
    pub fn profile(&mut self, uid: &Uid, source: &str) {
        let profile = Profile::compile(source).unwrap_or_else(|faults| panic!("{faults:?}"));
        self.users.get_mut(uid).unwrap().profile = Some(Arc::new(profile));
    }

    /// Gives a user a profile beside the one that serves.
    pub fn own_profile(&mut self, uid: &Uid, name: &str, code: Option<u8>, clients: &[&str], source: &str) {
        let profile = Some(Arc::new(Profile::compile(source).unwrap()));
        let clients = clients.iter().map(|client| Box::from(*client)).collect();
        let user = self.users.get_mut(uid).unwrap();
        let new = StoredProfile { name: name.into(), code, clients, profile };
        user.profiles = user.profiles.iter().cloned().chain([new]).collect();
    }

    /// The bindings of a user that a restarted server would find.
    pub fn bindings(&self, uid: &Uid) -> &[StoredBinding] {
        self.users.get(uid).map_or(&[], |user| &user.bindings)
    }

    /// The pages that wait for a client of this user, oldest first.
    pub fn waiting<'a>(&'a self, uid: &'a Uid) -> impl Iterator<Item = &'a InboxPage> {
        let open = move |(page, delivered): &&(InboxPage, bool)| page.uid == *uid && !*delivered;
        self.inbox.iter().filter(open).map(|(page, _)| page)
    }

    /// Whose phones have to be woken, the first of them first.
    fn due(
        &self,
        (first, last): (Slot, Slot),
        (due_s, now_s): (i64, i64),
        after: Option<(i64, Uid)>,
    ) -> BTreeSet<(i64, Uid)> {
        let users = self.users.values().filter(|user| (first.0..=last.0).contains(&user.uid.slot().0));
        let bindings = users.flat_map(|user| user.bindings.iter().map(move |binding| (user, binding)));
        let live = bindings.filter(|(_, binding)| binding.expires_s > now_s);
        let all = live.filter_map(|(user, binding)| Some((binding.wake_s?, user.uid.clone())));
        all.filter(|due| due.0 <= due_s && Some(due) > after.as_ref()).collect()
    }

    fn load_outbox(
        &self,
        peer: &Cid,
        after: i64,
        (due_ms, stored_ms): (i64, i64),
        limit: usize,
    ) -> StoreOutcome {
        let of_peer = || self.outbox.iter().filter(|page| page.peer == *peer);
        let due = |page: &&OutboxPage| {
            page.serial > after && (page.due_ms <= due_ms || page.stored_ms <= stored_ms)
        };
        let next = of_peer().map(|page| page.due_ms).filter(|due| *due > due_ms).min();
        StoreOutcome::Outbox(of_peer().filter(due).take(limit).cloned().collect(), next)
    }

    fn put_outbox(&mut self, page: &OutboxPage, record: &PageRecord) -> StoreOutcome {
        let same = |old: &OutboxPage| (&old.owner, &old.call_id) == (&page.owner, &page.call_id);
        if self.outbox.iter().any(same) {
            return StoreOutcome::Saved;
        }
        let serial = self.serial + 1;
        self.serial = serial;
        self.outbox.push(OutboxPage { serial, ..OutboxPage::clone(page) });
        self.receipts.insert(page.id.clone(), "waiting".to_owned());
        self.pages.push(PageRecord::clone(record));
        StoreOutcome::Saved
    }

    fn put_inbox(&mut self, page: &InboxPage) -> StoreOutcome {
        let same = |(old, _): &&mut (InboxPage, bool)| {
            (&old.uid, &old.sender, &old.call_id, old.cseq)
                == (&page.uid, &page.sender, &page.call_id, page.cseq)
        };
        let is_full = !page.copy && self.waiting(&page.uid).count() >= self.inbox_room;
        let serial = i64::try_from(self.inbox.len() + 1).unwrap();
        match self.inbox.iter_mut().find(same) {
            Some((old, _)) if !old.copy || page.copy => {}
            _ if is_full => return StoreOutcome::Full,
            // A copy is to be delivered after all.
            Some((old, delivered)) => (old.copy, *delivered) = (false, false),
            None => self.inbox.push((InboxPage { serial, ..InboxPage::clone(page) }, page.copy)),
        }
        StoreOutcome::Saved
    }

    /// A user has one profile here: the one that serves.
    fn import(&mut self, uid: &Uid, script: Option<&[u8]>) -> StoreOutcome {
        let Some(user) = self.users.get_mut(uid) else { return StoreOutcome::Failed };
        let own = user.profile.as_ref().is_some_and(|profile| profile.name() == "cpl");
        let Some(script) = script else {
            user.profile = user.profile.take().filter(|_| !own);
            return StoreOutcome::Imported(Ok(if own { Script::Serves } else { Script::Same }));
        };
        let imported =
            text_of(script).and_then(|text| import_cpl(text, "cpl", &Limits::default(), Some(uid)));
        StoreOutcome::Imported(match imported {
            Ok(imported) => {
                let same = user.profile.as_ref().is_some_and(|profile| profile.source() == imported.text);
                let serves = own || user.profile.is_none();
                if serves {
                    user.profile = Some(Arc::new(Profile::compile(&imported.text).unwrap()));
                }
                Ok(match (same, serves) {
                    (true, _) => Script::Same,
                    (false, true) => Script::Serves,
                    (false, false) => Script::Stored,
                })
            }
            Err(faults) => Err(faults.iter().next().unwrap().message.clone().into()),
        })
    }

    fn circles(&self, uid: &Uid, default: &Profile) -> StoreOutcome {
        let mut ways = Ways::default();
        for user in self.users.values() {
            let tree = ways.keep(user.profile.as_deref().unwrap_or(default).clone());
            ways.add(user.uid.clone(), tree);
        }
        let turns = ways.turns_of(uid, &Limits { loop_check_steps: 0, ..Limits::default() });
        StoreOutcome::Circles(turns.first().map(|turn| turn.sentence().into()))
    }

    fn put_property(&mut self, uid: &Uid, key: &str, value: &str) -> StoreOutcome {
        let Some(user) = self.users.get_mut(uid) else { return StoreOutcome::Failed };
        let account = Arc::make_mut(user.account.get_or_insert_default());
        let others = account.properties.iter().filter(|(own, _)| **own != *key).cloned();
        let new = (!value.is_empty()).then(|| (Box::from(key), Box::from(value)));
        account.properties = others.chain(new).collect();
        StoreOutcome::Saved
    }

    fn activate(&mut self, uid: &Uid, profile: Option<&str>) -> StoreOutcome {
        let Some(user) = self.users.get_mut(uid) else { return StoreOutcome::Failed };
        let own = user.profiles.iter().find(|own| Some(&*own.name) == profile);
        if profile.is_some() && own.is_none() {
            return StoreOutcome::Gone;
        }
        user.profile = own.and_then(|own| own.profile.clone());
        StoreOutcome::Saved
    }

    /// Does one thing.
    pub fn perform(&mut self, now_s: i64, op: StoreOp) -> StoreOutcome {
        if self.gone {
            return StoreOutcome::Failed;
        }
        match op {
            StoreOp::LoadUser(uid) => StoreOutcome::User(self.users.get(&uid).map(|user| {
                let mut user = user.clone();
                user.bindings.retain(|binding| binding.expires_s > now_s);
                user.waiting = self.waiting(&uid).next().is_some();
                Box::new(user)
            })),
            StoreOp::FindNumber(number) => {
                let owner = |user: &&StoredUser| user.numbers.contains(&number);
                StoreOutcome::Number(self.users.values().find(owner).map(|user| user.uid.clone()))
            }
            StoreOp::LoadInbox { uid, limit, held } => {
                let limit = usize::try_from(limit).unwrap();
                let ready = self.waiting(&uid).filter(|page| held || !page.held);
                StoreOutcome::Inbox(ready.take(limit).cloned().collect())
            }
            StoreOp::FindCircles { uid, default } => self.circles(&uid, &default),
            StoreOp::LoadOutbox { peer, after, due_ms, stored_ms, limit } => {
                self.load_outbox(&peer, after, (due_ms, stored_ms), usize::try_from(limit).unwrap())
            }
            StoreOp::LoadDue { slots, due_s, after, limit } => {
                let limit = usize::try_from(limit).unwrap();
                StoreOutcome::Due(self.due(slots, (due_s, now_s), after).into_iter().take(limit).collect())
            }
            _ if self.full => StoreOutcome::Failed,
            StoreOp::PutOutbox(page, record) => self.put_outbox(&page, &record),
            StoreOp::DeferOutbox { serial, tries, due_ms } => {
                for page in self.outbox.iter_mut().filter(|page| page.serial == serial) {
                    (page.tries, page.due_ms) = (tries, due_ms);
                }
                StoreOutcome::Saved
            }
            StoreOp::SettleOutbox { page, receipt, .. } => {
                self.outbox.retain(|other| other.serial != page.serial);
                self.receipts.insert(page.id.clone(), receipt);
                self.settled.push(OutboxPage::clone(&page));
                StoreOutcome::Saved
            }
            StoreOp::SaveBindings { uid, put, remove } => {
                let Some(user) = self.users.get_mut(&uid) else { return StoreOutcome::Failed };
                let replaced = |key: &String| remove.contains(key) || put.iter().any(|new| new.key == *key);
                user.bindings.retain(|old| !replaced(&old.key));
                user.bindings.extend(put);
                StoreOutcome::Saved
            }
            StoreOp::PutProperty { uid, key, value } => self.put_property(&uid, &key, &value),
            StoreOp::Activate { uid, profile } => self.activate(&uid, profile.as_deref()),
            StoreOp::ImportScript { uid, script } => self.import(&uid, script.as_deref()),
            StoreOp::PutCall(record) => {
                self.calls.push(CallRecord::clone(&record));
                StoreOutcome::Saved
            }
            StoreOp::PutPage(record) => {
                self.pages.push(PageRecord::clone(&record));
                StoreOutcome::Saved
            }
            StoreOp::PutInbox(page) => self.put_inbox(&page),
            StoreOp::Delivered { uid, serial } => {
                let page = self.inbox.iter_mut().find(|(page, _)| page.serial == serial && page.uid == uid);
                if let Some((_, delivered)) = page {
                    *delivered = true;
                }
                // One that is gone needs no mark.
                StoreOutcome::Saved
            }
        }
    }
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    digits.as_bytes().try_into().unwrap()
}
