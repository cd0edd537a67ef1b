//! A user with several phones: who wins, who is told to stop, and what the caller hears.

use crate::sim::{Do, Reply, World, answers, call, refuses};

#[test]
fn one_answers_and_the_other_stops_ringing() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&answers(2.0));
    world.phone("carl/hand").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne      -> server     INVITE carl           offer
           0.001  server    -> anne       100
           0.001  server    -> carl/desk  INVITE                offer
           0.001  server    -> carl/hand  INVITE                offer
           0.002  carl/desk -> server     180
           0.002  carl/hand -> server     180
           0.003  server    -> anne       180
           2.002  carl/desk -> server     200                   answer
           2.003  server    -> carl/desk  ACK
           2.003  server    -> carl/hand  CANCEL                completed elsewhere
           2.003  server    -> anne       200                   answer
           2.004  carl/hand -> server     200 CANCEL
           2.004  carl/hand -> server     487
           2.004  anne      -> server     ACK
           2.005  server    -> carl/hand  ACK
           5.000  anne      -> server     BYE
           5.001  server    -> anne       200 BYE
           5.001  server    -> carl/desk  BYE
           5.002  carl/desk -> server     200 BYE",
    );
}

/// Both lift at the same moment: the first is connected, the second acknowledged and sent away.
#[test]
fn both_answer_and_the_first_wins() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&answers(2.0));
    world.phone("carl/hand").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl/desk", Do::Hangup);
    world.expect(
        "  0.000  anne      -> server     INVITE carl           offer
           0.001  server    -> anne       100
           0.001  server    -> carl/desk  INVITE                offer
           0.001  server    -> carl/hand  INVITE                offer
           0.002  carl/desk -> server     180
           0.002  carl/hand -> server     180
           0.003  server    -> anne       180
           2.002  carl/desk -> server     200                   answer
           2.002  carl/hand -> server     200                   answer
           2.003  server    -> carl/desk  ACK
           2.003  server    -> carl/hand  CANCEL                completed elsewhere
           2.003  server    -> carl/hand  ACK
           2.003  server    -> carl/hand  BYE                   completed elsewhere
           2.003  server    -> anne       200                   answer
           2.004  carl/hand -> server     200 CANCEL
           2.004  carl/hand -> server     200 BYE
           2.004  anne      -> server     ACK
           5.000  carl/desk -> server     BYE
           5.001  server    -> carl/desk  200 BYE
           5.001  server    -> anne       BYE
           5.002  anne      -> server     200 BYE",
    );
}

/// One refusal is no refusal: the other goes on ringing. Of two, the caller hears the better one
/// (RFC 3261 §16.7 step 6): here that there is one who is busy.
#[test]
fn the_best_refusal_is_passed_on() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&refuses(1.0, 486));
    world.phone("carl/hand").on_call(&refuses(3.0, 480));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne      -> server     INVITE carl           offer
           0.001  server    -> anne       100
           0.001  server    -> carl/desk  INVITE                offer
           0.001  server    -> carl/hand  INVITE                offer
           0.002  carl/desk -> server     180
           0.002  carl/hand -> server     180
           0.003  server    -> anne       180
           1.002  carl/desk -> server     486
           1.003  server    -> carl/desk  ACK
           3.002  carl/hand -> server     480
           3.003  server    -> carl/hand  ACK
           3.003  server    -> anne       486
           3.004  anne      -> server     ACK",
    );
}

/// A 6xx speaks for the user, not for the phone: nothing rings on (RFC 3261 §16.7 step 5).
#[test]
fn a_decline_ends_it_for_all() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&refuses(1.0, 603));
    world.phone("carl/hand").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne      -> server     INVITE carl           offer
           0.001  server    -> anne       100
           0.001  server    -> carl/desk  INVITE                offer
           0.001  server    -> carl/hand  INVITE                offer
           0.002  carl/desk -> server     180
           0.002  carl/hand -> server     180
           0.003  server    -> anne       180
           1.002  carl/desk -> server     603
           1.003  server    -> carl/desk  ACK
           1.003  server    -> carl/hand  CANCEL
           1.003  server    -> anne       603
           1.004  carl/hand -> server     200 CANCEL
           1.004  carl/hand -> server     487
           1.004  anne      -> server     ACK
           1.005  server    -> carl/hand  ACK",
    );
}

