//! Two clusters: calls and pages across, and what happens when one is not there.

use ratatosk::config::{Allow, Secret, Trust};
use ratatosk::effect::{Fact, Flow, Transport};
use ratatosk::routing::Mode;

use crate::sim::cluster::{FEDERATION_PORT, NORTH, SOUTH};
use crate::sim::text::Packet;
use crate::sim::world::{Line, Who};
use crate::sim::{Do, Reply, World, answers, call, page, refuses};

/// A world in which north and south speak with each other.
fn federated(transport: Transport) -> World {
    let mut world = World::new().with_south();
    world.federate(transport);
    world
}

/// Anne at north, Carl at south, on UDP.
fn two() -> World {
    let mut world = federated(Transport::Udp);
    world.phone("anne");
    world.phone("carl@south.test");
    world
}

/// The messages between the clusters.
fn between(world: &World) -> impl Iterator<Item = &Line> {
    let is_server = |who| matches!(who, Who::Server(_));
    world.wire.iter().filter(move |line| is_server(line.from) && is_server(line.to))
}

/// The requests of a method between the clusters, as text.
fn asked(world: &World, method: &str) -> Vec<String> {
    let lines = between(world).filter(|line| line.bytes.starts_with(method.as_bytes()));
    lines.map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

/// The finals that a phone has heard.
fn heard(world: &World, phone: &str) -> Vec<u16> {
    world.sent_to(phone).filter_map(|packet| packet.status()).filter(|status| *status >= 200).collect()
}

/// A profile whose incoming calls and pages go there.
fn tree(action: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n otherwise -> {action}\n }}\n}}\n")
}

/// A message of north to south's listener for other clusters.
fn to_south() -> Flow {
    Flow { listener: 2, remote: format!("203.0.113.1:{FEDERATION_PORT}").parse().unwrap(), stream: None }
}

fn receipts(world: &World, cluster: usize) -> Vec<&str> {
    world.clusters[cluster].store.receipts.values().map(String::as_str).collect()
}

/// They look whether the other is there, each with a proof that it is asked for once.
#[test]
fn clusters_greet_each_other() {
    let mut world = federated(Transport::Udp);
    world.start_ladder();
    world.run(65.0);
    world.golden("clusters_greet_each_other");
}

#[test]
fn a_call_across() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(3.0, "carl@south.test", Do::Hangup);
    world.golden("a_call_across");
    let invites = asked(&world, "INVITE");
    let [invite] = invites.as_slice() else { panic!("{invites:?}") };
    let invite = Packet::parse(invite.as_bytes()).unwrap();
    assert_eq!(invite.uri(), "sip:carl@south.test");
    assert_eq!(invite.get("P-Asserted-Identity"), Some("<sip:anne@north.test>"));
    assert_eq!(invite.get("Privacy"), None);
    // Both halves are recorded, each at home.
    assert_eq!(world.clusters.iter().map(|cluster| cluster.store.calls.len()).collect::<Vec<_>>(), [1, 1]);
}

/// By TCP the same is said, over one connection for each user server that has something to say.
#[test]
fn a_call_across_by_tcp() {
    let mut world = federated(Transport::Tcp);
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    for beginning in [0.0, 4.0] {
        world.at(beginning, "anne", call("carl@south.test"));
        world.at(beginning + 3.0, "anne", Do::Hangup);
    }
    world.golden("a_call_across_by_tcp");
    assert!(between(&world).all(|line| line.stream));
    assert!(world.open_streams().count() <= 4, "at most one for each user server");
}

/// The other cluster has forgotten the nonce that we know: it asks again, once.
#[test]
fn a_call_is_asked_for_a_proof() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&answers(1.0));
    world.kill_at(1.0, SOUTH.0);
    world.start_at(1.2, SOUTH.0);
    world.at(2.0, "anne", call("carl@south.test"));
    world.at(5.0, "anne", Do::Hangup);
    world.show_repeats = true;
    world.golden("a_call_is_asked_for_a_proof");
    let invites = asked(&world, "INVITE");
    let invites: Vec<Packet<'_>> =
        invites.iter().map(|invite| Packet::parse(invite.as_bytes()).unwrap()).collect();
    let [first, second] = invites.as_slice() else { panic!("{invites:?}") };
    assert_eq!(first.call_id(), second.call_id());
    assert_eq!(first.from_tag(), second.from_tag());
    assert_eq!(first.cseq().0 + 1, second.cseq().0);
    assert_ne!(first.branch(), second.branch());
}

#[test]
fn a_call_across_is_cancelled() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(2.0, "anne", Do::Hangup);
    world.golden("a_call_across_is_cancelled");
}

