//! What operators are listed, by a real server with a busy cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::handset::Handset;
use crate::process::until;
use crate::server_process::{Server, Transport};
use crate::sim::{Do, page};

/// How long a record may take to be written.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a terminal has.
const WIDTH: usize = 80;

const BUSY: &str =
    "profile \"out of the office until next week\" {\n  incoming {\n    otherwise -> busy\n  }\n}\n";
const CIRCLE: &str = "profile \"round\" {\n  incoming {\n    mode voice -> forward anne@north.test\n    otherwise -> busy\n  }\n}\n";
const BACK: &str =
    "profile \"and round\" {\n  incoming {\n    otherwise -> forward carl@north.test\n  }\n}\n";
const KEEPS: &str = "profile \"keeps\" {\n  incoming {\n    mode page -> try clients else inbox\n    otherwise -> try clients for 60s\n  }\n}\n";
const INSTANCE: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn json(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&server.command(&[arguments, &["--json"]].concat())).unwrap()
}

fn ids(listed: &Value) -> Vec<&str> {
    listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// Anne hears of her calls how they ended.
fn is_refused(phone: &Handset, count: usize) -> bool {
    phone.heard.iter().filter(|text| text.starts_with("SIP/2.0 486 ")).count() >= count
}

/// Every listing that the HTTP API has a route for, and its command line.
fn listings() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut listings: BTreeMap<&str, Vec<&str>> = [
        ("user-list", vec![]),
        ("contact-list", vec!["anne"]),
        ("group-list", vec!["anne"]),
        ("device-list", vec!["anne"]),
        ("stock-list", vec!["anne"]),
        ("profile-list", vec!["carl"]),
        ("profile-unreadable", vec![]),
        ("inbox", vec!["william"]),
        ("calls", vec![]),
        ("pages", vec![]),
        ("registrations", vec![]),
        ("trunks", vec![]),
        ("tree-loops", vec![]),
        ("token-list", vec![]),
        ("status", vec![]),
    ]
    .into();
    for (name, arguments) in &mut listings {
        let words = if *name == "token-list" { vec!["token", "list"] } else { name.split('-').collect() };
        arguments.splice(0..0, words);
    }
    listings
}

/// What is shown of one thing and is no table.
const NO_TABLES: [&str; 7] =
    ["user-show", "presence-show", "profile-show", "calls-show", "openapi", "health", "metrics"];

fn fill(server: &Server) {
    let words = "a longer line than anybody would ever want to read in a table of eighty columns";
    let long = "a-user-with-quite-a-long-name-for-one-who-is-listed@north.test";
    for line in [
        &["user", "add", long, "--password", "x", "--name", words, "--number", "+3545551234"][..],
        &["user", "set", "anne", "--number", "+3545551235", "--number", "+3545551236", "--number", "100"],
        &["group", "add", "anne", "Friends of the family"],
        &["group", "add", "anne", "The band and all who travel with it"],
        &["group", "add", "anne", "Drummers", "--in", "The band and all who travel with it"],
        &["contact", "add", "anne", long, "--group", "Drummers", "--group", "Friends of the family"],
        &["contact", "block", "anne", "somebody-who-calls-too-often@south.test"],
        &["device", "add", "anne", "the desk phone in the study", "--type", "client", "--instance", INSTANCE],
        &["device", "add", "anne", "mail", "--type", "mail", "--address", long],
        &["stock", "set", "anne", "out of the office until next week", words],
        &["token", "add", "the dashboard in the machine room on the second floor, left"],
        &["contact", "list", "anne"],
    ] {
        server.command(line);
    }
    server.profile("carl", "out of the office until next week", BUSY);
    server.profile("william", "keeps", KEEPS);
}

