//! Trees drawn at random. A number draws the same tree again.

use ratatosk::base::Rng;

use super::{
    ACCOUNTS, ADDRESSES, Block, CREDIT_TEXTS, Cond, GROUPS, LUNCHES, MODES, RANGES, STATUSES, TIMES, Then,
    WORDS,
};

/// How many kinds of facts there are.
const KINDS: usize = 15;

pub(super) fn below(dice: &mut Rng, bound: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(bound).unwrap())).unwrap()
}

/// A few kinds of facts, so that all cases of what looks at them can be gone through.
pub(super) fn kinds(dice: &mut Rng, most: usize) -> Vec<usize> {
    let count = 1 + below(dice, most);
    (0..count).map(|_| below(dice, KINDS)).collect()
}

/// A block whose conditions look at facts of these kinds.
pub(super) fn block(dice: &mut Rng, kinds: &[usize]) -> Block {
    block_of(dice, kinds, 2)
}

fn block_of(dice: &mut Rng, kinds: &[usize], depth: usize) -> Block {
    let rules = (0..below(dice, 5)).map(|_| {
        let inner = depth > 0 && below(dice, 4) == 0;
        let cond = cond(dice, kinds, 2);
        (cond, if inner { Then::Block(block_of(dice, kinds, depth - 1)) } else { Then::Line })
    });
    Block { rules: rules.collect(), otherwise: below(dice, 10) < 7 }
}

fn cond(dice: &mut Rng, kinds: &[usize], depth: usize) -> Cond {
    let inner = |dice: &mut Rng| Box::new(cond(dice, kinds, depth - 1));
    match below(dice, if depth > 0 { 6 } else { 3 }) {
        3 => Cond::Not(inner(dice)),
        4 => Cond::And(inner(dice), inner(dice)),
        5 => Cond::Or(inner(dice), inner(dice)),
        _ => {
            let kind = kinds[below(dice, kinds.len())];
            leaf(dice, kind)
        }
    }
}

fn leaf(dice: &mut Rng, kind: usize) -> Cond {
    let either = |dice: &mut Rng, one, other| if below(dice, 2) == 0 { one } else { other };
    match kind {
        0 => Cond::Mode(below(dice, MODES.len() - 1)),
        1 => Cond::Address(below(dice, ADDRESSES.len())),
        2 => Cond::Anonymous,
        3 => {
            let group = below(dice, GROUPS.len());
            either(dice, Cond::Group(group), Cond::Outside(group))
        }
        4 => Cond::Contact,
        5 => either(dice, Cond::Registered, Cond::ThisMode),
        6 => Cond::Urgent,
        7 => Cond::Time(below(dice, TIMES.len())),
        8 => Cond::Status(below(dice, STATUSES.len())),
        9 => Cond::Verified,
        10 => Cond::Account(below(dice, ACCOUNTS.len() - 1)),
        11 => {
            let lunch = Cond::Lunch(below(dice, LUNCHES.len() - 1));
            either(dice, lunch, Cond::AnyLunch)
        }
        12 => Cond::Credit(below(dice, CREDIT_TEXTS.len())),
        13 => Cond::Subject(below(dice, WORDS.len())),
        _ => Cond::Language(below(dice, RANGES.len())),
    }
}
