//! Pages that wait for their recipient: kept once, brought in order, never lost.

use std::time::Duration;

use ratatosk::base::Uid;
use ratatosk::effect::Fact;

use crate::sim::world::uid;
use crate::sim::{Do, World, page};

/// Carl's tree: who is not there has it later.
const KEEPS: &str = "otherwise -> try clients else inbox";

fn tree(rules: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n")
}

/// Anne is there, carl is not, and his tree says this.
fn away(rules: &str) -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").offline();
    world.tree("carl", &tree(rules));
    world
}

/// What waits for carl.
fn waiting(world: &World) -> Vec<String> {
    let carl: Uid = uid("carl");
    world.store.waiting(&carl).map(|page| String::from_utf8_lossy(&page.body).into_owned()).collect()
}

#[test]
fn a_page_waits_and_is_brought() {
    let mut world = away(KEEPS);
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(1.0);
    assert_eq!(waiting(&world), ["lunch?"]);
    world.at(2.0, "carl", Do::Register);
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    202 MESSAGE
           2.000  carl   -> server  REGISTER              expires 3600
           2.001  server -> carl    401 REGISTER          challenge
           2.002  carl   -> server  REGISTER              expires 3600
           2.003  server -> carl    200 REGISTER          1 binding
           2.003  server -> carl    MESSAGE               \"lunch?\"
           2.004  carl   -> server  200 MESSAGE",
    );
    assert_eq!(waiting(&world), [""; 0]);
    let record = world.store.pages.iter().find(|record| record.direction == "incoming").unwrap();
    assert_eq!((record.status, record.how), (202, "inbox"));
    assert!(record.path.contains("inbox"), "{}", record.path);
    let record = world.store.pages.iter().find(|record| record.direction == "outgoing").unwrap();
    assert_eq!((record.status, record.how), (202, "user"));
}

