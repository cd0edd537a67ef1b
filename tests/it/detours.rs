//! Calls that come by a detour: loops, what phones are told of the way (History-Info), and how wide
//! and how far a call may spread.

use ratatosk::effect::fact::CallRecord;

use crate::sim::{Do, Reply, World, answers, call, refuses};

/// A profile whose incoming tree is one line.
fn line(line: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n otherwise -> {line}\n }}\n}}\n")
}

/// Users with a phone each, and their trees.
fn world(trees: &[(&str, &str)]) -> World {
    let mut world = World::new();
    for name in ["anne", "carl", "dora", "eric"] {
        world.phone(name).on_call(&[(0.0, Reply::Status(180))]);
    }
    for (name, tree) in trees {
        world.tree(name, &line(tree));
    }
    world
}

/// The statuses of all halves of incoming calls, in the order in which they ended.
fn incoming(world: &World) -> Vec<(&str, u16)> {
    let incoming = |record: &&CallRecord| record.direction == "incoming";
    world.store.calls.iter().filter(incoming).map(|record| (record.owner.user(), record.status)).collect()
}

/// The History-Info that a phone was called with.
fn history(world: &World, phone: &str) -> Vec<String> {
    world.calls_to(phone).map(|invite| invite.get("History-Info").unwrap_or("none").to_owned()).collect()
}

/// carl → dora → eric → carl: eric's half closes the circle and says so; every half before it and the
/// caller hear that it is a loop.
#[test]
fn a_forward_loop_of_three_users() {
    let mut world = world(&[
        ("carl", "forward dora@north.test"),
        ("dora", "forward eric@north.test"),
        ("eric", "forward carl@north.test"),
    ]);
    world.at(0.0, "anne", call("carl"));
    world.golden("detours/a_forward_loop_of_three_users");
    assert_eq!(incoming(&world), [("eric", 482), ("dora", 482), ("carl", 482)]);
}

/// The one who tried another user goes on: a loop is an outcome like any other, `unreachable`.
#[test]
fn a_loop_is_an_outcome_of_who_tried() {
    let mut world = world(&[
        ("carl", "try user dora@north.test { unreachable -> user eric@north.test\n otherwise -> busy }"),
        ("dora", "forward carl@north.test"),
    ]);
    world.phone_named("eric").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.golden("detours/a_loop_is_an_outcome_of_who_tried");
    assert_eq!(incoming(&world)[0], ("dora", 482));
}

/// Trying one who was asked before is no loop: he is unreachable, and the tree goes on.
#[test]
fn who_was_asked_before_is_unreachable() {
    let mut world = world(&[
        ("carl", "try user dora@north.test else busy"),
        ("dora", "try user carl@north.test { unreachable -> clients\n otherwise -> busy }"),
    ]);
    world.phone_named("dora").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.golden("detours/who_was_asked_before_is_unreachable");
}

/// Two users send the same call on to a third: he is called once (RFC 3261 §8.2.2.2).
#[test]
fn a_call_does_not_come_twice_at_once() {
    let mut world = world(&[
        ("carl", "try user dora@north.test, user eric@north.test for 9s"),
        ("dora", "forward eric@north.test"),
    ]);
    world.phone_named("eric").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(4.0, "anne", Do::Hangup);
    world.at(6.0, "anne", call("dora"));
    world.at(9.0, "anne", Do::Hangup);
    world.golden("detours/a_call_does_not_come_twice_at_once");
    assert_eq!(world.calls_to("eric").count(), 2, "once for each call");
}

