//! Trees and profiles by HTTP.

use serde_json::json;

use super::Api;

const QUIET: &str = "profile \"quiet\" {\n  incoming {\n    mode page -> try clients else inbox\n    otherwise -> try clients for 20s else busy\n  }\n}\n";
const BAD: &str = "profile \"bad\" {\n  incoming {\n    otherwise -> bussy\n  }\n}\n";
const PATH: &str = "/v1/users/anne/profiles/at%20work";

#[test]
fn a_profile_is_stored_shown_activated_and_removed() {
    let api = Api::new();
    let set = api.tree("PUT", PATH, QUIET);
    assert!(set.ok()["said"][0].as_str().unwrap().contains("\"at work\""), "{set:?}");
    assert!(set.json()["remarks"][0].as_str().unwrap().contains("calls itself \"quiet\""), "{set:?}");
    let shown = api.get(PATH);
    assert_eq!((shown.status, shown.text().as_str()), (200, QUIET));
    assert_eq!(shown.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(api.shell.ok(&["profile", "show", "anne", "at work"]), QUIET);

    api.send("PUT", "/v1/users/anne/profile", json!({ "name": "at work" })).ok();
    let list = api.get("/v1/users/anne/profiles").ok();
    assert_eq!((&list[0]["name"], &list[0]["active"]), (&json!("at work"), &json!(true)));
    api.delete("/v1/users/anne/profile").ok();
    assert_eq!(api.get("/v1/users/anne").ok()["profile"], json!(null));
    api.delete(PATH).ok();
    assert_eq!(api.get(PATH).problem(404)["detail"], "anne@north.test has no profile \"at work\"");
}

#[test]
fn a_tree_with_faults_is_refused_with_their_places() {
    let api = Api::new();
    let problem = api.tree("PUT", PATH, BAD).problem(422);
    let diagnostic = &problem["diagnostics"][0]["faults"][0];
    let label = &diagnostic["labels"][0];
    let number = |name: &str| usize::try_from(label[name].as_u64().unwrap()).unwrap();
    let cut = BAD.get(number("offset")..number("offset") + number("length")).unwrap();
    assert_eq!(cut, "bussy", "{problem}");
    assert!(diagnostic["help"].as_str().unwrap().contains("busy"), "{problem}");
    assert_eq!(api.get(PATH).status, 404, "nothing was stored");
    // What only looks for faults has found them.
    let found = api.tree("POST", "/v1/trees/check", BAD).ok();
    assert_eq!(found[0]["faults"][0], *diagnostic);
    assert_eq!(api.tree("POST", "/v1/trees/check", QUIET).ok(), json!([]));
    let group =
        "profile \"g\" { incoming {\n caller in \"Nobody\" -> decline\n otherwise -> try clients\n} }";
    assert_eq!(api.tree("POST", "/v1/trees/check", group).ok(), json!([]));
    assert_ne!(api.tree("POST", "/v1/trees/check?user=anne", group).ok(), json!([]), "she has no such group");
}

/// Of two who change the same profile the second hears of the first.
#[test]
fn two_writers_do_not_overwrite_each_other() {
    let api = Api::new();
    let put = |tree: &str, name: &'static str, tag: &str| {
        api.client().with(name, tag).ask("PUT", PATH, Some(("text/plain", tree.as_bytes())))
    };
    assert_eq!(put(QUIET, "If-Match", "*").problem(412)["status"], 412, "there is none yet");
    let first = put(QUIET, "If-None-Match", "*");
    let tag = first.header("ETag").unwrap().to_owned();
    assert_eq!(first.status, 200);
    assert_eq!(put(QUIET, "If-None-Match", "*").status, 412, "there is one now");
    assert_eq!(api.get(PATH).header("ETag"), Some(tag.as_str()));
    assert_eq!(format!("\"{}\"", api.get("/v1/users/anne/profiles").ok()[0]["tag"].as_str().unwrap()), tag);

    let changed = QUIET.replace("20s", "30s");
    let second = put(&changed, "If-Match", &tag);
    assert_eq!(second.status, 200, "{second:?}");
    let problem = put(&QUIET.replace("20s", "40s"), "If-Match", &tag).problem(412);
    assert!(problem["help"].as_str().unwrap().contains("profile show"), "{problem}");
    assert_eq!(api.get(PATH).text(), changed);
    let newer = second.header("ETag").unwrap();
    assert_eq!(put(QUIET, "If-Match", &format!("{tag}, {newer}")).status, 200, "one of them is right");
    assert_eq!(put(&changed, "If-Match", &format!("W/{tag}")).status, 412, "a weak tag is never the same");

    let seen = api.client().with("If-None-Match", &tag).ask("GET", PATH, None);
    assert_eq!((seen.status, seen.body.len()), (304, 0), "it is the first text again");
    // The command line takes the same care.
    api.shell.write("quiet.tree", QUIET);
    let set = ["profile", "set", "anne", "at work", "--file", "quiet.tree", "--expect"];
    let told = api.shell.fails(1, &[&set[..], &["none"]].concat());
    assert!(told.contains("is not what it was"), "{told}");
    api.shell.ok(&[&set[..], &[tag.trim_matches('"')]].concat());
}

