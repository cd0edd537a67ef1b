//! How another cluster stands while it is slow, or while the operator changes how it is reached.

use ratatosk::config::Peer;
use ratatosk::effect::dns::Question;
use ratatosk::effect::{Fact, Transport};

use crate::sim::cluster::{NORTH, SOUTH};
use crate::sim::net::Net;
use crate::sim::{World, call, refuses};

/// Two clusters that know each other.
fn two() -> World {
    let mut world = World::new().with_south();
    world.federate(Transport::Udp);
    world.phone("anne");
    world.phone("carl@south.test").on_call(&refuses(0.5, 486));
    world
}

/// The same, so many milliseconds apart once the phones have registered.
fn apart(delay_ms: u64) -> World {
    let mut world = two();
    world.begin();
    world.net = Net { delay_ms: (delay_ms, delay_ms), ..Net::PERFECT };
    world
}

/// What north has told Anne's phone, but for challenges and what is provisional.
fn heard(world: &World) -> Vec<u16> {
    let statuses = world.sent_to("anne").filter_map(|packet| packet.status());
    statuses.filter(|status| *status > 407).collect()
}

/// Whom north knows, and how.
fn peers(world: &World) -> Vec<Peer> {
    world.clusters[0].settings.peers.clone()
}

/// What north was told of south, in order: whether it is there.
fn news(world: &World) -> Vec<bool> {
    let news = |fact: &Fact| match fact {
        Fact::PeerUp { .. } => Some(true),
        Fact::PeerDown { .. } => Some(false),
        _ => None,
    };
    world.clusters[0].facts.iter().filter_map(news).collect()
}

/// One whose answers come later than the next question is there all the same.
#[test]
fn a_cluster_that_answers_late_comes_up_again() {
    let mut world = apart(600);
    world.kill_at(10.0, SOUTH.0);
    world.start_at(60.0, SOUTH.0);
    world.run(58.0);
    assert_eq!(news(&world), [true, false]);
    world.run(65.0);
    assert_eq!(news(&world), [true, false, true]);
}

/// A reload while a question is open is no reason to give its peer up.
#[test]
fn a_reload_gives_nobody_up_who_is_being_asked() {
    let mut world = apart(400);
    world.run(5.0);
    world.reconfigure(NORTH.0, |settings| settings.limits.calls_per_user += 1);
    world.run(5.3);
    world.reconfigure(NORTH.0, |settings| settings.limits.calls_per_user += 1);
    world.run(20.0);
    assert_eq!(news(&world), [true]);
}

/// Who is taken out while it is looked for in the DNS, and put in again, is looked for again.
#[test]
fn a_cluster_is_taken_out_while_it_is_looked_for() {
    let mut world = two();
    world.name_by_dns(&[None]);
    world.names = ((3_000, 3_000), 0);
    world.run(1.0);
    let peers = peers(&world);
    world.reconfigure(NORTH.0, |settings| settings.peers.clear());
    world.run(2.0);
    world.reconfigure(NORTH.0, |settings| settings.peers = peers);
    world.at(38.0, "anne", call("carl@south.test"));
    world.run(40.0);
    assert_eq!(heard(&world), [486]);
}

/// Between an address and the DNS, a peer is reached by what is configured now.
#[test]
fn a_cluster_is_reached_as_it_is_configured_now() {
    let mut world = two();
    let fixed = peers(&world);
    world.name_by_dns(&[None]);
    let named = peers(&world);
    for (second, peers) in [(10.0, &named), (20.0, &fixed), (30.0, &named)] {
        world.at(second - 2.0, "anne", call("carl@south.test"));
        world.run(second);
        world.reconfigure(NORTH.0, |settings| settings.peers.clone_from(peers));
    }
    world.at(38.0, "anne", call("carl@south.test"));
    world.run(42.0);
    assert_eq!(heard(&world), [486; 4]);
}

/// Somebody of those who know where south's servers are says nothing when they are looked for again, and of all
/// only one that is not there is left: it is no reason to give up a call that the other one has.
#[test]
fn half_an_answer_takes_no_server_away() {
    let mut world = two();
    world.name_by_dns(&[None, Some([203, 0, 113, 99])]);
    world.has_nobody = true;
    world.net = Net { delay_ms: (100, 100), ..Net::PERFECT };
    world.at(1.0, "anne", call("carl@south.test"));
    world.run(62.0);
    world.zone.remove(&Question::Addresses("s0.south.test".to_owned()));
    world.at(62.0, "anne", call("carl@south.test"));
    world.run(70.0);
    assert_eq!(heard(&world), [486, 486]);
}
