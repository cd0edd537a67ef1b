//! The knots of a graph: places each of which can be reached from every other, and itself.
//!
//! A place is left behind when all that can be reached from it has been; the one left behind last is of
//! a knot that nothing outside of it leads into but what was never come to. Followed backwards from
//! there, ways do not leave the knot. Nothing here is recursive: a chain of a million users is one.

use std::collections::BTreeSet;

/// Finds the knots of a graph that is given by where each place leads; each by its places, in order.
pub(super) fn knots(leads: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut backwards: Vec<Vec<usize>> = vec![Vec::new(); leads.len()];
    for (from, to) in leads.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |to| (from, to)))
    {
        if let Some(list) = backwards.get_mut(*to) {
            list.push(from);
        }
    }
    let mut seen = vec![false; leads.len()];
    let mut left_behind = Vec::new();
    for place in 0..leads.len() {
        walk(leads, place, &mut seen, &mut left_behind);
    }
    let mut seen = vec![false; leads.len()];
    let mut knots = Vec::new();
    for place in left_behind.into_iter().rev() {
        let mut knot = Vec::new();
        walk(&backwards, place, &mut seen, &mut knot);
        let itself = || leads.get(place).is_some_and(|list| list.contains(&place));
        if knot.len() > 1 || (!knot.is_empty() && itself()) {
            let knot: BTreeSet<usize> = knot.into_iter().collect();
            knots.push(knot.into_iter().collect());
        }
    }
    knots
}

/// Goes from a place to all that was not seen before, and notes each when it is left behind.
fn walk(leads: &[Vec<usize>], place: usize, seen: &mut [bool], left_behind: &mut Vec<usize>) {
    let see = |place: usize, seen: &mut [bool]| {
        seen.get_mut(place).is_some_and(|seen| !std::mem::replace(seen, true))
    };
    if !see(place, seen) {
        return;
    }
    let mut open = vec![(place, 0)];
    while let Some((at, next)) = open.last_mut() {
        match leads.get(*at).and_then(|list| list.get(*next)) {
            Some(to) => {
                *next += 1;
                if see(*to, seen) {
                    open.push((*to, 0));
                }
            }
            None => {
                left_behind.push(*at);
                open.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reaches(leads: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = leads[from].clone();
        while let Some(at) = open.pop() {
            if reached.insert(at) {
                open.extend(&leads[at]);
            }
        }
        reached
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whoever_comes_back_is_in_a_knot_with_all_that_he_comes_back_from(
            leads in prop::collection::vec(prop::collection::vec(0..9_usize, 0..3), 9),
        ) {
            let mut expected = BTreeSet::new();
            for place in 0..leads.len() {
                let with: Vec<usize> =
                    reaches(&leads, place).into_iter().filter(|to| reaches(&leads, *to).contains(&place)).collect();
                if !with.is_empty() {
                    expected.insert(with);
                }
            }
            let found = knots(&leads);
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
