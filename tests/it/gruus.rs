//! Addresses that reach one client (RFC 5627): who is told of them, whom they ring, and what of them nobody
//! else sees.

use ratatosk::effect::Transport;

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, Reply, World, answers, call, page};

const DESK: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const HAND: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e128";
/// The public one of Anne's desk phone.
const PUBLIC: &str = "sip:anne@north.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// Carl and two clients of Anne's, which have just registered.
fn two_clients(tree: &str) -> World {
    let mut world = World::new();
    if !tree.is_empty() {
        world.tree("anne", &format!("profile \"p\" {{\n incoming {{\n  {tree}\n }}\n}}\n"));
    }
    world.phone("carl");
    world.phone("anne/desk").gruu(DESK).on_call(&answers(1.0));
    world.phone("anne/hand").gruu(HAND).on_call(&answers(1.0));
    world.begin();
    world.at(0.0, "anne/hand", Do::Register);
    world.at(0.0, "anne/desk", Do::Register);
    world.run(1.0);
    world
}

/// The GRUUs of a client with this instance-id, as its phone was last told: public and temporary.
fn gruus_of(world: &World, phone: &str, instance: &str) -> (String, String) {
    let place = world.phones.iter().position(|own| own.name == phone).unwrap();
    let told = world.wire.iter().filter(|line| line.to == Who::Phone(place));
    let answers = told.filter_map(|line| Packet::parse(&line.bytes).ok());
    let answer = answers.filter(|packet| packet.status() == Some(200) && packet.cseq().1 == "REGISTER");
    let answer = answer.last().unwrap();
    let contact = answer.all("Contact").find(|contact| contact.contains(instance)).unwrap().to_owned();
    let value = |name: &str| {
        let (_, rest) = contact.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    (value("pub-gruu"), value("temp-gruu"))
}

/// Nothing that reaches a phone of Carl's, or leaves to another cluster, names a client of Anne's.
fn assert_untold(world: &World, phone: &str) {
    let place = world.phones.iter().position(|own| own.name == phone).unwrap();
    for line in world.wire.iter().filter(|line| line.to == Who::Phone(place)) {
        let text = String::from_utf8_lossy(&line.bytes);
        let own = text.lines().filter(|line| !line.starts_with("To:") && !line.starts_with("t:"));
        for line in own {
            assert!(!line.contains("f81d4fae") && !line.contains(";gr"), "{phone} is told {line}");
        }
    }
}

#[test]
fn a_client_is_told_its_own_and_a_new_temporary_one_each_time() {
    let mut world = two_clients("");
    let (public, first) = gruus_of(&world, "anne/desk", DESK);
    assert_eq!(public, PUBLIC);
    world.at(2.0, "anne/desk", Do::Register);
    world.run(3.0);
    let (again, second) = gruus_of(&world, "anne/desk", DESK);
    assert_eq!(again, PUBLIC);
    assert_ne!(first, second);
    for gruu in [&first, &second] {
        assert!(gruu.starts_with("sip:tgruu.") && gruu.ends_with("@north.test;gr"), "{gruu}");
        assert!(!gruu.contains("anne"), "{gruu}");
        assert_eq!(gruu.len(), first.len(), "its length tells nothing");
    }
    // Who does not ask is not told.
    world.phone_named("anne/desk").gruus = false;
    world.at(4.0, "anne/desk", Do::Register);
    world.run(5.0);
    let text = String::from_utf8_lossy(&world.wire.last().unwrap().bytes).into_owned();
    assert!(text.starts_with("SIP/2.0 200") && !text.contains("gruu"), "{text}");
}

#[test]
fn a_public_one_rings_its_client_alone() {
    let mut world = two_clients("");
    world.at(2.0, "carl", call(PUBLIC));
    world.golden("gruu_a_public_one_rings_its_client_alone");
    assert_untold(&world, "carl");
}

/// Carl does not learn whom he has called, nor do his records.
#[test]
fn a_temporary_one_rings_its_client_alone_and_does_not_say_whose_it_is() {
    let mut world = two_clients("");
    let (_, temporary) = gruus_of(&world, "anne/desk", DESK);
    world.at(2.0, "carl", call(&temporary));
    let user = temporary.split(['@', ':']).nth(1).unwrap();
    let ladder = world.finish().replace(user, "TEMPORARY");
    world.assert_sound(&ladder);
    crate::sim::ladder::compare(
        &ladder,
        "  0.000  anne/hand -> server     REGISTER              expires 3600
           0.000  anne/desk -> server     REGISTER              expires 3600
           0.001  server    -> anne/hand  200 REGISTER          2 bindings
           0.001  server    -> anne/desk  200 REGISTER          2 bindings
           2.000  carl      -> server     INVITE TEMPORARY      offer
           2.001  server    -> carl       100
           2.001  server    -> anne/desk  INVITE                offer
           2.002  anne/desk -> server     180
           2.003  server    -> carl       180
           3.002  anne/desk -> server     200                   answer
           3.003  server    -> anne/desk  ACK
           3.003  server    -> carl       200                   answer
           3.004  carl      -> server     ACK",
    );
    let carl = world.phones.iter().position(|own| own.name == "carl").unwrap();
    for line in world.wire.iter().filter(|line| line.to == Who::Phone(carl)) {
        assert!(!String::from_utf8_lossy(&line.bytes).contains("anne"), "Carl is told whom he has called");
    }
    let records = &world.store.calls;
    let outgoing = records.iter().find(|record| record.direction == "outgoing").unwrap();
    assert!(outgoing.callee.starts_with("tgruu."), "{}", outgoing.callee);
}

/// The tree decides first; of what it names, only the client is tried.
#[test]
fn the_owners_tree_decides() {
    let table = [
        ("otherwise -> decline", 603),
        ("caller carl@north.test -> busy\n otherwise -> try clients", 486),
        ("otherwise -> try user william@north.test", 480),
        ("otherwise -> forward william@north.test", 480),
        ("otherwise -> redirect william@north.test", 480),
        ("otherwise -> try clients for 1s else user william@north.test", 480),
    ];
    for (tree, status) in table {
        let mut world = World::new();
        world.tree("anne", &format!("profile \"p\" {{\n incoming {{\n  {tree}\n }}\n}}\n"));
        world.phone("carl");
        world.phone("william").on_call(&answers(0.1));
        world.phone("anne/desk").gruu(DESK).on_call(&[(0.0, Reply::Status(180))]);
        world.at(0.0, "carl", call(PUBLIC));
        let ladder = world.finish();
        let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("server -> carl {status}")), "{tree}\n{ladder}");
        assert!(!ladder.contains("william"), "{tree}\n{ladder}");
        world.assert_sound(&ladder);
    }
}