#[test]
fn trees_are_explained_drawn_compared_and_written_anew() {
    let api = Api::new();
    let asked = json!({ "tree": "-", "texts": { "-": QUIET }, "from": "carl@north.test", "mode": "page", "offline": true });
    let explained = api.send("POST", "/v1/trees/explain", asked).ok();
    assert_eq!((&explained["action"], &explained["status"]), (&json!("try inbox"), &json!(202)));
    let query = "/v1/trees/explain?from=carl@north.test&mode=page&offline=true";
    assert_eq!(api.tree("POST", query, QUIET).ok(), explained, "said in another way");
    let remarked = api.tree("POST", "/v1/trees/explain?from=carl@north.test&group=Nobody", QUIET).ok();
    assert!(remarked["remarks"][0].as_str().unwrap().contains("does not look at the group"), "{remarked}");

    api.tree("PUT", PATH, QUIET).ok();
    for (tree, format, media, start) in [
        ("anne:at work", "svg", "image/svg+xml", "<svg"),
        ("anne:at work", "dot", "text/vnd.graphviz; charset=utf-8", "digraph"),
        ("anne:", "text", "text/plain; charset=utf-8", ""),
    ] {
        let drawn = api.send("POST", "/v1/trees/draw", json!({ "tree": tree, "format": format }));
        assert_eq!((drawn.status, drawn.header("Content-Type")), (200, Some(media)));
        assert!(drawn.text().starts_with(start), "{drawn:?}");
    }
    let changed = QUIET.replace("busy", "decline");
    let two = json!({ "first": "anne:at work", "second": "new", "texts": { "new": changed } });
    let differ = api.send("POST", "/v1/trees/diff", two).ok();
    assert_eq!(differ.as_array().unwrap().len(), 1, "{differ}");
    assert_eq!(api.tree("POST", "/v1/trees/diff?first=anne:at%20work", QUIET).ok(), json!([]));
    let untidy = QUIET.replace("    ", " ");
    assert_eq!(api.tree("POST", "/v1/trees/format", &untidy).text(), QUIET);
    let written = api.tree("POST", "/v1/trees/json", QUIET);
    assert_eq!(written.header("Content-Type"), Some("application/json"));
    let back = json!({ "file": "x", "text": true, "texts": { "x": written.text() } });
    assert_eq!(api.send("POST", "/v1/trees/json", back).text(), QUIET);
}

#[test]
fn a_replay_tells_how_far_it_is() {
    let api = Api::new();
    let path = "/v1/trees/replay?uid=anne";
    let found = api.tree("POST", path, QUIET).ok();
    assert_eq!((&found["asked"], &found["differ"]), (&json!(0), &json!([])));
    let lines = api.client().with("Accept", "application/x-ndjson").ask(
        "POST",
        path,
        Some(("text/plain", QUIET.as_bytes())),
    );
    assert_eq!(lines.header("Content-Type"), Some("application/x-ndjson"));
    let lines: Vec<serde_json::Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, steps) = lines.split_last().unwrap();
    assert_eq!(*last, found, "the last line is the answer");
    assert!(!steps.is_empty() && steps.iter().all(|step| step["progress"]["asked"] == 0), "{steps:?}");
    // What goes wrong on the way is the last line too.
    let lines = api.client().with("Accept", "application/x-ndjson").ask(
        "POST",
        "/v1/trees/replay?uid=nobody",
        Some(("text/plain", QUIET.as_bytes())),
    );
    let last: serde_json::Value = serde_json::from_str(lines.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["status"], 404);
    let kept = api.tree("PUT", &format!("{PATH}?require_same=true&since=1h"), QUIET);
    assert_eq!(kept.status, 200, "nothing was asked: nothing differs");
}

/// A program may ask for an owner, who could find out others' trees by trying many of his own: he hears for which modes.
#[test]
fn of_a_circle_a_program_hears_the_modes() {
    let api = Api::new();
    let tree = |rules: &str| {
        format!("profile \"p\" {{\n  incoming {{\n    {rules}\n    otherwise -> busy\n  }}\n}}\n")
    };
    for (user, rules) in [
        ("carl", "caller spy@south.test and mode voice -> forward anne@north.test"),
        ("anne", "caller @west.test -> forward carl@north.test"),
    ] {
        let path = format!("/v1/users/{user}/profiles/own");
        api.tree("PUT", &path, &tree(rules)).ok();
        let done = api.send("PUT", &format!("/v1/users/{user}/profile"), json!({ "name": "own" })).ok();
        let remarks = done["remarks"].to_string();
        assert_eq!(remarks.contains("may lead in a circle"), user == "anne", "{remarks}");
        assert_eq!(remarks.contains("with a voice call\\n"), user == "anne", "{remarks}");
    }
    // Whom both mean makes no difference to what is told.
    assert_eq!(api.get("/v1/trees/loops").ok(), json!([]));
}
