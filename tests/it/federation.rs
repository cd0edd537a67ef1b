//! Two clusters: calls and pages across, and what happens when one is not there.

use ratatosk::base::Cid;
use ratatosk::config::{Allow, Peer, Secret};
use ratatosk::effect::Transport;

use crate::sim::cluster::{FEDERATION_PORT, NORTH, SOUTH};
use crate::sim::{World, answers, call};

/// A world in which north and south speak with each other.
fn federated(transport: Transport) -> World {
    let mut world = World::new().with_south();
    for (own, other) in [(NORTH, SOUTH), (SOUTH, NORTH)] {
        let host = other.1.split(':').next().unwrap();
        let peer = Peer {
            cid: Cid::new(other.0),
            transport,
            address: format!("{host}:{FEDERATION_PORT}").parse().unwrap(),
            secret: Secret::new("between-the-two-of-us"),
            allow: Allow::EVERYTHING,
        };
        world.configure(own.0, |settings| settings.peers = vec![peer]);
    }
    world
}

#[test]
fn a_call_across() {
    let mut world = federated(Transport::Udp);
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(3.0, "carl@south.test", crate::sim::Do::Hangup);
    world.golden("a_call_across");
}
