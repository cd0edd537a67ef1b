//! Reliable provisional responses (RFC 3262) and what may be negotiated before a call is answered
//! (RFC 3311): each leg confirms by itself, and what one side cannot do is done for it.

use ratatosk::effect::Transport;

use crate::sim::phone::Pracks;
use crate::sim::text::Packet;
use crate::sim::{Do, Reply, World, call};

/// Anne calls Carl, whose phone has early media and is answered after three seconds.
fn ringing(anne: bool, carl: bool) -> World {
    let mut world = ringing_on(anne, carl);
    world.at(10.0, "anne", Do::Hangup);
    world
}

fn ringing_on(anne: bool, carl: bool) -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Early), (3.0, Reply::Answer)]);
    for (name, reliable) in [("anne", anne), ("carl", carl)] {
        let phone = world.phone_named(name);
        (phone.reliable, phone.updates) = (reliable, reliable);
    }
    world
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("reliable/{name}"));
}

/// Both can: each leg has its own PRACK, and no 200 describes the session again.
#[test]
fn early_media_on_both_legs() {
    let mut world = ringing(true, true);
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "early_media_on_both_legs");
}

/// Only Carl's phone can: the server confirms, and describes the session in the 200 for her.
#[test]
fn early_media_for_a_caller_who_cannot() {
    let mut world = ringing(false, true);
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "early_media_for_a_caller_who_cannot");
}

/// Only Anne's can: what came without a PRACK goes on without one.
#[test]
fn early_media_from_a_phone_that_cannot() {
    let mut world = ringing(true, false);
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "early_media_from_a_phone_that_cannot");
}

/// She takes no other: then it is reliable for her (RFC 3262 §3), whatever it was for Carl.
#[test]
fn a_caller_who_requires_it() {
    let mut world = ringing(true, false);
    world.at(0.0, "anne", call("carl").with("Require", "100rel"));
    golden(&mut world, "a_caller_who_requires_it");
}

/// The offer is Carl's, in his 183; Anne answers in her PRACK, and so does the server.
#[test]
fn an_offer_in_a_reliable_response() {
    let mut world = ringing(true, true);
    world.at(0.0, "anne", Do::CallWithoutOffer("carl".to_owned()));
    golden(&mut world, "an_offer_in_a_reliable_response");
}

/// A caller who could not answer it in a PRACK: no such offer is asked of Carl's phone.
#[test]
fn no_offer_in_a_response_for_a_caller_who_cannot() {
    let mut world = ringing(false, true);
    world.at(0.0, "anne", Do::CallWithoutOffer("carl".to_owned()));
    golden(&mut world, "no_offer_in_a_response_for_a_caller_who_cannot");
}

/// She changes the session in her PRACK: to Carl, whose own is long done, it is an UPDATE.
#[test]
fn an_offer_in_a_prack() {
    let mut world = ringing(true, true);
    world.phone_named("anne").pracks = Pracks::WithOffer;
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "an_offer_in_a_prack");
}

/// The same where Carl's phone takes no UPDATE: the offer is refused, the response is confirmed.
#[test]
fn an_offer_in_a_prack_that_cannot_go_on() {
    let mut world = ringing(true, true);
    world.phone_named("anne").pracks = Pracks::WithOffer;
    world.phone_named("carl").updates = false;
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "an_offer_in_a_prack_that_cannot_go_on");
}

#[test]
fn the_caller_updates_before_the_answer() {
    let mut world = ringing(true, true);
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "anne", Do::HoldByUpdate);
    golden(&mut world, "the_caller_updates_before_the_answer");
}

#[test]
fn the_callee_updates_before_the_answer() {
    let mut world = ringing(true, true);
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "carl", Do::HoldByUpdate);
    golden(&mut world, "the_callee_updates_before_the_answer");
}

/// Both at once: each meets the other's (RFC 3311 §5.2).
#[test]
fn updates_cross_before_the_answer() {
    let mut world = ringing(true, true);
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "anne", Do::HoldByUpdate);
    world.at(1.0, "carl", Do::HoldByUpdate);
    golden(&mut world, "updates_cross_before_the_answer");
}

/// Carl's phone would change a session that Anne's cannot change yet: later, it is told.
#[test]
fn an_update_that_a_caller_cannot_take_yet() {
    let mut world = ringing(false, true);
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "carl", Do::HoldByUpdate);
    golden(&mut world, "an_update_that_a_caller_cannot_take_yet");
}

/// An UPDATE meets the answer of the call between the server and Carl's phone, and between Anne's phone
/// and the server: either way it is to be tried again.
#[test]
fn an_update_crosses_the_answer() {
    for (when, where_to) in [(3.01, "at_the_callee"), (3.045, "at_the_caller")] {
        let mut world = ringing(true, true);
        world.net.delay_ms = (20, 20);
        world.at(0.0, "anne", call("carl"));
        world.at(when, "anne", Do::HoldByUpdate);
        golden(&mut world, &format!("an_update_crosses_the_answer_{where_to}"));
    }
}

/// No PRACK comes: the response is repeated after 0.5, 1, 2 … s, and after 32 s the call is refused.
#[test]
fn a_caller_never_confirms() {
    let mut world = ringing_on(true, true);
    world.phone_named("anne").pracks = Pracks::Never;
    world.phone_named("carl").on_call = vec![(0.0, Reply::Early)];
    world.at(0.0, "anne", call("carl"));
    world.at(40.0, "anne", Do::Hangup);
    world.show_repeats = true;
    golden(&mut world, "a_caller_never_confirms");
}

