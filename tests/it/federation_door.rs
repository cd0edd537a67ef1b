//! The listener for other clusters: who is let in, and what nobody gets by it.

use ratatosk::config::{Algorithm, Secret, Trust};
use ratatosk::effect::{Flow, Transport};

use crate::sim::cluster::{FEDERATION_PORT, NORTH, SOUTH};
use crate::sim::digest::Challenge;
use crate::sim::text::{Draft, Packet};
use crate::sim::world::Who;
use crate::sim::{Do, World, answers, call, page};

const SECRET: &str = "between-the-two-of-us";

/// The address of a phone, which the hand asks for.
const ABROAD: &str = "198.51.100.2";

/// A world whose clusters know each other, and a hand that writes to south in north's place.
struct Hand {
    world: World,
    number: u32,
}

impl Hand {
    fn new() -> Self {
        let mut world = World::new().with_south();
        world.federate(Transport::Udp);
        world.phone("anne");
        world.phone("carl@south.test");
        world.begin();
        Self { world, number: 0 }
    }

    /// A request as north would write it, but for its credentials.
    fn draft(&mut self, method: &str, uri: &str) -> Draft {
        self.number += 1;
        let number = self.number;
        let mut draft = Draft::request(method, uri);
        draft.add("Via", format!("SIP/2.0/UDP 192.0.2.1:{FEDERATION_PORT};branch=z9hG4bKhand{number}"));
        draft.add("Max-Forwards", "70");
        draft.add("From", format!("<sip:anne@north.test>;tag=hand{number}"));
        draft.add("To", format!("<{uri}>"));
        draft.add("Call-ID", format!("hand{number}"));
        draft.add("CSeq", format!("1 {method}"));
        draft.add("P-Asserted-Identity", "<sip:anne@north.test>");
        draft
    }

    /// Sends it to south; gives what comes back first.
    fn send(&mut self, draft: &Draft) -> Option<String> {
        let remote = format!("203.0.113.1:{FEDERATION_PORT}").parse().unwrap();
        let flow = Flow { listener: 2, remote, stream: None };
        let before = self.world.wire.len();
        let text = String::from_utf8(draft.write(false).to_vec()).unwrap();
        self.world.utter(NORTH.0, flow, &text);
        let soon = self.world.since_origin(self.world.clock().at).as_secs_f64() + 0.1;
        self.world.run(soon);
        let back = self.world.wire[before..].iter().find(|line| {
            line.from == Who::Server(1)
                && line.to == Who::Server(0)
                && line.bytes.starts_with(b"SIP/2.0")
                && Packet::parse(&line.bytes).unwrap().call_id() == draft.get("Call-ID")
        });
        back.map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
    }

    /// Sends it without a proof, then with one; gives the status that comes back.
    fn prove(&mut self, draft: &Draft) -> u16 {
        let proved = self.proved(draft, ("north.test", SECRET));
        status(&self.send(&proved).unwrap())
    }

