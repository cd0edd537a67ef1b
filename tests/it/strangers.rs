//! What those get who are not known, or pretend to be somebody: no more answers than they may have, no
//! way into the calls of others, and nothing sent to whom they name.

use ratatosk::config::Algorithm;
use ratatosk::effect::Fact;
use ratatosk::effect::fact::Dropped;

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, Reply, World, answers, call};

/// Anne has called Carl, and they talk until she hangs up.
fn talking() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world
}

/// How many messages to a phone begin so.
fn heard(world: &World, phone: usize, first: &str) -> usize {
    let is = |who: &Who, bytes: &[u8]| *who == Who::Phone(phone) && bytes.starts_with(first.as_bytes());
    world.wire.iter().filter(|line| is(&line.to, &line.bytes)).count()
}

/// The nonce of a challenge.
fn nonce_in(challenge: &[u8]) -> String {
    let text = String::from_utf8_lossy(challenge);
    text.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

/// A request as short as one can be.
fn shortest(number: u32, host: &str) -> String {
    format!(
        "OPTIONS sip:a@{host} SIP/2.0\r\nVia:SIP/2.0/UDP a;rport;branch=z9hG4bK{number}\r\n\
         From:<sip:a@{host}>;tag=1\r\nTo:<sip:a@{host}>\r\nCall-ID:{number}\r\nCSeq:1 OPTIONS\r\n\
         Max-Forwards:9\r\nContent-Length:0\r\n\r\n"
    )
}

/// Somebody asks and asks, and never says who he is. Others, and he himself later, are answered.
#[test]
fn a_source_has_so_many_answers_and_no_more() {
    let mut world = World::new();
    world.configure("north.test", |settings| {
        settings.limits.strangers_burst = 20;
        settings.limits.strangers_per_second = 2;
    });
    world.phone("mallory");
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.run(1.0);
    let before = heard(&world, 0, "SIP/2.0 407");
    for number in 0..100 {
        world.inject("mallory", &shortest(number, "north.test"));
    }
    world.run(2.0);
    let answered = heard(&world, 0, "SIP/2.0 407") - before;
    assert!((18..=24).contains(&answered), "{answered}");
    let dropped = |fact: &&Fact| matches!(fact, Fact::Dropped(Dropped::Stranger));
    assert_eq!(world.facts.iter().filter(dropped).count(), 100 - answered);

    world.at(2.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.run(8.0);
    assert_eq!(heard(&world, 1, "SIP/2.0 200"), 2, "anne called and hung up");
    for number in 200..205 {
        world.inject("mallory", &shortest(number, "north.test"));
    }
    world.run(9.0);
    assert_eq!(heard(&world, 0, "SIP/2.0 407") - before - answered, 5);
}

/// Whoever proves himself again and again owes nothing: a hundred calls in a row from one source that
/// may owe three answers.
#[test]
fn who_proves_himself_has_no_limit() {
    let mut world = World::new();
    world.configure("north.test", |settings| {
        settings.limits.strangers_burst = 3;
        settings.limits.strangers_per_second = 0;
    });
    world.phone("anne").reuses_nonce = false;
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    for number in 0..50 {
        world.at(f64::from(number), "anne", call("carl"));
    }
    world.run(60.0);
    assert_eq!(heard(&world, 0, "SIP/2.0 486"), 50);
}

/// The answer to a datagram is at most so much longer than what was asked: 3.2 times for the shortest
/// that there is, 2.5 for what could be a phone's.
#[test]
fn a_challenge_is_not_much_longer_than_what_it_answers() {
    let mut world = World::new();
    world.configure("north.test", |settings| settings.digest = vec![Algorithm::Sha256, Algorithm::Md5]);
    world.phone("mallory");
    world.run(1.0);
    let request = shortest(1, "north.test");
    let padded =
        shortest(2, "north.test").replace("Max-Forwards", &format!("X: {}\r\nMax-Forwards", "x".repeat(150)));
    for (request, most_percent, challenges) in [(request, 320, 1), (padded, 250, 2)] {
        world.inject("mallory", &request);
        world.run(world.since_origin(world.clock().at).as_secs_f64() + 0.1);
        let answer = world.last_to("mallory", "SIP/2.0 407");
        let percent = answer.len() * 100 / request.len();
        assert!(percent <= most_percent, "{percent} %: {} bytes got\n{answer}", request.len());
        assert_eq!(answer.matches("Proxy-Authenticate").count(), challenges, "{answer}");
    }
}

/// Two users live behind one address. One says BYE in the other's call, from a port of his own.
#[test]
fn a_neighbour_is_challenged_in_a_call_of_others() {
    let mut world = talking();
    world.run(3.0);
    let bye = world.inside("anne", "BYE", 70, "SIP/2.0 200");
    world.phone_named("anne").public.set_port(6070);
    world.write("anne", &bye);
    world.run(4.0);
    world.phone_named("anne").public.set_port(5060);
    world.at(5.0, "anne", Do::Hangup);
    world.golden("strangers/a_neighbour_is_challenged_in_a_call_of_others");
}

/// A phone has got another port, from its NAT or from itself: it proves who it is, and is spoken to there
/// from then on.
#[test]
fn a_phone_that_moves_is_challenged_and_followed() {
    let mut world = talking();
    world.run(3.0);
    world.phone_named("anne").nat();
    world.at(4.0, "anne", Do::Hold);
    world.at(6.0, "carl", Do::Hangup);
    world.golden("strangers/a_phone_that_moves_is_challenged_and_followed");
}

/// A phone answers with a Record-Route of somebody who has nothing to do with it: he is sent nothing.
#[test]
fn a_route_leads_no_further_than_its_flow() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl"));
    world.run(1.0);
    let mut answer = world.draft_reply("carl", "INVITE", 200);
    answer.add("Contact", "<sip:carl@198.51.100.2>");
    answer.add("Record-Route", "<sip:203.0.113.77;lr>");
    world.write("carl", &answer);
    world.run(2.0);
    let ack = world.latest("carl", "ACK", "ACK");
    assert_eq!(Packet::parse(&ack).unwrap().get("Route"), Some("<sip:203.0.113.77;lr>"));
    assert!(world.wire.iter().all(|line| line.to != Who::Nobody), "somebody was sent something");
}

/// Nothing goes in the clear that was to be secure (`sips.rs` has the rest).
#[test]
fn a_secure_call_is_refused_without_tls() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    416
           0.002  anne   -> server  ACK",
    );
}

