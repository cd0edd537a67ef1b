//! CPL scripts and the trees that they become: the examples of RFC 3880 in words of our own, every kind of
//! node, and what is refused.

mod clauses;
mod generated;

use ratatosk::base::Limits;
use ratatosk::routing::Outcome::{Busy, Declined, Failed, NoAnswer, Unreachable};
use ratatosk::routing::{Code, Direction, Imported, Outcome, format, import_cpl};

use super::shipped::way;
use super::{compiled, uid};

fn script(name: &str) -> String {
    std::fs::read_to_string(format!("tests/golden/cpl/{name}.xml")).unwrap()
}

fn imported(name: &str) -> Imported {
    import_cpl(&script(name), "cpl", &Limits::default(), Some(&uid("anne@north.test")))
        .unwrap_or_else(|faults| panic!("{}", faults.in_file(name).render(false)))
}

/// Compares with `tests/golden/cpl/NAME`; with `UPDATE_GOLDEN` set, writes it.
fn golden(name: &str, found: &str) {
    super::faults::golden(&format!("../cpl/{name}"), found);
}

/// Asks the tree that a script becomes: the lines on the way.
fn goes(name: &str, table: &[(&str, &[Outcome], &[&str])]) {
    let direction = if name == "premium" { Direction::Outgoing } else { Direction::Incoming };
    let text = imported(name).text;
    golden(name, &text);
    assert_eq!(format(&text).unwrap(), text, "it is in its canonical form");
    let profile = compiled(&text);
    for (question, outcomes, lines) in table {
        assert_eq!(way(&profile, direction, question, outcomes), *lines, "{name}: {question} {outcomes:?}");
    }
}

const DESK_20: &str = "try anne@desk.test+0 20s";
const DESK_8: &str = "try anne@desk.test+0 8s";
const MAILBOX: &str = "try anne@mailbox.test+0";
/// What is done where there is no script.
const CLIENTS: &str = "try clients+0";
const VOICEMAIL: &str = "try voicemail+0";

#[test]
fn what_is_no_call_goes_on_as_before() {
    for name in ["moved", "busy-or-away", "operators", "office-hours"] {
        goes(
            name,
            &[
                ("page bob@north.test", &[Unreachable], &[CLIENTS, "try inbox+0"]),
                ("file bob@north.test", &[Unreachable], &[CLIENTS, "returned"]),
                ("voice bob@north.test in:Invisible", &[], &["ignore"]),
            ],
        );
    }
}

#[test]
fn callers_are_sent_elsewhere() {
    goes("moved", &[("voice bob@north.test mode", &[], &["redirect anne@summer.test"])]);
}

#[test]
fn a_mailbox_takes_over() {
    goes(
        "busy-or-away",
        &[
            ("voice bob@north.test", &[Busy, Failed], &[DESK_8, MAILBOX, "returned"]),
            ("video bob@north.test", &[NoAnswer], &[DESK_8, MAILBOX]),
            ("text bob@north.test", &[Declined], &[DESK_8, "returned"]),
            ("voice anonymous", &[Unreachable], &[DESK_8, "returned"]),
        ],
    );
    for outcome in [&[Busy], &[NoAnswer], &[Declined], &[Failed]] {
        goes("whatever-happens", &[("voice bob@north.test", outcome, &[DESK_20, MAILBOX])]);
    }
}

#[test]
fn callers_are_screened() {
    goes(
        "screening",
        &[
            ("voice anonymous mode", &[], &["refuse please say who you are"]),
            ("voice bob@north.test mode", &[NoAnswer], &[CLIENTS, VOICEMAIL]),
            ("voice bob@north.test mode", &[Busy], &[CLIENTS, "returned"]),
        ],
    );
}

#[test]
fn priority_and_language_decide() {
    goes(
        "operators",
        &[
            ("voice bob@north.test priority:emergency mode", &[Unreachable], &[CLIENTS, VOICEMAIL]),
            ("voice bob@north.test priority:urgent language:is", &[], &["try icelandic@operators.test+0"]),
            ("voice bob@north.test language:en", &[], &["try english@operators.test+0"]),
            ("voice bob@north.test", &[Busy], &["try english@operators.test+0", "returned"]),
        ],
    );
}

