//! INVITE with Replaces (RFC 3891): a phone takes over a call of another phone of its user, talking or
//! ringing; nobody else's dialogs exist.

use crate::sim::text::Packet;
use crate::sim::{Do, Reply, World, answers, call, page};

/// Anne calls Carl's desk, which does that; his cell phone and Dora's phone come later.
fn world(desk: &[(f64, Reply)], calls: Do) -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(desk);
    world.phone("carl/cell").offline();
    world.phone("dora").offline();
    world.at(0.0, "anne", calls);
    world.at(3.0, "carl/cell", Do::Register);
    world.at(3.0, "dora", Do::Register);
    world
}

fn talking() -> World {
    world(&answers(1.0), call("carl"))
}

fn ringing() -> World {
    world(&[(0.1, Reply::Status(180))], call("carl"))
}

fn quiet() -> Do {
    Do::CallWithoutOffer("carl".to_owned())
}

/// The dialog of a phone's call as another phone names it to the server: by an answer that the phone sent.
fn dialog_of(world: &World, phone: &str, answer: &str) -> String {
    let bytes = world.latest(phone, answer, "INVITE");
    let packet = Packet::parse(&bytes).unwrap();
    format!("{};to-tag={};from-tag={}", packet.call_id(), packet.from_tag(), packet.to_tag())
}

/// At 5 s a phone names the dialog of the desk, answered or ringing, in what it sends.
fn replaces(world: &mut World, phone: &str, answer: &str, what: Do, more: &str) {
    world.run(4.0);
    let dialog = dialog_of(world, "carl/desk", answer);
    world.at(5.0, phone, what.with("Replaces", &format!("{dialog}{more}")));
}

fn take(world: &mut World, what: Do) {
    replaces(world, "carl/cell", "SIP/2.0 200", what, "");
}

fn pick_up(world: &mut World, what: Do) {
    replaces(world, "carl/cell", "SIP/2.0 180", what, ";early-only");
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("replaces/{name}"));
}

/// Refused at 5 s with this, and the call of the others goes on.
fn refused(mut world: World, phone: &str, status: u16) {
    world.run(6.0);
    world.latest(phone, &format!("SIP/2.0 {status}"), "INVITE");
    world.at(20.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert!(!ladder.contains("re-INVITE"), "{ladder}");
}

#[test]
fn a_phone_takes_a_call_over() {
    let mut world = talking();
    take(&mut world, call("carl"));
    world.at(20.0, "carl/cell", Do::Hangup);
    golden(&mut world, "a_phone_takes_a_call_over");
}

/// Its session is the other side's to describe.
#[test]
fn a_phone_takes_a_call_over_without_an_offer() {
    let mut world = talking();
    take(&mut world, quiet());
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "a_phone_takes_a_call_over_without_an_offer");
}

/// The caller's other phone goes on with what she has begun.
#[test]
fn the_caller_changes_phones() {
    let mut world = talking();
    world.phone("anne/cell").offline();
    world.at(3.0, "anne/cell", Do::Register);
    world.run(4.0);
    let bytes = world.latest("anne", "SIP/2.0 200", "INVITE");
    let packet = Packet::parse(&bytes).unwrap();
    let dialog = format!("{};to-tag={};from-tag={}", packet.call_id(), packet.to_tag(), packet.from_tag());
    world.at(5.0, "anne/cell", call("carl").with("Replaces", &dialog));
    world.at(20.0, "carl/desk", Do::Hangup);
    golden(&mut world, "the_caller_changes_phones");
}

/// Both have made an offer: the caller is answered, and asked for the other one then.
#[test]
fn a_phone_picks_up_what_rings_elsewhere() {
    let mut world = ringing();
    pick_up(&mut world, call("carl"));
    world.at(20.0, "carl/cell", Do::Hangup);
    golden(&mut world, "a_phone_picks_up_what_rings_elsewhere");
}

/// The caller's offer is the phone's to answer.
#[test]
fn a_phone_picks_up_without_an_offer() {
    let mut world = ringing();
    pick_up(&mut world, quiet());
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "a_phone_picks_up_without_an_offer");
}

/// The phone's offer is the caller's to answer.
#[test]
fn a_phone_picks_up_for_a_caller_without_an_offer() {
    let mut world = world(&[(0.1, Reply::Status(180))], quiet());
    pick_up(&mut world, call("carl"));
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "a_phone_picks_up_for_a_caller_without_an_offer");
}

/// Neither has made one.
#[test]
fn nobody_makes_an_offer() {
    let mut world = world(&[(0.1, Reply::Status(180))], quiet());
    pick_up(&mut world, quiet());
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "nobody_makes_an_offer");
}

