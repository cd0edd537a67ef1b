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

/// Clocks in different zones: every half hour of the years in question is asked of both.
#[test]
fn trees_in_different_zones_are_compared() {
    let tree = |zone: &str, times: &str| {
        let text = format!(
            "profile \"p\" {{\n zone {zone}\n incoming {{\n time {times} -> busy\n otherwise -> decline\n }}\n}}\n"
        );
        Profile::compile(&text).unwrap()
    };
    let table: &[(&str, &str, &str, &str, bool)] = &[
        ("Europe/Oslo", "09:00-17:00", "Europe/Berlin", "09:00-17:00", false),
        ("Europe/Oslo", "09:00-17:00", "Europe/London", "08:00-16:00", false),
        // The clocks are changed on other days.
        ("Europe/Oslo", "09:00-17:00", "America/New_York", "03:00-11:00", true),
        ("Asia/Tokyo", "sat", "UTC", "fri 15:00-24:00 or sat 00:00-15:00", false),
        ("Asia/Tokyo", "sat", "UTC", "fri 15:00-24:00 or sat 00:00-14:59", true),
        // The hour that an autumn night has twice.
        ("Europe/Oslo", "02:00-03:00", "UTC", "01:00-02:00", true),
        ("Asia/Kathmandu", "2027-03-01", "UTC", "2027-02-28 18:15-24:00 or 2027-03-01 00:00-18:15", false),
        ("Asia/Kathmandu", "2027-03-01", "UTC", "2027-02-28 18:15-24:00 or 2027-03-01 00:00-18:14", true),
    ];
    let owner = Who::User(Uid::parse("anne@north.test").unwrap());
    for (zone, times, other_zone, other_times, differ) in table {
        let (one, other) = (tree(zone, times), tree(other_zone, other_times));
        let found = differences((&one, &other), &one, &Limits::default()).unwrap();
        assert_eq!(!found.is_empty(), *differ, "{zone} {times}, {other_zone} {other_times}: {found:?}");
        for request in found.iter().flat_map(|found| &found.requests) {
            assert!(request.told.contains(&format!(" in {zone}")), "{}", request.told);
            let asked = request.request.as_ref().unwrap();
            let line = |profile: &Profile| {
                asked.ask(Direction::Incoming, &owner, |question| {
                    let mut trace = Trace::new();
                    profile.decide(Direction::Incoming, question, &mut trace);
                    line_of(profile, &trace)
                })
            };
            assert_ne!(line(&one), line(&other), "{}", request.told);
        }
    }
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
        if pairs[0] + pairs[1] == trees() / 25 {
            break;
        }
    }
    // It is worth something only if pairs of both kinds come up.
    let few = trees() / 2_500;
    assert!(pairs[0] > few && pairs[1] > few, "{pairs:?} are alike, and differ");
}
