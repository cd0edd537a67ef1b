//! The trees that are shipped, down every branch: the plan at each place, and where each outcome leads.

use ratatosk::routing::Outcome::{Busy, Declined, Failed, NoAnswer, Unreachable, Unsupported};
use ratatosk::routing::{Direction, Outcome, Place, Profile, Trace};

use super::{ask, compiled, line_told};

pub(super) fn shipped(name: &str) -> String {
    std::fs::read_to_string(format!("routing-trees/{name}.tree")).unwrap()
}

/// Asks a question and follows a list of outcomes: each line on the way, copies and all.
pub(super) fn way(
    profile: &Profile,
    direction: Direction,
    question: &str,
    outcomes: &[Outcome],
) -> Vec<String> {
    ask(question, |question| {
        let mut trace = Trace::new();
        let mut place: Option<Place> = profile.decide(direction, question, &mut trace);
        let mut lines = vec![place.map_or("no tree".to_owned(), |place| line_told(profile, place))];
        for outcome in outcomes {
            place = place.and_then(|place| profile.follow(place, *outcome, &mut trace));
            lines.push(place.map_or("returned".to_owned(), |place| line_told(profile, place)));
        }
        lines
    })
}

/// A question, what comes of each `try`, and the lines on the way.
type Row<'a> = (&'a str, &'a [Outcome], &'a [&'a str]);

fn goes(name: &str, table: &[Row<'_>]) {
    let profile = compiled(&shipped(name));
    for (question, outcomes, lines) in table {
        assert_eq!(way(&profile, Direction::Incoming, question, outcomes), *lines, "{question} {outcomes:?}");
    }
}

/// Only a user who is not there, or does not answer, gets messages: anything else is the phone's own say.
#[test]
fn default() {
    const RING: &str = "try clients+0 60s";
    let mut table: Vec<Row<'_>> = vec![
        ("voice spam@ads.test in:Invisible mode", &[], &["ignore"]),
        ("page anonymous in:Invisible", &[], &["ignore"]),
        ("page bob@north.test", &[Unreachable, Failed], &["try clients+0", "try inbox+0", "returned"]),
        ("page +4712345678 mode", &[NoAnswer], &["try clients+0", "try inbox+0"]),
        ("voice bob@north.test", &[Unreachable, Unreachable], &[RING, "try voicemail+0", "returned"]),
        ("video anonymous mode", &[NoAnswer], &[RING, "try voicemail+0"]),
        ("text bob@north.test", &[Unreachable], &["try clients+0", "returned"]),
        ("file bob@north.test mode", &[NoAnswer], &["try clients+0", "returned"]),
        ("web bob@north.test mode", &[Failed], &["try clients+0", "returned"]),
    ];
    for outcome in [&[Busy], &[Declined], &[Failed], &[Unsupported]] {
        table.push(("page bob@north.test mode", outcome, &["try clients+0", "returned"]));
        table.push(("voice bob@north.test mode", outcome, &[RING, "returned"]));
    }
    goes("default", &table);
    let profile = compiled(&shipped("default"));
    for question in ["voice +1900123", "page bob@south.test", "web bob@south.test"] {
        assert_eq!(way(&profile, Direction::Outgoing, question, &[]), ["send"]);
    }
}

#[test]
fn follow_me() {
    let desk = "try client \"desk\"+0 15s";
    let both = "try client \"desk\"+0,client \"mobile\"+0 30s";
    let mut table: Vec<Row<'_>> = vec![
        ("voice spam@ads.test in:Invisible", &[], &["ignore"]),
        ("page spam@ads.test in:Invisible mode", &[], &["ignore"]),
        ("page bob@north.test mode", &[], &["try clients+0"]),
        ("page bob@north.test", &[Unreachable, Failed], &["try clients+0", "try inbox+0", "returned"]),
        ("page bob@north.test mode", &[NoAnswer], &["try clients+0", "try inbox+0"]),
        ("text bob@north.test mode", &[Busy], &["try clients+0", "returned"]),
        ("file bob@north.test", &[Unreachable], &["try clients+0", "returned"]),
    ];
    let calls = ["voice bob@north.test mode", "video anonymous", "voice +4712345678 reg"];
    let second = [desk, both, "try voicemail+0", "returned"];
    let declined = [desk, "try voicemail+0", "returned"];
    for call in calls {
        table.push((call, &[NoAnswer, NoAnswer, Unreachable], &second));
        table.push((call, &[Unreachable, Declined, Unreachable], &second));
        table.push((call, &[Busy, Unreachable, Unreachable], &second));
        table.push((call, &[Unsupported, Unsupported, Unreachable], &second));
        table.push((call, &[Failed, Failed, Failed], &second));
        table.push((call, &[Declined, Unreachable], &declined));
    }
    goes("follow-me", &table);
    assert_eq!(compiled(&shipped("follow-me")).longest_ring(Direction::Incoming).as_secs(), 180);
}

