//! How fast a tree decides, compiles and is written.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{
    Direction, Facts, Mode, Outcome, Party, Profile, Question, Recorded, Registered, Route, Trace, Who,
    differences, format,
};

/// Twenty rules of the kinds that people write; the question below falls through to the last.
const TREE: &str = r#"profile "bench" {
  incoming {
    caller spammer@south.test or *@ads.test -> ignore
    mode page {
      caller @north.test -> try clients
      caller anonymous   -> refuse "show your address"
      registered         -> try clients
      otherwise          -> decline
    }
    mode text {
      registered this-mode -> try clients
      otherwise            -> busy
    }
    caller boss@north.test or wife@home.test -> try clients for 60s
    caller number "+1900*" or number "+47829*" -> ignore
    mode file and not registered -> decline
    mode web -> decline
    caller carl@north.test and mode voice -> forward dora@north.test
    caller e@a.test or f@a.test or g@a.test or h@a.test -> busy
    caller @b.test and (mode voice or not registered this-mode) -> busy
    caller *.example -> refuse "not from there"
    caller test* -> ignore
    not registered -> try user secretary@north.test for 20s
    caller @south.test -> try clients for 30s
    caller anonymous -> decline
    mode video and registered this-mode -> try clients for 30s else busy
    otherwise -> try clients for 20s {
      busy or no-answer -> try user secretary@north.test for 20s
      declined -> decline
    }
  }
}"#;

/// The same with a look at the clock and at the contact list; again the last rule decides.
fn with_facts() -> String {
    let facts =
        "time sat or sun 08:00-20:00 -> decline\n caller in \"Invisible\" or in \"Noisy\" -> ignore\n";
    let facts = facts.replace("sat or sun", "sat 08:00-20:00 or sun");
    TREE.replace("incoming {", &format!("zone America/New_York\n incoming {{ {facts}")).replace(
        "    otherwise -> try clients for 20s",
        "    time 22:00-06:00 and not urgent -> decline\n otherwise -> try clients for 20s",
    )
}

/// Two hundred rules that name a thousand addresses between them, some with times and groups.
fn large() -> String {
    let rule = |i: usize| {
        let names = (0..5).map(|j| format!("user{}@south.test", (i * 5 + j) * 7_919 % 10_007));
        let names = names.collect::<Vec<_>>().join(" or ");
        match i % 4 {
            0 => format!("caller {names} -> busy"),
            1 => format!("mode voice and (caller {names} or in \"group {}\") -> decline", i % 16),
            2 => format!("time mon-fri {:02}:00-{:02}:30 and caller {names} -> ignore", i % 12, 12 + i % 12),
            _ => format!("urgent and caller {names} -> try clients for 20s"),
        }
    };
    let rules = (0..200).map(rule).collect::<Vec<_>>().join("\n");
    format!("profile \"large\" {{ incoming {{\n{rules}\notherwise -> try clients\n}} }}")
}

/// Fifty nodes: as many decisions and actions as a busy person's tree has.
fn fifty() -> String {
    let rule = |i: usize| match i % 4 {
        0 => format!("caller u{i}@south.test -> busy"),
        1 => format!("mode voice and caller number \"+47{i:02}*\" -> decline"),
        2 => format!(
            "time mon-fri {:02}:00-{:02}:30 and caller in \"group {i}\" -> ignore",
            i % 12,
            12 + i % 12
        ),
        _ => format!("urgent and caller @c{i}.test -> try clients for 20s else inbox"),
    };
    let rules = (0..24).map(rule).collect::<Vec<_>>().join("\n");
    format!(
        "profile \"fifty\" {{ incoming {{\n{rules}\notherwise -> try clients for 20s else voicemail\n}} }}"
    )
}

/// A thousand rules, one address each: as many as a switchboard has by name.
fn thousand() -> String {
    let rules = (0..999).map(|i| format!("caller user{}@south.test -> busy", i * 7_919 % 10_007));
    let rules = rules.collect::<Vec<_>>().join("\n");
    format!("profile \"thousand\" {{ incoming {{\n{rules}\notherwise -> try clients\n}} }}")
}