/// The caller gives up before the other cluster has said anything, and while it asks for a proof.
#[test]
fn a_call_across_is_cancelled_at_once() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&[(0.0, Reply::Status(180))]);
    world.kill_at(1.0, SOUTH.0);
    world.start_at(1.2, SOUTH.0);
    world.at(2.0, "anne", call("carl@south.test"));
    world.at(2.002, "anne", Do::Hangup);
    world.show_repeats = true;
    world.golden("a_call_across_is_cancelled_at_once");
}

#[test]
fn busy_across() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&refuses(1.0, 486));
    world.at(0.0, "anne", call("carl@south.test"));
    world.golden("busy_across");
}

/// Both put the call on hold at once, and again later.
#[test]
fn glare_across() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(3.0, "anne", Do::Hold);
    world.at(3.0, "carl@south.test", Do::Hold);
    world.at(30.0, "anne", Do::Hangup);
    world.golden("glare_across");
}

/// The tree of the caller runs at his cluster, that of the callee at the callee's, and a forward back
/// goes round once at most.
#[test]
fn forwards_do_not_go_round() {
    let mut world = two();
    world.phone("eric");
    world.tree("anne", &tree("forward carl@south.test"));
    world.tree("carl@south.test", &tree("forward anne@north.test"));
    world.at(0.0, "eric", call("anne"));
    world.golden("forwards_do_not_go_round");
}

/// Who reads the records of both clusters sees the circle: whose tree has sent the call to whom, and that the one who
/// would have come again was refused as a loop.
#[test]
fn a_circle_is_on_record() {
    let mut world = two();
    world.phone("eric");
    world.tree("anne", &tree("forward carl@south.test"));
    world.tree("carl@south.test", &tree("forward anne@north.test"));
    world.at(0.0, "eric", call("anne"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let records = world.clusters.iter().flat_map(|cluster| &cluster.store.calls);
    let incoming: Vec<_> = records.filter(|record| record.direction == "incoming").collect();
    let steps: Vec<_> = incoming.iter().map(|record| (record.owner.as_str(), record.status)).collect();
    assert_eq!(steps, [("anne@north.test", 482), ("carl@south.test", 482)]);
    for (record, next) in incoming.iter().zip(["carl@south.test", "anne@north.test"]) {
        assert!(record.rule.ends_with(&format!("forward {next}")), "{}", record.rule);
        assert!(record.path.contains(&format!("forward {next}")), "{}", record.path);
        assert!(record.ladder.contains("482"), "{}", record.ladder);
    }
}

/// Each of three users in two clusters sends a call on to the next; nobody learns whose phone was asked
/// before.
#[test]
fn a_forward_across_and_back_to_another() {
    let mut world = two();
    world.phone("dora").on_call(&answers(1.0));
    world.phone("eric");
    world.tree("anne", &tree("forward carl@south.test"));
    world.tree("carl@south.test", &tree("forward dora@north.test"));
    world.at(0.0, "eric", call("anne"));
    world.at(4.0, "dora", Do::Hangup);
    world.golden("a_forward_across_and_back_to_another");
    for invite in asked(&world, "INVITE") {
        let invite = Packet::parse(invite.as_bytes()).unwrap();
        let history: Vec<&str> = invite.all("History-Info").collect();
        assert!(!history.is_empty() && !history.concat().contains("anne"), "{history:?}");
    }
}

/// Several phones, some in another cluster: the first to answer has it.
#[test]
fn a_fork_across() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&answers(2.0));
    world.phone("dora").on_call(&[(0.0, Reply::Status(180))]);
    world.phone("eric");
    world.tree("dora", &tree("try clients, user carl@south.test for 20s else decline"));
    world.at(0.0, "eric", call("dora"));
    world.at(5.0, "eric", Do::Hangup);
    world.golden("a_fork_across");
}

/// Who does not want to be known is asserted to the other cluster and shown to nobody.
#[test]
fn an_anonymous_call_across() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&answers(1.0));
    let hide = vec![("Privacy".to_owned(), "id".to_owned())];
    world.at(0.0, "anne", Do::With(hide, Box::new(call("carl@south.test"))));
    world.at(3.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let invites = asked(&world, "INVITE");
    let invite = Packet::parse(invites[0].as_bytes()).unwrap();
    assert_eq!(invite.get("P-Asserted-Identity"), Some("<sip:anne@north.test>"));
    assert_eq!(invite.get("Privacy"), Some("id"));
    assert!(invite.get("From").unwrap().contains("sip:anonymous@anonymous.invalid"), "{ladder}");
    let shown = world.latest("carl@south.test", "INVITE", "INVITE");
    let shown = String::from_utf8_lossy(&shown);
    assert!(!shown.contains("anne") && !shown.contains("north") && !shown.contains("Asserted"), "{shown}");
    let record = &world.clusters[1].store.calls[0];
    assert_eq!(record.caller, "anonymous");
}

