//! What has to hold after every run, whatever happened in it.
//!
//! The checkers read the wire, the stores, the facts and the census of the servers; they know the
//! RFCs, not the server's code.

mod dialogs;
mod finals;
mod forks;
mod form;
pub mod pages;
mod privacy;
mod records;

use bytes::Bytes;
use ratatosk::base::{At, Uid};
use ratatosk::server::Census;

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

/// A message as one cluster saw it: sent, or received. Between two clusters, each has its own view.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What was said.
    pub said: &'a Said<'a>,
    /// Whose view it is.
    pub cluster: u8,
    /// Who is at the other end.
    pub other: Who,
    /// Whether the cluster received it.
    pub inbound: bool,
    /// When.
    pub at: At,
    /// In which of its lives.
    pub life: usize,
}

/// What is wrong, and in which line of the wire.
pub type Found = Vec<(usize, String)>;

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
    let views = views(world, &said);
    let mut found = Vec::new();
    form::check(world, &said, &mut found);
    privacy::check(world, &said, &mut found);
    finals::check(world, &views, &mut found);
    dialogs::check(world, &views, &mut found);
    forks::check(world, &views, &mut found);
    pages::check(world, &views, &mut found);
    records::check(world, &mut faults);
    phones(world, &mut faults);
    servers(world, &mut faults);
    found.sort();
    for (place, text) in found {
        let line = &world.wire[place];
        let first = said.iter().find(|one| one.place == place).map_or("", |one| one.packet.first);
        let (from, to) = (name_of(world, line.from), name_of(world, line.to));
        faults.push(format!("{} {from} -> {to}: {text} ({first})", when(world, line.at)));
    }
    faults
}

/// What every cluster saw, in the order in which it did.
fn views<'a>(world: &World, said: &'a [Said<'a>]) -> Vec<View<'a>> {
    let mut views = Vec::with_capacity(said.len());
    for one in said {
        let mut add = |who: Who, other: Who, inbound: bool, at: Option<At>| {
            if let (Who::Server(cluster), Some(at)) = (who, at) {
                let life = world.clusters[usize::from(cluster)].life(at);
                views.push(View { said: one, cluster, other, inbound, at, life });
            }
        };
        let Line { from, to, at, arrived, copied, .. } = *one.line;
        add(from, to, false, Some(at));
        add(to, from, true, arrived);
        add(to, from, true, copied);
    }
    views.sort_by_key(|view| (view.at, view.said.place, view.inbound));
    views
}

/// When somebody's streams were closed, or the servers that he speaks to were ended.
fn losses(world: &World, who: Who) -> &[At] {
    match who {
        Who::Phone(phone) => &world.phones[phone].losses,
        Who::Server(cluster) => &world.clusters[usize::from(cluster)].ends,
        Who::Nobody => &[],
    }
}

/// Whether a stream of somebody's was closed between then and then, or so shortly after that the
/// server heard of it before he did.
fn lost_between(world: &World, who: Who, from: At, to: At) -> bool {
    let end = to + std::time::Duration::from_secs(1);
    losses(world, who).iter().any(|loss| *loss >= from && *loss <= end)
}

fn when(world: &World, at: At) -> String {
    format!("{:.3}", world.since_origin(at).as_secs_f64())
}

/// What a success promises has to be true by the moment that it leaves.
pub fn promise(world: &World, cluster: u8, bytes: &Bytes) -> Option<String> {
    let packet = Packet::parse(bytes).ok()?;
    match packet.cseq().1 {
        "REGISTER" => bindings(&world.clusters[usize::from(cluster)], world.clock().wall_s(), &packet),
        "MESSAGE" => pages::promise(world, cluster, &packet),
        _ => None,
    }
}

/// A 200 to a REGISTER promises bindings; the store has to hold them by now.
fn bindings(cluster: &Cluster, now_s: i64, packet: &Packet<'_>) -> Option<String> {
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

/// When all is over, nothing is left in the servers but bindings and the timers that they need.
fn servers(world: &World, faults: &mut Vec<String>) {
    for (name, index, census) in left_over(world) {
        faults.push(format!("server {index} of {name} is left with {census:?}"));
    }
}

/// The servers that still have something to do.
pub fn left_over(world: &World) -> Vec<(&str, usize, Census)> {
    // A page that waits for another cluster may be on its way at this very moment.
    let waits = world.clusters.iter().any(|cluster| !cluster.store.outbox.is_empty());
    let servers = world.clusters.iter().flat_map(|cluster| {
        let censuses = cluster.census().into_iter().enumerate();
        censuses.map(|(index, census)| (cluster.name.as_str(), index, census))
    });
    servers.filter(|(.., census)| !is_at_rest(census, waits)).collect()
}

fn is_at_rest(census: &Census, page_waits: bool) -> bool {
    let stuck = census.calls + census.legs + census.waiting > 0;
    let busy = census.pages + census.rounds + census.client_transactions + census.server_transactions > 0;
    // At most a timer for each binding, two for each other cluster, and one for housekeeping.
    let timers = census.timers > census.bindings + 2 * census.peers + 1;
    !stuck && (page_waits || !(timers || busy))
}

/// What the phones themselves found, and calls that they still believe in.
fn phones(world: &World, faults: &mut Vec<String>) {
    for (place, phone) in world.phones.iter().enumerate() {
        for complaint in &phone.complaints {
            faults.push(format!("{} complains: {complaint}", phone.name));
        }
        if let Some(call) = phone.open_call().filter(|_| !world.is_gone(place)) {
            let (state, id) = (call.state, &call.call_id);
            faults.push(format!("{} is in a call for ever: {state:?} in {id}", phone.name));
        }
    }
}
