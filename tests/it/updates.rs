//! UPDATE (RFC 3311) in an answered call: it crosses as what the other phone understands.

use crate::sim::{Do, World, answers, call};

/// Anne and Carl talk; both take UPDATE, or only she does.
fn talking(both: bool) -> World {
    let mut world = World::new();
    world.phone("anne").updates = true;
    world.phone("carl").on_call(&answers(1.0)).updates = both;
    world.at(0.0, "anne", call("carl"));
    world.at(20.0, "anne", Do::Hangup);
    world
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("updates/{name}"));
}

#[test]
fn an_offer_by_update() {
    let mut world = talking(true);
    world.at(5.0, "anne", Do::HoldByUpdate);
    golden(&mut world, "an_offer_by_update");
}

/// Carl's phone lacks UPDATE: it gets a re-INVITE, whose ACK is the server's.
#[test]
fn an_offer_by_update_becomes_a_reinvite() {
    let mut world = talking(false);
    world.at(5.0, "anne", Do::HoldByUpdate);
    world.at(8.0, "carl", Do::Hold);
    golden(&mut world, "an_offer_by_update_becomes_a_reinvite");
}

/// One without an offer only says that she is there.
#[test]
fn an_update_without_an_offer_stays_here() {
    let mut world = talking(true);
    world.at(5.0, "anne", Do::Update);
    golden(&mut world, "an_update_without_an_offer_stays_here");
}

#[test]
fn two_updates_cross() {
    let mut world = talking(true);
    world.at(5.0, "anne", Do::HoldByUpdate);
    world.at(5.0, "carl", Do::HoldByUpdate);
    golden(&mut world, "two_updates_cross");
}

#[test]
fn an_update_crosses_a_reinvite() {
    let mut world = talking(true);
    world.at(5.0, "anne", Do::HoldByUpdate);
    world.at(5.0, "carl", Do::Hold);
    golden(&mut world, "an_update_crosses_a_reinvite");
}

/// On one leg, on the wire between the phone and the server.
#[test]
fn an_update_crosses_the_reinvite_of_the_other_side() {
    let mut world = talking(true);
    world.net.delay_ms = (20, 20);
    world.at(5.0, "anne", Do::Hold);
    world.at(5.03, "carl", Do::HoldByUpdate);
    golden(&mut world, "an_update_crosses_the_reinvite_of_the_other_side");
}

/// Her next offer comes before her first is answered: RFC 3311 §5.2 has it tried again later.
#[test]
fn a_second_offer_before_the_first_is_answered() {
    let mut world = talking(true);
    world.net.delay_ms = (20, 20);
    world.at(5.0, "anne", Do::HoldByUpdate);
    world.run(5.03);
    let mut second = World::again(&world.latest("anne", "UPDATE", "UPDATE"));
    let number: u32 = second.get("CSeq").split(' ').next().unwrap().parse().unwrap();
    second.set("CSeq", format!("{} UPDATE", number + 1));
    second.set("Via", second.get("Via").replace("z9hG4bK", "z9hG4bKsecond"));
    world.write("anne", &second);
    world.at(19.0, "anne", Do::Hangup.with("CSeq", &format!("{} BYE", number + 2)));
    golden(&mut world, "a_second_offer_before_the_first_is_answered");
}

/// Both go to the server at the same moment.
#[test]
fn a_bye_crosses_an_update() {
    let mut world = talking(true);
    world.at(5.0, "anne", Do::HoldByUpdate);
    world.at(5.0, "carl", Do::Hangup);
    golden(&mut world, "a_bye_crosses_an_update");
}
