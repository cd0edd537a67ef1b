//! Rosters: many tests in a row that ask for one name each are answered by one look.
//!
//! A switchboard's tree is a long list of `caller anne@north.test -> …`. Asked one after the other, a
//! thousand such tests take a thousand comparisons; sorted by name, ten. Which tests were looked at, in
//! which order, and what they saw is told as if each had been asked.

use super::evaluate::{Fact, Next, Other, Test};
use super::pattern::Name;
use super::question::Party;

/// Fewer tests in a row are asked one by one: that is as quick.
const TESTS_MIN: usize = 32;

/// Tests in a row, from some number down to `last`, each of which asks the same side for names and leads
/// to the next one if it has none of them.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Roster {
    last: u16,
    /// Every name by where it stands, sorted; the same name by its test.
    names: Box<[Entry]>,
}

/// Where a name stands: the number of its test, and its place among the values of that.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry {
    test: u16,
    value: u16,
}

impl Roster {
    /// Finds the rosters of a tree, and notes with each test in which it is.
    pub(super) fn all(tests: &mut [Test]) -> Box<[Self]> {
        let mut rosters = Vec::new();
        let mut begin = 0;
        while begin < tests.len() {
            let row = row_from(tests, begin);
            if row >= TESTS_MIN
                && let (Ok(at), Some(roster)) = (u16::try_from(rosters.len()), Self::of(tests, begin, row))
            {
                tests.iter_mut().skip(begin).take(row).for_each(|test| test.roster = Some(at));
                rosters.push(roster);
            }
            begin += row.max(1);
        }
        rosters.into()
    }

    fn of(tests: &[Test], begin: usize, row: usize) -> Option<Self> {
        let mut names = Vec::new();
        for (at, test) in tests.iter().enumerate().skip(begin).take(row) {
            for value in 0..values(&test.fact).len() {
                names.push(Entry { test: u16::try_from(at).ok()?, value: u16::try_from(value).ok()? });
            }
        }
        names.sort_by_key(|entry| (entry.name(tests), entry.test));
        Some(Self { last: u16::try_from(begin).ok()?, names: names.into() })
    }

    /// The test that a walk comes to which enters the row at `first`, and whether it holds: that of the
    /// party's name, or the last one.
    pub(super) fn look(&self, tests: &[Test], first: u16, party: Party<'_>) -> (u16, bool) {
        let wanted = Name::from(party);
        let behind =
            self.names.partition_point(|entry| (entry.name(tests), entry.test) <= (Some(wanted), first));
        let nearest = behind.checked_sub(1).and_then(|before| self.names.get(before));
        match nearest.filter(|entry| entry.name(tests) == Some(wanted)) {
            Some(entry) => (entry.test, true),
            None => (self.last, false),
        }
    }
}

impl Entry {
    fn name(self, tests: &[Test]) -> Option<Name<'_>> {
        let test = tests.get(usize::from(self.test))?;
        name_of(values(&test.fact).get(usize::from(self.value))?)
    }
}

/// How many tests make a row that ends with the one at `last`.
fn row_from(tests: &[Test], last: usize) -> usize {
    let Some(end) = tests.get(last).filter(|test| is_roll(&test.fact)) else { return 0 };
    let alike = |fact: &Fact| std::mem::discriminant(fact) == std::mem::discriminant(&end.fact);
    let leads_on = |at: usize, test: &Test| {
        matches!(test.no, Next::Test(next) if usize::from(next) + 1 == at)
            && is_roll(&test.fact)
            && alike(&test.fact)
    };
    1 + tests.iter().enumerate().skip(last + 1).take_while(|(at, test)| leads_on(*at, test)).count()
}

/// Whether a fact is nothing but names of parties.
fn is_roll(fact: &Fact) -> bool {
    let list = values(fact);
    !list.is_empty() && list.iter().all(|other| name_of(other).is_some())
}

fn values(fact: &Fact) -> &[Other] {
    match fact {
        Fact::Caller(list) | Fact::To(list) => list,
        Fact::Mode(_) | Fact::Registered | Fact::RegisteredForMode | Fact::Urgent | Fact::Time(_) => &[],
        Fact::Status(_) | Fact::Named(..) | Fact::Amount(..) | Fact::Says(..) | Fact::Language(_) => &[],
    }
}

fn name_of(other: &Other) -> Option<Name<'_>> {
    match other {
        Other::Like(pattern) => pattern.name(),
        Other::In(_) | Other::Outside(_) | Other::Contact | Other::Verified => None,
    }
}
