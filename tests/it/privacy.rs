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

/// The o= line of a session description.
fn origin(packet: &Packet<'_>) -> (u64, u64) {
    let line = packet.body.lines().find_map(|line| line.strip_prefix("o=- ")).unwrap();
    let mut words = line.split(' ').map(|word| word.parse().unwrap());
    (words.next().unwrap(), words.next().unwrap())
}

/// An anonymous caller is not known again by the numbers of her sessions, from one call to the next; in each they
/// are a session's: one number, and versions that count as hers do. What tells who she is has nothing to hide.
#[test]
fn numbers_of_sessions_do_not_tell_who_calls() {
    let session = |version: u32| {
        format!(
            "v=0\r\no=- 8765309 {version} IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
             m=audio 9 RTP/AVP 8\r\n"
        )
    };
    for (kind, hides) in [("none", false), ("id", true), ("user", true)] {
        let mut shown = Vec::new();
        let mut world = world();
        for (start, version) in [(0.0, 41), (10.0, 47)] {
            let with = |what: Do, version| what.with("*", &session(version));
            world.at(start, "anne", with(call("carl").with("Privacy", kind), version));
            // What she says later in the call says nothing of privacy any more.
            world.at(start + 2.0, "anne", with(Do::Hold, version + 1));
            world.at(start + 4.0, "anne", with(Do::Resume, version + 2));
            world.at(start + 6.0, "anne", Do::Hangup);
        }
        world.run(20.0);
        let offers = world.sent_to("carl").filter(|one| one.method() == Some("INVITE"));
        shown.extend(offers.map(|offer| origin(&offer)));
        assert_eq!(shown.len(), 6, "{kind}");
        let (first, second) = shown.split_at(3);
        for three in [first, second] {
            let (id, version) = three[0];
            assert_eq!(three, [(id, version), (id, version + 1), (id, version + 2)], "{kind}");
        }
        assert_eq!(first[0].0 == second[0].0, !hides, "{kind}");
        assert_eq!(first[0] == (8_765_309, 41), !hides, "{kind}");
        assert_eq!(first[0].1.abs_diff(second[0].1) < 100, !hides, "{kind}");
        let ladder = world.finish();
        world.assert_sound(&ladder);
    }
}

/// What names a session end to end (RFC 7989) names a caller who does not want to be: it passes for others only, at
/// the beginning of a call and inside. What a caller would have of a phone is not for the phone.
#[test]
fn what_passes_and_what_does_not() {
    const SESSION: &str = "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";
    let anonymous = "\"zq1q\" <sip:anonymous@anonymous.invalid>;tag=zq1qa";
    for (header, value, passes) in [
        ("X-Odd", "1", true),
        ("Privacy", "none", true),
        ("Privacy", "id", false),
        ("From", anonymous, false),
    ] {
        let with = |what: Do| {
            what.with("Session-ID", SESSION)
                .with("Accept-Contact", "*;audio")
                .with("Reject-Contact", "*;video")
                .with("Request-Disposition", "parallel")
        };
        let mut world = world();
        world.at(0.0, "anne", with(call("carl")).with(header, value));
        world.at(2.0, "anne", with(Do::Info));
        world.at(3.0, "anne", with(Do::Hold));
        world.at(5.0, "anne", Do::Hangup);
        world.at(6.0, "anne", with(page("carl", "hello")).with(header, value));
        world.at(7.0, "anne", with(call("carl@south.test")).with(header, value));
        world.at(9.0, "anne", Do::Hangup);
        world.run(10.0);
        for phone in ["carl", "carl@south.test"] {
            let asked = world
                .sent_to(phone)
                .filter(|one| matches!(one.method(), Some("INVITE" | "INFO" | "MESSAGE")));
            let mut count = 0;
            for request in asked {
                count += 1;
                let what = format!("{header}: {value}, {:?} to {phone}", request.method());
                assert_eq!(request.get("Session-ID"), Some(SESSION).filter(|_| passes), "{what}");
                for wish in ["Accept-Contact", "Reject-Contact", "Request-Disposition"] {
                    assert_eq!(request.get(wish), None, "{what}");
                }
            }
            assert_eq!(count, if phone == "carl" { 4 } else { 1 }, "{header}: {value}");
        }
        let across =
            world.wire.iter().filter(|line| (line.from, line.to) == (Who::Server(0), Who::Server(1)));
        let invite =
            across.map(|line| Packet::parse(&line.bytes).unwrap()).find(|one| one.method() == Some("INVITE"));
        assert_eq!(invite.unwrap().get("Accept-Contact"), Some("*;audio"), "the other cluster chooses");
        let ladder = world.finish();
        world.assert_sound(&ladder);
    }
}
