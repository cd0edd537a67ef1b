//! The checker's proof against plain enumeration: small random trees are asked every case there is.
//!
//! The trees here have a meaning of their own, written down a second time and as simply as can be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{
    Code, Direction, Mode, Party, Place, Profile, Question, Registered, Trace, Who, differences,
};

/// No condition names the last.
const MODES: [Mode; 4] = [Mode::Voice, Mode::Page, Mode::Web, Mode::File];
const REGISTERED: [Registered; 3] = [Registered::None, Registered::OtherModes, Registered::ThisMode];
const GROUPS: [&str; 3] = ["Friends", "The \"Board\"", "Invisible"];
/// The bit of "Invisible".
const INVISIBLE: usize = 1 << 2;
const ADDRESSES: [&str; 4] = ["anne@north.test", "@north.test", "a*", "number \"+47*\""];
const PARTIES: [&str; 8] = [
    "anonymous",
    "zoe@south.test",
    "anne@north.test",
    "anna@north.test",
    "bob@north.test",
    "adam@south.test",
    "+4712345678",
    "+1900",
];
const TIMES: [&str; 4] =
    ["mon-fri 09:00-17:00", "22:00-06:00", "fri 22:00-06:00 or 12:00-13:00", "tue 00:00-09:00 or sat or sun"];

/// A condition.
#[derive(Clone, Debug)]
enum Cond {
    Mode(usize),
    Address(usize),
    Anonymous,
    Group(usize),
    Contact,
    Registered,
    ThisMode,
    Urgent,
    Time(usize),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Debug)]
enum Then {
    Line,
    Block(Block),
}

#[derive(Clone, Debug)]
struct Block {
    rules: Vec<(Cond, Then)>,
    otherwise: bool,
}

/// One case: indices into the lists above, and an hour of the week.
#[derive(Clone, Copy, Debug)]
struct Case {
    mode: usize,
    party: usize,
    registered: usize,
    contact: bool,
    /// A bit for each group.
    groups: usize,
    urgent: bool,
    hour: u32,
}

impl Cond {
    fn holds(&self, case: &Case) -> bool {
        match self {
            Self::Mode(mode) => case.mode == *mode,
            Self::Address(address) => {
                let party = PARTIES[case.party];
                match address {
                    0 => party == "anne@north.test",
                    1 => party.ends_with("@north.test"),
                    2 => party.starts_with('a') && party.contains('@'),
                    _ => party.starts_with("+47"),
                }
            }
            Self::Anonymous => case.party == 0,
            Self::Group(group) => case.groups >> group & 1 == 1,
            Self::Contact => case.contact,
            Self::Registered => case.registered > 0,
            Self::ThisMode => case.registered == 2,
            Self::Urgent => case.urgent,
            Self::Time(time) => {
                let (day, hour) = (case.hour / 24, case.hour % 24);
                match time {
                    0 => day < 5 && (9..17).contains(&hour),
                    1 => !(6..22).contains(&hour),
                    2 => day == 4 && hour > 21 || day == 5 && hour < 6 || hour == 12,
                    _ => day == 1 && hour < 9 || day > 4,
                }
            }
            Self::Not(inner) => !inner.holds(case),
            Self::And(a, b) => a.holds(case) && b.holds(case),
            Self::Or(a, b) => a.holds(case) || b.holds(case),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Mode(mode) => format!("mode {}", MODES[*mode]),
            Self::Address(address) => format!("caller {}", ADDRESSES[*address]),
            Self::Anonymous => "caller anonymous".to_owned(),
            Self::Group(group) => format!("caller in \"{}\"", GROUPS[*group].replace('"', "\\\"")),
            Self::Contact => "caller contact".to_owned(),
            Self::Registered => "registered".to_owned(),
            Self::ThisMode => "registered this-mode".to_owned(),
            Self::Urgent => "urgent".to_owned(),
            Self::Time(time) => format!("time {}", TIMES[*time]),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(a, b) => format!("({}) and ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({} or {})", a.text(), b.text()),
        }
    }

    /// Whether it looks at something that `looks` knows.
    fn any(&self, looks: fn(&Self) -> bool) -> bool {
        match self {
            Self::Not(inner) => inner.any(looks),
            Self::And(a, b) | Self::Or(a, b) => a.any(looks) || b.any(looks),
            leaf => looks(leaf),
        }
    }
}

