//! Rosters: many tests in a row that ask for nothing but names and their beginnings and ends are answered by a few looks.
//!
//! A switchboard's tree is a long list of `caller anne@north.test -> …`, a dialling plan one of `to number "+4712*" -> …`.
//! Asked one after the other, a thousand such tests take a thousand comparisons; sorted by name, ten, and ten more for each
//! length of a beginning or an end. Which tests were looked at, in which order, and what they saw is told as if each had
//! been asked.

use super::evaluate::{Fact, Next, Other, Test};
use super::pattern::{Name, Part};
use super::question::Party;

/// Fewer names in a row are asked for one by one: that is as quick.
const NAMES_MIN: usize = 32;
/// For each length of a beginning or an end there are at least so many names in a roster: else it is not worth its looks.
const NAMES_A_LENGTH: usize = 16;

/// Tests in a row, from some number down to `last`, each of which asks the same side for names and leads
/// to the next one if it has none of them.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Roster {
    last: u16,
    /// Every name by where it stands, sorted; the same name by its test.
    names: Box<[Entry]>,
    /// The parts of a name that are looked up: all of it, or so many bytes of its beginning or end.
    parts: Box<[Part]>,
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
            let row = row_from(tests, begin, false);
            let end = begin + row.max(1);
            if Self::add((begin, row), tests, &mut rosters) {
                begin = end;
            }
            // Where parts of names are of too many lengths, the whole ones between them may still make a row.
            while begin < end {
                let row = row_from(tests, begin, true);
                Self::add((begin, row), tests, &mut rosters);
                begin += row.max(1);
            }
        }
        rosters.into()
    }

    /// Adds that of a row, if it is worth its looks.
    fn add((begin, row): (usize, usize), tests: &mut [Test], rosters: &mut Vec<Self>) -> bool {
        let Some((at, roster)) = u16::try_from(rosters.len()).ok().zip(Self::of(tests, begin, row)) else {
            return false;
        };
        tests.iter_mut().skip(begin).take(row).for_each(|test| test.roster = Some(at));
        rosters.push(roster);
        true
    }

    /// That of so many tests, if it is worth its looks.
    fn of(tests: &[Test], begin: usize, row: usize) -> Option<Self> {
        let row_tests = || tests.iter().enumerate().skip(begin).take(row);
        let count: usize = row_tests().map(|(_, test)| values(&test.fact).len()).sum();
        if count < NAMES_MIN {
            return None;
        }
        let mut parts: Vec<Part> = row_tests()
            .flat_map(|(_, test)| values(&test.fact))
            .filter_map(|other| name_of(other).map(|(part, _)| part))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        if parts.len() > 1 && count < parts.len() * NAMES_A_LENGTH {
            return None;
        }
        let mut names = Vec::with_capacity(count);
        for (at, test) in row_tests() {
            for value in 0..values(&test.fact).len() {
                names.push(Entry { test: u16::try_from(at).ok()?, value: u16::try_from(value).ok()? });
            }
        }
        names.sort_by_key(|entry| (entry.name(tests), entry.test));
        Some(Self { last: u16::try_from(begin).ok()?, names: names.into(), parts: parts.into() })
    }

    /// The test that a walk comes to which enters the row at `first`, and whether it holds: the first that asks for the
    /// party's name or a part of it, or the last one.
    pub(super) fn look(&self, tests: &[Test], first: u16, party: Party<'_>) -> (u16, bool) {
        let name = Name::from(party);
        let of_part = |part: &Part| {
            let wanted = (*part, name.part(*part)?);
            let up_to = |entry: &Entry| (entry.name(tests), entry.test) <= (Some(wanted), first);
            let nearest = self.names.get(self.names.partition_point(up_to).checked_sub(1)?)?;
            (nearest.name(tests) == Some(wanted)).then_some(nearest.test)
        };
        // A walk goes from greater numbers to smaller ones.
        match self.parts.iter().filter_map(of_part).max() {
            Some(test) => (test, true),
            None => (self.last, false),
        }
    }
}

impl Entry {
    fn name(self, tests: &[Test]) -> Option<(Part, Name<'_>)> {
        let test = tests.get(usize::from(self.test))?;
        name_of(values(&test.fact).get(usize::from(self.value))?)
    }
}