#[test]
fn where_else_its_user_is_is_not_asked_of_a_client() {
    let mut world = two_clients("");
    world.phone("william");
    world.phone_named("anne/desk").on_call(&[(0.0, Reply::MovedTo("william".to_owned()))]);
    world.at(2.0, "carl", call(PUBLIC));
    let ladder = world.finish();
    assert!(ladder.contains("carl       480"), "{ladder}");
}

/// What is not there is 480 as long as the user is, and 404 if it was never given out or is good no longer.
#[test]
fn those_that_reach_nobody() {
    let mut world = two_clients("");
    let (_, temporary) = gruus_of(&world, "anne/desk", DESK);
    let (_, other) = gruus_of(&world, "anne/hand", HAND);
    let mut forged = temporary.clone();
    let letter = if forged.as_bytes()[30] == b'a' { "b" } else { "a" };
    forged.replace_range(30..31, letter);
    let table = [
        ("sip:anne@north.test;gr=urn:uuid:11111111-0000-1000-8000-000a95a0e128", 480),
        ("sip:nobody@north.test;gr=urn:uuid:11111111-0000-1000-8000-000a95a0e128", 404),
        ("sip:tgruu.anne@north.test;gr", 404),
        (forged.as_str(), 404),
    ];
    let mut at = 2.0;
    for (gruu, _) in table {
        world.at(at, "carl", call(gruu));
        at += 1.0;
    }
    // The desk phone forgets its Call-ID, the other one goes.
    world.at(10.0, "anne/desk", Do::Restart);
    world.at(10.0, "anne/hand", Do::Unregister);
    world.at(12.0, "carl", call(&temporary));
    world.at(13.0, "carl", call(&other));
    world.at(14.0, "carl", page(&other, "nobody reads this"));
    world.finish();
    let finals: Vec<u16> = world
        .wire
        .iter()
        .filter_map(|line| Packet::parse(&line.bytes).ok())
        .filter(|packet| packet.status() >= Some(400) && packet.status() != Some(407))
        .filter(|packet| packet.cseq().1 != "REGISTER")
        .filter_map(|packet| packet.status())
        .collect();
    let expected: Vec<u16> = table.iter().map(|(_, status)| *status).chain([404, 404, 404]).collect();
    assert_eq!(finals, expected);
}

