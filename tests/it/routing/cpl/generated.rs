//! Scripts drawn at random against the trees that they become: a script is followed here node by node, as
//! RFC 3880 says, and nothing is drawn to the front.

use proptest::prelude::*;
use ratatosk::base::Limits;
use ratatosk::routing::{Direction, Outcome, import_cpl};

use super::super::compiled;
use super::super::shipped::way;

const CALLERS: [&str; 4] = ["bob@south.test", "bob@north.test", "anonymous", "+4722334455"];
const PLACES: [&str; 3] = ["a@x.test", "b@x.test", "c@x.test"];

/// What an address switch asks: attributes of the switch, of the output, and the callers meant.
const TESTS: [(&str, &str, &[usize]); 5] = [
    ("", "is=\"sip:bob@south.test\"", &[0]),
    (" subfield=\"user\"", "is=\"bob\"", &[0, 1]),
    (" subfield=\"user\"", "is=\"anonymous\"", &[2]),
    (" subfield=\"host\"", "subdomain-of=\"test\"", &[0, 1]),
    (" subfield=\"tel\"", "subdomain-of=\"+47\"", &[3]),
];

#[derive(Clone, Debug)]
enum Node {
    End,
    Address(usize, Box<Self>, Option<Box<Self>>),
    Urgent(Box<Self>, Option<Box<Self>>),
    Lookup(Option<Box<Self>>, Option<Box<Self>>),
    Location(usize, bool, Box<Self>),
    Remove(Option<usize>, Box<Self>),
    Log(usize, Box<Self>),
    /// Busy, no answer, failure, default.
    Proxy(Option<u32>, [Option<Box<Self>>; 4]),
    Redirect,
    Busy,
    Reject,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// The address of each, `clients` for all that are registered.
    places: Vec<String>,
    changed: bool,
    tried: bool,
    sides: Vec<String>,
}

/// A call, and what comes of each attempt.
#[derive(Clone, Debug)]
struct Case {
    caller: usize,
    urgent: bool,
    registered: bool,
    outcomes: Vec<Outcome>,
}

impl Node {
    fn xml(&self) -> String {
        let output = |name: &str, node: &Option<Box<Self>>| {
            node.as_ref().map(|node| format!("<{name}>{}</{name}>", node.xml())).unwrap_or_default()
        };
        match self {
            Self::End => String::new(),
            Self::Address(test, then, other) => {
                let (of, is, _) = TESTS[*test];
                let (then, other) = (then.xml(), output("otherwise", other));
                format!(
                    "<address-switch field=\"origin\"{of}><address {is}>{then}</address>{other}</address-switch>"
                )
            }
            Self::Urgent(then, other) => {
                let (then, other) = (then.xml(), output("otherwise", other));
                format!(
                    "<priority-switch><priority greater=\"normal\">{then}</priority>{other}</priority-switch>"
                )
            }
            Self::Lookup(found, missing) => {
                let (found, missing) = (output("success", found), output("notfound", missing));
                format!("<lookup source=\"registration\">{found}{missing}</lookup>")
            }
            Self::Location(place, clear, then) => {
                let clear = if *clear { " clear=\"yes\"" } else { "" };
                format!("<location url=\"sip:{}\"{clear}>{}</location>", PLACES[*place], then.xml())
            }
            Self::Remove(place, then) => {
                let which =
                    place.map(|place| format!(" location=\"sip:{}\"", PLACES[place])).unwrap_or_default();
                format!("<remove-location{which}>{}</remove-location>", then.xml())
            }
            Self::Log(text, then) => format!("<log comment=\"l{text}\">{}</log>", then.xml()),
            Self::Proxy(timeout, [busy, no_answer, failure, default]) => {
                let timeout = timeout.map(|time| format!(" timeout=\"{time}\"")).unwrap_or_default();
                let (busy, no_answer) = (output("busy", busy), output("noanswer", no_answer));
                let (failure, default) = (output("failure", failure), output("default", default));
                format!("<proxy{timeout}>{busy}{no_answer}{failure}{default}</proxy>")
            }
            Self::Redirect => "<redirect/>".to_owned(),
            Self::Busy => "<reject status=\"busy\"/>".to_owned(),
            Self::Reject => "<reject status=\"reject\"/>".to_owned(),
        }
    }

