//! Every half of a call that was routed has ended, and is on record once. Every question on record, of
//! calls and pages, can be asked again: the same tree then does the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatosk::base::Uid;
use ratatosk::effect::Fact;
use ratatosk::routing::{Recorded, Replayed};

use crate::sim::cluster::Cluster;
use crate::sim::world::World;

/// Looks at the facts and the records of clusters that were never ended and whose disk worked.
pub fn check(world: &World, faults: &mut Vec<String>) {
    for cluster in &world.clusters {
        if !cluster.ends.is_empty() || cluster.store.full || cluster.store.gone {
            continue;
        }
        let mut halves: BTreeMap<(String, String), [u32; 3]> = BTreeMap::new();
        let mut count = |id: &str, owner: &str, what: usize| {
            halves.entry((id.to_owned(), owner.to_owned())).or_default()[what] += 1;
        };
        for fact in &cluster.facts {
            match fact {
                Fact::CallRouted { id, owner, .. } => count(id, owner.as_str(), 0),
                Fact::CallEnded(record) => count(&record.id, record.owner.as_str(), 1),
                _ => {}
            }
        }
        for record in &cluster.store.calls {
            count(&record.id, record.owner.as_str(), 2);
        }
        ask_again(cluster, faults);
        for ((id, owner), [routed, ended, kept]) in halves {
            if routed != ended || ended != kept {
                faults.push(format!(
                    "call {id} of {owner}: routed {routed} times, ended {ended} times, on record {kept} times"
                ));
            }
        }
    }
}

/// Asks every question that is on record again.
fn ask_again(cluster: &Cluster, faults: &mut Vec<String>) {
    let calls = cluster.store.calls.iter().map(|call| (&call.id, &call.owner, &call.question, &call.rule));
    let pages = cluster.store.pages.iter().map(|page| (&page.id, &page.owner, &page.question, &page.rule));
    for (id, owner, question, rule) in calls.chain(pages) {
        if let Some(why) = asked_again(cluster, owner, rule, question) {
            faults.push(format!("{id} of {owner}, which {rule} decided: {why}"));
        }
    }
}

fn asked_again(cluster: &Cluster, owner: &Uid, rule: &str, question: &str) -> Option<String> {
    let default = &cluster.settings.default_profile;
    let profile = cluster.store.profile_that(owner, rule).unwrap_or(default);
    match Recorded::read(question) {
        Err(why) => Some(format!("{why}: {question}")),
        Ok(recorded) => match recorded.replay(&Arc::clone(profile), default) {
            Replayed::Same => None,
            // Of what a page says nothing is kept.
            Replayed::Unknown if recorded.had_text => None,
            other => Some(format!("{:?} was done, and now {other:?}", recorded.done)),
        },
    }
}
