//! Contacts, groups, devices and the inbox, as people keep them.

use super::*;

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// A cluster of three, whose database is there.
fn cluster() -> Shell {
    let shell = Shell::new();
    shell.write("users.csv", "anne,x\ncarl,x\nwilliam,x\n");
    shell.ok(&["user", "import", "users.csv"]);
    shell
}

/// What a command said of its failure has to hold all of these.
fn tells(shell: &Shell, arguments: &[&str], parts: &[&str]) {
    let told = shell.fails(1, arguments);
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: {part:?} is not in\n{told}");
    }
}

/// What a command remarked beside what it did.
fn remark(shell: &Shell, arguments: &[&str]) -> String {
    let output = shell.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn contacts_are_added_listed_and_removed() {
    let shell = cluster();
    assert!(shell.ok(&["contact", "list", "anne"]).contains("anne@localhost has no contacts"));
    let told = shell.ok(&["contact", "add", "anne", "carl"]);
    assert_eq!(told, "carl@localhost is a contact of anne@localhost\n");
    let told = shell.ok(&["contact", "add", "anne", "Carl@Localhost"]);
    assert_eq!(told, "carl@localhost is a contact of anne@localhost already\n");
    for group in ["Friends", "Work"] {
        shell.ok(&["group", "add", "anne", group]);
    }
    shell.ok(&["contact", "add", "anne", "+354 555-1234", "--group", "friends", "--group", "Work"]);
    shell.ok(&["contact", "add", "anne", "@south.test", "--group", "Work"]);
    shell.ok(&["contact", "add", "anne", "+1900*"]);
    let listed = shell.ok(&["contact", "list", "anne"]);
    assert!(listed.contains("Friends, Work") && listed.contains("+3545551234"), "{listed}");
    let names = |arguments: &[&str]| -> Vec<String> {
        let json = shell.json(arguments);
        json.as_array().unwrap().iter().map(|row| row["contact"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["+1900*", "+3545551234", "@south.test", "carl@localhost"];
    assert_eq!(names(&["contact", "list", "anne", "--json"]), all);
    assert_eq!(names(&["contact", "list", "anne", "--group", "work", "--json"]), all[1..3]);
    assert!(names(&["contact", "list", "carl", "--json"]).is_empty());

    shell.ok(&["contact", "remove", "anne", "+3545551234", "--group", "Work"]);
    shell.ok(&["contact", "remove", "anne", "@south.test"]);
    assert_eq!(
        shell.json(&["contact", "list", "anne", "--json"])[1]["groups"],
        serde_json::json!(["Friends"])
    );
    let shown = shell.json(&["user", "show", "anne", "--json"]);
    assert_eq!((shown["contacts"].as_u64(), shown["groups"].as_u64()), (Some(3), Some(2)));
    assert!(shell.ok(&["user", "show", "anne"]).contains("contacts  3\ngroups    2\n"));
}

#[test]
fn every_fault_about_contacts_has_a_way_out() {
    let shell = cluster();
    shell.ok(&["group", "add", "anne", "Friends"]);
    shell.ok(&["contact", "add", "anne", "carl", "--group", "Friends"]);
    for (arguments, parts) in [
        (&["list", "ane"][..], &["no user ane@localhost", "did you mean anne@localhost?"][..]),
        (&["list", "zoe"], &["no user zoe@localhost", "`ratatosk user list`"]),
        (&["add", "zoe", "carl"], &["no user zoe@localhost"]),
        (&["add", "anne@south.test", "carl"], &["not a user of this cluster, which is localhost"]),
        (&["add", "anne", "carll"], &["no user carll@localhost", "did you mean \"carl@localhost\"?"]),
        (&["add", "anne", "nobody-here"], &["no user nobody-here@localhost", "`ratatosk user list`"]),
        (
            &["add", "anne", "a b@south.test"],
            &["\"a b@south.test\" is no contact", "an address holds no spaces"],
        ),
        (&["add", "anne", "*"], &["would match everybody"]),
        (&["add", "anne", "+"], &["is no contact", "a number (+3545551234)"]),
        (
            &["add", "anne", "william", "--group", "Frends"],
            &["no group \"Frends\"", "did you mean \"Friends\"?"],
        ),
        (
            &["add", "anne", "william", "--group", "Chess"],
            &["`ratatosk group add anne@localhost 'Chess'` makes it"],
        ),
        (&["list", "anne", "--group", "Chess"], &["no group \"Chess\""]),
        (&["remove", "anne", "william"], &["william@localhost is no contact of anne@localhost"]),
        (&["remove", "anne", "caarl"], &["did you mean \"carl@localhost\"?"]),
        (
            &["remove", "anne", "william", "--group", "Friends"],
            &["william@localhost is not in \"Friends\" himself"],
        ),
        (&["unblock", "anne", "carl"], &["anne@localhost does not block carl@localhost"]),
    ] {
        tells(&shell, &[&["contact"], arguments].concat(), parts);
    }
    assert_eq!(shell.json(&["contact", "list", "anne", "--json"]).as_array().unwrap().len(), 1);
    shell.fails(2, &["contact", "add", "anne"]);
    shell.fails(2, &["contact", "block"]);
}

#[test]
fn a_caller_is_blocked_and_told_what_looks_at_it() {
    let shell = cluster();
    assert!(remark(&shell, &["contact", "block", "anne", "carl"]).is_empty(), "the default looks at it");
    shell.write("deaf.tree", "profile \"deaf\" { incoming { otherwise -> try clients } }\n");
    shell.ok(&["profile", "set", "anne", "deaf", "--file", "deaf.tree"]);
    shell.ok(&["profile", "activate", "anne", "deaf"]);
    let told = remark(&shell, &["contact", "block", "anne", "carl"]);
    assert!(told.contains("\"deaf\", does not look at \"Invisible\""), "{told}");
    assert!(told.contains("caller in \"Invisible\" -> ignore"), "{told}");
    assert!(remark(&shell, &["contact", "block", "anne", "carl"]).contains("does not look"));
    shell.ok(&["contact", "block", "anne", "anonymous"]);
    shell.ok(&["contact", "block", "anne", "@spam.test"]);
    let listed = shell.json(&["contact", "list", "anne", "--json"]);
    for row in listed.as_array().unwrap() {
        assert_eq!((&row["blocked"], &row["listed"]), (&Value::Bool(true), &Value::Bool(false)), "{row}");
    }
    assert!(shell.ok(&["contact", "list", "anne"]).contains("blocked"));
    let groups = shell.json(&["group", "list", "anne", "--json"]);
    assert_eq!(groups[0]["members"], serde_json::json!(["@spam.test", "anonymous", "carl@localhost"]));

    // One who is blocked and a contact as well stays blocked when he is a contact no more.
    shell.ok(&["contact", "add", "anne", "carl"]);
    assert!(remark(&shell, &["contact", "remove", "anne", "carl"]).contains("he stays blocked"));
    shell.ok(&["contact", "unblock", "anne", "carl"]);
    shell.ok(&["contact", "block", "anne", "bob@spam.test"]);
    let told = remark(&shell, &["contact", "unblock", "anne", "bob@spam.test"]);
    assert!(told.contains("\"@spam.test\" is there too"), "{told}");
    tells(&shell, &["contact", "unblock", "anne", "bob@spam.test"], &["by way of \"@spam.test\""]);
}

#[test]
fn groups_are_made_moved_renamed_and_removed() {
    let shell = cluster();
    assert_eq!(shell.ok(&["group", "add", "anne", "Friends"]), "anne@localhost has the group \"Friends\"\n");
    shell.ok(&["group", "add", "anne", "Band", "--in", "friends"]);
    shell.ok(&["group", "add", "anne", "Drums", "--in", "Band"]);
    shell.ok(&["contact", "add", "anne", "carl", "--group", "Drums"]);
    let groups = shell.json(&["group", "list", "anne", "--json"]);
    let names: Vec<&str> =
        groups.as_array().unwrap().iter().map(|row| row["group"].as_str().unwrap()).collect();
    assert_eq!(names, ["Band", "Drums", "Friends", "Invisible"]);
    assert_eq!(groups[2]["members"], serde_json::json!(["carl@localhost"]));
    assert_eq!(groups[2]["contacts"], serde_json::json!([]));
    assert!(shell.ok(&["group", "list", "anne"]).contains("Drums"));

    for (arguments, parts) in [
        (
            &["add", "anne", "Friends", "--in", "Drums"][..],
            &["\"Friends\" cannot be in \"Drums\"", "\"Friends\" holds \"Band\" holds \"Drums\""][..],
        ),
        (&["add", "anne", "Band", "--in", "Band"], &["they are one group"]),
        (&["add", "anne", "band"], &["has a group \"Band\" already", "--in OUTER"]),
        (&["add", "anne", "Invisible"], &["every user has the group \"Invisible\""]),
        (&["add", "anne", "Chess", "--in", "Frends"], &["did you mean \"Friends\"?"]),
        (&["add", "anne", "no\u{1b}good"], &["is no name for a group", "\\u{1b}"]),
        (&["add", "ane", "Chess"], &["did you mean anne@localhost?"]),
        (&["list", "zoe"], &["there is no user zoe@localhost"]),
        (&["remove", "anne", "Bnad"], &["did you mean \"Band\"?"]),
        (&["remove", "anne", "Drums", "--from", "Friends"], &["\"Drums\" is not in \"Friends\""]),
        (&["remove", "anne", "invisible"], &["it stays as it is"]),
        (&["rename", "anne", "Band", "drums"], &["has a group \"Drums\" already"]),
        (&["rename", "anne", "Nobody", "x"], &["no group \"Nobody\""]),
    ] {
        tells(&shell, &[&["group"], arguments].concat(), parts);
    }
    shell.ok(&["group", "remove", "anne", "Drums", "--from", "Band"]);
    shell.ok(&["group", "rename", "anne", "drums", "Percussion"]);
    let groups = shell.json(&["group", "list", "anne", "--json"]);
    assert_eq!((&groups[1]["members"], &groups[3]["group"]), (&serde_json::json!([]), &"Percussion".into()));
    // A tree that names a group which goes is worth a word.
    shell.write("t.tree", "profile \"t\" {\n  incoming {\n    otherwise -> busy\n  }\n  outgoing {\n    to carl@localhost -> refuse \"Friends\"\n    otherwise -> send\n  }\n}\n");
    shell.ok(&["profile", "set", "anne", "t", "--file", "t.tree"]);
    shell.ok(&["profile", "activate", "anne", "t"]);
    let told = remark(&shell, &["group", "remove", "anne", "friends"]);
    assert!(told.contains("still names \"Friends\""), "{told}");
    assert_eq!(shell.json(&["contact", "list", "anne", "--json"])[0]["listed"], true);
}

#[test]
fn devices_get_names_and_every_fault_is_told() {
    let shell = cluster();
    assert!(shell.ok(&["device", "list", "anne"]).contains("has no named devices"));
    let told = shell.ok(&["device", "add", "anne", "gsm", "--type", "gsm", "--address", "+354 555-1234"]);
    assert_eq!(told, "anne@localhost has the gsm \"gsm\", +3545551234\n");
    let quoted = format!("\"<{}>\"", URN.to_uppercase());
    shell.ok(&["device", "add", "anne", "desk", "--type", "client", "--instance", &quoted]);
    shell.ok(&["device", "add", "anne", "mail", "--type", "mail", "--address", "anne@example.net"]);
    shell.ok(&["device", "add", "anne", "box", "--type", "voicemail"]);
    let devices = shell.json(&["device", "list", "anne", "--json"]);
    assert_eq!(devices.as_array().unwrap().len(), 4);
    let desk = &devices[1];
    assert_eq!(
        (&desk["name"], &desk["type"], &desk["instance"]),
        (&"desk".into(), &"client".into(), &URN.into())
    );
    assert_eq!((&desk["registered"], &devices[0]["registered"]), (&Value::Bool(false), &Value::Null));
    assert!(shell.ok(&["device", "list", "anne"]).contains(URN));
    assert!(shell.ok(&["user", "show", "anne"]).contains("devices   4\n"));

    let client = ["desk2", "--type", "client", "--instance"];
    let with = |last: &'static str| [&client[..], &[last]].concat();
    for (arguments, parts) in [
        (
            vec!["desk2", "--type", "client"],
            &["a client is reached by the instance-id", "--instance urn:uuid:"][..],
        ),
        (vec!["desk2", "--type", "client", "--address", "+1"], &["a client has no address"]),
        (
            with("desk"),
            &["\"desk\" is no instance-id: it does not begin with `urn:`", "registrations --json"],
        ),
        (with("urn:uuid:12"), &["a UUID has 32 hexadecimal digits"]),
        (with(URN), &["has the name \"desk\" already"]),
        (vec!["Desk", "--type", "fax", "--address", "+1"], &["has a device \"desk\" already"]),
        (vec!["x", "--type", "gms", "--address", "+1"], &["no type of device `gms`", "did you mean `gsm`?"]),
        (vec!["x", "--type", "telegraph"], &["there are client, phone, gsm"]),
        (vec!["x", "--type", "gsm"], &["a GSM phone is reached by its number"]),
        (vec!["x", "--type", "gsm", "--address", "anne"], &["\"anne\" is no telephone number"]),
        (vec!["x", "--type", "mail", "--address", "+1"], &["\"+1\" is no e-mail address"]),
        (
            vec!["x", "--type", "fax", "--address", "+1", "--instance", URN],
            &["a fax machine has no instance-id"],
        ),
        (vec!["", "--type", "voicemail"], &["\"\" is no name for a device"]),
    ] {
        tells(&shell, &[vec!["device", "add", "anne"], arguments].concat(), parts);
    }
    tells(&shell, &["device", "list", "ane"], &["did you mean anne@localhost?"]);
    tells(&shell, &["device", "add", "zoe", "x", "--type", "voicemail"], &["there is no user zoe@localhost"]);
    tells(&shell, &["device", "remove", "anne", "desl"], &["did you mean \"desk\"?"]);
    shell.ok(&["device", "remove", "anne", "DESK"]);
    assert_eq!(shell.json(&["device", "list", "anne", "--json"]).as_array().unwrap().len(), 3);
    shell.fails(2, &["device", "add", "anne", "x"]);
}

#[test]
fn the_inbox_is_shown_without_obeying_it() {
    let shell = cluster();
    assert_eq!(shell.ok(&["inbox", "anne"]), "the inbox of anne@localhost is empty\n");
    tells(&shell, &["inbox", "ane"], &["did you mean anne@localhost?"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sqlx::Connection;
        let path = shell.directory.path().join("ratatosk-data/ratatosk.db");
        let url = format!("sqlite://{}", path.display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(PAGES).execute(&mut database).await.unwrap();
    });
    let listed = shell.ok(&["inbox", "anne"]);
    assert!(!listed.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{listed:?}");
    for part in ["Hi, anne", "waiting", "delivered 1970-01-01", "(image/png, 3 bytes)", "copy"] {
        assert!(listed.contains(part), "{part} is not in\n{listed}");
    }
    let json = shell.json(&["inbox", "anne", "--json"]);
    let states: Vec<&str> =
        json.as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["waiting", "delivered", "copy"]);
    assert_eq!(json[0]["text"], "Hi,\r\n anne\u{1b}[31m\u{9b}\u{202e}");
    assert_eq!((&json[2]["text"], &json[2]["content_type"]), (&Value::Null, &"image/png".into()));
    assert_eq!(shell.json(&["inbox", "anne", "--limit", "1", "--json"])[0]["state"], "copy");
    assert!(shell.ok(&["inbox", "carl"]).contains("is empty"), "what is anne's is shown to nobody else");
    assert!(shell.ok(&["user", "show", "anne"]).contains("inbox     1 waiting\n"));

    let first = json[0]["serial"].to_string();
    tells(
        &shell,
        &["inbox", "carl", "--remove", &first],
        &["there is no page 1 in the inbox of carl@localhost"],
    );
    tells(&shell, &["inbox", "anne", "--remove", &first, "--remove", "77"], &["there is no page 77"]);
    assert_eq!(shell.ok(&["inbox", "anne", "--remove", &first]), "1 page of anne@localhost removed\n");
    assert_eq!(shell.json(&["inbox", "anne", "--json"]).as_array().unwrap().len(), 2);
}

/// Three pages of anne's, one with a text that a terminal would obey.
const PAGES: &str = "INSERT INTO inbox (uid, slot, id, sender, call_id, cseq, bytes, stored_ms, copy, delivered_ms, \
     \"from\", headers, body) VALUES \
     ('anne@localhost', 0, 'a', 'carl@localhost', 'a', 1, 9, 1000, 0, NULL, '', 'Content-Type: text/plain' || char(13, 10), \
       CAST('Hi,' || char(13, 10) || ' anne' || char(27) || '[31m' || char(155, 8238) AS BLOB)), \
     ('anne@localhost', 0, 'b', 'carl@localhost', 'b', 1, 9, 2000, 0, 9000, '', '', CAST('had' AS BLOB)), \
     ('anne@localhost', 0, 'c', 'carl@localhost', 'c', 1, 9, 3000, 1, 3000, '', 'Content-Type: image/png', x'89504e')";

#[test]
fn limits_of_lists_are_keys() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", "[limits]\ngroups_per_user = 64\n");
    tells(&shell, &["config", "check"], &["`groups_per_user` is 63 at most"]);
    shell.write("ratatosk.toml", "[limits]\ngroups_per_user = 1\ncontacts_per_user = 1\n");
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    shell.ok(&["group", "add", "anne", "A"]);
    tells(
        &shell,
        &["group", "add", "anne", "B"],
        &["as many groups as `groups_per_user = 1` in [limits] allows"],
    );
    shell.ok(&["contact", "add", "anne", "a@south.test"]);
    tells(&shell, &["contact", "block", "anne", "b@south.test"], &["`contacts_per_user = 1`"]);
}

#[test]
fn lists_are_kept_beside_a_running_server() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    let server = shell.serve(&["serve"]);
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    let quiet = |arguments: &[&str]| {
        let told = remark(&shell, arguments);
        assert_eq!(told, "", "the running server was told: {arguments:?}");
    };
    quiet(&["group", "add", "anne", "Friends"]);
    quiet(&["contact", "add", "anne", "carl@south.test", "--group", "Friends"]);
    quiet(&["device", "add", "anne", "desk", "--type", "client", "--instance", URN]);
    quiet(&["group", "rename", "anne", "Friends", "Chums"]);
    assert_eq!(
        shell.json(&["contact", "list", "anne", "--group", "chums", "--json"]).as_array().unwrap().len(),
        1
    );
    quiet(&["contact", "remove", "anne", "carl@south.test"]);
    quiet(&["group", "remove", "anne", "Chums"]);
    quiet(&["device", "remove", "anne", "desk"]);
    assert!(shell.ok(&["inbox", "anne"]).contains("is empty"));
    server.signal("-TERM");
    assert_eq!(server.end(), Some(0));
}
