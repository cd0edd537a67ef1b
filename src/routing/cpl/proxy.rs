//! `<proxy>`: the addresses gathered so far are tried, and what comes of that leads on.

use super::super::fault::{Code, Fault};
use super::super::words::Direction;
use super::decision::{After, Decision, Line, ROOM, TooLarge};
use super::element::Element;
use super::walk::{Place, State, Walker};

/// How long it rings where a script says what follows if nobody answers, by `<noanswer>` or `<default>`,
/// but not when (RFC 3880 §6.1).
const RING_S: u32 = 20;
/// The longest that a tree lets ring.
const RING_MAX_S: u32 = 3_600;

/// In which order addresses are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ordering {
    Parallel,
    Sequential,
    FirstOnly,
}

/// The targets of places, each once.
pub(super) fn names(places: &[Place]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for place in places {
        if !names.contains(&place.target) {
            names.push(place.target.clone());
        }
    }
    names
}

impl<'x> Walker<'x> {
    pub(super) fn proxy(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["timeout", "recurse", "ordering"]);
        let ordering = self.ordering(node);
        self.recurse(node);
        let names = ["busy", "noanswer", "failure", "redirection", "default"];
        let [busy, no_answer, failure, redirection, default] = self.outputs(node, names);
        if let Some(redirection) = redirection {
            let told =
                "phones that send calls elsewhere are followed at once: `<redirection>` is never reached";
            self.remark(redirection.span(), told);
            self.follow(redirection, State { tried: true, ..state.clone() });
        }
        // An output that holds nothing is as good as none (RFC 3880 §10).
        let goes_on = no_answer.or(default).is_some_and(|output| output.children().next().is_some());
        let ring_s = self.ring_s(node, goes_on);
        if self.direction == Direction::Outgoing {
            return self.send(node, state, [busy, no_answer, failure, default]);
        }
        if state.places.is_empty() {
            // Nobody can be tried: that has failed.
            return self.output(failure.or(default), node, State { changed: true, ..state });
        }
        let sides = state.take_sides();
        let groups = self.groups(node, &mut state.places, ordering);
        state.tried = true;
        // Outcomes that lead to the same output share what is decided there: each is followed once.
        let mut followed: Vec<(Option<Element<'x>>, Decision)> = Vec::new();
        let mut follow = |output: Option<Element<'x>>| {
            let output = output.or(default);
            if let Some((_, decision)) = followed.iter().find(|(known, _)| *known == output) {
                return decision.clone();
            }
            let decision = self.output(output, node, state.clone());
            followed.push((output, decision.clone()));
            decision
        };
        let after = After {
            busy: follow(busy),
            no_answer: follow(no_answer),
            declined: follow(failure),
            failure: follow(failure),
        };
        let make = |after: After<Line>| chain(&groups, ring_s, &after, &sides);
        let mut room = ROOM;
        Decision::join(after, &make, &mut room).unwrap_or_else(|TooLarge| {
            let message = "what follows this depends on too much for one tree";
            self.faults.push(Fault::new(Code::TooComplex, node.span(), message));
            Decision::Line(Line::back())
        })
    }

    /// An outgoing call goes out once, and what comes of it is the caller's to see.
    fn send(&mut self, node: Element<'x>, mut state: State, outputs: [Option<Element<'x>>; 4]) -> Decision {
        for output in outputs.into_iter().flatten() {
            let message = format!("nothing is tried after an outgoing call: {}", output.told());
            self.no_counterpart(output.span(), message, "the one whom you call has a tree of his own");
        }
        if node.attribute("timeout").is_some() {
            self.remark(
                node.span_of("timeout"),
                "how long an outgoing call rings is for the other side to say",
            );
        }
        Decision::Line(Line::action(&state.take_sides(), "send"))
    }

    fn ordering(&mut self, node: Element<'x>) -> Ordering {
        match node.attribute("ordering").map(str::to_ascii_lowercase).as_deref() {
            None | Some("parallel") => Ordering::Parallel,
            Some("sequential") => Ordering::Sequential,
            Some("first-only") => Ordering::FirstOnly,
            Some(_) => {
                self.bad(node, "ordering", "an ordering is `parallel`, `sequential` or `first-only`");
                Ordering::Parallel
            }
        }
    }

    fn recurse(&mut self, node: Element<'x>) {
        match node.attribute("recurse").map(str::to_ascii_lowercase).as_deref() {
            None | Some("yes") => {}
            Some("no") => {
                let message = "phones that send calls elsewhere are always followed";
                self.no_counterpart(node.span_of("recurse"), message, "leave `recurse` out if that will do");
            }
            Some(_) => self.bad(node, "recurse", "`recurse` is `yes` or `no`"),
        }
    }

    fn ring_s(&mut self, node: Element<'x>, goes_on: bool) -> Option<u32> {
        let Some(text) = node.attribute("timeout") else { return goes_on.then_some(RING_S) };
        match text.trim().parse::<u32>() {
            Ok(seconds) if (1..=RING_MAX_S).contains(&seconds) => Some(seconds),
            Ok(seconds) if seconds > RING_MAX_S => {
                self.remark(node.span_of("timeout"), "it rings for an hour at most");
                Some(RING_MAX_S)
            }
            Ok(_) | Err(_) => {
                self.bad(node, "timeout", "a timeout is a number of seconds, at least 1");
                None
            }
        }
    }

    /// The targets that are tried together, group after group. What is not tried is left in `places`.
    fn groups(&mut self, node: Element<'x>, places: &mut Vec<Place>, ordering: Ordering) -> Vec<Vec<String>> {
        if ordering != Ordering::Parallel && places.iter().any(|place| place.url.is_none()) {
            let message = "all that are registered ring together";
            let help = "give the phones names (`ratatosk device add`), and let the tree try one after the other: `try client \"desk\" for 15s else client \"mobile\"`";
            self.no_counterpart(node.span_of("ordering"), message, help);
        }
        match ordering {
            Ordering::Parallel => vec![names(&std::mem::take(places))],
            Ordering::Sequential => {
                places.sort_by_key(|place| std::cmp::Reverse(place.rank));
                names(&std::mem::take(places)).into_iter().map(|name| vec![name]).collect()
            }
            Ordering::FirstOnly => {
                places.sort_by_key(|place| std::cmp::Reverse(place.rank));
                let first: Vec<Place> = places.drain(..1.min(places.len())).collect();
                vec![names(&first)]
            }
        }
    }
}

/// Groups tried one after the other, each for its time; somebody's "no" ends it.
fn chain(
    groups: &[Vec<String>],
    ring_s: Option<u32>,
    after: &After<Line>,
    sides: &[String],
) -> Result<Line, TooLarge> {
    let ring_for = ring_s.map(|seconds| format!(" for {seconds}s")).unwrap_or_default();
    let mut line: Option<Line> = None;
    for (at, group) in groups.iter().enumerate().rev() {
        let after = match line {
            None => after.clone(),
            Some(next) => After {
                busy: next.clone(),
                no_answer: next.clone(),
                declined: after.declined.clone(),
                failure: next,
            },
        };
        let sides = if at == 0 { sides } else { &[] };
        line = Some(Line::attempt(sides, &format!("try {}{ring_for}", group.join(", ")), &after)?);
    }
    Ok(line.unwrap_or_else(Line::back))
}
