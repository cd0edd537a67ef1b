//! Dates, holidays and recurring times: rules against another implementation, and by hand.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use proptest::prelude::*;
use ratatosk::base::Limits;
use ratatosk::routing::{
    Action, Code, Direction, Mode, Party, Profile, Question, Trace, differences, followed_until, format,
};

use super::compiled;

const ZONES: [&str; 5] =
    ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"];

fn tree(zone: &str, head: &str, time: &str) -> String {
    format!(
        "profile \"clock\" {{\n zone {zone}\n {head}\n incoming {{\n time {time} -> busy\n otherwise -> decline\n }}\n}}"
    )
}

/// Whether the time of such a tree holds by its zone's clock; `None` if the clock never shows that.
fn holds(profile: &Profile, zone: &TimeZone, day: Date, minute: i8, hour: i8) -> Option<bool> {
    let wall = day.at(hour, minute, 0, 0);
    let at: Zoned = wall.to_zoned(zone.clone()).unwrap();
    (at.datetime() == wall).then(|| {
        let question = Question {
            wall_ms: at.timestamp().as_millisecond(),
            ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
        };
        let place = profile.decide(Direction::Incoming, &question, &mut Trace::new()).unwrap();
        *profile.action(place) == Action::Busy
    })
}

/// Numbers with a comma between them.
fn numbers(range: std::ops::Range<i16>, signed: bool) -> impl Strategy<Value = String> {
    let one = (range, any::<bool>()).prop_map(move |(n, minus)| if minus && signed { -n } else { n });
    prop::collection::btree_set(one, 1..4)
        .prop_map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn weekdays() -> impl Strategy<Value = String> {
    proptest::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..4)
        .prop_map(|days| days.join(","))
}

fn maybe(name: &'static str, value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop_oneof![2 => Just(String::new()), 1 => value.prop_map(move |value| format!(";{name}={value}"))]
        .boxed()
}

/// A rule, with the parts that its FREQ allows.
fn rule() -> impl Strategy<Value = String> {
    let nth = || {
        let one = (1..6_i16, any::<bool>(), proptest::sample::select(vec!["MO", "WE", "SU"]))
            .prop_map(|(n, minus, day)| format!("{}{n}{day}", if minus { "-" } else { "" }));
        prop::collection::vec(one, 1..3).prop_map(|list| list.join(","))
    };
    let places = || maybe("BYSETPOS", numbers(1..4, true));
    let daily = (
        maybe("BYMONTH", numbers(1..13, false)),
        maybe("BYMONTHDAY", numbers(1..32, true)),
        maybe("BYDAY", weekdays()),
    )
        .prop_map(|(a, b, c)| format!("FREQ=DAILY{a}{b}{c}"));
    let weekly = (
        maybe("BYMONTH", numbers(1..13, false)),
        maybe("BYDAY", weekdays()),
        maybe("WKST", Just("SU".to_owned())),
    )
        .prop_map(|(a, b, c)| format!("FREQ=WEEKLY{a}{b}{c}"));
    let monthly = (
        maybe("BYMONTH", numbers(1..13, false)),
        prop_oneof![
            numbers(1..32, true).prop_map(|list| format!(";BYMONTHDAY={list}")),
            weekdays().prop_map(|list| format!(";BYDAY={list}")),
            nth().prop_map(|list| format!(";BYDAY={list}")),
        ],
        places(),
    )
        .prop_map(|(a, b, c)| format!("FREQ=MONTHLY{a}{b}{c}"));
    let yearly = (prop_oneof![
        numbers(1..13, false).prop_map(|list| format!(";BYMONTH={list}")),
        numbers(1..367, true).prop_map(|list| format!(";BYYEARDAY={list}")),
        numbers(1..54, false).prop_map(|list| format!(";BYWEEKNO={list};BYDAY=TU,SA")),
        nth().prop_map(|list| format!(";BYDAY={list}")),
        (numbers(1..13, false), nth()).prop_map(|(a, b)| format!(";BYMONTH={a};BYDAY={b}")),
        (numbers(1..13, false), weekdays())
            .prop_map(|(a, b)| format!(";BYMONTH={a};BYDAY={b};BYSETPOS=1,-1")),
    ],)
        .prop_map(|(a,)| format!("FREQ=YEARLY{a}"));
    let end = prop_oneof![
        2 => Just(String::new()),
        1 => (1..30_u8).prop_map(|count| format!(";COUNT={count}")),
        1 => (1..13_u8).prop_map(|month| format!(";UNTIL=2027{month:02}15")),
    ];
    (prop_oneof![daily, weekly, monthly, yearly], 1..5_u8, end).prop_map(|(rule, interval, end)| {
        // The two do not stand together.
        let end = if rule.contains("BYSETPOS") && end.contains("COUNT") { String::new() } else { end };
        format!("{rule};INTERVAL={interval}{end}")
    })
}