    /// Follows a script: the lines on the way.
    fn run(&self, mut state: State, case: &Case, lines: &mut Vec<String>) {
        let follow = |node: &Option<Box<Self>>, state: State, lines: &mut Vec<String>| match node {
            Some(node) => node.run(state, case, lines),
            None => Self::End.run(state, case, lines),
        };
        match self {
            Self::End => state.end(lines),
            Self::Address(test, then, other) => {
                if TESTS[*test].2.contains(&case.caller) {
                    then.run(state, case, lines);
                } else {
                    follow(other, state, lines);
                }
            }
            Self::Urgent(then, _) if case.urgent => then.run(state, case, lines),
            Self::Urgent(_, other) => follow(other, state, lines),
            Self::Lookup(found, missing) => {
                state.changed = true;
                if case.registered {
                    state.add("clients");
                    follow(found, state, lines);
                } else {
                    follow(missing, state, lines);
                }
            }
            Self::Location(place, clear, then) => {
                if *clear {
                    state.places.clear();
                }
                state.changed = true;
                state.add(PLACES[*place]);
                then.run(state, case, lines);
            }
            Self::Remove(place, then) => {
                state.places.retain(|own| place.is_some_and(|place| PLACES[place] != own));
                state.changed = true;
                then.run(state, case, lines);
            }
            Self::Log(text, then) => {
                let text = format!("log l{text}, ");
                if !state.sides.contains(&text) {
                    state.sides.push(text);
                }
                then.run(state, case, lines);
            }
            Self::Proxy(timeout, [busy, no_answer, failure, default]) => {
                let or_default = |output: &Option<Box<Self>>| output.clone().or_else(|| default.clone());
                if state.places.is_empty() {
                    state.changed = true;
                    return follow(&or_default(failure), state, lines);
                }
                let time = timeout.or_else(|| {
                    or_default(no_answer).filter(|next| !matches!(**next, Self::End)).map(|_| 20)
                });
                state.attempt(time, lines);
                let Some(outcome) = case.outcomes.get(lines.len() - 1) else { return };
                let output = match outcome {
                    Outcome::Busy => busy,
                    Outcome::NoAnswer => no_answer,
                    _ => failure,
                };
                follow(&or_default(output), State { tried: true, ..State::default() }, lines);
            }
            Self::Redirect => {
                let to = state.places.first().map(|place| format!("redirect {place}"));
                state.act(&to.unwrap_or_else(|| "refuse nobody is there".to_owned()), lines);
            }
            Self::Busy => state.act("busy", lines),
            Self::Reject => state.act("decline", lines),
        }
    }

    /// What has no counterpart: one of several addresses, or of the phones, told to a caller or taken out.
    fn is_odd(&self, places: &[&str]) -> bool {
        let odd =
            |node: &Option<Box<Self>>, places: &[&str]| node.as_ref().is_some_and(|node| node.is_odd(places));
        match self {
            Self::End | Self::Busy | Self::Reject => false,
            Self::Address(_, then, other) | Self::Urgent(then, other) => {
                then.is_odd(places) || odd(other, places)
            }
            Self::Lookup(found, missing) => {
                odd(found, &[places, &["clients"]].concat()) || odd(missing, places)
            }
            Self::Location(place, clear, then) => {
                let before = if *clear { &[][..] } else { places };
                then.is_odd(&[before, &[PLACES[*place]]].concat())
            }
            Self::Remove(None, then) => then.is_odd(&[]),
            Self::Remove(Some(place), then) => {
                let left: Vec<&str> = places.iter().copied().filter(|own| *own != PLACES[*place]).collect();
                places.contains(&"clients") || then.is_odd(&left)
            }
            Self::Log(_, then) => then.is_odd(places),
            Self::Proxy(_, outputs) if places.is_empty() => outputs.iter().any(|output| odd(output, places)),
            Self::Proxy(_, outputs) => outputs.iter().any(|output| odd(output, &[])),
            Self::Redirect => places.len() > 1 || places.contains(&"clients"),
        }
    }
}