    /// The request with the proof that it is asked for.
    fn proved(&mut self, draft: &Draft, (user, secret): (&str, &str)) -> Draft {
        let challenge = self.send(draft).unwrap();
        assert_eq!(status(&challenge), 407, "{challenge}");
        let mut proved = draft.clone();
        proved.set("CSeq", draft.get("CSeq").replace("1 ", "2 "));
        proved.set("Via", draft.get("Via").replace("hand", "paw"));
        let (method, uri) = {
            let mut words = draft.first.split(' ');
            (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
        };
        let mut challenge = challenge_of(&challenge);
        proved.add("Proxy-Authorization", challenge.answer(user, secret, &method, &uri));
        proved
    }

    /// Whether Carl's phone has been told anything.
    fn carl_was_told(&self) -> bool {
        self.world.sent_to("carl@south.test").any(|packet| packet.method().is_some())
    }

    /// No checker has found anything in what is not written by hand.
    fn sound(&mut self) {
        let ladder = self.world.finish();
        let by_hand = |fault: &&String| fault.contains("north -> south") || fault.contains(ABROAD);
        let faults: Vec<&String> = self.world.faults.iter().filter(|fault| !by_hand(fault)).collect();
        assert!(faults.is_empty(), "{faults:?}\nin\n{ladder}");
    }
}

fn status(response: &str) -> u16 {
    Packet::parse(response.as_bytes()).unwrap().status().unwrap()
}

fn challenge_of(response: &str) -> Challenge {
    let packet = Packet::parse(response.as_bytes()).unwrap();
    packet.all("Proxy-Authenticate").find_map(Challenge::parse).unwrap()
}

/// A call from north that Carl has answered.
struct Talk {
    hand: Hand,
    /// What stands in To.
    to: String,
    number: u32,
}

impl Talk {
    /// Carl answers at once, and Dora, who is registered, after so many seconds.
    fn new(dora_s: f64) -> Self {
        let mut hand = Hand::new();
        hand.world.phone_named("carl@south.test").on_call(&answers(0.01));
        hand.world.phone("dora@south.test").on_call(&answers(dora_s));
        hand.world.at(0.1, "dora@south.test", Do::Register);
        hand.world.run(0.5);
        let mut draft = hand.draft("INVITE", "sip:carl@south.test");
        draft.add("Contact", format!("<sip:anne@192.0.2.1:{FEDERATION_PORT}>"));
        draft.carry("application/sdp", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
        assert_eq!(hand.prove(&draft), 100);
        let answer = hand.world.wire.iter().rev().find(|line| line.bytes.starts_with(b"SIP/2.0 200"));
        let to = Packet::parse(&answer.unwrap().bytes).unwrap().get("To").unwrap().to_owned();
        let mut talk = Self { hand, to, number: 1 };
        let ack = talk.inside("ACK");
        assert_eq!(talk.hand.send(&ack), None);
        talk
    }

    /// A request inside the dialog; the ACK is the first.
    fn inside(&mut self, method: &str) -> Draft {
        self.number += 1;
        let mut draft = self.hand.draft(method, "sip:carl@south.test");
        draft.set("From", "<sip:anne@north.test>;tag=hand1");
        draft.set("To", self.to.clone());
        draft.set("Call-ID", "hand1");
        draft.set("CSeq", format!("{} {method}", self.number));
        draft
    }

    /// Sends Carl elsewhere; gives the status that comes back.
    fn refer(&mut self, refer_to: &str) -> u16 {
        let mut refer = self.inside("REFER");
        refer.add("Refer-To", refer_to);
        refer.add("Contact", format!("<sip:anne@192.0.2.1:{FEDERATION_PORT}>"));
        status(&self.hand.send(&refer).unwrap())
    }

    /// What north was told of it last.
    fn told(&self) -> String {
        let mut lines = self.hand.world.wire.iter().rev();
        let notify =
            lines.find(|line| line.to == Who::Server(0) && line.bytes.starts_with(b"NOTIFY")).unwrap();
        Packet::parse(&notify.bytes).unwrap().body.trim().to_owned()
    }
}

/// The other cluster sends our user on, who then calls there himself, as his own tree decides; his user who
/// asks for it is named, and asks for no number and no call of his own.
#[test]
fn a_cluster_sends_our_user_on() {
    let cases = [
        ("<sip:dora@south.test>", "SIP/2.0 200 OK"),
        ("<sip:nobody@south.test>", "SIP/2.0 404 Not Found"),
        ("<tel:+354551234>", "SIP/2.0 403 Forbidden"),
        (
            "<sip:dora@south.test?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>",
            "SIP/2.0 481 Call/Transaction Does Not Exist",
        ),
    ];
    for (refer_to, outcome) in cases {
        let mut talk = Talk::new(0.01);
        assert_eq!(talk.refer(refer_to), 202, "{refer_to}");
        assert_eq!(talk.told(), outcome, "{refer_to}");
        if outcome.ends_with("OK") {
            let invite = talk.hand.world.latest("dora@south.test", "INVITE", "INVITE");
            let invite = Packet::parse(&invite).unwrap();
            assert!(invite.get("From").unwrap().starts_with("<sip:carl@south.test>"));
            assert_eq!(invite.get("Referred-By"), Some("<sip:anne@north.test>"));
        }
    }
}

/// Carl has sent her on and left; while that rings she would be sent elsewhere herself, and is told that it
/// cannot be, each time she asks.
#[test]
fn who_is_sent_on_asks_for_it_too() {
    let mut talk = Talk::new(5.0);
    talk.hand.world.at(1.0, "carl@south.test", Do::ReferTo("dora@south.test".to_owned()));
    talk.hand.world.at(1.5, "carl@south.test", Do::Hangup);
    talk.hand.world.run(2.0);
    for _ in 0..2 {
        assert_eq!(talk.refer("<sip:dora@south.test>"), 202);
        assert_eq!(talk.told(), "SIP/2.0 491 Request Pending");
    }
}

/// A temporary GRUU of Carl's that is good no longer is nobody's, for other clusters as for his own.
#[test]
fn a_spent_gruu_is_nobodys() {
    const DESK: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let mut hand = Hand::new();
    hand.world.phone_named("carl@south.test").gruu(DESK).on_call(&answers(0.01));
    hand.world.at(0.1, "carl@south.test", Do::Register);
    hand.world.run(0.5);
    let told = hand.world.latest("carl@south.test", "SIP/2.0 200", "REGISTER");
    let told = String::from_utf8(told.to_vec()).unwrap();
    let gruu = told.split("temp-gruu=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let ask = |hand: &mut Hand, method: &str| {
        let mut draft = hand.draft(method, gruu);
        draft.add("Contact", format!("<sip:anne@192.0.2.1:{FEDERATION_PORT}>"));
        draft.carry("text/plain", "are you there?");
        hand.prove(&draft)
    };
    assert_eq!(ask(&mut hand, "MESSAGE"), 200);
    // It forgets its Call-ID: all temporary ones of before are spent (RFC 5627 §5.3).
    hand.world.at(1.5, "carl@south.test", Do::Restart);
    hand.world.run(2.5);
    assert_eq!(ask(&mut hand, "MESSAGE"), 404);
    assert_eq!(ask(&mut hand, "INVITE"), 404);
}

/// Whatever a stranger asks, he gets the same answer: nothing of ours is told by it.
#[test]
fn strangers_learn_nothing() {
    let mut hand = Hand::new();
    let asked = [
        ("INVITE", "sip:carl@south.test"),
        ("INVITE", "sip:nobody@south.test"),
        ("INVITE", "sip:dora@west.test"),
        ("INVITE", "sip:203.0.113.1"),
        ("MESSAGE", "sip:carl@south.test"),
        ("OPTIONS", "sip:south.test"),
        ("REGISTER", "sip:south.test"),
        ("SUBSCRIBE", "sip:carl@south.test"),
        ("FOO", "sip:carl@south.test"),
    ];
    let mut shapes = Vec::new();
    for (method, uri) in asked {
        let mut draft = hand.draft(method, uri);
        draft.set("P-Asserted-Identity", "<sip:carl@south.test>");
        let answer = hand.send(&draft).unwrap();
        let packet = Packet::parse(answer.as_bytes()).unwrap();
        let names: Vec<&str> = packet.headers.iter().map(|(name, _)| *name).collect();
        shapes.push((status(&answer), names.join(" "), packet.body.len()));
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    assert_eq!(shapes[0].0, 407);
    // Credentials of a cluster that is not known, of one with another secret, and of a user here.
    let mut shapes = Vec::new();
    for (user, secret) in [("west.test", SECRET), ("north.test", "guess"), ("carl", "carl-secret")] {
        let draft = hand.draft("INVITE", "sip:carl@south.test");
        let proved = hand.proved(&draft, (user, secret));
        let answer = hand.send(&proved).unwrap();
        assert!(!challenge_of(&answer).stale);
        shapes.push((status(&answer), answer.len()));
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    assert_eq!(shapes[0].0, 407);
    for (method, uri) in [("BYE", "sip:carl@south.test"), ("INVITE", "sip:carl@south.test")] {
        let mut draft = hand.draft(method, uri);
        draft.set("To", "<sip:carl@south.test>;tag=0100000000000182ed3d2db9dfa048");
        assert_eq!(status(&hand.send(&draft).unwrap()), 481);
    }
    let cancel = hand.draft("CANCEL", "sip:carl@south.test");
    assert_eq!(status(&hand.send(&cancel).unwrap()), 481);
    let mut ack = hand.draft("ACK", "sip:carl@south.test");
    ack.set("CSeq", "1 ACK");
    assert_eq!(hand.send(&ack), None);
    assert!(!hand.carl_was_told());
    hand.sound();
}

/// Who has proved itself may call users here in the name of its own users, and nothing else.
#[test]
fn a_cluster_speaks_for_its_own_users_to_ours() {
    type Change = fn(&mut Draft);
    let address = format!("sip:carl@{ABROAD}");
    let cases: [(&str, &str, &str, u16, Change); 20] = [
        ("asserts nobody", "MESSAGE", "sip:carl@south.test", 403, |draft| {
            draft.remove("P-Asserted-Identity");
        }),
        ("asserts a user of ours", "MESSAGE", "sip:carl@south.test", 403, |draft| {
            draft.set("P-Asserted-Identity", "<sip:carl@south.test>");
        }),
        ("asserts a user of a third", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.set("P-Asserted-Identity", "<sip:dora@west.test>");
        }),
        ("asserts somebody below it", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.set("P-Asserted-Identity", "<sip:dora@sub.north.test>");
        }),
        ("asserts two", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.add("P-Asserted-Identity", "<sip:dora@north.test>");
        }),
        ("asserts one and one of ours", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.add("P-Asserted-Identity", "<sip:carl@south.test>");
        }),
        ("asserts a number alone", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.set("P-Asserted-Identity", "<tel:+4930123456>");
        }),
        ("asserts what is no address", "INVITE", "sip:carl@south.test", 403, |draft| {
            draft.set("P-Asserted-Identity", "<sip:@>");
        }),
        ("asks for a third cluster", "INVITE", "sip:dora@west.test", 404, |_| {}),
        ("asks for itself", "INVITE", "sip:anne@north.test", 404, |_| {}),
        ("asks for an address", "INVITE", &address, 404, |_| {}),
        ("asks for a page to a third", "MESSAGE", "sip:dora@west.test", 404, |_| {}),
        ("asks by a route to a third", "MESSAGE", "sip:dora@west.test", 404, |draft| {
            draft.add("Route", "<sip:203.0.113.1;lr>, <sip:west.test;lr>");
        }),
        ("asks for nobody", "INVITE", "sip:nobody@south.test", 404, |_| {}),
        ("asks for no number of ours", "MESSAGE", "sip:4711@south.test", 404, |_| {}),
        ("has gone too far", "INVITE", "sip:carl@south.test", 483, |draft| draft.set("Max-Forwards", "0")),
        ("requires what we do not know", "INVITE", "sip:carl@south.test", 420, |draft| {
            draft.add("Require", "teleport");
        }),
        ("registers", "REGISTER", "sip:south.test", 405, |_| {}),
        ("subscribes", "SUBSCRIBE", "sip:carl@south.test", 405, |_| {}),
        ("does something else", "FOO", "sip:carl@south.test", 501, |_| {}),
    ];
    for (name, method, uri, expected, change) in cases {
        let mut hand = Hand::new();
        let mut draft = hand.draft(method, uri);
        if method == "INVITE" {
            draft.add("Contact", format!("<sip:192.0.2.1:{FEDERATION_PORT}>"));
        } else if method == "MESSAGE" {
            draft.add("Content-Type", "text/plain");
            draft.body.push_str("lunch?");
        }
        change(&mut draft);
        assert_eq!(hand.prove(&draft), expected, "{name}");
        assert!(!hand.carl_was_told(), "{name}");
        let third = hand.world.wire.iter().any(|line| line.to == Who::Nobody);
        assert!(!third, "{name}: nothing goes anywhere else");
        hand.sound();
    }
}