/// The callee is gone before he hears the PRACK of his response: neither it nor the CANCEL is answered.
#[test]
fn a_callee_is_never_confirmed() {
    let mut world = ringing_on(true, true);
    world.at(0.0, "anne", call("carl"));
    world.at(0.0025, "carl", Do::Vanish);
    world.at(5.0, "anne", Do::Hangup);
    world.run(50.0);
    world.show_repeats = true;
    golden(&mut world, "a_callee_is_never_confirmed");
}

/// A 200 waits until the session that was described is confirmed (RFC 3262 §3).
#[test]
fn an_answer_waits_for_the_prack() {
    let mut world = ringing(true, true);
    world.phone_named("carl").on_call = vec![(0.0, Reply::Early), (0.01, Reply::Answer)];
    world.net.delay_ms = (100, 100);
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "an_answer_waits_for_the_prack");
}

/// Carl has answered, and asks for an offer while his answer waits for the PRACK of his other phone's
/// response: there is nobody yet who could make one.
#[test]
fn an_offer_is_asked_for_before_the_answer_is_told() {
    let mut world = ringing_on(true, true);
    world.phone_named("carl").on_call = vec![(0.0, Reply::Early), (0.55, Reply::Answer)];
    let lap = world.phone("carl/lap").on_call(&[(0.5, Reply::Early)]);
    (lap.reliable, lap.updates) = (true, true);
    world.net.delay_ms = (100, 100);
    world.at(0.0, "anne", call("carl"));
    world.at(1.2, "carl", Do::ReinviteWithoutOffer);
    world.at(2.0, "anne", Do::Hangup);
    world.run(0.6);
    world.phone_named("anne").pracks = Pracks::Never;
    world.run(5.0);
    golden(&mut world, "an_offer_is_asked_for_before_the_answer_is_told");
}

/// A reliable 180 describes nothing, and the 200 need not wait for its PRACK.
#[test]
fn an_answer_overtakes_the_prack_of_a_180() {
    let mut world = ringing(true, true);
    world.phone_named("carl").on_call = vec![(0.0, Reply::Status(180)), (0.01, Reply::Answer)];
    world.net.delay_ms = (100, 100);
    world.at(0.0, "anne", call("carl"));
    golden(&mut world, "an_answer_overtakes_the_prack_of_a_180");
}

/// What nobody has sent is confirmed: 481, and the response is repeated.
#[test]
fn a_prack_of_the_wrong_number() {
    let mut world = ringing(true, true);
    world.phone_named("anne").pracks = Pracks::Wrongly;
    world.at(0.0, "anne", call("carl"));
    world.at(2.5, "anne", Do::Hangup);
    world.show_repeats = true;
    golden(&mut world, "a_prack_of_the_wrong_number");
}

/// CANCEL and PRACK cross on their way to the server, and on their way to the phone.
#[test]
fn a_cancel_crosses_a_prack() {
    let mut world = ringing(true, true);
    world.net.delay_ms = (100, 100);
    world.at(0.0, "anne", call("carl"));
    world.at(0.41, "anne", Do::Hangup);
    golden(&mut world, "a_cancel_crosses_a_prack");
}

/// Two phones ring with media of their own: each early dialog has its own numbers on its own leg, and
/// the caller hears one after the other.
#[test]
fn two_phones_with_early_media() {
    let mut world = ringing(true, true);
    let lap = world.phone("carl/lap").on_call(&[(0.1, Reply::Early), (4.0, Reply::Answer)]);
    (lap.reliable, lap.updates) = (true, true);
    world.at(0.0, "anne", call("carl"));
    world.at(2.0, "anne", Do::HoldByUpdate);
    golden(&mut world, "two_phones_with_early_media");
}

/// The same across clusters: each early dialog has numbers of its own (RFC 3261 §12.1.2), so that the
/// second begins where the first did.
#[test]
fn two_phones_of_another_cluster_with_early_media() {
    let mut world = World::new().with_south();
    world.federate(Transport::Tcp);
    world.phone("anne");
    world.phone("carl@south.test/desk").on_call(&[(0.0, Reply::Early), (3.0, Reply::Answer)]);
    world.phone("carl@south.test/lap").on_call(&[(0.5, Reply::Early)]);
    for phone in ["anne", "carl@south.test/desk", "carl@south.test/lap"] {
        world.phone_named(phone).reliable = true;
    }
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(5.0, "anne", Do::Hangup);
    golden(&mut world, "two_phones_of_another_cluster_with_early_media");
}

/// Responses that come out of order are confirmed in theirs (RFC 3262 §4).
#[test]
fn responses_out_of_order() {
    let mut world = ringing(true, true);
    world.phone_named("carl").on_call = vec![(0.0, Reply::Early)];
    world.at(0.0, "anne", call("carl"));
    world.run(1.0);
    let mut late = World::again(&world.latest("carl", "SIP/2.0 183", "INVITE"));
    late.body.clear();
    late.remove("Content-Type");
    let pracks = |world: &World| {
        let prack = |line: &&crate::sim::world::Line| {
            line.to == crate::sim::world::Who::Phone(1) && line.bytes.starts_with(b"PRACK") && !line.again
        };
        world.wire.iter().filter(prack).count()
    };
    assert_eq!(pracks(&world), 1);
    late.set("RSeq", "4002");
    world.write("carl", &late);
    world.run(1.1);
    assert_eq!(pracks(&world), 1, "4001 has not come");
    late.set("RSeq", "4001");
    world.write("carl", &late);
    world.run(1.2);
    assert_eq!(pracks(&world), 2);
    let prack = world.latest("carl", "PRACK", "PRACK");
    assert!(Packet::parse(&prack).unwrap().get("RAck").unwrap().starts_with("4001 "));
}
