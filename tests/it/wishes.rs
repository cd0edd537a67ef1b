//! Profiles that phones name: dialled, in a header, or by the client that sends.

use std::time::Duration;

use crate::sim::world::uid;
use crate::sim::{Do, World, answers, call, page};

/// What anne's trees do with what goes out: the one that serves sends, the other says no.
const OPEN: &str = "profile \"open\" {\n outgoing {\n otherwise -> send\n }\n}\n";
const SHUT: &str = "profile \"shut\" {\n outgoing {\n otherwise -> refuse \"shut\"\n }\n}\n";
/// And with what comes in.
const AWAY: &str = "profile \"away\" {\n incoming {\n otherwise -> busy\n }\n}\n";

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// anne has a phone called desk, and three profiles of which one serves; carl has a phone.
fn world() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.number("carl", "200");
    world.tree("anne", OPEN);
    let anne = uid("anne");
    world.store.own_profile(&anne, "open", Some(1), &[], OPEN);
    world.store.own_profile(&anne, "shut", Some(2), &[], SHUT);
    world.store.own_profile(&anne, "away", Some(3), &[], AWAY);
    world
}

/// The final status that anne hears for her first request.
fn heard(world: &mut World, what: Do) -> String {
    world.at(0.0, "anne", what);
    world.at(8.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let answer = |line: &&str| line.contains("-> anne") && !line.contains("100") && !line.contains("180");
    ladder.lines().find(answer).unwrap_or_else(|| panic!("{ladder}")).to_owned()
}

#[test]
fn the_one_that_serves_decides_if_nothing_is_named() {
    assert!(heard(&mut world(), call("carl")).contains("200"));
}

#[test]
fn a_dialled_digit_names_the_profile_that_a_call_is_sent_under() {
    for (dialled, status) in [
        ("*711200", "200"),
        ("*711carl", "200"),
        ("*712200", "403"),
        ("*712carl", "403"),
        ("*719200", "404"),
        ("*71", "404"),
        ("*712", "404"),
    ] {
        let mut world = world();
        let line = heard(&mut world, call(dialled));
        assert!(line.contains(status), "{dialled}: {line}");
    }
    let mut world = world();
    assert!(heard(&mut world, page("*712carl", "lunch?")).contains("403"));
    assert_eq!(world.store.pages.last().unwrap().rule.split(':').next(), Some("shut"));
}

#[test]
fn a_client_has_a_profile_that_it_sends_under() {
    let mut world = world();
    let anne = uid("anne");
    world.phone_named("anne").instance = Some(URN.to_owned());
    world.store.client(&anne, "desk", URN);
    world.store.own_profile(&anne, "desk's", None, &["Desk"], SHUT);
    assert!(heard(&mut world, call("carl")).contains("403"));
}

#[test]
fn a_header_names_the_profile() {
    let named = |name: &str| heard(&mut world(), call("carl").with("X-Profile", name));
    assert!(named("Shut").contains("403"));
    assert!(named("open").contains("200"));
    assert!(named("none").contains("404"));
    let mut world = world();
    world.configure("north.test", |settings| settings.features.header = "P-Sent-Under".to_owned());
    assert!(heard(&mut world, page("carl", "lunch?").with("p-sent-under", "shut")).contains("403"));
}

/// What is dialled goes before what the client has.
#[test]
fn a_dialled_profile_goes_before_that_of_the_client() {
    let mut world = world();
    let anne = uid("anne");
    world.phone_named("anne").instance = Some(URN.to_owned());
    world.store.client(&anne, "desk", URN);
    world.store.own_profile(&anne, "desk's", None, &["desk"], SHUT);
    assert!(heard(&mut world, call("*711carl")).contains("200"));
}

/// The answer leaves once the store has it, says what serves now, and the next caller meets it.
#[test]
fn a_number_that_is_dialled_lets_a_profile_serve() {
    let mut world = world();
    world.at(0.0, "anne", call("*703"));
    world.at(2.0, "carl", call("anne"));
    world.at(6.0, "anne", call("*700"));
    world.golden("wishes/a_number_that_is_dialled_lets_a_profile_serve");
    let told = world.last_to("anne", "SIP/2.0 480");
    assert!(told.contains("Reason: SIP;cause=480;text=\"the default profile serves from now on\""), "{told}");
    let busy = world.store.calls.iter().filter(|call| call.owner == uid("anne") && call.status == 486);
    assert_eq!(busy.count(), 1, "carl met the profile that serves");
    assert!(world.store.profile_of(&uid("anne")).is_none(), "the default serves again");
    assert_eq!(world.store.calls.len(), 2, "what was dialled is no call");
}

/// A page to the number is answered, for there is somebody who reads: it is kept nowhere, and is no page.
#[test]
fn a_page_to_the_number_lets_a_profile_serve() {
    let mut world = world();
    world.at(0.0, "anne", page("*703", ""));
    world.at(2.0, "carl", call("anne"));
    world.at(6.0, "anne", page("*709", "please"));
    world.at(7.0, "anne", page("*700", "please"));
    world.golden("wishes/a_page_to_the_number_lets_a_profile_serve");
    let told = world.last_to("anne", "SIP/2.0 200");
    assert!(told.contains("Reason: SIP;cause=200;text=\"the default profile serves from now on\""), "{told}");
    let told = world.last_to("anne", "SIP/2.0 404");
    assert!(told.contains("text=\"no profile has the number 9\""), "{told}");
    assert!(world.store.profile_of(&uid("anne")).is_none(), "the default serves again");
    assert!(world.store.pages.is_empty(), "what was sent to a number of the server's is no page");
    let busy = world.store.calls.iter().filter(|call| call.owner == uid("anne") && call.status == 486);
    assert_eq!(busy.count(), 1, "carl met the profile that serves");
}

/// Each of them sends calls on to the other.
const TO_CARL: &str =
    "profile \"carl\" {\n incoming {\n mode page -> busy\n otherwise -> forward carl@north.test\n }\n}\n";
const TO_ANNE: &str =
    "profile \"anne\" {\n incoming {\n mode voice -> forward anne@north.test\n otherwise -> busy\n }\n}\n";

/// Whoever lets a profile serve that sends calls round in a circle hears of his own way in it.
#[test]
fn a_circle_is_told_to_who_closes_it() {
    let mut world = world();
    world.store.own_profile(&uid("anne"), "carl", Some(4), &[], TO_CARL);
    world.at(0.0, "anne", call("*704"));
    world.run(3.0);
    let told = world.last_to("anne", "SIP/2.0 480");
    assert!(told.contains("text=\"the profile carl serves from now on\""), "carl's leads nowhere: {told}");
    world.store.own_profile(&uid("carl"), "anne", Some(4), &[], TO_ANNE);
    world.at(4.0, "carl", Do::Register);
    world.run(5.0);
    world.refresh("carl");
    world.at(6.0, "carl", page("*704", ""));
    world.run(8.0);
    let told = world.last_to("carl", "SIP/2.0 200");
    let circle =
        "the profile anne serves from now on; a voice call may come back to you from anne@north.test";
    assert!(told.contains(circle), "{told}");
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// The search may take long: the phone is answered all the same, and what is found its owner hears later.
#[test]
fn a_circle_that_is_found_late_is_told_with_the_next_register() {
    let mut world = world();
    world.store.own_profile(&uid("anne"), "carl", Some(4), &[], TO_CARL);
    world.tree("carl", TO_ANNE);
    world.store.aside = Duration::from_secs(5);
    world.at(0.0, "anne", call("*704"));
    world.run(1.5);
    let is_answered = world.wire.iter().any(|line| line.bytes.starts_with(b"SIP/2.0 480"));
    assert!(!is_answered, "it waits for a while");
    world.run(2.5);
    let told = world.last_to("anne", "SIP/2.0 480");
    assert!(told.contains("text=\"the profile carl serves from now on\""), "{told}");
    world.at(8.0, "anne", Do::Register);
    world.at(9.0, "anne", Do::Register);
    world.run(8.5);
    let told = world.last_to("anne", "SIP/2.0 200");
    assert!(
        told.contains("Warning: 399 north.test \"a voice call may come back to you from carl@"),
        "{told}"
    );
    world.run(9.5);
    assert!(!world.last_to("anne", "SIP/2.0 200").contains("Warning"), "it is told once");
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// What cannot be stored is not promised.
#[test]
fn a_full_disk_lets_nothing_serve() {
    let mut world = world();
    world.begin();
    world.store.full = true;
    world.at(0.0, "anne", call("*703"));
    world.run(5.0);
    world.store.full = false;
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert!(world.last_to("anne", "SIP/2.0 500").contains("SIP/2.0 500"), "{ladder}");
    assert_eq!(world.store.profile_of(&uid("anne")).unwrap().name(), "open");
    let mut world = self::world();
    world.begin();
    world.store.full = true;
    world.at(0.0, "anne", page("*703", ""));
    world.run(5.0);
    world.store.full = false;
    let ladder = world.finish();
    assert!(world.last_to("anne", "SIP/2.0 500").contains("SIP/2.0 500"), "{ladder}");
}

#[test]
fn an_operator_chooses_what_is_dialled() {
    let mut world = world();
    world.configure("north.test", |settings| {
        settings.features.activate = String::new();
        settings.features.under = "99#".to_owned();
    });
    assert!(heard(&mut world, call("99#2carl")).contains("403"));
    let mut world = self::world();
    world.configure("north.test", |settings| settings.features.activate = String::new());
    assert!(heard(&mut world, call("*703")).contains("404"), "it is a number like any other");
}
