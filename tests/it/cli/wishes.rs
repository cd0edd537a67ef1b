//! Digits of profiles, and the profiles of clients, as an operator gives them.

use super::{CONFIG, Shell};

const TREE: &str = "profile \"x\" {\n  outgoing {\n    otherwise -> send\n  }\n}\n";
const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    shell.write("x.tree", TREE);
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    for name in ["work", "home"] {
        shell.ok(&["profile", "set", "anne", name, "--file", "x.tree"]);
    }
    shell
}

#[test]
fn a_profile_has_a_digit_of_its_own() {
    let shell = shell();
    let told = shell.ok(&["profile", "code", "anne", "work", "1"]);
    assert!(told.contains("dials *701 to be served by \"work\", *711"), "{told}");
    shell.ok(&["profile", "code", "anne", "home", "1"]);
    let listed = shell.json(&["profile", "list", "anne", "--json"]);
    let digits: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["code"].as_u64()).collect();
    assert_eq!(digits, [Some(1), None], "home has it now");
    // It stays when the tree is stored anew.
    shell.ok(&["profile", "set", "anne", "home", "--file", "x.tree"]);
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"])[0]["code"], 1);
    shell.ok(&["profile", "code", "anne", "home"]);
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"])[0]["code"], serde_json::Value::Null);
    assert!(shell.fails(1, &["profile", "code", "anne", "wrok", "2"]).contains("did you mean \"work\"?"));
    assert!(shell.fails(2, &["profile", "code", "anne", "work", "0"]).contains("1..=9"));
}

#[test]
fn a_client_sends_under_a_profile() {
    let shell = shell();
    shell.ok(&["device", "add", "anne", "desk", "--type", "client", "--instance", URN]);
    shell.ok(&["device", "add", "anne", "gsm", "--type", "gsm", "--address", "+3545551234"]);
    let told = shell.ok(&["device", "profile", "anne", "desk", "work"]);
    assert_eq!(told, "\"desk\" of anne@north.test sends under \"work\"\n");
    assert_eq!(shell.json(&["device", "list", "anne", "--json"])[0]["profile"], "work");
    assert!(shell.fails(1, &["device", "profile", "anne", "desk", "wrok"]).contains("did you mean"));
    assert!(shell.fails(1, &["device", "profile", "anne", "gsm", "work"]).contains("no device \"gsm\""));
    shell.ok(&["device", "profile", "anne", "desk"]);
    assert_eq!(shell.json(&["device", "list", "anne", "--json"])[0]["profile"], serde_json::Value::Null);
}

#[test]
fn what_cannot_be_dialled_is_told() {
    let shell = shell();
    let check = |trees: &str| {
        shell.write("ratatosk.toml", &format!("{CONFIG}\n[trees]\n{trees}\n"));
        shell.fails(1, &["config", "check"])
    };
    assert!(check("activate = \"*7x\"").contains("cannot be dialled"));
    assert!(check("activate = \"*7\"\nunder = \"*71\"").contains("cannot be told apart"));
    assert!(check("header = \"a b\"").contains("is no name of a header"));
    shell.write("ratatosk.toml", &format!("{CONFIG}\n[trees]\nactivate = \"\"\nunder = \"\"\n"));
    shell.ok(&["config", "check"]);
}
