//! A failing seed made small: whatever it does not need in order to fail the same way is left out.

use std::collections::BTreeSet;

use super::attempt;
use super::play::stage;
use crate::sim::World;
use crate::sim::net::Net;

/// How often a world may be played again in the search for a smaller one.
const PATIENCE: usize = 300;

/// What is left of a seed's world: of its plans these, in this network.
#[derive(Clone)]
struct Small {
    kept: BTreeSet<usize>,
    net: Net,
}

impl Small {
    fn world(&self, seed: u64) -> World {
        let mut world = stage(seed);
        world.keep_plans(&self.kept);
        world.net = self.net.clone();
        world
    }
}

/// What is left when nothing more can be left out, told with its ladder.
pub(super) fn minimise(seed: u64) -> String {
    let whole = stage(seed);
    let all = whole.plans();
    let mut best = Small { kept: (0..all).collect(), net: whole.net.clone() };
    let Err(fault) = attempt(best.world(seed)) else { return "it does not fail again".to_owned() };
    let kind = kind(&fault.text);
    let mut fault = fault;
    let mut tries = 0;
    let mut better = |small: &Small| {
        tries += 1;
        let found = (tries <= PATIENCE).then(|| attempt(small.world(seed)).err()).flatten();
        found.filter(|found| self::kind(&found.text) == kind)
    };
    for net in simpler(&best.net) {
        let small = Small { net, ..best.clone() };
        if let Some(found) = better(&small) {
            (best, fault) = (small, found);
            break;
        }
    }
    let mut step = all.div_ceil(2);
    while step > 0 {
        for chunk in best.kept.iter().copied().collect::<Vec<_>>().chunks(step) {
            let mut small = best.clone();
            small.kept.retain(|plan| !chunk.contains(plan));
            if let Some(found) = better(&small) {
                (best, fault) = (small, found);
            }
        }
        step /= 2;
    }
    let (left, plans) = (best.kept.len(), best.world(seed).plan_text());
    format!(
        "{left} of {all} plans are enough, in {:?}\n{}\n\n{plans}\n{}",
        best.net, fault.text, fault.ladder
    )
}

/// Networks with less to suffer from, the simplest first.
fn simpler(net: &Net) -> Vec<Net> {
    let calm = Net { loss: 0, twice: 0, pieces: false, store_ms: (0, 0), ..net.clone() };
    let once = Net { twice: 0, pieces: false, ..net.clone() };
    vec![Net::PERFECT, calm, Net { delay_ms: (1, 1), ..once.clone() }, once]
}

/// A fault without what is different in every run: times, numbers, names.
fn kind(fault: &str) -> String {
    let first = fault.lines().next().unwrap_or_default();
    let is_word = |word: &&str| {
        !word.contains(['@', '>', '(', ')', '/']) && !word.contains(|c: char| c.is_ascii_digit())
    };
    let said = first.split_whitespace().filter(is_word);
    said.filter(|word| !["north", "south", "server"].contains(word)).collect::<Vec<_>>().join(" ")
}
