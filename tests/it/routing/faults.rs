//! What people hear about a faulty file, as golden texts; and the limits.

use std::time::Duration;

use ratatosk::base::Limits;
use ratatosk::routing::{Code, Direction, Mode, Names, Party, Profile, Question, Trace, format};

use super::uid;

/// Compares with `tests/golden/routing/NAME.txt`; with `UPDATE_GOLDEN` set, writes it.
pub(super) fn golden(name: &str, found: &str) {
    let path = format!("tests/golden/routing/{name}.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{path} differs; UPDATE_GOLDEN=1 rewrites it");
}

/// The codes of all faults of a file.
fn codes(source: &str) -> Vec<Code> {
    match Profile::compile(source) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| fault.code).collect(),
    }
}

fn incoming(rules: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n{rules}\n }}\n}}\n")
}

/// The faulty trees under `tests/golden/routing/`.
const FAULTY: [&str; 9] = ["words", "besides", "shape", "cover", "form", "names", "modes", "times", "facts"];
/// Those that are checked for a user who has groups and devices.
const NAMED: [&str; 3] = ["names", "modes", "besides"];

fn names() -> Names {
    let devices =
        [("desk", "client"), ("laptop", "client"), ("gsm", "gsm"), ("fax", "fax"), ("pager", "pager")];
    Names::new(
        ["Friends", "Family"].map(str::to_owned),
        devices.into_iter().chain([("mail", "mail")]).map(|(name, kind)| (name.to_owned(), kind.to_owned())),
    )
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    for name in FAULTY {
        let source = std::fs::read_to_string(format!("tests/golden/routing/{name}.tree")).unwrap();
        let owner = uid("anne@north.test");
        let names = NAMED.contains(&name).then(names);
        let faults = Profile::compile_for(&source, &Limits::default(), &owner, names.as_ref()).unwrap_err();
        golden(name, &faults.in_file(&format!("{name}.tree")).render(false));
    }
}

/// What is too much of something, or nothing that people can read.
#[test]
fn what_is_out_of_bounds_is_told_with_a_way_out() {
    let groups: String = (0..101).map(|i| format!("  caller in \"g{i}\" -> busy\n")).collect();
    let sources = [
        "# much\n".repeat(10_000),
        incoming(&format!("  otherwise -> {}busy", "try clients else ".repeat(33))),
        incoming(&"  urgent -> busy\n".repeat(1_001)),
        incoming(&format!("{groups}  otherwise -> busy")),
        incoming(&"  bussy\n".repeat(102)),
        incoming(
            "  mode voice -> busy\u{202e}\n  caller \u{430}nne@north.test -> busy\n  size over 1k -> busy\n  otherwise -> busy",
        ),
    ];
    let mut told = String::new();
    for source in sources {
        let faults = Profile::compile(&source).unwrap_err();
        let text = faults.in_file("a.tree").render(false);
        // Of many that are alike, the first and the last.
        let pieces: Vec<&str> = text.split("tree::").collect();
        let few =
            if pieces.len() > 8 { vec![pieces[1], pieces[pieces.len() - 1]] } else { pieces[1..].to_vec() };
        told.extend(few.iter().map(|piece| format!("tree::{piece}")));
    }
    let bytes = Profile::compile_bytes(b"profile \"p\" {\n  zone \xff\n}").unwrap_err();
    told.push_str(&bytes.in_file("a.tree").render(false));
    golden("bounds", &told);
}