/// A page that goes round is refused the same way.
#[test]
fn a_page_goes_round_in_a_circle() {
    let mut world = world(&[("carl", "forward dora@north.test"), ("dora", "forward carl@north.test")]);
    world.at(0.0, "anne", crate::sim::page("carl", "where are you"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"where are you\"
           0.001  server -> anne    482 MESSAGE",
    );
}

/// Two phones that send each other's callers to one another.
#[test]
fn phones_that_redirect_in_a_circle() {
    let mut world = world(&[]);
    world.phone_named("carl").on_call(&[(0.0, Reply::MovedTo("dora".to_owned()))]);
    world.phone_named("dora").on_call(&[(0.0, Reply::MovedTo("carl".to_owned()))]);
    world.at(0.0, "anne", call("carl"));
    world.golden("detours/phones_that_redirect_in_a_circle");
}

/// A straight call has no history; each detour is told with its reason; no caller is told of it.
#[test]
fn the_way_of_a_call_is_told_to_the_phone_that_it_reaches() {
    let mut world = world(&[
        (
            "carl",
            "try clients for 3s { busy -> user dora@north.test\n otherwise -> forward eric@north.test }",
        ),
        ("dora", "forward eric@north.test"),
    ]);
    world.number("carl", "+3545551234");
    world.phone_named("eric").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(6.0, "anne", Do::Hangup);
    world.phone_named("carl").on_call(&refuses(1.0, 486));
    world.finish();
    world.assert_sound("");
    assert_eq!(history(&world, "carl"), ["none"]);
    assert_eq!(
        history(&world, "eric"),
        ["<sip:carl@north.test?Reason=SIP%3Bcause%3D486>;index=1, <sip:dora@north.test>;index=1.1;mp=1, \
          <sip:eric@north.test>;index=1.1.1;mp=1.1"]
    );
    assert!(world.answers_to("anne").all(|answer| answer.get("History-Info").is_none()));
}

/// Silence is told as 408, a redirection by its own status, and the second way has the second index.
#[test]
fn each_detour_has_its_reason_and_its_place() {
    let mut world = world(&[("carl", "try user dora@north.test for 2s else clients for 2s")]);
    world.phone_named("carl").on_call(&[(0.5, Reply::MovedTo("eric".to_owned()))]);
    world.at(0.0, "anne", call("carl"));
    world.finish();
    world.assert_sound("");
    assert_eq!(
        history(&world, "dora"),
        ["<sip:carl@north.test>;index=1, <sip:dora@north.test>;index=1.1;mp=1"]
    );
    assert_eq!(
        history(&world, "eric"),
        ["<sip:carl@north.test?Reason=SIP%3Bcause%3D302>;index=1, <sip:eric@north.test>;index=1.2;mp=1"]
    );
}

/// A number is told to whom it belongs, and to nobody else: the others learn that there was one.
#[test]
fn a_number_is_told_to_its_owner_only() {
    let mut world = world(&[("carl", "try clients for 2s else forward dora@north.test")]);
    world.number("carl", "+3545551234");
    world.at(0.0, "anne", call("+3545551234"));
    world.at(4.0, "anne", Do::Hangup);
    world.finish();
    world.assert_sound("");
    assert_eq!(
        history(&world, "carl"),
        ["<sip:+3545551234@north.test;user=phone>;index=1, <sip:carl@north.test>;index=1.1;rc=1"]
    );
    let doras = history(&world, "dora").concat();
    assert!(doras.starts_with("<sip:anonymous@anonymous.invalid>;index=1, "), "{doras}");
    assert!(!world.sent_to("dora").any(|packet| format!("{packet:?}").contains("5551234")));
}

/// A caller who asks for it has no history; what a phone claims of one is not believed.
#[test]
fn privacy_and_lies() {
    for (name, value, told) in [
        ("Privacy", "none;history", false),
        ("Privacy", "session", false),
        ("History-Info", "<sip:boss@north.test>;index=1", true),
    ] {
        let mut world = world(&[("carl", "forward dora@north.test")]);
        world.at(0.0, "anne", call("carl").with(name, value));
        world.at(2.0, "anne", Do::Hangup);
        world.finish();
        world.assert_sound(name);
        let doras = history(&world, "dora").concat();
        assert_eq!(doras.contains("carl@north.test"), told, "{name}: {value}: {doras}");
        assert!(!doras.contains("boss"), "{doras}");
    }
}

/// The Max-Breadth of the calls to a phone.
fn breadths(world: &World, phone: &str) -> Vec<u32> {
    world.calls_to(phone).map(|invite| invite.get("Max-Breadth").unwrap().parse().unwrap()).collect()
}

/// The breadth is divided: over phones, over users, and over the phones of those.
#[test]
fn breadth_is_divided() {
    let mut world = world(&[("carl", "try clients, user dora@north.test, user eric@north.test for 3s")]);
    world.phone("carl/hand");
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", call("carl").with("Max-Breadth", "4"));
    world.at(10.0, "anne", call("carl").with("Max-Breadth", "1000"));
    world.finish();
    world.assert_sound("");
    for phone in ["carl", "carl/hand", "dora", "eric"] {
        let shares = breadths(&world, phone);
        // dora and eric keep half of theirs back for what their own trees may still try.
        let expected = if phone.starts_with("carl") { [7, 1, 7] } else { [3, 1, 3] };
        assert_eq!(shares, expected, "{phone}");
    }
}

/// Not enough for all: those who come first ring.
#[test]
fn a_fork_is_no_wider_than_allowed() {
    let mut world = world(&[("carl", "try clients, user dora@north.test for 3s")]);
    world.phone("carl/hand");
    world.at(0.0, "anne", call("carl").with("Max-Breadth", "2"));
    world.finish();
    world.assert_sound("");
    let rung = ["carl", "carl/hand", "dora"].map(|phone| world.calls_to(phone).count());
    assert_eq!(rung, [1, 1, 0]);
}

/// None at all: 440 (RFC 5393 §5.3.3).
#[test]
fn a_call_without_breadth_is_refused() {
    let mut world = world(&[]);
    world.at(0.0, "anne", call("carl").with("Max-Breadth", "0"));
    world.at(1.0, "anne", call("carl").with("Max-Breadth", "wide"));
    world.at(2.0, "anne", Do::Hangup);
    world.golden("detours/a_call_without_breadth_is_refused");
}

/// Max-Forwards is counted down at every half and goes on to the phones.
#[test]
fn a_call_goes_only_so_far() {
    let trees = [("carl", "forward dora@north.test"), ("dora", "forward eric@north.test")];
    for (allowed, status, at_eric) in [("3", 483, None), ("4", 487, Some("0")), ("70", 487, Some("66"))] {
        let mut world = world(&trees);
        world.at(0.0, "anne", call("carl").with("Max-Forwards", allowed));
        world.at(2.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let last = world.answers_to("anne").last().unwrap().status();
        assert_eq!(last, Some(status), "Max-Forwards: {allowed}\n{ladder}");
        let hops = world.calls_to("eric").next().map(|invite| invite.get("Max-Forwards").unwrap().to_owned());
        assert_eq!(hops.as_deref(), at_eric, "Max-Forwards: {allowed}");
    }
}

/// A long chain of forwards is cut where the operator has said so.
#[test]
fn forwards_are_limited() {
    let mut world = world(&[("carl", "forward dora@north.test"), ("dora", "forward eric@north.test")]);
    world.configure("north.test", |settings| settings.limits.forwards = 1);
    world.at(0.0, "anne", call("carl"));
    world.golden("detours/forwards_are_limited");
}

/// Trees that try one another's users, nobody of whom is there: every order of eight users would be
/// tried, all in one moment. It ends after so many halves.
#[test]
fn a_search_through_all_orders_of_users_ends() {
    let mut world = World::new();
    world.phone("anne");
    let names: Vec<String> = ('a'..='h').map(|letter| format!("user-{letter}")).collect();
    for name in &names {
        let others = names.iter().filter(|other| *other != name);
        let tries = others.map(|other| format!("try user {other}@north.test")).collect::<Vec<_>>();
        world.tree(name, &line(&tries.join(" else ")));
    }
    world.at(0.0, "anne", call("user-a"));
    world.golden("detours/a_search_through_all_orders_of_users_ends");
    assert!(world.store.calls.len() <= 102, "{} halves", world.store.calls.len());
}

/// Too many transactions: what is new is turned away at once, what is under way goes on.
#[test]
fn a_full_server_turns_away_what_is_new() {
    let mut world = world(&[]);
    world.configure("north.test", |settings| settings.limits.transactions = 12);
    world.phone_named("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    for n in 0..12 {
        world.at(2.0 + f64::from(n) / 10.0, "eric", Do::Page("dora".to_owned(), format!("page {n}")));
    }
    world.at(4.0, "anne", Do::Hangup);
    world.golden("detours/a_full_server_turns_away_what_is_new");
    let told = world.facts.iter().filter(|fact| matches!(fact, ratatosk::effect::Fact::TurnedAway)).count();
    assert!(told > 0);
}
