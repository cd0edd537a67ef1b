//! What people write instead of the language's own words: each is told once, with what to write.

use std::fmt::Write as _;

use ratatosk::base::Limits;
use ratatosk::routing::{Code, Names, Profile};

use super::faults::{golden, in_good_time};
use super::uid;

/// Rules of an incoming tree, before a rule for everybody; and whole files, which begin with `profile`.
const WRONG: &[&str] = &[
    // Arrows, commas and other signs.
    "mode voice => busy",
    "mode voice → busy",
    "mode voice —> busy",
    "mode voice --> busy",
    "mode voice: busy",
    "mode voice= busy",
    "caller bob@south.test: busy",
    "mode voice busy",
    "mode voice then busy",
    "mode voice caller anonymous -> busy",
    "mode voice, video -> busy",
    "caller bob@south.test, carl@south.test -> busy",
    "time mon, tue -> busy",
    "time mon tue -> busy",
    "mode voice || video -> busy",
    "mode voice && urgent -> busy",
    "mode voice OR video -> busy",
    "busy // nobody",
    "mode voice -> busy // nobody",
    "// nobody",
    "mode voice -> try clients; mode video -> busy",
    "mode voice -> busy; mode video -> busy",
    "mode voice -> busy ; mode video -> busy",
    "mode voice -> try clients for 20s;",
    // Conditions.
    "mode voice and video -> busy",
    "caller bob@south.test and carl@south.test -> busy",
    "bob@south.test -> busy",
    "if mode voice -> busy",
    "when urgent -> busy",
    "mode = voice -> busy",
    "caller is bob@south.test -> busy",
    "status is away -> busy",
    "status is not away -> busy",
    "caller is in \"Friends\" -> busy",
    "from bob@south.test -> busy",
    "MODE voice -> busy",
    "mode VOICE -> busy",
    "mode sms -> busy",
    "away -> busy",
    "anonymous -> busy",
    "mon-fri 09:00-17:00 -> busy",
    "weekend -> busy",
    "time weekend -> busy",
    "status busy -> busy",
    "status online -> busy",
    "caller everybody -> busy",
    "caller unknown -> busy",
    "caller +47 22 33 44 55 -> busy",
    "caller sip:bob@south.test -> busy",
    "caller \"sip:bob@south.test\" -> busy",
    "size > 1000 -> busy",
    "size = 1000 -> busy",
    "size 1000 -> busy",
    "account credit < 5 -> busy",
    "subject is \"x\" -> busy",
    "subject has \"x\" -> busy",
    "property lunch = yes -> busy",
    "property \"lunch\" = \"yes\" -> busy",
    "property lunch -> busy",
    // Times.
    "time dec 24 -> busy",
    "time 24.12.2026 -> busy",
    "time 24.12. -> busy",
    "time 12/24/2026 -> busy",
    "time holidays -> busy",
    "date dec-24 -> busy",
    "time after 17:00 -> busy",
    "time every \"FREQ=WEEKLY\" from 2026-01-05 for 8 h -> busy",
    // Actions and targets.
    "mode voice -> try clients 20s",
    "mode voice -> try clients 20",
    "mode voice -> try clients for 20",
    "mode voice -> try clients for 20 s",
    "mode voice -> try clients for 2 minutes",
    "mode voice -> try clients for 20seconds",
    "mode voice -> try clients for a while",
    "mode voice -> decline, log \"x\"",
    "mode voice -> try clients, also inbox",
    "mode voice -> try clients, reply \"away\"",
    "mode voice -> try clients, set \"a\" \"b\"",
    "mode voice -> try clients, log \"x\"",
    "mode voice -> try clients, then voicemail",
    "mode voice -> try clients then voicemail",
    "mode voice -> try clients, decline",
    "mode voice -> voicemail for 30s, inbox",
    "mode voice -> try clients and user bob@south.test",
    "mode voice -> try clients or voicemail",
    "mode voice -> try clients ELSE voicemail",
    "mode voice -> try desk",
    "mode voice -> try 'desk'",
    "mode voice -> try phones for 20s else busy",
    "mode voice -> try +4722334455",
    "mode voice -> try bob@south.test",
    "mode voice -> try sip:bob@south.test",
    "mode voice -> forward sip:bob@south.test",
    "mode voice -> voice mail",
    "mode voice -> try voice mail",
    "mode voice -> reject",
    "mode voice -> hangup",
    "mode voice -> ring clients",
    "mode voice -> ring all my phones",
    "mode voice -> block",
    "mode voice -> Busy",
    "mode voice -> refuse busy",
    "mode voice -> refuse because",
    "mode voice -> set lunch \"yes\", busy",
    "mode voice -> set lunch = yes, busy",
    // Outcomes.
    "mode voice -> try clients {\n voicemail\n}",
    "mode voice -> try clients {\n else -> voicemail\n}",
    "mode voice -> try clients {\n timeout -> voicemail\n}",
    "mode voice -> try clients {\n noanswer -> voicemail\n}",
    "mode voice -> try clients {\n no answer -> voicemail\n}",
    "mode voice -> try clients {\n busy, no-answer -> voicemail\n}",
    "mode voice -> try clients {\n busy voicemail\n}",
    "mode voice -> try clients {\n no-answer -> voicmail\n}",
    // Rules.
    "mode voice {\n try clients\n}",
    "mode voice {\n try clients for 20s else inbox\n}",
    "mode voice -> try clients\n else -> voicemail",
    "mode voice -> try clients\n else voicemail",
    "profile \"p\" {\n incoming {\n mode voice -> busy\n else -> busy\n }\n}",
    "profile \"p\" {\n incoming {\n mode voice -> busy\n default -> busy\n }\n}",
    "profile \"p\" {\n incoming {\n mode voice -> busy\n Otherwise -> busy\n }\n}",
    // Files.
    "profile \"p\" {\n outgoing {\n to bob@south.test and carl@south.test -> send\n otherwise -> refuse \"no\"\n }\n}",
    "profile \"p\" {\n otherwise -> busy\n}",
    "profile \"p\" {\n mode voice -> busy\n}",
    "profile \"p\" {\n zone Oslo\n incoming {\n otherwise -> busy\n }\n}",
    "profile \"p\" {\n timezone Europe/Oslo\n incoming {\n otherwise -> busy\n }\n}",
    "profile \"p\" {\n inbound {\n otherwise -> busy\n }\n}",
    "incoming {\n otherwise -> busy\n}",
];

