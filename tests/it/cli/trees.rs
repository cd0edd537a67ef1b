//! `ratatosk tree …`, and what `profile …` says of trees: the names that a user has.

use super::Shell;

#[test]
fn trees_are_checked_formatted_and_explained() {
    let shell = Shell::new();
    shell.write(
        "good.tree",
        "profile \"quiet\" {\n  incoming {\n    mode page -> try clients\n    otherwise -> busy\n  }\n}\n",
    );
    shell.write("bad.tree", "profile \"bad\" {\n  incoming {\n    otherwise -> bussy\n  }\n}\n");
    shell.write("ugly.tree", "profile \"ugly\" { incoming { otherwise -> busy } }\n");
    assert!(shell.ok(&["tree", "check", "good.tree"]).contains("\"quiet\" is in order"));
    let told = shell.fails(1, &["tree", "check", "good.tree", "bad.tree"]);
    assert!(told.contains("bad.tree:3:") && told.contains("bussy"), "{told}");
    shell.fails(2, &["tree", "check"]);

    shell.fails(1, &["tree", "fmt", "--check", "ugly.tree"]);
    shell.ok(&["tree", "fmt", "ugly.tree"]);
    shell.ok(&["tree", "fmt", "--check", "ugly.tree"]);

    let explained =
        shell.ok(&["tree", "explain", "good.tree", "--mode", "page", "--from", "carl@south.test"]);
    assert!(explained.contains("mode page -> try clients"), "{explained}");
    assert!(shell.ok(&["tree", "explain", "good.tree"]).contains("otherwise -> busy"));
    assert!(
        shell
            .fails(1, &["tree", "explain", "good.tree", "--mode", "vioce"])
            .contains("did you mean `voice`?")
    );
}

/// A tree that names groups and devices.
const NAMED: &str = r#"profile "named" {
  zone Europe/Oslo

  incoming {
    caller in "Friends"     -> try client "desk", "gsm" after 5s for 30s else voicemail
    urgent                  -> try clients
    time mon-fri 9:00-17:00 -> busy
    otherwise               -> decline
  }
}
"#;

