//! What has to hold after every run, whatever happened in it.
//!
//! The checkers read the wire, the store and the census of the servers; they know the RFCs, not the
//! server's code.

mod dialogs;
mod finals;
mod form;
mod privacy;

use std::collections::BTreeMap;

use bytes::Bytes;
use ratatosk::base::{At, Uid};

use super::cluster::Cluster;
use super::ladder::name_of;
use super::text::{Packet, param, uri_of, user_of};
use super::world::{Line, Who, World};

/// A line of the wire and what it says.
pub struct Said<'a> {
    /// Its number.
    pub place: usize,
    /// The line.
    pub line: &'a Line,
    /// What it says.
    pub packet: Packet<'a>,
}

impl Said<'_> {
    /// The phone it went to or came from.
    pub fn phone(&self) -> usize {
        match (self.line.from, self.line.to) {
            (Who::Phone(phone), _) | (_, Who::Phone(phone)) => phone,
            _ => usize::MAX,
        }
    }

    /// Whether a phone sent it.
    pub fn is_up(&self) -> bool {
        matches!(self.line.from, Who::Phone(_))
    }
}

/// Everything that is wrong with a finished run.
pub fn check(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    let mut said = Vec::with_capacity(world.wire.len());
    for (place, line) in world.wire.iter().enumerate() {
        match Packet::parse(&line.bytes) {
            Ok(packet) => said.push(Said { place, line, packet }),
            Err(error) => faults.push(format!("{} unreadable: {error}", when(world, line.at))),
        }
    }
    let mut found = Vec::new();
    form::check(world, &said, &mut found);
    privacy::check(world, &said, &mut found);
    finals::check(world, &said, &mut found);
    dialogs::check(world, &said, &mut found);
    pages(world, &said, &mut found);
    phones(world, &mut faults);
    servers(world, &mut faults);
    for (place, text) in found {
        let line = &world.wire[place];
        let first = said.iter().find(|one| one.place == place).map_or("", |one| one.packet.first);
        let (from, to) = (name_of(world, line.from), name_of(world, line.to));
        faults.push(format!("{} {from} -> {to}: {text} ({first})", when(world, line.at)));
    }
    faults
}

fn when(world: &World, at: At) -> String {
    format!("{:.3}", world.since_origin(at).as_secs_f64())
}

/// A 200 to a REGISTER promises bindings; the store has to hold them by now.
pub fn promise(cluster: &Cluster, now_s: i64, bytes: &Bytes) -> Option<String> {
    let packet = Packet::parse(bytes).ok()?;
    if packet.cseq().1 != "REGISTER" {
        return None;
    }
    let user = user_of(uri_of(packet.get("To")?));
    let kept = cluster.store.bindings(&Uid::new(user, &cluster.name).ok()?);
    for value in packet.all("Contact") {
        let contact = uri_of(value);
        let seconds: i64 = param(value, "expires").and_then(|digits| digits.parse().ok()).unwrap_or(-1);
        let until = now_s + seconds;
        if seconds < 1 {
            return Some(format!("200 to REGISTER with a Contact that expires in {seconds}"));
        }
        if !kept.iter().any(|binding| binding.contact == contact && binding.expires_s + 1 >= until) {
            return Some(format!(
                "200 to REGISTER promises {contact} for {seconds} s, the store holds {kept:?}"
            ));
        }
    }
    None
}

/// A page answered 200 was taken by a phone of its recipient.
fn pages(world: &World, said: &[Said<'_>], found: &mut Vec<(usize, String)>) {
    let mut bodies: BTreeMap<(usize, &str, u32), &str> = BTreeMap::new();
    let mut taken: Vec<&str> = Vec::new();
    for one in said {
        let key = (one.phone(), one.packet.call_id(), one.packet.cseq().0);
        match (one.packet.method(), one.is_up()) {
            (Some("MESSAGE"), _) => drop(bodies.insert(key, one.packet.body)),
            (None, true)
                if one.packet.cseq().1 == "MESSAGE"
                    && one.packet.status() == Some(200)
                    && one.line.arrived.is_some() =>
            {
                taken.extend(bodies.get(&key));
            }
            (None, false) if one.packet.cseq().1 == "MESSAGE" && one.packet.status() == Some(200) => {
                let body = bodies.get(&key).copied().unwrap_or_default();
                if !taken.contains(&body) {
                    found.push((one.place, format!("a page {body:?} answered 200 that nobody took")));
                }
            }
            _ => {}
        }
    }
    let _ = world;
}

/// When all is over, nothing is left in the servers but bindings and the timers that they need.
fn servers(world: &World, faults: &mut Vec<String>) {
    for (index, census) in world.census().into_iter().enumerate() {
        let busy = [
            census.calls,
            census.legs,
            census.pages,
            census.client_transactions,
            census.server_transactions,
            census.waiting,
        ];
        // At most a timer for each binding, and one for housekeeping.
        if busy.iter().any(|count| *count > 0) || census.timers > census.bindings + 1 {
            faults.push(format!("server {index} is left with {census:?}"));
        }
    }
}

/// What the phones themselves found, and calls that they still believe in.
fn phones(world: &World, faults: &mut Vec<String>) {
    for (place, phone) in world.phones.iter().enumerate() {
        for complaint in &phone.complaints {
            faults.push(format!("{} complains: {complaint}", phone.name));
        }
        if phone.is_in_call() && !world.is_gone(place) {
            faults.push(format!("{} is in a call for ever", phone.name));
        }
    }
}