/// A number that is asked for at the other cluster is one of that cluster's, whoever has it there and
/// whichever user server he is at home with.
#[test]
fn numbers_of_the_other_cluster() {
    let users = ["carl@south.test", "dora@south.test", "eric@south.test", "faye@south.test"];
    for (number, user) in (100..).zip(users) {
        let mut world = federated(Transport::Udp);
        world.phone("anne");
        world.phone(user).on_call(&answers(1.0));
        world.number(user, &number.to_string());
        let dialled = format!("{number}@south.test");
        world.at(0.0, "anne", call(&dialled));
        world.at(3.0, "anne", Do::Hangup);
        // The answer to the second INVITE is lost to a CANCEL.
        world.at(5.0, "anne", call(&dialled));
        world.at(5.5, "anne", Do::Hangup);
        world.at(7.0, "anne", page(&dialled, "lunch?"));
        world.at(8.0, "anne", call("999@south.test"));
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let told: Vec<&str> = world.sent_to(user).filter_map(|packet| packet.method()).collect();
        assert_eq!(told, ["INVITE", "ACK", "BYE", "INVITE", "CANCEL", "ACK", "MESSAGE"], "{ladder}");
        assert!(heard(&world, "anne").ends_with(&[404]), "{ladder}");
        assert!(
            !between(&world).any(|line| String::from_utf8_lossy(&line.bytes).contains("carl")),
            "{ladder}"
        );
    }
}

/// What is repeated on its way to a number finds its transaction, though that is elsewhere.
#[test]
fn a_number_is_asked_for_twice() {
    for user in ["carl@south.test", "dora@south.test", "eric@south.test"] {
        let mut world = federated(Transport::Udp);
        world.phone("anne");
        world.phone(user).on_call(&answers(0.2));
        world.number(user, "100");
        world.at(0.0, "anne", call("100@south.test"));
        world.run(0.1);
        let invite = asked(&world, "INVITE").pop().unwrap();
        world.utter(NORTH.0, to_south(), &invite);
        world.run(1.0);
        world.utter(NORTH.0, to_south(), &invite);
        world.at(3.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let told: Vec<&str> = world.sent_to(user).filter_map(|packet| packet.method()).collect();
        assert_eq!(told, ["INVITE", "ACK", "BYE"], "{ladder}");
    }
}

/// A cluster that nobody has named, one that has not agreed, and one that has not agreed from its side.
#[test]
fn what_is_not_agreed_is_refused() {
    let mut world = two();
    world.at(0.0, "anne", call("carl@west.test"));
    world.run(1.0);
    world.expect(
        "0.000 anne -> north INVITE sip:carl@west.test offer
                  0.001 north -> anne 404
                  0.002 anne -> north ACK",
    );
    let no_voice = Allow::NOTHING.with(Mode::Video).with(Mode::Page);
    let no_page = Allow::NOTHING.with(Mode::Voice).with_presence();
    for (at, crosses) in [(NORTH.0, false), (SOUTH.0, true)] {
        let mut world = two();
        world.configure(at, |settings| settings.peers[0].allow = no_voice);
        world.at(0.0, "anne", call("carl@south.test"));
        world.at(1.0, "anne", page("carl@south.test", "may I write?"));
        let ladder = world.finish();
        world.assert_sound(&ladder);
        assert_eq!(heard(&world, "anne"), [403, 200], "{ladder}");
        assert_eq!(!asked(&world, "INVITE").is_empty(), crosses);
        let mut world = two();
        world.configure(at, |settings| settings.peers[0].allow = no_page);
        world.at(1.0, "anne", page("carl@south.test", "may I write?"));
        let ladder = world.finish();
        world.assert_sound(&ladder);
        assert_eq!(heard(&world, "anne"), [403], "{ladder}");
        assert_eq!(!asked(&world, "MESSAGE").is_empty(), crosses);
    }
}

/// The first call to a cluster that has died finds that out within seconds; the next are refused at
/// once, until it is back.
#[test]
fn a_cluster_dies_and_comes_back() {
    let mut world = two();
    world.phone_named("carl@south.test").on_call(&refuses(0.5, 486));
    world.kill_at(10.0, SOUTH.0);
    world.at(11.0, "anne", call("carl@south.test"));
    world.at(16.5, "anne", call("carl@south.test"));
    world.start_at(17.8, SOUTH.0);
    world.at(19.0, "anne", call("carl@south.test"));
    world.run(21.0);
    world.show_repeats = true;
    world.golden("a_cluster_dies_and_comes_back");
    let facts = &world.clusters[0].facts;
    let told: Vec<&str> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::PeerUp { .. } => Some("up"),
            Fact::PeerDown { why, .. } => Some(*why),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["up", "it does not answer", "up"]);
}

