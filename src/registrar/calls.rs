//! The calls of one user that are in progress: how many more there may be, and of whom.
//!
//! Those that he makes and those that come to him are counted apart, and of no caller more than a part of the
//! latter may wait for an answer: whoever lets a hundred calls ring keeps neither him nor others from calling.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::Key;
use crate::routing::Who;

/// One in so many of the calls that may come to a user may wait for an answer to the same caller.
const PARTS: usize = 4;

/// The halves of calls of one user.
#[derive(Debug, Default)]
pub struct Calls {
    /// All of them.
    halves: u16,
    /// Those that his incoming tree is deciding, or has answered.
    incoming: SmallVec<[Incoming; 1]>,
}

#[derive(Debug)]
struct Incoming {
    id: Arc<str>,
    /// Whose, as [`name`] has it.
    caller: u64,
    half: Key,
}

impl Calls {
    /// Whether nothing is in progress.
    pub fn is_empty(&self) -> bool {
        self.halves == 0
    }

    /// He begins one, or one is begun in his name.
    pub fn begin(&mut self) {
        self.halves = self.halves.saturating_add(1);
    }

    /// One comes to him.
    pub fn begin_incoming(&mut self, id: &Arc<str>, caller: &Who, half: Key) {
        self.begin();
        self.incoming.push(Incoming { id: Arc::clone(id), caller: name(caller), half });
    }

    /// One is over.
    pub fn end(&mut self, id: &Arc<str>, is_incoming: bool) {
        self.halves = self.halves.saturating_sub(1);
        let at = self.incoming.iter().position(|own| own.id == *id);
        if let Some(at) = at.filter(|_| is_incoming) {
            self.incoming.swap_remove(at);
        }
    }

    /// Whether this one comes to him already, by another way.
    pub fn has_incoming(&self, id: &Arc<str>) -> bool {
        self.incoming.iter().any(|own| own.id == *id)
    }

    /// Whether he may begin another, of so many.
    pub fn has_room(&self, most: u16) -> bool {
        usize::from(self.halves).saturating_sub(self.incoming.len()) < usize::from(most)
    }

    /// Whether another of this caller's may come to him, of so many in all; which of them wait for an answer
    /// is for who has them to say.
    pub fn has_room_for(&self, caller: &Who, most: u16, waits: impl Fn(Key) -> bool) -> bool {
        let (most, caller) = (usize::from(most), name(caller));
        let own = self.incoming.iter().filter(|own| own.caller == caller && waits(own.half)).count();
        self.incoming.len() < most && own < (most / PARTS).max(1)
    }
}

/// What tells callers apart.
fn name(caller: &Who) -> u64 {
    let mut hasher = DefaultHasher::new();
    match caller {
        Who::Anonymous => {}
        Who::User(uid) => uid.as_str().hash(&mut hasher),
        Who::Number(number) => number.hash(&mut hasher),
    }
    hasher.finish()
}
