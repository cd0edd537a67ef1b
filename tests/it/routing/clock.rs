//! Times of trees in the zones of the world: right when clocks change, and without allocating.

use std::sync::Arc;

use bytes::Bytes;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use proptest::prelude::*;
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{
    Action, Content, Direction, Header, Mode, Party, Profile, Question, Registered, Trace,
};

use super::compiled;

/// Zones whose clocks change in every way there is: by an hour, by half of one, by a day; at other
/// times of the year; never; and with odd offsets.
const ZONES: [&str; 12] = [
    "Europe/Oslo",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Atlantic/Reykjavik",
    "UTC",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn tree(zone: &str, time: &str) -> Profile {
    compiled(&format!(
        "profile \"clock\" {{\n zone {zone}\n incoming {{\n time {time} -> busy\n otherwise -> decline\n }}\n}}"
    ))
}

/// Whether the time of such a tree holds.
fn holds(profile: &Profile, wall_ms: i64) -> bool {
    let question = Question {
        mode: Mode::Voice,
        caller: Party::Anonymous,
        to: Party::Anonymous,
        registered: Registered::None,
        groups: &[],
        contact: false,
        urgent: false,
        wall_ms,
        ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
    };
    let place = profile.decide(Direction::Incoming, &question, &mut Trace::new()).unwrap();
    *profile.action(place) == Action::Busy
}

/// A time as the property below thinks of it.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: i8,
    last: i8,
    from: i16,
    until: i16,
}

impl Span {
    fn text(self) -> String {
        let day = |day: i8| DAYS[usize::try_from(day).unwrap()];
        let hours = |minute: i16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{} {}-{}", day(self.first), day(self.last), hours(self.from), hours(self.until))
    }

    /// Another way to say it: there is a day, today or yesterday, that is one of the days and on which
    /// a span began that has not ended, by dates and not by minutes of a week.
    fn holds(self, at: &Zoned) -> bool {
        let now = at.datetime();
        [at.date(), at.date().yesterday().unwrap()].into_iter().any(|date| {
            let day = date.weekday().to_monday_zero_offset();
            let among = if self.first <= self.last {
                (self.first..=self.last).contains(&day)
            } else {
                day >= self.first || day <= self.last
            };
            let begin = date.at(0, 0, 0, 0) + i64::from(self.from).minutes();
            let end_day = if self.until > self.from { date } else { date.tomorrow().unwrap() };
            let end = end_day.at(0, 0, 0, 0) + i64::from(self.until).minutes();
            among && begin <= now && now < end
        })
    }
}

fn span() -> impl Strategy<Value = Span> {
    (0..7_i8, 0..7_i8, 0..1_440_i16, 0..=1_440_i16)
        .prop_filter("no time", |(_, _, from, until)| from != until && !(*from > 0 && *until == 0))
        .prop_map(|(first, last, from, until)| Span { first, last, from, until })
}

/// Seconds since 1970 around which the clock of a zone changes, some years on and off.
fn changes(zone: &str) -> Vec<i64> {
    let zone = TimeZone::get(zone).unwrap();
    let start: Timestamp = "2008-01-01T00:00:00Z".parse().unwrap();
    let end: Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
    let all = zone.following(start).map(|change| change.timestamp()).take_while(|at| *at < end);
    all.map(Timestamp::as_second).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_hold_by_the_clock_on_the_wall(
        zone in 0..ZONES.len(),
        span in span(),
        picks in prop::collection::vec((any::<u32>(), -100_000..100_000_i64), 30),
        anywhere in prop::collection::vec(0..4_000_000_000_000_i64, 30),
    ) {
        let name = ZONES[zone];
        let (profile, zone) = (tree(name, &span.text()), TimeZone::get(name).unwrap());
        let changes = changes(name);
        let near = picks.iter().filter(|_| !changes.is_empty()).map(|(pick, away)| {
            let change = changes[usize::try_from(*pick).unwrap() % changes.len()];
            (change + away) * 1_000 + away.rem_euclid(1_000)
        });
        for wall_ms in near.chain(anywhere.iter().copied()) {
            let at = Timestamp::from_millisecond(wall_ms).unwrap().to_zoned(zone.clone());
            prop_assert_eq!(holds(&profile, wall_ms), span.holds(&at), "{} at {}", span.text(), at);
        }
    }
}

#[test]
fn clocks_that_are_changed_by_hand() {
    // Oslo: in 2026 the clock goes from 02:00 to 03:00 on 29 March, from 03:00 to 02:00 on 25 October.
    let table: &[(&str, &str, &[(&str, bool)])] = &[
        (
            "Europe/Oslo",
            "02:00-03:00",
            &[
                ("2026-03-28T01:30:00Z", true),
                ("2026-03-29T00:59:59Z", false),
                ("2026-03-29T01:00:00Z", false),
                ("2026-10-24T23:59:59Z", false),
                ("2026-10-25T00:30:00Z", true),
                ("2026-10-25T01:30:00Z", true),
                ("2026-10-25T02:00:00Z", false),
            ],
        ),
        (
            "Europe/Oslo",
            "sat 22:00-06:00",
            &[
                ("2026-03-28T20:59:59Z", false),
                ("2026-03-28T21:00:00Z", true),
                ("2026-03-29T03:59:59Z", true),
                ("2026-03-29T04:00:00Z", false),
                ("2026-10-24T20:00:00Z", true),
                ("2026-10-25T04:59:59Z", true),
                ("2026-10-25T05:00:00Z", false),
            ],
        ),
        (
            "America/New_York",
            "mon-fri 09:00-17:00",
            &[
                ("2026-03-06T14:00:00Z", true),
                ("2026-03-09T13:00:00Z", true),
                ("2026-03-09T12:59:59Z", false),
                ("2026-03-09T21:00:00Z", false),
                ("2026-03-07T15:00:00Z", false),
            ],
        ),
        // Before 1970, and where the offset is none of whole hours.
        (
            "Asia/Kolkata",
            "thu 05:30-05:31",
            &[("1970-01-01T00:00:00Z", true), ("1969-12-25T00:00:59.5Z", true)],
        ),
        ("UTC", "wed 23:59-24:00", &[("1969-12-31T23:59:59.999Z", true), ("1970-01-01T00:00:00Z", false)]),
        // Samoa had no 30 December 2011.
        ("Pacific/Apia", "sat", &[("2011-12-30T09:59:59Z", false), ("2011-12-30T10:00:00Z", true)]),
    ];
    for (zone, time, moments) in table {
        let profile = tree(zone, time);
        for (moment, expected) in *moments {
            let at: Timestamp = moment.parse().unwrap();
            assert_eq!(holds(&profile, at.as_millisecond()), *expected, "{time} in {zone} at {moment}");
        }
    }
}

