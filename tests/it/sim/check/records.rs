//! Every half of a call that was routed has ended, and is on record once.

use std::collections::BTreeMap;

use ratatosk::effect::Fact;

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
        for ((id, owner), [routed, ended, kept]) in halves {
            if routed != ended || ended != kept {
                faults.push(format!(
                    "call {id} of {owner}: routed {routed} times, ended {ended} times, on record {kept} times"
                ));
            }
        }
    }
}
