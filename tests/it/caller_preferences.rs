//! What callers would have of the phone that they reach (RFC 3841): it chooses among those that the callee's tree
//! names, and what phones can do stays between them and the server.

use crate::sim::text::Packet;
use crate::sim::world::{Who, uid};
use crate::sim::{Do, World, answers, call, page, refuses};

/// Carl has a desk phone, a cell phone with video and one that says nothing of itself; all of them ring.
fn world() -> World {
    let mut world = World::new().with_south();
    world.federate(ratatosk::effect::Transport::Udp);
    world.phone("anne");
    world.phone("anne@south.test");
    for (name, features) in [
        ("carl/desk", ";audio;mobility=\"fixed\";description=\"<zq3q>\""),
        ("carl/cell", ";audio;video;mobility=\"mobile\";methods=\"INVITE,ACK,BYE,CANCEL,MESSAGE\""),
        ("carl/old", ""),
    ] {
        let phone = world.phone(name);
        features.clone_into(&mut phone.features);
        phone.on_call(&refuses(1.0, 486));
    }
    world
}

const PHONES: [&str; 3] = ["carl/desk", "carl/cell", "carl/old"];

/// Which of his phones hear of a request in its first half second.
fn asked(mut world: World, from: &str, what: Do) -> Vec<&'static str> {
    world.at(0.0, from, what);
    world.run(0.5);
    let heard = |name: &&&str| {
        let phone = world.phones.iter().position(|phone| phone.name == **name).unwrap();
        world.wire.iter().any(|line| {
            line.to == Who::Phone(phone)
                && Packet::parse(&line.bytes).is_ok_and(|packet| packet.method().is_some())
        })
    };
    let names: Vec<&'static str> = PHONES.iter().filter(heard).copied().collect();
    let ladder = world.finish();
    world.assert_sound(&ladder);
    names
}

/// For calls and pages, from here and from another cluster.
#[test]
fn who_is_asked() {
    let all = &PHONES[..];
    let cases: [(&str, &str, &[&str]); 8] = [
        ("Accept-Contact", "*;video", all),
        ("Accept-Contact", "*;video;require", all),
        ("Accept-Contact", "*;video;require;explicit", &["carl/cell", "carl/old"]),
        ("a", "*;mobility=\"mobile\";require", &["carl/cell", "carl/old"]),
        ("Reject-Contact", "*;video", &["carl/desk", "carl/old"]),
        ("j", "*;audio;mobility=\"!mobile\"", &["carl/cell", "carl/old"]),
        ("Accept-Contact", "*;methods=\"PUBLISH\";require", &["carl/desk", "carl/old"]),
        ("Accept-Contact", "*", all),
    ];
    for (header, value, phones) in cases {
        for (from, to) in [("anne", "carl"), ("anne@south.test", "carl@north.test")] {
            for what in [call(to), page(to, "hello")] {
                assert_eq!(
                    asked(world(), from, what.with(header, value)),
                    phones,
                    "{header}: {value} from {from}"
                );
            }
        }
    }
}

/// One phone only, the best by what the callee says and then by what the caller would have; and one after the other.
#[test]
fn how_they_are_asked() {
    let best = |value: &str| {
        let mut world = world();
        world.phone_named("carl/old").offline();
        let what = call("carl").with("Request-Disposition", "no-fork").with("Accept-Contact", value);
        asked(world, "anne", what)
    };
    assert_eq!(best("*;video"), ["carl/cell"]);
    assert_eq!(best("*;mobility=\"fixed\""), ["carl/desk"]);
    let mut world = world();
    world.phone_named("carl/old").offline();
    world.phone_named("carl/desk").on_call(&answers(1.0));
    let what = call("carl").with("Request-Disposition", "sequential").with("Accept-Contact", "*;video");
    world.at(0.0, "anne", what);
    world.at(5.0, "anne", Do::Hangup);
    world.golden("caller_preferences/one_after_the_other");
}

/// Nobody is left: he cannot be reached in that way, and his tree says what is next.
#[test]
fn nobody_is_as_wanted() {
    let mut world = world();
    world.phone_named("carl/old").offline();
    world.phone("dora").on_call(&answers(1.0));
    world.tree(
        "carl",
        "profile \"p\" { incoming { otherwise -> try clients for 9s { unreachable -> user dora@north.test\n otherwise -> decline } } }",
    );
    world.at(0.0, "anne", call("carl").with("Accept-Contact", "*;automata;require;explicit"));
    world.at(5.0, "anne", Do::Hangup);
    world.golden("caller_preferences/nobody_is_as_wanted");
}

/// The callee's tree decides first: what it does not name is not asked, whoever would have it.
#[test]
fn the_tree_comes_first() {
    let mut world = world();
    world.tree("carl", "profile \"p\" { incoming { otherwise -> decline } }");
    assert!(asked(world, "anne", call("carl").with("Accept-Contact", "*;video")).is_empty());
}

/// What a phone can do is remembered over a restart, told to its own user and to nobody else.
#[test]
fn features_are_kept_and_told_to_nobody() {
    let mut world = world();
    world.begin();
    assert_eq!(
        world.store.bindings(&uid("carl")).iter().filter(|own| own.features.contains("video")).count(),
        1
    );
    world.restart_servers();
    world.at(1.0, "anne", call("carl").with("Reject-Contact", "*;video"));
    world.at(5.0, "carl/desk", Do::Query);
    world.run(6.0);
    let told = world.latest("carl/desk", "SIP/2.0 200", "REGISTER");
    assert!(String::from_utf8_lossy(&told).contains(";audio;video;mobility=\"mobile\""), "{told:?}");
    let cell = world.phones.iter().position(|phone| phone.name == "carl/cell").unwrap();
    assert!(!world.wire.iter().any(|line| line.to == Who::Phone(cell) && line.bytes.starts_with(b"INVITE")));
    for line in world.wire.iter().filter(|line| line.to == Who::Phone(0)) {
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        assert!(!text.contains("mobility") && !text.contains("zq3q"), "{text}");
    }
}

/// What is not served changes nothing: all ring, nobody is told where, and whoever loses hears of it.
#[test]
fn what_is_not_served_is_as_if_it_had_not_been_said() {
    for word in ["redirect", "no-cancel", "queue", "redirect, no-cancel, queue"] {
        let mut world = world();
        world.phone_named("carl/cell").on_call(&answers(0.3));
        world.at(0.0, "anne", call("carl").with("Request-Disposition", word));
        world.at(4.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let texts: Vec<String> =
            world.wire.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
        let count = |begin: &str| texts.iter().filter(|text| text.starts_with(begin)).count();
        assert!(count("SIP/2.0 302") + count("SIP/2.0 182") == 0, "{word}");
        assert_eq!(count("CANCEL "), 2, "{word}: those that did not answer stop ringing\n{ladder}");
    }
}