impl Block {
    /// Writes it, a rule a line, and finds out by asking which rules are dead and which blocks are not
    /// total: by the lines of their heads.
    fn write(&self, head: usize, entering: &[Case], told: &mut Told) {
        told.text.push_str(" {\n");
        told.line += 1;
        let mut arriving = entering.to_vec();
        for (cond, then) in &self.rules {
            let (taken, left): (Vec<Case>, Vec<Case>) = arriving.iter().partition(|case| cond.holds(case));
            let line = told.line;
            told.text.push_str(&cond.text());
            if taken.is_empty() {
                told.dead.insert(line);
            }
            match then {
                Then::Line => told.lead(&taken),
                // What stands in a dead rule is not looked at.
                Then::Block(block) if taken.is_empty() => block.skip(told),
                Then::Block(block) => block.write(line, &taken, told),
            }
            arriving = left;
        }
        if self.otherwise {
            if arriving.is_empty() {
                told.dead.insert(told.line);
            }
            told.text.push_str("otherwise");
            told.lead(&arriving);
        } else if !arriving.is_empty() {
            told.open.insert(head);
        }
        told.text.push_str("}\n");
        told.line += 1;
    }

    /// Writes it without looking.
    fn skip(&self, told: &mut Told) {
        let mut aside = Told { line: told.line, ..Told::default() };
        self.write(0, &[], &mut aside);
        told.text.push_str(&aside.text);
        told.line = aside.line;
    }

    fn any(&self, looks: fn(&Cond) -> bool) -> bool {
        self.rules
            .iter()
            .any(|(cond, then)| cond.any(looks) || matches!(then, Then::Block(block) if block.any(looks)))
    }
}

/// What enumeration finds.
#[derive(Default)]
struct Told {
    text: String,
    line: usize,
    dead: BTreeSet<usize>,
    open: BTreeSet<usize>,
    /// The line that decides each case.
    decided: Vec<(Case, usize)>,
}

impl Told {
    fn lead(&mut self, cases: &[Case]) {
        self.decided.extend(cases.iter().map(|case| (*case, self.line)));
        // Different things are done, so that trees differ.
        self.text.push_str([" -> busy\n", " -> decline\n", " -> try clients\n"][self.line % 3]);
        self.line += 1;
    }
}

/// All cases that a tree may tell apart; what it does not look at has few values, or one.
fn cases(block: &Block) -> Vec<Case> {
    let looked = |looks: fn(&Cond) -> bool, all: usize| if block.any(looks) { all } else { 1 };
    let modes = looked(|c| matches!(c, Cond::Mode(_)), MODES.len());
    let states = looked(|c| matches!(c, Cond::Registered | Cond::ThisMode), REGISTERED.len());
    let urgent = looked(|c| matches!(c, Cond::Urgent), 2);
    let hours = if block.any(|c| matches!(c, Cond::Time(_))) { hours() } else { vec![0] };
    let ties = looked(|c| matches!(c, Cond::Group(_) | Cond::Contact), 1 << GROUPS.len());
    let parties = looked(|c| matches!(c, Cond::Address(_)), PARTIES.len()).max(2);
    let mut cases = Vec::new();
    for (mode, party) in (0..modes).flat_map(|mode| (0..parties).map(move |party| (mode, party))) {
        for (registered, urgent) in (0..states).flat_map(|state| (0..urgent).map(move |u| (state, u == 1))) {
            for hour in &hours {
                let case = Case { mode, party, registered, contact: false, groups: 0, urgent, hour: *hour };
                cases.extend((0..ties).map(|groups| Case { groups, ..case }).filter(exists));
                let listed = (0..ties / 2).map(|groups| Case { contact: true, groups, ..case });
                cases.extend(listed.filter(exists));
            }
        }
    }
    cases
}

/// Whoever is in a group is a contact, unless he is in "Invisible"; who does not say who he is is
/// nowhere but there.
fn exists(case: &Case) -> bool {
    let is_invisible = case.groups & INVISIBLE != 0;
    let is_strange = case.groups == 0 && !case.contact;
    is_strange || is_invisible != case.contact && (case.party > 0 || !case.contact)
}

