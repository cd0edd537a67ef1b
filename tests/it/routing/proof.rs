//! The checker's proof against plain enumeration: small random trees are asked every case there is.
//!
//! The trees here have a meaning of their own, written down a second time and as simply as can be.

mod differences;
mod draw;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use ratatosk::base::{Rng, Uid};
use ratatosk::routing::{
    Account, Code, Content, Direction, Header, Mode, Party, Place, Profile, Question, Registered, Status,
    Trace,
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
const STATUSES: [Status; 4] = [Status::Available, Status::Occupied, Status::Away, Status::Offline];
/// No condition names the last.
const ACCOUNTS: [&str; 3] = ["standard", "gold", "trial"];
/// The values of a property, of which no condition names the last, and then that it is not set.
const LUNCHES: [&str; 3] = ["yes", "no", "perhaps"];
/// A credit on every side of every bound.
const CREDITS: [i64; 5] = [-7, 0, 5, 6, 100];
const CREDIT_TEXTS: [&str; 3] = ["under 5", "over 5", "under 0 or over 6"];
/// Subjects, and which of the texts that are looked for they contain.
const SUBJECTS: [&str; 4] = ["", "you win", "lunch", "win a lunch"];
const WORDS: [&str; 2] = ["contains \"WIN\"", "contains \"lunch\""];
const LANGUAGES: [&str; 4] = ["", "da", "en-us", "en-gb"];
const RANGES: [&str; 2] = ["en", "en-gb"];
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
    Status(usize),
    Verified,
    Outside(usize),
    Account(usize),
    Lunch(usize),
    AnyLunch,
    Credit(usize),
    Subject(usize),
    Language(usize),
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
    own: Own,
}

/// The rest of a case: what is the owner's own, and what the message says.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    status: usize,
    verified: bool,
    account: usize,
    lunch: usize,
    credit: usize,
    subject: usize,
    language: usize,
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
            Self::Status(status) => case.own.status == *status,
            Self::Verified => case.own.verified,
            Self::Outside(group) => case.groups >> group & 1 == 0,
            Self::Account(account) => case.own.account == *account,
            Self::Lunch(lunch) => case.own.lunch == *lunch,
            Self::AnyLunch => case.own.lunch < LUNCHES.len(),
            Self::Credit(which) => match (CREDITS[case.own.credit], which) {
                (credit, 0) => credit < 5,
                (credit, 1) => credit > 5,
                (credit, _) => !(0..=6).contains(&credit),
            },
            Self::Subject(word) => SUBJECTS[case.own.subject].contains(["win", "lunch"][*word]),
            Self::Language(range) => LANGUAGES[case.own.language].starts_with(RANGES[*range]),
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
            Self::Status(status) => format!("status {}", STATUSES[*status]),
            Self::Verified => "caller verified".to_owned(),
            Self::Outside(group) => {
                format!("caller not in \"{}\"", GROUPS[*group].replace('"', "\\\""))
            }
            Self::Account(account) => format!("account \"{}\"", ACCOUNTS[*account]),
            Self::Lunch(lunch) => format!("property \"lunch\" is \"{}\"", LUNCHES[*lunch]),
            Self::AnyLunch => "property \"lunch\"".to_owned(),
            Self::Credit(which) => format!("account credit {}", CREDIT_TEXTS[*which]),
            Self::Subject(word) => format!("subject {}", WORDS[*word]),
            Self::Language(range) => format!("language {}", RANGES[*range]),
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

/// So many cases can be gone through for each of tens of thousands of trees.
const CASES_MAX: usize = 3_000;
/// So many trees are drawn if nothing else is said.
const TREES: u64 = 5_000;

