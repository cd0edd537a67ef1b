//! Who is meant: from the URIs of requests to users and numbers.
//!
//! Implements: RFC 3261 §19.1; RFC 3966 §5.

use crate::base::Uid;
use crate::config::Settings;
use crate::dialog::Face;
use crate::routing::Who;
use crate::sip::{NameAddr, Scheme, Uri};

/// The one who calls or writes.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As trees see him.
    pub who: Who,
    /// As phones see him.
    pub face: Face,
    /// Who he really is if he is a user of this cluster, hidden or not: for other clusters, to which
    /// we answer for him.
    pub own: Option<Uid>,
}

impl Caller {
    /// How another cluster is told of him by us, who answer for our users and nobody else: whom we
    /// assert, and how he is shown. One whom a third cluster sent to `owner`, who sends him on, comes
    /// in the name of `owner`.
    pub fn abroad(&self, owner: &Uid) -> (Uid, Face) {
        if let Some(own) = &self.own {
            return (own.clone(), self.face.clone());
        }
        let face = match self.who {
            Who::Anonymous => self.face.clone(),
            Who::User(_) | Who::Number(_) => Face {
                name: self.face.name.clone(),
                user: owner.user().to_owned(),
                host: owner.cluster().to_owned(),
            },
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

/// [`who_of`] for a URI that was read.
pub fn who_of_uri(settings: &Settings, uri: &Uri<'_>) -> Option<Who> {
    let user = uri.user_text()?;
    if uri.scheme == Scheme::Tel {
        return Some(Who::Number(user.into_owned().into()));
    }
    if !settings.is_own_host(uri.host_text()) {
        let peer = settings.peer(uri.host_text())?;
        return Uid::new(&user, peer.cid.as_str()).ok().map(Who::User);
    }
    if is_number(&user) {
        return Some(Who::Number(user.into_owned().into()));
    }
    Uid::new(&user, settings.cid.as_str()).ok().map(Who::User)
}

/// Whether a user part is a telephone number: digits, with or without a leading `+`.
fn is_number(user: &str) -> bool {
    let digits = user.strip_prefix('+').unwrap_or(user);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'))
}
