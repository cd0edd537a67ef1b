//! CPL scripts that phones send with a REGISTER.

use std::time::Duration;

use serde_json::Value;

use crate::handset::Handset;
use crate::process::until;
use crate::server_process::{DOMAIN, Server};
use crate::sim::world::uid;
use crate::sim::{Do, World, call};

const BUSY: &str =
    "<cpl xmlns=\"urn:ietf:params:xml:ns:cpl\"><incoming><reject status=\"busy\"/></incoming></cpl>";
const TO_CARL: &str = "<cpl xmlns=\"urn:ietf:params:xml:ns:cpl\"><incoming><location url=\"sip:carl@north.test\"><proxy/></location></incoming></cpl>";
const ODD: &str =
    "<cpl><incoming>\n<location url=\"tel:+4722334455\"><proxy recurse=\"no\"/></location></incoming></cpl>";

/// A REGISTER that brings a script.
fn bring(script: &str) -> Do {
    Do::Register.with("Content-Type", "application/cpl+xml").with("*", script)
}

fn name(world: &World) -> Option<String> {
    world.store.profile_of(&uid("anne")).map(|profile| profile.name().to_owned())
}

/// The last answer to anne's REGISTER.
fn answer(world: &World) -> String {
    let line = world.wire.iter().rfind(|line| {
        line.bytes.starts_with(b"SIP/2.0 200")
            && String::from_utf8_lossy(&line.bytes).contains(" REGISTER\r\n")
    });
    String::from_utf8_lossy(&line.unwrap().bytes).into_owned()
}

#[test]
fn a_script_serves_at_once_and_is_taken_away_again() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(1.0, "anne", bring(BUSY));
    world.at(2.0, "carl", call("anne"));
    world.run(3.0);
    assert_eq!(name(&world).as_deref(), Some("cpl"));
    assert!(!answer(&world).contains("Warning"), "{}", answer(&world));
    world.at(
        4.0,
        "anne",
        Do::Register
            .with("Content-Disposition", "script;action=remove")
            .with("*", BUSY)
            .with("Content-Type", "application/cpl+xml"),
    );
    world.run(5.0);
    assert_eq!(name(&world), None);
    world.finish();
    assert_eq!(world.store.calls.last().unwrap().status, 486);
}

/// Whatever is wrong with a script, the registration is good, and the phone is told why.
#[test]
fn a_registration_does_not_depend_on_its_script() {
    let mut world = World::new();
    world.phone("anne").offline();
    for (at, script) in [(1.0, ODD), (2.0, "no XML"), (3.0, "\u{fffd}<"), (4.0, "<cpl>")] {
        world.at(at, "anne", bring(script));
        world.run(at + 0.5);
        assert_eq!(world.store.bindings(&uid("anne")).len(), 1);
        let answer = answer(&world);
        assert!(answer.contains("Warning: 399 north.test \"the script was not taken: "), "{answer}");
        assert!(answer.contains("Contact: <"), "{answer}");
        assert_eq!(name(&world), None);
    }
    // The disk is full: a renewal needs none of it, the script does.
    world.store.full = true;
    world.at(5.0, "anne", bring(BUSY));
    world.run(5.5);
    assert!(answer(&world).contains("the script could not be stored"), "{}", answer(&world));
    world.store.full = false;
    world.finish();
}

/// A script that takes long to read: its REGISTER is answered in good time, and the next one hears what became of it.
#[test]
fn a_script_that_takes_long_holds_up_no_registration() {
    let mut world = World::new();
    world.phone("anne").offline();
    world.store.aside = Duration::from_secs(5);
    world.at(1.0, "anne", bring(BUSY));
    world.run(2.5);
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1, "the binding waits for nothing");
    world.run(3.5);
    let told = answer(&world);
    assert!(
        told.contains("Warning: 399 north.test \"the script is not read yet; it serves as soon as it is"),
        "{told}"
    );
    assert_eq!(name(&world), None);
    // Meanwhile another REGISTER is dealt with at once.
    world.at(4.0, "anne", Do::Register);
    world.run(4.5);
    assert!(!answer(&world).contains("Warning"), "{}", answer(&world));
    world.run(7.0);
    assert_eq!(name(&world).as_deref(), Some("cpl"));
    world.at(7.5, "anne", bring(ODD));
    world.at(20.0, "anne", Do::Register);
    world.run(20.5);
    let told = answer(&world);
    assert!(told.contains("Warning: 399 north.test \"the script was not taken: "), "{told}");
    world.finish();
}

