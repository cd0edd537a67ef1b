//! Many names in a row are looked up at once, and nobody can tell: neither by what is decided nor by the path.

use std::fmt::Write as _;

use ratatosk::base::{Limits, Rng, Uid};
use ratatosk::routing::{Direction, Mode, Party, Profile, Question, Trace};

use super::{ask, compiled};

/// Names that a rule may ask for; the last ones are asked for by none.
fn names() -> Vec<String> {
    let users = (0..24).map(|i| format!("user{i}@south.test"));
    let numbers = (0..12).map(|i| format!("+47{i:02}"));
    let stems = ["anne@north.test", "anne@north.test.example", "ann@north.test", "anonymous"];
    users.chain(numbers).chain(stems.map(str::to_owned)).collect()
}

/// Parts of names, of which a rule asks for one now and then.
const PARTS: [&str; 9] = [
    "user1*",
    "user2*",
    "@south.test",
    "*.example",
    "ann*",
    "number \"+470*\"",
    "number \"+471*\"",
    "number \"*7\"",
    "*3@south.test",
];

fn party(name: &str) -> Party<'_> {
    match Uid::parse(name) {
        // What a test asks for lives as long as the test.
        Ok(uid) => Party::User(Box::leak(Box::new(uid))),
        Err(_) if name == "anonymous" => Party::Anonymous,
        Err(_) => Party::Number(name),
    }
}

/// A tree that asks for names, here and there for something else, in blocks and out of them; and one that says the
/// same, in which no condition is of names alone.
fn drawn(rng: &mut Rng, names: &[String]) -> [String; 2] {
    let mut trees =
        [String::from("profile \"p\" { incoming {\n"), String::from("profile \"p\" { incoming {\n")];
    let mut open = 0;
    for rule in 0..rng.below(150) {
        let count = 1 + rng.below(3);
        let asked: Vec<&str> = (0..count).map(|_| &*names[usize::try_from(rng.below(36)).unwrap()]).collect();
        let asked = asked.into_iter().map(|name| match PARTS.get(usize::try_from(rng.below(300)).unwrap()) {
            Some(part) => (*part).to_owned(),
            None if name.starts_with('+') => format!("number \"{name}\""),
            None => name.to_owned(),
        });
        let asked = asked.collect::<Vec<_>>().join(" or ");
        let (before, behind) = match rng.below(800) {
            0..12 => ("urgent and ", ""),
            12 => ("not ", ""),
            13..25 => ("", " or urgent"),
            25..37 => ("", " and mode page"),
            _ => ("", ""),
        };
        let nests = rng.below(200) == 0 && open < 5;
        open += u32::from(nests);
        for (tree, besides) in trees.iter_mut().zip(["", " or in \"Nobody\""]) {
            let then = if nests { "{".to_owned() } else { format!("-> refuse \"{rule}\"") };
            writeln!(tree, "{before}caller {asked}{besides}{behind} {then}").unwrap();
        }
    }
    trees.map(|tree| {
        format!(
            "{tree}otherwise -> decline\n{}}} }}",
            "}\notherwise -> busy\n".repeat(open.try_into().unwrap())
        )
    })
}

#[test]
fn a_roster_decides_and_tells_as_if_each_name_had_been_asked_for() {
    let names = names();
    let owner = Uid::parse("anne@north.test").unwrap();
    let to = Party::User(&owner);
    let mut rng = Rng::from_seed(7);
    let mut long = 0;
    for _ in 0..400 {
        let [rosters, plain] = drawn(&mut rng, &names).map(|text| {
            Profile::compile_stored(&text, &Limits::default(), &owner)
                .unwrap_or_else(|faults| panic!("{}\n{text}", faults.render(false)))
        });
        for name in &names {
            for (urgent, mode) in [(false, Mode::Voice), (true, Mode::Voice), (false, Mode::Page)] {
                let question = Question { urgent, ..Question::new(mode, party(name), to) };
                let (mut one, mut other) = (Trace::new(), Trace::new());
                let places = (
                    rosters.decide(Direction::Incoming, &question, &mut one),
                    plain.decide(Direction::Incoming, &question, &mut other),
                );
                assert_eq!(places.0, places.1, "{name}\n{}", rosters.source());
                assert_eq!(one, other, "{name}\n{}", rosters.source());
                long += usize::from(one.forgotten() > 0);
            }
        }
    }
    assert!(long > 300, "many paths are longer than what is kept of them: {long}");
}

#[test]
fn the_path_through_many_names_tells_each() {
    let rules: String = (0..80).map(|i| format!("caller user{i}@south.test -> busy\n")).collect();
    let profile = compiled(&format!("profile \"p\" {{ incoming {{\n{rules}otherwise -> decline\n}} }}"));
    let told = |question: &str| {
        ask(question, |question| {
            let mut trace = Trace::new();
            profile.decide(Direction::Incoming, question, &mut trace).unwrap();
            profile.explain(&trace, question)
        })
    };
    let path = told("voice user2@south.test");
    let tests: Vec<&str> = path.lines().skip(1).map(str::trim).collect();
    let seen = "the caller is user2@south.test";
    assert_eq!(
        tests,
        [
            format!("2  caller user0@south.test? no: {seen}"),
            format!("3  caller user1@south.test? no: {seen}"),
            format!("4  caller user2@south.test? yes: {seen}"),
            "4  caller user2@south.test -> busy".to_owned(),
        ]
    );
    let path = told("voice zoe@south.test");
    assert!(path.contains("17 earlier steps are left out"), "{path}");
    assert_eq!(path.matches("? no: the caller is zoe@south.test").count(), 63);
    assert!(
        path.ends_with(
            "  81  caller user79@south.test? no: the caller is zoe@south.test\n    82  otherwise -> decline\n"
        ),
        "{path}"
    );
}