/// One hour of the week for each way in which the times can hold.
fn hours() -> Vec<u32> {
    let case =
        |hour| Case { mode: 0, party: 0, registered: 0, contact: false, groups: 0, urgent: false, hour };
    let mut seen = BTreeSet::new();
    let truth = |hour: u32| (0..TIMES.len()).map(|t| Cond::Time(t).holds(&case(hour))).collect::<Vec<_>>();
    (0..7 * 24).filter(|hour| seen.insert(truth(*hour))).collect()
}

fn cond() -> impl Strategy<Value = Cond> {
    let leaf = prop_oneof![
        3 => (0..MODES.len() - 1).prop_map(Cond::Mode),
        3 => (0..ADDRESSES.len()).prop_map(Cond::Address),
        1 => Just(Cond::Anonymous),
        4 => (0..GROUPS.len()).prop_map(Cond::Group),
        2 => Just(Cond::Contact),
        1 => Just(Cond::Registered),
        1 => Just(Cond::ThisMode),
        2 => Just(Cond::Urgent),
        4 => (0..TIMES.len()).prop_map(Cond::Time),
    ];
    leaf.prop_recursive(2, 5, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| Cond::Not(Box::new(a))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Cond::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Cond::Or(Box::new(a), Box::new(b))),
        ]
    })
}

fn block() -> impl Strategy<Value = Block> {
    let list = |then: BoxedStrategy<Then>| {
        (prop::collection::vec((cond(), then), 0..5), prop::bool::weighted(0.7))
            .prop_map(|(rules, otherwise)| Block { rules, otherwise })
    };
    list(Just(Then::Line).boxed()).prop_recursive(2, 10, 3, move |inner| {
        list(prop_oneof![3 => Just(Then::Line), 1 => inner.prop_map(Then::Block)].boxed())
    })
}

/// A tree as it is written.
fn written(block: &Block, cases: &[Case]) -> Told {
    let mut told = Told { line: 1, ..Told::default() };
    told.text.push_str("profile \"p\" {\n");
    told.line += 1;
    told.text.push_str("incoming");
    block.write(2, cases, &mut told);
    told.text.push_str("}\n");
    told
}

/// Compares the checker's faults, and the evaluator's decisions, with enumeration.
fn agrees(block: &Block) -> Result<bool, TestCaseError> {
    let told = written(block, &cases(block));
    let lines = |faults: &ratatosk::routing::Faults, code: Code| -> BTreeSet<usize> {
        faults.iter().filter(|fault| fault.code == code).map(ratatosk::routing::Fault::line).collect()
    };
    match Profile::compile(&told.text) {
        Err(faults) => {
            prop_assert_eq!(lines(&faults, Code::DeadRule), told.dead, "{}", faults.render(false));
            prop_assert_eq!(lines(&faults, Code::NotTotal), told.open, "{}", faults.render(false));
            let both = [Code::DeadRule, Code::NotTotal];
            prop_assert!(faults.iter().all(|f| both.contains(&f.code)), "{}", faults.render(false));
            Ok(false)
        }
        Ok(profile) => {
            prop_assert!(told.dead.is_empty() && told.open.is_empty(), "{}", told.text);
            // The place that stands for each line; a rule's own words are made once for each.
            let mut places = BTreeMap::new();
            for (case, line) in &told.decided {
                let (place, trace) = decide(&profile, case);
                let words = places.entry(place).or_insert_with(|| profile.rule_line(&trace));
                prop_assert!(words.starts_with(&format!("p:{line} ")), "{case:?} by {line}, but {words}");
            }
            Ok(true)
        }
    }
}

/// The place that decides a case, as its number, and the way there.
fn decide(profile: &Profile, case: &Case) -> (String, Trace) {
    let (place, trace) = ask(profile, case);
    (format!("{place:?}"), trace)
}

