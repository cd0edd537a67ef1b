//! Circles of users: what is told of them, and that it is told of those requests alone that go round,
//! held against walking every request through every tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use ratatosk::base::{Limits, Rng, Uid};
use ratatosk::routing::{
    Account, Action, Content, Direction, Facts, Header, Mode, Outcome, Party, Profile, Question, Registered,
    Status, Target, Trace, Turn, Ways, Who,
};

use super::uid;

/// A cluster: everybody's name and tree.
type Cluster = Vec<(Uid, Profile)>;

fn cluster(trees: &[(&str, &str, &str)]) -> Cluster {
    let of = |(user, head, rules): &(&str, &str, &str)| {
        let text = format!("profile \"{user}\" {{\n{head}\nincoming {{\n{rules}\n}} }}");
        (
            uid(&format!("{user}@north.test")),
            Profile::compile(&text).unwrap_or_else(|f| panic!("{f}\n{text}")),
        )
    };
    trees.iter().map(of).collect()
}

fn ways(cluster: &Cluster) -> Ways {
    let mut ways = Ways::default();
    for (uid, profile) in cluster {
        let kept = ways.keep(profile.clone());
        ways.add(uid.clone(), kept);
    }
    ways
}

/// Each turn in a line: the rule, what it takes, which way it comes back, an example.
fn told(turns: &[Turn]) -> Vec<String> {
    let line = |turn: &Turn| match &turn.round {
        Some(round) => {
            let by: Vec<&str> = round.by.iter().map(|uid| uid.split('@').next().unwrap()).collect();
            format!("{} | {} | {} | {}", turn.rule, round.when, by.join(" "), round.example)
        }
        None => format!("{} | {:?}", turn.rule, turn.modes),
    };
    turns.iter().map(line).collect()
}