#[test]
fn outgoing_calls_are_barred() {
    goes(
        "premium",
        &[
            ("voice +19005551234", &[], &["refuse premium numbers are barred"]),
            ("voice +18005551234", &[], &["send"]),
            ("voice bob@south.test", &[], &["send"]),
            ("page +19005551234", &[], &["send"]),
        ],
    );
}

#[test]
fn the_clock_decides() {
    goes(
        "office-hours",
        &[
            // A Thursday at nine in New York, and the minute before.
            ("voice bob@north.test mode at:2026-11-26T14:00:00Z", &[Busy], &[CLIENTS, "returned"]),
            ("voice bob@north.test mode at:2026-11-26T13:59:00Z", &[], &[MAILBOX]),
            ("voice bob@north.test at:2026-11-26T14:00:00Z", &[], &["refuse nobody is there"]),
            // A Saturday, and before it ever began.
            ("voice bob@north.test mode at:2026-11-28T15:00:00Z", &[Busy], &[MAILBOX, "returned"]),
            ("voice bob@north.test mode at:2000-06-29T14:00:00Z", &[], &[MAILBOX]),
        ],
    );
}

#[test]
fn a_switch_after_an_attempt_is_drawn_to_the_front() {
    goes(
        "all-together",
        &[
            ("voice boss@south.test", &[NoAnswer, Busy], &[DESK_8, "try anne@mobile.test+0", "returned"]),
            ("voice boss@south.test", &[Busy], &[DESK_8, "redirect anne@mailbox.test"]),
            ("voice bob@north.test", &[NoAnswer], &[DESK_8, "redirect anne@mailbox.test"]),
            ("voice bob@north.test", &[Failed], &[DESK_8, "returned"]),
        ],
    );
}

#[test]
fn every_kind_of_node_has_its_counterpart() {
    const NIGHT: &str = "log night: a call at night, log mail to anne@mail.test, busy";
    const DORA: &str = "try dora@north.test+0 10s";
    const CARL: &str = "try carl@north.test+0 10s";
    const BOTH: &str = "try clients+0,carl@north.test+0 20s";
    goes(
        "everything",
        &[
            ("voice x@ads.test", &[], &["refuse not found"]),
            ("voice x@a.south.test subject:a-parcel", &[NoAnswer, Busy], &[DORA, CARL, "returned"]),
            ("voice x@south.test subject:Parcel", &[Declined], &[DORA, "refuse the call was rejected"]),
            (
                "voice x@south.test subject:Parcel",
                &[Busy, Failed],
                &[DORA, CARL, "refuse the call was rejected"],
            ),
            (
                "voice x@south.test",
                &[Failed, Failed],
                &["try carl@north.test+0 20s", "try dora@north.test+0", "returned"],
            ),
            ("voice x@south.test subject:hello", &[], &["refuse nobody is there"]),
            ("voice bob@north.test at:2026-12-24T18:00:00Z", &[], &[NIGHT]),
            ("voice bob@north.test at:2026-12-26T12:00:00Z", &[], &[NIGHT]),
            ("voice bob@north.test at:2026-12-27T07:59:00Z", &[], &[NIGHT]),
            ("voice bob@north.test at:2026-12-27T08:00:00Z", &[], &[CLIENTS]),
            // Every second night from ten to half past four.
            ("voice bob@north.test at:2026-01-08T04:20:00Z", &[], &[NIGHT]),
            ("voice bob@north.test at:2026-01-08T22:20:00Z", &[], &[CLIENTS]),
            // Four times in a day, a quarter of an hour each, from the first one on.
            ("voice bob@north.test at:2026-01-05T04:35:00Z", &[], &[CLIENTS]),
            (
                "voice +4722334455 mode at:2026-01-05T08:35:00Z",
                &[NoAnswer],
                &[BOTH, "try anne@mobile.test+0"],
            ),
            ("voice +4722334456 mode at:2026-01-06T12:35:00Z", &[NoAnswer], &[BOTH, "returned"]),
            ("voice bob@north.test mode at:2026-01-06T12:44:00Z", &[NoAnswer], &[BOTH, "busy"]),
            ("voice bob@north.test mode at:2026-01-06T12:44:00Z", &[Busy], &[BOTH, "returned"]),
            ("voice bob@north.test mode at:2026-01-06T12:45:00Z", &[NoAnswer], &[CLIENTS, VOICEMAIL]),
            ("voice bob@north.test at:2026-01-06T16:30:00Z", &[], &[NIGHT]),
        ],
    );
}