/// Who may not use a method is told those that he may (RFC 3261 §21.4.6): a cluster registers nobody.
#[test]
fn a_refused_method_is_answered_with_those_of_a_cluster() {
    for (method, uri, expected) in [("REGISTER", "sip:south.test", 405), ("FOO", "sip:carl@south.test", 501)]
    {
        let mut hand = Hand::new();
        let draft = hand.draft(method, uri);
        let proved = hand.proved(&draft, ("north.test", SECRET));
        let answer = hand.send(&proved).unwrap();
        assert_eq!(status(&answer), expected, "{method}");
        let packet = Packet::parse(answer.as_bytes()).unwrap();
        let allowed: Vec<&str> = packet.get("Allow").unwrap().split(", ").collect();
        assert!(allowed.contains(&"INVITE") && allowed.contains(&"MESSAGE"), "{allowed:?}");
        assert!(!allowed.contains(&"REGISTER"), "{allowed:?}");
    }
}

/// A Route does not lead past the user who is asked for.
#[test]
fn a_route_leads_nowhere() {
    let mut hand = Hand::new();
    let mut draft = hand.draft("MESSAGE", "sip:carl@south.test");
    draft.add("Route", "<sip:west.test;lr>");
    draft.add("Content-Type", "text/plain");
    draft.body.push_str("lunch?");
    assert_eq!(hand.prove(&draft), 200);
    assert!(hand.carl_was_told());
    assert!(!hand.world.wire.iter().any(|line| line.to == Who::Nobody));
    hand.sound();
}