/// Each kind of mistake stands in some golden text, with a way out of it.
#[test]
fn every_kind_of_fault_has_been_read_by_somebody() {
    let mut all = String::new();
    for directory in ["tests/golden/routing", "tests/golden/cpl"] {
        for file in std::fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for code in Code::ALL {
        let has =
            |block: &&str| block.starts_with(&format!("{}\n", code.as_str().trim_start_matches("tree::")));
        let mut blocks = all.split("tree::").filter(has).peekable();
        assert!(blocks.peek().is_some(), "{} has no golden text", code.as_str());
        let way_out = |block: &str| block.contains("help: ") || *code == Code::TooManyFaults;
        assert!(blocks.any(way_out), "{} has no way out", code.as_str());
    }
}

#[test]
fn faults_serialise_with_their_places() {
    let faults = Profile::compile(&incoming("  otherwise -> tyr clients")).unwrap_err().in_file("a.tree");
    golden("json", &serde_json::to_string_pretty(&faults).unwrap());
}

#[test]
fn one_fault_breeds_no_others() {
    let table: &[(&str, &[Code])] = &[
        (
            "statsu away { mode voice -> decline\n otherwise -> busy }\n otherwise -> busy",
            &[Code::UnknownWord],
        ),
        ("status awya -> decline\n otherwise -> busy", &[Code::UnknownWord]),
        ("not status away -> decline\n status away -> busy\n otherwise -> busy", &[Code::DeadRule]),
        ("mode page and status awya -> decline\n mode voice -> busy", &[Code::UnknownWord]),
        (
            "mode voice or status awya -> decline\n mode voice -> busy\n otherwise -> busy",
            &[Code::UnknownWord],
        ),
        ("caller in Friends -> ignore\n otherwise -> busy", &[Code::Syntax]),
        ("caller in \"A\" or \"B\" -> ignore\n otherwise -> busy", &[Code::BadAddress]),
        ("caller verified -> ignore\n otherwise -> busy", &[]),
        ("to contact -> ignore\n otherwise -> busy", &[Code::WrongTree]),
        ("otherwise -> reply \"busy\", hold", &[]),
        ("otherwise -> reply \"busy\"", &[]),
        ("otherwise -> set \"a\" \"b\", log \"c\", also inbox, reply \"busy\", try clients else hold", &[]),
        ("otherwise -> set \"a\", busy", &[Code::Syntax]),
        ("otherwise -> log \"a\"", &[Code::Syntax]),
        ("otherwise -> redirect anne", &[Code::BadAddress]),
        ("mode voice or page -> reply \"busy\", try clients\n otherwise -> busy", &[]),
        ("otherwise -> also inbox", &[Code::Syntax]),
        ("otherwise -> also inbox, hold", &[]),
        ("otherwise -> also inbx, try clients", &[Code::UnknownWord]),
        ("otherwise -> also inbox, also inbox, try clients", &[Code::Repeated]),
        ("otherwise -> also inbox, inbox", &[Code::Repeated]),
        ("mode voice or page -> inbox\n otherwise -> voicemail", &[]),
        (
            "mode page {\n urgent -> voicemail\n }\n otherwise -> voicemail",
            &[Code::NotTotal, Code::WrongMode],
        ),
        ("time mon-fri 9-17 -> busy\n otherwise -> decline", &[Code::BadTime]),
        ("time sat or sun 10:00-14:00 -> busy\n otherwise -> decline", &[Code::BadTime]),
        ("time sun 10:00-14:00 or sat -> busy\n otherwise -> decline", &[]),
        ("time 00:00-24:00 -> busy", &[]),
        ("time mon-sun -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("time mon-fri or time sat or sun -> busy", &[]),
        ("time 22:00-06:00 -> busy\n time 06:00-22:00 -> decline", &[]),
        ("caller anonymous and caller contact -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("caller in \"A\" and not caller contact -> busy\n otherwise -> decline", &[]),
        (
            "caller in \"Invisible\" -> ignore\n caller contact -> busy\n caller in \"A\" -> busy\n otherwise -> decline",
            &[Code::DeadRule],
        ),
        ("caller in \"Invisible\" and caller contact -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("urgent -> busy\n not urgent -> decline", &[]),
        ("otherwise -> try clients for 20", &[Code::BadDuration]),
        ("otherwise -> try clients for 0s", &[Code::BadDuration]),
        ("otherwise -> forward anne", &[Code::BadAddress]),
        ("caller * -> busy\n otherwise -> decline", &[Code::BadAddress]),
        ("caller a*b@c.test -> busy\n otherwise -> decline", &[Code::BadAddress]),
        ("caller number \"nine\" -> busy\n otherwise -> decline", &[Code::BadAddress]),
        ("otherwise -> refuse \"no", &[Code::OpenText]),
        ("otherwise\u{0}-> busy", &[Code::Character]),
        ("otherwise -> busy # \u{202e} turned", &[Code::Character]),
        ("otherwise -> busy decline", &[Code::Syntax]),
        ("decline", &[Code::UnknownWord]),
        ("voice -> decline\n otherwise -> busy", &[Code::UnknownWord]),
        ("mode page -> {\n otherwise -> busy\n }\n otherwise -> busy", &[Code::Syntax]),
        ("(mode page -> busy\n otherwise -> busy", &[Code::Syntax]),
        ("", &[Code::NotTotal]),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(&incoming(rules)), *expected, "{rules}");
    }
}

#[test]
fn actions_are_for_modes_that_take_them() {
    let table: &[(&str, &[Code])] = &[
        ("mode voice -> hold\n otherwise -> busy", &[Code::WrongMode]),
        ("mode file -> reply \"busy\"\n otherwise -> busy", &[Code::WrongMode]),
        ("mode voice or text -> reply \"busy\", try clients\n otherwise -> busy", &[Code::WrongMode]),
        ("mode voice -> also clients, busy\n otherwise -> busy", &[Code::WrongMode]),
        ("mode voice or file -> inbox\n otherwise -> busy", &[Code::WrongMode]),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(&incoming(rules)), *expected, "{rules}");
    }
}

#[test]
fn facts_of_every_kind_are_read_and_proved() {
    let table: &[(&str, &[Code])] = &[
        ("status available or occupied -> busy\n status away or offline -> decline", &[]),
        ("status available or occupied or away -> busy", &[Code::NotTotal]),
        ("account \"gold\" -> busy\n not account \"gold\" -> decline", &[]),
        ("account gold -> busy\n otherwise -> decline", &[Code::Syntax]),
        ("account credit under 5 -> busy\n account credit over 4 -> decline", &[]),
        ("account credit under 5 -> busy\n account credit over 5 -> decline", &[Code::NotTotal]),
        ("account credit under five -> busy\n otherwise -> decline", &[Code::BadNumber]),
        ("account credit 5 -> busy\n otherwise -> decline", &[Code::Syntax]),
        ("size under 0 -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("size over 9 and size under 9 -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("property \"a\" is \"b\" -> busy\n property \"a\" -> decline\n not property \"a\" -> ignore", &[]),
        ("not property \"a\" and property \"a\" is \"b\" -> busy\n otherwise -> decline", &[Code::DeadRule]),
        ("property \"a\" \"b\" -> busy\n otherwise -> decline", &[Code::Syntax]),
        ("subject contains \"a\" -> busy\n not subject contains \"A\" -> decline", &[]),
        ("subject \"a\" -> busy\n otherwise -> decline", &[Code::Syntax]),
        ("header \"Subjct\" contains \"a\" -> busy\n otherwise -> decline", &[Code::UnknownWord]),
        ("header \"X-Secret\" contains \"a\" -> busy\n otherwise -> decline", &[Code::UnknownWord]),
        ("body contain \"a\" -> busy\n otherwise -> decline", &[Code::UnknownWord]),
        ("language en -> busy\n language en-gb -> decline\n otherwise -> ignore", &[Code::DeadRule]),
        ("language english! -> busy\n otherwise -> decline", &[Code::UnknownWord]),
        ("language German -> busy\n otherwise -> decline", &[Code::UnknownWord]),
        ("caller 10.0.0.1 -> busy\n otherwise -> decline", &[Code::BadAddress]),
        ("caller number \"10.00.01\" or +47.22 or *.1 -> busy\n otherwise -> decline", &[]),
        ("device \"desk\" -> busy\n otherwise -> decline", &[Code::WrongTree]),
        ("caller in \"A\" -> busy\n caller not in \"A\" -> decline", &[]),
        ("caller in \"B\" or not in \"A\" -> busy\n caller in \"A\" -> decline", &[]),
        ("caller not contact -> busy\n otherwise -> decline", &[Code::Syntax]),
        ("caller anonymous and caller verified -> busy\n otherwise -> decline", &[Code::DeadRule]),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(&incoming(rules)), *expected, "{rules}");
    }
}

#[test]
fn trunks_are_for_calls_that_go_out() {
    let outgoing = |rules: &str| format!("profile \"p\" {{\n outgoing {{\n{rules}\n }}\n}}\n");
    let table: &[(&str, &[Code])] = &[
        ("otherwise -> try trunk \"a\" as +4722000000 for 30s else trunk \"b\" else send", &[]),
        ("otherwise -> try trunk \"a\" as \"47*\"", &[Code::BadAddress]),
        ("otherwise -> try trunk \"a\" as \"anne@north.test\"", &[Code::BadAddress]),
        ("otherwise -> try trunk a", &[Code::Syntax]),
        ("otherwise -> try trunk \"a\", clients", &[Code::WrongTree]),
        ("otherwise -> try trunk \"a\", trunk \"a\"", &[Code::Repeated]),
        ("mode page -> try trunk \"a\"\n otherwise -> send", &[Code::WrongMode]),
    ];
    for (rules, expected) in table {
        assert_eq!(codes(&outgoing(rules)), *expected, "{rules}");
    }
    assert_eq!(codes(&incoming("otherwise -> try trunk \"a\"")), [Code::WrongTree]);
    assert_eq!(codes(&incoming("otherwise -> also trunk \"a\", busy")), [Code::WrongTree]);
}

#[test]
fn no_message_promises_a_later_version() {
    for name in FAULTY {
        let text =
            std::fs::read_to_string(format!("tests/golden/routing/{name}.txt")).unwrap().to_lowercase();
        assert!(!text.contains("implement") && !text.contains("todo"), "{name}");
    }
}

#[test]
fn whoever_writes_a_number_for_a_user_hears_of_devices() {
    let faults = Profile::compile(&incoming("otherwise -> forward +4712345678")).unwrap_err();
    let help = faults.iter().next().unwrap().help.clone().unwrap();
    assert!(help.contains("ratatosk device add") && help.contains("try \"gsm\""), "{help}");
}

#[test]
fn limits_refuse_in_good_time() {
    let deep = |open: &str, n: usize| incoming(&open.repeat(n));
    assert_eq!(codes(&deep("mode voice {", 20_000 / 12)), [Code::TooDeep]);
    assert_eq!(codes(&deep("(", 20_000)), [Code::TooDeep]);
    assert_eq!(codes(&deep("not ", 10_000)), [Code::TooDeep]);
    let chain = format!("otherwise -> {}", "try clients else ".repeat(2_000));
    assert_eq!(codes(&incoming(&chain)), [Code::TooDeep]);
    let rules: String = (0..2_000).map(|i| format!("caller a{i}@b.test -> busy\n")).collect();
    assert_eq!(codes(&incoming(&rules)), [Code::TooManyRules]);
    let list = (0..3_000).map(|i| format!("a{i}@b.test")).collect::<Vec<_>>().join(" or ");
    assert_eq!(
        codes(&incoming(&format!("caller {list} -> busy\n otherwise -> decline"))),
        [Code::TooComplex]
    );
    assert_eq!(codes(&"#".repeat(65_537)), [Code::TooLarge]);
    assert_eq!(codes(&"\u{0}a ".repeat(20_000)).len(), 101);
    assert_eq!(codes(&incoming(&"x\n".repeat(900))).len(), 101);
}

/// Each day another set of times, each for a week, at hours of its own.
fn weeks() -> String {
    let week = |i: i32| {
        let rule = format!("FREQ=YEARLY;INTERVAL={};BYWEEKNO={};BYDAY=MO", i % 9 + 1, i % 50 + 1);
        format!("time every \"{rule}\" from 2026-01-05 {:02}:{:02} for 7d -> busy\n", i % 24, i % 60)
    };
    (0..200).map(week).collect()
}

/// Does something, and makes sure that it keeps a processor busy for ten seconds at most, whoever else wants that: a tenth
/// of it where this is not compiled for debugging.
pub(super) fn in_good_time<T>(source: &str, work: impl FnOnce() -> T) -> T {
    let worked = || -> u64 {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        told.split_whitespace().next().unwrap().parse().unwrap()
    };
    let begun = worked();
    let done = work();
    let took = Duration::from_nanos(worked() - begun);
    assert!(took.as_secs() < 10, "{took:?} for {}", source.get(..80).unwrap());
    done
}

/// Whatever somebody sends in, he hears at once what is wrong with it.
#[test]
fn bad_input_of_every_size_is_refused_at_once() {
    // As large as any setting allows.
    let limits = Limits { tree_bytes: u32::MAX, ..Limits::default() };
    let texts: String = (0..65).map(|i| format!("body contains \"{i}\" -> busy\n")).collect();
    let rules = "time every \"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1\" from 2026-01-01 -> busy\n";
    let counts = "time every \"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000\" from 2026-01-01 -> busy\n";
    // Each day and each minute is another for somebody: a product of all three.
    let hours: String = (0..486)
        .map(|i| {
            let (hour, minute) = (i % 23, i % 59);
            format!(
                "time 2026-{:02}-{:02} {hour:02}:{minute:02}-{:02}:{minute:02} -> busy\n",
                1 + i % 12,
                1 + i % 28,
                hour + 1
            )
        })
        .collect();
    let dates: String = (0..499)
        .map(|i| format!("time {}-{:02}-{:02} -> busy\n", 1970 + i % 230, 1 + i % 12, 1 + i % 28))
        .collect();
    let table: Vec<(String, &[Code])> = vec![
        ("x".repeat(10_000_000), &[Code::TooLarge]),
        (incoming(&"\u{0}".repeat(10_000_000)), &[Code::TooLarge]),
        (incoming(&"(".repeat(100_000)), &[Code::TooDeep]),
        (incoming(&"mode voice {".repeat(20_000)), &[Code::TooDeep]),
        (incoming(&format!("otherwise -> {}", "also inbox, ".repeat(20_000))), &[Code::TooDeep]),
        (incoming(&"urgent->busy\n".repeat(18_000)), &[Code::TooManyRules]),
        (incoming(&"caller a@b.test -> busy\n".repeat(50_000)), &[Code::TooLarge]),
        (incoming(&format!("{texts} otherwise -> decline")), &[Code::TooComplex]),
        (incoming(&format!("{} otherwise -> decline", rules.repeat(201))), &[Code::TooComplex]),
        (incoming(&format!("{} otherwise -> decline", counts.repeat(900))), &[Code::TooComplex]),
        (incoming(&format!("{hours} otherwise -> decline")), &[Code::TooComplex]),
        (incoming(&format!("{dates} otherwise -> decline")), &[Code::TooComplex]),
        (incoming(&format!("{} otherwise -> decline", weeks())), &[Code::TooComplex]),
    ];
    for (source, expected) in table {
        in_good_time(&source, || {
            let faults = Profile::compile_for(&source, &limits, &uid("anne@north.test"), None).unwrap_err();
            let codes: Vec<Code> = faults.iter().map(|fault| fault.code).collect();
            assert_eq!(codes, *expected, "{}", source.get(..80).unwrap());
            let _ = format(&source);
        });
    }
    let days = vec!["366"; 15_000].join(",");
    let list = format!("every \"FREQ=YEARLY;BYYEARDAY={days};BYSETPOS=1\" from 2026-01-01 for 7d");
    let holidays: String =
        (0..2_000).map(|i| format!("holidays {}-12-{:02}\n", 1970 + i % 230, 1 + i % 28)).collect();
    let asked = vec!["holiday"; 40].join(" or ");
    let accepted = [
        incoming(&format!("time {list} -> busy\n otherwise -> decline")),
        incoming(&format!("time {asked} -> busy\n otherwise -> decline"))
            .replace("incoming", &format!("{holidays} incoming")),
    ];
    for source in accepted {
        let profile = in_good_time(&source, || Profile::compile(&source).unwrap());
        // The last moment of a time that has lasted for a week is soon found as well.
        let question = Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous);
        in_good_time(&source, || {
            for day in 0..10_000 {
                let question = Question { wall_ms: 1_790_000_000_000 + day * 86_400_000, ..question };
                profile.decide(Direction::Incoming, &question, &mut Trace::new());
            }
        });
    }
    let mixed = incoming("otherwise\r -> busy").replace(' ', "\r\n\r");
    assert!(Profile::compile(&mixed).is_err());
    let mut bytes = vec![b' '; 10_000_000];
    bytes[9_999_999] = 0xff;
    assert_eq!(Profile::compile_bytes(&bytes).unwrap_err().iter().next().unwrap().code, Code::Encoding);
}

