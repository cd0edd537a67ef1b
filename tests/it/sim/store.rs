//! The fake of the store: what is in it outlives every user server, and it can be full.

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatosk::base::Uid;
use ratatosk::config::Algorithm;
use ratatosk::effect::fact::{CallRecord, PageRecord};
use ratatosk::effect::store::{Secrets, StoreOp, StoreOutcome, StoredBinding, StoredUser};
use ratatosk::routing::Profile;

use super::digest::hash;

/// Users, bindings and records, as on a disk.
#[derive(Debug, Default)]
pub struct Store {
    /// Whether nothing more fits: every write fails.
    pub full: bool,
    /// Whether the database is gone: everything fails.
    pub gone: bool,
    /// Records of calls, in the order they were put.
    pub calls: Vec<CallRecord>,
    /// Records of pages.
    pub pages: Vec<PageRecord>,
    users: BTreeMap<Uid, StoredUser>,
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
        let user = StoredUser {
            uid: uid.clone(),
            name: None,
            numbers: Vec::new(),
            secrets,
            bindings: Vec::new(),
            profile: None,
        };
        self.users.entry(uid.clone()).or_insert(user);
    }

    /// Gives a user a number.
    pub fn number(&mut self, uid: &Uid, number: &str) {
        self.users.get_mut(uid).unwrap().numbers.push(number.to_owned());
    }

    /// Gives a user a profile, written in the tree language.
    pub fn profile(&mut self, uid: &Uid, source: &str) {
        let profile = Profile::compile(source).unwrap_or_else(|faults| panic!("{faults:?}"));
        self.users.get_mut(uid).unwrap().profile = Some(Arc::new(profile));
    }

    /// The bindings of a user that a restarted server would find.
    pub fn bindings(&self, uid: &Uid) -> &[StoredBinding] {
        self.users.get(uid).map_or(&[], |user| &user.bindings)
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
                Box::new(user)
            })),
            StoreOp::FindNumber(number) => {
                let bare = number.trim_start_matches('+');
                let owner =
                    |user: &&StoredUser| user.numbers.iter().any(|own| own.trim_start_matches('+') == bare);
                StoreOutcome::Number(self.users.values().find(owner).map(|user| user.uid.clone()))
            }
            _ if self.full => StoreOutcome::Failed,
            StoreOp::SaveBindings { uid, put, remove } => {
                let Some(user) = self.users.get_mut(&uid) else { return StoreOutcome::Failed };
                let replaced = |key: &String| remove.contains(key) || put.iter().any(|new| new.key == *key);
                user.bindings.retain(|old| !replaced(&old.key));
                user.bindings.extend(put);
                StoreOutcome::Saved
            }
            StoreOp::PutCall(record) => {
                self.calls.push(CallRecord::clone(&record));
                StoreOutcome::Saved
            }
            StoreOp::PutPage(record) => {
                self.pages.push(PageRecord::clone(&record));
                StoreOutcome::Saved
            }
        }
    }
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    digits.as_bytes().try_into().unwrap()
}
