//! Calls from end to end, each with its ladder: how they begin and how they end.

use ratatosk::effect::store::{StoredContacts, StoredGroup};

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, refuses};

#[test]
fn the_caller_hangs_up() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl"));
    world.at(10.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           2.002  carl   -> server  200                   answer
           2.003  server -> carl    ACK
           2.003  server -> anne    200                   answer
           2.004  anne   -> server  ACK
          10.000  anne   -> server  BYE
          10.001  server -> anne    200 BYE
          10.001  server -> carl    BYE
          10.002  carl   -> server  200 BYE",
    );
}

#[test]
fn the_callee_hangs_up() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl"));
    world.at(10.0, "carl", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           2.002  carl   -> server  200                   answer
           2.003  server -> carl    ACK
           2.003  server -> anne    200                   answer
           2.004  anne   -> server  ACK
          10.000  carl   -> server  BYE
          10.001  server -> carl    200 BYE
          10.001  server -> anne    BYE
          10.002  anne   -> server  200 BYE",
    );
}

/// A phone that answers every nonce by itself is asked each time.
#[test]
fn a_call_is_challenged() {
    let mut world = World::new();
    world.phone("anne").reuses_nonce = false;
    world.phone("carl").on_call(&refuses(1.0, 486));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    407                   challenge
           0.002  anne   -> server  ACK
           0.002  anne   -> server  INVITE carl           SHA-256, offer
           0.003  server -> anne    100
           0.003  server -> carl    INVITE                offer
           0.004  carl   -> server  180
           0.005  server -> anne    180
           1.004  carl   -> server  486
           1.005  server -> carl    ACK
           1.005  server -> anne    486
           1.006  anne   -> server  ACK",
    );
}

#[test]
fn the_callee_is_busy() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  486
           0.003  server -> carl    ACK
           0.003  server -> anne    486
           0.004  anne   -> server  ACK",
    );
}

#[test]
fn the_callee_declines() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "carl", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           3.000  carl   -> server  603
           3.001  server -> carl    ACK
           3.001  server -> anne    603
           3.002  anne   -> server  ACK",
    );
}

#[test]
fn nobody_answers_in_the_time_that_the_tree_gives() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.tree("carl", "profile \"p\" {\n incoming {\n otherwise -> try clients for 20s\n }\n}\n");
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
          20.001  server -> carl    CANCEL
          20.001  server -> anne    480
          20.002  carl   -> server  200 CANCEL
          20.002  carl   -> server  487
          20.002  anne   -> server  ACK
          20.003  server -> carl    ACK",
    );
}

/// The default profile rings for a minute; nothing here takes messages of callers, so that nobody has
/// answered.
#[test]
fn nobody_answers_for_a_minute() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.run(70.0);
    world.golden("nobody_answers_for_a_minute");
    let half = world.store.calls.iter().find(|record| record.direction == "incoming").unwrap();
    assert!(half.path.contains("no-answer or unreachable -> try voicemail"), "{}", half.path);
}

/// Who is in "Invisible" hears it ring, whatever the phones would say.
#[test]
fn a_blocked_caller_hears_it_ring() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.store.contacts(
        &uid("carl"),
        StoredContacts {
            everybody: Vec::new(),
            groups: vec![StoredGroup { name: "Invisible".into(), members: vec![uid("anne").to_string()] }],
        },
    );
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.golden("a_blocked_caller_hears_it_ring");
}

/// Without a time in the tree, a call rings as long as the server lets it: 180 s, as timer C.
#[test]
fn nobody_answers_at_all() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.tree("carl", "profile \"patient\" { incoming { otherwise -> try clients } }");
    world.at(0.0, "anne", call("carl"));
    world.run(200.0);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
         180.001  server -> carl    CANCEL
         180.001  server -> anne    480
         180.002  carl   -> server  200 CANCEL
         180.002  carl   -> server  487
         180.002  anne   -> server  ACK
         180.003  server -> carl    ACK",
    );
}

#[test]
fn an_unknown_user_is_not_found() {
    let mut world = World::new();
    world.phone("anne");
    world.at(0.0, "anne", call("nobody"));
    world.expect(
        "  0.000  anne   -> server  INVITE nobody         offer
           0.001  server -> anne    100
           0.001  server -> anne    404
           0.002  anne   -> server  ACK",
    );
}

#[test]
fn nobody_is_registered() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").offline();
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    480
           0.002  anne   -> server  ACK",
    );
}

#[test]
fn the_caller_cancels_before_it_rings() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(5.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  100
           1.000  anne   -> server  CANCEL
           1.001  server -> anne    200 CANCEL
           1.001  server -> anne    487
           1.001  server -> carl    CANCEL
           1.002  anne   -> server  ACK
           1.002  carl   -> server  200 CANCEL
           1.002  carl   -> server  487
           1.003  server -> carl    ACK",
    );
}