/// A proof is good once, for one request, in any order, and for nothing else.
#[test]
fn a_proof_is_good_once() {
    let mut hand = Hand::new();
    let mut draft = hand.draft("MESSAGE", "sip:carl@south.test");
    draft.add("Content-Type", "text/plain");
    draft.body.push_str("lunch?");
    let proved = hand.proved(&draft, ("north.test", SECRET));
    assert_eq!(status(&hand.send(&proved).unwrap()), 200);
    let again = |draft: &Draft, number: u32| {
        let mut again = draft.clone();
        again.set("Via", format!("SIP/2.0/UDP 192.0.2.1:{FEDERATION_PORT};branch=z9hG4bKagain{number}"));
        again.set("Call-ID", format!("again{number}"));
        again
    };
    // Somebody has heard it, and says it once more, to the same user and to another.
    let answer = hand.send(&again(&proved, 1)).unwrap();
    assert_eq!(status(&answer), 407);
    assert!(challenge_of(&answer).stale);
    let mut other = again(&proved, 2);
    other.first = other.first.replace("carl", "nobody");
    assert_eq!(status(&hand.send(&other).unwrap()), 400);
    let mut other = again(&proved, 3);
    other.first = other.first.replace("MESSAGE", "INVITE");
    other.set("CSeq", "2 INVITE");
    assert_eq!(status(&hand.send(&other).unwrap()), 407);
    // The next counts are good, in any order.
    let fresh = hand.draft("MESSAGE", "sip:carl@south.test");
    let challenge = challenge_of(&hand.send(&fresh).unwrap());
    assert_eq!(challenge.algorithm, Algorithm::Sha256);
    for (count, expected) in [(3, 200), (1, 200), (2, 200), (3, 407)] {
        let mut draft = again(&draft, 10 + count + u32::from(expected));
        let proof = challenge.answer_as(count, "north.test", SECRET, "MESSAGE", "sip:carl@south.test");
        draft.add("Proxy-Authorization", proof);
        assert_eq!(status(&hand.send(&draft).unwrap()), expected, "count {count}");
    }
    hand.sound();
}

