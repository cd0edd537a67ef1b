//! Pages that wait, in the real server with its real store, which is killed.

use std::time::Duration;

use serde_json::Value;

use crate::handset::Handset;
use crate::process::until;
use crate::server_process::{DOMAIN, Server};
use crate::sim::{Do, page};

const KEEPS: &str = "profile \"keeps\" {\n  incoming {\n    otherwise -> try clients else inbox\n  }\n}\n";

fn server() -> Server {
    let server = Server::start();
    server.profile("carl", "keeps", KEEPS);
    server
}

/// What `ratatosk inbox carl --json` lists.
fn inbox(server: &Server) -> Vec<Value> {
    let listed = server.command(&["inbox", &format!("carl@{DOMAIN}"), "--json"]);
    serde_json::from_str(&listed).unwrap()
}

fn states(server: &Server) -> Vec<String> {
    inbox(server).iter().map(|page| page["state"].as_str().unwrap().to_owned()).collect()
}

/// Killed between acceptance and delivery: the pages are brought when the phone registers, in order
/// and within a second.
#[test]
fn accepted_pages_outlive_a_kill() {
    let mut server = server();
    let mut anne = Handset::new("anne", 1, &server.address());
    for (count, text) in (1..).zip(["one", "two", "three"]) {
        let accepted = |phone: &Handset| phone.heard.iter().filter(|text| text.contains(" 202 ")).count();
        anne.act(&page("carl", text), |phone| accepted(phone) == count);
    }
    server.crash();
    assert_eq!(states(&server), ["waiting"; 3]);
    let mut carl = Handset::new("carl", 2, &server.address());
    carl.act(&Do::Register, |carl| carl.phone.is_registered());
    let registered = carl.heard.len();
    carl.run(|carl| carl.phone.pages.len() == 3);
    assert_eq!(carl.phone.pages, ["one", "two", "three"]);
    let brought: Vec<_> =
        carl.heard[registered..].iter().filter(|text| text.starts_with("MESSAGE ")).collect();
    assert!(brought.iter().all(|text| text.contains("\r\nDate: ")), "{brought:#?}");
    until("the last page to be marked", Duration::from_secs(5), || {
        (states(&server) == ["delivered"; 3]).then_some(())
    });
    let records: Vec<Value> = serde_json::from_str(&server.command(&["pages", "--json"])).unwrap();
    let kept = |record: &&Value| record["how"] == "inbox" && record["status"] == 202;
    // Nobody waits for records: the kill may have taken the latest.
    let path = records.iter().find(kept).expect("the record of a kept page")["path"].as_str().unwrap();
    assert!(path.contains("inbox"), "{path}");
}

/// Killed between the store and the answer: the sender repeats his page, is challenged by the new server,
/// and has his 202; the page is there once.
#[test]
fn a_page_repeated_after_a_kill_is_kept_once() {
    let mut server = server();
    let mut anne = Handset::new("anne", 1, &server.address());
    // She is let in, so that her next page is served at once.
    anne.act(&page("nobody", "hello?"), |anne| anne.heard.iter().any(|text| text.contains(" 404 ")));
    anne.act(&page("carl", "lunch?"), |_| true);
    until("the page to be stored", Duration::from_secs(5), || (inbox(&server).len() == 1).then_some(()));
    server.crash();
    anne.miss();
    anne.run(|anne| anne.heard.iter().any(|text| text.contains(" 202 ")));
    assert!(anne.heard.iter().any(|text| text.contains("stale=true")), "{:#?}", anne.heard);
    assert_eq!(states(&server), ["waiting"]);
    let mut carl = Handset::new("carl", 2, &server.address());
    carl.act(&Do::Register, |carl| !carl.phone.pages.is_empty());
    assert_eq!(carl.phone.pages, ["lunch?"]);
    assert_eq!(carl.phone.complaints, [""; 0]);
}