/// A page that means something for a while only: with 0 it is not kept at all, and what is over when a phone is there is
/// let go unread. Who reads one in time is told how long it is good for.
#[test]
fn a_page_expires() {
    let mut world = away(KEEPS);
    for (second, text, expires) in
        [(0.0, "now", "0"), (1.0, "soon", "5"), (2.0, "today", "100"), (3.0, "ever", "")]
    {
        let sent = page("carl", text).with("Expires", expires);
        world.at(second, "anne", sent);
    }
    world.run(5.0);
    assert_eq!(waiting(&world), ["soon", "today", "ever"]);
    world.at(22.0, "carl", Do::Register);
    world.run(25.0);
    assert_eq!(world.phone_named("carl").pages, ["today", "ever"]);
    assert_eq!(waiting(&world), [""; 0]);
    let pages = world.sent_to("carl").filter(|one| one.method() == Some("MESSAGE"));
    let left: Vec<_> = pages.map(|one| one.get("Expires").map(str::to_owned)).collect();
    assert_eq!(left, [Some("80".to_owned()), None]);
    let answers: Vec<_> = world
        .sent_to("anne")
        .filter(|one| one.cseq().1 == "MESSAGE")
        .filter_map(|one| one.status())
        .collect();
    assert_eq!(answers, [480, 202, 202, 202]);
    world.at(30.0, "anne", page("carl", "at once").with("Expires", "0"));
    world.run(31.0);
    assert_eq!(world.phone_named("carl").pages, ["today", "ever", "at once"], "who is there reads it");
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// What its reader needs is kept with it, and when it was written.
#[test]
fn a_page_is_brought_as_it_was_sent() {
    let mut world = away(KEEPS);
    let html = page("carl", "<b>lunch?</b>")
        .with("Content-Type", "text/html;charset=utf-8")
        .with("Subject", "food")
        .with("From", "\"Anne \\\"A\\\" Smith\" <sip:anne@north.test>;tag=zq1q9")
        .with("Priority", "urgent");
    world.at(0.0, "anne", html);
    world.at(2.0, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let brought = world.wire.iter().rev().find(|line| line.bytes.starts_with(b"MESSAGE ")).unwrap();
    let text = String::from_utf8_lossy(&brought.bytes).into_owned();
    for line in [
        "From: \"Anne \\\"A\\\" Smith\" <sip:anne@north.test>;tag=",
        "To: <sip:carl@north.test>\r\n",
        // The world begins at midnight, and a second passes before the ladder does.
        "Date: Thu, 01 Jan 2026 00:00:01 GMT\r\n",
        "Content-Type: text/html;charset=utf-8\r\n",
        "Subject: food\r\n",
        "Priority: urgent\r\n",
        "\r\n\r\n<b>lunch?</b>",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

/// Who hides is hidden later, too.
#[test]
fn an_anonymous_page_waits() {
    let mut world = away(KEEPS);
    world.at(0.0, "anne", page("carl", "guess who").with("Privacy", "id"));
    world.at(2.0, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let brought = world.wire.iter().rev().find(|line| line.bytes.starts_with(b"MESSAGE ")).unwrap();
    let text = String::from_utf8_lossy(&brought.bytes).into_owned();
    assert!(text.contains("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{text}");
    assert!(!text.contains("anne"), "{text}");
}

/// The oldest first, one after the other, from whomever they are.
#[test]
fn three_pages_come_in_order() {
    let mut world = away(KEEPS);
    world.phone("dora");
    world.at(0.0, "anne", page("carl", "one"));
    world.at(0.1, "dora", page("carl", "two"));
    world.at(0.2, "anne", page("carl", "three"));
    world.at(2.0, "carl", Do::Register);
    world.golden("three_pages_come_in_order");
    assert_eq!(world.phone_named("carl").pages, ["one", "two", "three"]);
}

/// More than are held in memory at once.
#[test]
fn a_hundred_pages_come_in_order() {
    let mut world = away(KEEPS);
    let texts: Vec<String> = (0..100).map(|number| format!("page {number}")).collect();
    for (at, text) in (0_u32..).zip(&texts) {
        world.at(f64::from(at) / 10.0, "anne", page("carl", text));
    }
    world.at(20.0, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, texts);
}

/// Both phones have it; the slower one too, and what it says changes nothing.
#[test]
fn two_clients_are_brought_a_page() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").offline();
    world.phone("carl/hand").offline();
    world.tree("carl", &tree(KEEPS));
    world.phone_named("carl/desk").on_page = 480;
    world.at(0.0, "carl/desk", Do::Register);
    world.at(1.0, "anne", page("carl", "one"));
    world.at(1.1, "anne", page("carl", "two"));
    world.at(2.0, "carl/hand", Do::Register);
    world.golden("two_clients_are_brought_a_page");
    assert_eq!(world.phone_named("carl/hand").pages, ["one", "two"]);
}

/// A phone that is gone for good costs half a second once, and is sent nothing more.
#[test]
fn a_dead_client_does_not_stop_a_live_one() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk");
    world.phone("carl/hand").offline();
    world.tree("carl", &tree("otherwise -> inbox"));
    world.at(0.0, "carl/desk", Do::Vanish);
    for (at, text) in [(1.0, "one"), (1.1, "two"), (1.2, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(2.0, "carl/hand", Do::Register);
    world.golden("a_dead_client_does_not_stop_a_live_one");
    assert_eq!(world.phone_named("carl/hand").pages, ["one", "two", "three"]);
}

/// A new page waits until the older ones are through.
#[test]
fn a_new_page_comes_after_the_old_ones() {
    let mut world = away(KEEPS);
    world.at(0.0, "anne", page("carl", "one"));
    world.at(0.1, "anne", page("carl", "two"));
    world.at(2.0, "carl", Do::Register);
    // It comes when the first is on its way.
    world.at(2.0025, "anne", page("carl", "three"));
    world.golden("a_new_page_comes_after_the_old_ones");
    assert_eq!(world.phone_named("carl").pages, ["one", "two", "three"]);
}

/// The server is killed after it has accepted a page: the page is brought all the same.
#[test]
fn a_kept_page_outlives_the_server() {
    let mut world = away(KEEPS);
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(1.0);
    world.restart_servers();
    world.at(2.0, "carl", Do::Register);
    world.golden("a_kept_page_outlives_the_server");
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// The server is killed when the page is stored and its sender has not heard of it. He repeats it, is
/// challenged by the new server, and so sends it under another CSeq: it is the same page.
#[test]
fn a_page_that_is_repeated_after_a_restart_is_kept_once() {
    for (knows_nonce, name) in [(true, ""), (false, "_and_challenged_twice")] {
        let mut world = away(KEEPS);
        world.phone_named("anne").reuses_nonce = knows_nonce;
        world.at(0.0, "anne", page("carl", "lunch?"));
        world.run(if knows_nonce { 0.0005 } else { 0.0025 });
        world.net.store_ms = (2, 2);
        world.run_until(world.clock().at + Duration::from_millis(1));
        world.net.loss = 1000;
        world.run(0.1);
        assert_eq!(waiting(&world), ["lunch?"]);
        world.restart_servers();
        world.net.loss = 0;
        world.at(10.0, "carl", Do::Register);
        world.show_repeats = true;
        world.golden(&format!("a_page_that_is_repeated_after_a_restart_is_kept_once{name}"));
        assert_eq!(world.store.inbox.len(), 1);
        assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
    }
}

/// The phone has taken it, and the server dies before it is marked: at least once.
#[test]
fn a_page_that_was_not_marked_comes_again() {
    let mut world = away(KEEPS);
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(2.0, "carl", Do::Register);
    world.run(2.0035);
    world.net.store_ms = (50, 50);
    world.run_until(world.clock().at + Duration::from_millis(20));
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
    assert_eq!(waiting(&world), ["lunch?"]);
    world.restart_servers();
    world.at(4.0, "carl", Do::Register);
    world.golden("a_page_that_was_not_marked_comes_again");
    assert_eq!(world.phone_named("carl").pages, ["lunch?", "lunch?"]);
}

/// Never accepted and lost.
#[test]
fn the_disk_is_full_for_a_page() {
    let mut world = away(KEEPS);
    world.begin();
    world.store.full = true;
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(1.0);
    world.store.full = false;
    world.at(2.0, "anne", page("carl", "lunch?"));
    world.at(3.0, "carl", Do::Register);
    world.golden("the_disk_is_full_for_a_page");
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// Its user cannot be reached for now; when he has read what is there, he can.
#[test]
fn an_inbox_is_full() {
    let mut world = away(KEEPS);
    world.store.inbox_room = 2;
    for (at, text) in [(0.0, "one"), (0.1, "two"), (0.2, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(2.0, "carl", Do::Register);
    world.at(2.5, "carl", Do::Unregister);
    world.at(3.0, "anne", page("carl", "four"));
    world.golden("an_inbox_is_full");
    assert_eq!(waiting(&world), ["four"]);
}

/// The tree hears that the inbox is full.
#[test]
fn a_full_inbox_fails() {
    let mut world =
        away("otherwise -> try inbox {\n failed -> forward dora@north.test\n otherwise -> decline\n }");
    world.phone("dora");
    world.store.inbox_room = 0;
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> dora    MESSAGE               \"lunch?\"
           0.002  dora   -> server  200 MESSAGE
           0.003  server -> anne    200 MESSAGE",
    );
}

/// What a phone will never take stays, is offered at each registration, and stops nothing.
#[test]
fn a_page_that_is_refused_for_ever() {
    let mut world = away("otherwise -> inbox");
    world.phone_named("carl").dislikes = vec![("html".to_owned(), 415)];
    for (at, text) in [(0.0, "one"), (0.1, "html"), (0.2, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(2.0, "carl", Do::Register);
    world.at(4.0, "anne", page("carl", "five"));
    world.at(6.0, "carl", Do::Register);
    world.golden("a_page_that_is_refused_for_ever");
    assert_eq!(world.phone_named("carl").pages, ["one", "three", "five"]);
    assert_eq!(waiting(&world), ["html"]);
}

/// A phone that takes no pages is asked once for each registration, whatever waits.
#[test]
fn a_phone_without_pages_is_asked_once() {
    let mut world = away("otherwise -> inbox");
    world.phone_named("carl").on_page = 405;
    world.at(0.0, "anne", page("carl", "one"));
    world.at(0.1, "anne", page("carl", "two"));
    world.at(2.0, "carl", Do::Register);
    world.golden("a_phone_without_pages_is_asked_once");
    assert_eq!(waiting(&world), ["one", "two"]);
}

/// Not now: the next registration is the next attempt, and the order is kept.
#[test]
fn a_phone_that_is_busy_has_it_later() {
    let mut world = away(KEEPS);
    world.phone_named("carl").dislikes = vec![("one".to_owned(), 486)];
    world.at(0.0, "anne", page("carl", "one"));
    world.at(0.1, "anne", page("carl", "two"));
    world.at(2.0, "carl", Do::Register);
    world.run(3.0);
    assert_eq!(waiting(&world), ["one", "two"]);
    world.phone_named("carl").dislikes.clear();
    world.at(4.0, "carl", Do::Register);
    world.golden("a_phone_that_is_busy_has_it_later");
    assert_eq!(world.phone_named("carl").pages, ["one", "two"]);
}

/// The phone was out of the net for longer than the stage lasts: its late answer takes the page out of
/// the inbox, so that it does not come twice.
#[test]
fn a_late_answer_empties_the_inbox() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_page = 0;
    world.tree("carl", &tree(KEEPS));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.run(6.0);
    assert_eq!(waiting(&world), ["lunch?"]);
    world.phone_named("carl").wake();
    world.at(20.0, "carl", Do::Register);
    world.show_repeats = true;
    world.golden("a_late_answer_empties_the_inbox");
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
    assert_eq!(waiting(&world), [""; 0]);
}

/// A phone that takes a new page is there for the old ones, too.
#[test]
fn a_phone_that_answers_again_has_the_rest() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").dislikes = vec![("one".to_owned(), 480)];
    world.tree("carl", &tree(KEEPS));
    world.at(0.0, "anne", page("carl", "one"));
    world.run(1.0);
    world.phone_named("carl").dislikes.clear();
    world.at(2.0, "anne", page("carl", "two"));
    world.golden("a_phone_that_answers_again_has_the_rest");
    assert_eq!(world.phone_named("carl").pages, ["two", "one"]);
}

/// The phone leaves in the middle.
#[test]
fn a_phone_leaves_while_pages_come() {
    let mut world = away(KEEPS);
    for (at, text) in [(0.0, "one"), (0.1, "two"), (0.2, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(2.0, "carl", Do::Register);
    world.at(2.0045, "carl", Do::Unregister);
    world.at(9.0, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["one", "two", "three"]);
}

/// So does its stream, over which a page is under way.
#[test]
fn a_stream_breaks_while_pages_come() {
    let mut world = away(KEEPS);
    world.phone_named("carl").tcp();
    for (at, text) in [(0.0, "one"), (0.1, "two"), (0.2, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(2.0, "carl", Do::Register);
    world.at(2.0065, "carl", Do::Disconnect);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let mut pages = world.phone_named("carl").pages.clone();
    pages.dedup();
    assert_eq!(pages, ["one", "two", "three"]);
    assert_eq!(waiting(&world), [""; 0]);
}

/// It registers while the page is being stored, and so had no chance to be sent it before.
#[test]
fn a_phone_registers_while_a_page_is_stored() {
    let mut world = away(KEEPS);
    world.at(0.0, "carl", Do::Register);
    world.at(0.1, "carl", Do::Unregister);
    world.at(1.0, "anne", page("carl", "lunch?"));
    world.run(1.0005);
    world.net.store_ms = (30, 30);
    world.at(1.005, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// A copy for later, whatever becomes of the page; it is not brought.
#[test]
fn a_copy_is_kept() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.tree("carl", &tree("otherwise -> also inbox, try clients"));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "carl", Do::Register);
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> carl    MESSAGE               \"lunch?\"
           0.002  carl   -> server  200 MESSAGE
           0.003  server -> anne    200 MESSAGE
           1.000  carl   -> server  REGISTER              expires 3600
           1.001  server -> carl    200 REGISTER          1 binding",
    );
    let (kept, _) = world.store.inbox.first().unwrap();
    assert!(kept.copy);
    assert_eq!(world.store.inbox.len(), 1);
}

/// What is kept anyhow needs no copy: one page, and it is brought.
#[test]
fn a_copy_of_what_is_kept() {
    let mut world = away("otherwise -> also inbox, try clients else inbox");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "carl", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.store.inbox.len(), 1);
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// A copy that cannot be kept changes nothing.
#[test]
fn a_copy_never_changes_the_outcome() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_page = 486;
    world.phone("dora");
    let copies = "also inbox, also clients, also user dora@north.test, also user nobody@north.test";
    world.tree("carl", &tree(&format!("otherwise -> {copies}, decline")));
    world.begin();
    world.store.full = true;
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.golden("a_copy_never_changes_the_outcome");
    assert_eq!(world.phone_named("dora").pages, ["lunch?"]);
}

/// Three users who copy everything to each other multiply nothing.
#[test]
fn copies_are_not_copied_on() {
    let mut world = World::new();
    let users = ["carl", "dora", "eric"];
    world.phone("anne");
    for user in users {
        world.phone(user);
        let others = users.iter().filter(|other| **other != user);
        let copies: Vec<String> = others.map(|other| format!("also user {other}@north.test")).collect();
        world.tree(user, &tree(&format!("otherwise -> {}, try clients", copies.join(", "))));
    }
    world.at(0.0, "anne", page("carl", "lunch?"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    for user in users {
        assert_eq!(world.phone_named(user).pages, ["lunch?"], "{user}");
    }
}

/// That somebody is typing is of no use later.
#[test]
fn what_is_of_the_moment_is_not_kept() {
    let mut world = away(KEEPS);
    let typing = page("carl", "<isComposing/>").with("Content-Type", "application/im-iscomposing+xml");
    world.at(0.0, "anne", typing);
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"<isComposing/>\"
           0.001  server -> anne    480 MESSAGE",
    );
    assert_eq!(waiting(&world), [""; 0]);
}

/// Nobody takes pages for these yet: what came before stands.
#[test]
fn a_device_that_nobody_serves() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_page = 603;
    world.phone("dora").offline();
    world.tree("carl", &tree("otherwise -> try clients else voicemail"));
    world.tree("dora", &tree("otherwise -> voicemail"));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "anne", page("dora", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> carl    MESSAGE               \"lunch?\"
           0.002  carl   -> server  603 MESSAGE
           0.003  server -> anne    603 MESSAGE
           1.000  anne   -> server  MESSAGE dora          \"lunch?\"
           1.001  server -> anne    480 MESSAGE",
    );
}

/// Who writes to many who are not there has only so many pages kept in an hour. Those who are there hear from him all
/// the same, and in the next hour there is room again; what others write is kept.
#[test]
fn one_sender_fills_no_disk() {
    let mut world = away(KEEPS);
    world.phone("dora");
    world.configure("north.test", |settings| settings.limits.kept_pages_per_hour = 2);
    for (at, text) in [(1.0, "one"), (2.0, "two"), (3.0, "three")] {
        world.at(at, "anne", page("carl", text));
    }
    world.at(4.0, "anne", page("dora", "four"));
    world.at(5.0, "dora", page("carl", "five"));
    world.at(3_606.0, "anne", page("carl", "six"));
    world.run(3_610.0);
    let statuses: Vec<u16> = world
        .sent_to("anne")
        .filter(|packet| packet.cseq().1 == "MESSAGE" && packet.status() != Some(407))
        .filter_map(|packet| packet.status())
        .collect();
    assert_eq!(statuses, [202, 202, 480, 200, 202]);
    assert_eq!(waiting(&world), ["one", "two", "five", "six"]);
    assert!(world.clusters[0].facts.iter().any(|fact| matches!(fact, Fact::Limit("kept_pages_per_hour"))));
}