/// The dates on which another implementation says that a rule comes.
fn expected(rule: &str, first: Date) -> Option<BTreeSet<String>> {
    let compact = |date: Date| date.strftime("%Y%m%d").to_string();
    // It wants to know until when by the second.
    let rule = rule.split(';').map(|part| match part.strip_prefix("UNTIL=") {
        Some(until) => format!("UNTIL={until}T235959Z"),
        None => part.to_owned(),
    });
    let rule = rule.collect::<Vec<_>>().join(";");
    let text = format!("DTSTART:{}T090000Z\nRRULE:{rule}", compact(first));
    let set: rrule::RRuleSet = text.parse().ok()?;
    let dates = set.all(1_500).dates;
    Some(dates.iter().map(|date| date.format("%Y-%m-%d").to_string()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_come_when_another_implementation_says_so(rule in rule(), offset in 0..400_i64, zone in 0..ZONES.len(), hour in 0..24_i8) {
        let first = date(2025, 1, 1) + offset.days();
        let end = first + 1_100.days();
        let Some(expected) = expected(&rule, first) else { return Err(TestCaseError::reject("no rule")) };
        let source = tree(ZONES[zone], "", &format!("every \"{rule}\" from {first} {hour:02}:10 for 20m"));
        let profile = match Profile::compile(&source) {
            Ok(profile) => profile,
            // A rule that never comes, in whatever year, is a rule in vain.
            Err(faults) => {
                let never = faults.iter().all(|fault| fault.code == Code::DeadRule) && expected.is_empty();
                prop_assert!(never, "{}", faults.render(false));
                return Ok(());
            }
        };
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        for day in (first - 40.days()).series(1.day()).take_while(|day| *day < end) {
            let comes = expected.contains(&day.to_string());
            for (minute, inside) in [(9, false), (10, true), (29, true), (30, false)] {
                let held = holds(&profile, &zone, day, minute, hour);
                prop_assert!(held.is_none_or(|held| held == (comes && inside)), "{rule} from {first} on {day} at {minute}");
            }
        }
    }
}

#[test]
fn times_that_are_written_by_hand() {
    let holidays = "holidays jan-1 or dec-24 to dec-26 or 2027-03-26";
    let table: &[(&str, &[(&str, bool)])] = &[
        (
            "2026-12-24",
            &[("2026-12-24T00:00", true), ("2026-12-25T00:00", false), ("2027-12-24T12:00", false)],
        ),
        (
            "dec-24 to jan-2",
            &[("2031-12-31T12:00", true), ("2032-01-02T23:59", true), ("2032-01-03T00:00", false)],
        ),
        ("feb-29", &[("2028-02-29T12:00", true), ("2027-03-01T12:00", false)]),
        (
            "2026-12-01 to 2026-12-31 mon-fri 09:00-17:00",
            &[
                ("2026-12-01T09:00", true),
                ("2026-12-05T09:00", false),
                ("2027-01-01T09:00", false),
                ("2026-12-31T16:59", true),
            ],
        ),
        // A night belongs to the date on which it began.
        (
            "dec-31 22:00-02:00",
            &[("2027-01-01T01:59", true), ("2026-12-31T01:00", false), ("2027-01-01T22:30", false)],
        ),
        (
            "holiday",
            &[
                ("2026-01-01T12:00", true),
                ("2026-12-25T12:00", true),
                ("2027-03-26T12:00", true),
                ("2026-03-26T12:00", false),
            ],
        ),
        (
            "holiday 09:00-10:00 or sun",
            &[("2026-12-25T09:30", true), ("2026-12-25T10:30", false), ("2026-12-27T23:00", true)],
        ),
        // The last Friday of each month from six in the evening to two in the morning.
        (
            "every \"FREQ=MONTHLY;BYDAY=-1FR\" from 2026-01-01 18:00 for 8h",
            &[
                ("2026-11-27T18:00", true),
                ("2026-11-28T01:59", true),
                ("2026-11-28T02:00", false),
                ("2026-11-20T19:00", false),
            ],
        ),
        (
            "every \"freq=weekly;interval=2;byday=mo\" from 2026-01-05 for 2d",
            &[
                ("2026-01-06T23:59", true),
                ("2026-01-07T00:00", false),
                ("2026-01-12T12:00", false),
                ("2026-01-19T12:00", true),
            ],
        ),
        // In Oslo there is no 02:30 on 29 March 2026; the time ends by the clock all the same.
        (
            "every \"FREQ=DAILY\" from 2026-03-01 01:30 for 90m",
            &[("2026-03-29T01:59", true), ("2026-03-29T03:00", false), ("2026-10-25T02:59", true)],
        ),
    ];
    hold_at(holidays, table);
}

/// On which day a rule comes that does not say so, and for the last time if it says how often.
#[test]
fn rules_are_completed_and_counted() {
    let table: &[(&str, &[(&str, bool)])] = &[
        // Of a week that a rule names, the day on which it came first.
        (
            "every \"FREQ=YEARLY;BYWEEKNO=20\" from 2026-01-06",
            &[("2026-05-12T12:00", true), ("2026-05-11T12:00", false), ("2027-05-18T12:00", true)],
        ),
        // However long it takes to come so often.
        (
            "every \"FREQ=MONTHLY;COUNT=900\" from 2026-01-05",
            &[("2066-02-05T12:00", true), ("2100-12-05T12:00", true), ("2101-01-05T12:00", false)],
        ),
        (
            "every \"FREQ=YEARLY;COUNT=60\" from 2026-01-05",
            &[("2085-01-05T12:00", true), ("2086-01-05T12:00", false)],
        ),
        (
            "every \"FREQ=YEARLY;COUNT=12\" from 2028-02-29",
            &[("2072-02-29T12:00", true), ("2076-02-29T12:00", false)],
        ),
    ];
    hold_at("", table);
}

/// Asks whether times hold at moments by the clock of Oslo.
fn hold_at(holidays: &str, table: &[(&str, &[(&str, bool)])]) {
    let zone = TimeZone::get("Europe/Oslo").unwrap();
    for (time, moments) in table {
        let profile = compiled(&tree("Europe/Oslo", holidays, time));
        for (moment, expected) in *moments {
            let wall: jiff::civil::DateTime = moment.parse().unwrap();
            let held = holds(&profile, &zone, wall.date(), wall.minute(), wall.hour());
            assert_eq!(held, Some(*expected), "{time} at {moment}");
        }
    }
}

#[test]
fn times_have_one_form() {
    let source = tree(
        "Europe/Oslo",
        "holidays  jan-1 or dec-24 to dec-26\n holidays 2027-03-26",
        "dec-24 to jan-2 9:00-17:00 or holiday sat or every \"freq=daily;interval=3\" from 2026-01-05 9:00 for 480m",
    );
    let once = format(&source).unwrap();
    assert_eq!(format(&once).unwrap(), once);
    for line in [
        "  holidays jan-1 or dec-24 to dec-26\n",
        "  holidays 2027-03-26\n",
        "time dec-24 to jan-2 09:00-17:00 or holiday sat or every \"FREQ=DAILY;INTERVAL=3\" from 2026-01-05 09:00 for 8h ->",
    ] {
        assert!(once.contains(line), "{line} in {once}");
    }
    assert_eq!(compiled(&once), compiled(&source));
}

/// Two times that come in every so manieth month, and together for the first time after the years that are gone through.
const MEET: &str = "time every \"FREQ=MONTHLY;INTERVAL=17\" from 2027-01-10 and time every \"FREQ=MONTHLY;INTERVAL=41\" from 2027-05-10 -> busy\n otherwise -> ignore";

/// What is found of two trees holds in every year, or else up to one that is told.
#[test]
fn trees_are_compared_for_all_years() {
    let tree = |rules: &str| compiled(&format!("profile \"p\" {{ incoming {{\n{rules}\n}} }}"));
    let table = [
        ("time feb-29", "time feb-29 tue or feb-29 sun or feb-29 fri", true, None),
        ("time feb-29", "time feb-29 mon-fri or feb-29 sat or feb-29 sun", false, None),
        ("time dec-24 to jan-2 22:00-06:00", "time dec-24 to dec-31 22:00-06:00", true, None),
        ("time every \"FREQ=YEARLY;BYWEEKNO=53\" from 2026-01-05", "time 2026-12-28", true, None),
        ("time every \"FREQ=WEEKLY;INTERVAL=2\" from 2026-01-05", "time mon", true, Some(2035)),
    ];
    for (one, other, differ, until) in table {
        let rules = |when: &str| tree(&format!("{when} -> busy\n otherwise -> ignore"));
        let (one, other) = (rules(one), rules(other));
        let found = differences((&one, &other), &one, &Limits::default()).unwrap();
        assert_eq!(!found.is_empty(), differ, "{}{}", one.source(), other.source());
        assert_eq!(followed_until(&[&one, &other]), until, "{}", one.source());
    }
    let (meet, never) = (tree(MEET), tree("otherwise -> ignore"));
    assert_eq!(differences((&meet, &never), &meet, &Limits::default()), Ok(Vec::new()));
    assert_eq!(followed_until(&[&meet, &never]), Some(2036));
    assert_eq!(followed_until(&[&never]), None);
    let utc = TimeZone::get("UTC").unwrap();
    assert_eq!(holds(&meet, &utc, date(2075, 3, 10), 0, 12), Some(true));
}

/// The codes of all faults of a tree.
fn codes(rules: &str) -> Vec<Code> {
    let source = format!("profile \"p\" {{ holidays dec-25\n incoming {{\n{rules}\n}} }}");
    Profile::compile(&source)
        .map_or_else(|faults| faults.iter().map(|fault| fault.code).collect(), |_| Vec::new())
}

#[test]
fn times_are_proved_for_all_years() {
    let table: &[(&str, &[Code])] = &[
        // A 29th of February is a Wednesday in 2040, and a Monday in 2044.
        ("time feb-29 {\n time tue or sun or fri -> busy\n }\n otherwise -> ignore", &[Code::NotTotal]),
        ("time feb-29 mon -> busy\n otherwise -> ignore", &[]),
        ("time feb-29 {\n time mon-fri -> busy\n time sat or sun -> decline\n }\n otherwise -> ignore", &[]),
        // Every 17 months, and every 41: they meet in March 2075, and not before.
        (MEET, &[]),
        // What is known all the same is told.
        (
            "time every \"FREQ=WEEKLY;INTERVAL=2\" from 2026-01-05 -> busy\n time mon -> decline\n \
             time mon 09:00-10:00 -> ignore\n otherwise -> ignore",
            &[Code::DeadRule],
        ),
        (
            "time mon -> busy\n time mon and time every \"FREQ=WEEKLY;INTERVAL=2\" from 2026-01-05 -> decline\n \
             otherwise -> ignore",
            &[Code::DeadRule],
        ),
        (
            "time every \"FREQ=MONTHLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=30\" from 2026-01-01 -> busy\n otherwise -> ignore",
            &[Code::DeadRule],
        ),
        // One that ends has been followed to its end.
        (
            "time every \"FREQ=DAILY;INTERVAL=2;COUNT=3\" from 2026-01-05 and time 2026-01-06 -> busy\n otherwise -> ignore",
            &[Code::DeadRule],
        ),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(rules), *expected, "{rules}");
    }
}

#[test]
fn times_are_proved() {
    let table: &[(&str, &[Code])] = &[
        ("time 2026-12-24 -> busy\n time dec-24 -> decline\n otherwise -> ignore", &[]),
        ("time dec-24 -> busy\n time 2026-12-24 -> decline\n otherwise -> ignore", &[Code::DeadRule]),
        (
            "time holiday -> busy\n time dec-25 10:00-12:00 -> decline\n otherwise -> ignore",
            &[Code::DeadRule],
        ),
        // The 31st of December 2026 is a Thursday.
        ("time 2026-12-31 fri -> busy\n otherwise -> ignore", &[Code::DeadRule]),
        ("time jan-1 to jun-30 -> busy\n time jul-1 to dec-31 -> decline", &[]),
        ("time jan-1 to jun-30 -> busy\n time jul-1 to dec-30 -> decline", &[Code::NotTotal]),
        (
            "time every \"FREQ=DAILY;INTERVAL=2\" from 2020-01-01 -> busy\n \
             time every \"FREQ=DAILY;INTERVAL=2\" from 2020-01-02 -> decline\n otherwise -> ignore",
            &[],
        ),
        (
            "time mon -> busy\n time every \"FREQ=WEEKLY;BYDAY=MO\" from 2026-01-01 09:00 for 8h -> decline\n \
             otherwise -> ignore",
            &[Code::DeadRule],
        ),
        (
            "time every \"FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30\" from 2026-01-01 -> busy\n otherwise -> ignore",
            &[Code::DeadRule],
        ),
        ("time every \"FREQ=HOURLY\" from 2026-01-01 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        (
            "time every \"FREQ=WEEKLY;COUNT=2;UNTIL=20270101\" from 2026-01-01 -> busy\n otherwise -> ignore",
            &[Code::BadTime],
        ),
        ("time every \"INTERVAL=2\" from 2026-01-01 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        ("time every \"FREQ=DAILY\" from jan-1 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        (
            "time every \"FREQ=DAILY\" from 2026-01-01 for 9d -> busy\n otherwise -> ignore",
            &[Code::BadDuration],
        ),
        ("time 2026-12-32 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        ("time dec-24 to 2026-12-26 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        ("time mon dec-24 -> busy\n otherwise -> ignore", &[Code::BadTime]),
        ("time dec-24 or dec-26 10:00-12:00 -> busy\n otherwise -> ignore", &[Code::BadTime]),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(rules), *expected, "{rules}");
    }
    let source = "profile \"p\" { incoming {\n time holiday -> busy\n otherwise -> ignore\n} }";
    assert_eq!(Profile::compile(source).unwrap_err().iter().next().unwrap().code, Code::BadTime);
    let open = "profile \"p\" { incoming {\n not time 2026-12-24 10:00-12:00 -> busy\n} }";
    let faults = Profile::compile(open).unwrap_err();
    let message = &faults.iter().next().unwrap().message;
    assert_eq!(message, "a voice call from anybody on Thursday 2026-12-24 at 10:00 reaches no rule");
}
