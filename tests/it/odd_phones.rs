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
        ("UPDATE", 903, "200 UPDATE"),
        ("PRACK", 903, "481 PRACK"),
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
        assert_eq!(heard.get("Allow").is_some(), answer.starts_with("200"), "{answer}");
        world.run(8.0);
        world.latest("carl", "ACK", "ACK");
    }
}

/// Whoever routes may insist on being routed through: the Record-Route of the INVITE is in every
/// answer that makes a dialog, and BYE goes that way (RFC 3261 §12.1.1). A strict router finds itself
/// in the Request-URI, and the phone at the end of the Route (§12.2.1.1).
#[test]
fn routes_are_followed() {
    let phone = "sip:zq1qc@198.51.100.1:5060";
    for (route, uri, expected) in [
        ("<sip:198.51.100.1:5060;lr>", phone, vec!["<sip:198.51.100.1:5060;lr>"]),
        (
            "<sip:198.51.100.1:5060>, <sip:p2.north.test;lr>",
            "sip:198.51.100.1:5060",
            vec!["<sip:p2.north.test;lr>", "<sip:zq1qc@198.51.100.1:5060>"],
        ),
    ] {
        let mut world = talking();
        world.run(0.0);
        world.at(3.0, "anne", Do::Hangup);
        world.at(4.0, "anne", call("carl").with("Record-Route", route));
        world.at(7.0, "carl", Do::Hangup);
        world.run(8.0);
        for status in ["SIP/2.0 180", "SIP/2.0 200"] {
            let answer = world.latest("anne", status, "INVITE");
            let answer = Packet::parse(&answer).unwrap();
            assert_eq!(answer.all("Record-Route").collect::<Vec<_>>().join(", "), route, "{status}");
        }
        let bye = world.latest("anne", "BYE", "BYE");
        let bye = Packet::parse(&bye).unwrap();
        assert_eq!(bye.uri(), uri);
        assert_eq!(bye.all("Route").collect::<Vec<_>>(), expected);
    }
}

/// An INVITE that says how long it is good for (RFC 3261 §13.3.1).
#[test]
fn an_invitation_expires() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl").with("Expires", "5"));
    golden(&mut world, "an_invitation_expires");
}

/// A caller who hears nothing for minutes would believe that his call is lost (RFC 3261 §13.3.1.1).
#[test]
fn a_caller_hears_something_every_minute() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(130.0, Reply::Status(486))]);
    world.tree("carl", "profile \"patient\" { incoming { otherwise -> try clients } }");
    world.at(0.0, "anne", call("carl"));
    world.show_repeats = true;
    world.run(140.0);
    golden(&mut world, "a_caller_hears_something_every_minute");
}

/// What a phone says of itself beside a refusal stays here.
#[test]
fn a_refusal_says_nothing_of_the_phone() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.run(1.0);
    let mut busy = world.draft_reply("carl", "INVITE", 486);
    busy.add("Retry-After", "60 (until 10.1.2.3 zq2q is back);duration=3600");
    busy.add("Reason", "Q.850;cause=17;text=\"gw.inner.example\", SIP;cause=486;text=\"zq2q\"");
    busy.add("Reason", "inner.example;cause=1");
    world.write("carl", &busy);
    world.run(1.5);
    let heard = world.latest("anne", "SIP/2.0 486", "INVITE");
    let heard = Packet::parse(&heard).unwrap();
    assert_eq!(heard.get("Retry-After"), Some("60"));
    let reasons: Vec<&str> = heard.all("Reason").collect();
    assert_eq!(reasons, ["Q.850;cause=17", "SIP;cause=486;text=\"Busy Here\""]);
}

/// A response with a Via below ours was sent here by mistake (RFC 3261 §8.1.3.3).
#[test]
fn a_response_of_somebody_else() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.run(1.0);
    let mut busy = world.draft_reply("carl", "INVITE", 486);
    busy.headers.insert(1, ("Via".to_owned(), "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKx".to_owned()));
    world.write("carl", &busy);
    world.run(2.0);
    assert!(
        !world.wire.iter().any(|line| line.to == Who::Phone(0) && line.bytes.starts_with(b"SIP/2.0 486"))
    );
}

/// The ACK of a refusal, and the CANCEL, of an INVITE that went by TCP because it was long: they say
/// so in their Via, for it has to be that of the INVITE (RFC 3261 §17.1.1.3, §9.1).
#[test]
fn the_companions_of_a_long_invite() {
    for (method, steps) in [
        ("ACK", vec![(0.0, Reply::Status(180)), (1.0, Reply::Status(486))]),
        ("CANCEL", vec![(0.0, Reply::Status(180))]),
    ] {
        let mut world = World::new();
        world.phone("anne").padding = 1500;
        world.phone("carl").on_call(&steps).accepts_streams = true;
        world.at(0.0, "anne", call("carl"));
        world.at(3.0, "anne", Do::Hangup);
        world.run(4.0);
        let (invite, other) =
            (world.latest("carl", "INVITE", "INVITE"), world.latest("carl", method, method));
        let (invite, other) = (Packet::parse(&invite).unwrap(), Packet::parse(&other).unwrap());
        assert!(invite.get("Via").unwrap().starts_with("SIP/2.0/TCP"));
        assert_eq!(invite.get("Via"), other.get("Via"), "{method}");
    }
}

