//! Random worlds: a bad network, moody phones, everything at once, and every checker after each.
//!
//! `SEEDS=10000 cargo test --release --test it seeds -- --nocapture` plays ten thousand;
//! `SEED=123 SEEDS=1` replays one, and its ladder is left in a file; with `RAW=1`, every byte.

mod play;
mod trees;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sim::World;
use play::play;

/// How many seeds a plain `cargo test` plays.
const DEFAULT_SEEDS: u64 = 300;
/// Failures that are told in full.
const TOLD: usize = 5;

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