/// It never says that it has heard the answer: the call goes on as if it had refused.
#[test]
fn the_phone_that_picks_up_is_gone() {
    let mut world = ringing();
    world.phone_named("carl/cell").acks = false;
    pick_up(&mut world, quiet());
    world.at(5.5, "carl/cell", Do::Vanish);
    golden(&mut world, "the_phone_that_picks_up_is_gone");
}

/// The caller gives up at the very moment.
#[test]
fn a_pick_up_crosses_a_cancel() {
    let mut world = ringing();
    world.net.delay_ms = (20, 20);
    pick_up(&mut world, call("carl"));
    world.at(5.01, "anne", Do::Hangup);
    golden(&mut world, "a_pick_up_crosses_a_cancel");
}

/// The desk answers at the very moment: its dialog is not early any more.
#[test]
fn a_pick_up_crosses_the_answer() {
    let mut world = world(&answers(4.99), call("carl"));
    world.net.delay_ms = (20, 20);
    pick_up(&mut world, call("carl"));
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "a_pick_up_crosses_the_answer");
}

/// Anne's phone offers something itself: the cell phone may try again, and the desk talks on.
#[test]
fn the_other_side_does_not_take_it() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    take(&mut world, call("carl"));
    world.at(5.015, "anne", Do::Hold);
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "the_other_side_does_not_take_it");
}

/// The cell phone loses its connection, and Anne has taken its session: she gets that of the desk again.
#[test]
fn the_phone_is_cut_off() {
    let mut world = talking();
    world.phone_named("carl/cell").tcp();
    world.net.delay_ms = (20, 20);
    take(&mut world, call("carl"));
    world.at(5.025, "carl/cell", Do::Disconnect);
    world.at(20.0, "carl/desk", Do::Hangup);
    golden(&mut world, "the_phone_is_cut_off");
}

/// The desk is hung up before the cell phone has the call.
#[test]
fn the_relieved_phone_hangs_up() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    take(&mut world, call("carl"));
    world.at(5.02, "carl/desk", Do::Hangup);
    world.at(20.0, "carl/cell", Do::Hangup);
    golden(&mut world, "the_relieved_phone_hangs_up");
}

/// Anne hangs up at the very moment.
#[test]
fn the_other_side_hangs_up() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    take(&mut world, call("carl"));
    world.at(5.02, "anne", Do::Hangup);
    golden(&mut world, "the_other_side_hangs_up");
}

#[test]
fn an_answered_call_is_no_early_one() {
    let mut world = talking();
    replaces(&mut world, "carl/cell", "SIP/2.0 200", call("carl"), ";early-only");
    refused(world, "carl/cell", 486);
}

#[test]
fn nobody_takes_the_calls_of_others() {
    let mut world = talking();
    replaces(&mut world, "dora", "SIP/2.0 200", call("carl"), "");
    refused(world, "dora", 481);
    let mut world = ringing();
    replaces(&mut world, "dora", "SIP/2.0 180", call("carl"), "");
    refused(world, "dora", 481);
}

/// A dialog that the server has not asked for, of the caller's own: there is nothing to pick up.
#[test]
fn a_call_of_ones_own_that_rings_is_not_replaced() {
    let mut world = ringing();
    world.run(4.0);
    let bytes = world.latest("anne", "SIP/2.0 180", "INVITE");
    let packet = Packet::parse(&bytes).unwrap();
    let dialog = format!("{};to-tag={};from-tag={}", packet.call_id(), packet.to_tag(), packet.from_tag());
    world.phone("anne/cell").offline();
    world.at(4.5, "anne/cell", Do::Register);
    world.at(5.0, "anne/cell", call("carl").with("Replaces", &dialog));
    refused(world, "anne/cell", 481);
}

#[test]
fn replaces_that_name_nothing() {
    for (value, status) in
        [("x;to-tag=y;from-tag=z", 481), ("x;to-tag=y", 400), ("x;to-tag=;from-tag=z", 400)]
    {
        let mut world = talking();
        world.at(5.0, "carl/cell", call("carl").with("Replaces", value));
        refused(world, "carl/cell", status);
    }
}

/// RFC 3891 §3: only in an INVITE that opens a dialog, once, and not beside what contradicts it.
#[test]
fn replaces_where_it_has_no_place() {
    let named = |what: Do| what.with("Replaces", "x;to-tag=y;from-tag=z");
    let cases: [(Do, &str); 3] = [
        (named(call("carl")).with("Join", "x;to-tag=y;from-tag=z"), "INVITE"),
        (named(page("carl", "hello")), "MESSAGE"),
        (named(Do::Options("sip:north.test".to_owned())), "OPTIONS"),
    ];
    for (what, method) in cases {
        let mut world = talking();
        world.at(5.0, "carl/cell", what);
        world.run(6.0);
        world.latest("carl/cell", "SIP/2.0 400", method);
    }
    let mut world = talking();
    world.at(5.0, "anne", named(Do::Hold));
    world.run(6.0);
    world.latest("anne", "SIP/2.0 400", "INVITE");
}
