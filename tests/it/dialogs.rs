//! What happens inside a call: hold and resume, requests that pass, and calls whose phones are gone.

use crate::sim::{Do, Reply, World, answers, call};

/// Anne has called Carl, and they talk.
fn talking() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world
}

/// What every ladder of such a call begins with.
const TALK: &str = "
  0.000  anne   -> server  INVITE carl           offer
  0.001  server -> anne    100
  0.001  server -> carl    INVITE                offer
  0.002  carl   -> server  180
  0.003  server -> anne    180
  1.002  carl   -> server  200                   answer
  1.003  server -> carl    ACK
  1.003  server -> anne    200                   answer
  1.004  anne   -> server  ACK";

/// What it ends with when Anne hangs up after twenty seconds.
const GOODBYE: &str = "
 20.000  anne   -> server  BYE
 20.001  server -> anne    200 BYE
 20.001  server -> carl    BYE
 20.002  carl   -> server  200 BYE";

fn expect(world: &mut World, between: &str) {
    world.at(20.0, "anne", Do::Hangup);
    world.expect(&[TALK, between, GOODBYE].join("\n"));
}

#[test]
fn the_caller_holds_and_resumes() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Hold);
    world.at(8.0, "anne", Do::Resume);
    expect(
        &mut world,
        "  5.000  anne   -> server  re-INVITE             offer hold
           5.001  server -> anne    100
           5.001  server -> carl    re-INVITE             offer hold
           5.002  carl   -> server  200                   answer held
           5.003  server -> carl    ACK
           5.003  server -> anne    200                   answer held
           5.004  anne   -> server  ACK
           8.000  anne   -> server  re-INVITE             offer
           8.001  server -> anne    100
           8.001  server -> carl    re-INVITE             offer
           8.002  carl   -> server  200                   answer
           8.003  server -> carl    ACK
           8.003  server -> anne    200                   answer
           8.004  anne   -> server  ACK",
    );
}

#[test]
fn the_callee_holds_and_resumes() {
    let mut world = talking();
    world.at(5.0, "carl", Do::Hold);
    world.at(8.0, "carl", Do::Resume);
    expect(
        &mut world,
        "  5.000  carl   -> server  re-INVITE             offer hold
           5.001  server -> carl    100
           5.001  server -> anne    re-INVITE             offer hold
           5.002  anne   -> server  200                   answer held
           5.003  server -> anne    ACK
           5.003  server -> carl    200                   answer held
           5.004  carl   -> server  ACK
           8.000  carl   -> server  re-INVITE             offer
           8.001  server -> carl    100
           8.001  server -> anne    re-INVITE             offer
           8.002  anne   -> server  200                   answer
           8.003  server -> anne    ACK
           8.003  server -> carl    200                   answer
           8.004  carl   -> server  ACK",
    );
}

#[test]
fn a_reinvite_asks_the_other_for_his_offer() {
    let mut world = talking();
    world.at(5.0, "carl", Do::ReinviteWithoutOffer);
    expect(
        &mut world,
        "  5.000  carl   -> server  re-INVITE
           5.001  server -> carl    100
           5.001  server -> anne    re-INVITE
           5.002  anne   -> server  200                   offer
           5.003  server -> carl    200                   offer
           5.004  carl   -> server  ACK                   answer
           5.005  server -> anne    ACK                   answer",
    );
}

/// Both hold at the same moment: the offers meet in the server, each is told 491, and each tries
/// again after a time of its own (RFC 3261 §14.1): he who made the call after 2.1 to 4 s, the other
/// within 2 s.
#[test]
fn both_hold_at_once() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Hold);
    world.at(5.0, "carl", Do::Hold);
    world.at(20.0, "anne", Do::Hangup);
    world.golden("both_hold_at_once");
}

/// DTMF by INFO passes with its body, answered by the phone at the other end.
#[test]
fn info_passes() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Info);
    expect(
        &mut world,
        "  5.000  anne   -> server  INFO
           5.001  server -> carl    INFO
           5.002  carl   -> server  200 INFO
           5.003  server -> anne    200 INFO",
    );
}

