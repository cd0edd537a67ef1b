//! `ratatosk tree replay`, and `profile set --require-same`: what is on record, asked of another tree.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use ratatosk::base::{Cid, Limits, ServerIndex, Uid};
use ratatosk::config::Place;
use ratatosk::effect::fact::{CallRecord, PageRecord};
use ratatosk::effect::{StoreOp, Ticket};
use ratatosk::io::store::Store;
use ratatosk::routing::{Direction, Facts, Mode, Outcome, Profile, Registered, Route, Who};

use super::Shell;

const OLD: &str = "profile \"old\" {\n  incoming {\n    mode page -> try clients else inbox\n    otherwise -> try clients for 20s else busy\n  }\n}\n";
/// When the first is asked, milliseconds since 1970: 2026-11-26 10:00.
const BEGIN_MS: i64 = 1_795_687_200_000;

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

/// What the old tree does for anne, asked so many minutes after the first.
fn question(mode: Mode, caller: &str, minutes: i64, outcomes: &[Outcome]) -> Route {
    let profile = Arc::new(Profile::compile(OLD).unwrap());
    let wall_ms = BEGIN_MS + minutes * 60_000;
    let facts = Facts { registered: Registered::ThisMode, wall_ms, ..Facts::default() };
    let parties = (Who::User(uid(caller)), Who::User(uid("anne@localhost")));
    let mut route = Route::begin((&profile, &profile), Direction::Incoming, mode, parties, facts);
    for outcome in outcomes {
        route.follow(*outcome);
    }
    route
}

fn call(id: &str, caller: &str, minutes: i64, outcomes: &[Outcome]) -> StoreOp {
    let route = question(Mode::Voice, caller, minutes, outcomes);
    StoreOp::PutCall(Arc::new(CallRecord {
        id: id.into(),
        direction: "incoming",
        owner: uid("anne@localhost"),
        caller: caller.into(),
        callee: "anne@localhost".into(),
        mode: "voice",
        started_ms: route.facts().wall_ms,
        answered_ms: None,
        ended_ms: route.facts().wall_ms + 1_000,
        status: 486,
        end: "refused",
        rule: route.rule(),
        path: route.path(),
        question: route.recorded().text(),
        ladder: String::new(),
    }))
}

fn page(id: &str, caller: &str, minutes: i64, question_text: Option<&str>) -> StoreOp {
    let route = question(Mode::Page, caller, minutes, &[Outcome::Unreachable]);
    StoreOp::PutPage(Arc::new(PageRecord {
        id: id.into(),
        direction: "incoming",
        owner: uid("anne@localhost"),
        sender: caller.into(),
        recipient: "anne@localhost".into(),
        at_ms: route.facts().wall_ms,
        status: 202,
        how: "inbox",
        rule: route.rule(),
        path: route.path(),
        question: question_text.map_or_else(|| route.recorded().text(), str::to_owned),
    }))
}

