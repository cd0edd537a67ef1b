//! Which user server a message belongs to, told from the message alone: no table, no lock.

use crate::base::{ServerIndex, Token, Uid};
use crate::config::{Face, Settings};
use crate::effect::Flow;
use crate::registrar::{Access, callee_of, claimed, who_of_uri};
use crate::routing::Who;
use crate::sip::{Message, Method, NameAddr, Uri};

/// Where a message is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// By this user server.
    Server(ServerIndex),
    /// By any: nothing in it names a user of ours, and it will be challenged or refused.
    Any,
    /// By whichever knows its transaction: the CANCEL or ACK of somebody who did not say who he is.
    /// It is to be offered to each.
    Every,
}

/// The user server that a message belongs to: that of the transaction or dialog it names, else that
/// of the user who sends it, or, if it comes from another cluster, of the user it asks for.
pub fn home(settings: &Settings, flow: Flow, message: &Message) -> Home {
    if settings.servers == 1 {
        return Home::Server(ServerIndex(0));
    }
    if !message.is_request() {
        let branch = message.via().map(|via| via.branch).unwrap_or_default();
        return branch.strip_prefix(b"z9hG4bK").and_then(named).map_or(Home::Any, |at| within(settings, at));
    }
    if let Some(at) = named(message.to_tag()) {
        return within(settings, at);
    }
    if settings.face(flow.listener) == Some(Face::Federation) {
        return match callee_of(settings, message.request_uri()).map(|(who, _)| who) {
            // Its INVITE is wherever the number's owner is.
            Some(Who::Number(_)) if message.method() == Method::Cancel => Home::Every,
            Some(Who::Number(number)) => {
                Uid::new(&number, settings.cid.as_str()).map_or(Home::Any, |uid| owner(settings, &uid))
            }
            who => who.and_then(|who| own_user(settings, who)).map_or(Home::Any, |uid| owner(settings, &uid)),
        };
    }
    let registers = message.method() == Method::Register;
    let sender = if registers { message.to() } else { message.from() };
    let sender = sender.and_then(|sender| user_of(settings, &sender));
    if let Some(uid) = sender.and_then(|who| own_user(settings, who)) {
        return owner(settings, &uid);
    }
    match (claimed(settings, message), message.method()) {
        (Access::Claim { uid, .. }, _) => owner(settings, &uid),
        (Access::Stranger, Method::Cancel | Method::Ack) => Home::Every,
        (Access::Stranger, _) => Home::Any,
    }
}

fn user_of(settings: &Settings, address: &NameAddr<'_>) -> Option<Who> {
    who_of_uri(settings, &Uri::parse(address.uri).ok()?)
}

/// A user of this cluster; nobody else has a user server here.
fn own_user(settings: &Settings, who: Who) -> Option<Uid> {
    match who {
        Who::User(uid) if uid.cluster() == settings.cid.as_str() => Some(uid),
        Who::User(_) | Who::Number(_) | Who::Anonymous => None,
    }
}

fn owner(settings: &Settings, uid: &Uid) -> Home {
    Home::Server(uid.slot().owner(settings.servers))
}

fn named(token: &[u8]) -> Option<ServerIndex> {
    Token::read(token).map(|(server, _)| server)
}

fn within(settings: &Settings, server: ServerIndex) -> Home {
    if server.0 < settings.servers { Home::Server(server) } else { Home::Any }
}