/// Everything is told at once, with its line; and nothing but the script is read.
#[test]
fn what_is_wrong_or_has_no_counterpart_is_told() {
    let refused = ["filter", "elsewhere", "extension", "faults", "no-counterpart", "document-type", "no-xml"];
    let owner = uid("anne@north.test");
    for name in refused {
        let faults = import_cpl(&script(name), "cpl", &Limits::default(), Some(&owner)).unwrap_err();
        golden(name, &faults.in_file(&format!("{name}.xml")).render(false));
    }
}

fn codes(script: &str) -> Vec<Code> {
    let faults = import_cpl(script, "cpl", &Limits::default(), None).map(|_| ()).err();
    faults.iter().flatten().map(|fault| fault.code).collect()
}

/// Periods of a tree end by the clock, those of a script when so many hours have passed.
#[test]
fn a_period_in_which_the_clock_changes_is_a_remark() {
    let remarks = |zone: &str, period: &str| {
        let switch = format!(
            "<time-switch tzid=\"{zone}\"><time {period}><reject status=\"busy\"/></time></time-switch>"
        );
        let script = format!("<cpl><incoming>{switch}</incoming></cpl>");
        let made = import_cpl(&script, "cpl", &Limits::default(), None).unwrap();
        made.remarks.iter().filter(|remark| remark.text.contains("the clock changes")).count()
    };
    let table = [
        ("Europe/Oslo", "dtstart=\"20261024T220000\" duration=\"PT12H\"", 1),
        ("Europe/Oslo", "dtstart=\"20261024T220000\" dtend=\"20261025T100000\"", 0),
        ("Europe/Oslo", "dtstart=\"20261023T220000\" duration=\"PT12H\"", 0),
        ("Europe/Oslo", "dtstart=\"20261024T220000\" duration=\"P1D\"", 0),
        ("Europe/Oslo", "dtstart=\"20260105T220000\" duration=\"PT12H\" freq=\"daily\"", 1),
        ("Europe/Oslo", "dtstart=\"20260105T090000\" duration=\"PT8H\" freq=\"daily\"", 0),
        ("Europe/Oslo", "dtstart=\"20260105T090000\" duration=\"PT1H\" freq=\"daily\" byhour=\"2,9\"", 1),
        ("Africa/Nairobi", "dtstart=\"20260105T220000\" duration=\"PT12H\" freq=\"daily\"", 0),
    ];
    for (zone, period, expected) in table {
        assert_eq!(remarks(zone, period), expected, "{zone} {period}");
    }
}

/// A hunt by one output after the other: `<noanswer>` in `<noanswer>` and so on.
fn hunt(output: &str, attempts: usize) -> String {
    let attempt = |rest: String, at: usize| {
        let after = if rest.is_empty() { rest } else { format!("<{output}>{rest}</{output}>") };
        format!(
            "<location url=\"sip:u{at}@b.test\" clear=\"yes\"><proxy timeout=\"9\">{after}</proxy></location>"
        )
    };
    format!("<cpl><incoming>{}</incoming></cpl>", (0..attempts).rev().fold(String::new(), attempt))
}

