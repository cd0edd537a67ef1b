//! One random world: who is in it, and what they do.

#![allow(clippy::as_conversions, clippy::cast_sign_loss, reason = "moments are drawn as numbers")]

use std::sync::Arc;
use std::time::Duration;

use ratatosk::base::Rng;
use ratatosk::config::Algorithm;
use ratatosk::effect::{Pushed, Transport};

use super::trees;
use crate::push::hook;
use crate::sim::cluster::{Cluster, NORTH, SOUTH};
use crate::sim::phone::Pracks;
use crate::sim::{Do, Moods, World};

const NAMES: [&str; 5] = ["anne", "carl", "dora", "eric", "faye"];

/// One random world, from its first REGISTER to the last checker.
pub(super) fn play(mut world: World) -> (World, String) {
    world.start_ladder();
    world.run(60.0);
    world.show_repeats = true;
    let ladder = world.finish();
    (world, ladder)
}

/// The world of a seed before it begins: who is in it, and what is planned.
pub(super) fn stage(seed: u64) -> World {
    let mut world = World::random(seed);
    let mut dice = Rng::from_seed(seed ^ 0x6469_6365);
    let clusters = match dice.below(4) {
        0 | 1 => vec![NORTH.0],
        transport => {
            world = world.with_south();
            world.federate(if transport == 2 { Transport::Udp } else { Transport::Tcp });
            vec![NORTH.0, SOUTH.0]
        }
    };
    for cluster in &clusters {
        let session_s = [0, 90, 100, 1800][pick(&mut dice, 4)];
        world.configure(cluster, |settings| settings.limits.session_s = session_s);
    }
    // What came to be later has dice of its own, so that the seeds stay the worlds that they were.
    let mut later = Rng::from_seed(seed ^ 0x6e61_7473);
    ways(&mut world, &mut later);
    let names = people(&mut world, &mut dice, &clusters);
    secure(&mut world, &mut later);
    for phone in 0..world.phones.len() {
        let when = seconds(&mut dice, 2_000);
        world.plan(when, phone, Do::Register);
    }
    let actions = 3 + dice.below(16);
    for _ in 0..actions {
        let phone = pick(&mut dice, world.phones.len());
        let when = 3.0 + seconds(&mut dice, 40_000);
        happening(&mut world, &mut dice, &names, phone, when);
    }
    for _ in 0..[0, 0, 0, 1, 1, 2][pick(&mut dice, 6)] {
        let when = 1.0 + seconds(&mut dice, 45_000);
        let cluster = clusters[pick(&mut dice, clusters.len())];
        world.kill_at(when, cluster);
        world.start_at(when + seconds(&mut dice, 6_000), cluster);
    }
    boxes(&mut world, &mut later);
    sleepers(&mut world, &mut Rng::from_seed(seed ^ 0x7075_7368), &clusters);
    movers(&mut world, &mut Rng::from_seed(seed ^ 0x6d6f_7665));
    world
}

/// In every fourth world some phones get other addresses, in the middle of calls too, and know them: they register
/// from there, as what they were, whether or not they keep flows apart.
fn movers(world: &mut World, dice: &mut Rng) {
    if dice.below(4) > 0 {
        return;
    }
    for place in 0..world.phones.len() {
        let phone = &mut world.phones[place];
        if phone.transport != Transport::Udp || phone.local != phone.public || dice.below(2) == 0 {
            continue;
        }
        phone.instance = Some(format!("urn:uuid:00000000-0000-1000-8000-0000000000{place:02x}"));
        phone.reg_id = [None, Some(1)][pick(dice, 2)];
        for _ in 0..=dice.below(2) {
            world.plan(3.0 + seconds(dice, 40_000), place, Do::Move);
        }
    }
}