/// All cases that a tree may tell apart; what it does not look at has few values, or one. `None` if
/// they are too many.
fn cases(block: &Block) -> Option<Vec<Case>> {
    let looked = |looks: fn(&Cond) -> bool, all: usize| if block.any(looks) { all } else { 1 };
    let modes = looked(|c| matches!(c, Cond::Mode(_)), MODES.len());
    let states = looked(|c| matches!(c, Cond::Registered | Cond::ThisMode), REGISTERED.len());
    let urgent = looked(|c| matches!(c, Cond::Urgent), 2);
    let hours = if block.any(|c| matches!(c, Cond::Time(_))) { hours() } else { vec![0] };
    let ties = looked(|c| matches!(c, Cond::Group(_) | Cond::Contact | Cond::Outside(_)), 1 << GROUPS.len());
    let parties = looked(|c| matches!(c, Cond::Address(_)), PARTIES.len()).max(2);
    let owns = owns(block);
    let most = [modes, states, urgent, hours.len(), ties * 3 / 2, parties, owns.len()];
    if most.into_iter().product::<usize>() > CASES_MAX {
        return None;
    }
    let mut cases = Vec::new();
    for (mode, party) in (0..modes).flat_map(|mode| (0..parties).map(move |party| (mode, party))) {
        for (registered, urgent) in (0..states).flat_map(|state| (0..urgent).map(move |u| (state, u == 1))) {
            for hour in &hours {
                for own in &owns {
                    let hour = *hour;
                    let case =
                        Case { mode, party, registered, contact: false, groups: 0, urgent, hour, own: *own };
                    cases.extend((0..ties).map(|groups| Case { groups, ..case }).filter(exists));
                    let listed = (0..ties / 2).map(|groups| Case { contact: true, groups, ..case });
                    cases.extend(listed.filter(exists));
                }
            }
        }
    }
    Some(cases)
}

/// Every state of the rest that a tree may tell apart.
fn owns(block: &Block) -> Vec<Own> {
    type Step = (fn(&Cond) -> bool, usize, fn(&mut Own, usize));
    let steps: [Step; 7] = [
        (|c| matches!(c, Cond::Status(_)), STATUSES.len(), |own, v| own.status = v),
        (|c| matches!(c, Cond::Verified), 2, |own, v| own.verified = v == 1),
        (|c| matches!(c, Cond::Account(_)), ACCOUNTS.len(), |own, v| own.account = v),
        (|c| matches!(c, Cond::Lunch(_) | Cond::AnyLunch), LUNCHES.len() + 1, |own, v| own.lunch = v),
        (|c| matches!(c, Cond::Credit(_)), CREDITS.len(), |own, v| own.credit = v),
        (|c| matches!(c, Cond::Subject(_)), SUBJECTS.len(), |own, v| own.subject = v),
        (|c| matches!(c, Cond::Language(_)), LANGUAGES.len(), |own, v| own.language = v),
    ];
    steps.into_iter().filter(|(looks, ..)| block.any(*looks)).fold(
        vec![Own::default()],
        |owns, (_, count, set)| {
            let with = |own: Own| {
                (0..count).map(move |value| {
                    let mut own = own;
                    set(&mut own, value);
                    own
                })
            };
            owns.into_iter().flat_map(with).collect()
        },
    )
}

/// Whoever is in a group is a contact, unless he is in "Invisible"; who does not say who he is is
/// nowhere but there.
fn exists(case: &Case) -> bool {
    let is_invisible = case.groups & INVISIBLE != 0;
    let is_strange = case.groups == 0 && !case.contact;
    if case.party == 0 && (case.own.verified || case.groups & !INVISIBLE != 0) {
        return false;
    }
    is_strange || is_invisible != case.contact && (case.party > 0 || !case.contact)
}