impl State {
    fn add(&mut self, place: &str) {
        self.places.push(place.to_owned());
    }

    fn act(&self, action: &str, lines: &mut Vec<String>) {
        lines.push(format!("{}{action}", self.sides.concat()));
    }

    fn attempt(&self, time: Option<u32>, lines: &mut Vec<String>) {
        let mut targets: Vec<String> = Vec::new();
        for place in self.places.iter().map(|place| format!("{place}+0")) {
            if !targets.contains(&place) {
                targets.push(place);
            }
        }
        let time = time.map(|time| format!(" {time}s")).unwrap_or_default();
        self.act(&format!("try {}{time}", targets.join(",")), lines);
    }

    fn end(&self, lines: &mut Vec<String>) {
        if self.tried {
            lines.push("returned".to_owned());
        } else if !self.changed {
            self.act("try clients+0", lines);
        } else if self.places.is_empty() {
            self.act("refuse nobody is there", lines);
        } else {
            self.attempt(None, lines);
        }
    }
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![Just(Node::End), Just(Node::Redirect), Just(Node::Busy), Just(Node::Reject)];
    leaf.prop_recursive(6, 24, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        let some = proptest::option::weighted(0.6, boxed.clone()).boxed();
        let outputs = [some.clone(), some.clone(), some.clone(), some.clone()];
        prop_oneof![
            2 => (0..TESTS.len(), boxed.clone(), some.clone()).prop_map(|(test, a, b)| Node::Address(test, a, b)),
            1 => (boxed.clone(), some.clone()).prop_map(|(a, b)| Node::Urgent(a, b)),
            1 => (some.clone(), some.clone()).prop_map(|(a, b)| Node::Lookup(a, b)),
            3 => (0..PLACES.len(), any::<bool>(), boxed.clone()).prop_map(|(p, clear, a)| Node::Location(p, clear, a)),
            1 => (proptest::option::of(0..PLACES.len()), boxed.clone()).prop_map(|(p, a)| Node::Remove(p, a)),
            1 => (0..2_usize, boxed).prop_map(|(text, a)| Node::Log(text, a)),
            4 => (proptest::option::of(5_u32..9), outputs).prop_map(|(time, all)| Node::Proxy(time, all)),
        ]
    })
}

fn case() -> impl Strategy<Value = Case> {
    let outcomes =
        [Outcome::Busy, Outcome::NoAnswer, Outcome::Declined, Outcome::Failed, Outcome::Unreachable];
    let outcomes = prop::collection::vec(proptest::sample::select(outcomes.to_vec()), 3);
    (0..CALLERS.len(), any::<bool>(), any::<bool>(), outcomes)
        .prop_map(|(caller, urgent, registered, outcomes)| Case { caller, urgent, registered, outcomes })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_does_what_its_script_does(node in node(), cases in prop::collection::vec(case(), 12)) {
        prop_assume!(!node.is_odd(&[]));
        let script = format!("<cpl xmlns=\"urn:ietf:params:xml:ns:cpl\"><incoming>{}</incoming></cpl>", node.xml());
        let imported = import_cpl(&script, "cpl", &Limits::default(), None);
        let imported = imported.map_err(|faults| TestCaseError::fail(faults.render(false)))?;
        let profile = compiled(&imported.text);
        for case in cases {
            let mut lines = Vec::new();
            node.run(State::default(), &case, &mut lines);
            let flags = [(case.urgent, " priority:urgent urgent"), (case.registered, " reg")];
            let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect();
            let question = format!("voice {}{flags}", CALLERS[case.caller]);
            let found = way(&profile, Direction::Incoming, &question, &case.outcomes);
            // Where nothing is tried any more, no outcome comes.
            let found = &found[..lines.len().min(found.len())];
            prop_assert_eq!(found, &lines[..], "{} {:?}\n{}\n{}", question, case, script, imported.text);
        }
    }
}