#[test]
fn without_a_zone_the_clock_is_universal_time() {
    let source = "profile \"p\" { incoming {\n time fri 12:00-13:00 -> busy\n otherwise -> decline\n } }";
    let at: Timestamp = "2026-11-27T12:30:00Z".parse().unwrap();
    assert_eq!(at.to_zoned(TimeZone::UTC).weekday(), Weekday::Friday);
    let profile = compiled(source);
    assert!(holds(&profile, at.as_millisecond()));
    assert_eq!(profile.zone(), None);
    assert!(!holds(&profile, i64::MAX) && !holds(&profile, i64::MIN), "no moment makes it panic");
}

#[test]
fn deciding_allocates_nothing() {
    let profile = compiled(
        r#"profile "p" {
        zone America/New_York
        incoming {
            caller in "Invisible" or number "+1900*" -> ignore
            time mon-fri 09:00-17:00 or sat 10:00-14:00 -> busy
            urgent and caller contact -> also inbox, try clients else inbox
            time 22:00-06:00 -> decline
            time dec-24 to jan-2 or every "FREQ=YEARLY;BYMONTH=3;BYDAY=MO,TU;BYSETPOS=-1" from 2026-01-01 09:00 for 30h -> ignore
            status occupied and account credit under 5 -> hold
            subject contains "lunch" or body matches "*w*n*" or language en -> ignore
            property "a" is "b" or size over 5 -> busy
            otherwise -> busy
        } }"#,
    );
    let caller = Uid::parse("anne@north.test").unwrap();
    let groups: [Arc<str>; 2] = ["Family".into(), "Friends".into()];
    let headers = [
        (Header::Subject, Bytes::from_static(b"About Dinner")),
        (Header::AcceptLanguage, Bytes::from_static(b"da")),
    ];
    let content = Content::new(headers, Bytes::from_static("Dinner\u{e9} now".as_bytes()), 12);
    let mut trace = Trace::new();
    let allocations = allocation_counter::measure(|| {
        for hour in 0..400 {
            let question = Question {
                mode: Mode::Page,
                caller: Party::User(&caller),
                to: Party::User(&caller),
                registered: Registered::None,
                groups: &groups,
                contact: true,
                urgent: true,
                wall_ms: 1_790_000_000_000 + hour * 3_600_000,
                content: Some(&content),
                ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
            };
            let place = profile.decide(Direction::Incoming, &question, &mut trace).unwrap();
            let _ = (profile.action(place), profile.sides(place));
        }
    });
    assert_eq!(allocations.count_total, 0);
}

/// What a profile takes in memory, whatever stands in it: its text, and some times as much. All profiles of a user are in
/// his routing record.
#[test]
fn a_profile_takes_some_times_its_text() {
    const BYTES: usize = 65_000;
    let filled = |piece: &str, end: &str| {
        let head = "profile \"p\" {\n incoming {\n";
        let pieces = piece.repeat((BYTES - head.len() - end.len()) / piece.len());
        format!("{head}{pieces}{end}\n }}\n}}\n")
    };
    let chain = format!("urgent -> {}busy\n", "try clients else ".repeat(30));
    // More of them no file may have.
    let every = "time every \"FREQ=YEARLY;BYDAY=1MO,2TU\" from 2026-01-01 -> busy\n".repeat(190);
    let times = format!("profile \"p\" {{\n incoming {{\n{every}otherwise -> busy\n }}\n}}\n");
    let table = [
        ("comments", filled("# nothing\n", "otherwise -> busy"), 2),
        ("conditions", filled("urgent and ", "urgent -> busy\notherwise -> busy"), 16),
        ("numbers", filled("size over 1 or ", "urgent -> busy\notherwise -> busy"), 16),
        ("callers", filled("caller a@b.c or ", "urgent -> busy\notherwise -> busy"), 16),
        ("attempts", filled(&chain, "otherwise -> busy"), 16),
        ("times", times, 64),
    ];
    let owner = Uid::parse("anne@north.test").unwrap();
    for (what, source, times) in table {
        let mut profile = None;
        let measured = allocation_counter::measure(|| {
            profile = Some(Profile::compile_stored(&source, &Limits::default(), &owner));
        });
        let profile = profile.unwrap().unwrap_or_else(|faults| panic!("{what}: {faults}"));
        let held = usize::try_from(measured.bytes_current).unwrap();
        println!("{what}: {held} bytes for {}", profile.source().len());
        assert!(held <= times * source.len(), "{what}: {held} bytes for {}", source.len());
    }
}
