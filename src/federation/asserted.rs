//! Who calls, as one cluster tells another: P-Asserted-Identity and Privacy.
//!
//! A cluster asserts its own users and nobody else. One who does not want to be known is asserted
//! all the same, and hidden from everybody behind the other cluster's door.
//!
//! Implements: RFC 3325 §5, §7, §9.1; RFC 3323 §4.2, §5; RFC 3892 §2.3 (whose word counts).

use crate::base::{Cid, Uid};
use crate::dialog::Face;
use crate::sip::{Message, Name, NameAddr, Privacy, Scheme, Uri, Writer};

/// A caller, or the sender of a page, as his cluster asserts him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// Who he is.
    pub uid: Uid,
    /// Whether nobody is to know.
    pub hidden: bool,
    /// How he is shown.
    pub face: Face,
}

/// Whom a request of this peer asserts; `None` if nobody, or somebody who is not a user of the
/// peer's: it speaks for its own.
pub fn asserted(peer: &Cid, request: &Message) -> Option<Asserted> {
    let mut found: Option<(Uid, NameAddr<'_>)> = None;
    for value in request.values(Name::PAssertedIdentity) {
        let address = NameAddr::parse(value)?;
        let uri = Uri::parse(address.uri).ok()?;
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => {
                let uid = Uid::new(&uri.user_text()?, uri.host_text()).ok()?;
                if uid.cluster() != peer.as_str() || found.is_some() {
                    return None;
                }
                found = Some((uid, address));
            }
            // A number beside the address says nothing that we could check.
            Scheme::Tel => {}
            Scheme::Other => return None,
        }
    }
    let (uid, address) = found?;
    let from = request.from();
    let from_uri = from.and_then(|from| Uri::parse(from.uri).ok());
    if Privacy::of(request).sender {
        return Some(Asserted { uid, hidden: true, face: Face::anonymous() });
    }
    // The name that he has given himself, else the one that his cluster has for him.
    let names = [from, Some(address)].into_iter().flatten().map(|address| address.display_text());
    let name = names.map(std::borrow::Cow::into_owned).find(|name| !name.is_empty());
    // He may show another address of his cluster: a number of his.
    let shown = from_uri.filter(|uri| uri.host_text().eq_ignore_ascii_case(peer.as_str()));
    let user = shown.and_then(|uri| uri.user_text().map(std::borrow::Cow::into_owned));
    let face = Face { name, user: user.unwrap_or_else(|| uid.user().to_owned()), ..Face::of(&uid) };
    Some(Asserted { uid, hidden: false, face })
}

/// The user of this peer's who has sent the caller there (RFC 3892): about others it has nothing to say.
pub fn referrer(peer: &Cid, request: &Message) -> Option<Uid> {
    let address = request.address(Name::ReferredBy)?;
    let uri = Uri::parse(address.uri).ok().filter(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))?;
    let uid = Uid::new(&uri.user_text()?, uri.host_text()).ok()?;
    (uid.cluster() == peer.as_str()).then_some(uid)
}

/// Asserts a user of ours to another cluster.
pub fn write_asserted(writer: &mut Writer, uid: &Uid, hidden: bool) {
    let face = Face::of(uid);
    writer.header(Name::PAssertedIdentity, &face.header(None));
    if hidden {
        writer.header(Name::Privacy, b"id");
    }
}
