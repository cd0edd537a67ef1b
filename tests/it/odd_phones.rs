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

// ---- how a dialog begins ---------------------------------------------------------------------

/// A dialog needs to know where its requests go: exactly one Contact (RFC 3261 §8.1.1.8).
#[test]
fn an_invite_needs_one_contact() {
    let of = "<sip:zq1qc@198.51.100.1:5060>";
    let two = format!("{of}, <sip:anne@198.51.100.9>");
    for contact in ["", "*", "<tel:+4712345678>", "<mailto:anne@north.test>", two.as_str()] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl");
        world.at(0.0, "anne", call("carl").with("Contact", contact));
        world.expect(
            "  0.000  anne   -> server  INVITE carl           offer
               0.001  server -> anne    400
               0.002  anne   -> server  ACK",
        );
    }
}

/// The caller leaves a call that rings by a BYE, which only a caller may (RFC 3261 §15).
#[test]
fn a_caller_says_bye_while_it_rings() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(4.0));
    world.at(0.0, "anne", call("carl"));
    world.run(1.5);
    let bye = world.inside("anne", "BYE", 902, "SIP/2.0 180");
    world.write("anne", &bye);
    world.run(6.0);
    golden(&mut world, "a_caller_says_bye_while_it_rings");
}

/// What else may come in a dialog that is not confirmed (RFC 3261 §14.2).
#[test]
fn requests_while_it_rings() {
    for (method, number, answer) in [
        ("INFO", 903, "500 INFO retry"),
        ("INVITE", 903, "500 INVITE retry"),
        ("OPTIONS", 903, "200 OPTIONS"),
        ("UPDATE", 903, "405 UPDATE allow"),
        ("BYE", 0, "500 BYE"),
    ] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl").on_call(&answers(4.0));
        world.at(0.0, "anne", call("carl"));
        world.run(1.5);
        let mut request = world.inside("anne", method, number, "SIP/2.0 180");
        if method == "INVITE" {
            request.add("Contact", "<sip:zq1qc@198.51.100.1:5060>");
        }
        world.write("anne", &request);
        world.run(1.6);
        let words: Vec<&str> = answer.split(' ').collect();
        let heard = world.latest("anne", &format!("SIP/2.0 {}", words[0]), words[1]);
        let heard = Packet::parse(&heard).unwrap();
        assert_eq!(heard.get("Retry-After").is_some(), answer.ends_with("retry"), "{answer}");
        assert_eq!(heard.get("Allow").is_some(), method == "OPTIONS" || method == "UPDATE", "{answer}");
        world.run(8.0);
        world.latest("carl", "ACK", "ACK");
    }
}

// ---- inside a call ---------------------------------------------------------------------------

/// Extensions, hops and bodies are looked at inside a call too (RFC 3261 §8.2, §12.2.2); a BYE has
/// reached whom it is for, however few hops it has left.
#[test]
fn requests_in_a_call_are_checked() {
    for (what, status, header) in [
        (Do::Hold.with("Require", "timer, foo"), "420 INVITE", "Unsupported"),
        (Do::Hold.with("Max-Forwards", "0"), "483 INVITE", ""),
        (Do::Hold.with("Content-Type", "text/plain"), "415 INVITE", "Accept"),
        (Do::Hold.with("Contact", "*"), "400 INVITE", ""),
        (Do::Info.with("Max-Forwards", "0"), "483 INFO", ""),
        (Do::Info.with("Require", "foo"), "420 INFO", "Unsupported"),
        (Do::Ping.with("Max-Forwards", "0"), "200 OPTIONS", "Allow"),
        (Do::Hangup.with("Max-Forwards", "0"), "200 BYE", ""),
    ] {
        let mut world = talking();
        world.at(3.0, "anne", what);
        world.run(3.1);
        let (status, method) = status.split_once(' ').unwrap();
        let heard = world.latest("anne", &format!("SIP/2.0 {status}"), method);
        if !header.is_empty() {
            assert!(Packet::parse(&heard).unwrap().get(header).is_some(), "{status} {method}");
        }
        let ladder = world.finish();
        world.assert_sound(&ladder);
    }
}

/// The other phone never answers an INFO: its sender hears so before he gives up himself, and never
/// 408 (RFC 4320 §4.2). The phone is then asked whether it is there at all.
#[test]
fn a_phone_does_not_answer_an_info() {
    let mut world = talking();
    world.at(3.0, "carl", Do::Vanish);
    world.at(4.0, "anne", Do::Info);
    world.run(100.0);
    golden(&mut world, "a_phone_does_not_answer_an_info");
}
