//! Users as operators see them: changed, removed, named by digits; and what becomes of their calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ratatosk::config::{Config, Known, Settings, Sources};
use ratatosk::effect::admin::AdminRequest;
use ratatosk::routing::Profile;

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, page};

const DECLINES: &str = "profile \"no\" {\n incoming {\n otherwise -> decline\n }\n}\n";

/// Anne is in a call with carl, whose phone came by TCP.
fn in_a_call() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.run(3.0);
    world
}

fn live(world: &World) -> (usize, usize) {
    let census = world.census();
    (census.iter().map(|one| one.calls).sum(), census.iter().map(|one| one.bindings).sum())
}

/// Two changes in quick succession: the record is read twice, and what only the server knows (a
/// binding over a stream, a call) stays.
#[test]
fn a_user_is_changed_twice_in_a_call() {
    let mut world = in_a_call();
    assert_eq!(live(&world), (2, 2));
    world.refresh("carl");
    world.refresh("carl");
    world.run(4.0);
    assert_eq!(live(&world), (2, 2));
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// A user is removed in the middle of a call: it is broken off, and from then on nothing is done in his name,
/// whoever knows his password.
#[test]
fn a_user_is_removed_in_a_call() {
    let mut world = in_a_call();
    world.store.remove(&uid("carl"));
    world.refresh("carl");
    world.at(6.0, "carl", Do::Register);
    world.at(7.0, "carl", page("anne", "I am still here"));
    world.at(8.0, "anne", call("carl"));
    world.run(12.0);
    assert!(world.last_to("anne", "SIP/2.0 404").contains("INVITE"));
    assert!(world.sent_to("anne").all(|packet| packet.method() != Some("MESSAGE")));
    assert_eq!(live(&world), (0, 1));
    world.golden("a_user_is_removed_in_a_call");
}

/// The server ends with a call in progress, one that rings, and one that its tree ignores: everybody
/// is told, and a later caller is asked to try again.
#[test]
fn a_server_that_ends_hangs_up() {
    let mut world = World::new();
    for phone in ["anne", "bob", "dora"] {
        world.phone(phone);
    }
    world.phone("carl").on_call(&answers(1.0));
    world.phone("emma");
    world.phone("william").on_call(&[(0.1, Reply::Status(180))]);
    world.tree("emma", "profile \"no\" {\n incoming {\n otherwise -> ignore\n }\n}\n");
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "bob", call("william"));
    world.at(1.0, "dora", call("emma"));
    world.run(5.0);
    world.operator(&AdminRequest::HangUp);
    world.at(6.0, "anne", call("carl"));
    world.run(10.0);
    assert!(world.last_to("anne", "SIP/2.0 503").contains("Retry-After: 5"));
    assert_eq!(live(&world).0, 0);
    world.golden("a_server_that_ends_hangs_up");
}

/// A page is on its way to a phone that says nothing while its user is removed: the sender is told.
#[test]
fn a_user_is_removed_while_a_page_waits() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "carl", Do::Vanish);
    world.at(1.0, "anne", page("carl", "hello"));
    world.run(2.0);
    world.store.remove(&uid("carl"));
    world.refresh("carl");
    world.refresh("carl");
    world.run(60.0);
    assert!(world.census().iter().all(|census| census.pages == 0), "{:?}", world.census());
}

/// The operator reads his trees again: those who have no profile of their own are served by the new
/// default from then on, also who is in memory.
#[test]
fn a_new_default_tree_serves_whom_the_old_one_did() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.begin();
    let mut settings = Settings::clone(&world.settings());
    settings.default_profile = Arc::new(Profile::compile(DECLINES).unwrap());
    world.operator(&AdminRequest::Configure(Arc::new(settings)));
    world.at(1.0, "anne", call("carl"));
    world.run(3.0);
    assert!(!world.last_to("anne", "SIP/2.0 603").is_empty());
}

