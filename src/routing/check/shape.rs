//! Faults that a rule shows by itself.

use super::super::ast::{
    Block, Cond, Continuation, File, Leaf, Line, LineKind, Results, Rule, Side, Spanned, Target, Then, Timed,
    TryLine, When,
};
use super::super::fault::{Code, Fault, Span};
use super::super::sought::{List, SOUGHT_MAX};
use super::super::vocabulary::Key;
use super::super::words::{Direction, Outcome};
use crate::base::Uid;

/// Looks at every rule of a file. With an `owner`, ways back to himself are faults too.
pub(in super::super) fn shape(file: &File, owner: Option<&Uid>, faults: &mut Vec<Fault>) {
    for tree in &file.trees {
        let mut shape = Shape { direction: tree.direction, owner, faults, sought: List::default() };
        shape.block(&tree.block);
        if shape.sought.len() > SOUGHT_MAX {
            let message =
                format!("this tree looks for more than {SOUGHT_MAX} texts and languages in messages");
            let help =
                "each of them takes time whenever a message comes; `matches \"*this*that*\"` is one text";
            faults.push(Fault::new(Code::TooComplex, tree.head, message).help(help));
        }
    }
}

/// What an outgoing tree does.
const LETS_GO: &str =
    "an outgoing tree lets a request go (`send`, `try trunk \"office\"`) or refuses it (`refuse \"why\"`)";

struct Shape<'a> {
    direction: Direction,
    owner: Option<&'a Uid>,
    faults: &'a mut Vec<Fault>,
    /// What is looked for in messages.
    sought: List,
}