#[test]
fn assistant() {
    let forward = "forward assistant@north.test";
    let ring = "try clients+0 30s";
    goes(
        "assistant",
        &[
            ("voice spam@ads.test in:Invisible", &[], &["ignore"]),
            ("page anonymous in:Invisible", &[], &["ignore"]),
            ("voice stranger@south.test mode", &[], &[forward]),
            ("voice anonymous mode", &[], &[forward]),
            ("page +4712345678 mode", &[], &[forward]),
            ("file stranger@south.test urgent", &[], &[forward]),
            ("voice assistant@north.test mode", &[NoAnswer], &[ring, "try voicemail+0"]),
            ("page assistant@north.test mode", &[], &["try clients+0"]),
            (
                "voice bob@north.test contact mode",
                &[NoAnswer, Unreachable],
                &[ring, "try voicemail+0", "returned"],
            ),
            ("video bob@north.test in:Friends", &[Unreachable], &[ring, "try voicemail+0"]),
            ("voice bob@north.test contact mode", &[Busy], &[ring, "returned"]),
            ("voice bob@north.test contact mode", &[Declined], &[ring, "returned"]),
            ("voice bob@north.test contact mode", &[Failed], &[ring, "returned"]),
            ("voice bob@north.test contact mode", &[Unsupported], &[ring, "returned"]),
            (
                "page bob@north.test contact",
                &[Unreachable, Failed],
                &["try clients+0", "try inbox+0", "returned"],
            ),
            ("page bob@north.test contact mode", &[NoAnswer], &["try clients+0", "try inbox+0"]),
            ("web bob@north.test contact mode", &[Busy], &["try clients+0", "returned"]),
        ],
    );
    let profile = compiled(&shipped("assistant"));
    assert_eq!(way(&profile, Direction::Outgoing, "voice bob@north.test", &[]), ["no tree"]);
}

const RING: &str = "try clients+0 30s";
const MAIL: &str = "try voicemail+0";

#[test]
fn do_not_disturb() {
    goes(
        "do-not-disturb",
        &[
            ("voice spam@ads.test in:Invisible urgent", &[], &["ignore"]),
            (
                "page bob@north.test contact mode",
                &[Unreachable, Failed],
                &["try clients+0", "try inbox+0", "returned"],
            ),
            ("page stranger@south.test urgent", &[NoAnswer], &["try clients+0", "try inbox+0"]),
            ("voice bob@north.test contact", &[NoAnswer, Unreachable], &[RING, MAIL, "returned"]),
            ("video anonymous urgent", &[Unreachable], &[RING, MAIL]),
            ("voice bob@north.test contact", &[Busy], &[RING, "returned"]),
            ("web bob@north.test in:Friends", &[], &["try clients+0"]),
            ("page stranger@south.test mode", &[Failed], &["reply \"occupied\", try inbox+0", "returned"]),
            ("voice stranger@south.test mode", &[], &["reply \"occupied\""]),
            ("file anonymous", &[], &["busy"]),
        ],
    );
}

#[test]
fn office_hours() {
    const COLLEAGUE: &str = "forward colleague@north.test";
    let mut table: Vec<Row<'_>> = vec![
        ("voice spam@ads.test in:Invisible at:2026-11-26T10:00:00Z", &[], &["ignore"]),
        ("page bob@north.test at:2026-12-24T22:00:00Z", &[Busy], &["try clients+0", "try inbox+0"]),
        // Thursday at nine in Oslo, and the minute before.
        ("voice bob@north.test at:2026-11-26T08:00:00Z", &[Busy], &[RING, COLLEAGUE]),
        ("voice bob@north.test at:2026-11-26T07:59:00Z", &[], &[COLLEAGUE]),
        // In summer Oslo is two hours ahead.
        ("voice bob@north.test at:2026-07-02T07:00:00Z", &[Declined], &[RING, "returned"]),
        ("voice bob@north.test at:2026-07-02T15:00:00Z", &[], &[COLLEAGUE]),
    ];
    for outcome in [&[NoAnswer], &[Unreachable]] {
        table.push(("video anonymous at:2026-11-26T15:59:00Z", outcome, &[RING, COLLEAGUE]));
    }
    // A Saturday; holidays of every year, and of one.
    for at in ["2026-11-28", "2026-12-25", "2029-05-17", "2027-03-26"] {
        let question: &'static str = format!("voice bob@north.test at:{at}T10:00:00Z").leak();
        table.push((question, &[], &[COLLEAGUE]));
    }
    table.push(("voice bob@north.test at:2028-03-24T10:00:00Z", &[Failed], &[RING, "returned"]));
    goes("office-hours", &table);
}

