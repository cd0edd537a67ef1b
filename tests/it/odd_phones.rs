//! Phones that do what RFC 3261 allows and few others do, or what it forbids and some still do.

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, Reply, World, answers, call};

/// Anne has called Carl, and they talk.
fn talking() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("odd_phones/{name}"));
}

// ---- the ACK ---------------------------------------------------------------------------------

/// A phone of RFC 2543 that has dialled the address of our Contact: its ACK of the 200 looks like
/// one of a refusal, but for its To tag (RFC 6026 §7.1).
#[test]
fn an_ack_without_the_cookie_ends_the_repeats() {
    let mut world = World::new();
    world.phone("anne").old = true;
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("sip:carl@192.0.2.1:5060"));
    world.at(10.0, "anne", Do::Hangup);
    world.show_repeats = true;
    golden(&mut world, "an_ack_without_the_cookie_ends_the_repeats");
}

/// A phone that gives the ACK of a 200 the branch of its INVITE.
#[test]
fn an_ack_with_the_branch_of_its_invite_ends_the_repeats() {
    let mut world = talking();
    world.phone_named("anne").acks = false;
    world.run(1.4);
    let mut ack = world.inside("anne", "ACK", 1, "SIP/2.0 200");
    let invite = world.latest("anne", "INVITE", "INVITE");
    let invite = Packet::parse(&invite).unwrap();
    ack.set("Via", invite.get("Via").unwrap());
    ack.set("CSeq", format!("{} ACK", invite.cseq().0));
    world.write("anne", &ack);
    world.at(10.0, "anne", Do::Hangup);
    world.show_repeats = true;
    golden(&mut world, "an_ack_with_the_branch_of_its_invite_ends_the_repeats");
}

/// An ACK of some other answer does not end the repeats of a refusal.
#[test]
fn an_ack_of_another_answer_is_none() {
    let mut world = World::new();
    world.phone("anne").old = true;
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    world.net.delay_ms = (100, 100);
    world.at(0.0, "anne", call("sip:carl@192.0.2.1:5060"));
    world.run(0.35);
    let invite = world.latest("anne", "INVITE", "INVITE");
    let mut ack = World::again(&invite);
    ack.first = ack.first.replace("INVITE", "ACK");
    ack.body.clear();
    ack.remove("Content-Type");
    ack.set("CSeq", ack.get("CSeq").replace("INVITE", "ACK"));
    ack.set("To", format!("{};tag=of-another-fork", ack.get("To")));
    world.phone_named("anne").forget_requests();
    world.write("anne", &ack);
    world.show_repeats = true;
    world.run(2.0);
    golden(&mut world, "an_ack_of_another_answer_is_none");
}

/// The 200 comes once more when the call is long over: it is still acknowledged, for its phone
/// would repeat it else (RFC 3261 §13.2.2.4).
#[test]
fn a_late_repeat_of_an_answer_is_acknowledged() {
    let mut world = talking();
    world.at(2.0, "anne", Do::Hangup);
    world.run(3.0);
    let answer = World::again(&world.latest("carl", "SIP/2.0 200", "INVITE"));
    world.write("carl", &answer);
    world.show_repeats = true;
    world.run(6.0);
    golden(&mut world, "a_late_repeat_of_an_answer_is_acknowledged");
}

/// The same for an answer that crossed the CANCEL and was sent away.
#[test]
fn a_late_repeat_of_an_unwanted_answer_is_acknowledged() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]).crosses_cancel = true;
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.run(5.0);
    let answer = World::again(&world.latest("carl", "SIP/2.0 200", "INVITE"));
    world.write("carl", &answer);
    world.show_repeats = true;
    world.run(6.0);
    golden(&mut world, "a_late_repeat_of_an_unwanted_answer_is_acknowledged");
}

/// A second phone behind the same address answers too, during the call and after it: each time it
/// gets an ACK for every 200, and one BYE in all.
#[test]
fn another_phone_answers_too() {
    for hangs_up in [false, true] {
        let mut world = talking();
        if hangs_up {
            world.at(2.0, "anne", Do::Hangup);
        }
        world.run(3.0);
        let mut answer = World::again(&world.latest("carl", "SIP/2.0 200", "INVITE"));
        answer.set("To", format!("{}other", answer.get("To")));
        world.wire.clear();
        for _ in 0..3 {
            world.write("carl", &answer);
        }
        world.run(3.4);
        let down = world.wire.iter().filter(|line| matches!(line.from, Who::Server(_)));
        let sent: Vec<Packet<'_>> = down.map(|line| Packet::parse(&line.bytes).unwrap()).collect();
        let methods: Vec<&str> = sent.iter().filter_map(Packet::method).collect();
        assert_eq!(methods, ["ACK", "BYE", "ACK", "ACK"], "hangs up: {hangs_up}");
        assert!(sent.iter().all(|one| one.to_tag().ends_with("other")));
    }
}
