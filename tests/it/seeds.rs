//! Random worlds: a bad network, moody phones, everything at once, and every checker after each.
//!
//! `SEEDS=10000 cargo test --release --test it seeds -- --nocapture` plays ten thousand;
//! `SEED=123 SEEDS=1` replays one, and its ladder is left in a file; with `RAW=1`, every byte.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ratatosk::base::Rng;
use ratatosk::config::Algorithm;

use crate::sim::{Do, Moods, World};

/// How many seeds a plain `cargo test` plays.
const DEFAULT_SEEDS: u64 = 300;
/// Failures that are told in full.
const TOLD: usize = 5;

const NAMES: [&str; 5] = ["anne", "carl", "dora", "eric", "faye"];

/// Trees that some users of random worlds have.
const TREES: [&str; 11] = [
    "profile \"p\" {\n incoming {\n otherwise -> try clients for 4s\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> try clients for 3s else forward anne@north.test\n }\n}\n",
    "profile \"p\" {\n incoming {\n registered -> try clients\n otherwise -> forward carl@north.test\n }\n}\n",
    "profile \"p\" {\n incoming {\n caller anne@north.test -> decline\n otherwise -> try clients\n }\n}\n",
    "profile \"p\" {\n incoming {\n mode page -> try clients\n otherwise -> busy\n }\n}\n",
    "profile \"p\" {\n outgoing {\n otherwise -> send\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> try clients for 2s else clients, user anne@north.test after 1s for 4s\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> try clients, user carl@north.test after 2s for 5s else user carl@north.test for 3s\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> try user dora@north.test, clients after 1s for 3s {\n busy or declined -> forward anne@north.test\n otherwise -> clients for 3s\n }\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> forward dora@north.test\n }\n}\n",
    "profile \"p\" {\n incoming {\n otherwise -> try user anne@north.test else user carl@north.test else user dora@north.test else clients\n }\n}\n",
];

#[test]
fn random_worlds_hold_every_promise() {
    let first = number("SEED", 1);
    let count = number("SEEDS", DEFAULT_SEEDS);
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if let Err(text) = try_seed(seed) {
                        failures.lock().unwrap().push((seed, text));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} of {count} seeds failed\n{}", failures.len(), told(&failures));
}

fn told(failures: &[(u64, String)]) -> String {
    let mut text = String::new();
    for (seed, failure) in failures.iter().take(TOLD) {
        let _ = writeln!(text, "\n{failure}\nSEED={seed} SEEDS=1 cargo test --test it seeds -- --nocapture");
    }
    for (seed, failure) in failures.iter().skip(TOLD) {
        let _ = writeln!(text, "SEED={seed}: {}", failure.lines().next().unwrap_or_default());
    }
    text
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    }
}

/// Plays a seed, now and then twice: the second time has to be the same, byte for byte.
fn try_seed(seed: u64) -> Result<(), String> {
    let (world, ladder) = catch_unwind(AssertUnwindSafe(|| play(seed))).map_err(|panic| said(&panic))?;
    if !world.faults.is_empty() {
        let path = std::env::temp_dir().join(format!("ratatosk-seed-{seed}.txt"));
        let faults = world.faults.join("\n");
        let text = format!("{:?}\n{faults}\n\n{ladder}", World::random(seed).net);
        let raw = if number("RAW", 0) > 0 { raw(&world) } else { String::new() };
        let text = format!("{text}\n{raw}");
        let place = match std::fs::write(&path, text) {
            Ok(()) => format!("the ladder is in {}", path.display()),
            Err(error) => format!("no ladder: {error}"),
        };
        return Err(format!("{faults}\n{place}"));
    }
    if seed.is_multiple_of(8) {
        let (again, _) = catch_unwind(AssertUnwindSafe(|| play(seed))).map_err(|panic| said(&panic))?;
        if fingerprint(&world) != fingerprint(&again) {
            return Err("the same seed gave two different runs".to_owned());
        }
    }
    Ok(())
}

/// Every message in full.
fn raw(world: &World) -> String {
    let mut text = String::new();
    for line in &world.wire {
        let at = world.since_origin(line.at).as_secs_f64();
        let _ = writeln!(
            text,
            "--- {at:.3} {:?} -> {:?}\n{}",
            line.from,
            line.to,
            String::from_utf8_lossy(&line.bytes)
        );
    }
    text
}

fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    for line in &world.wire {
        (line.at, line.from, line.to, &line.bytes, line.arrived).hash(&mut hasher);
    }
    hasher.finish()
}

