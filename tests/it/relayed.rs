//! Requests inside a call that only pass through, of methods that the server knows and of such that it does
//! not; and events, of which a call has none but what becomes of a REFER.

use crate::sim::text::Packet;
use crate::sim::{Do, Reply, World, answers, call};

/// Anne and Carl talk; his phone knows how to DANCE.
fn talking() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(0.5)).knows_method = Some("DANCE".to_owned());
    world.phone("dora").on_call(&answers(4.0));
    world.at(0.0, "anne", call("carl"));
    world
}

fn inside(method: &str) -> Do {
    Do::Inside(method.to_owned())
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("relayed/{name}"));
}

/// What a phone has sent at 2 s is answered so; and how it looked on the other side.
fn passes(mut world: World, phone: &str, what: Do, method: &str, status: u16) -> World {
    world.at(2.0, phone, what);
    world.run(3.0);
    world.latest(phone, &format!("SIP/2.0 {status}"), method);
    world
}

/// A method that only the phones know, and one that only one of them does.
#[test]
fn a_method_that_nobody_here_knows() {
    let mut world = talking();
    world.at(2.0, "anne", inside("DANCE"));
    world.at(3.0, "carl", inside("DANCE"));
    world.at(4.0, "anne", Do::Hangup);
    golden(&mut world, "a_method_that_nobody_here_knows");
}

/// A body passes with what describes it, and of the rest nothing that is not listed.
#[test]
fn what_passes_of_it() {
    let dance = inside("DANCE")
        .with("Subject", "a waltz")
        .with("Content-Disposition", "render")
        .with("P-Asserted-Identity", "<sip:zq1q@north.test>")
        .with("Referred-By", "<sip:zq1q@north.test>")
        .with("Contact", "<sip:zq1q@198.51.100.1>");
    let mut world = passes(talking(), "anne", dance, "DANCE", 200);
    let heard = world.latest("carl", "DANCE", "DANCE");
    let heard = Packet::parse(&heard).unwrap();
    assert_eq!((heard.get("Subject"), heard.get("Content-Disposition")), (Some("a waltz"), Some("render")));
    assert_eq!((heard.get("Content-Type"), heard.body), (Some("text/plain"), "to the left"));
    for dropped in ["P-Asserted-Identity", "Referred-By", "Contact", "User-Agent", "X-Secret", "Reply-To"] {
        assert_eq!(heard.get(dropped), None, "{dropped}");
    }
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// Before the call is answered there is nobody yet to hear it.
#[test]
fn not_while_it_rings() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.1, Reply::Status(180)), (5.0, Reply::Answer)]);
    world.at(0.0, "anne", call("carl"));
    world.run(1.0);
    let dance = world.inside("anne", "DANCE", 900, "SIP/2.0 180");
    world.write("anne", &dance);
    world.run(2.0);
    let heard = world.latest("anne", "SIP/2.0 500", "DANCE");
    assert!(Packet::parse(&heard).unwrap().get("Retry-After").is_some());
}

/// It meets the end of the call.
#[test]
fn it_crosses_a_bye() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    world.at(2.0, "anne", inside("DANCE"));
    world.at(2.015, "carl", Do::Hangup);
    golden(&mut world, "it_crosses_a_bye");
}

/// What has no place in a call is refused as ever; outside of one, so is what nobody knows.
#[test]
fn what_is_answered_here() {
    for (method, status, header) in [
        ("OPTIONS", 200, Some("Allow")),
        ("REGISTER", 405, Some("Allow")),
        ("PUBLISH", 405, Some("Allow")),
        ("NOTIFY", 481, None),
        ("SUBSCRIBE", 481, None),
    ] {
        let world = passes(talking(), "anne", inside(method), method, status);
        let heard = world.latest("anne", &format!("SIP/2.0 {status}"), method);
        if let Some(header) = header {
            assert!(Packet::parse(&heard).unwrap().get(header).is_some(), "{method}");
        }
    }
    let outside = Do::Request("DANCE".to_owned(), "carl".to_owned());
    passes(talking(), "anne", outside, "DANCE", 501);
    let world = passes(talking(), "anne", inside("SUBSCRIBE").with("Event", "presence"), "SUBSCRIBE", 489);
    let heard = world.latest("anne", "SIP/2.0 489", "SUBSCRIBE");
    assert_eq!(Packet::parse(&heard).unwrap().get("Allow-Events"), Some("refer"));
}

/// A phone asks anew what becomes of its REFER, and then wants to hear no more of it (RFC 6665 §4.1.2).
#[test]
fn a_refer_is_followed_and_left() {
    let mut world = talking();
    world.at(2.0, "anne", Do::ReferTo("dora".to_owned()));
    world.at(3.0, "anne", inside("SUBSCRIBE").with("Expires", "30"));
    world.at(3.5, "anne", inside("SUBSCRIBE").with("Event", "refer;id=1"));
    world.at(4.0, "anne", inside("SUBSCRIBE").with("Expires", "0"));
    world.at(5.0, "anne", inside("SUBSCRIBE").with("Expires", "30"));
    world.at(20.0, "carl", Do::Hangup);
    golden(&mut world, "a_refer_is_followed_and_left");
}

/// Packages of INFO are agreed on between the phones (RFC 6086): what a phone has not listed does not reach it.
#[test]
fn packages_of_info() {
    let mut world = talking();
    world.phone_named("anne").packages = Some(String::new());
    world.phone_named("carl").packages = Some("foo;x=y, bar".to_owned());
    let info =
        |package: &str| Do::Info.with("Info-Package", package).with("Content-Disposition", "Info-Package");
    let mut world = passes(world, "anne", info("Bar;a=b"), "INFO", 200);
    let heard = world.latest("carl", "INFO", "INFO");
    let heard = Packet::parse(&heard).unwrap();
    assert_eq!(heard.get("Info-Package"), Some("Bar;a=b"));
    let answer = world.latest("anne", "SIP/2.0 200", "INVITE");
    assert_eq!(Packet::parse(&answer).unwrap().get("Recv-Info"), Some("foo;x=y, bar"));
    let invite = world.latest("carl", "INVITE", "INVITE");
    assert_eq!(Packet::parse(&invite).unwrap().get("Recv-Info"), Some(""));
    for (phone, package, taken) in [("anne", "baz", "foo;x=y, bar"), ("carl", "foo", "")] {
        let before = world.wire.len();
        let at = world.since_origin(world.clock().at).as_secs_f64() + 0.1;
        world.at(at, phone, info(package));
        world.run(at + 0.5);
        let heard = world.latest(phone, "SIP/2.0 469", "INFO");
        assert_eq!(Packet::parse(&heard).unwrap().get("Recv-Info"), Some(taken));
        assert_eq!(world.wire.len(), before + 2, "the other phone hears nothing of it");
    }
}

/// Somebody who does not speak of packages is asked for none, and one who does is told so.
#[test]
fn a_phone_without_packages() {
    let mut world = talking();
    world.phone_named("anne").packages = Some("foo".to_owned());
    let world = passes(world, "anne", Do::Info.with("Info-Package", "foo"), "INFO", 469);
    let answer = world.latest("anne", "SIP/2.0 200", "INVITE");
    assert_eq!(Packet::parse(&answer).unwrap().get("Recv-Info"), Some(""));
    let world = passes(talking(), "anne", Do::Info.with("Info-Package", "foo"), "INFO", 469);
    let answer = world.latest("anne", "SIP/2.0 200", "INVITE");
    assert_eq!(Packet::parse(&answer).unwrap().get("Recv-Info"), None);
}
