//! Proxies in front of the cluster: Path (RFC 3327), Service-Route (RFC 3608), and what a Contact behind them
//! may say.

use crate::outbound::registered;
use crate::sim::world::uid;
use crate::sim::{Do, World, answers, call, page};

const EDGE: &str = "<sip:edge.north.test;lr>";
const TWO: &str = "<sip:198.51.100.1:7070;lr;ob>, <sip:token@inner.test:5070;transport=tcp;lr;ob>";
const CONTACT: &str = "<sip:anne@10.0.0.7:5062>";

fn register(contact: &str, path: &str) -> Do {
    Do::Register.with("Contact", contact).with("Path", path)
}

/// Anne has registered so; what she was answered.
fn world(register: Do) -> (World, String) {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne").offline().on_call(&answers(1.0));
    world.begin();
    world.at(0.0, "anne", register);
    world.run(1.0);
    let answer = registered(&world);
    (world, answer)
}

/// What is refused, and how; where what is taken is called.
#[test]
fn what_may_be_a_path() {
    let long = format!("<sip:{}@edge.test;lr>", "x".repeat(2048));
    let table = [
        (CONTACT, EDGE, 200, Some("198.51.100.2:5060")),
        (CONTACT, TWO, 200, Some("198.51.100.2:5060")),
        (CONTACT, "<sip:198.51.100.2:7070;lr>", 200, Some("198.51.100.2:7070")),
        // Nobody has us send to a third party.
        (CONTACT, "<sip:203.0.113.5:7070;lr>", 200, Some("198.51.100.2:5060")),
        ("<sip:anne@203.0.113.5>", EDGE, 200, Some("198.51.100.2:5060")),
        // No Route could be made of these.
        (CONTACT, "<sip:edge.north.test>", 400, None),
        (CONTACT, "<sip:edge.north.test;lr?Subject=x>", 400, None),
        (CONTACT, "<tel:+3545551234>", 400, None),
        (CONTACT, "sip:edge.north.test;lr", 400, None),
        (CONTACT, "<sip:edge.north.test;lr>, <sip:edge.north.test>", 400, None),
        (CONTACT, &long, 403, None),
        // Ourselves, and TLS that there is not.
        (CONTACT, "<sip:192.0.2.1;lr>", 403, None),
        (CONTACT, "<sips:edge.north.test;lr>", 403, None),
        // The Contact behind it is held to what it is without.
        ("<sips:anne@198.51.100.1>", EDGE, 403, None),
        ("<sip:anne@10.0.0.7;transport=tls>", EDGE, 403, None),
        ("<mailto:anne@north.test>", EDGE, 403, None),
        ("<sip:anne@192.0.2.1>", EDGE, 403, None),
    ];
    for (contact, path, status, target) in table {
        let (world, answer) = world(register(contact, path).with("Supported", "path"));
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{contact} by {path}: {answer}");
        let kept = world.store.bindings(&uid("anne"));
        let kept = kept.first().map(|binding| (binding.target.to_string(), binding.path.as_str()));
        assert_eq!(kept, target.map(|target| (target.to_owned(), path)), "{contact} by {path}");
    }
}

/// A proxy has put itself between us and a phone that does not know of such.
#[test]
fn a_phone_has_to_know_of_it() {
    let (world, answer) = world(register(CONTACT, EDGE));
    assert!(answer.starts_with("SIP/2.0 420 "), "{answer}");
    assert!(answer.contains("\r\nUnsupported: path\r\n"), "{answer}");
    assert!(world.store.bindings(&uid("anne")).is_empty());
}

/// Every request that begins something goes by them, in their order; the phone is told again by whom.
#[test]
fn what_is_sent_goes_by_the_path() {
    let flow =
        "<sip:anne@10.0.0.7:5062>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1";
    let (mut world, answer) = world(register(flow, TWO).with("Supported", "path, outbound, gruu"));
    assert!(answer.contains(&format!("\r\nPath: {TWO}\r\n")), "{answer}");
    assert!(answer.contains("\r\nRequire: outbound\r\n"), "{answer}");
    let gruu = answer.split("pub-gruu=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    world.at(2.0, "carl", call("anne"));
    world.at(5.0, "carl", Do::Hangup);
    world.at(6.0, "carl", page("anne", "hello"));
    world.at(7.0, "carl", Do::Page(gruu, "hello".to_owned()));
    world.run(10.0);
    let first = world.sent_to("anne").filter(|one| one.to_tag().is_empty() && one.method().is_some());
    let routes: Vec<_> = first.map(|one| (one.method().unwrap(), one.uri(), one.get("Route"))).collect();
    let uri = "sip:anne@10.0.0.7:5062";
    assert_eq!(
        routes,
        [("INVITE", uri, Some(TWO)), ("MESSAGE", uri, Some(TWO)), ("MESSAGE", uri, Some(TWO))]
    );
}

/// What is kept of a Path outlives a restart.
#[test]
fn a_path_outlives_a_restart() {
    let (mut world, _) = world(register(CONTACT, TWO).with("Supported", "path"));
    world.restart_servers();
    world.at(2.0, "carl", call("anne"));
    world.run(3.0);
    let routes: Vec<_> = world.calls_to("anne").map(|one| one.get("Route").map(str::to_owned)).collect();
    assert_eq!(routes, [Some(TWO.to_owned())]);
}

/// By which proxies phones are to send, where the operator has said it.
#[test]
fn a_service_route_is_told() {
    for told in ["", "<sip:edge.north.test;lr>, <sip:north.test;lr>"] {
        let mut world = World::new();
        world.configure("north.test", |settings| {
            settings.listeners.iter_mut().for_each(|listener| listener.service_route = told.to_owned());
        });
        world.phone("anne").offline();
        world.at(0.0, "anne", Do::Register);
        world.run(1.0);
        let answer = registered(&world);
        let route = answer.lines().find_map(|line| line.strip_prefix("Service-Route: "));
        assert_eq!(route.unwrap_or_default(), told, "{answer}");
    }
}

/// What a phone does with that: a Route that names the cluster is no other way.
#[test]
fn a_request_by_a_service_route() {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne").on_call(&answers(1.0));
    world.at(0.0, "carl", call("anne").with("Route", "<sip:north.test;lr>"));
    world.run(3.0);
    assert_eq!(world.calls_to("anne").map(|one| one.get("Route").is_some()).collect::<Vec<_>>(), [false]);
}

/// A Contact says more than a Request-URI may: that is left out, and the phone told its Contact as it wrote it.
#[test]
fn a_request_uri_is_one() {
    let contact = "<sip:anne@198.51.100.2;method=BYE;line=1?Route=%3Csip:evil%3E&Subject=x>";
    let (mut world, answer) = world(Do::Register.with("Contact", contact));
    assert!(answer.contains(contact), "{answer}");
    world.at(2.0, "carl", call("anne"));
    world.run(3.0);
    let uris: Vec<_> = world.calls_to("anne").map(|one| one.uri().to_owned()).collect();
    assert_eq!(uris, ["sip:anne@198.51.100.2;line=1"]);
}
