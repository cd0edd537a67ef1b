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

/// Somebody calls his own address: his other phones ring, the one that he calls with does not.
#[test]
fn a_user_calls_himself() {
    let mut world = World::new();
    world.phone("anne/desk").on_call(&answers(1.0));
    world.phone("anne/hand").on_call(&answers(1.0));
    world.phone("anne/lap").tcp().on_call(&refuses(0.5, 486));
    world.at(0.0, "anne/desk", call("anne"));
    world.at(3.0, "anne/hand", Do::Hangup);
    world.at(5.0, "anne/lap", call("anne"));
    world.at(9.0, "anne/lap", Do::Hangup);
    world.golden("a_user_calls_himself");
}

/// With his only phone: there is nobody to be rung.
#[test]
fn a_user_calls_himself_with_his_only_phone() {
    let mut world = World::new();
    world.phone("anne").nat();
    world.at(0.0, "anne", call("anne"));
    world.expect(
        "  0.000  anne   -> server  INVITE anne           offer
           0.001  server -> anne    100
           0.001  server -> anne    480
           0.002  anne   -> server  ACK",
    );
}

/// A proxy that forks behind one binding lets two 200s through: the first is connected, the second
/// acknowledged and sent away, with a leg that is there and with one that is gone.
#[test]
fn two_phones_answer_behind_one_binding() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0)).twin = true;
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "carl", Do::Hangup);
    world.golden("two_phones_answer_behind_one_binding");
}

#[test]
fn two_phones_answer_behind_one_binding_and_cross_the_cancel() {
    let mut world = World::new();
    world.phone("anne");
    let carl = world.phone("carl");
    carl.on_call(&[(0.0, Reply::Status(180))]).twin = true;
    carl.crosses_cancel = true;
    world.at(0.0, "anne", call("carl"));
    world.at(2.0, "anne", Do::Hangup);
    world.golden("two_phones_answer_behind_one_binding_and_cross_the_cancel");
}

/// The second phone's media are not those that the caller heard of: they have a dialog of their own,
/// for inside one he would go on with the first (RFC 3261 §13.2.1).
#[test]
fn the_other_phone_answers_than_the_one_with_early_media() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(0.0, Reply::Early)]);
    world.phone("carl/hand").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.golden("the_other_phone_answers_than_the_one_with_early_media");
    let tags: Vec<_> = world.answers_to("anne").map(|one| (one.status().unwrap(), one.to_tag())).collect();
    let tag = |status| tags.iter().find(|(own, _)| *own == status).unwrap().1;
    assert_ne!(tag(183), tag(200), "{tags:?}");
}

/// One phone is dead, the other says no: after five seconds nobody waits for the dead one any more,
/// and not 32 (timer B).
#[test]
fn a_dead_phone_does_not_hold_up_a_refusal() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk");
    world.phone("carl/hand").on_call(&refuses(1.0, 486));
    world.at(0.0, "carl/desk", Do::Vanish);
    world.at(0.1, "anne", call("carl"));
    world.golden("a_dead_phone_does_not_hold_up_a_refusal");
}

/// A phone that has only said 100 is alive.
#[test]
fn a_slow_phone_is_waited_for() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(9.0, Reply::Status(180)), (10.0, Reply::Answer)]);
    world.phone("carl/hand").on_call(&refuses(1.0, 486));
    world.at(0.0, "anne", call("carl"));
    world.at(12.0, "anne", Do::Hangup);
    world.golden("a_slow_phone_is_waited_for");
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
