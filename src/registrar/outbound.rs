//! What a REGISTER says about flows: whether the phone wants several of them, and whether what lies
//! between it and us keeps them apart.
//!
//! A phone that knows outbound registers each of its connections by a number of its own (`reg-id`)
//! under one instance-id. Whoever it speaks to first has to know it again on that connection: that is
//! ourselves, or a proxy whose Path says so (`ob`).
//!
//! Implements: RFC 5626 §4.1, §4.2, §6 (registrar), §11.1 (439).

use crate::sip::{Message, Name, NameAddr, Uri};

/// Numbers of flows, as RFC 5626 §4.2 gives them out.
const REG_IDS: std::ops::RangeInclusive<u32> = 1..=0x7fff_ffff;

/// What a REGISTER asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outbound {
    /// A plain binding.
    Plain,
    /// A flow of its own.
    Flow,
    /// The same, but who stands between us and the phone cannot keep flows apart.
    NoFirstHop,
    /// Several Contacts at once, one of them a flow: a flow is one connection and one Contact.
    Several,
}

/// The number of a flow; `None` without an instance-id, or if it is no such number.
pub(super) fn reg_id(contact: &NameAddr<'_>) -> Option<u32> {
    contact.param("+sip.instance").filter(|instance| !instance.is_empty())?;
    let digits = contact.param("reg-id").filter(|value| value.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| REG_IDS.contains(number))
}

/// What a REGISTER asks for.
pub(super) fn outbound(request: &Message) -> Outbound {
    let contacts = || request.values(Name::Contact).filter_map(NameAddr::parse);
    let stays = |contact: &NameAddr<'_>| contact.expires().or(request.expires()) != Some(0);
    let is_flow = contacts().any(|contact| stays(&contact) && reg_id(&contact).is_some());
    if !is_flow {
        Outbound::Plain
    } else if contacts().filter(stays).count() > 1 {
        Outbound::Several
    } else if !request.has_token(Name::Supported, "outbound") {
        Outbound::Plain
    } else if keeps_flows_apart(request) {
        Outbound::Flow
    } else {
        Outbound::NoFirstHop
    }
}

/// Whether the first hop keeps flows apart: a proxy whose Path says so, or, without any between, we.
fn keeps_flows_apart(request: &Message) -> bool {
    match request.values(Name::Path).last() {
        // Each proxy puts its own in front: the last one is the phone's neighbour.
        Some(path) => {
            let uri = NameAddr::parse(path).and_then(|path| Uri::parse(path.uri).ok());
            uri.is_some_and(|uri| uri.params.has("ob"))
        }
        None => request.values(Name::Via).nth(1).is_none(),
    }
}
