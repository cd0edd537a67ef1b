//! Compiled profiles, shared: a thousand users with the same tree hold one.
//!
//! A text is compiled on a thread for long work, so that neither reads of other users nor writes wait for it, and
//! without its proof, which was made when it was stored. One that cannot be read is told of once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Weak};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::base::{Limits, Uid};
use crate::io::event_log::redacted;
use crate::routing::{Faults, Profile};

/// What tells a text from every other.
pub(super) type Hash = [u8; 32];

/// A text that is asked for.
pub(super) struct Text {
    pub(super) owner: Uid,
    pub(super) source: String,
    /// Whether it is what serves its owner.
    pub(super) is_active: bool,
}

/// Compiled profiles by the hash of their text, for as long as somebody holds them.
pub(super) struct Compiled {
    limits: watch::Receiver<Limits>,
    known: HashMap<Hash, Weak<Profile>>,
    /// Texts that cannot be read within these limits.
    unreadable: HashSet<Hash>,
    /// The size at which those that nobody holds are let go.
    sweep_at: usize,
}

impl Compiled {
    pub(super) fn new(limits: watch::Receiver<Limits>) -> Self {
        Self { limits, known: HashMap::new(), unreadable: HashSet::new(), sweep_at: 64 }
    }

    /// The profiles of some texts; those that cannot be read are not among them.
    pub(super) async fn profiles(&mut self, texts: BTreeMap<Hash, Text>) -> HashMap<Hash, Arc<Profile>> {
        if self.limits.has_changed().unwrap_or(false) {
            self.unreadable.clear();
        }
        let limits = self.limits.borrow_and_update().clone();
        let mut held = HashMap::with_capacity(texts.len());
        let mut wanted = Vec::new();
        for (hash, text) in texts {
            match self.known.get(&hash).and_then(Weak::upgrade) {
                Some(profile) => drop(held.insert(hash, profile)),
                None if self.unreadable.contains(&hash) => {}
                None => wanted.push((hash, text)),
            }
        }
        if wanted.is_empty() {
            return held;
        }
        let compile = move || -> Vec<_> {
            let compile = |(hash, text): (Hash, Text)| {
                let compiled = Profile::compile_stored(&text.source, &limits, &text.owner);
                (hash, text, compiled)
            };
            wanted.into_iter().map(compile).collect()
        };
        // The pool of threads ends with this thread, and not before.
        for (hash, text, compiled) in tokio::task::spawn_blocking(compile).await.unwrap_or_default() {
            match compiled {
                Ok(profile) => {
                    let profile = Arc::new(profile);
                    self.remember(hash, &profile);
                    held.insert(hash, profile);
                }
                Err(faults) => {
                    tell(&text, &faults);
                    self.unreadable.insert(hash);
                }
            }
        }
        held
    }

    fn remember(&mut self, hash: Hash, profile: &Arc<Profile>) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, profile| profile.strong_count() > 0);
            self.sweep_at = (self.known.len() * 2).max(64);
        }
        self.known.insert(hash, Arc::downgrade(profile));
    }
}

/// The hash of a text.
pub(super) fn hash_of(source: &str) -> Hash {
    Sha256::digest(source.as_bytes()).into()
}

/// Profiles are checked before they are stored: the language or a limit has changed since.
fn tell(text: &Text, faults: &Faults) {
    let first = faults.iter().next().map(ToString::to_string).unwrap_or_default();
    let (user, faults) = (redacted(text.owner.as_str()), faults.iter().count());
    if text.is_active {
        tracing::error!(
            user,
            faults,
            first,
            "a stored tree cannot be read by this version; it is kept, and the default profile serves its user: \
             `ratatosk profile unreadable` lists all of them"
        );
    } else {
        tracing::warn!(
            user,
            faults,
            first,
            "a stored tree that does not serve now cannot be read by this version; it is kept: \
             `ratatosk profile unreadable` lists all of them"
        );
    }
}