/// By TCP its death is seen at once.
#[test]
fn a_cluster_dies_by_tcp() {
    let mut world = federated(Transport::Tcp);
    world.phone("anne");
    world.phone("carl@south.test").on_call(&[(0.0, Reply::Status(180))]);
    world.at(10.0, "anne", call("carl@south.test"));
    world.kill_at(11.0, SOUTH.0);
    world.at(13.0, "anne", call("carl@south.test"));
    world.run(16.0);
    world.golden("a_cluster_dies_by_tcp");
}

#[test]
fn pages_across() {
    let mut world = two();
    world.at(0.0, "anne", page("carl@south.test", "lunch?"));
    world.at(1.0, "carl@south.test", page("anne@north.test", "at one"));
    world.at(2.0, "anne", page("nobody@south.test", "hello?"));
    world.golden("pages_across");
}

/// What means nothing later is not kept for a cluster that is not there, and what has come to mean nothing while it was
/// kept is not sent (RFC 3428 §4).
#[test]
fn pages_expire_on_their_way() {
    let mut world = two();
    world.kill_at(1.0, SOUTH.0);
    for (second, expires) in [(10.0, "0"), (20.0, "0"), (20.5, "30"), (21.0, "600")] {
        world.at(
            second,
            "anne",
            page("carl@south.test", &format!("for {expires} s")).with("Expires", expires),
        );
    }
    world.start_at(60.0, SOUTH.0);
    world.run(70.0);
    let refused = heard(&world, "anne").iter().filter(|status| **status == 480).count();
    assert_eq!(refused, 2);
    assert_eq!(world.phone_named("carl@south.test").pages, ["for 600 s"]);
    let mut receipts = receipts(&world, 0);
    receipts.sort_unstable();
    assert_eq!(receipts, ["delivered", "expired, as its sender has said"]);
}

/// A page to a cluster that is not there is kept, through a death of its own cluster, and goes when
/// the other is back; its sender was told 202, and can read what became of it.
#[test]
fn a_page_waits_for_a_cluster() {
    let mut world = two();
    world.kill_at(1.0, SOUTH.0);
    world.at(10.0, "anne", page("carl@south.test", "lunch?"));
    world.at(20.0, "anne", page("carl@south.test", "or dinner?"));
    world.at(21.0, "anne", page("nobody@south.test", "hello?"));
    world.kill_at(25.0, NORTH.0);
    world.start_at(26.0, NORTH.0);
    world.start_at(30.0, SOUTH.0);
    world.run(34.0);
    world.golden("a_page_waits_for_a_cluster");
    assert!(world.clusters[0].store.outbox.is_empty());
    let mut receipts = receipts(&world, 0);
    receipts.sort_unstable();
    assert_eq!(receipts, ["delivered", "delivered", "refused 404"]);
    assert_eq!(world.phone_named("carl@south.test").pages, ["lunch?", "or dinner?"]);
}

/// A page that its cluster cannot deliver in time is given up, and its sender can read so.
#[test]
fn a_page_waits_in_vain() {
    let mut world = two();
    world.configure(NORTH.0, |settings| settings.limits.outbox_s = 3600);
    world.kill_at(1.0, SOUTH.0);
    world.at(10.0, "anne", page("carl@south.test", "lunch?"));
    world.run(5000.0);
    let ladder = world.finish();
    assert!(world.clusters[0].store.outbox.is_empty(), "{ladder}");
    assert_eq!(receipts(&world, 0), ["expired after 1 h"]);
}

/// A cluster that does not know the same secret is not there: calls are refused, and its operator is
/// told, though not every second.
#[test]
fn the_secrets_differ() {
    let mut world = two();
    world.configure(SOUTH.0, |settings| {
        settings.peers[0].trust = Trust::Secret(Secret::new("another"));
    });
    world.at(3.0, "anne", call("carl@south.test"));
    world.at(4.0, "anne", page("carl@south.test", "lunch?"));
    world.run(50.0);
    let told = |fact: &&Fact| matches!(fact, Fact::SecretRefused { .. });
    for cluster in &world.clusters {
        assert_eq!(cluster.facts.iter().filter(told).count(), 1, "in {}", cluster.name);
    }
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(heard(&world, "anne"), [503, 202], "{ladder}");
}
