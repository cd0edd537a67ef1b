//! A stored tree that a later version of the program cannot read.

use serde_json::Value;

use crate::handset::Handset;
use crate::server_process::{DOMAIN, Server};
use crate::sim::page;

const QUIET: &str = "profile \"quiet\" {\n  incoming {\n    otherwise -> decline\n  }\n}\n";
/// The same, as a program writes it that knows more.
const NEWER: &str =
    "profile \"quiet\" {\n  incoming {\n    weather rain -> decline\n    otherwise -> decline\n  }\n}\n";

/// Gives every stored profile another text, which nothing has checked.
fn tamper(server: &Server, source: &str) {
    use sqlx::Connection;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", server.dir().join("ratatosk.db").display());
        let mut operator = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = "UPDATE profiles SET source = ?1";
        let done = sqlx::query(sql).bind(source).execute(&mut operator).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
        operator.close().await.unwrap();
    });
}

/// Its text is kept, its user is served by the default profile, the operator is told, and a tree that is
/// stored anew serves again.
#[test]
fn it_is_kept_and_the_default_serves_until_it_is_mended() {
    let mut server = Server::start();
    let carl = format!("carl@{DOMAIN}");
    server.profile("carl", "quiet", QUIET);
    let mut anne = Handset::new("anne", 1, &server.address());
    anne.act(&page("carl", "declined"), |anne| anne.heard.iter().any(|text| text.contains(" 603 ")));
    server.kill();
    tamper(&server, NEWER);
    server.start_again();

    anne.act(&page("carl", "kept"), |anne| anne.heard.iter().any(|text| text.contains(" 202 ")));
    let log = server.log();
    let told = log.lines().find(|line| line.contains("cannot be read")).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains("c…@") && told.contains("profile unreadable"), "{told}");
    assert!(!told.contains(&carl), "whose it is stands in no log: {told}");

    let listed: Vec<Value> =
        serde_json::from_str(&server.command(&["profile", "list", &carl, "--json"])).unwrap();
    assert_eq!(listed[0]["active"], true);
    assert!(listed[0]["fault"].as_str().unwrap().contains("weather"), "{listed:?}");
    let table = server.command(&["profile", "list", &carl]);
    assert!(table.contains("yes, but unreadable"), "{table}");
    let unreadable: Vec<Value> =
        serde_json::from_str(&server.command(&["profile", "unreadable", "--json"])).unwrap();
    assert_eq!((&unreadable[0]["uid"], &unreadable[0]["name"]), (&carl.clone().into(), &"quiet".into()));
    assert_eq!(server.command(&["profile", "show", &carl, "quiet"]), NEWER, "it is kept to the letter");

    server.profile("carl", "quiet", QUIET);
    assert!(server.command(&["profile", "unreadable"]).contains("can be read"));
    let declined = |anne: &Handset| anne.heard.iter().filter(|text| text.contains(" 603 ")).count();
    anne.act(&page("carl", "declined"), |anne| declined(anne) == 2);
}
