//! The simulated world itself: several clusters, their lives, and the ways between them.

use ratatosk::effect::{Flow, StreamId};

use crate::sim::cluster::{FEDERATION_PORT, SOUTH};
use crate::sim::world::Who;
use crate::sim::{Do, World, answers, call};

/// Each has its own users, even of the same name, and its own disk.
#[test]
fn two_clusters_serve_their_own() {
    let mut world = World::new().with_south();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.phone("anne@south.test/desk");
    world.phone("carl@south.test").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne@south.test/desk", call("carl"));
    world.at(3.0, "carl", Do::Hangup);
    world.at(8.0, "carl@south.test", Do::Hangup);
    world.expect(
        "  0.000  anne                 -> north  INVITE carl             offer
           0.001  north                -> anne   100
           0.001  north                -> carl   INVITE                  offer
           0.002  carl                 -> north  180
           0.003  north                -> anne   180
           1.002  carl                 -> north  200                     answer
           1.003  north                -> carl   ACK
           1.003  north                -> anne   200                     answer
           1.004  anne                 -> north  ACK
           3.000  carl                 -> north  BYE
           3.001  north                -> carl   200 BYE
           3.001  north                -> anne   BYE
           3.002  anne                 -> north  200 BYE
           5.000  anne@south.test/desk -> south  INVITE carl@south.test  offer
           5.001  south                -> anne@south.test/desk  100
           5.001  south                -> carl@south.test  INVITE        offer
           5.002  carl@south.test      -> south  180
           5.003  south                -> anne@south.test/desk  180
           6.002  carl@south.test      -> south  200                     answer
           6.003  south                -> carl@south.test  ACK
           6.003  south                -> anne@south.test/desk  200      answer
           6.004  anne@south.test/desk -> south  ACK
           8.000  carl@south.test      -> south  BYE
           8.001  south                -> carl@south.test  200 BYE
           8.001  south                -> anne@south.test/desk  BYE
           8.002  anne@south.test/desk -> south  200 BYE",
    );
    assert_eq!(world.store.calls.len(), 2);
    assert_eq!(world.clusters[1].store.calls.len(), 2);
}

/// One is down; the other does not notice. A phone on UDP repeats into the void, one on TCP finds
/// that nobody listens, and both are served again afterwards.
#[test]
fn one_cluster_dies_and_comes_back() {
    let mut world = World::new().with_south();
    world.configure(SOUTH.0, |settings| settings.servers = 1);
    world.phone("anne").on_call(&answers(1.0));
    world.phone("carl@south.test");
    world.phone("dora@south.test").tcp();
    world.phone("eric");
    world.kill_at(1.0, SOUTH.0);
    world.at(2.0, "carl@south.test", call("dora"));
    world.at(2.0, "eric", call("anne"));
    world.start_at(3.0, SOUTH.0);
    world.at(3.2, "carl@south.test", Do::Hangup);
    world.at(4.0, "eric", Do::Hangup);
    world.finish();
    world.assert_sound("");
    assert_eq!(world.clusters[1].settings.epoch, 2);
    assert_eq!(world.census().len(), 3);
    let lost = |line: &&crate::sim::world::Line| line.arrived.is_none();
    assert!(world.wire.iter().filter(lost).all(|line| line.to == Who::Server(1)), "only what went there");
    let dora = world.phone_named("dora@south.test");
    assert!(dora.losses.len() > 1, "its stream broke, and so did the next");
}

/// A server speaks to another by whatever stream there is, and hears by which it went; the other
/// answers on it; when one of the two dies, the stream is gone for the other as well.
#[test]
fn servers_speak_by_streams() {
    let mut world = World::new().with_south();
    world.start_ladder();
    let remote = format!("203.0.113.1:{FEDERATION_PORT}").parse().unwrap();
    let flow = Flow { listener: 3, remote, stream: Some(StreamId::ANY) };
    let options = |branch: &str| {
        format!(
            "OPTIONS sip:south.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK{branch}\r\n\
             From: <sip:north.test>;tag=a\r\nTo: <sip:south.test>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
    };
    world.utter("north.test", flow, &options("one"));
    world.utter("north.test", flow, &options("two"));
    world.run(1.0);
    let streams: Vec<StreamId> = world.open_streams().collect();
    assert_eq!(streams.len(), 1, "both went over one");
    let said: Vec<(Who, Who, bool)> =
        world.wire.iter().map(|line| (line.from, line.to, line.arrived.is_some())).collect();
    let (north, south) = (Who::Server(0), Who::Server(1));
    assert_eq!(
        said,
        [(north, south, true), (north, south, true), (south, north, true), (south, north, true)]
    );

    world.kill_at(2.0, SOUTH.0);
    world.run(3.0);
    assert_eq!(world.open_streams().count(), 0);
    world.utter("north.test", flow, &options("three"));
    world.run(4.0);
    assert_eq!(world.wire.len(), 4, "nobody accepts it");
    world.start_at(5.0, SOUTH.0);
    world.run(6.0);
    world.utter("north.test", flow, &options("four"));
    world.run(7.0);
    assert_eq!(world.wire.len(), 6, "there is one again");
}