/// A REGISTER of Anne's with a wrong password, which answers this nonce.
fn guess(number: u32, nonce: &str) -> String {
    format!(
        "REGISTER sip:north.test SIP/2.0\r\nVia:SIP/2.0/UDP a;rport;branch=z9hG4bKg{number}\r\n\
         From:<sip:anne@north.test>;tag=1\r\nTo:<sip:anne@north.test>\r\nCall-ID:g{number}\r\nCSeq:1 REGISTER\r\n\
         Authorization: Digest username=\"anne\",realm=\"north.test\",nonce=\"{nonce}\",uri=\"sip:north.test\",\
         response=\"{}\",algorithm=SHA-256,qop=auth,cnonce=\"x\",nc=00000001\r\n\
         Max-Forwards:9\r\nContent-Length:0\r\n\r\n",
        "0".repeat(64)
    )
}

/// Who guesses has to pause, and nobody whose address he takes for it: a wrong password is laid to the
/// charge of whom its nonce was given to.
#[test]
fn only_he_who_guesses_has_to_pause() {
    let mut world = World::new();
    world.phone("mallory");
    world.phone("anne");
    world.run(0.5);
    world.inject("mallory", &shortest(1, "north.test"));
    world.run(1.0);
    let nonce = nonce_in(&world.latest("mallory", "SIP/2.0 407", "OPTIONS"));
    for number in 0..25 {
        world.inject("anne", &guess(number, &nonce));
    }
    world.run(2.0);
    world.at(3.0, "anne", Do::Register);
    world.run(4.0);
    world.latest("anne", "SIP/2.0 200", "REGISTER");
    let before = heard(&world, 0, "SIP/2.0 500");
    world.inject("mallory", &guess(99, &nonce));
    world.run(5.0);
    assert_eq!(heard(&world, 0, "SIP/2.0 500") - before, 1, "he pauses himself");

    // Behind Anne's own address he still cannot shut her out: she is registered by her flow.
    let nonce = nonce_in(&world.latest("anne", "SIP/2.0 401", "REGISTER"));
    for number in 100..125 {
        world.inject("anne", &guess(number, &nonce));
    }
    world.run(6.0);
    world.at(7.0, "anne", Do::Register);
    world.run(8.0);
    let refused = Packet::parse(&world.latest("anne", "SIP/2.0", "REGISTER")).unwrap().status();
    assert_eq!(refused, Some(200));
}