/// Puts records into the database of a shell, as a server does.
fn put(shell: &Shell, ops: Vec<StoreOp>) {
    let place = Place::new(shell.directory.path().join("ratatosk-data/ratatosk.db"));
    let (tell, answers) = channel();
    let store = Store::open(&place, &Cid::new("localhost")).unwrap();
    let answer = move |_, owed: Vec<_>| tell.send(owed.len()).unwrap_or(());
    let store = store.start(&Limits::default(), Arc::new(answer)).unwrap();
    let mut left = ops.len();
    for (ticket, op) in (0..).zip(ops) {
        store.submit(ServerIndex(0), Ticket(ticket), op);
    }
    while left > 0 {
        left -= answers.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    store.close();
}

fn shell() -> Shell {
    let shell = Shell::new();
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    shell.write("old.tree", OLD);
    shell.write(
        "new.tree",
        &OLD.replace("otherwise -> try", "caller carl@south.test -> decline\n    otherwise -> try"),
    );
    shell
}

#[test]
fn what_would_be_routed_differently_is_told() {
    let shell = shell();
    let told = shell.ok(&["tree", "replay", "anne", "new.tree"]);
    assert!(told.contains("nothing was asked of the trees of anne@localhost"), "{told}");
    put(
        &shell,
        vec![
            call("c1", "bob@south.test", 0, &[Outcome::NoAnswer]),
            call("c2", "carl@south.test", 1, &[Outcome::NoAnswer]),
            call("c3", "carl@south.test", 2, &[]),
            page("p1", "carl@south.test", 3, None),
            page("p2", "bob@south.test", 4, Some("")),
        ],
    );
    let output = shell.run(&["tree", "replay", "anne", "new.tree"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let expected = "\
2026-11-26 10:01:00 UTC  call c2, carl@south.test to anne@localhost
  by   old:4 else -> busy
  old  try clients for 20s: no-answer; busy
  new  decline
2026-11-26 10:02:00 UTC  call c3, carl@south.test to anne@localhost
  by   old:4 otherwise -> try clients for 20s
  old  try clients for 20s
  new  decline
of these nobody can tell: the tree looks at what is not on record
2026-11-26 10:04:00 UTC  page p2, bob@south.test to anne@localhost
  by   old:3 else -> inbox
2 of 5 calls and pages would be routed as they were
";
    assert_eq!(told, expected);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("2 of 5 calls and pages would be routed differently, and of 1 nobody can tell"),
        "{told}"
    );
    let json =
        shell.run(&["tree", "replay", "anne", "new.tree", "--since", "2026-11-26T10:02:00Z", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["asked"], &json["same"]), (&3.into(), &1.into()), "{json}");
    assert_eq!((&json["differ"][0]["id"], &json["differ"][0]["new"]), (&"c3".into(), &"decline".into()));
    assert_eq!(json["unknown"][0]["id"], "p2");
    assert_eq!((&json["differ_count"], &json["unknown_count"]), (&1.into(), &1.into()), "{json}");
    let told = shell.ok(&["tree", "replay", "anne", "new.tree", "--since", "2026-11-26T10:03:00Z"]);
    assert!(told.contains("1 of 2 calls and pages would be routed as they were"), "{told}");
    // Whatever is older than the clock of the machine that tests is not there.
    shell.fails(1, &["tree", "replay", "anne", "new.tree", "--since", "yesterday"]);
    shell.fails(1, &["tree", "replay", "carl", "new.tree"]);
    // The question stands in the record of a call.
    let calls = shell.json(&["calls", "show", "c2", "--json"]);
    assert_eq!(calls[0]["question"]["done"][0]["came_back"], "no-answer", "{calls}");
    assert_eq!(calls[0]["question"]["from"], "carl@south.test");
    assert!(shell.fails(1, &["calls", "show", "c2", "--user", "carl"]).contains("there is no call c2"));
    assert!(shell.ok(&["calls", "show", "c2", "--user", "anne"]).contains("came back: no-answer"));
}

#[test]
fn so_many_are_told_and_all_are_counted() {
    let shell = shell();
    let id = |i: i64| format!("c{i:02}");
    let mut ops: Vec<StoreOp> = (0..30).map(|i| call(&id(i), "carl@south.test", i, &[])).collect();
    ops.extend((0..3).map(|i| page(&format!("p{i}"), "bob@south.test", 40 + i, Some(""))));
    put(&shell, ops);
    let replay = |more: &[&str]| {
        let output = shell.run(&[&["tree", "replay", "anne", "new.tree"], more].concat());
        assert_eq!(output.status.code(), Some(1));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (told, wrong) = replay(&["--limit", "2"]);
    let ids = |told: &str| told.matches("UTC  call c").count() + told.matches("UTC  page p").count();
    assert_eq!(ids(&told), 4, "{told}");
    assert!(told.contains("call c00") && told.contains("call c01") && !told.contains("call c02"), "{told}");
    assert!(told.contains("and 28 more;") && told.contains("and 1 more;"), "{told}");
    assert!(
        wrong.contains("30 of 33 calls and pages would be routed differently, and of 3 nobody"),
        "{wrong}"
    );
    let (told, _) = replay(&[]);
    assert_eq!((ids(&told), told.contains("more")), (33, false), "{told}");
    let json: serde_json::Value = serde_json::from_str(&replay(&["--limit", "0", "--json"]).0).unwrap();
    let counts = ["asked", "same", "differ_count", "unknown_count"].map(|name| json[name].as_u64());
    assert_eq!(counts, [33, 0, 30, 3].map(Some), "{json}");
    assert_eq!((&json["differ"], &json["unknown"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn a_profile_can_be_required_to_change_nothing() {
    let shell = shell();
    put(
        &shell,
        vec![call("c1", "carl@south.test", 0, &[]), call("c2", "bob@south.test", 1, &[Outcome::Busy])],
    );
    let set = |file: &str, more: &[&str]| {
        shell.run(&[&["profile", "set", "anne", "work", "--file", file, "--require-same"], more].concat())
    };
    let output = set("new.tree", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("call c1"));
    assert!(shell.fails(1, &["profile", "show", "anne", "work"]).contains("work"));
    assert!(set("new.tree", &["--since", "2026-11-26T10:01:00Z"]).status.success());
    assert!(set("old.tree", &[]).status.success());
    shell.fails(2, &["profile", "set", "anne", "work", "--file", "old.tree", "--since", "7d"]);
}