/// OPTIONS in a call asks whether it still stands, which the server knows.
#[test]
fn options_in_a_call_is_answered_by_the_server() {
    let mut world = talking();
    world.at(5.0, "carl", Do::Ping);
    expect(
        &mut world,
        "  5.000  carl   -> server  OPTIONS
           5.001  server -> carl    200 OPTIONS",
    );
}

/// Somebody who does not exist: the call goes on.
#[test]
fn refer_to_nobody() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Refer);
    expect(
        &mut world,
        "  5.000  anne   -> server  REFER
           5.001  server -> anne    202 REFER
           5.001  server -> anne    NOTIFY                SIP/2.0 100 Trying
           5.001  server -> anne    NOTIFY                SIP/2.0 404 Not Found, over
           5.002  anne   -> server  200 NOTIFY
           5.002  anne   -> server  200 NOTIFY",
    );
}

/// A number that was used already is refused with 500 (RFC 3261 §12.2.2).
#[test]
fn numbers_have_to_rise() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Info.with("CSeq", "1 INFO"));
    expect(
        &mut world,
        "  5.000  anne   -> server  INFO
           5.001  server -> anne    500 INFO",
    );
}

#[test]
fn a_dialog_that_nobody_knows() {
    let mut world = World::new();
    world.phone("anne");
    world.at(1.0, "anne", Do::Stray("BYE".to_owned()));
    world.at(2.0, "anne", Do::Stray("INVITE".to_owned()));
    world.expect(
        "  1.000  anne   -> server  BYE
           1.001  server -> anne    481 BYE
           2.000  anne   -> server  re-INVITE
           2.001  server -> anne    481
           2.002  anne   -> server  ACK",
    );
}

/// The caller's phone never acknowledges: the 200 is repeated for 32 s, then both legs are ended
/// (RFC 3261 §13.3.1.4).
#[test]
fn the_ack_never_comes() {
    let mut world = World::new();
    world.phone("anne").acks = false;
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.run(40.0);
    world.show_repeats = true;
    world.golden("the_ack_never_comes");
}

/// The request comes again because our answers were lost: the same answer goes out again, and
/// nothing rings twice.
#[test]
fn a_repeated_invite_gets_the_same_answer() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180)), (1.0, Reply::Status(486))]);
    world.at(0.0, "anne", call("carl"));
    world.at(0.5, "anne", Do::Repeat);
    world.at(1.5, "anne", Do::Repeat);
    world.show_repeats = true;
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           0.500  anne   -> server  INVITE carl           offer, again
           0.501  server -> anne    180                   again
           1.002  carl   -> server  486
           1.003  server -> carl    ACK
           1.003  server -> anne    486
           1.004  anne   -> server  ACK
           1.500  anne   -> server  INVITE carl           offer, again",
    );
}

/// The phone is gone: the question after five minutes finds out, and the other side is told.
#[test]
fn a_phone_vanishes_in_a_call() {
    let mut world = talking();
    world.at(10.0, "carl", Do::Vanish);
    world.run(400.0);
    world.golden("a_phone_vanishes_in_a_call");
}

/// A phone that was switched off and on knows nothing of the call that the server asks about.
#[test]
fn a_phone_is_switched_off_and_on_in_a_call() {
    let mut world = talking();
    world.at(10.0, "carl", Do::Restart);
    world.run(320.0);
    world.golden("a_phone_is_switched_off_and_on_in_a_call");
}

/// A call over nothing but datagrams that survives losing every second one is still one call.
#[test]
fn a_call_over_a_bad_network() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.begin();
    world.net.loss = 500;
    world.at(0.0, "anne", call("carl"));
    world.at(60.0, "anne", Do::Hangup);
    world.show_repeats = true;
    world.golden("a_call_over_a_bad_network");
}