#[test]
fn a_tree_is_checked_for_the_user_who_is_to_have_it() {
    let shell = Shell::new();
    shell.write("named.tree", NAMED);
    shell.write("self.tree", "profile \"self\" { incoming { otherwise -> forward anne@localhost } }\n");
    assert!(shell.ok(&["tree", "check", "named.tree"]).contains("in order"), "no user, no names");
    assert!(shell.fails(1, &["tree", "check", "named.tree", "--user", "anne"]).contains("no database"));
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    assert!(shell.fails(1, &["tree", "check", "named.tree", "--user", "carl"]).contains("carl@localhost"));
    let told = shell.fails(1, &["tree", "check", "named.tree", "self.tree", "--user", "anne"]);
    for fault in ["there is no group \"Friends\"", "no client \"desk\"", "no device \"gsm\"", "to-self"] {
        assert!(told.contains(fault), "{fault}: {told}");
    }
    assert!(told.contains("ratatosk device add"), "{told}");
    let json = shell.run(&["tree", "check", "named.tree", "--user", "anne", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["faults"][0]["code"], "tree::unknown-name");

    let urn = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    shell.ok(&["group", "add", "anne", "Freinds"]);
    shell.ok(&["device", "add", "anne", "desk", "--type", "client", "--instance", urn]);
    shell.ok(&["device", "add", "anne", "gsm", "--type", "pager", "--address", "+3545551234"]);
    let told = shell.fails(1, &["profile", "set", "anne", "named", "--file", "named.tree"]);
    assert!(told.contains("did you mean \"Freinds\"?"), "{told}");
    shell.ok(&["group", "rename", "anne", "Freinds", "Friends"]);
    shell.ok(&["tree", "check", "named.tree", "--user", "anne"]);
    shell.write(
        "voice.tree",
        &NAMED
            .replace("caller in \"Friends\" ", "mode voice and caller in \"Friends\"")
            .replace("try client \"desk\", ", "try "),
    );
    let told = shell.fails(1, &["tree", "check", "voice.tree", "--user", "anne"]);
    assert!(told.contains("a pager cannot take `voice`"), "{told}");
    shell.ok(&["profile", "set", "anne", "named", "--file", "named.tree"]);
    shell.ok(&["profile", "activate", "anne", "named"]);
}

#[test]
fn a_profile_that_is_offered_is_checked_for_who_takes_it() {
    let shell = Shell::new();
    std::fs::create_dir(shell.directory.path().join("routing-trees")).unwrap();
    shell.write("routing-trees/named.tree", NAMED);
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    let told = shell.fails(1, &["profile", "activate", "anne", "named"]);
    assert!(told.contains("there is no group \"Friends\"") && told.contains("for anne@localhost"), "{told}");
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"]).as_array().map(Vec::len), Some(0));
    shell.ok(&["group", "add", "anne", "Friends"]);
    let urn = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    shell.ok(&["device", "add", "anne", "desk", "--type", "client", "--instance", urn]);
    shell.ok(&["device", "add", "anne", "gsm", "--type", "gsm", "--address", "+3545551234"]);
    shell.ok(&["profile", "activate", "anne", "named"]);
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"])[0]["active"], true);
}

#[test]
fn an_explanation_takes_the_facts_that_conditions_look_at() {
    let shell = Shell::new();
    shell.write("named.tree", NAMED);
    let explain = |flags: &[&str]| {
        shell.ok(&[&["tree", "explain", "named.tree", "--from", "bob@south.test"], flags].concat())
    };
    let told = explain(&["--group", "Friends", "--then", "no-answer"]);
    assert!(told.contains("yes: the caller is bob@south.test, in \"Friends\""), "{told}");
    assert!(told.contains("else -> voicemail"), "{told}");
    let told = explain(&["--urgent"]);
    assert!(told.contains("bob@south.test, no contact") && told.contains("yes: it is urgent"), "{told}");
    // A Friday; Oslo is an hour ahead of universal time.
    for (time, shown, rule) in [
        ("2026-11-27T15:59:59Z", "Friday 2026-11-27 16:59 in Europe/Oslo", "-> busy"),
        ("2026-11-27T17:00:00+02:00", "Friday 2026-11-27 16:00 in Europe/Oslo", "-> busy"),
        ("2026-11-27T17:00", "Friday 2026-11-27 17:00 in Europe/Oslo", "otherwise -> decline"),
        ("2026-11-28T10:00:00", "Saturday 2026-11-28 10:00 in Europe/Oslo", "otherwise -> decline"),
    ] {
        let told = explain(&["--contact", "--time", time]);
        assert!(told.contains(shown) && told.contains(rule), "{time}: {told}");
        assert!(told.contains("a contact in no group"), "{told}");
    }
    assert!(shell.fails(1, &["tree", "explain", "named.tree", "--time", "noon"]).contains("is no moment"));
    let told = shell.fails(1, &["tree", "explain", "named.tree", "--group", "Friends"]);
    assert!(told.contains("an anonymous caller is no contact"), "{told}");
    let output = shell.run(&["tree", "explain", "named.tree", "--from", "b@c.test", "--group", "Freinds"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("did you mean \"Friends\"?"), "{told}");
}

#[test]
fn trees_are_compared_by_what_they_do() {
    let shell = Shell::new();
    let quiet = "profile \"quiet\" {\n  incoming {\n    mode page -> try clients else inbox\n    otherwise -> busy\n  }\n}\n";
    shell.write("quiet.tree", quiet);
    shell.write("same.tree", "profile \"same\" { incoming {\n not mode page -> busy\n otherwise -> try clients {\n otherwise -> inbox\n }\n} }\n");
    shell.write(
        "loud.tree",
        &quiet
            .replace("else inbox", "else decline")
            .replace("mode page ", "mode page and not caller anonymous"),
    );
    assert!(
        shell.ok(&["tree", "diff", "quiet.tree", "same.tree"]).contains("do the same with every request")
    );
    assert_eq!(shell.json(&["tree", "diff", "quiet.tree", "same.tree", "--json"]), serde_json::json!([]));
    let output = shell.run(&["tree", "diff", "quiet.tree", "loud.tree"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let expected = "\
1.  a page from someone@elsewhere.test, whom no rule names
    and a page from the number 55, which no rule names
      quiet.tree:3  try clients else inbox
      loud.tree:3  try clients else decline
2.  a page from an anonymous caller
      quiet.tree:3  try clients else inbox
      loud.tree:4  busy
";
    assert_eq!(told, expected);
    // A profile of a user's, and the one that serves him: where there is no tree, the default's counts.
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    shell.ok(&["profile", "set", "anne", "quiet", "--file", "quiet.tree"]);
    shell.ok(&["tree", "diff", "anne:quiet", "same.tree"]);
    let rows = shell.run(&["tree", "diff", "anne:", "quiet.tree", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    assert_eq!(rows[0]["first"]["profile"], "default");
    assert_eq!(rows[0]["tree"], "incoming");
    assert!(rows[0]["example"]["group"].is_array(), "{rows}");
    assert!(shell.fails(1, &["tree", "diff", "anne:none", "quiet.tree"]).contains("none"));
}

#[test]
fn a_tree_is_drawn_with_the_way_of_a_request() {
    let shell = Shell::new();
    shell.write("named.tree", NAMED);
    let told = shell.ok(&["tree", "draw", "named.tree"]);
    let expected = "\
profile \"named\", zone Europe/Oslo

incoming
├─ caller in \"Friends\" ─▶ try client \"desk\", \"gsm\" after 5s for 30s
│  └─ else ─▶ voicemail
├─ urgent ─▶ try clients
├─ time mon-fri 9:00-17:00 ─▶ busy
└─ otherwise ─▶ decline
";
    assert_eq!(told, expected);
    let way = [
        "--way",
        "--from",
        "b@c.test",
        "--group",
        "Friends",
        "--outcome",
        "desk=busy",
        "--outcome",
        "gsm=busy",
    ];
    let told = shell.ok(&[&["tree", "draw", "named.tree"], &way[..]].concat());
    let lit: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("* ")).collect();
    assert_eq!(lit.len(), 3, "{told}");
    assert!(lit[1].contains("try client \"desk\"") && lit[2].contains("else ─▶ voicemail"), "{told}");
    let svg = shell.ok(&[&["tree", "draw", "named.tree", "--format", "svg"], &way[..]].concat());
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains(">try client &quot;desk&quot;, &quot;gsm&quot; after</text>"), "{svg}");
    // Five nodes are lit, and the four lines between them.
    assert_eq!(svg.matches("stroke=\"#b91c1c\"").count(), 9, "{svg}");
    let dot = shell.ok(&["tree", "draw", "named.tree", "--format", "dot"]);
    assert!(dot.contains("n1 [label=\"caller in \\\"Friends\\\"\""), "{dot}");
    assert!(!dot.contains("penwidth"), "{dot}");
    shell.fails(2, &["tree", "draw", "named.tree", "--format", "png"]);
}

#[test]
fn what_if_goes_on_to_the_final_answer() {
    let shell = Shell::new();
    let explain = |flags: &[&str]| {
        shell.ok(&[&["tree", "explain", "named.tree", "--from", "b@c.test"], flags].concat())
    };
    shell.write("named.tree", NAMED);
    let friend = ["--group", "Friends"];
    let last = |told: &str| told.lines().last().unwrap().to_owned();
    let told = explain(&friend);
    assert!(
        last(&told)
            .contains("`--outcome` says what comes of `try client \"desk\", \"gsm\" after 5s for 30s`"),
        "{told}"
    );
    let told =
        explain(&[&friend[..], &["--outcome", "desk=no-answer", "--outcome", "gsm=answered"]].concat());
    assert_eq!(last(&told), "the caller hears 200: answered");
    let busy = ["--outcome", "desk=busy", "--outcome", "\"gsm\"=no-answer", "--outcome", "voicemail=failed"];
    let told = explain(&[&friend[..], &busy].concat());
    assert!(told.contains("came back: busy") && told.contains("else -> voicemail"), "{told}");
    assert_eq!(last(&told), "the caller hears 500: failed");
    // The caller learns nothing of the tree.
    let told = explain(&[&friend[..], &busy, &["--side", "caller"]].concat());
    assert_eq!(told, "the caller hears 500: failed\n");
    let told = explain(&["--time", "2026-11-27T10:00", "--side", "caller", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told, serde_json::json!({ "answer": "the caller hears 486: busy", "status": 486 }));
    let told: serde_json::Value =
        serde_json::from_str(&explain(&["--urgent", "--offline", "--json"])).unwrap();
    assert_eq!(told["action"], "try clients");
    assert_eq!(told["rule"], "named:6 urgent -> try clients");
    assert_eq!(told["status"], 480);
    let output = shell.run(&["tree", "explain", "named.tree", "--urgent", "--outcome", "gsm=busy"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("`gsm=busy` does not come up"));
    let told = shell.fails(1, &["tree", "explain", "named.tree", "--outcome", "gsm=bussy"]);
    assert!(told.contains("did you mean `busy`?"), "{told}");
    // A profile without an incoming tree is served by the default's.
    shell.write("out.tree", "profile \"out\" { outgoing { otherwise -> send } }\n");
    let told = shell.ok(&["tree", "explain", "out.tree", "--mode", "page", "--registered", "none"]);
    assert!(
        told.contains("profile \"default\"") && last(&told) == "the caller hears 202: kept for later",
        "{told}"
    );
    let told = shell.ok(&["tree", "explain", "out.tree", "--outgoing", "--to", "carl@south.test"]);
    assert_eq!(last(&told), "it goes out to carl@south.test");
}

#[test]
fn trees_go_to_json_and_back() {
    let shell = Shell::new();
    shell.write("named.tree", NAMED);
    let written = shell.ok(&["tree", "json", "named.tree"]);
    shell.write("named.json", &written);
    shell.write("again.tree", &shell.ok(&["tree", "json", "--text", "named.json"]));
    shell.ok(&["tree", "fmt", "--check", "again.tree"]);
    shell.ok(&["tree", "diff", "named.tree", "again.tree"]);
    shell.write("bad.json", "{}");
    let told = shell.fails(1, &["tree", "json", "--text", "bad.json"]);
    assert!(told.contains("bad.json: this is not the JSON form of a tree"), "{told}");
    assert!(shell.fails(1, &["tree", "json", "named.json"]).contains("named.json:1:"));
}

#[test]
fn an_owner_hears_of_his_own_edge_of_a_circle_and_the_operator_of_all() {
    let shell = Shell::new();
    let tree = |name: &str, rules: &str| {
        shell.write(&format!("{name}.tree"), &format!("profile \"{name}\" {{ incoming {{\n{rules}\n}} }}\n"));
        shell.ok(&["user", "add", name, "--password", "x"]);
    };
    tree("anne", "mode page -> try clients\notherwise -> try clients else try user carl@localhost");
    tree("carl", "mode voice -> forward dora@localhost\notherwise -> try clients");
    tree("dora", "urgent -> try clients\notherwise -> forward anne@localhost");
    let give = |name: &str| {
        shell.ok(&["profile", "set", name, "own", "--file", &format!("{name}.tree")]);
        let output = shell.run(&["profile", "activate", name, "own"]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(shell.ok(&["tree", "loops"]).contains("no tree leads in a circle"));
    assert_eq!(give("anne") + &give("carl"), "");
    let told = give("dora");
    assert!(
        told.contains("this tree can lead in a circle\n  dora:3 otherwise -> forward anne@localhost"),
        "{told}"
    );
    let when = "a voice call that is not urgent from anybody";
    let expected = format!("  takes {when}\n  comes back for instance with {when}\n");
    assert!(told.contains(&expected), "{told}");
    assert!(told.contains("From anne@localhost it can come back to dora@localhost:"), "{told}");
    assert!(!told.contains("carl"), "nobody is told of others' trees: {told}");
    let all = shell.json(&["tree", "loops", "--json"]);
    let edges: Vec<_> = all.as_array().unwrap().iter().map(|turn| (&turn["from"], &turn["to"])).collect();
    assert_eq!(edges.len(), 3, "{all}");
    assert_eq!(all[0]["rule"], "anne:3 else -> try user carl@localhost");
    assert_eq!(all[0]["modes"], serde_json::json!(["voice"]));
    let by = ["carl@localhost", "dora@localhost", "anne@localhost"];
    let example = "a voice call that is not urgent from anybody";
    assert_eq!(
        all[0]["round"],
        serde_json::json!({ "when": "a voice call from anybody", "example": example, "by": by })
    );
    let told = "carl@localhost: carl:2 mode voice -> forward dora@localhost\n  takes a voice call from anybody\n  \
                comes back by dora@localhost, anne@localhost, carl@localhost\n  \
                for instance a voice call that is not urgent from anybody\n";
    assert!(shell.ok(&["tree", "loops"]).contains(told), "{}", shell.ok(&["tree", "loops"]));
}

#[test]
fn a_script_becomes_a_tree() {
    let shell = Shell::new();
    let script = std::fs::read_to_string("tests/golden/cpl/everything.xml").unwrap();
    shell.write("script.xml", &script);
    let done = shell.run(&["tree", "import-cpl", "script.xml", "--name", "from the old server"]);
    assert!(done.status.success());
    let (tree, told) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(tree.contains("profile \"from the old server\" {"), "{tree}");
    assert!(told.contains("script.xml:6: no mail is sent"), "{told}");
    shell.write("script.tree", &tree);
    shell.ok(&["tree", "check", "script.tree"]);
    shell.ok(&["tree", "fmt", "--check", "script.tree"]);
    shell.write(
        "odd.xml",
        "<cpl><incoming>\n<location url=\"tel:+4722334455\"><proxy/></location></incoming></cpl>",
    );
    let told = shell.fails(1, &["tree", "import-cpl", "odd.xml"]);
    assert!(told.contains("odd.xml:2:") && told.contains("ratatosk device add"), "{told}");
    shell.write("own.xml", "<cpl><incoming><location url=\"sip:anne@localhost\"/></incoming></cpl>");
    shell.ok(&["tree", "import-cpl", "own.xml"]);
    assert!(shell.fails(1, &["tree", "import-cpl", "own.xml", "--user", "anne"]).contains("yourself"));
}
