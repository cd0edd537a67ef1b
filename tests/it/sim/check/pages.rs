//! No page that was accepted is lost: it was taken by a phone or another cluster, or it is in an
//! inbox, once; or a rule of its recipient's tree says that it is dropped.
//!
//! A page is known again by its body, which no other has.

use std::collections::{BTreeMap, BTreeSet};

use ratatosk::effect::Fact;

use super::{Found, View};
use crate::sim::text::Packet;
use crate::sim::world::{Who, World, wall_ms};

/// Where a MESSAGE went or came from: cluster, who, Call-ID, CSeq.
type Key<'a> = (u8, Who, &'a str, u32);

/// Follows every page that a cluster accepted.
pub fn check(world: &World, views: &[View<'_>], found: &mut Found) {
    let mut bodies: BTreeMap<Key<'_>, &str> = BTreeMap::new();
    // What somebody has taken from a cluster, and with which status.
    let mut taken: BTreeSet<(u8, &str, u16)> = BTreeSet::new();
    for view in views {
        let packet = &view.said.packet;
        if packet.cseq().1 != "MESSAGE" {
            continue;
        }
        let key = (view.cluster, view.other, packet.call_id(), packet.cseq().0);
        match (packet.status(), view.inbound) {
            (None, _) => drop(bodies.insert(key, packet.body)),
            (Some(status @ 200..300), true) => {
                if let Some(body) = bodies.get(&key) {
                    taken.insert((view.cluster, body, status));
                }
            }
            (Some(status @ 200..300), false) => {
                let body = bodies.get(&key).copied().unwrap_or_default();
                let delivered = taken.contains(&(view.cluster, body, 200));
                let kept = (0..).zip(&world.clusters).any(|(place, _)| is_kept(world, place, body));
                let stays =
                    status == 202 && (kept || was_taken(world, body) || is_settled(world, view, body));
                if !delivered && !stays && !is_dropped(world, view) && !is_obeyed(view) {
                    let text = format!("a page {body:?} that nobody took and no inbox has");
                    found.push((view.said.place, text));
                }
            }
            _ => {}
        }
    }
}

/// A 202 to a MESSAGE promises that the page is durable at the moment that it leaves.
pub fn promise(world: &World, cluster: u8, packet: &Packet<'_>) -> Option<String> {
    if packet.status() != Some(202) {
        return None;
    }
    let asked = world.wire.iter().rev().filter(|line| line.to == Who::Server(cluster)).find_map(|line| {
        let asked = Packet::parse(&line.bytes).ok()?;
        (asked.method() == Some("MESSAGE") && asked.branch() == packet.branch()).then_some(asked.body)
    })?;
    let kept = (0..).zip(&world.clusters).any(|(place, _)| is_kept(world, place, asked));
    // Who is ignored hears what others would whose page is kept.
    let ignored = |fact: &Fact| matches!(fact, Fact::Page(record) if record.how == "ignored");
    let is_ignored = world.clusters.iter().any(|cluster| cluster.facts.iter().any(ignored));
    (!kept && !is_ignored).then(|| format!("202 to a page {asked:?} that no store holds yet"))
}

/// Inboxes hold nothing twice, and what is marked as delivered was taken. To be asked when all
/// phones that want to be have been registered for a while: then nothing waits for one that takes
/// pages.
pub fn inboxes(world: &mut World) {
    let mut faults = Vec::new();
    for (place, cluster) in (0..).zip(&world.clusters) {
        let mut seen = BTreeSet::new();
        for (page, delivered) in &cluster.store.inbox {
            let body = String::from_utf8_lossy(&page.body);
            if !seen.insert((&page.uid, &page.sender, body.clone())) {
                faults.push(format!("{} has a page {body:?} twice", page.uid));
            }
            let of_owner = world.phones.iter().enumerate();
            let mut own =
                of_owner.filter(|(_, phone)| phone.cluster == place && phone.user == page.uid.user());
            let took = own.clone().any(|(_, phone)| phone.pages.iter().any(|own| *own == body));
            if *delivered && !page.copy && !took {
                faults.push(format!("a page {body:?} is marked as delivered, and {} never had it", page.uid));
            }
            // One whose binding another phone of the user's has removed does not know that yet.
            let bindings = cluster.store.bindings(&page.uid);
            let is_known = |mark: &str| bindings.iter().any(|binding| binding.contact.contains(mark));
            if !*delivered
                && let Some((_, phone)) = own.find(|(place, phone)| {
                    let is_there = phone.is_registered() && is_known(&phone.mark);
                    !world.is_gone(*place) && is_there && phone.verdict(&body) == 200
                })
            {
                let uid = &page.uid;
                faults
                    .push(format!("a page {body:?} of {uid} still waits, and {} is registered", phone.name));
            }
        }
    }
    for cluster in &world.clusters {
        let now_ms = world.clock().wall_ms;
        for page in cluster.store.outbox.iter().filter(|page| page.due_ms <= now_ms) {
            let body = String::from_utf8_lossy(&page.body);
            faults.push(format!("a page {body:?} still waits for {}", page.peer));
        }
    }
    world.faults.extend(faults);
}

/// Whether a store of the cluster has it, for a user of its own or for another cluster.
fn is_kept(world: &World, cluster: u8, body: &str) -> bool {
    let store = &world.clusters[usize::from(cluster)].store;
    store.inbox.iter().any(|(page, _)| page.body == body.as_bytes())
        || store.outbox.iter().any(|page| page.body == body.as_bytes())
}

fn was_taken(world: &World, body: &str) -> bool {
    world.phones.iter().any(|phone| phone.pages.iter().any(|own| own == body))
}

/// Whether a page that waited for another cluster, here or where it was sent on, was given up, and its
/// sender told so; or that cluster took it, and a tree there dropped it.
fn is_settled(world: &World, answer: &View<'_>, body: &str) -> bool {
    let mut receipts = world.clusters.iter().flat_map(|cluster| {
        let store = &cluster.store;
        let same = store.settled.iter().filter(|page| page.body == body.as_bytes());
        same.filter_map(|page| store.receipts.get(&page.id))
    });
    receipts.any(|receipt| receipt != "delivered" || ignores(world).any(|at_ms| at_ms >= wall_ms(answer.at)))
}

/// Whether a tree dropped it: the record of a page that was decided before its answer left says so.
fn is_dropped(world: &World, answer: &View<'_>) -> bool {
    ignores(world).any(|at_ms| at_ms <= wall_ms(answer.at))
}

/// Whether it was no page but a number that lets a profile serve.
fn is_obeyed(answer: &View<'_>) -> bool {
    answer.said.packet.get("Reason").is_some_and(|why| why.contains("serves from now on"))
}

/// When a page was dropped by a tree, in any cluster.
fn ignores(world: &World) -> impl Iterator<Item = i64> {
    let pages = world.clusters.iter().flat_map(|cluster| &cluster.store.pages);
    let drops = |rule: &str| rule.contains("ignore") || rule.contains("reply");
    pages.filter(move |record| drops(&record.rule)).map(|record| record.at_ms)
}