/// In every other world some phones can be woken when their connections are gone: at once or after a while,
/// or never; by a hook that is slow, does not want it, or says that they are gone.
fn sleepers(world: &mut World, dice: &mut Rng, clusters: &[&str]) {
    if dice.below(2) == 0 {
        return;
    }
    for cluster in clusters {
        world.configure(cluster, |settings| settings.push = Some(Arc::new(hook(80))));
    }
    world.hook = (
        [Pushed::Taken, Pushed::Taken, Pushed::Taken, Pushed::Failed, Pushed::Gone][pick(dice, 5)],
        [0.005, 0.5, 3.0][pick(dice, 3)],
    );
    for phone in 0..world.phones.len() {
        if dice.below(2) == 0 {
            continue;
        }
        world.phones[phone].provider = Some("acme".to_owned());
        world.phones[phone].wakes_after = [None, Some(0.0), Some(0.3), Some(2.0)][pick(dice, 4)];
        for _ in 0..dice.below(3) {
            world.plan(3.0 + seconds(dice, 40_000), phone, Do::Disconnect);
        }
    }
}

/// How the clusters find each other, and what they speak: some by a DNS that is slow, silent, or names
/// servers that are not there; some by TLS, believed by their certificates.
fn ways(world: &mut World, dice: &mut Rng) {
    const NOWHERE: [u8; 4] = [203, 0, 113, 99];
    if dice.below(3) == 0 {
        world.clusters.iter_mut().for_each(Cluster::secure);
    }
    if world.clusters.len() < 2 {
        return;
    }
    match dice.below(4) {
        0 => {
            world.federate(Transport::Tcp);
            let servers = [&[None][..], &[Some(NOWHERE), None], &[None, Some(NOWHERE)]];
            world.name_by_dns(servers[pick(dice, 3)]);
            world.names = ((1, 1 + dice.below(3_000)), [0, 0, 100, 500][pick(dice, 4)]);
            world.has_nobody = true;
        }
        1 if world.clusters[0].is_secure() => world.federate_by_certificates(),
        _ => {}
    }
}

/// Some phones are reached over TLS only, where the clusters speak it.
fn secure(world: &mut World, dice: &mut Rng) {
    for phone in 0..world.phones.len() {
        let cluster = usize::from(world.phones[phone].cluster);
        if world.clusters[cluster].is_secure() && dice.below(3) == 0 {
            world.phones[phone].sips();
        }
    }
}

/// NAT boxes forget phones: those that have been silent for a while, if they do not keep alive, or all of a
/// sudden; the phone finds out after a while, and registers.
fn boxes(world: &mut World, dice: &mut Rng) {
    for phone in 0..world.phones.len() {
        if world.phones[phone].local == world.phones[phone].public {
            continue;
        }
        world.phones[phone].nat_patience =
            [None, None, Some(Duration::from_secs(30)), Some(Duration::from_secs(60))][pick(dice, 4)];
        let keeps_alive = dice.below(2) == 0;
        for beat in 1..20 {
            if keeps_alive {
                world.plan(f64::from(beat) * 25.0, phone, Do::KeepAlive);
            }
        }
        if dice.below(2) == 0 {
            let when = 3.0 + seconds(dice, 40_000);
            world.plan(when, phone, Do::Forget);
            world.plan(when + seconds(dice, 10_000), phone, Do::Register);
        }
    }
}

/// Users, each at home in one of the clusters, with their trees and phones.
fn people(world: &mut World, dice: &mut Rng, clusters: &[&str]) -> Vec<String> {
    let count = 2 + pick(dice, 4);
    let names: Vec<String> = NAMES[..count]
        .iter()
        .map(|name| format!("{name}@{}", clusters[pick(dice, clusters.len())]))
        .collect();
    for name in &names {
        world.user(name);
        if dice.below(2) == 0 {
            let tree = trees::draw(dice, &names);
            world.tree(name, &tree);
        }
        let phones = [1, 1, 2, 2, 3, 4][pick(dice, 6)];
        for place in ["desk", "lap", "hand", "hall"].into_iter().take(phones) {
            phone(world, dice, &format!("{name}/{place}"), &names);
        }
    }
    names
}