/// The place that decides a case, and the way there.
fn ask(profile: &Profile, case: &Case) -> (Place, Trace) {
    let uid = Uid::parse(PARTIES[case.party]);
    let caller = match &uid {
        Ok(uid) => Party::User(uid),
        Err(_) if case.party == 0 => Party::Anonymous,
        Err(_) => Party::Number(PARTIES[case.party]),
    };
    let inside = |group: &usize| case.groups >> group & 1 == 1;
    let groups: Vec<Arc<str>> = (0..GROUPS.len()).filter(inside).map(|g| Arc::from(GROUPS[g])).collect();
    // 1970-01-05 was a Monday.
    let wall_ms = (i64::from(case.hour) + 4 * 24) * 3_600_000 + 30 * 60_000;
    let question = Question {
        mode: MODES[case.mode],
        caller,
        to: caller,
        registered: REGISTERED[case.registered],
        groups: &groups,
        contact: case.contact,
        urgent: case.urgent,
        wall_ms,
    };
    let mut trace = Trace::new();
    let place = profile.decide(Direction::Incoming, &question, &mut trace).unwrap();
    (place, trace)
}

/// Whether two trees could be compared, and differ; what was found is compared with enumeration.
fn differ(one: &Block, other: &Block) -> Result<Option<bool>, TestCaseError> {
    let rules = one.rules.iter().chain(&other.rules).cloned().collect();
    let cases = cases(&Block { rules, otherwise: true });
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
        let asked = |profile: &Profile| {
            request.ask(difference.direction, &owner, |question| {
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
    fn differences_agree_with_enumeration(one in block(), other in block()) {
        differ(&one, &other)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_proof_agrees_with_enumeration(block in block()) {
        agrees(&block)?;
    }
}

/// The property above is worth something only if trees of both kinds come up.
#[test]
fn trees_of_both_kinds_are_tried() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut good = 0;
    for _ in 0..300 {
        let block = block().new_tree(&mut runner).unwrap().current();
        good += usize::from(agrees(&block).unwrap());
    }
    assert!((60..=240).contains(&good), "{good} of 300 are in order");
    let mut pairs = [0; 2];
    for _ in 0..300 {
        let one = block().new_tree(&mut runner).unwrap().current();
        let other = block().new_tree(&mut runner).unwrap().current();
        if let Some(differ) = differ(&one, &other).unwrap() {
            pairs[usize::from(differ)] += 1;
        }
    }
    assert!(pairs[0] > 3 && pairs[1] > 30, "{pairs:?} are alike, and differ");
}

/// Rules that each look at one of two rows of groups: no order of the variables keeps these cases few.
fn intricate(pairs: usize, last: &str) -> String {
    let mut rules = String::new();
    let row = |letter: char| (0..pairs).map(move |i| format!("in \"{letter}{i}\""));
    // Names all of the first row before any of the second.
    let all = row('a').collect::<Vec<_>>().join(" and caller ");
    let _ = writeln!(rules, "caller {all} -> busy");
    for (a, b) in row('a').zip(row('b')) {
        let _ = writeln!(rules, "caller {a} and caller {b} -> busy");
    }
    format!("profile \"p\" {{\nincoming {{\n{rules}{last}\n}}\n}}\n")
}

#[test]
fn a_proof_that_grows_too_large_asks_for_an_otherwise() {
    let codes = |source: &str| -> Vec<Code> {
        Profile::compile(source).map_or_else(|faults| faults.iter().map(|f| f.code).collect(), |_| Vec::new())
    };
    assert_eq!(codes(&intricate(6, "")), [Code::NotTotal], "few groups are checked");
    assert_eq!(codes(&intricate(40, "")), [Code::TooComplex]);
    assert_eq!(codes(&intricate(40, "otherwise -> decline")), []);
    let faults = Profile::compile(&intricate(40, "")).unwrap_err();
    let help = faults.iter().next().and_then(|fault| fault.help.clone()).unwrap();
    assert!(help.contains("add `otherwise"), "{help}");
    assert_eq!(codes(&intricate(60, "not caller contact -> busy")), [Code::TooComplex]);
    let many: String = (0..101).map(|i| format!("caller in \"g{i}\" -> busy\n")).collect();
    let source = format!("profile \"p\" {{ incoming {{\n{many} otherwise -> decline\n}} }}");
    assert_eq!(codes(&source), [Code::TooComplex]);
    let times: String =
        (0..501).map(|i| format!("time 00:00-{:02}:{:02} -> busy\n", 1 + i / 60, i % 60)).collect();
    let source = format!("profile \"p\" {{ incoming {{\n{times} otherwise -> decline\n}} }}");
    assert_eq!(codes(&source), [Code::TooComplex]);
}