/// One hour of the week for each way in which the times can hold.
fn hours() -> Vec<u32> {
    let case = |hour| Case {
        mode: 0,
        party: 0,
        registered: 0,
        contact: false,
        groups: 0,
        urgent: false,
        hour,
        own: Own::default(),
    };
    let mut seen = BTreeSet::new();
    let truth = |hour: u32| (0..TIMES.len()).map(|t| Cond::Time(t).holds(&case(hour))).collect::<Vec<_>>();
    (0..7 * 24).filter(|hour| seen.insert(truth(*hour))).collect()
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

/// Compares the checker's faults, and the evaluator's decisions, with enumeration; whether the tree is in
/// order. `None` if its cases are too many.
fn agrees(block: &Block) -> Option<bool> {
    let cases = cases(block)?;
    let told = written(block, &cases);
    let lines = |faults: &ratatosk::routing::Faults, code: Code| -> BTreeSet<usize> {
        faults.iter().filter(|fault| fault.code == code).map(ratatosk::routing::Fault::line).collect()
    };
    match Profile::compile(&told.text) {
        Err(faults) => {
            assert_eq!(lines(&faults, Code::DeadRule), told.dead, "{}", faults.render(false));
            assert_eq!(lines(&faults, Code::NotTotal), told.open, "{}", faults.render(false));
            let both = [Code::DeadRule, Code::NotTotal];
            assert!(faults.iter().all(|f| both.contains(&f.code)), "{}", faults.render(false));
            Some(false)
        }
        Ok(profile) => {
            assert!(told.dead.is_empty() && told.open.is_empty(), "{}", told.text);
            // A place is one rule; its line is found once.
            let mut places: HashMap<Place, usize> = HashMap::new();
            for (case, line) in &told.decided {
                let (place, trace) = ask(&profile, case);
                let found = *places.entry(place).or_insert_with(|| line_of(&profile, &trace));
                assert_eq!(found, *line, "{case:?} in {}", told.text);
            }
            Some(true)
        }
    }
}

/// The line of the rule that decided.
fn line_of(profile: &Profile, trace: &Trace) -> usize {
    let words = profile.rule_line(trace);
    words.split([':', ' ']).nth(1).unwrap().parse().unwrap()
}

/// What questions are made of, made once for all of the cases.
struct Made {
    parties: Vec<Result<Uid, ratatosk::base::id::UidError>>,
    /// By the bits of the groups.
    groups: Vec<Vec<Arc<str>>>,
    /// By account, lunch and credit.
    accounts: Vec<Account>,
    /// By subject and language.
    contents: Vec<Content>,
}

thread_local! {
    static MADE: Made = Made::new();
}

impl Made {
    fn new() -> Self {
        let inside = |groups: usize| (0..GROUPS.len()).filter(move |group| groups >> group & 1 == 1);
        let accounts = ACCOUNTS.iter().flat_map(|kind| {
            (0..=LUNCHES.len()).flat_map(move |lunch| {
                CREDITS.iter().map(move |credit| {
                    let lunch = LUNCHES.get(lunch).map(|value| (Box::from("lunch"), Box::from(*value)));
                    let properties = lunch.into_iter().collect();
                    Account { kind: Box::from(*kind), credit: *credit, properties }
                })
            })
        });
        let contents = SUBJECTS.iter().flat_map(|subject| {
            LANGUAGES.iter().map(move |language| {
                let headers = [(Header::Subject, subject), (Header::AcceptLanguage, language)];
                let headers = headers.map(|(header, value)| (header, Bytes::from_static(value.as_bytes())));
                Content::new(headers, Bytes::new(), 0)
            })
        });
        Self {
            parties: PARTIES.iter().map(|party| Uid::parse(party)).collect(),
            groups: (0..1 << GROUPS.len())
                .map(|all| inside(all).map(|g| Arc::from(GROUPS[g])).collect())
                .collect(),
            accounts: accounts.collect(),
            contents: contents.collect(),
        }
    }
}

/// The place that decides a case, and the way there.
fn ask(profile: &Profile, case: &Case) -> (Place, Trace) {
    MADE.with(|made| {
        let caller = match &made.parties[case.party] {
            Ok(uid) => Party::User(uid),
            Err(_) if case.party == 0 => Party::Anonymous,
            Err(_) => Party::Number(PARTIES[case.party]),
        };
        let own = case.own;
        let question = Question {
            mode: MODES[case.mode],
            caller,
            to: caller,
            registered: REGISTERED[case.registered],
            groups: &made.groups[case.groups],
            contact: case.contact,
            urgent: case.urgent,
            // 1970-01-05 was a Monday.
            wall_ms: (i64::from(case.hour) + 4 * 24) * 3_600_000 + 30 * 60_000,
            status: STATUSES[own.status],
            verified: own.verified,
            account: Some(
                &made.accounts[(own.account * (LUNCHES.len() + 1) + own.lunch) * CREDITS.len() + own.credit],
            ),
            content: Some(&made.contents[own.subject * LANGUAGES.len() + own.language]),
            ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
        };
        let mut trace = Trace::new();
        let place = profile.decide(Direction::Incoming, &question, &mut trace).unwrap();
        (place, trace)
    })
}

/// How many trees are drawn: `TREES=50000 cargo test --test it routing::proof` draws more.
fn trees() -> u64 {
    std::env::var("TREES").map_or(TREES, |count| count.parse().unwrap())
}

#[test]
fn the_proof_agrees_with_enumeration() {
    let (mut tried, mut good) = (0, 0);
    for number in 0.. {
        let mut dice = Rng::from_seed(number);
        let kinds = draw::kinds(&mut dice, 5);
        let Some(is_good) = agrees(&draw::block(&mut dice, &kinds)) else { continue };
        (tried, good) = (tried + 1, good + u64::from(is_good));
        if tried == trees() {
            break;
        }
    }
    // It is worth something only if trees of both kinds come up.
    assert!((tried / 10..=tried * 9 / 10).contains(&good), "{good} of {tried} are in order");
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