/// The stream that a long INVITE has moved to is lost: the phone cannot be reached by it any more.
#[test]
fn the_stream_of_a_long_invite_is_lost() {
    let mut world = World::new();
    world.phone("anne").padding = 1500;
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]).accepts_streams = true;
    world.at(0.0, "anne", call("carl"));
    world.run(2.0);
    world.cut_off("carl");
    world.run(4.0);
    golden(&mut world, "the_stream_of_a_long_invite_is_lost");
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
        (Do::Hold.with("Content-Type", "multipart/mixed;boundary=b"), "400 INVITE", ""),
        (Do::Hold.with("Privacy", "session;critical"), "500 INVITE", ""),
        (Do::Info.with("Privacy", "wings;critical"), "500 INFO", ""),
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

/// A phone that has forgotten the call says so to an INFO: the call is over (RFC 3261 §12.2.1.2).
#[test]
fn a_phone_does_not_know_the_call_of_an_info() {
    let mut world = talking();
    world.at(3.0, "carl", Do::Restart);
    world.at(4.0, "anne", Do::Info);
    golden(&mut world, "a_phone_does_not_know_the_call_of_an_info");
}

/// A new offer is taken back: the phone that was to answer it gets a CANCEL, and its 487 is what the
/// other one hears (RFC 3261 §9).
#[test]
fn a_reinvite_is_cancelled() {
    let mut world = talking();
    world.at(3.0, "carl", Do::Vanish);
    world.at(4.0, "anne", Do::Hold);
    world.run(4.2);
    world.reply("carl", "INVITE", 100);
    world.run(4.5);
    let cancel = world.cancel_of("anne");
    world.write("anne", &cancel);
    world.run(4.6);
    world.reply("carl", "CANCEL", 200);
    world.reply("carl", "INVITE", 487);
    world.at(6.0, "anne", Do::Hangup);
    world.run(7.0);
    golden(&mut world, "a_reinvite_is_cancelled");
}

/// The same before the phone has said anything: its CANCEL waits, here for ever, for the phone is
/// gone, and the call with it.
#[test]
fn a_reinvite_to_nobody_is_cancelled() {
    let mut world = talking();
    world.at(3.0, "carl", Do::Vanish);
    world.at(4.0, "anne", Do::Hold);
    world.run(4.5);
    let cancel = world.cancel_of("anne");
    world.write("anne", &cancel);
    world.run(40.0);
    golden(&mut world, "a_reinvite_to_nobody_is_cancelled");
}

/// The CANCEL crosses the answer: both sides have agreed to the new session, and are in it.
#[test]
fn a_cancel_crosses_the_answer_to_a_reinvite() {
    let mut world = World::new();
    world.net.delay_ms = (100, 100);
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hold);
    world.run(4.15);
    let cancel = world.cancel_of("anne");
    world.write("anne", &cancel);
    world.at(6.0, "anne", Do::Hangup);
    world.run(7.0);
    golden(&mut world, "a_cancel_crosses_the_answer_to_a_reinvite");
}

/// The call ends while a new offer and a question after the phone are both open: the answer to the
/// question begins nothing anew.
#[test]
fn nothing_is_asked_after_the_end() {
    let mut world = talking();
    world.configure("north.test", |settings| settings.limits.dialog_probe_s = 60);
    world.at(60.5, "carl", Do::Vanish);
    world.at(60.6, "anne", Do::Hold);
    world.at(61.1, "anne", Do::Hangup);
    world.run(61.5);
    world.reply("carl", "INVITE", 100);
    world.reply("carl", "OPTIONS", 200);
    world.run(100.0);
    let left = world.census().into_iter().map(|census| (census.legs, census.timers, census.bindings));
    for (legs, timers, bindings) in left {
        assert!(legs == 0 && timers <= bindings + 1, "{legs} legs, {timers} timers, {bindings} bindings");
    }
}

// ---- sessions and addresses ------------------------------------------------------------------