impl Shape<'_> {
    fn block(&mut self, block: &Block) {
        for Rule { when, then, .. } in &block.rules {
            if let When::Cond(cond) = when {
                self.cond(cond);
            }
            match then {
                Then::Block(block) => self.block(block),
                Then::Line(line) => self.line(line),
            }
        }
    }

    fn cond(&mut self, cond: &Cond) {
        match cond {
            Cond::Any(list) | Cond::All(list) => list.iter().for_each(|cond| self.cond(cond)),
            Cond::Not(inner) => self.cond(inner),
            Cond::Atom(atom) => match (self.direction, atom.it.key()) {
                (Direction::Incoming, Key::To) => {
                    let help = "`caller` tells who asks; `to` belongs to the outgoing tree";
                    self.wrong_tree(atom.span, "in the incoming tree, `to` is always yourself", help);
                }
                (Direction::Outgoing, Key::Caller) => {
                    let help = "`to` tells whom you call; `caller` belongs to the incoming tree";
                    self.wrong_tree(atom.span, "in the outgoing tree, the caller is always yourself", help);
                }
                (Direction::Incoming, Key::Device) => {
                    let help = "`device` tells which of your phones sends; it belongs to the outgoing tree";
                    self.wrong_tree(atom.span, "what comes in is sent by none of your devices", help);
                }
                (_, Key::Mode | Key::Registered | Key::Caller | Key::To | Key::Urgent | Key::Time) => {}
                (_, Key::Status | Key::Account | Key::Property | Key::Device | Key::Size) => {}
                (_, Key::Subject | Key::Body | Key::Header | Key::Language) => {
                    self.sought.add(&atom.it);
                }
            },
            Cond::Faulty => {}
        }
    }

    fn line(&mut self, line: &Line) {
        self.sides(line);
        match &line.kind {
            LineKind::Try(try_line) => self.try_line(line.span, try_line),
            LineKind::Leaf(leaf) => self.leaf(line.span, leaf),
            LineKind::Faulty => {}
        }
    }

    /// Copies go to somebody else than the action, and one reply is enough.
    fn sides(&mut self, line: &Line) {
        let belongs = |side: &&Spanned<Side>| matches!(side.it, Side::Also(_) | Side::Reply(_));
        if let (Direction::Outgoing, Some(first)) = (self.direction, line.sides.iter().find(belongs)) {
            let message = match first.it {
                Side::Reply(_) => "`reply` belongs to the incoming tree",
                Side::Also(_) | Side::Set(..) | Side::Log(_) => "`also` belongs to the incoming tree",
            };
            self.wrong_tree(first.span, message, LETS_GO);
        }
        for (i, side) in line.sides.iter().enumerate() {
            if let Side::Also(Target::User(uid)) = &side.it {
                self.circle(&Spanned { it: uid.clone(), span: side.span });
            }
            if let (Direction::Incoming, Side::Also(Target::Trunk(..))) = (self.direction, &side.it) {
                self.wrong_tree(
                    side.span,
                    "`trunk` belongs to the outgoing tree",
                    "a copy can go to `inbox`",
                );
            }
            let other = same(line, i).filter(|_| side.it != Side::Also(Target::Faulty));
            if let Some(other) = other {
                let (message, here) = match side.it {
                    Side::Also(_) => ("this target is named twice in one line", "a copy"),
                    Side::Reply(_) => ("one line replies once", "a reply"),
                    Side::Set(..) => ("this property is set twice in one line", "the second"),
                    Side::Log(_) => ("this is written twice in one line", "the second"),
                };
                let fault = Fault::new(Code::Repeated, side.span, message);
                self.faults.push(fault.here(here).label(other, "the same").help("name it once"));
            }
        }
    }

    fn leaf(&mut self, span: Span, leaf: &Leaf) {
        match (self.direction, leaf) {
            (Direction::Incoming, Leaf::Send) => {
                let help = "`send` lets an outgoing request go; what comes in is rung with `try clients`";
                self.wrong_tree(span, "`send` belongs to the outgoing tree", help);
            }
            (
                Direction::Outgoing,
                Leaf::Ignore | Leaf::Forward(_) | Leaf::Reply(_) | Leaf::Hold | Leaf::Redirect(_),
            ) => self.wrong_tree(span, "this action belongs to the incoming tree", LETS_GO),
            (_, Leaf::Forward(uid) | Leaf::Redirect(uid)) => self.circle(uid),
            (_, Leaf::Decline | Leaf::Busy | Leaf::Ignore | Leaf::Send | Leaf::Refuse(_)) => {}
            (_, Leaf::Reply(_) | Leaf::Hold) => {}
        }
    }

    fn try_line(&mut self, span: Span, line: &TryLine) {
        let is_trunk = |timed: &Timed| matches!(timed.target, Target::Trunk(..) | Target::Faulty);
        match self.direction {
            Direction::Outgoing if !line.targets.iter().all(is_trunk) => {
                self.wrong_tree(span, "in the outgoing tree, only a trunk can be tried", LETS_GO);
            }
            Direction::Incoming => {
                let trunk = |timed: &&Timed| matches!(timed.target, Target::Trunk(..));
                if let Some(timed) = line.targets.iter().find(trunk) {
                    let help = "a number of your own is a device: `ratatosk device add` names it";
                    self.wrong_tree(timed.span, "`trunk` belongs to the outgoing tree", help);
                }
            }
            Direction::Outgoing => {}
        }
        for (i, timed) in line.targets.iter().enumerate() {
            self.timed(timed, line, i);
        }
        match &line.after {
            Continuation::Return => {}
            Continuation::Else { line, .. } => self.line(line),
            Continuation::Results(results) => self.results(results),
        }
    }

    fn timed(&mut self, timed: &Timed, line: &TryLine, index: usize) {
        if let Some(ring_for) = line.ring_for.filter(|ring_for| timed.after >= *ring_for) {
            let message = format!("this target never rings: the `try` ends after {}s", ring_for.as_secs());
            let fault = Fault::new(Code::LateTarget, timed.span, message);
            self.faults.push(fault.here("too late").help("begin earlier, or ring for longer"));
        }
        if let Target::User(uid) = &timed.target {
            self.circle(&Spanned { it: uid.clone(), span: timed.span });
        }
        let twice = line.targets.iter().take(index).find(|earlier| earlier.target == timed.target);
        if let Some(first) = twice.filter(|_| timed.target != Target::Faulty) {
            let fault = Fault::new(Code::Repeated, timed.span, "this target rings already");
            self.faults.push(fault.here("the second").label(first.span, "the first").help("name it once"));
        }
    }

    fn results(&mut self, results: &Results) {
        let mut seen: Vec<&Spanned<Outcome>> = Vec::new();
        let mut otherwise: Option<Span> = None;
        for rule in &results.rules {
            if let Some(before) = otherwise {
                let fault = Fault::new(Code::DeadOutcome, rule.span, "no outcome comes as far as this");
                let fault = fault.here("never reached").label(before, "this takes every outcome");
                self.faults.push(fault.help("`otherwise` stands last"));
            }
            for outcome in &rule.outcomes {
                self.outcome(outcome, &seen);
                seen.push(outcome);
            }
            if rule.outcomes.is_empty() {
                let named = |o: &Outcome| seen.iter().any(|s| s.it == *o);
                if Outcome::ALL.iter().filter(|o| **o != Outcome::Answered).all(named) {
                    let fault = Fault::new(Code::DeadOutcome, rule.span, "every outcome is named above");
                    self.faults.push(fault.here("never reached").help("leave this line out"));
                }
                otherwise = otherwise.or(Some(rule.span));
            }
            self.line(&rule.line);
        }
        if results.rules.is_empty() && !results.faulty {
            let span = results.open.to(results.close);
            let fault = Fault::new(Code::DeadOutcome, span, "this list of outcomes is empty");
            self.faults.push(fault.help("leave the braces out: the outcome then goes to the caller"));
        }
    }

    fn outcome(&mut self, outcome: &Spanned<Outcome>, seen: &[&Spanned<Outcome>]) {
        if outcome.it == Outcome::Answered {
            let fault = Fault::new(Code::DeadOutcome, outcome.span, "a `try` that is answered ends the tree");
            self.faults.push(fault.here("never reached").help("leave `answered` out"));
        }
        if let Some(first) = seen.iter().find(|earlier| earlier.it == outcome.it) {
            let fault = Fault::new(Code::Repeated, outcome.span, format!("`{}` is named twice", outcome.it));
            self.faults.push(fault.here("never reached").label(first.span, "this one is taken"));
        }
    }

    fn circle(&mut self, uid: &Spanned<Uid>) {
        if self.owner == Some(&uid.it) {
            let fault = Fault::new(Code::ToSelf, uid.span, "this would go round in a circle");
            let help = "your own phones are rung with `try clients`";
            self.faults.push(fault.here("this is yourself").help(help));
        }
    }

    fn wrong_tree(&mut self, span: Span, message: &str, help: &str) {
        self.faults.push(Fault::new(Code::WrongTree, span, message).here("not in this tree").help(help));
    }
}

/// Where a line says the same as its side of this place: before it, or in its action.
fn same(line: &Line, place: usize) -> Option<Span> {
    let side = line.sides.get(place)?;
    let says_same = |other: &&Spanned<Side>| match (&side.it, &other.it) {
        (Side::Reply(_), Side::Reply(_)) => true,
        (Side::Set(key, _), Side::Set(other, _)) => key == other,
        (one, other) => one == other,
    };
    let before = line.sides.iter().take(place).find(says_same).map(|other| other.span);
    before.or_else(|| match (&side.it, &line.kind) {
        (Side::Also(copy), LineKind::Try(try_line)) => {
            try_line.targets.iter().find(|timed| timed.target == *copy).map(|timed| timed.span)
        }
        (Side::Reply(_), LineKind::Leaf(Leaf::Reply(name))) => Some(name.span),
        _ => None,
    })
}