/// One random world, from its first REGISTER to the last checker.
fn play(seed: u64) -> (World, String) {
    let mut world = World::random(seed);
    let mut dice = Rng::from_seed(seed ^ 0x6469_6365);
    let names = people(&mut world, &mut dice);
    for phone in 0..world.phones.len() {
        let when = seconds(&mut dice, 2_000);
        world.plan(when, phone, Do::Register);
    }
    let actions = 3 + dice.below(16);
    for _ in 0..actions {
        let phone = pick(&mut dice, world.phones.len());
        let when = 3.0 + seconds(&mut dice, 40_000);
        happening(&mut world, &mut dice, &names, phone, when);
    }
    world.start_ladder();
    world.run(60.0);
    world.show_repeats = true;
    let ladder = world.finish();
    (world, ladder)
}

fn people(world: &mut World, dice: &mut Rng) -> Vec<String> {
    let names: Vec<String> = NAMES[..2 + pick(dice, 4)].iter().map(|name| (*name).to_owned()).collect();
    for name in &names {
        world.user(name);
        if dice.below(4) == 0 {
            world.tree(name, TREES[pick(dice, TREES.len())]);
        }
        let phones = [1, 1, 1, 2, 2, 3][pick(dice, 6)];
        for place in ["desk", "lap", "hand"].into_iter().take(phones) {
            let moods = Moods { patience_s: 1 + dice.below(12), friends: names.clone() };
            let phone = world.phone(&format!("{name}/{place}"));
            if dice.below(3) == 0 {
                phone.tcp();
            }
            if dice.below(5) == 0 {
                phone.nat();
            }
            phone.moods = Some(moods);
            phone.short = dice.below(6) == 0;
            phone.reuses_nonce = dice.below(2) == 0;
            phone.accepts_streams = dice.below(2) == 0;
            phone.acks = dice.below(40) != 0;
            phone.crosses_cancel = dice.below(8) == 0;
            phone.twin = dice.below(12) == 0;
            phone.padding = if dice.below(6) == 0 { 1500 } else { 0 };
            phone.expires = [None, Some(60), Some(90), Some(600)][pick(dice, 4)];
            phone.on_page = [200, 200, 200, 200, 200, 480, 405][pick(dice, 7)];
            if dice.below(3) == 0 {
                phone.knows = vec![Algorithm::Md5];
            }
        }
    }
    names
}

/// One thing that happens, and what follows from it.
fn happening(world: &mut World, dice: &mut Rng, names: &[String], phone: usize, when: f64) {
    let friend = names[pick(dice, names.len())].clone();
    match dice.below(20) {
        0..10 => {
            let call = match dice.below(8) {
                0 => Do::CallWithoutOffer(friend),
                1 => Do::CallTwice(friend),
                2 => Do::Call(friend).with("Max-Breadth", "2"),
                _ => Do::Call(friend),
            };
            world.plan(when, phone, call);
            during(world, dice, phone, when);
        }
        10..13 => {
            let text = format!("page {when}");
            world.plan(when, phone, Do::Page(friend, text));
        }
        13 => world.plan(when, phone, Do::Hangup),
        14 => world.plan(when, phone, Do::Restart),
        15 => world.plan(when, phone, Do::Disconnect),
        16 => {
            world.plan(when, phone, Do::Unregister);
            let back = when + seconds(dice, 5_000);
            world.plan(back, phone, Do::Register);
        }
        17 => world.plan(when, phone, Do::Options(friend)),
        18 => world.plan(when, phone, Do::Stray("BYE".to_owned())),
        _ if dice.below(4) == 0 => world.plan(when, phone, Do::Vanish),
        _ => world.plan(when, phone, Do::Query),
    }
}

/// What the two sides of a call do in it: at either end, at any time, so that everything races.
fn during(world: &mut World, dice: &mut Rng, caller: usize, start: f64) {
    let mut when = start + seconds(dice, 3_000);
    for _ in 0..dice.below(5) {
        let phone = if dice.below(2) == 0 { caller } else { pick(dice, world.phones.len()) };
        let what = match dice.below(7) {
            0 => Do::Resume,
            1 => Do::Info,
            2 => Do::Ping,
            3 => Do::ReinviteWithoutOffer,
            4 => Do::Refer,
            _ => Do::Hold,
        };
        world.plan(when, phone, what);
        when += seconds(dice, 2_500);
    }
    if dice.below(5) > 0 {
        let phone = if dice.below(3) > 0 { caller } else { pick(dice, world.phones.len()) };
        world.plan(when + seconds(dice, 4_000), phone, Do::Hangup);
    }
}

fn pick(dice: &mut Rng, count: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(count).unwrap())).unwrap()
}

fn seconds(dice: &mut Rng, at_most_ms: u64) -> f64 {
    f64::from(u32::try_from(dice.below(at_most_ms)).unwrap()) / 1000.0
}
