//! Random worlds of pages: a bad network, phones that come, go and sulk, and a server that is killed.
//! In the end everybody is there, and everything that was accepted has been taken, in order.
//!
//! `SEEDS=10000 cargo test --release --test it inbox_seeds` plays ten thousand.

use ratatosk::base::Rng;

use crate::sim::net::Net;
use crate::sim::text::Packet;
use crate::sim::world::uid;
use crate::sim::{Do, World, page};

const READERS: [&str; 3] = ["carl/desk", "carl/hand", "dora"];
const TREES: [&str; 4] = [
    "otherwise -> try clients else inbox",
    "otherwise -> inbox",
    "otherwise -> try clients for 2s { unreachable or no-answer -> inbox\n otherwise -> busy\n }",
    "otherwise -> try clients else try user dora@north.test else inbox",
];
/// How many worlds a plain `cargo test` plays.
const DEFAULT_SEEDS: u64 = 100;

#[test]
fn every_accepted_page_is_taken_in_order() {
    let count = std::env::var("SEEDS").map_or(DEFAULT_SEEDS, |text| text.parse().unwrap());
    let first = std::env::var("SEED").map_or(1, |text| text.parse().unwrap());
    for seed in first..first + count {
        play(seed);
    }
}

fn play(seed: u64) {
    let mut dice = Rng::from_seed(seed ^ 0x7061_6765);
    let mut world = World::random(seed);
    for name in ["anne", "eric"].iter().chain(&READERS) {
        let phone = world.phone(name);
        phone.offline();
        phone.expires = Some(600);
        if dice.below(3) == 0 {
            phone.tcp();
        }
    }
    for user in ["carl", "dora"] {
        let tree = TREES[usize::try_from(dice.below(4)).unwrap()];
        world.tree(user, &format!("profile \"p\" {{\n incoming {{\n {tree}\n }}\n}}\n"));
    }
    let mut at = 0.0;
    for number in 0..10 + dice.below(20) {
        at += f64::from(u32::try_from(dice.below(3_000)).unwrap()) / 1000.0;
        happening(&mut world, &mut dice, at, number);
    }
    world.start_ladder();
    let mut now = 0.0;
    while now < at {
        now += 1.0 + f64::from(u32::try_from(dice.below(15_000)).unwrap()) / 1000.0;
        world.run(now);
        match dice.below(3) {
            0 => world.restart_servers(),
            1 => sulk(&mut world, &mut dice),
            _ => {}
        }
    }
    // Everything becomes good.
    let calm = now.max(at) + 40.0;
    world.run(calm);
    world.net = Net::PERFECT;
    for name in READERS {
        world.phone_named(name).on_page = 200;
        world.at(calm + 1.0, name, Do::Register);
    }
    world.run(calm + 20.0);
    let left: Vec<_> = ["carl", "dora"].into_iter().flat_map(|user| waiting(&world, user)).collect();
    let ladder = world.finish();
    assert!(left.is_empty(), "seed {seed}: {left:?} waits for ever in\n{ladder}");
    assert!(world.faults.is_empty(), "seed {seed}: {}\nin\n{ladder}", world.faults.join("\n"));
    in_order(&world, seed, calm, &ladder);
}

fn happening(world: &mut World, dice: &mut Rng, at: f64, number: u64) {
    let reader = READERS[usize::try_from(dice.below(3)).unwrap()];
    match dice.below(8) {
        0 => world.at(at, reader, Do::Unregister),
        1 | 2 => world.at(at, reader, Do::Register),
        3 => world.at(at, reader, Do::Disconnect),
        _ => {
            let writer = ["anne", "eric"][usize::try_from(dice.below(2)).unwrap()];
            let user = ["carl", "dora"][usize::try_from(dice.below(2)).unwrap()];
            world.at(at, writer, page(user, &format!("page {number:03}")));
        }
    }
}

/// Phones say something else from now on, or nothing.
fn sulk(world: &mut World, dice: &mut Rng) {
    for name in READERS {
        world.phone_named(name).on_page =
            [200, 200, 200, 480, 486, 405, 415, 500, 0][usize::try_from(dice.below(9)).unwrap()];
    }
}

fn waiting(world: &World, user: &str) -> Vec<String> {
    let uid = uid(user);
    world.store.waiting(&uid).map(|page| String::from_utf8_lossy(&page.body).into_owned()).collect()
}

/// In the last round the pages of an inbox came in the order in which they were stored.
fn in_order(world: &World, seed: u64, calm: f64, ladder: &str) {
    for name in READERS {
        let place = world.phones.iter().position(|phone| phone.name == name).unwrap();
        let mut last = Vec::new();
        for line in
            world.wire.iter().filter(|line| !line.again && line.to == crate::sim::world::Who::Phone(place))
        {
            let packet = Packet::parse(&line.bytes).unwrap();
            if world.since_origin(line.at).as_secs_f64() > calm && packet.get("Date").is_some() {
                last.push(packet.body.to_owned());
            }
        }
        let mut sorted = last.clone();
        let order =
            |body: &String| world.store.inbox.iter().position(|(page, _)| page.body == body.as_bytes());
        sorted.sort_by_key(order);
        assert_eq!(last, sorted, "seed {seed}: {name} in\n{ladder}");
    }
}