#[test]
fn bytes_that_are_no_text_are_refused_where_the_text_ends() {
    let faults = Profile::compile_bytes(b"profile \"p\" {\n  zone \xff\n}").unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((fault.code, fault.line(), fault.column()), (Code::Encoding, 2, 8));
}

#[test]
fn line_ends_of_every_kind_give_the_same_tree_and_the_same_places() {
    let unix = incoming("  mode voice -> busy\n  otherwise -> tyr clients");
    let place = |source: &str| {
        let faults = Profile::compile(source).unwrap_err();
        faults.iter().map(|fault| (fault.line(), fault.column())).collect::<Vec<_>>()
    };
    assert_eq!(place(&unix), [(4, 16)]);
    assert_eq!(place(&unix.replace('\n', "\r\n")), [(4, 16)]);
    assert_eq!(place(&unix.replace('\n', "\r")), [(4, 16)]);
    let good = unix.replace("tyr", "try");
    assert_eq!(format(&good.replace('\n', "\r\n")).unwrap(), format(&good).unwrap());
}

#[test]
fn the_largest_partitions_are_checked_in_good_time() {
    let pairs: String = (0..60).map(|i| format!("caller a{i}* or *{i}z -> busy\n")).rev().collect();
    let users: String = (0..800).map(|i| format!("caller u{i}@b.test -> busy\n")).collect();
    let numbers: String = (0..900).map(|i| format!("caller number \"{i}*\" -> busy\n")).rev().collect();
    for rules in [format!("{pairs}{users}"), numbers] {
        assert_eq!(codes(&incoming(&format!("{rules} otherwise -> decline"))), []);
    }
}

