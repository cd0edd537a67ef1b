//! Every request gets one final response, nobody is served unasked, and a server that was ended
//! remembers no call of its life before.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatosk::config::Trust;

use super::{Found, View, lost_between};
use crate::sim::text::Packet;
use crate::sim::world::{Who, World};

/// Who asked in which transaction: cluster, its life, asker, branch, method.
type Key<'a> = (u8, usize, Who, &'a str, &'a str);

/// One request and what became of it.
struct Asked<'a> {
    request: View<'a>,
    finals: Vec<View<'a>>,
}

/// Follows every transaction that somebody started with a server.
pub fn check(world: &World, views: &[View<'_>], found: &mut Found) {
    let mut asked: BTreeMap<Key<'_>, Asked<'_>> = BTreeMap::new();
    // In which life of a cluster the last dialog of an asker's call began: one that he tries again after a restart
    // has the same Call-ID.
    let mut begun: BTreeMap<(u8, Who, &str), usize> = BTreeMap::new();
    for view in views {
        let packet = &view.said.packet;
        let method = packet.cseq().1;
        let key = (view.cluster, view.life, view.other, packet.branch(), method);
        let opens = match packet.status() {
            Some(status) => (200..300).contains(&status),
            None => packet.to_tag().is_empty(),
        };
        if method == "INVITE" && !view.inbound && opens {
            begun.insert((view.cluster, view.other, packet.call_id()), view.life);
        }
        match (view.inbound, packet.status()) {
            (true, None) if method != "ACK" => {
                asked.entry(key).or_insert_with(|| Asked { request: *view, finals: Vec::new() });
            }
            (false, Some(status)) => match asked.get_mut(&key) {
                Some(known) => {
                    if status >= 200 {
                        known.finals.push(*view);
                    }
                    let proved = may_be_served(&known.request.said.packet) || shows_certificate(world, view);
                    if status != 100 && status < 300 && !proved {
                        found.push((view.said.place, format!("{status} to a stranger")));
                    }
                }
                None => found.push((view.said.place, "a response to nothing".to_owned())),
            },
            _ => {}
        }
    }
    for known in asked.values() {
        judge(world, known, found);
        let request = &known.request;
        let call_id = request.said.packet.call_id();
        let lost =
            begun.get(&(request.cluster, request.other, call_id)).is_some_and(|life| *life < request.life);
        if lost && !request.said.packet.to_tag().is_empty() {
            of_a_lost_call(known, found);
        }
    }
}

fn judge(world: &World, known: &Asked<'_>, found: &mut Found) {
    match known.finals.split_first() {
        None if is_overdue(world, &known.request) => {
            found.push((known.request.said.place, "no final response".to_owned()));
        }
        None => {}
        Some((first, others)) => {
            let first = &first.said.packet;
            for other in others {
                let packet = &other.said.packet;
                if !same(first, packet) {
                    found.push((other.said.place, format!("a second final response after {}", first.first)));
                }
            }
        }
    }
}

/// A request inside a dialog that died with its server: 481 (RFC 3261 §12.2.2).
fn of_a_lost_call(known: &Asked<'_>, found: &mut Found) {
    if let Some(first) = known.finals.iter().find(|first| first.said.packet.status() != Some(481)) {
        found.push((first.said.place, "to a request of a lost call".to_owned()));
    }
}

/// Whether one is the other sent again. A challenge is made anew for every copy of its request,
/// but for the To tag (RFC 3261 §8.2.7).
fn same(one: &Packet<'_>, other: &Packet<'_>) -> bool {
    let challenge = matches!(one.status(), Some(401 | 407));
    // A merged request is refused without state; when the other copy is long over, it is a stranger. One
    // inside a dialog is challenged without state, too; when the dialog is over, it is of none, and when a newer
    // request has been taken meanwhile, the copy is out of order (RFC 3261 §12.2.2); or it comes by a flow that
    // has been proved meanwhile, and is served.
    if one.status() == Some(482) && matches!(other.status(), Some(401 | 407)) {
        return true;
    }
    if challenge && matches!(other.status(), Some(200 | 202 | 481 | 491 | 500)) {
        return true;
    }
    // The Via says where a copy came from, which a NAT may have changed.
    let alike = || one.headers.iter().zip(&other.headers).all(|(own, new)| own == new || own.0 == "Via");
    let as_long = one.headers.len() == other.headers.len();
    one.first == other.first
        && one.to_tag() == other.to_tag()
        && one.body == other.body
        && (challenge || (as_long && alike()))
}

fn is_overdue(world: &World, request: &View<'_>) -> bool {
    let patience = if request.said.packet.method() == Some("INVITE") { 260 } else { 40 };
    let due = request.at + Duration::from_secs(patience);
    let now = world.clock().at;
    // Over a stream that was closed meanwhile, no answer can come.
    due < now
        && world.clusters[usize::from(request.cluster)].lived(request.at, due)
        && !lost_between(world, request.other, request.said.line.at, now)
}

/// Whether the far end is a cluster that proves itself by its certificate.
fn shows_certificate(world: &World, view: &View<'_>) -> bool {
    let peers = &world.clusters[usize::from(view.cluster)].settings.peers;
    let by_certificate = peers.iter().any(|peer| peer.trust == Trust::Certificate);
    by_certificate && matches!(view.other, Who::Server(_)) && view.said.line.stream
}

/// Requests in a dialog belong to it; all others have to say whose they are.
fn may_be_served(request: &Packet<'_>) -> bool {
    let credentials = ["Authorization", "Proxy-Authorization"];
    !request.to_tag().is_empty()
        || request.method() == Some("CANCEL")
        || credentials.iter().any(|name| request.get(name).is_some())
}
