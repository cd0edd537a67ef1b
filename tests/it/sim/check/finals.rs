//! Every request of a phone gets one final response, and nobody is served unasked.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Said;
use crate::sim::text::Packet;
use crate::sim::world::World;

/// One request of a phone and what became of it.
struct Asked<'a> {
    request: &'a Said<'a>,
    arrived: bool,
    finals: Vec<&'a Said<'a>>,
}

/// Follows every transaction that a phone started.
pub fn check(world: &World, said: &[Said<'_>], found: &mut Vec<(usize, String)>) {
    let mut asked: BTreeMap<(usize, &str, &str), Asked<'_>> = BTreeMap::new();
    for one in said {
        let (number, method) = one.packet.cseq();
        let _ = number;
        let key = (one.phone(), one.packet.branch(), method);
        match (one.is_up(), one.packet.status()) {
            (true, None) if method != "ACK" => {
                let arrived = one.line.arrived.is_some();
                asked.entry(key).and_modify(|known| known.arrived |= arrived).or_insert_with(|| Asked {
                    request: one,
                    arrived,
                    finals: Vec::new(),
                });
            }
            (false, Some(status)) => match asked.get_mut(&key) {
                Some(known) => {
                    if status >= 200 {
                        known.finals.push(one);
                    }
                    if status != 100 && status < 300 && !may_be_served(&known.request.packet) {
                        found.push((one.place, format!("{status} to a stranger")));
                    }
                }
                None => found.push((one.place, "a response to nothing".to_owned())),
            },
            _ => {}
        }
    }
    for known in asked.values() {
        judge(world, known, found);
    }
}

fn judge(world: &World, known: &Asked<'_>, found: &mut Vec<(usize, String)>) {
    let place = known.request.place;
    match known.finals.split_first() {
        None if known.arrived && is_overdue(world, known.request) => {
            found.push((place, "no final response".to_owned()));
        }
        None => {}
        Some((first, others)) => {
            // A server that was started anew knows nothing of an answer that was lost.
            let anew =
                |other: &Said<'_>| world.restarts() > 0 && matches!(other.packet.status(), Some(401 | 407));
            for other in others.iter().filter(|other| !anew(other)) {
                if !same(&first.packet, &other.packet) || other.packet.body != first.packet.body {
                    found
                        .push((other.place, format!("a second final response after {}", first.packet.first)));
                }
            }
        }
    }
}

/// Whether one is the other sent again. A challenge is made anew for every copy of its request,
/// but for the To tag (RFC 3261 §8.2.7).
fn same(one: &Packet<'_>, other: &Packet<'_>) -> bool {
    let challenge = matches!(one.status(), Some(401 | 407));
    // A merged request is refused without state; when the other copy is long over, it is a stranger.
    if one.status() == Some(482) && matches!(other.status(), Some(401 | 407)) {
        return true;
    }
    one.first == other.first && one.to_tag() == other.to_tag() && (challenge || one.headers == other.headers)
}

fn is_overdue(world: &World, request: &Said<'_>) -> bool {
    let patience = if request.packet.method() == Some("INVITE") { 260 } else { 40 };
    let end = world.clock().at;
    // Over a stream that was closed meanwhile, no answer can come.
    let mut losses = world.phones[request.phone()].losses.iter();
    if losses.any(|loss| *loss >= request.line.at) {
        return false;
    }
    world.restarts() == 0 && request.line.at + Duration::from_secs(patience) < end
}

/// Requests in a dialog belong to it; all others have to say whose they are.
fn may_be_served(request: &Packet<'_>) -> bool {
    let credentials = ["Authorization", "Proxy-Authorization"];
    !request.to_tag().is_empty()
        || request.method() == Some("CANCEL")
        || credentials.iter().any(|name| request.get(name).is_some())
}
