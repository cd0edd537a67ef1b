//! What callers keep from those whom they call (RFC 3323, RFC 3325), with secrets planted in all that a phone
//! may say of itself: the checkers look for them in every message that goes to another phone or cluster.

use ratatosk::effect::Transport;

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, World, answers, call, page};

fn world() -> World {
    let mut world = World::new().with_south();
    world.federate(Transport::Udp);
    world.phone("anne");
    world.phone("carl").on_call(&answers(0.5));
    world.phone("carl@south.test").on_call(&answers(0.5));
    world
}

/// All that a phone could say of itself, with its mark in it.
fn telling(what: Do) -> Do {
    what.with("User-to-User", "7a7131710a;encoding=hex")
        .with("Priority", "urgent")
        .with("P-Preferred-Identity", "\"zq1q\" <sip:zq1q@north.test>")
        .with("P-Asserted-Identity", "\"zq1q\" <sip:zq1q@north.test>")
        .with("Error-Info", "<sip:zq1q@198.51.100.1>")
        .with("Alert-Info", "<http://198.51.100.1/zq1q>")
        .with("Diversion", "<sip:zq1q@north.test>")
        .with("History-Info", "<sip:zq1q@north.test>;index=1")
        .with("Identity", "zq1q")
        .with("Geolocation", "<http://198.51.100.1/zq1q>")
        .with("Timestamp", "54")
        .with("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
}

/// What Carl's phone is shown of it: From without its tag, Subject, Privacy.
fn shown(what: Do, method: &str, to: &str) -> (String, Option<String>, Option<String>) {
    let mut world = world();
    world.at(0.0, "anne", what);
    world.at(3.0, "anne", Do::Hangup);
    world.run(5.0);
    let invite = world.latest(to, method, method);
    let invite = Packet::parse(&invite).unwrap();
    let from = invite.get("From").unwrap().split(";tag").next().unwrap().to_owned();
    let header = |name| invite.get(name).map(str::to_owned);
    let shown = (from, header("Subject"), header("Privacy"));
    for never in
        ["P-Asserted-Identity", "P-Preferred-Identity", "Organization", "Call-Info", "Identity", "Date"]
    {
        assert_eq!(invite.get(never), None, "{never}");
    }
    let ladder = world.finish();
    // By its Subject the checkers know a call again.
    world.faults.retain(|fault| !fault.contains("whom nobody answered"));
    world.assert_sound(&ladder);
    shown
}

const ANNE: &str = "<sip:anne@north.test>";
const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// Each kind of privacy, for calls and pages, to a phone here and to one of another cluster.
#[test]
fn kinds_of_privacy() {
    let subject = Some("news of Anne".to_owned());
    let kinds = [
        ("none", ANNE, true),
        ("history", ANNE, true),
        ("session", ANNE, true),
        ("id", NOBODY, true),
        ("id;critical", NOBODY, true),
        ("user", NOBODY, false),
        ("header", NOBODY, false),
        ("header;user;id;critical", NOBODY, false),
        ("wings", NOBODY, false),
    ];
    for (kind, from, tells) in kinds {
        for to in ["carl", "carl@south.test"] {
            for (method, what) in [("INVITE", call(to)), ("MESSAGE", page(to, "hello"))] {
                let what = telling(what).with("Subject", "news of Anne").with("Privacy", kind);
                let what = what.with("Proxy-Require", "privacy");
                let (own, subject_shown, privacy) = shown(what, method, to);
                assert_eq!(own, from, "{kind} {method} {to}");
                assert_eq!(subject_shown, subject.clone().filter(|_| tells), "{kind} {method} {to}");
                assert_eq!(privacy, None, "{kind}: phones are told nothing of it");
            }
        }
    }
}

/// A From that is nobody's hides the sender too, and what he writes himself stays.
#[test]
fn an_anonymous_from() {
    let from = "\"zq1q\" <sip:anonymous@anonymous.invalid>;tag=zq1qa";
    let what = telling(call("carl")).with("From", from).with("Subject", "guess who");
    assert_eq!(shown(what, "INVITE", "carl"), (NOBODY.to_owned(), Some("guess who".to_owned()), None));
}

/// The other cluster is told who it is, and that nobody is to know; a phone of its never is.
#[test]
fn another_cluster_is_told() {
    let mut world = world();
    world.at(0.0, "anne", call("carl@south.test").with("Privacy", "id"));
    world.at(3.0, "anne", Do::Hangup);
    world.run(5.0);
    let across = |line: &&crate::sim::world::Line| {
        line.to == Who::Server(1) && line.from == Who::Server(0) && line.bytes.starts_with(b"INVITE")
    };
    let invite = world.wire.iter().find(across).unwrap();
    let invite = Packet::parse(&invite.bytes).unwrap();
    assert_eq!(invite.get("P-Asserted-Identity"), Some(ANNE));
    assert_eq!(invite.get("Privacy"), Some("id"));
    assert!(invite.get("From").unwrap().starts_with(NOBODY));
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// Where media go has to be told as long as they do not pass through the server, and what an unknown kind would
/// hide nobody knows: who insists is refused, before anybody rings.
#[test]
fn a_privacy_that_cannot_be_given() {
    for kind in ["session;critical", "critical;session", "wings;critical", "id;session; Critical"] {
        for (method, what) in [("INVITE", call("carl")), ("MESSAGE", page("carl", "hello"))] {
            let mut world = world();
            world.at(0.0, "anne", what.with("Privacy", kind));
            world.run(1.0);
            world.latest("anne", "SIP/2.0 500", method);
            assert!(!world.wire.iter().any(|line| line.to == Who::Phone(1)), "{kind}: Carl hears nothing");
        }
    }
}

/// What the callee's phone says of itself is kept from the caller as well, and he is told of nothing but its media.
#[test]
fn an_answer_tells_nothing() {
    let mut world = world();
    world.at(0.0, "anne", call("carl"));
    world.at(2.0, "carl", Do::Hold);
    world.at(3.0, "anne", Do::Resume);
    world.run(4.0);
    let answer = world.latest("anne", "SIP/2.0 200", "INVITE");
    let answer = Packet::parse(&answer).unwrap();
    let told: Vec<&str> =
        answer.body.lines().filter(|line| line.starts_with(['o', 's', 'i', 'e', 'p', 'u'])).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("o=- ") && told[0].ends_with(" IN IP4 0.0.0.0"), "{told:?}");
    assert_eq!(told[1], "s=-");
    world.at(5.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
}