/// Inside a dialog too: who guesses the password of one of the two there pauses as he would elsewhere.
#[test]
fn guesses_inside_a_dialog_count() {
    let mut world = World::new();
    world.phone("mallory");
    world.phone("anne");
    world.phone("carl").on_call(&answers(0.1));
    world.at(0.1, "anne", call("carl"));
    world.run(1.0);
    let answer = world.latest("anne", "SIP/2.0 200", "INVITE");
    let answer = Packet::parse(&answer).unwrap();
    let (from, to, call_id) = (answer.get("From"), answer.get("To"), answer.call_id());
    let (from, to) = (from.unwrap(), to.unwrap());
    let inside = |number: u32, proof: &str| {
        format!(
            "INFO sip:carl@north.test SIP/2.0\r\nVia:SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKi{number}\r\n\
             From:{from}\r\nTo:{to}\r\nCall-ID:{call_id}\r\nCSeq:{} INFO\r\n{proof}\
             Max-Forwards:9\r\nContent-Length:0\r\n\r\n",
            100 + number
        )
    };
    world.inject("mallory", &inside(0, ""));
    world.run(2.0);
    let nonce = nonce_in(&world.latest("mallory", "SIP/2.0 407", "INFO"));
    for number in 1..=25 {
        let proof = format!(
            "Proxy-Authorization: Digest username=\"anne\",realm=\"north.test\",nonce=\"{nonce}\",\
             uri=\"sip:carl@north.test\",response=\"{}\",algorithm=SHA-256,qop=auth,cnonce=\"x\",nc={number:08x}\r\n",
            "0".repeat(64)
        );
        world.inject("mallory", &inside(number, &proof));
    }
    world.run(3.0);
    world.inject("mallory", &guess(99, &nonce));
    world.run(4.0);
    assert_eq!(heard(&world, 0, "SIP/2.0 500"), 1, "he pauses");
}

/// A CANCEL cannot be asked for a proof: it is heeded if it comes from where its INVITE came from, and from nowhere else.
#[test]
fn who_has_not_called_cancels_nothing() {
    let mut world = World::new();
    world.phone("mallory");
    world.phone("anne");
    world.phone("carl").on_call(&[(0.1, Reply::Status(180))]);
    world.at(0.1, "anne", call("carl"));
    world.run(1.0);
    let cancel = world.cancel_of("anne");
    world.write("mallory", &cancel);
    world.run(2.0);
    assert_eq!(heard(&world, 0, "SIP/2.0 481"), 1);
    assert_eq!(heard(&world, 1, "SIP/2.0 487") + heard(&world, 2, "CANCEL"), 0);
    world.write("anne", &cancel);
    world.run(3.0);
    assert_eq!((heard(&world, 1, "SIP/2.0 487"), heard(&world, 2, "CANCEL")), (1, 1));
}

/// Who lets many calls ring, or is ignored and lets them wait, takes neither the calls of others nor his callee's own.
#[test]
fn one_caller_takes_no_more_than_a_part_of_the_calls() {
    let rings = "otherwise -> try clients";
    for rule in [rings.to_owned(), format!("caller mallory@north.test -> ignore\n {rings}")] {
        let mut world = World::new();
        world.configure("north.test", |settings| settings.limits.calls_per_user = 4);
        world.tree("carl", &format!("profile \"p\" {{\n incoming {{\n {rule}\n }}\n}}\n"));
        world.phone("mallory");
        world.phone("anne").on_call(&answers(1.0));
        world.phone("carl").on_call(&[(0.1, Reply::Status(180))]);
        for number in 0..6 {
            world.at(1.0 + 0.1 * f64::from(number), "mallory", call("carl"));
        }
        world.at(2.0, "anne", call("carl"));
        world.at(3.0, "carl", call("anne"));
        world.run(4.5);
        assert_eq!(heard(&world, 0, "SIP/2.0 486"), 5, "{rule}");
        assert_eq!((heard(&world, 1, "SIP/2.0 180"), heard(&world, 1, "SIP/2.0 486")), (1, 0), "{rule}");
        assert_eq!(heard(&world, 1, "INVITE"), 1, "{rule}");
    }
}