/// Extensions are users too: 1001 registers, calls and is called by his digits.
#[test]
fn a_user_is_called_by_digits() {
    let mut world = World::new();
    world.phone("1001").on_call(&answers(1.0));
    world.phone("1002").on_call(&answers(1.0));
    world.at(0.0, "1001", call("1002"));
    world.at(3.0, "1001", Do::Hangup);
    world.at(5.0, "1002", call("tel:1001"));
    world.at(6.0, "1002", Do::Hangup);
    world.expect(
        "  0.000  1001   -> server  INVITE 1002           offer
           0.001  server -> 1001    100
           0.001  server -> 1002    INVITE                offer
           0.002  1002   -> server  180
           0.003  server -> 1001    180
           1.002  1002   -> server  200                   answer
           1.003  server -> 1002    ACK
           1.003  server -> 1001    200                   answer
           1.004  1001   -> server  ACK
           3.000  1001   -> server  BYE
           3.001  server -> 1001    200 BYE
           3.001  server -> 1002    BYE
           3.002  1002   -> server  200 BYE
           5.000  1002   -> server  INVITE 1001           offer
           5.001  server -> 1002    100
           5.001  server -> 1001    INVITE                offer
           5.002  1001   -> server  180
           5.003  server -> 1002    180
           6.000  1002   -> server  CANCEL
           6.001  server -> 1002    200 CANCEL
           6.001  server -> 1002    487
           6.001  server -> 1001    CANCEL
           6.002  1002   -> server  ACK
           6.002  1001   -> server  200 CANCEL
           6.002  1001   -> server  487
           6.003  server -> 1001    ACK",
    );
}

/// A number in the phone's own way of writing, and a local one with its context.
#[test]
fn numbers_are_numbers_however_they_are_written() {
    for dialled in [
        "tel:+354-555-1234",
        "sip:+354-555-1234@north.test;user=phone",
        "sip:+354(555)1234@north.test;user=phone",
        "tel:5551234;phone-context=+354",
        "sip:5551234;phone-context=+354@north.test;user=phone",
    ] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
        world.number("carl", "+3545551234");
        world.at(0.0, "anne", call(dialled));
        world.run(3.0);
        assert!(!world.last_to("anne", "SIP/2.0 486").is_empty(), "{dialled}");
    }
}

/// Whatever privacy a caller asks for, he is hidden; unless it is of something else, or none.
#[test]
fn privacy_hides_the_caller() {
    for (privacy, hides) in [
        ("id", true),
        ("user;id", true),
        ("id; critical", true),
        ("header", true),
        ("something-new", true),
        ("none", false),
        ("session", false),
        ("history", false),
        ("", false),
    ] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl").on_call(&answers(1.0));
        world.at(0.0, "anne", call("carl").with("Privacy", privacy));
        world.run(3.0);
        let invite = world.last_to("carl", "INVITE");
        assert_eq!(!invite.contains("anne"), hides, "{privacy:?}\n{invite}");
    }
}

/// A caller who does not say who he is gives up: no user server but his own answers his CANCEL.
#[test]
fn an_anonymous_caller_gives_up() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    let who = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=zq1qf";
    world.at(0.0, "anne", call("carl").with("From", who));
    world.at(2.0, "anne", Do::Hangup);
    world.run(5.0);
    assert!(world.last_to("anne", "SIP/2.0 481").is_empty());
    assert!(!world.last_to("anne", "SIP/2.0 487").is_empty());
    assert!(!world.last_to("carl", "CANCEL").is_empty());
}

/// A thousand CANCELs of nothing cost nothing that stays.
#[test]
fn a_stranger_cancels_what_nobody_knows() {
    let mut world = World::new();
    world.phone("anne");
    world.begin();
    let open = |world: &World| world.census().iter().map(|census| census.server_transactions).sum::<usize>();
    let before = open(&world);
    for n in 0..1000 {
        world.inject(
            "anne",
            &format!(
                "CANCEL sip:carl@north.test SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKs{n}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:x@elsewhere.test>;tag=a{n}\r\nTo: <sip:carl@north.test>\r\n\
                 Call-ID: c{n}\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"
            ),
        );
    }
    world.run(1.0);
    assert_eq!(open(&world), before);
}

/// A listener for both families tells each its own address.
#[test]
fn a_listener_for_both_families_tells_each_its_own_address() {
    let environment = BTreeMap::new();
    let text = "[cluster]\nid = \"north.test\"\n[[listen]]\ntransport = \"udp\"\naddress = \"[::]:5060\"\n";
    let read = |path: &Path| std::fs::read_to_string(path);
    let sources = Sources {
        name: "x",
        text,
        directory: Path::new("."),
        environment: &environment,
        read: &read,
        resolve: None,
    };
    let addresses = ["2001:db8::7".parse().unwrap(), "192.0.2.7".parse().unwrap()];
    let settings = Config::read(&sources).unwrap().settings(Known {
        key: [0; 32],
        epoch: 1,
        default_profile: Arc::new(Profile::compile(DECLINES).unwrap()),
        addresses: &addresses,
        processors: 1,
    });
    for (remote, told) in [
        ("198.51.100.1:5060", "192.0.2.7"),
        ("[::ffff:198.51.100.1]:5060", "192.0.2.7"),
        ("[2001:db8::9]:5060", "[2001:db8::7]"),
    ] {
        assert_eq!(settings.advertised(0, remote.parse().unwrap()), told, "{remote}");
    }
}