/// A tree with more cases than are looked through: the proof is given up, as late as it ever is.
fn intricate() -> String {
    let row = |letter: char| (0..40).map(move |i| format!("caller in \"{letter}{i}\""));
    let pairs = row('a').zip(row('b')).map(|(a, b)| format!("{a} and {b} -> busy"));
    let all = row('a').collect::<Vec<_>>().join(" and ");
    let rules = pairs.collect::<Vec<_>>().join("\n");
    format!("profile \"intricate\" {{ incoming {{\n{all} -> busy\n{rules}\notherwise -> decline\n}} }}")
}

fn decide(c: &mut Criterion) {
    let profile = Profile::compile(TREE).unwrap();
    let facts = Profile::compile(&with_facts()).unwrap();
    let groups: [Arc<str>; 3] = ["Friends".into(), "Family".into(), "Neighbours".into()];
    let caller = Uid::parse("someone@elsewhere.org").unwrap();
    let to = Uid::parse("anne@north.test").unwrap();
    let question = Question {
        mode: Mode::Voice,
        caller: Party::User(&caller),
        to: Party::User(&to),
        registered: Registered::ThisMode,
        groups: &[],
        contact: false,
        urgent: false,
        // A Wednesday afternoon.
        wall_ms: 1_795_622_400_000,
        ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
    };
    let mut trace = Trace::new();
    c.bench_function("decide, 20 rules, last one", |b| {
        b.iter(|| profile.decide(Direction::Incoming, black_box(&question), &mut trace));
    });
    let known = Question { groups: &groups, contact: true, ..question };
    c.bench_function("decide, 23 rules with times and groups, last one", |b| {
        b.iter(|| facts.decide(Direction::Incoming, black_box(&known), &mut trace));
    });
    c.bench_function("compile, 20 rules", |b| b.iter(|| Profile::compile(black_box(TREE))));
    let thousand = Profile::compile(&thousand()).unwrap();
    c.bench_function("decide, 1000 rules, last one", |b| {
        b.iter(|| thousand.decide(Direction::Incoming, black_box(&question), &mut trace));
    });
    let large = large();
    c.bench_function("compile, 200 rules, 1000 addresses", |b| {
        b.iter(|| Profile::compile(black_box(&large)));
    });
    let intricate = intricate();
    c.bench_function("compile, too many cases", |b| {
        b.iter(|| Profile::compile(black_box(&intricate)).unwrap());
    });
    c.bench_function("format, 20 rules", |b| b.iter(|| format(black_box(TREE))));
}

/// What the command line does with trees: asking records again, what-ifs, comparing.
fn tools(c: &mut Criterion) {
    let source = fifty();
    let profile = Arc::new(Profile::compile(&source).unwrap());
    let other = Profile::compile(&source.replace("20s else inbox", "30s else inbox")).unwrap();
    let user = |text| Who::User(Uid::parse(text).unwrap());
    let parties = || (user("someone@elsewhere.org"), user("anne@north.test"));
    let facts = Facts { registered: Registered::ThisMode, wall_ms: 1_795_622_400_000, ..Facts::default() };
    let begin =
        || Route::begin((&profile, &profile), Direction::Incoming, Mode::Voice, parties(), facts.clone());
    c.bench_function("decide, 50 nodes, last one", |b| {
        let (caller, to) = parties();
        let question = Question {
            registered: Registered::ThisMode,
            wall_ms: facts.wall_ms,
            ..Question::new(Mode::Voice, caller.party(), to.party())
        };
        let mut trace = Trace::new();
        b.iter(|| profile.decide(Direction::Incoming, black_box(&question), &mut trace));
    });
    c.bench_function("compile, 50 nodes", |b| b.iter(|| Profile::compile(black_box(&source))));
    c.bench_function("what if, 50 nodes", |b| {
        b.iter(|| {
            let mut route = begin();
            route.follow(Outcome::NoAnswer)
        });
    });
    let mut route = begin();
    route.follow(Outcome::NoAnswer);
    let kept = route.recorded().text();
    c.bench_function("replay, one question of a record, 50 nodes", |b| {
        b.iter(|| Recorded::read(black_box(&kept)).unwrap().replay(&profile, &profile));
    });
    let limits = Limits::default();
    c.bench_function("diff, 50 nodes", |b| {
        b.iter(|| differences((&profile, &other), &profile, &limits).unwrap());
    });
}

criterion_group!(benches, decide, tools);
criterion_main!(benches);
