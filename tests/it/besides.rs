//! What trees look at and do besides ringing, in the simulated world: status, properties, words; replies,
//! pages that are held, redirections, notes.

use ratatosk::effect::{Fact, Transport};
use ratatosk::routing::Status;

use crate::sim::world::uid;
use crate::sim::{Do, World, answers, call, page};

fn tree(rules: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n")
}

fn outgoing(rules: &str) -> String {
    format!("profile \"p\" {{\n outgoing {{\n {rules}\n }}\n}}\n")
}

/// Anne and carl are there, and this is carl's incoming tree.
fn world(rules: &str) -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(0.5));
    world.tree("carl", &tree(rules));
    world
}

/// The status with which the incoming half of the last page was answered, and how.
fn last_page(world: &World, owner: &str) -> (u16, &'static str) {
    let of = |record: &&ratatosk::effect::fact::PageRecord| {
        record.direction == "incoming" && record.owner.user() == owner
    };
    world.store.pages.iter().rfind(of).map(|record| (record.status, record.how)).unwrap()
}

const OCCUPIED: &str =
    "status occupied and not urgent -> reply \"occupied\", hold\n otherwise -> try clients else inbox";

/// Chart 7 of the seed: who is occupied gets urgent pages at once, the others are answered for him and
/// brought when he is available again.
#[test]
fn a_page_is_held_until_its_reader_is_available() {
    let mut world = world(OCCUPIED);
    world.store.status(&uid("carl"), Some(Status::Occupied));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "anne", page("carl", "fire!").with("Priority", "urgent"));
    world.at(2.0, "carl", Do::Register);
    world.run(5.0);
    assert_eq!(world.phone_named("carl").pages, ["fire!"]);
    assert_eq!(world.phone_named("anne").pages, ["I am busy at the moment and will see your message later."]);
    world.store.status(&uid("carl"), Some(Status::Available));
    world.refresh("carl");
    world.run(8.0);
    assert_eq!(world.phone_named("carl").pages, ["fire!", "lunch?"]);
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// Without a status of his own a user is available as soon as a phone of his is there.
#[test]
fn a_held_page_is_brought_at_the_next_registration() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").offline();
    world.tree("carl", &tree("status offline -> hold\n otherwise -> try clients"));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(1.0);
    assert_eq!(last_page(&world, "carl"), (202, "inbox"));
    world.at(2.0, "carl", Do::Register);
    world.at(4.0, "anne", page("carl", "dinner?"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["lunch?", "dinner?"]);
}

