//! How fast a tree decides, compiles and is written.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatosk::base::Uid;
use ratatosk::routing::{Direction, Mode, Party, Profile, Question, Registered, Trace, format};

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

fn decide(c: &mut Criterion) {
    let profile = Profile::compile(TREE).unwrap();
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
        wall_ms: 0,
    };
    let mut trace = Trace::new();
    c.bench_function("decide, 20 rules, last one", |b| {
        b.iter(|| profile.decide(Direction::Incoming, black_box(&question), &mut trace));
    });
    c.bench_function("compile, 20 rules", |b| b.iter(|| Profile::compile(black_box(TREE))));
    c.bench_function("format, 20 rules", |b| b.iter(|| format(black_box(TREE))));
}

criterion_group!(benches, decide);
criterion_main!(benches);