/// Who sends a script that sends calls round in a circle hears of it.
#[test]
fn a_script_that_closes_a_circle_is_told() {
    let mut world = World::new();
    world.phone("anne").offline();
    world.phone("carl");
    world.tree("carl", "profile \"c\" {\n incoming {\n otherwise -> forward anne@north.test\n }\n}\n");
    world.at(1.0, "anne", bring(TO_CARL));
    world.run(2.0);
    assert_eq!(name(&world).as_deref(), Some("cpl"));
    let told = answer(&world);
    assert!(
        told.contains("Warning: 399 north.test \"a voice")
            && told.contains("may come back to you from carl@north.test\""),
        "{told}"
    );
    world.finish();
}

/// With a real store: a profile of the user's own choice stays his choice.
#[test]
fn a_script_becomes_a_profile() {
    let server = Server::start();
    let profiles = || -> Vec<(String, bool)> {
        let listed = server.command(&["profile", "list", &format!("anne@{DOMAIN}"), "--json"]);
        let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let row = |row: &Value| (row["name"].as_str().unwrap().to_owned(), row["active"].as_bool().unwrap());
        listed.iter().map(row).collect()
    };
    let mut anne = Handset::new("anne", 1, &server.address());
    let answers = |anne: &Handset| anne.heard.iter().filter(|text| text.starts_with("SIP/2.0 200")).count();
    let send = |anne: &mut Handset, what: &Do| {
        let before = answers(anne);
        anne.act(what, |anne| answers(anne) > before);
        anne.heard.last().unwrap().clone()
    };
    let refused = send(&mut anne, &bring(ODD));
    assert!(refused.contains("line 2: ") && refused.contains(", and 1 more"), "{refused}");
    assert_eq!(profiles(), []);
    assert!(!send(&mut anne, &bring(BUSY)).contains("Warning"));
    assert_eq!(profiles(), [("cpl".to_owned(), true)]);
    let shown = server.command(&["profile", "show", &format!("anne@{DOMAIN}"), "cpl"]);
    assert!(shown.contains("otherwise             -> busy"), "{shown}");
    // It serves: her half of a call to herself is busy at once.
    let mut carl = Handset::new("carl", 2, &server.address());
    carl.act(&call("anne"), |carl| carl.heard.iter().any(|text| text.starts_with("SIP/2.0 486")));
    send(&mut anne, &bring(""));
    until("the profile to go", Duration::from_secs(5), || profiles().is_empty().then_some(()));
    server.profile("anne", "own", "profile \"own\" {\n  incoming {\n    otherwise -> decline\n  }\n}\n");
    send(&mut anne, &bring(BUSY));
    assert_eq!(profiles(), [("cpl".to_owned(), false), ("own".to_owned(), true)]);
}

/// With a real store: of the circle that a script or a dialled number closes its owner hears his own way, the operator
/// where he can see all of it.
#[test]
fn a_circle_that_a_phone_closes_is_told() {
    let server = Server::start();
    let to = |user: &str| {
        format!(
            "profile \"{user}\" {{\n  incoming {{\n    mode voice -> forward {user}@{DOMAIN}\n    otherwise -> decline\n  }}\n}}\n"
        )
    };
    server.profile("carl", "work", &to("anne"));
    let mut anne = Handset::new("anne", 1, &server.address());
    let script = TO_CARL.replace("north.test", DOMAIN);
    anne.act(&bring(&script), |anne| anne.heard.iter().any(|text| text.contains("Warning")));
    let told = anne.heard.last().unwrap();
    assert!(told.contains(&format!("may come back to you from carl@{DOMAIN}")), "{told}");
    // A profile that is dialled.
    server.command(&["profile", "code", &format!("carl@{DOMAIN}"), "work", "5"]);
    let mut carl = Handset::new("carl", 2, &server.address());
    carl.act(&call("*705"), |carl| carl.heard.iter().any(|text| text.starts_with("SIP/2.0 480")));
    let told = carl.heard.last().unwrap();
    assert!(told.contains(&format!("may come back to you from anne@{DOMAIN}")), "{told}");
    let logged = server.log();
    assert!(
        logged.contains("ratatosk tree loops") && !logged.contains(&format!("carl@{DOMAIN}")),
        "{logged}"
    );
}