/// What a circle is about, everybody's tree, and what is told of it.
type Row = (&'static str, &'static [(&'static str, &'static str, &'static str)], &'static [&'static str]);

const NIGHT: &str = "time 22:00-06:00 -> forward carl@north.test\notherwise -> try clients";

const CIRCLES: &[Row] = &[
    (
        "a circle at night",
        &[("anne", "", NIGHT), ("carl", "", "otherwise -> try clients else forward anne@north.test")],
        &[
            "anne:4 time 22:00-06:00 -> forward carl@north.test | a voice call from anybody on Monday at 22:00 | carl anne | a voice call from anybody on Monday at 22:00",
            "carl:4 else -> forward anne@north.test | a voice call from anybody | anne carl | a voice call from anybody on Monday at 22:00",
        ],
    ),
    (
        "no call is at night and by day",
        &[
            ("anne", "", NIGHT),
            ("carl", "", "time 08:00-18:00 -> forward anne@north.test\notherwise -> busy"),
        ],
        &[],
    ),
    (
        "where one has night, the other has morning",
        &[
            ("anne", "zone Europe/Oslo", NIGHT),
            ("carl", "zone Asia/Tokyo", "time 08:00-18:00 -> forward anne@north.test\notherwise -> busy"),
        ],
        &[
            "anne:4 time 22:00-06:00 -> forward carl@north.test | a voice call from anybody on Monday at 22:00 | carl anne | a voice call from anybody on Thursday 2026-01-01 at 00:00 in Europe/Oslo",
            "carl:4 time 08:00-18:00 -> forward anne@north.test | a voice call from anybody on Monday at 10:00 | anne carl | a voice call from anybody on Thursday 2026-01-01 at 00:00 in Europe/Oslo",
        ],
    ),
    (
        "nowhere is it the same hour in Oslo and Tokyo",
        &[
            ("anne", "zone Europe/Oslo", "time 12:00-13:00 -> forward carl@north.test\notherwise -> busy"),
            ("carl", "zone Asia/Tokyo", "time 12:00-13:00 -> forward anne@north.test\notherwise -> busy"),
        ],
        &[],
    ),
    (
        "one is urgent, and the other is not",
        &[
            ("anne", "", "urgent -> forward carl@north.test\notherwise -> busy"),
            ("carl", "", "urgent -> busy\notherwise -> forward anne@north.test"),
        ],
        &[],
    ),
    (
        "each has a status of his own",
        &[
            ("anne", "", "status away -> forward carl@north.test\notherwise -> busy"),
            ("carl", "", "status away -> busy\notherwise -> forward anne@north.test"),
        ],
        &[
            "anne:4 status away -> forward carl@north.test | a voice call from anybody while your status is away | carl anne | a voice call from anybody",
            "carl:5 otherwise -> forward anne@north.test | a voice call from anybody while your status is available | anne carl | a voice call from anybody",
        ],
    ),
    (
        "callers are the same all the way, their groups are not",
        &[
            ("anne", "", "caller in \"Friends\" -> forward carl@north.test\notherwise -> busy"),
            ("carl", "", "caller bob@south.test or anonymous -> forward anne@north.test\notherwise -> busy"),
        ],
        &[
            "anne:4 caller in \"Friends\" -> forward carl@north.test | a voice call from somebody who is in \"Friends\" | carl anne | a voice call from bob@south.test",
            "carl:4 caller bob@south.test or anonymous -> forward anne@north.test | a voice call from bob@south.test | anne carl | a voice call from bob@south.test",
        ],
    ),
    (
        "who does not say who he is is no contact",
        &[
            ("anne", "", "caller contact -> forward carl@north.test\notherwise -> busy"),
            ("carl", "", "caller anonymous -> forward anne@north.test\notherwise -> busy"),
        ],
        &[],
    ),
    (
        "words go with a page",
        &[
            ("anne", "", "subject contains \"lunch\" -> forward carl@north.test\notherwise -> busy"),
            ("carl", "", "subject contains \"lunch\" -> busy\notherwise -> forward anne@north.test"),
        ],
        &[],
    ),
    (
        "without a client nothing is busy",
        &[
            (
                "anne",
                "",
                "registered -> busy\notherwise -> try clients {\nbusy -> forward carl@north.test\notherwise -> decline\n}",
            ),
            ("carl", "", "otherwise -> forward anne@north.test"),
        ],
        &[],
    ),
    (
        "two circles that share a user, for calls and for pages",
        &[
            ("anne", "", "mode page -> forward bill@north.test\notherwise -> try user carl@north.test"),
            ("bill", "", "mode page or file -> forward anne@north.test\notherwise -> busy"),
            (
                "carl",
                "",
                "mode voice -> redirect dora@north.test\notherwise -> also user anne@north.test, busy",
            ),
            ("dora", "", "otherwise -> forward anne@north.test"),
        ],
        &[
            "anne:5 otherwise -> try user carl@north.test | a voice call from anybody | carl dora anne | a voice call from anybody",
            "anne:4 mode page -> forward bill@north.test | a page from anybody | bill anne | a page from anybody",
            "bill:4 mode page or file -> forward anne@north.test | a page from anybody | anne bill | a page from anybody",
            "carl:4 mode voice -> redirect dora@north.test | a voice call from anybody | dora anne carl | a voice call from anybody",
            "dora:4 otherwise -> forward anne@north.test | a voice call from anybody | anne carl dora | a voice call from anybody",
        ],
    ),
];

#[test]
fn what_is_told_of_circles() {
    for (what, trees, expected) in CIRCLES {
        let found = told(&ways(&cluster(trees)).turns(&Limits::default()));
        assert_eq!(found, *expected, "{what}");
    }
}

/// An owner hears of his own rule what his own tree says of it, and nothing that others' trees tell apart.
#[test]
fn an_owner_hears_nothing_of_others_trees() {
    let cluster = cluster(&[
        (
            "anne",
            "",
            "mode page -> busy\ncaller in \"Friends\" -> forward carl@north.test\notherwise -> busy",
        ),
        (
            "carl",
            "",
            "caller spy@south.test and time sun 03:00-04:00 and urgent -> forward anne@north.test\notherwise -> busy",
        ),
    ]);
    let turns = ways(&cluster).turns_of(&cluster[0].0, &Limits::default());
    let [turn] = turns.as_slice() else { panic!("{turns:?}") };
    let round = turn.round.as_ref().unwrap();
    assert_eq!(round.when, "a voice call from somebody who is in \"Friends\"");
    assert_eq!(round.example, "an urgent voice call from spy@south.test on Sunday at 03:00");
    assert!(ways(&cluster).turns_of(&uid("nobody@north.test"), &Limits::default()).is_empty());
}

/// When the work becomes too much, circles are told by modes alone, and none of them is left out.
#[test]
fn work_is_bounded() {
    let cluster = cluster(&[
        ("anne", "", "urgent -> forward carl@north.test\notherwise -> busy"),
        ("carl", "", "mode page -> busy\nurgent -> busy\notherwise -> forward anne@north.test"),
    ]);
    let found = |steps| ways(&cluster).turns(&Limits { loop_check_steps: steps, ..Limits::default() });
    assert_eq!(found(4_000_000), []);
    let coarse = found(100);
    assert_eq!(coarse.len(), 2);
    for turn in coarse {
        assert!(turn.round.is_none() && !turn.modes.contains(&Mode::Page), "{turn:?}");
    }
}

/// Many users who all lead to a few, and a chain of many.
#[test]
fn large_clusters_take_no_time() {
    let mut ways = Ways::default();
    let user = |number: usize| uid(&format!("u{number}@north.test"));
    let tree =
        |rules: &str| Profile::compile(&format!("profile \"p\" {{ incoming {{\n{rules}\n}} }}")).unwrap();
    for number in 0..2_000 {
        let kept = ways.keep(tree(&format!("otherwise -> try clients else forward {}", user(number + 1))));
        ways.add(user(number), kept);
    }
    let hub = ways.keep(tree("caller @north.test -> try user agent@north.test\notherwise -> busy"));
    ways.add(user(2_000), hub);
    assert_eq!(ways.turns(&Limits::default()), []);
    let agent = ways.keep(tree(&format!("otherwise -> forward {}", user(1_990))));
    ways.add(uid("agent@north.test"), agent);
    let turns = ways.turns(&Limits::default());
    assert_eq!(turns.len(), 12);
    assert!(turns.iter().all(|turn| turn.round.is_some()), "{turns:?}");
    assert_eq!(ways.turns_of(&user(1_995), &Limits::default()).len(), 1);
    assert_eq!(ways.turns_of(&user(5), &Limits::default()), []);
}

/// Of very many long trees the ways are kept and the texts are not: what they tell is told by modes alone.
#[test]
fn of_too_many_long_trees_the_ways_are_kept() {
    let user = |number: usize| uid(&format!("u{number}@north.test"));
    let comment = format!("# {}\n", "x".repeat(64_000)).repeat(2);
    let limits = Limits { tree_bytes: u32::MAX, ..Limits::default() };
    let mut ways = Ways::default();
    for number in 0..150 {
        let to = user((number + 1) % 150);
        let text = format!(
            "{comment}profile \"p\" {{ incoming {{\nmode page -> busy\notherwise -> forward {to}\n}} }}"
        );
        let kept = ways.keep(Profile::compile_stored(&text, &limits, &user(number)).unwrap());
        ways.add(user(number), kept);
    }
    let turns = ways.turns_of(&user(7), &limits);
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert!(turns[0].round.is_none() && !turns[0].modes.contains(&Mode::Page), "{turns:?}");
    assert!(
        turns[0].sentence().ends_with(" may come back to you from u8@north.test"),
        "{}",
        turns[0].sentence()
    );
}

const USERS: [&str; 4] = ["anne@north.test", "bill@north.test", "carl@north.test", "dora@north.test"];
const CALLERS: [&str; 5] = ["anonymous", "anne@north.test", "zoe@south.test", "adam@south.test", "+4712"];
const MODES: [Mode; 3] = [Mode::Voice, Mode::Page, Mode::File];
/// Monday's hours, universal time; the clock in Tokyo is nine hours ahead.
const HOURS: [i64; 6] = [0, 5, 9, 15, 17, 22];
const SUBJECTS: [&str; 3] = ["", "lunch", "you win"];
/// What is shared by all trees, and what each owner has of his own.
const SHARED: [&str; 10] = [
    "mode page",
    "mode voice or file",
    "caller @south.test",
    "caller anonymous",
    "caller \"a*\"",
    "urgent",
    "time mon 08:00-16:00",
    "time mon 16:00-24:00 or mon 00:00-01:00",
    "subject contains \"lunch\"",
    "caller verified",
];
const OWN: [&str; 7] = [
    "status away",
    "registered",
    "registered this-mode",
    "caller in \"Friends\"",
    "caller contact",
    "account credit over 5",
    "property \"lunch\"",
];

fn pick<'a>(dice: &mut Rng, list: &[&'a str]) -> &'a str {
    list[usize::try_from(dice.below(u64::try_from(list.len()).unwrap())).unwrap()]
}

fn condition(dice: &mut Rng) -> String {
    let one = |dice: &mut Rng| {
        let text = if dice.below(3) > 0 { pick(dice, &SHARED) } else { pick(dice, &OWN) };
        if dice.below(4) == 0 { format!("not {text}") } else { text.to_owned() }
    };
    let first = one(dice);
    match dice.below(4) {
        0 => format!("({first}) and ({})", one(dice)),
        1 => format!("({first}) or ({})", one(dice)),
        _ => first,
    }
}

fn line(dice: &mut Rng, others: &[&str]) -> String {
    let user = pick(dice, others);
    match dice.below(8) {
        0 | 1 => "busy".to_owned(),
        2 => format!("forward {user}"),
        3 => format!("redirect {user}"),
        4 => format!("try clients else forward {user}"),
        5 => format!("try clients, user {user} after 5s else forward {}", pick(dice, others)),
        6 => format!(
            "try clients {{\n busy -> forward {user}\n otherwise -> try user {}\n }}",
            pick(dice, others)
        ),
        _ => "try clients else inbox".to_owned(),
    }
}

fn drawn(dice: &mut Rng, owner: &str) -> Profile {
    let others: Vec<&str> = USERS.into_iter().filter(|user| *user != owner).collect();
    loop {
        let mut rules = String::new();
        for _ in 0..=dice.below(3) {
            rules = format!("{rules}{} -> {}\n", condition(dice), line(dice, &others));
        }
        let zone = if dice.below(3) == 0 { "zone Asia/Tokyo\n" } else { "" };
        let rules = format!("{zone}incoming {{\n{rules}otherwise -> {}\n}}", line(dice, &others));
        // What can never be reached is refused; then there is another.
        if let Ok(profile) = Profile::compile(&format!("profile \"p\" {{\n{rules}\n}}")) {
            return profile;
        }
    }
}

/// What a request takes from tree to tree.
#[derive(Clone)]
struct Shared {
    mode: Mode,
    caller: Who,
    urgent: bool,
    wall_ms: i64,
    verified: bool,
    content: Option<Arc<Content>>,
}

/// How many of the values of a fact have to be gone through: one, if no tree looks at it.
fn looked(texts: &str, word: &str, all: usize) -> usize {
    if texts.contains(word) { all } else { 1 }
}

/// All requests that the trees may tell apart.
fn all_shared(texts: &str) -> Vec<Shared> {
    let looked = |word, all| looked(texts, word, all);
    let mut all = Vec::new();
    for caller in &CALLERS[..looked("caller", CALLERS.len())] {
        let who = match Uid::parse(caller) {
            Ok(uid) => Who::User(uid),
            Err(_) if *caller == "anonymous" => Who::Anonymous,
            Err(_) => Who::Number((*caller).into()),
        };
        for (mode, hour) in
            MODES.iter().flat_map(|mode| HOURS[..looked("time", 6)].iter().map(move |hour| (*mode, hour)))
        {
            for subject in &SUBJECTS[..looked("subject", SUBJECTS.len())] {
                for (urgent, verified) in
                    (0..looked("urgent", 2)).flat_map(|u| (0..looked("verified", 2)).map(move |v| (u, v)))
                {
                    let headers = [(Header::Subject, Bytes::from_static(subject.as_bytes()))];
                    all.push(Shared {
                        mode,
                        caller: who.clone(),
                        urgent: urgent == 1,
                        // The fifth of January 1970 was a Monday.
                        wall_ms: (4 * 24 + hour) * 3_600_000,
                        verified: verified == 1,
                        content: Some(Arc::new(Content::new(headers, Bytes::new(), 0))),
                    });
                }
            }
        }
    }
    all
}

/// What an owner has of his own, as far as his tree looks at it.
fn all_own(text: &str) -> Vec<(Registered, Status, bool, bool, Account)> {
    let looked = |word, all| looked(text, word, all);
    let registered = [Registered::None, Registered::OtherModes, Registered::ThisMode];
    let mut all = Vec::new();
    // Whether clients are there decides what a `try` of them can come to.
    for (registered, status) in
        registered.into_iter().flat_map(|r| (0..looked("status", 2)).map(move |s| (r, s)))
    {
        for (friend, contact) in
            (0..looked("Friends", 2)).flat_map(|f| (0..looked("contact", 2)).map(move |c| (f, c)))
        {
            for (credit, lunch) in
                (0..looked("credit", 2)).flat_map(|c| (0..looked("property", 2)).map(move |l| (c, l)))
            {
                let lunch = (lunch == 1).then(|| ("lunch".into(), "yes".into()));
                let account = Account {
                    credit: [0, 9][credit],
                    properties: lunch.into_iter().collect(),
                    ..Account::default()
                };
                let status = [Status::Available, Status::Away][status];
                all.push((registered, status, friend == 1, friend + contact > 0, account));
            }
        }
    }
    all
}

/// The rules by which a request leaves a tree for other users, whatever its owner has of his own.
fn asked(profile: &Profile, owner: &Uid, shared: &Shared) -> BTreeSet<(String, Uid)> {
    let friends: Arc<str> = "Friends".into();
    let is_known = shared.caller != Who::Anonymous;
    let mut asked = BTreeSet::new();
    for (registered, status, friend, contact, account) in &all_own(profile.source()) {
        let question = Question {
            registered: *registered,
            status: *status,
            groups: if *friend && is_known { std::slice::from_ref(&friends) } else { &[] },
            contact: *contact && is_known,
            account: Some(account),
            urgent: shared.urgent,
            wall_ms: shared.wall_ms,
            verified: shared.verified && is_known,
            content: shared.content.as_deref(),
            ..Question::new(shared.mode, shared.caller.party(), Party::User(owner))
        };
        let mut open = vec![profile.decide(Direction::Incoming, &question, &mut Trace::new()).unwrap()];
        while let Some(place) = open.pop() {
            let (alone, users) = match profile.action(place) {
                Action::Forward(uid) | Action::Redirect(uid) => (false, vec![uid.clone()]),
                Action::Try(plan) => {
                    let targets = || plan.targets.iter().map(|timed| &timed.target);
                    let users = targets().filter_map(|target| match target {
                        Target::User(uid) => Some(uid.clone()),
                        _ => None,
                    });
                    (targets().all(|target| *target == Target::Clients), users.collect())
                }
                _ => (false, Vec::new()),
            };
            let action = profile.action(place).to_string();
            asked.extend(users.into_iter().map(|uid| (action.clone(), uid)));
            let comes = |outcome: &&Outcome| {
                !alone || *registered > Registered::None || **outcome == Outcome::Unreachable
            };
            let outcomes = Outcome::ALL.iter().filter(comes);
            open.extend(outcomes.filter_map(|outcome| profile.follow(place, *outcome, &mut Trace::new())));
        }
    }
    asked
}

/// The ways that come back: whose, by which action, to whom; for one request.
fn round(cluster: &Cluster, shared: &Shared) -> BTreeSet<(Uid, String, Uid)> {
    let leads: BTreeMap<&Uid, BTreeSet<(String, Uid)>> =
        cluster.iter().map(|(uid, profile)| (uid, asked(profile, uid, shared))).collect();
    let comes_back = |from: &Uid, to: &Uid| {
        let (mut open, mut seen) = (vec![to.clone()], BTreeSet::new());
        while let Some(at) = open.pop() {
            if at == *from {
                return true;
            }
            if seen.insert(at.clone()) {
                open.extend(leads.get(&at).into_iter().flatten().map(|(_, next)| next.clone()));
            }
        }
        false
    };
    let mut round = BTreeSet::new();
    for (from, ways) in &leads {
        for (action, to) in ways.iter().filter(|(_, to)| comes_back(from, to)) {
            round.insert(((*from).clone(), action.clone(), to.clone()));
        }
    }
    round
}

fn drawn_cluster(dice: &mut Rng) -> Cluster {
    let count = 2 + usize::try_from(dice.below(3)).unwrap();
    USERS[..count].iter().map(|user| (uid(user), drawn(dice, user))).collect()
}

/// A turn as walking finds it.
fn walked(turn: &Turn) -> (Uid, String, Uid) {
    let action = turn.rule.split_once(" -> ").unwrap().1.to_owned();
    (uid(&turn.from), action, uid(&turn.to))
}

#[test]
fn circles_agree_with_walking() {
    let mut clusters = [0_u32; 2];
    for number in 0..std::env::var("CLUSTERS").map_or(60, |count| count.parse().unwrap()) {
        let cluster = drawn_cluster(&mut Rng::from_seed(number));
        let turns = ways(&cluster).turns(&Limits::default());
        let texts =
            || cluster.iter().map(|(uid, it)| format!("# {uid}\n{}\n", it.source())).collect::<String>();
        let mut expected = BTreeSet::new();
        for shared in all_shared(&texts()) {
            expected.extend(round(&cluster, &shared));
        }
        let found: BTreeSet<_> = turns.iter().map(walked).collect();
        assert_eq!(found, expected, "cluster {number}:\n{}", texts());
        for turn in &turns {
            let told = turn.round.as_ref().unwrap();
            let request = told.request.as_ref().unwrap();
            let Facts { urgent, wall_ms, verified, content, .. } = request.facts.clone();
            let shared = Shared {
                mode: request.mode,
                caller: request.other.clone(),
                urgent,
                wall_ms,
                verified,
                content,
            };
            let goes = round(&cluster, &shared);
            assert!(goes.contains(&walked(turn)), "cluster {number}: {}\n{}", told.example, texts());
            assert!(turn.modes.contains(&request.mode) && told.by.last() == Some(&turn.from));
        }
        clusters[usize::from(!turns.is_empty())] += 1;
    }
    // It is worth something only if clusters of both kinds come up.
    assert!(clusters[0] > 3 && clusters[1] > 3, "{clusters:?} are without a circle, and with one");
}
