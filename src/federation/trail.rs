//! Which trees a call or page has been through, told to other clusters without telling whose.
//!
//! A user whose tree was asked is an entry of History-Info under a name that only his own cluster can
//! read: a nonce, and a MAC over it and his address. What others have written is carried on as it
//! came. So a call that comes back to a tree is known at once, by whatever way it comes, and nobody
//! learns who forwarded it.
//!
//! Implements: RFC 7044 §5, §10.1; RFC 5393 §4 (a loop is found, whatever Max-Forwards says).

use smallvec::SmallVec;

use crate::base::token::hex;
use crate::base::{Rng, Uid};
use crate::config::Settings;
use crate::dialog::Escaped;
use crate::sip::{Message, Name, Uri};

use super::keyed::keyed;

/// Trees that a call may have been through before it comes here; with more it goes round.
const ENTRIES: usize = 20;
/// What the veiled names begin with.
const MARK: &str = "visited-";
/// Hex digits of the nonce and of the MAC.
const NONCE: usize = 8;
const MACED: usize = 16;

/// Whose trees a call from another cluster has been through; `None` if it has been through too many.
pub fn read_trail(request: &Message) -> Option<SmallVec<[Uid; 2]>> {
    let mut visited = SmallVec::<[Uid; 2]>::new();
    for entry in request.addresses(Name::HistoryInfo) {
        let Ok(uri) = Uri::parse(entry.uri) else { continue };
        let uid = uri.user_text().and_then(|user| Uid::new(&user, uri.host_text()).ok());
        visited.extend(uid);
    }
    (visited.len() <= ENTRIES).then_some(visited)
}

/// The History-Info of a call that goes to another cluster: whose trees it has been through.
pub fn trail<'u>(settings: &Settings, rng: &mut Rng, visited: impl Iterator<Item = &'u Uid>) -> Vec<String> {
    let entry = |(place, uid): (usize, &'u Uid)| {
        let index = place + 1;
        if uid.cluster() != settings.cid.as_str() || uid.user().starts_with(MARK) {
            return format!("<sip:{}@{}>;index={index}", Escaped(uid.user()), uid.cluster());
        }
        let mut nonce = [0; NONCE];
        hex(rng.draw(), &mut nonce);
        let nonce = String::from_utf8_lossy(&nonce);
        let maced = mac(settings, &nonce, uid);
        format!("<sip:{MARK}{nonce}{maced}@{}>;index={index}", settings.cid)
    };
    visited.enumerate().map(entry).collect()
}

/// Whether an entry of a trail is this user, veiled or not.
pub fn is_visited(settings: &Settings, entry: &Uid, uid: &Uid) -> bool {
    let veiled = || entry.user().strip_prefix(MARK).filter(|_| entry.cluster() == settings.cid.as_str());
    entry == uid || veiled().is_some_and(|veiled| names(settings, veiled, uid))
}

fn names(settings: &Settings, veiled: &str, uid: &Uid) -> bool {
    let Some((nonce, maced)) = veiled.split_at_checked(NONCE) else { return false };
    maced == mac(settings, nonce, uid)
}

fn mac(settings: &Settings, nonce: &str, uid: &Uid) -> String {
    keyed::<MACED>(&settings.key, &["trail", nonce, uid.as_str()])
}
