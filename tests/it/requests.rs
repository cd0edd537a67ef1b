//! Requests that RFC 3261 has refused, each with its status.

use crate::sim::{Do, Reply, World, answers, call};

fn anne_and_carl() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    world
}

/// One INVITE of Anne's and the status that refuses it at once.
fn refused(world: &mut World, what: Do, status: &str) {
    world.at(0.0, "anne", what);
    let line = "0.000 anne -> server INVITE carl offer";
    world.expect(&format!("{line}\n0.001 server -> anne {status}\n0.002 anne -> server ACK"));
}

#[test]
fn an_extension_that_we_lack() {
    let what = call("carl").with("Require", "foo, 100rel");
    refused(&mut anne_and_carl(), what, "420 unsupported foo");
}

#[test]
fn too_many_hops() {
    refused(&mut anne_and_carl(), call("carl").with("Max-Forwards", "0"), "483");
}

/// Whose identity somebody claims has to be his own, or nobody's.
#[test]
fn somebody_else_in_from() {
    let what = call("carl").with("From", "<sip:dora@north.test>;tag=zq1qf");
    refused(&mut anne_and_carl(), what, "403");
}

#[test]
fn an_anonymous_caller() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    let who = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=zq1qf";
    world.at(0.0, "anne", call("carl").with("From", who).with("Privacy", "id"));
    world.at(3.0, "carl", Do::Hangup);
    world.golden("an_anonymous_caller");
    let secret = world.wire.iter().filter(|line| line.to == crate::sim::world::Who::Phone(1));
    for line in secret {
        let text = String::from_utf8_lossy(&line.bytes);
        assert!(!text.contains("anne"), "the callee sees who it is:\n{text}");
    }
}

/// A scheme that is none of ours, before anybody is asked who he is.
#[test]
fn a_scheme_that_we_do_not_know() {
    let mut world = World::new();
    world.phone("anne").reuses_nonce = false;
    world.at(0.0, "anne", call("nobodyKnowsThisScheme:opaque"));
    world.expect(
        "  0.000  anne   -> server  INVITE                offer
           0.001  server -> anne    416
           0.002  anne   -> server  ACK",
    );
}

/// A proxy on the way has forked and both branches come here (RFC 3261 §8.2.2.2).
#[test]
fn a_merged_request() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", Do::CallTwice("carl".to_owned()));
    world.at(5.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    482
           0.001  server -> carl    INVITE                offer
           0.002  anne   -> server  ACK
           0.002  carl   -> server  180
           0.003  server -> anne    180
           1.002  carl   -> server  200                   answer
           1.003  server -> carl    ACK
           1.003  server -> anne    200                   answer
           1.004  anne   -> server  ACK
           5.000  anne   -> server  BYE
           5.001  server -> anne    200 BYE
           5.001  server -> carl    BYE
           5.002  carl   -> server  200 BYE",
    );
}

/// Another domain is not ours to serve, whoever asks.
#[test]
fn another_domain() {
    let mut world = World::new();
    world.phone("anne");
    world.at(0.0, "anne", call("sip:dora@elsewhere.test"));
    world.golden("another_domain");
}

/// Extensions that only phones share are not promised to the other side.
#[test]
fn extensions_end_here() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    world.at(0.0, "anne", call("carl"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let invite = world.wire.iter().find(|line| line.to == crate::sim::world::Who::Phone(1)).unwrap();
    let text = String::from_utf8_lossy(&invite.bytes);
    assert!(
        text.contains("\r\nSupported: timer, 100rel, norefersub, replaces\r\n"),
        "what the server supports itself: {text}"
    );
    assert!(text.contains("\r\nMax-Forwards: 69\r\n") || text.contains("\r\nMax-Forwards: 68\r\n"), "{text}");
}