/// Two phones send media of their own: each gets an early dialog of its own towards the caller.
#[test]
fn two_phones_have_early_media() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(0.0, Reply::Early), (2.0, Reply::Answer)]);
    world.phone("carl/hand").on_call(&[(0.5, Reply::Early)]);
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne      -> server     INVITE carl           offer
           0.001  server    -> anne       100
           0.001  server    -> carl/desk  INVITE                offer
           0.001  server    -> carl/hand  INVITE                offer
           0.002  carl/desk -> server     183                   answer
           0.002  carl/hand -> server     100
           0.003  server    -> anne       183                   answer
           0.502  carl/hand -> server     183                   answer
           0.503  server    -> anne       183                   branch 2, answer
           2.002  carl/desk -> server     200                   answer
           2.003  server    -> carl/desk  ACK
           2.003  server    -> carl/hand  CANCEL                completed elsewhere
           2.003  server    -> anne       200                   answer
           2.004  carl/hand -> server     200 CANCEL
           2.004  carl/hand -> server     487
           2.004  anne      -> server     ACK
           2.005  server    -> carl/hand  ACK
           5.000  anne      -> server     BYE
           5.001  server    -> anne       200 BYE
           5.001  server    -> carl/desk  BYE
           5.002  carl/desk -> server     200 BYE",
    );
}

/// The caller gives up while two ring, one of which has not even said 100.
#[test]
fn a_cancel_reaches_every_phone() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(0.0, Reply::Status(180))]);
    world.phone("carl/hand").on_call(&[(0.0, Reply::Status(183))]);
    world.at(0.0, "anne", call("carl"));
    world.at(2.0, "anne", Do::Hangup);
    world.golden("a_cancel_reaches_every_phone");
}

/// Somebody calls his own address: his other phone rings, and so does the one that he calls with.
#[test]
fn a_user_calls_himself() {
    let mut world = World::new();
    world.phone("anne/desk").on_call(&[(0.0, Reply::Status(486))]);
    world.phone("anne/hand").on_call(&answers(1.0));
    world.at(0.0, "anne/desk", call("anne"));
    world.at(3.0, "anne/hand", Do::Hangup);
    world.golden("a_user_calls_himself");
}

/// A phone that is gone without a word costs nothing when another answers.
#[test]
fn a_dead_phone_does_not_stop_a_live_one() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk");
    world.phone("carl/hand").on_call(&answers(1.0));
    world.at(0.0, "carl/desk", Do::Vanish);
    world.at(0.1, "anne", call("carl"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("a_dead_phone_does_not_stop_a_live_one");
}

/// Nobody is at any address: the caller hears so when timer B has fired (RFC 3261 §17.1.1.2).
#[test]
fn every_phone_is_dead() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "carl", Do::Vanish);
    world.at(0.1, "anne", call("carl"));
    world.run(40.0);
    world.show_repeats = true;
    world.expect(
        "  0.100  anne   -> server  INVITE carl           offer
           0.101  server -> anne    100
           0.101  server -> carl    INVITE                offer, lost
           0.601  server -> carl    INVITE                offer, lost, again
           1.601  server -> carl    INVITE                offer, lost, again
           3.601  server -> carl    INVITE                offer, lost, again
           7.601  server -> carl    INVITE                offer, lost, again
          15.601  server -> carl    INVITE                offer, lost, again
          31.601  server -> carl    INVITE                offer, lost, again
          32.101  server -> anne    480
          32.102  anne   -> server  ACK",
    );
}