/// The callee's phone has said nothing yet: its CANCEL has to wait (RFC 3261 §9.1).
#[test]
fn the_caller_cancels_before_the_phone_has_said_anything() {
    let mut world = World::new();
    world.net.delay_ms = (100, 100);
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(0.15, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.100  server -> anne    100
           0.100  server -> carl    INVITE                offer
           0.200  anne   -> server  CANCEL
           0.200  carl   -> server  180
           0.300  server -> anne    200 CANCEL
           0.300  server -> anne    487
           0.300  server -> carl    CANCEL
           0.400  anne   -> server  ACK
           0.400  carl   -> server  200 CANCEL
           0.400  carl   -> server  487
           0.500  server -> carl    ACK",
    );
}

/// The same with a phone that says no more than 100, and that after the CANCEL has come here.
#[test]
fn a_cancel_waits_for_the_100() {
    let mut world = World::new();
    world.net.delay_ms = (100, 100);
    world.phone("anne");
    world.phone("carl").on_call(&[(5.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(0.15, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.100  server -> anne    100
           0.100  server -> carl    INVITE                offer
           0.200  anne   -> server  CANCEL
           0.200  carl   -> server  100
           0.300  server -> anne    200 CANCEL
           0.300  server -> anne    487
           0.300  server -> carl    CANCEL
           0.400  anne   -> server  ACK
           0.400  carl   -> server  200 CANCEL
           0.400  carl   -> server  487
           0.500  server -> carl    ACK",
    );
}

#[test]
fn the_caller_cancels_while_it_rings() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           4.000  anne   -> server  CANCEL
           4.001  server -> anne    200 CANCEL
           4.001  server -> anne    487
           4.001  server -> carl    CANCEL
           4.002  anne   -> server  ACK
           4.002  carl   -> server  200 CANCEL
           4.002  carl   -> server  487
           4.003  server -> carl    ACK",
    );
}

/// The phone answers while our CANCEL is on its way: it believes to be in a call, and has to be
/// told that it is not.
#[test]
fn an_answer_crosses_the_cancel() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]).crosses_cancel = true;
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           4.000  anne   -> server  CANCEL
           4.001  server -> anne    200 CANCEL
           4.001  server -> anne    487
           4.001  server -> carl    CANCEL
           4.002  anne   -> server  ACK
           4.002  carl   -> server  200                   answer
           4.002  carl   -> server  200 CANCEL
           4.003  server -> carl    ACK
           4.003  server -> carl    BYE
           4.004  carl   -> server  200 BYE",
    );
}

/// The caller's CANCEL meets our 200 on its way: he gets into the call, and leaves it.
#[test]
fn a_cancel_crosses_the_answer() {
    let mut world = World::new();
    world.net.delay_ms = (10, 10);
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(1.035, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.010  server -> anne    100
           0.010  server -> carl    INVITE                offer
           0.020  carl   -> server  180
           0.030  server -> anne    180
           1.020  carl   -> server  200                   answer
           1.030  server -> carl    ACK
           1.030  server -> anne    200                   answer
           1.035  anne   -> server  CANCEL
           1.040  anne   -> server  ACK
           1.040  anne   -> server  BYE
           1.045  server -> anne    200 CANCEL
           1.050  server -> anne    200 BYE
           1.050  server -> carl    BYE
           1.060  carl   -> server  200 BYE",
    );
}

#[test]
fn there_is_media_before_the_answer() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Early), (2.0, Reply::Answer)]);
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  183                   answer
           0.003  server -> anne    183                   answer
           2.002  carl   -> server  200                   answer
           2.003  server -> carl    ACK
           2.003  server -> anne    200                   answer
           2.004  anne   -> server  ACK
           5.000  carl   -> server  BYE
           5.001  server -> carl    200 BYE
           5.001  server -> anne    BYE
           5.002  anne   -> server  200 BYE",
    );
}

/// Without an offer in the INVITE, the 200 makes it and the ACK answers: the ACK to the callee has
/// to wait for the caller's.
#[test]
fn the_callee_makes_the_offer() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", Do::CallWithoutOffer("carl".to_owned()));
    world.at(5.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl
           0.001  server -> anne    100
           0.001  server -> carl    INVITE
           0.002  carl   -> server  180
           0.003  server -> anne    180
           1.002  carl   -> server  200                   offer
           1.003  server -> anne    200                   offer
           1.004  anne   -> server  ACK                   answer
           1.005  server -> carl    ACK                   answer
           5.000  anne   -> server  BYE
           5.001  server -> anne    200 BYE
           5.001  server -> carl    BYE
           5.002  carl   -> server  200 BYE",
    );
}

/// Two pairs talk at once, each in a user server of its own.
#[test]
fn two_calls_at_once_on_two_user_servers() {
    let mut world = World::new();
    for (name, server) in [("anne", 1), ("carl", 0), ("dora", 0), ("faye", 1)] {
        assert_eq!(uid(name).slot().owner(2).0, server, "{name}");
        world.phone(name).on_call(&answers(1.0));
    }
    world.at(0.0, "anne", call("faye"));
    world.at(0.0, "carl", call("dora"));
    world.run(5.0);
    for census in world.census() {
        assert_eq!((census.calls, census.legs), (2, 4), "both halves of one call in each: {census:?}");
    }
    world.at(6.0, "anne", Do::Hangup);
    world.at(6.5, "dora", Do::Hangup);
    world.golden("two_calls_at_once");
}