#[test]
fn every_listing_of_a_busy_cluster_fits_a_terminal() {
    let [server, _south] = Server::pair(Transport::Tcp, ["what only the two of us know"; 2]);
    fill(&server);
    let mut anne = Handset::new("anne", 1, &server.address());
    anne.phone.instance = Some(INSTANCE.into());
    anne.act(&Do::Register, |anne| anne.phone.is_registered());
    let text = "lunch? ".repeat(30);
    anne.act(&page("william", &text), |anne| anne.heard.iter().any(|text| text.contains(" 202 ")));
    anne.act(&Do::Call("carl".into()), |anne| is_refused(anne, 1));
    until("the record of a call", PATIENCE, || {
        (json(&server, &["calls"])["past"].as_array()?.len() == 2).then_some(())
    });
    // In progress: nobody looks after this phone.
    let mut william = Handset::new("william", 2, &server.address());
    william.act(&Do::Register, |william| william.phone.is_registered());
    anne.act(&Do::Call("william".into()), |anne| anne.heard.iter().any(|text| text.contains(" 100 ")));
    server.profile("carl", "round", CIRCLE);
    server.profile("anne", "and round", BACK);

    let listings = listings();
    let document: Value = serde_json::from_str(&server.command(&["openapi"])).unwrap();
    let operations = document["paths"].as_object().unwrap().values().filter_map(|path| path.get("get"));
    let mut named: BTreeSet<&str> = operations.map(|one| one["operationId"].as_str().unwrap()).collect();
    named.retain(|name| !NO_TABLES.contains(name));
    named.insert("token-list");
    assert_eq!(named, listings.keys().copied().collect(), "every listing has a place in this test");
    for (name, line) in listings {
        let told = server.command(&line);
        let rows = told.lines().count();
        assert!(rows > 3 || name == "profile-unreadable", "{name} lists something:\n{told}");
        for row in told.lines() {
            assert!(row.chars().count() <= WIDTH, "{name} is too wide:\n{told}");
        }
        assert!(json(&server, &line).is_array() || name == "calls", "{name}");
    }
    assert!(server.command(&["calls"]).contains(" william "), "users of this cluster by their short names");
}

/// The store and the memory of the server in one listing.
#[test]
fn registrations_tell_what_memory_and_store_know() {
    let mut server = Server::start();
    let listed = |server: &Server| json(server, &["registrations"]);
    let mut anne = Handset::new("anne", 1, &server.address());
    anne.act(&Do::Register, |anne| anne.phone.is_registered());
    let first = listed(&server);
    assert_eq!((&first[0]["flow"], first.as_array().unwrap().len()), (&"up".into(), 1), "{first}");
    let since = first[0]["since_s"].as_i64().unwrap();
    assert!(since > 1_700_000_000, "{first}");
    server.restart();
    // Nobody has asked for anne yet; she is registered all the same.
    let stored = listed(&server);
    assert_eq!((&stored[0]["flow"], &stored[0]["since_s"]), (&"stored".into(), &since.into()), "{stored}");
    assert_eq!(stored[0]["via"], first[0]["via"]);
    let heard = anne.heard.len();
    anne.act(&Do::Register, |anne| anne.heard[heard..].iter().any(|text| text.starts_with("SIP/2.0 200 ")));
    let again = listed(&server);
    assert_eq!(again[0]["flow"], "up", "{again}");
    assert_eq!((again.as_array().unwrap().len(), &again[0]["since_s"]), (1, &since.into()), "{again}");
    let shown = server.command(&["registrations"]);
    assert!(shown.contains("\nanne  ") && shown.contains(" up "), "{shown}");
    server.kill();
    assert_eq!(listed(&server)[0]["flow"], "stored");
    server.start_again();
}

/// A limit counts calls; what is not the name of one call is told what it may be.
#[test]
fn calls_are_counted_whole_and_chosen_by_name() {
    let server = Server::start();
    server.profile("carl", "busy", BUSY);
    let mut anne = Handset::new("anne", 1, &server.address());
    for count in 1..=3 {
        anne.act(&Do::Call("carl".into()), |anne| is_refused(anne, count));
    }
    let past = |arguments: &[&str]| json(&server, &[&["calls"], arguments].concat())["past"].clone();
    until("all records", PATIENCE, || (past(&[]).as_array()?.len() == 6).then_some(()));
    let latest = past(&["--limit", "2"]);
    let names: BTreeSet<&str> = ids(&latest).into_iter().collect();
    assert_eq!((latest.as_array().unwrap().len(), names.len()), (4, 2), "two calls with two halves each");
    assert_eq!(ids(&past(&["--limit", "2", "--user", "carl"])).len(), 2, "one half of each is his");
    let all = past(&[]);
    let first = ids(&all)[0];
    assert!(!names.contains(first), "the latest");

    let told = server.fails(&["calls", "show", ""]);
    assert!(
        told.contains("may be any of these") && told.contains("anne@north.test to carl@north.test"),
        "{told}"
    );
    for id in ids(&all) {
        assert_eq!(told.matches(id).count(), 1, "{id}: {told}");
        assert!(server.command(&["calls", "show", id]).contains(&format!("call {id}: ")));
    }
}