/// What a phone sends as its session is between the phones: it passes, whatever stands in it. What cannot be read as
/// one is refused, for nobody could say what it tells of its author.
#[test]
fn odd_sessions() {
    let long = format!("v=0\r\na=x:{}\r\n", "x".repeat(60_000));
    for (kind, body, status) in [
        ("application/sdp", "", "200"),
        ("application/sdp", "this is no session", "488"),
        ("application/sdp", "\0\0", "488"),
        ("application/sdp", "v\0=\x000\0\r\0\n\0o\0=\0", "488"),
        ("multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n", "200"),
        ("application/sdp", long.as_str(), "200"),
        ("text/html", "<p>", "415"),
        ("multipart/mixed;boundary=b", "--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--", "415"),
        ("multipart/mixed;boundary=b", "no parts", "400"),
        ("multipart/mixed", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n", "400"),
    ] {
        let mut world = World::new();
        world.phone("anne").tcp();
        world.phone("carl").tcp().on_call(&answers(0.5));
        world.at(0.0, "anne", call("carl").with("Content-Type", kind).with("*", body));
        world.run(0.3);
        if status == "200" {
            let invite = world.latest("carl", "INVITE", "INVITE");
            assert_eq!(Packet::parse(&invite).unwrap().body, body, "{kind}");
        }
        world.run(3.0);
        world.latest("anne", &format!("SIP/2.0 {status}"), "INVITE");
        world.at(4.0, "anne", Do::Hangup);
        world.run(45.0);
        assert!(world.census().iter().all(|census| census.calls == 0 && census.legs == 0), "{kind}");
    }
}

/// What may be passed over is (RFC 5621 §8.2): the call is made as if it were not there, and the other phone makes
/// the offer.
#[test]
fn bodies_that_may_be_passed_over() {
    let html =
        "--b\r\nContent-Type: text/html\r\nContent-Disposition: render;handling=optional\r\n\r\n<p>\r\n--b--";
    for (kind, disposition, body) in [
        ("text/html", "render;handling=optional", "<p>"),
        ("multipart/mixed;boundary=b", "", html),
        ("multipart/mixed;boundary=b", "render; handling=Optional", "no parts"),
    ] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl").on_call(&answers(0.5));
        let calls = Do::CallWithoutOffer("carl".to_owned());
        let calls = calls.with("Content-Type", kind).with("Content-Disposition", disposition).with("*", body);
        world.at(0.0, "anne", calls);
        world.run(2.0);
        let invite = world.latest("carl", "INVITE", "INVITE");
        let invite = Packet::parse(&invite).unwrap();
        assert_eq!((invite.body, invite.get("Content-Type")), ("", None), "{kind}");
        world.latest("anne", "SIP/2.0 200", "INVITE");
        world.at(4.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
    }
}

/// A session in one of several parts is an offer like any other, and the parts beside it pass: the phone says
/// what it makes of them.
#[test]
fn a_session_in_parts() {
    let body = "--b\r\nContent-Type: application/isup\r\n\r\n\u{1}\u{2}\r\n--b\r\nContent-Type: application/sdp\r\n\r\n\
                v=0\r\no=zq1q 1 1 IN IP4 198.51.100.1\r\ns=zq1q\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
                m=video 9 RTP/AVP 31\r\n--b--\r\n";
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(0.5));
    world.tree(
        "carl",
        "profile \"p\" { incoming { mode video -> try clients\n otherwise -> refuse \"no offer seen\" } }",
    );
    let kind = "multipart/mixed;boundary=b";
    world.at(0.0, "anne", call("carl").with("Content-Type", kind).with("*", body));
    world.run(2.0);
    let invite = world.latest("carl", "INVITE", "INVITE");
    let invite = Packet::parse(&invite).unwrap();
    let hidden =
        body.replace("o=zq1q 1 1 IN IP4 198.51.100.1", "o=- 1 1 IN IP4 0.0.0.0").replace("s=zq1q", "s=-");
    assert_eq!((invite.body, invite.get("Content-Type")), (hidden.as_str(), Some(kind)));
    world.latest("anne", "SIP/2.0 200", "INVITE");
}

/// A phone gives the address of another's as its own in a call: what is for it still goes to where it is
/// itself, and the other hears nothing.
#[test]
fn a_contact_of_somebody_else() {
    let mut world = talking();
    world.phone("dora");
    world.at(3.0, "anne", Do::Hold.with("Contact", "<sip:zq3qc@198.51.100.3:5060>"));
    world.at(5.0, "carl", Do::Hangup);
    world.run(10.0);
    assert!(!world.wire.iter().any(|line| line.to == Who::Phone(2)), "nothing goes to Dora");
    let bye = world.wire.iter().find(|line| line.to == Who::Phone(0) && line.bytes.starts_with(b"BYE"));
    assert!(bye.is_some(), "Anne hears the BYE");
}

/// A phone answers an INVITE three times: the first makes the call, and each is acknowledged.
#[test]
fn an_answer_comes_three_times() {
    let mut world = talking();
    world.run(2.0);
    let answer = World::again(&world.latest("carl", "SIP/2.0 200", "INVITE"));
    for _ in 0..2 {
        world.write("carl", &answer);
    }
    world.run(2.5);
    let acks = world.wire.iter().filter(|line| line.to == Who::Phone(1) && line.bytes.starts_with(b"ACK"));
    assert_eq!(acks.count(), 3);
    let answers = |line: &&crate::sim::world::Line| {
        line.to == Who::Phone(0) && line.bytes.starts_with(b"SIP/2.0 200") && !line.again
    };
    assert_eq!(world.wire.iter().filter(answers).count(), 1);
    world.at(5.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
}
