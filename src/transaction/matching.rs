//! When are two requests one? The keys of server transactions.
//!
//! Implements: RFC 3261 §17.2.3 (with and without the branch cookie), §8.2.2.2 (merged requests).

use std::hash::{DefaultHasher, Hasher};

use crate::sip::{Message, Method, Name};

/// What every branch of RFC 3261 begins with (§8.1.1.7).
pub(super) const COOKIE: &[u8] = b"z9hG4bK";

/// A keyed hash, so that nobody can choose requests that collide.
pub(super) struct Hash {
    salt: u64,
}

impl Hash {
    pub(super) fn new(salt: u64) -> Self {
        Self { salt }
    }

    /// Of what identifies a transaction; an ACK hashes as its INVITE.
    pub(super) fn transaction(&self, message: &Message, method: Method) -> u64 {
        let mut hasher = self.hasher(method);
        match cookie_branch(message) {
            Some(branch) => hasher.write(branch),
            None => {
                hasher.write(message.call_id());
                hasher.write(message.from_tag());
                hasher.write_u32(message.cseq());
            }
        }
        hasher.finish()
    }

    /// Of what identifies a request whatever way it took.
    pub(super) fn request(&self, message: &Message) -> u64 {
        let mut hasher = self.hasher(message.method());
        hasher.write(message.call_id());
        hasher.write_u8(0);
        hasher.write(message.from_tag());
        hasher.write_u32(message.cseq());
        hasher.finish()
    }

    fn hasher(&self, method: Method) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.salt);
        hasher.write(method.as_str().as_bytes());
        hasher
    }
}

/// Whether `message`, taken as one of `method`, belongs to the transaction that `first` opened.
pub(super) fn same_transaction(first: &Message, message: &Message, method: Method) -> bool {
    if first.method() != method || !same_name(first, message, method) {
        return false;
    }
    let (Some(a), Some(b)) = (first.via(), message.via()) else {
        return false;
    };
    match (cookie_branch(first), cookie_branch(message)) {
        (Some(mine), Some(theirs)) => {
            mine == theirs && a.host.eq_ignore_ascii_case(b.host) && a.port == b.port
        }
        (None, None) => {
            first.request_uri() == message.request_uri()
                && first.from_tag() == message.from_tag()
                && first.call_id() == message.call_id()
                && first.cseq() == message.cseq()
                && (message.method() == Method::Ack || first.to_tag() == message.to_tag())
                && first.values(Name::Via).next() == message.values(Name::Via).next()
        }
        _ => false,
    }
}

/// Whether it is the same request that came another way (then it is answered 482).
pub(super) fn same_request(first: &Message, message: &Message) -> bool {
    first.method() == message.method()
        && first.cseq() == message.cseq()
        && first.call_id() == message.call_id()
        && first.from_tag() == message.from_tag()
        && same_name(first, message, message.method())
}

/// Methods that we have no word for are told apart by their text.
fn same_name(first: &Message, message: &Message, method: Method) -> bool {
    method != Method::Other || first.method_bytes() == message.method_bytes()
}

/// Whether its branch says alone which transaction it is of.
pub(super) fn has_cookie(message: &Message) -> bool {
    cookie_branch(message).is_some()
}

fn cookie_branch(message: &Message) -> Option<&[u8]> {
    let branch = message.via()?.branch;
    // The bare cookie identifies nothing (RFC 4475 §3.2.1).
    (branch.len() > COOKIE.len() && branch.starts_with(COOKIE)).then_some(branch)
}