/// Each output is followed once, for however many outcomes it stands; what is too deep for a tree is told as that.
#[test]
fn hunts_are_as_long_as_a_tree_may_be_deep() {
    let longest = |output: &str| {
        let made = |attempts: &usize| import_cpl(&hunt(output, *attempts), "cpl", &Limits::default(), None);
        let good = (1..=40).take_while(|attempts| made(attempts).is_ok()).count();
        let text = made(&good).unwrap().text;
        assert_eq!(text.matches("try user u").count(), good, "{text}");
        for attempts in good + 1..=40 {
            let faults = made(&attempts).unwrap_err();
            let [fault] = faults.iter().collect::<Vec<_>>()[..] else { panic!("{faults}") };
            assert_eq!(fault.code, Code::TooDeep, "{}", fault.message);
            assert!(fault.message.contains("deeper than") && fault.help.is_some(), "{}", fault.message);
        }
        good
    };
    assert_eq!(["default", "failure", "noanswer", "busy"].map(longest), [31, 16, 16, 16]);
    // Side by side and in one another: what is followed grows with the script alone.
    let both =
        |output: &str| hunt(output, 12).replace("<cpl><incoming>", "").replace("</incoming></cpl>", "");
    let inner = format!("<busy>{}</busy><default>{}</default>", both("failure"), both("default"));
    let script = format!(
        "<cpl><incoming><lookup source=\"registration\"><success><proxy>{inner}</proxy></success></lookup></incoming></cpl>"
    );
    assert_eq!(codes(&script), []);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what is measured is real time")]
fn scripts_are_bounded() {
    let started = std::time::Instant::now();
    let deep = |name: &str, attributes: &str, depth: usize| {
        let open = format!("<{name}{attributes}>").repeat(depth);
        format!("<cpl><incoming>{open}{}</incoming></cpl>", format!("</{name}>").repeat(depth))
    };
    assert_eq!(codes(&deep("log", "", 90)), []);
    assert_eq!(codes(&deep("log", "", 4_000)), [Code::TooDeep]);
    assert_eq!(codes(&"<a>".repeat(10_000)), [Code::Xml]);
    assert_eq!(codes(&"<a>".repeat(20_000)), [Code::TooLarge], "more pieces than a script may have");
    assert_eq!(codes(&"<cpl>".repeat(100_000)), [Code::TooLarge], "more than a tree may have");
    // Each subaction names the one before it twice: a thousand million laughs.
    let twice = |id: usize| {
        let inner = if id == 0 { "<proxy/>".to_owned() } else { format!("<sub ref=\"s{}\"/>", id - 1) };
        format!(
            "<subaction id=\"s{id}\"><address-switch field=\"origin\"><address is=\"sip:a{id}@b.test\">{inner}</address>\
             <otherwise>{inner}</otherwise></address-switch></subaction>"
        )
    };
    let all: String = (0..30).map(twice).collect();
    let laughs = format!("<cpl>{all}<incoming><sub ref=\"s29\"/></incoming></cpl>");
    assert_eq!(codes(&laughs), [Code::TooLarge]);
    // After each attempt another switch: two thousand million cases.
    let mut tower = "<proxy/>".to_owned();
    for at in 0..31 {
        tower = format!(
            "<location url=\"sip:a@b.test\"><proxy><busy>{tower}</busy><noanswer><address-switch field=\"origin\">\
             <address is=\"sip:a{at}@c.test\"><reject status=\"busy\"/></address></address-switch></noanswer></proxy></location>"
        );
    }
    assert!(!codes(&format!("<cpl><incoming>{tower}</incoming></cpl>")).is_empty());
    let names: String = (0..2_000).map(|at| format!("<a xmlns:b{at}=\"u{at}\">")).collect();
    assert_eq!(codes(&format!("<cpl>{names}{}</cpl>", "</a>".repeat(2_000))), [Code::TooLarge]);
    for scrap in ["", "<", "<cpl/>x", "<cpl><incoming/><incoming/></cpl>", "<tree/>", "\u{0}"] {
        assert!(!codes(scrap).is_empty(), "{scrap}");
    }
    assert_eq!(codes("<cpl/>"), []);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