/// The server is restarted between: what was held still is.
#[test]
fn a_held_page_outlives_the_server() {
    let mut world = world(OCCUPIED);
    world.store.status(&uid("carl"), Some(Status::Occupied));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(1.0);
    world.restart_servers();
    world.at(2.0, "carl", Do::Register);
    world.run(4.0);
    assert_eq!(world.phone_named("carl").pages, [""; 0]);
    world.store.status(&uid("carl"), None);
    world.refresh("carl");
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// A reply is a page of its own; the stock message is the owner's, or a ready-made one.
#[test]
fn a_page_is_replied_to() {
    let mut world =
        world("subject contains \"lunch\" -> reply \"Lunch\"\n otherwise -> reply \"away\", try clients");
    world.store.stock(&uid("carl"), "lunch", "Never on Mondays.");
    world.at(0.0, "anne", page("carl", "one").with("Subject", "About LUNCH"));
    world.at(1.0, "anne", page("carl", "two"));
    world.golden("a_page_is_replied_to");
    assert_eq!(world.phone_named("carl").pages, ["two"]);
    assert_eq!(
        world.phone_named("anne").pages,
        ["Never on Mondays.", "I am away from my desk and will see your message when I am back."]
    );
}

/// Two trees that reply to each other: the reply is not replied to.
#[test]
fn replies_do_not_go_round() {
    let mut world = world("otherwise -> reply \"away\"");
    world.tree("anne", &tree("otherwise -> reply \"busy\", try clients"));
    world.at(0.0, "anne", page("carl", "one"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("anne").pages.len(), 1, "{ladder}");
    assert_eq!(world.phone_named("carl").pages, [""; 0]);
}

/// Who hides is replied to all the same, and stays hidden: the reply goes by what only we know.
#[test]
fn somebody_who_hides_is_replied_to() {
    let mut world = world("caller verified -> decline\n otherwise -> reply \"away\"");
    world.at(0.0, "anne", page("carl", "guess who").with("Privacy", "id"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("anne").pages.len(), 1);
    assert!(
        world
            .store
            .pages
            .iter()
            .filter(|page| page.owner.user() == "carl")
            .all(|page| !page.path.contains("anne"))
    );
}

/// Across clusters the reply takes the same way back.
#[test]
fn a_reply_goes_to_another_cluster() {
    let mut world = World::new().with_south();
    world.federate(Transport::Udp);
    world.phone("anne");
    world.phone("zoe@south.test");
    world.tree("zoe@south.test", &tree("otherwise -> reply \"away\", try clients"));
    world.tree("anne", &tree("otherwise -> reply \"away\", try clients"));
    world.at(0.0, "anne", page("zoe@south.test", "lunch?"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("zoe@south.test").pages, ["lunch?"]);
    assert_eq!(world.phone_named("anne").pages.len(), 1, "{ladder}");
}

/// On a call, the stock message is the reason of the refusal.
#[test]
fn a_caller_reads_the_reply() {
    let mut world = world("mode voice -> reply \"away\"\n otherwise -> hold");
    world.at(0.0, "anne", call("carl"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let answer = world.last_to("anne", "SIP/2.0 480");
    assert!(answer.contains("text=\"I am away from my desk"), "{answer}");
}

/// A redirected caller goes there himself: his own outgoing tree decides.
#[test]
fn a_caller_is_redirected() {
    let mut world = world("mode voice -> redirect dora@north.test\n otherwise -> redirect emma@north.test");
    world.phone("dora").on_call(&answers(0.5));
    world.phone("emma");
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.at(6.0, "anne", page("carl", "lunch?"));
    world.golden("a_caller_is_redirected");
    assert_eq!(world.phone_named("emma").pages, ["lunch?"]);
    let half = world.store.calls.iter().find(|call| call.owner.user() == "carl").unwrap();
    assert_eq!((half.status, half.rule.as_str()), (302, "p:3 mode voice -> redirect dora@north.test"));
}

#[test]
fn a_caller_may_not_be_redirected_where_he_may_not_call() {
    let mut world = world("otherwise -> redirect dora@north.test");
    world.phone("dora").on_call(&answers(0.5));
    world.tree("anne", &outgoing("to dora@north.test -> refuse \"no\"\n otherwise -> send"));
    world.at(0.0, "anne", call("carl"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.calls_to("dora").count(), 0);
    assert!(world.last_to("anne", "SIP/2.0 480").contains("INVITE"));
}

/// A tree writes a property, and what comes later sees it; in the store, too.
#[test]
fn a_property_is_set_by_a_tree() {
    let rules = "property \"seen\" is \"yes\" -> set \"seen\" \"\", log \"again\", decline\n \
                 property \"seen\" -> busy\n otherwise -> set \"seen\" \"yes\", try clients";
    let mut world = world(rules);
    world.at(0.0, "anne", page("carl", "one"));
    world.at(1.0, "anne", call("carl"));
    world.at(2.0, "anne", page("carl", "three"));
    world.run(1.5);
    assert_eq!(world.store.property(&uid("carl"), "seen"), None, "set and removed");
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["one", "three"]);
    assert!(world.last_to("anne", "SIP/2.0 603").contains("INVITE"));
    assert_eq!(world.store.property(&uid("carl"), "seen").as_deref(), Some("yes"));
    let noted = |fact: &Fact| matches!(fact, Fact::Noted { text, .. } if text == "again");
    assert_eq!(world.facts.iter().filter(|fact| noted(fact)).count(), 1);
}

/// He is read again while the property is on its way to the store: what is read does not know of it.
#[test]
fn a_property_that_is_being_saved_outlives_a_reading() {
    let rules = "property \"seen\" is \"yes\" -> busy\n otherwise -> set \"seen\" \"yes\", decline";
    let mut world = world(rules);
    world.run(0.5);
    world.net.store_ms = (100, 100);
    world.at(1.0, "anne", call("carl"));
    world.at(1.08, "anne", page("carl", "two"));
    world.run(0.97);
    world.refresh("carl");
    world.run(1.06);
    assert_eq!(world.store.property(&uid("carl"), "seen"), None, "it is not there yet");
    world.run(3.0);
    assert!(world.last_to("anne", "SIP/2.0 603").contains("INVITE"));
    assert!(world.last_to("anne", "SIP/2.0 486").contains("MESSAGE"));
    assert_eq!(world.store.property(&uid("carl"), "seen").as_deref(), Some("yes"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// What is sent by which phone, to whom, with how much left.
#[test]
fn an_outgoing_tree_looks_at_the_phone_and_the_account() {
    let mut world = World::new();
    world.phone("anne/desk");
    world.phone("anne/hand").instance = Some("urn:uuid:00000000-0000-0000-0000-000000000001".into());
    world.phone("carl");
    let rules = "device \"hand\" and account credit under 1 -> refuse \"no credit\"\n \
                 account \"trial\" and size over 20 -> refuse \"too long\"\n otherwise -> send";
    world.tree("anne", &outgoing(rules));
    world.store.client(&uid("anne"), "hand", "urn:uuid:00000000-0000-0000-0000-000000000001");
    world.store.account(&uid("anne"), "trial", 0);
    world.at(0.0, "anne/desk", page("carl", "one"));
    world.at(1.0, "anne/hand", page("carl", "two"));
    world.at(2.0, "anne/desk", page("carl", "three, which is far too long"));
    world.run(3.0);
    world.store.account(&uid("anne"), "trial", 5);
    world.refresh("anne");
    world.at(4.0, "anne/hand", page("carl", "four"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["one", "four"]);
}

/// Words of a page, its language and who its sender is.
#[test]
fn an_incoming_tree_reads() {
    let rules = "body matches \"*win*prize*\" -> decline\n language is -> try clients\n \
                 header \"User-to-User\" contains \"secret\" -> busy\n otherwise -> refuse \"speak up\"";
    let mut world = world(rules);
    world.at(0.0, "anne", page("carl", "You WIN a big Prize"));
    world.at(1.0, "anne", page("carl", "halló").with("Content-Language", "is"));
    world.at(2.0, "anne", page("carl", "three").with("User-to-User", "Secret;encoding=hex"));
    world.at(3.0, "anne", page("carl", "four"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["halló"]);
    for status in ["603", "486", "403"] {
        assert!(world.last_to("anne", &format!("SIP/2.0 {status}")).contains("MESSAGE"), "{status}");
    }
    let record = world.store.pages.iter().find(|page| page.direction == "incoming").unwrap();
    assert!(!record.path.to_lowercase().contains("big prize"), "a text is not kept: {}", record.path);
}
