//! The trees that are shipped, down every branch: the plan at each place, and where each outcome leads.

use ratatosk::routing::Outcome::{Busy, Declined, Failed, NoAnswer, Unreachable, Unsupported};
use ratatosk::routing::{Direction, Outcome, Place, Profile, Trace};

use super::{ask, compiled, line_told};

pub(super) fn shipped(name: &str) -> String {
    std::fs::read_to_string(format!("routing-trees/{name}.tree")).unwrap()
}

/// Asks a question and follows a list of outcomes: each line on the way, copies and all.
fn way(profile: &Profile, direction: Direction, question: &str, outcomes: &[Outcome]) -> Vec<String> {
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
