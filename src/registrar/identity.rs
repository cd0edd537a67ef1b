//! Who is meant: from the URIs of requests to users and numbers.
//!
//! Implements: RFC 3261 §19.1; RFC 3966 §5.

use crate::base::Uid;
use crate::config::Settings;
use crate::dialog::Face;
use crate::routing::Who;
use crate::sip::{NameAddr, Scheme, Uri};

use super::gruu::{Meaning, Only, meaning};

/// The one who calls or writes.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As trees see him.
    pub who: Who,
    /// As phones see him; by a `sips:` address if he has asked for one, so that nobody is reached for him
    /// but over TLS.
    pub face: Face,
    /// Who he really is if he is a user of this cluster, hidden or not: for other clusters, to which
    /// we answer for him.
    pub own: Option<Uid>,
}

impl Caller {
    /// One whom somebody has called, as he is shown to a third: by the name that he was called by, since
    /// nobody is told where a call went.
    pub fn called(settings: &Settings, who: &Who) -> Self {
        let host = settings.cid.as_str();
        let (face, own) = match who {
            Who::User(uid) => (Face::of(uid), (uid.cluster() == host).then(|| uid.clone())),
            Who::Number(number) => {
                let (user, host) = (number.to_string(), host.to_owned());
                (Face { name: None, user, host, sips: false }, None)
            }
            Who::Anonymous => (Face::anonymous(), None),
        };
        Self { who: who.clone(), face, own }
    }

    /// How another cluster is told of him by us, who answer for our users and nobody else: whom we
    /// assert, and how he is shown. One whom a third cluster sent to `owner`, who sends him on, comes
    /// in the name of `owner`.
    pub fn abroad(&self, owner: &Uid) -> (Uid, Face) {
        if let Some(own) = &self.own {
            return (own.clone(), self.face.clone());
        }
        let face = match self.who {
            Who::Anonymous => self.face.clone(),
            Who::User(_) | Who::Number(_) => {
                let name = self.face.name.clone();
                Face { name, sips: self.face.sips, ..Face::of(owner) }
            }
        };
        (owner.clone(), face)
    }
}

/// Whom a URI names: a user of this cluster or of one that we speak with, a number; `None` for what
/// we cannot reach.
pub fn who_of(settings: &Settings, address: &[u8]) -> Option<Who> {
    let uri = NameAddr::parse(address).map_or(address, |named| named.uri);
    who_of_uri(settings, &Uri::parse(uri).ok()?)
}

/// The one client that a URI or the address in a header names, if it is a public GRUU.
pub fn only_of(address: &[u8]) -> Option<Only> {
    let named = || Uri::parse(NameAddr::parse(address)?.uri).ok();
    Only::of(&Uri::parse(address).ok().or_else(named)?)
}

/// The user of ours that a request of another cluster's is for, and the one client of his that is meant: a
/// temporary GRUU has to be opened before anybody knows whose it is.
pub fn callee_of(settings: &Settings, request_uri: &[u8]) -> Option<(Who, Option<Only>)> {
    let uri = Uri::parse(request_uri).ok()?;
    match who_of_uri(settings, &uri)? {
        Who::User(uid) if uid.cluster() != settings.cid.as_str() => None,
        Who::User(uid) => match meaning(settings, &uid) {
            Meaning::Plain => Some((Who::User(uid), Only::of(&uri))),
            Meaning::Client(uid, only) => Some((Who::User(uid), Some(only))),
            Meaning::Nobody => None,
        },
        who @ (Who::Number(_) | Who::Anonymous) => Some((who, None)),
    }
}

/// [`who_of`] for a URI that was read.
pub fn who_of_uri(settings: &Settings, uri: &Uri<'_>) -> Option<Who> {
    let user = uri.user_text()?;
    if uri.scheme == Scheme::Tel {
        let context = uri.param("phone-context").and_then(|context| std::str::from_utf8(context).ok());
        return Some(Who::Number(global(&user, context).into()));
    }
    if !settings.is_own_host(uri.host_text()) {
        let peer = settings.peer(uri.host_text())?;
        return Uid::new(&user, peer.cid.as_str()).ok().map(Who::User);
    }
    if is_number(&user) {
        return Some(Who::Number(user.into_owned().into()));
    }
    // RFC 3261 §19.1.6: with `user=phone` the user part is a telephone number as RFC 3966 writes it.
    if uri.param("user").is_some_and(|kind| kind.eq_ignore_ascii_case(b"phone"))
        && let Some(number) = phone(&user)
    {
        return Some(Who::Number(number.into()));
    }
    Uid::new(&user, settings.cid.as_str()).ok().map(Who::User)
}

/// The user whom an address of record names, be his name made of digits or not.
pub fn aor_of(settings: &Settings, uri: &Uri<'_>) -> Option<Uid> {
    if !settings.is_own_host(uri.host_text()) || uri.scheme == Scheme::Tel {
        return None;
    }
    Uid::new(&uri.user_text()?, settings.cid.as_str()).ok()
}

/// The number in the user part of a SIP URI: its separators removed, its context put before it.
fn phone(user: &str) -> Option<String> {
    let mut parts = user.split(';');
    let digits: String = parts.next()?.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    let context = parts.find_map(|part| part.strip_prefix("phone-context="));
    is_number(&digits).then(|| global(&digits, context))
}

/// A local number in a context that is the beginning of global ones (RFC 3966 §5.1.5).
fn global(number: &str, context: Option<&str>) -> String {
    match context.filter(|context| !number.starts_with('+') && context.starts_with('+')) {
        Some(context) => {
            let digits = context.chars().filter(|c| *c == '+' || c.is_ascii_digit());
            digits.chain(number.chars()).collect()
        }
        None => number.to_owned(),
    }
}

/// Whether a user part is a telephone number: digits, with or without a leading `+`.
fn is_number(user: &str) -> bool {
    let digits = user.strip_prefix('+').unwrap_or(user);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'))
}