/// A page goes to that client or to nobody: it is not kept in the inbox.
#[test]
fn a_page_to_one_client() {
    let mut world = two_clients("");
    world.at(2.0, "carl", page(PUBLIC, "to the desk"));
    world.at(3.0, "anne/desk", Do::Unregister);
    world.at(4.0, "carl", page(PUBLIC, "to nobody"));
    world.golden("gruu_a_page_to_one_client");
    assert_eq!(world.phone_named("anne/desk").pages, ["to the desk"]);
    assert!(world.phone_named("anne/hand").pages.is_empty());
}

/// Anne sends Carl to her desk phone, from the other one.
#[test]
fn a_transfer_to_one_client() {
    let mut world = two_clients("");
    world.at(2.0, "anne/hand", call("carl"));
    world.phone_named("carl").on_call(&answers(0.5));
    world.at(4.0, "anne/hand", Do::ReferTo(PUBLIC.to_owned()));
    world.at(10.0, "carl", Do::Hangup);
    world.golden("gruu_a_transfer_to_one_client");
    assert_untold(&world, "carl");
}

/// A phone calls by its GRUU: what we ask of it goes to the Contact that it has registered.
#[test]
fn a_phone_calls_by_its_own() {
    let mut world = two_clients("");
    let (_, temporary) = gruus_of(&world, "anne/desk", DESK);
    world.phone_named("carl").on_call(&answers(0.5));
    world.at(2.0, "anne/desk", call("carl").with("Contact", &format!("<{temporary}>")));
    world.at(4.0, "carl", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let texts = world.wire.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned());
    let byes: Vec<String> = texts.filter(|text| text.starts_with("BYE ")).collect();
    assert_eq!(byes.len(), 2, "{ladder}");
    let mark = world.phone_named("anne/desk").mark.clone();
    assert!(byes[1].starts_with(&format!("BYE sip:{mark}c@198.51.100.2:5060 SIP/2.0")), "{}", byes[1]);
}

/// Neither of its own addresses can be the Contact of a client: it would go round.
#[test]
fn a_contact_that_is_its_own_address() {
    let instance = format!(";+sip.instance=\"<{DESK}>\"");
    for (contact, status) in [
        (format!("<sip:anne@north.test>{instance}"), 403),
        (format!("<{PUBLIC}>{instance}"), 403),
        (format!("<sip:anne@198.51.100.1>{instance}"), 200),
    ] {
        let mut world = World::new();
        world.phone("anne").offline();
        world.at(0.0, "anne", Do::Register.with("Contact", &contact));
        world.run(1.0);
        let answer = String::from_utf8_lossy(&world.wire.last().unwrap().bytes).into_owned();
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{contact}: {answer}");
    }
}

/// From another cluster both kinds reach their client; nothing but the address that was dialled crosses.
#[test]
fn from_another_cluster() {
    let mut world = World::new().with_south();
    world.federate(Transport::Udp);
    world.phone("sven@south.test");
    world.phone("anne/desk").gruu(DESK).on_call(&answers(0.5));
    world.phone("anne/hand").gruu(HAND).on_call(&answers(0.5));
    world.begin();
    world.at(0.0, "anne/desk", Do::Register);
    world.run(1.0);
    let (_, temporary) = gruus_of(&world, "anne/desk", DESK);
    world.at(2.0, "sven@south.test", call(PUBLIC));
    world.at(4.0, "sven@south.test", Do::Hangup);
    world.at(6.0, "sven@south.test", call(&temporary));
    world.at(8.0, "sven@south.test", Do::Hangup);
    world.at(10.0, "sven@south.test", page(&temporary, "a word"));
    // What waits for another cluster waits for a user.
    world.at(12.0, "sven@south.test", page(PUBLIC, "a word to the desk"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("-> anne/desk INVITE").count(), 2, "{ladder}");
    assert_eq!(words.matches("-> anne/hand INVITE").count(), 0, "{ladder}");
    assert_eq!(world.phone_named("anne/desk").pages, ["a word"], "{ladder}");
    assert_untold(&world, "sven@south.test");
}
