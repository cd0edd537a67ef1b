//! What is found to differ between two trees, against plain enumeration of all cases.

use std::collections::{BTreeSet, HashMap};

use ratatosk::base::{Limits, Rng, Uid};
use ratatosk::routing::{Direction, Place, Profile, Trace, Who, differences};

use super::{Block, ask, cases, draw, line_of, trees, written};

/// Whether two trees could be compared, and differ; what was found is compared with enumeration.
fn differ(one: &Block, other: &Block) -> Option<bool> {
    let rules = one.rules.iter().chain(&other.rules).cloned().collect();
    let cases = cases(&Block { rules, otherwise: true })?;
    let profiles = [one, other].map(|block| Profile::compile(&written(block, &cases).text));
    let [Ok(one), Ok(other)] = profiles else { return None };
    // Two places are compared once, however many cases come to them.
    let mut pairs: HashMap<(Place, Place), (Trace, Trace)> = HashMap::new();
    for case in &cases {
        let ((place, way), (other_place, other_way)) = (ask(&one, case), ask(&other, case));
        pairs.entry((place, other_place)).or_insert((way, other_way));
    }
    let differ =
        pairs.iter().filter(|((place, other_place), _)| one.action(*place) != other.action(*other_place));
    let expected: BTreeSet<_> =
        differ.map(|(_, (way, other_way))| (line_of(&one, way), line_of(&other, other_way))).collect();
    let found = differences((&one, &other), &one, &Limits::default()).unwrap();
    let pairs: BTreeSet<_> = found.iter().map(|found| (found.first.line, found.second.line)).collect();
    let texts = || format!("{}{}", one.source(), other.source());
    assert_eq!(pairs, expected, "{}", texts());
    let owner = Who::User(Uid::parse("anne@north.test").unwrap());
    for (difference, request) in found.iter().flat_map(|d| d.requests.iter().map(move |r| (d, r))) {
        let Some(asked) = &request.request else { continue };
        let asked = |profile: &Profile| {
            asked.ask(difference.direction, &owner, |question| {
                let mut trace = Trace::new();
                profile.decide(Direction::Incoming, question, &mut trace);
                line_of(profile, &trace)
            })
        };
        let lines = (difference.first.line, difference.second.line);
        assert_eq!((asked(&one), asked(&other)), lines, "{}: {}", request.told, texts());
    }
    Some(!found.is_empty())
}

#[test]
fn differences_agree_with_enumeration() {
    let mut pairs = [0_u64; 2];
    for number in 0.. {
        let mut dice = Rng::from_seed(number);
        let kinds = draw::kinds(&mut dice, 3);
        let (one, other) = (draw::block(&mut dice, &kinds), draw::block(&mut dice, &kinds));
        if let Some(differ) = differ(&one, &other) {
            pairs[usize::from(differ)] += 1;
        }
        if pairs[0] + pairs[1] == trees() / 4 {
            break;
        }
    }
    // It is worth something only if pairs of both kinds come up.
    let few = trees() / 1_000;
    assert!(pairs[0] > few && pairs[1] > few, "{pairs:?} are alike, and differ");
}