#[test]
fn whoever_writes_other_words_is_told_ours() {
    let mut told = String::new();
    for wrong in WRONG {
        let is_file = wrong.starts_with("profile") || wrong.starts_with("incoming");
        let file = format!("profile \"p\" {{\nincoming {{\n{wrong}\notherwise -> ignore\n}}\n}}\n");
        let source = if is_file { (*wrong).to_owned() } else { file };
        let faults = Profile::compile(&source).unwrap_err();
        let rule = wrong.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(told, "{rule}");
        for fault in &faults {
            let _ =
                writeln!(told, "  {}\n    help: {}", fault.message, fault.help.as_deref().unwrap_or("none"));
        }
    }
    golden("instead", &told);
    let faults = told.matches("    help: ").count();
    assert_eq!(faults, WRONG.len(), "one mistake is one fault");
    assert!(!told.contains("help: none"));
}

fn codes(source: &str) -> Vec<Code> {
    Profile::compile(source).unwrap_err().iter().map(|fault| fault.code).collect()
}

/// A fault further down is no reason to keep silent about one before it.
#[test]
fn a_missing_arrow_is_told_whatever_else_is_wrong() {
    let source = "profile \"p\" {\nincoming {\nmode voice busy\notherwise -> refuse “no”\n}\n}\n";
    let codes = codes(source);
    assert!(codes.starts_with(&[Code::Syntax, Code::Character]), "{codes:?}");
}

/// A list of outcomes is empty if nothing stands in it, and for no other reason.
#[test]
fn only_an_empty_list_is_told_to_be_empty() {
    let of = |list: &str| {
        codes(&format!("profile \"p\" {{\nincoming {{\notherwise -> try clients {{\n{list}\n}}\n}}\n}}\n"))
    };
    assert_eq!(of(""), [Code::DeadOutcome]);
    assert_eq!(of("noanser -> voicmail"), [Code::UnknownWord]);
    assert_eq!(of("timeout -> voicemail"), [Code::UnknownWord]);
    assert_eq!(of("busy voicemail"), [Code::Syntax]);
    assert_eq!(of("busy -> bussy\nbusy -> voicemail\nbusy -> inbox"), [Code::UnknownWord, Code::Repeated]);
}

#[test]
fn a_second_time_zone_is_no_more_than_that() {
    let zones = "zone Europa/Oslo\nzone Europa/Oslo\nzone Europe/Oslo\n";
    let source = format!("profile \"p\" {{\n{zones}incoming {{\notherwise -> ignore\n}}\n}}\n");
    assert_eq!(codes(&source), [Code::UnknownZone, Code::Repeated, Code::Repeated]);
}

/// Of thousands of faults nobody reads the last ones, and nobody looks for what was meant by them.
#[test]
fn what_was_meant_is_looked_for_as_long_as_somebody_reads_it() {
    let zones = "zone Europa/Osloooo\n".repeat(3_000);
    let zones = format!("profile \"p\" {{\n{zones}incoming {{\notherwise -> ignore\n}}\n}}\n");
    assert_eq!(in_good_time(&zones, || codes(&zones)).len(), 101);
    let group = |at: usize| format!("somebody's group {at:07}");
    let names = Names::new((0..1_000).map(group), []);
    let rules: String = (0..90)
        .map(|at| {
            format!("caller in \"{}\" -> busy\n", vec![format!("some group {at:09}"); 20].join("\" or in \""))
        })
        .collect();
    let source = format!("profile \"p\" {{\nincoming {{\n{rules}otherwise -> ignore\n}}\n}}\n");
    let owner = uid("anne@north.test");
    let faults = in_good_time(&source, || {
        Profile::compile_for(&source, &Limits::default(), &owner, Some(&names)).unwrap_err()
    });
    assert_eq!(faults.iter().count(), 101);
}