/// Whoever guesses is not listened to for a while, whatever he says.
#[test]
fn who_guesses_is_shut_out() {
    let mut hand = Hand::new();
    let mut last = 0;
    for guess in 0..40 {
        let draft = hand.draft("INVITE", "sip:carl@south.test");
        let challenge = hand.send(&draft).unwrap();
        last = status(&challenge);
        if last == 500 {
            break;
        }
        let mut proved = draft.clone();
        let guess = format!("guess {guess}");
        let proof = challenge_of(&challenge).answer("north.test", &guess, "INVITE", "sip:carl@south.test");
        proved.set("Via", draft.get("Via").replace("hand", "paw"));
        proved.add("Proxy-Authorization", proof);
        last = status(&hand.send(&proved).unwrap());
        if last == 500 {
            break;
        }
    }
    assert_eq!(last, 500);
    assert!(!hand.carl_was_told());
}

/// What a phone says of who its user is, is not believed, neither at home nor abroad.
#[test]
fn phones_assert_nobody() {
    for to in ["carl@south.test", "dora"] {
        let mut world = World::new().with_south();
        world.federate(Transport::Udp);
        world.phone("anne");
        world.phone("dora");
        world.phone("carl@south.test");
        let boss = || vec![("P-Asserted-Identity".to_owned(), "\"Boss\" <sip:boss@north.test>".to_owned())];
        world.at(0.0, "anne", Do::With(boss(), Box::new(page(to, "come here"))));
        world.at(1.0, "anne", Do::With(boss(), Box::new(call(to))));
        world.at(3.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let from_servers = world.wire.iter().filter(|line| matches!(line.from, Who::Server(_)));
        let mut asserted = 0;
        for line in from_servers {
            let text = String::from_utf8_lossy(&line.bytes);
            assert!(!text.to_lowercase().contains("boss"), "{text}");
            let to_phone = matches!(line.to, Who::Phone(_));
            let asserts = text.contains("P-Asserted-Identity: <sip:anne@north.test>");
            assert!(!(to_phone && text.contains("P-Asserted-Identity")), "{text}");
            asserted += u32::from(asserts);
        }
        assert_eq!(asserted > 0, to.contains("south"));
    }
}

/// Neither a user's password opens the door for clusters, nor a cluster's secret that for users.
#[test]
fn each_door_has_its_own_key() {
    let mut hand = Hand::new();
    hand.world.inject(
        "carl@south.test",
        "INVITE sip:carl@south.test SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.2;branch=z9hG4bKzq2q\r\n\
         From: <sip:north.test>;tag=zq2q\r\nTo: <sip:carl@south.test>\r\nCall-ID: zq2q\r\nCSeq: 1 INVITE\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
    );
    let soon = hand.world.since_origin(hand.world.clock().at).as_secs_f64() + 0.1;
    hand.world.run(soon);
    let answer = hand.world.last_to("carl@south.test", "SIP/2.0");
    let mut challenge = challenge_of(&answer);
    let proof = challenge.answer("north.test", SECRET, "INVITE", "sip:carl@south.test");
    hand.world.inject(
        "carl@south.test",
        &format!(
            "INVITE sip:carl@south.test SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.2;branch=z9hG4bKzq2qb\r\n\
             From: <sip:anne@north.test>;tag=zq2q\r\nTo: <sip:carl@south.test>\r\nCall-ID: zq2q\r\n\
             CSeq: 2 INVITE\r\nP-Asserted-Identity: <sip:anne@north.test>\r\nProxy-Authorization: {proof}\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ),
    );
    hand.world.run(soon + 0.1);
    assert_eq!(status(&hand.world.last_to("carl@south.test", "SIP/2.0")), 403);
    assert!(!hand.carl_was_told());
}

/// Who is not configured any more, or with another secret, is let in no longer; calls go on.
#[test]
fn a_secret_is_changed() {
    let mut hand = Hand::new();
    let draft = hand.draft("OPTIONS", "sip:south.test");
    assert_eq!(hand.prove(&draft), 200);
    hand.world
        .reconfigure(SOUTH.0, |settings| settings.peers[0].trust = Trust::Secret(Secret::new("another")));
    let draft = hand.draft("OPTIONS", "sip:south.test");
    assert_eq!(hand.prove(&draft), 407);
    hand.world.reconfigure(SOUTH.0, |settings| settings.peers.clear());
    let draft = hand.draft("OPTIONS", "sip:south.test");
    assert_eq!(hand.prove(&draft), 407);
}
