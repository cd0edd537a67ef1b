//! What is found to differ between two trees, against plain enumeration of all cases.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{Direction, Profile, Trace, Who, differences};

use super::{Block, ask, block_of, cases, leaves, written};

/// Two trees that look at the same few kinds of facts.
fn pair() -> impl Strategy<Value = (Block, Block)> {
    let kinds: Vec<usize> = (0..leaves().len()).collect();
    proptest::sample::subsequence(kinds, 1..4).prop_flat_map(|kinds| {
        let leaves = leaves().into_iter().enumerate().filter(|(kind, _)| kinds.contains(kind));
        let leaf = proptest::strategy::Union::new(leaves.map(|(_, leaf)| leaf)).boxed();
        (block_of(leaf.clone()), block_of(leaf))
    })
}

/// Whether two trees could be compared, and differ; what was found is compared with enumeration.
fn differ(one: &Block, other: &Block) -> Result<Option<bool>, TestCaseError> {
    let rules = one.rules.iter().chain(&other.rules).cloned().collect();
    let Some(cases) = cases(&Block { rules, otherwise: true }) else { return Ok(None) };
    let profiles = [one, other].map(|block| Profile::compile(&written(block, &cases).text));
    let [Ok(one), Ok(other)] = profiles else { return Ok(None) };
    let line = |profile: &Profile, trace: &Trace| -> usize {
        let words = profile.rule_line(trace);
        words.split([':', ' ']).nth(1).unwrap().parse().unwrap()
    };
    let mut expected = BTreeSet::new();
    for case in &cases {
        let ((place, way), (other_place, other_way)) = (ask(&one, case), ask(&other, case));
        if one.action(place) != other.action(other_place) {
            expected.insert((line(&one, &way), line(&other, &other_way)));
        }
    }
    let found = differences((&one, &other), &one, &Limits::default()).unwrap();
    let pairs: BTreeSet<_> = found.iter().map(|found| (found.first.line, found.second.line)).collect();
    let texts = || format!("{}{}", one.source(), other.source());
    prop_assert_eq!(pairs, expected, "{}", texts());
    let owner = Who::User(Uid::parse("anne@north.test").unwrap());
    for (difference, request) in found.iter().flat_map(|d| d.requests.iter().map(move |r| (d, r))) {
        let Some(asked) = &request.request else { continue };
        let asked = |profile: &Profile| {
            asked.ask(difference.direction, &owner, |question| {
                let mut trace = Trace::new();
                profile.decide(Direction::Incoming, question, &mut trace);
                line(profile, &trace)
            })
        };
        let lines = (difference.first.line, difference.second.line);
        prop_assert_eq!((asked(&one), asked(&other)), lines, "{}: {}", request.told, texts());
    }
    Ok(Some(!found.is_empty()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn differences_agree_with_enumeration((one, other) in pair()) {
        differ(&one, &other)?;
    }
}

/// The property above is worth something only if pairs of both kinds come up.
#[test]
fn pairs_of_both_kinds_are_tried() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut pairs = [0; 2];
    for _ in 0..600 {
        let (one, other) = pair().new_tree(&mut runner).unwrap().current();
        if let Some(differ) = differ(&one, &other).unwrap() {
            pairs[usize::from(differ)] += 1;
        }
    }
    assert!(pairs[0] > 3 && pairs[1] > 30, "{pairs:?} are alike, and differ");
}