/// A beginning that is as long as it may be leaves room for an address, and the proof finds it.
#[test]
fn long_beginnings_and_many_names_have_examples() {
    let begin = "a".repeat(64);
    assert_eq!(codes(&incoming(&format!("not caller {begin}* -> busy"))), [Code::NotTotal]);
    assert_eq!(codes(&incoming(&format!("caller {begin}* -> busy\n otherwise -> decline"))), []);
    let end = format!("{}.test", "b".repeat(145));
    assert_eq!(
        codes(&incoming(&format!("caller {begin}* and caller *{end} -> busy\n otherwise -> decline"))),
        []
    );
    for long in [format!("a{begin}*"), format!("*b{end}")] {
        assert_eq!(
            codes(&incoming(&format!("caller {long} -> busy\n otherwise -> decline"))),
            [Code::BadAddress]
        );
    }
    // Every address that comes to mind first is named.
    let names = (0..250).map(|i| format!("someone{}x@elsewhere.test", "5".repeat(i)));
    let names: Vec<String> = names.filter(|name| name.len() < 256).collect();
    let rules = format!(
        "caller someone@elsewhere.test or {} -> busy\n caller @elsewhere.test -> ignore\n otherwise -> decline",
        names.join(" or ")
    );
    assert_eq!(codes(&incoming(&rules)), []);
}