#[test]
fn reach_me() {
    let copy = "also inbox, try \"gsm\"+0";
    let told = "reply \"away, by phone\", also inbox, try \"gsm\"+0";
    goes(
        "reach-me",
        &[
            ("page spam@ads.test in:Invisible", &[], &["ignore"]),
            (
                "page bob@north.test mode",
                &[Unreachable, Unreachable],
                &["also inbox, try clients+0", "try \"gsm\"+0", "returned"],
            ),
            ("page bob@north.test status:occupied", &[Busy], &["also inbox, try clients+0", "try \"gsm\"+0"]),
            ("page bob@north.test contact status:away", &[Unreachable], &[told, "try clients+0"]),
            ("page bob@north.test contact", &[], &[told]),
            ("page anonymous status:offline mode", &[Failed], &[copy, "try clients+0"]),
            ("voice bob@north.test", &[Unreachable, NoAnswer], &[RING, "try \"gsm\"+0 30s", MAIL]),
            ("voice bob@north.test mode", &[NoAnswer], &[RING, "try \"gsm\"+0 30s"]),
            ("voice bob@north.test mode", &[Declined], &[RING, "returned"]),
            ("video bob@north.test", &[], &["try clients+0"]),
        ],
    );
}

#[test]
fn block_politely() {
    goes(
        "block-politely",
        &[
            ("voice spam@ads.test in:Invisible mode", &[], &["ignore"]),
            ("page anonymous in:Invisible mode", &[], &["ignore"]),
            ("page bob@north.test", &[Unreachable], &["try clients+0", "try inbox+0"]),
            ("voice bob@north.test", &[NoAnswer], &["try clients+0 60s", MAIL]),
            ("video bob@north.test", &[Unreachable], &["try clients+0 60s", MAIL]),
            ("voice bob@north.test", &[Busy], &["try clients+0 60s", "returned"]),
            ("text bob@north.test", &[], &["try clients+0"]),
        ],
    );
}

#[test]
fn mobile_when_offline() {
    let gsm = "try \"gsm\"+0 30s";
    goes(
        "mobile-when-offline",
        &[
            ("voice spam@ads.test in:Invisible", &[], &["ignore"]),
            ("voice bob@north.test", &[Unreachable], &[gsm, MAIL]),
            ("voice bob@north.test mode", &[NoAnswer, NoAnswer], &["try clients+0 20s", gsm, MAIL]),
            ("voice bob@north.test reg", &[Unreachable], &["try clients+0 20s", gsm]),
            ("voice bob@north.test mode", &[Declined], &["try clients+0 20s", "returned"]),
            ("page bob@north.test", &[Unreachable], &["try clients+0", "try inbox+0"]),
            ("video bob@north.test", &[], &["try clients+0"]),
        ],
    );
}

/// Each question to an outgoing tree, and the line that it comes to.
fn lets_go(name: &str, table: &[(&str, &str)]) {
    let profile = compiled(&shipped(name));
    for (question, line) in table {
        assert_eq!(way(&profile, Direction::Outgoing, question, &[]), [*line], "{question}");
    }
    assert!(!profile.has(Direction::Incoming));
}

#[test]
fn office_line() {
    const OFFICE: &str = "try trunk \"office\" as +4722000000+0";
    const ABROAD: &str = "try trunk \"abroad\" as +4722000000+0";
    let profile = compiled(&shipped("office-line"));
    let abroad = "voice +35455512345 at:2026-11-26T10:00:00Z";
    let goes = |question: &str, outcomes: &[Outcome]| way(&profile, Direction::Outgoing, question, outcomes);
    assert_eq!(goes("voice +4722334455", &[Unreachable]), [OFFICE, "send"]);
    assert_eq!(goes("voice +4722334455", &[Busy]), [OFFICE, "returned"]);
    assert_eq!(goes(abroad, &[Failed, Unreachable]), [ABROAD, OFFICE, "send"]);
    assert_eq!(goes(abroad, &[NoAnswer]), [ABROAD, "returned"]);
    lets_go(
        "office-line",
        &[
            ("voice +19005551234 at:2026-11-26T10:00:00Z", "refuse premium numbers are barred"),
            ("voice +4782912345", "refuse premium numbers are barred"),
            ("voice +4722334455 device:hall", OFFICE),
            ("voice 100", "send"),
            ("page bob@south.test", "send"),
            (
                "voice +35455512345 device:hall at:2026-11-26T10:00:00Z",
                "refuse no calls abroad from this phone",
            ),
            ("voice +35455512345 device:desk at:2026-11-26T10:00:00Z", ABROAD),
            ("video +35455512345 at:2026-11-26T20:00:00Z", "send"),
            (
                "voice +35455512345 at:2026-11-26T20:00:00Z",
                "log a call abroad at night, refuse calls abroad from 7 to 19 only",
            ),
        ],
    );
}