/// How many tests make a row that ends with the one at `last`; of `whole` names only, or of their parts too.
fn row_from(tests: &[Test], last: usize, whole: bool) -> usize {
    let Some(end) = tests.get(last).filter(|test| is_roll(&test.fact, whole)) else { return 0 };
    let alike = |fact: &Fact| std::mem::discriminant(fact) == std::mem::discriminant(&end.fact);
    let leads_on = |at: usize, test: &Test| {
        matches!(test.no, Next::Test(next) if usize::from(next) + 1 == at)
            && is_roll(&test.fact, whole)
            && alike(&test.fact)
    };
    1 + tests.iter().enumerate().skip(last + 1).take_while(|(at, test)| leads_on(*at, test)).count()
}

/// Whether a fact is nothing but names of parties, or parts of them.
fn is_roll(fact: &Fact, whole: bool) -> bool {
    let list = values(fact);
    let is_name = |other: &Other| name_of(other).is_some_and(|(part, _)| part == Part::Whole || !whole);
    !list.is_empty() && list.iter().all(is_name)
}

fn values(fact: &Fact) -> &[Other] {
    match fact {
        Fact::Caller(list) | Fact::To(list) => list,
        Fact::Mode(_) | Fact::Registered | Fact::RegisteredForMode | Fact::Urgent | Fact::Time(_) => &[],
        Fact::Status(_) | Fact::Named(..) | Fact::Amount(..) | Fact::Says(..) | Fact::Language(_) => &[],
    }
}

fn name_of(other: &Other) -> Option<(Part, Name<'_>)> {
    match other {
        Other::Like(pattern) => pattern.part(),
        Other::In(_) | Other::Outside(_) | Other::Contact | Other::Verified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::Profile;
    use super::super::question::Question;
    use super::super::trace::Trace;
    use super::super::words::{Direction, Mode};
    use super::*;
    use crate::base::{Limits, Uid};

    fn profile(rules: &str) -> Profile {
        let source = format!("profile \"p\" {{ incoming {{\n{rules}\notherwise -> decline\n}} }}");
        let owner = Uid::parse("anne@north.test").unwrap();
        Profile::compile_stored(&source, &Limits::default(), &owner)
            .unwrap_or_else(|f| panic!("{}", f.render(false)))
    }

    #[test]
    fn many_names_make_a_roster_in_however_many_rules() {
        let list = |count: usize, one: &dyn Fn(usize) -> String, joint: &str| {
            (0..count).map(one).collect::<Vec<_>>().join(joint)
        };
        let user = |i: usize| format!("user{i}@south.test");
        let rosters = |rules: &str| profile(rules).graph(Direction::Incoming).unwrap().rosters.len();
        assert_eq!(rosters(&format!("caller {} -> busy", list(999, &user, " or "))), 1);
        assert_eq!(rosters(&format!("caller {} -> busy", list(31, &user, " or "))), 0);
        assert_eq!(rosters(&format!("caller {} or contact -> busy", list(99, &user, " or "))), 0);
        let plan = list(300, &|i| format!("caller number \"+47{i:03}*\" -> busy"), "\n");
        assert_eq!(rosters(&plan), 1);
        // Each is of another length: to look for all of them takes as long as to ask one after the other.
        let lengths = |i: usize| format!("caller \"{}*\" -> busy", "a".repeat(i + 1));
        assert_eq!(rosters(&list(40, &lengths, "\n")), 0);
        let mixed = format!(
            "{}\n{}",
            list(20, &lengths, "\n"),
            list(40, &|i| format!("caller {} -> busy", user(i)), "\n")
        );
        assert_eq!(rosters(&mixed), 1, "the whole names among them make one");
    }

    #[test]
    fn the_first_rule_of_those_that_mean_somebody_has_him() {
        let rest: Vec<String> = (0..200).map(|i| format!("caller other{i}@south.test -> busy")).collect();
        let rest = rest.join("\n");
        let profile = profile(&format!(
            "caller anne@* or bob@south.test -> refuse \"1\"\ncaller anna@south.test -> refuse \"2\"\n{rest}\ncaller @south.test -> refuse \"3\""
        ));
        for (who, expected) in [
            ("anne@south.test", "refuse \"1\""),
            ("anna@south.test", "refuse \"2\""),
            ("bob@south.test", "refuse \"1\""),
            ("bob@north.test", "decline"),
            ("other7@south.test", "busy"),
            ("zoe@south.test", "refuse \"3\""),
        ] {
            let uid = Uid::parse(who).unwrap();
            let question = Question::new(Mode::Page, Party::User(&uid), Party::Anonymous);
            let place = profile.decide(Direction::Incoming, &question, &mut Trace::new()).unwrap();
            assert_eq!(profile.action(place).to_string(), expected, "{who}");
        }
    }
}
