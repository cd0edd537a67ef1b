//! Targets of a call that are no clients at large: one client by its name, devices, and what nothing
//! here can take a call to.

use ratatosk::call::{draw, rungs};
use ratatosk::effect::store::StoredDevice;

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, refuses};

const DESK: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";
const HAND: &str = "urn:uuid:00000000-0000-4000-8000-000000000002";

/// anne calls carl, who has named his two phones, and a mobile that nothing reaches.
fn world(line: &str) -> World {
    let mut world = World::new();
    world.phone("anne");
    for (phone, name, urn) in [("carl/desk", "desk", DESK), ("carl/hand", "hand", HAND)] {
        let phone = world.phone(phone);
        phone.instance = Some(urn.to_owned());
        phone.on_call(&[(0.0, Reply::Status(180))]);
        let (kind, instance) = ("client".to_owned(), Some(urn.to_owned()));
        let device = StoredDevice { name: name.to_owned(), kind, address: None, instance };
        world.store.device(&uid("carl"), device);
    }
    let (kind, address) = ("gsm".to_owned(), Some("+3545551234".to_owned()));
    let gsm = StoredDevice { name: "gsm".to_owned(), kind, address, instance: None };
    world.store.device(&uid("carl"), gsm);
    world.tree("carl", &format!("profile \"p\" {{\n incoming {{\n otherwise -> {line}\n }}\n}}\n"));
    world.at(0.0, "anne", call("carl"));
    world
}

/// The whole of "follow me": the desk alone, then the desk and the other together. The desk rings on,
/// and the ladder calls both by the names that carl has given them.
#[test]
fn the_desk_rings_first_and_then_both() {
    let mut world = world("try client \"desk\" for 5s else client \"desk\", client \"hand\" for 10s");
    world.phone_named("carl/hand").on_call(&answers(3.0));
    world.at(12.0, "anne", Do::Hangup);
    world.golden("targets/the_desk_rings_first_and_then_both");
    assert_eq!(world.calls_to("carl/desk").count(), 1);
    let half = world.store.calls.iter().find(|record| record.direction == "incoming").unwrap();
    let ladder = draw(&rungs(&half.ladder)).join("\n") + "\n";
    crate::sim::ladder::golden(&ladder, "targets/the_ladder_has_the_names_of_devices");
}

/// The desk stops when the next stage names only the other.
#[test]
fn the_desk_stops_when_it_is_not_named() {
    let mut world = world("try clients for 5s else client \"hand\" for 5s");
    world.golden("targets/the_desk_stops_when_it_is_not_named");
    let invites = ["carl/desk", "carl/hand"].map(|phone| world.calls_to(phone).count());
    assert_eq!(invites, [1, 1]);
}

/// A device that is a client is rung by its bare name as well.
#[test]
fn a_named_device_that_is_a_client_rings() {
    let mut world = world("try \"hand\" for 5s else busy");
    world.phone_named("carl/hand").on_call(&answers(1.0));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("targets/a_named_device_that_is_a_client_rings");
}

/// What the caller hears at last where a tree ends in something without a handler: the outcome of the
/// `try` before it stands, and without one he is unreachable.
#[test]
fn a_missing_handler_leaves_the_earlier_outcome() {
    for (line, phones, status) in [
        ("try clients for 3s else voicemail", 486, 486),
        ("try clients for 3s else \"gsm\"", 488, 488),
        ("try clients for 3s else try voicemail else \"gsm\"", 404, 404),
        // The caller hears no-answer, as if the tree had ended there.
        ("try clients for 3s else voicemail", 180, 480),
        ("try voicemail", 486, 480),
        ("try voicemail { unreachable -> busy\n otherwise -> decline\n }", 404, 486),
        // The outcome that stands leads on in the later `try`.
        (
            "try clients for 3s else try voicemail { busy -> decline\n otherwise -> refuse \"no\"\n }",
            486,
            603,
        ),
        // Beside something that rings it counts for nothing.
        ("try clients, voicemail for 3s", 486, 486),
        ("try client \"desk\" for 3s", 486, 486),
    ] {
        let mut world = world(line);
        for phone in ["carl/desk", "carl/hand"] {
            world.phone_named(phone).on_call(&refuses(1.0, phones));
        }
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let last = world.answers_to("anne").last().unwrap().status();
        assert_eq!(last, Some(status), "{line}, where phones say {phones}\n{ladder}");
    }
}

/// A client that is named and not there is unreachable.
#[test]
fn a_named_client_that_is_not_there() {
    let mut world = world("try client \"desk\" { unreachable -> client \"hand\"\n otherwise -> decline\n }");
    world.phone_named("carl/desk").offline();
    world.phone_named("carl/hand").on_call(&answers(1.0));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("targets/a_named_client_that_is_not_there");
    assert_eq!(world.calls_to("carl/desk").count(), 0);
}

/// A call is with one, and nobody gets a copy of it: `also` is passed over, and the rest of the line
/// is done.
#[test]
fn also_is_passed_over() {
    let mut world = world("also client \"desk\", try client \"hand\" for 3s");
    world.phone_named("carl/hand").on_call(&answers(1.0));
    world.at(3.0, "anne", Do::Hangup);
    world.finish();
    world.assert_sound("");
    let invites = ["carl/desk", "carl/hand"].map(|phone| world.calls_to(phone).count());
    assert_eq!(invites, [0, 1]);
}