#[test]
fn low_credit() {
    lets_go(
        "low-credit",
        &[
            ("voice bob@south.test credit:0", "send"),
            ("voice 100", "send"),
            ("voice +4722334455 credit:0", "refuse your account is empty"),
            ("voice 004722334455 credit:-3", "refuse your account is empty"),
            ("voice +4722334455 credit:1", "send"),
            ("page +4722334455 credit:100 account:trial", "refuse a trial account calls users only"),
        ],
    );
}

#[test]
fn fallback() {
    const PAGE: &str = "refuse please send a page";
    let mut table: Vec<Row<'_>> = vec![
        ("video spam@ads.test in:Invisible", &[], &["ignore"]),
        ("video bob@north.test mode", &[Unsupported], &[RING, "refuse no camera here: please call by voice"]),
        ("video bob@north.test", &[Unreachable], &[RING, MAIL]),
        ("video bob@north.test", &[Busy], &[RING, "returned"]),
        ("voice bob@north.test", &[NoAnswer], &[RING, MAIL]),
        ("voice bob@north.test", &[Declined], &[RING, "returned"]),
        ("text bob@north.test", &[Busy], &[RING, "returned"]),
        ("page bob@north.test", &[Unsupported], &["try clients+0", "try inbox+0"]),
        ("file bob@north.test", &[], &["try clients+0"]),
    ];
    for outcome in [&[Unsupported], &[NoAnswer], &[Unreachable]] {
        table.push(("text bob@north.test", outcome, &[RING, PAGE]));
    }
    goes("fallback", &table);
}

#[test]
fn agent() {
    const OFFLINE: &str = "reply \"offline\"";
    const SHORT: &str = "try clients+0 10s";
    let mut table: Vec<Row<'_>> = vec![
        ("page bob@north.test mode", &[Busy], &["try clients+0", "returned"]),
        ("voice anonymous mode", &[Busy], &[SHORT, "returned"]),
        ("video bob@north.test mode", &[], &["refuse this service answers by text and by voice"]),
    ];
    for outcome in [&[Unreachable], &[NoAnswer]] {
        table.push(("voice bob@north.test", outcome, &[SHORT, OFFLINE]));
        table.push(("text bob@north.test", outcome, &["try clients+0", OFFLINE]));
    }
    table.push(("page bob@north.test", &[Failed], &["try clients+0", OFFLINE]));
    goes("agent", &table);
}

/// Chart 7 of the seed.
#[test]
fn statuses() {
    let (ring, inbox) = ("try clients+0 60s", &["try clients+0", "try inbox+0"]);
    goes(
        "statuses",
        &[
            ("page spam@ads.test in:Invisible urgent", &[], &["ignore"]),
            ("page bob@north.test status:available", &[Unreachable], inbox),
            ("page bob@north.test status:occupied urgent", &[Unreachable], inbox),
            ("page bob@north.test status:occupied mode", &[], &["reply \"occupied\", hold"]),
            ("page bob@north.test status:away urgent", &[], &["reply \"away\", hold"]),
            ("page anonymous", &[], &["reply \"offline\", hold"]),
            ("voice bob@north.test mode", &[NoAnswer], &[ring, MAIL]),
            ("voice bob@north.test status:occupied urgent", &[Unreachable], &[ring, MAIL]),
            ("voice bob@north.test mode", &[Busy], &[ring, "returned"]),
            ("video bob@north.test status:occupied", &[], &[MAIL]),
            ("voice bob@north.test status:away urgent", &[], &[MAIL]),
            ("web bob@north.test mode", &[], &["try clients+0"]),
            ("text bob@north.test status:away", &[], &["busy"]),
        ],
    );
}