fn phone(world: &mut World, dice: &mut Rng, name: &str, friends: &[String]) {
    let moods = Moods { patience_s: 1 + dice.below(12), friends: friends.to_vec() };
    let phone = world.phone(name);
    if dice.below(3) == 0 {
        phone.tcp();
    }
    if dice.below(5) == 0 {
        phone.nat();
    }
    phone.labels = true;
    phone.moods = Some(moods);
    phone.short = dice.below(6) == 0;
    phone.reuses_nonce = dice.below(2) == 0;
    phone.accepts_streams = dice.below(2) == 0;
    phone.acks = dice.below(40) != 0;
    phone.crosses_cancel = dice.below(8) == 0;
    phone.padding = if dice.below(6) == 0 { 1500 } else { 0 };
    phone.expires = [None, Some(60), Some(90), Some(600)][pick(dice, 4)];
    phone.on_page = [200, 200, 200, 200, 200, 480, 405][pick(dice, 7)];
    phone.timer = dice.below(3) > 0;
    phone.session = [None, None, Some(90), Some(600)][pick(dice, 4)];
    phone.min_se = [0, 0, 0, 120][pick(dice, 4)];
    phone.lazy = dice.below(2) == 0;
    phone.dead_clock = dice.below(10) == 0;
    phone.updates = dice.below(2) == 0;
    phone.reliable = dice.below(2) == 0;
    phone.pracks = match dice.below(24) {
        0 => Pracks::Never,
        1 => Pracks::Wrongly,
        2..6 => Pracks::WithOffer,
        _ => Pracks::Well,
    };
    if dice.below(3) == 0 {
        phone.knows = vec![Algorithm::Md5];
    }
}

/// One thing that happens, and what follows from it.
fn happening(world: &mut World, dice: &mut Rng, names: &[String], phone: usize, when: f64) {
    let friend = names[pick(dice, names.len())].clone();
    match dice.below(20) {
        0..10 => {
            // A phone that is reached over TLS only asks for the same, every other time.
            let asks = world.phones[phone].sips && ((when * 1000.0) as u64).is_multiple_of(2);
            let friend = if asks { format!("sips:{friend}") } else { friend };
            let call = match dice.below(8) {
                0 => Do::CallWithoutOffer(friend),
                1 => Do::CallTwice(friend),
                2 => Do::Call(friend).with("Max-Breadth", "2"),
                _ => Do::Call(friend),
            };
            world.plan(when, phone, call);
            during(world, dice, names, phone, when);
        }
        10..13 => {
            let text = format!("page {when}");
            world.plan(when, phone, Do::Page(friend, text));
        }
        13 => world.plan(when, phone, Do::Hangup),
        14 => world.plan(when, phone, Do::Restart),
        15 => world.plan(when, phone, Do::Disconnect),
        16 => {
            let away = if dice.below(4) == 0 { Do::UnregisterAll } else { Do::Unregister };
            world.plan(when, phone, away);
            let back = when + seconds(dice, 5_000);
            world.plan(back, phone, Do::Register);
        }
        17 => world.plan(when, phone, Do::Options(friend)),
        18 => world.plan(when, phone, Do::Stray("BYE".to_owned())),
        _ if dice.below(4) == 0 => world.plan(when, phone, Do::Vanish),
        _ => world.plan(when, phone, Do::Query),
    }
}

/// What the two sides of a call do in it: at either end, at any time, so that everything races.
fn during(world: &mut World, dice: &mut Rng, names: &[String], caller: usize, start: f64) {
    let mut when = start + seconds(dice, 3_000);
    for _ in 0..dice.below(5) {
        let phone = if dice.below(2) == 0 { caller } else { pick(dice, world.phones.len()) };
        let what = match dice.below(9) {
            0 => Do::Resume,
            5 => Do::HoldByUpdate,
            6 => Do::Update,
            1 => Do::Info,
            2 => Do::Ping,
            3 => Do::ReinviteWithoutOffer,
            4 if dice.below(3) == 0 => Do::Refer,
            4 if dice.below(2) == 0 => Do::Join,
            4 => Do::ReferTo(names[pick(dice, names.len())].clone()),
            _ => Do::Hold,
        };
        world.plan(when, phone, what);
        when += seconds(dice, 2_500);
    }
    if dice.below(5) > 0 {
        let phone = if dice.below(3) > 0 { caller } else { pick(dice, world.phones.len()) };
        world.plan(when + seconds(dice, 4_000), phone, Do::Hangup);
    }
}

/// A place in a list of so many.
pub(super) fn pick(dice: &mut Rng, count: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(count).unwrap())).unwrap()
}

fn seconds(dice: &mut Rng, at_most_ms: u64) -> f64 {
    f64::from(u32::try_from(dice.below(at_most_ms)).unwrap()) / 1000.0
}
