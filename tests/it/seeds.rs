//! Random worlds: a bad network, moody phones, everything at once, and every checker after each.
//!
//! `SEEDS=10000 cargo test --release --test it seeds -- --nocapture` plays ten thousand;
//! `SEED=123 SEEDS=1` replays one, and its ladder is left in a file, with the smallest world that fails
//! the same way; with `RAW=1`, every byte. `SOAK_S=600` plays as many as it can in ten minutes, which is
//! what `tests/soak` does.

#![allow(clippy::disallowed_methods, reason = "a soak lasts for real time")]

mod minimise;
mod play;
mod trees;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sim::World;
use minimise::minimise;
use play::{play, stage};

/// How many seeds a plain `cargo test` plays.
const DEFAULT_SEEDS: u64 = 300;
/// Failures that are told in full.
const TOLD: usize = 5;
/// How often a long round says how far it is, in seeds.
const NEWS: u64 = 1_000;

/// Which seeds to play, and how many have been.
struct Round {
    first: u64,
    /// The seed after the last, if there is one.
    end: Option<u64>,
    /// When it is over.
    until: Option<Instant>,
    next: AtomicU64,
    failures: Mutex<Vec<(u64, String)>>,
}

#[test]
fn random_worlds_hold_every_promise() {
    let (first, soak) = (number("SEED", 1), number("SOAK_S", 0));
    let round = Round {
        first,
        end: (soak == 0).then(|| first + number("SEEDS", DEFAULT_SEEDS)),
        until: (soak > 0).then(|| Instant::now() + Duration::from_secs(soak)),
        next: AtomicU64::new(first),
        failures: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| round.play());
        }
    });
    let mut failures = round.failures.into_inner().unwrap();
    failures.sort();
    let next = round.next.into_inner();
    let played = round.end.map_or(next, |end| next.min(end)) - first;
    assert!(failures.is_empty(), "{} of {played} seeds failed\n{}", failures.len(), told(&failures));
}

impl Round {
    /// Plays one seed after the other, as long as there are any.
    fn play(&self) {
        while self.until.is_none_or(|until| Instant::now() < until) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if self.end.is_some_and(|end| seed >= end) {
                return;
            }
            if let Err(text) = try_seed(seed) {
                println!("seed {seed} fails: {}", text.lines().next().unwrap_or_default());
                self.failures.lock().unwrap().push((seed, text));
            }
            let played = seed + 1 - self.first;
            if played.is_multiple_of(NEWS) {
                println!("{played} seeds, {} failed", self.failures.lock().unwrap().len());
            }
        }
    }
}

/// Why a world is not sound.
struct Fault {
    text: String,
    ladder: String,
    world: Option<Box<World>>,
}

/// Plays a world and asks its checkers.
fn attempt(world: World) -> Result<World, Fault> {
    let (world, ladder) = catch_unwind(AssertUnwindSafe(|| play(world))).map_err(|panic| Fault {
        text: said(&panic),
        ladder: String::new(),
        world: None,
    })?;
    if world.faults.is_empty() {
        return Ok(world);
    }
    Err(Fault { text: world.faults.join("\n"), ladder, world: Some(Box::new(world)) })
}

fn told(failures: &[(u64, String)]) -> String {
    let mut text = String::new();
    for (seed, failure) in failures.iter().take(TOLD) {
        let place = leave(*seed, "small", &minimise(*seed));
        let _ = writeln!(text, "\n{failure}\nmade small in {place}");
        let _ = writeln!(text, "SEED={seed} SEEDS=1 cargo test --test it seeds -- --nocapture");
    }
    for (seed, failure) in failures.iter().skip(TOLD) {
        let _ = writeln!(text, "SEED={seed}: {}", failure.lines().next().unwrap_or_default());
    }
    text
}

/// Leaves a text in a file, and says where.
fn leave(seed: u64, kind: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("ratatosk-seed-{seed}-{kind}.txt"));
    match std::fs::write(&path, text) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("no file: {error}"),
    }
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    }
}

/// Plays a seed, now and then twice: the second time has to be the same, byte for byte.
fn try_seed(seed: u64) -> Result<(), String> {
    let world = match attempt(stage(seed)) {
        Ok(world) => world,
        Err(fault) => {
            let raw = fault.world.as_deref().filter(|_| number("RAW", 0) > 0).map(raw).unwrap_or_default();
            let net = World::random(seed).net;
            let place = leave(seed, "ladder", &format!("{net:?}\n{}\n\n{}\n{raw}", fault.text, fault.ladder));
            return Err(format!("{}\nthe ladder is in {place}", fault.text));
        }
    };
    if seed.is_multiple_of(8) {
        let again = attempt(stage(seed)).map_err(|fault| format!("the second time only: {}", fault.text))?;
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
