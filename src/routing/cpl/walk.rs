//! A script, followed as a call would: from each node to what comes after it, with the addresses gathered
//! on the way.

use std::collections::BTreeSet;

use super::super::fault::{Code, Fault, Span};
use super::super::lex::{escape, is_invisible};
use super::super::vocabulary::nearest;
use super::super::week::Zone;
use super::super::words::Direction;
use super::address::target;
use super::decision::{Decision, Line};
use super::element::Element;
use super::import::{Remark, with_the_rest};
use crate::base::Uid;

/// So many nodes are followed, those of a subaction as often as it is named.
const STEPS_MAX: usize = 4_000;
/// How deep they may nest.
const DEPTH_MAX: usize = 100;
/// How long a text of a tree may be, in bytes.
const TEXT_MAX: usize = 200;
/// What a caller is told where a script leaves nobody to be rung.
const NOBODY: &str = "refuse \"nobody is there\"";

/// What a node may be: what decides, what names addresses, what is done.
const NODES: [&str; 14] = [
    "address-switch",
    "string-switch",
    "language-switch",
    "time-switch",
    "priority-switch",
    "location",
    "lookup",
    "remove-location",
    "proxy",
    "redirect",
    "reject",
    "mail",
    "log",
    "sub",
];

pub(super) struct Walker<'x> {
    source: &'x str,
    pub(super) owner: Option<&'x Uid>,
    pub(super) direction: Direction,
    subactions: Vec<(&'x str, Element<'x>)>,
    /// Those that were followed.
    followed: BTreeSet<usize>,
    /// How many of them stand above of what is followed now: only those can be named, so there are no circles.
    above: usize,
    /// The zone of the times so far.
    pub(super) zone: Option<Zone>,
    pub(super) faults: Vec<Fault>,
    pub(super) remarks: BTreeSet<Remark>,
    steps: usize,
    depth: usize,
}

/// An address that a call may be sent to.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Place {
    /// The target as a tree writes it.
    pub(super) target: String,
    /// The address as the script writes it; `None`: all that are registered.
    pub(super) url: Option<String>,
    /// Its priority in thousandths.
    pub(super) rank: u16,
}

/// How far a script has come.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct State {
    pub(super) places: Vec<Place>,
    /// Whether any address was added or taken away.
    pub(super) changed: bool,
    /// Whether something was tried.
    pub(super) tried: bool,
    /// What is done besides.
    pub(super) sides: Vec<String>,
}

impl State {
    pub(super) fn take_sides(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sides)
    }
}

impl<'x> Walker<'x> {
    pub(super) fn new(source: &'x str, owner: Option<&'x Uid>) -> Self {
        Self {
            source,
            owner,
            direction: Direction::Incoming,
            subactions: Vec::new(),
            followed: BTreeSet::new(),
            above: 0,
            zone: None,
            faults: Vec::new(),
            remarks: BTreeSet::new(),
            steps: 0,
            depth: 0,
        }
    }

    /// Follows a whole script; the trees that it makes.
    pub(super) fn script(&mut self, root: Element<'x>) -> Vec<(Direction, Decision)> {
        let mut trees: Vec<(Direction, Decision)> = Vec::new();
        if root.name() != Some("cpl") {
            let fault = Fault::new(Code::Xml, root.span(), "a script begins with `<cpl>`");
            self.faults.push(fault.help("its namespace is `urn:ietf:params:xml:ns:cpl`"));
            return trees;
        }
        for part in root.children() {
            match part.name() {
                Some("subaction") => {
                    if !trees.is_empty() {
                        let message = "subactions stand before `<incoming>` and `<outgoing>`";
                        self.faults.push(Fault::new(Code::Syntax, part.span(), message).here("not here"));
                    }
                    self.subaction(part);
                }
                // It says nothing about what is done.
                Some("ancillary") => {}
                Some("incoming") => self.tree(Direction::Incoming, part, &mut trees),
                Some("outgoing") => self.tree(Direction::Outgoing, part, &mut trees),
                _ => self.unknown(part, &["ancillary", "subaction", "incoming", "outgoing"]),
            }
        }
        self.unfollowed();
        trees
    }

    /// What nothing names has to name only what stands above it all the same (RFC 3880 §8).
    fn unfollowed(&mut self) {
        for (at, (_, part)) in self.subactions.clone().into_iter().enumerate() {
            if self.followed.contains(&at) {
                continue;
            }
            for node in part.inner().filter(|node| node.name() == Some("sub")) {
                if let Some(id) = self.needed(node, "ref") {
                    self.above_of(node, id, at);
                }
            }
        }
    }

    /// The place of a subaction among the first so many.
    fn above_of(&mut self, node: Element<'x>, id: &str, above: usize) -> Option<usize> {
        let above = self.subactions.iter().take(above);
        if let Some(at) = above.clone().position(|(own, _)| *own == id) {
            return Some(at);
        }
        let message = format!("there is no subaction {} above of this", escape(id));
        let near = nearest(id, above.map(|(own, _)| *own));
        let help = near.map_or("it has to stand above of where it is named".to_owned(), |near| {
            format!("did you mean {}?", escape(near))
        });
        self.faults.push(Fault::new(Code::UnknownName, node.span_of("ref"), message).help(help));
        None
    }

    fn subaction(&mut self, part: Element<'x>) {
        self.only(part, &["id"]);
        let Some(id) = self.needed(part, "id") else { return };
        if self.subactions.iter().any(|(own, _)| *own == id) {
            let message = format!("there are two subactions {}", escape(id));
            self.faults.push(Fault::new(Code::Repeated, part.span_of("id"), message));
        }
        self.subactions.push((id, part));
    }

    fn tree(&mut self, direction: Direction, part: Element<'x>, trees: &mut Vec<(Direction, Decision)>) {
        self.only(part, &[]);
        if trees.iter().any(|(own, _)| *own == direction) {
            let message = format!("there are two parts {}", part.told());
            self.faults.push(Fault::new(Code::Repeated, part.span(), message));
            return;
        }
        (self.direction, self.above) = (direction, self.subactions.len());
        let decision = self.follow(part, State::default());
        trees.push((direction, with_the_rest(direction, decision)));
    }

    /// Follows the node in an output, or what is meant where there is none.
    pub(super) fn follow(&mut self, output: Element<'x>, state: State) -> Decision {
        let mut nodes = output.children();
        let Some(node) = nodes.next() else { return self.end(output, state) };
        if let Some(second) = nodes.next() {
            let fault = Fault::new(Code::Syntax, second.span(), format!("{} holds one node", output.told()));
            self.faults.push(fault.here("the second").label(node.span(), "the first"));
        }
        self.steps += 1;
        let bound = if self.depth > DEPTH_MAX {
            let message = format!("this nests deeper than {DEPTH_MAX} nodes");
            Some(Fault::new(Code::TooDeep, node.span(), message).help("let fewer nodes follow one another"))
        } else if self.steps > STEPS_MAX {
            let message = "this script is too long to be followed to its end";
            let help = "subactions that name one another grow fast: name each in few places";
            Some(Fault::new(Code::TooLarge, node.span(), message).help(help))
        } else {
            None
        };
        if let Some(fault) = bound {
            if self.faults.last().is_none_or(|last| last.code != fault.code) {
                self.faults.push(fault);
            }
            return Decision::Line(Line::action(&[], "decline"));
        }
        self.depth += 1;
        let decision = self.node(node, state);
        self.depth -= 1;
        decision
    }

    fn node(&mut self, node: Element<'x>, state: State) -> Decision {
        match node.name() {
            Some("location") => self.location(node, state),
            Some("lookup") => self.lookup(node, state),
            Some("remove-location") => self.remove_location(node, state),
            Some("proxy") => self.proxy(node, state),
            Some("redirect") => self.redirect(node, state),
            Some("reject") => self.reject(node, state),
            Some("mail") => self.mail(node, state),
            Some("log") => self.log(node, state),
            Some("sub") => self.sub(node, state),
            Some(switch) if switch.ends_with("-switch") && NODES.contains(&switch) => {
                self.switch(node, switch, state)
            }
            Some(_) | None => {
                self.unknown(node, &NODES);
                self.end(node, state)
            }
        }
    }

    /// What is done where a script ends without saying it (RFC 3880 §10).
    pub(super) fn end(&mut self, at: Element<'x>, mut state: State) -> Decision {
        let sides = state.take_sides();
        let line = if state.tried {
            if !sides.is_empty() {
                self.remark(at.span(), "nothing comes after this, so no line is written to the event log");
            }
            Line::back()
        } else if self.direction == Direction::Outgoing {
            Line::action(&sides, "send")
        } else if !state.changed {
            Line::action(&sides, "try clients {\nno-answer or unreachable -> try voicemail\n}")
        } else if state.places.is_empty() {
            Line::action(&sides, NOBODY)
        } else {
            let targets = super::proxy::names(&state.places);
            Line::action(&sides, &format!("try {}", targets.join(", ")))
        };
        Decision::Line(line)
    }

    fn location(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["url", "priority", "clear"]);
        self.incoming_only(node, "an outgoing call goes to whom it is for, and nowhere else");
        self.clear(node, &mut state);
        let rank = node.attribute("priority").map_or(Some(1_000), thousandths);
        if rank.is_none() {
            self.bad(node, "priority", "a priority is a number from 0 to 1");
        }
        if let Some(url) = self.needed(node, "url") {
            match target(url, self.owner) {
                Ok(target) => {
                    let url = Some(url.trim().to_ascii_lowercase());
                    state.places.push(Place { target, url, rank: rank.unwrap_or_default() });
                }
                Err((message, help)) => self.no_counterpart(node.span_of("url"), message, help),
            }
        }
        state.changed = true;
        self.follow(node, state)
    }

    fn lookup(&mut self, node: Element<'x>, state: State) -> Decision {
        self.only(node, &["source", "timeout", "clear"]);
        self.incoming_only(node, "an outgoing call goes to whom it is for, and nowhere else");
        if self.needed(node, "source").is_some_and(|source| source.trim() != "registration") {
            let message = "addresses are looked up nowhere but among what is registered";
            let help = "`source=\"registration\"` is what `clients` are in a tree";
            self.no_counterpart(node.span_of("source"), message, help);
        }
        let [success, not_found, failure] = self.outputs(node, ["success", "notfound", "failure"]);
        if let Some(failure) = failure {
            self.remark(
                failure.span(),
                "registrations are always there to be looked up: `<failure>` is never reached",
            );
            self.follow(failure, state.clone());
        }
        let mut found = state.clone();
        self.clear(node, &mut found);
        found.places.push(Place { target: "clients".to_owned(), url: None, rank: 1_000 });
        found.changed = true;
        let found = self.output(success, node, found);
        let missing = self.output(not_found, node, State { changed: true, ..state });
        Decision::Cases(vec![("registered".to_owned(), found)], Box::new(missing))
    }

    fn remove_location(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["location", "param", "value"]);
        self.incoming_only(node, "an outgoing call goes to whom it is for, and nowhere else");
        match node.attribute("location").map(|url| url.trim().to_ascii_lowercase()) {
            None => state.places.clear(),
            Some(url) => {
                if state.places.iter().any(|place| place.url.is_none()) {
                    let message = "no single one can be taken out of all that are registered";
                    let help = "give the phones names (`ratatosk device add`), and let the tree try those that it wants: `client \"desk\"`";
                    self.no_counterpart(node.span_of("location"), message, help);
                }
                state.places.retain(|place| place.url.as_ref() != Some(&url));
            }
        }
        state.changed = true;
        self.follow(node, state)
    }

    fn clear(&mut self, node: Element<'x>, state: &mut State) {
        match node.attribute("clear").map(str::to_ascii_lowercase).as_deref() {
            None | Some("no") => {}
            Some("yes") => state.places.clear(),
            Some(_) => self.bad(node, "clear", "`clear` is `yes` or `no`"),
        }
    }

    fn redirect(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["permanent"]);
        self.incoming_only(node, "in the outgoing tree the caller is yourself");
        match node.attribute("permanent").map(str::to_ascii_lowercase).as_deref() {
            None | Some("no") => {}
            Some("yes") => self.remark(
                node.span_of("permanent"),
                "callers are told that you have moved for this once, not for ever",
            ),
            Some(_) => self.bad(node, "permanent", "`permanent` is `yes` or `no`"),
        }
        let sides = state.take_sides();
        let action = match state.places.as_slice() {
            [] => NOBODY.to_owned(),
            [only] if only.target.starts_with("user ") => {
                format!("redirect {}", only.target.trim_start_matches("user "))
            }
            [_] => {
                let message = "no caller is told the addresses of your phones";
                self.no_counterpart(node.span(), message, "let it be tried: `<proxy/>`");
                return Decision::Line(Line::action(&sides, NOBODY));
            }
            [..] => {
                let message = "a caller is sent to one address, not to several";
                self.no_counterpart(node.span(), message, "let them be tried: `<proxy/>`");
                return Decision::Line(Line::action(&sides, NOBODY));
            }
        };
        Decision::Line(Line::action(&sides, &action))
    }

    fn reject(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["status", "reason"]);
        let sides = state.take_sides();
        let status = self.needed(node, "status").unwrap_or_default().to_ascii_lowercase();
        let number = match status.as_str() {
            "busy" => Some(486),
            "notfound" => Some(404),
            "reject" => Some(603),
            "error" => Some(500),
            other => other.parse::<u16>().ok().filter(|status| (400..700).contains(status)),
        };
        if number.is_none() && node.attribute("status").is_some() {
            self.bad(
                node,
                "status",
                "a status is `busy`, `notfound`, `reject`, `error` or a number from 400 to 699",
            );
        }
        let number = number.unwrap_or(603);
        let reason = node.attribute("reason").map(|reason| self.text(reason, node.span_of("reason")));
        let reason = reason.filter(|reason| !reason.is_empty());
        let action = match (number, reason) {
            (486 | 600, reason) => {
                if reason.is_some() {
                    self.remark(node.span_of("reason"), "who hears that you are busy is told no reason");
                }
                "busy".to_owned()
            }
            (603, None) => "decline".to_owned(),
            (number, reason) => {
                if number != 403 {
                    self.remark(node.span(), &format!("the caller is refused with 403, not with {number}"));
                }
                let otherwise = if number == 404 { "not found" } else { "the call was rejected" };
                format!("refuse {}", escape(reason.as_deref().unwrap_or(otherwise)))
            }
        };
        Decision::Line(Line::action(&sides, &action))
    }

    fn mail(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["url"]);
        if let Some(url) = self.needed(node, "url") {
            self.remark(node.span(), "no mail is sent; a line in the event log stands in its place");
            let text = self.text(&format!("mail to {}", url.trim_start_matches("mailto:")), node.span());
            state.besides(format!("log {}", escape(&text)));
        }
        self.follow(node, state)
    }

    fn log(&mut self, node: Element<'x>, mut state: State) -> Decision {
        self.only(node, &["name", "comment"]);
        let text = match (node.attribute("name"), node.attribute("comment")) {
            (Some(name), Some(comment)) => format!("{name}: {comment}"),
            (Some(text), None) | (None, Some(text)) => text.to_owned(),
            (None, None) => "a call was logged".to_owned(),
        };
        let text = self.text(&text, node.span());
        state.besides(format!("log {}", escape(&text)));
        self.follow(node, state)
    }

    fn sub(&mut self, node: Element<'x>, state: State) -> Decision {
        self.only(node, &["ref"]);
        let Some(id) = self.needed(node, "ref") else { return self.end(node, state) };
        let at = self.above_of(node, id, self.above);
        let found = at.and_then(|at| Some((at, self.subactions.get(at)?.1)));
        let Some((at, subaction)) = found else { return self.end(node, state) };
        self.followed.insert(at);
        let before = std::mem::replace(&mut self.above, at);
        let decision = self.follow(subaction, state);
        self.above = before;
        decision
    }

    /// The outputs of a node by name; others are faults.
    pub(super) fn outputs<const N: usize>(
        &mut self,
        node: Element<'x>,
        names: [&str; N],
    ) -> [Option<Element<'x>>; N] {
        let mut found = [None; N];
        for output in node.children() {
            let at = names.iter().position(|name| output.name() == Some(name));
            match at.and_then(|at| found.get_mut(at)) {
                Some(slot @ None) => *slot = Some(output),
                Some(Some(_)) => {
                    let message = format!("there are two outputs {}", output.told());
                    self.faults.push(Fault::new(Code::Repeated, output.span(), message));
                }
                None => self.unknown(output, &names),
            }
        }
        found
    }

    /// Follows an output that may not be there.
    pub(super) fn output(
        &mut self,
        output: Option<Element<'x>>,
        node: Element<'x>,
        state: State,
    ) -> Decision {
        match output {
            Some(output) => self.follow(output, state),
            None => self.end(node, state),
        }
    }

    /// A text as a tree may hold it.
    fn text(&mut self, text: &str, span: Span) -> String {
        let plain: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        if plain.len() <= TEXT_MAX {
            return plain;
        }
        self.remark(span, &format!("the text is cut to {TEXT_MAX} bytes"));
        let end = (0..=TEXT_MAX).rev().find(|at| plain.is_char_boundary(*at)).unwrap_or(0);
        plain.get(..end).unwrap_or_default().trim_end().to_owned()
    }

    /// The value of an attribute that has to be there.
    pub(super) fn needed(&mut self, node: Element<'x>, name: &str) -> Option<&'x str> {
        let value = node.attribute(name);
        if value.is_none() {
            let message = format!("{} has no `{name}`", node.told());
            self.faults.push(Fault::new(Code::Syntax, node.span(), message).here("here"));
        }
        value
    }

    /// Notes the attributes that are none of these.
    pub(super) fn only(&mut self, node: Element<'x>, names: &[&str]) {
        for (name, span) in node.attributes().filter(|(name, _)| !names.contains(name)) {
            let fault =
                Fault::new(Code::UnknownWord, span, format!("{} has no attribute `{name}`", node.told()));
            let near = nearest(name, names.iter().copied());
            self.faults.push(match near {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
    }

    /// Notes an element that is none of these.
    pub(super) fn unknown(&mut self, node: Element<'x>, names: &[&str]) {
        if node.name().is_none() {
            let message = format!("{} is an extension of CPL", node.told());
            return self.no_counterpart(
                node.span(),
                message,
                "what it does is to be said in the tree itself",
            );
        }
        let message = format!("{} does not stand here", node.told());
        let near = node.name().and_then(|name| nearest(name, names.iter().copied()));
        let help = near.map_or_else(
            || format!("what may stand here: `{}`", names.join("`, `")),
            |near| format!("did you mean `<{near}>`?"),
        );
        self.faults.push(Fault::new(Code::UnknownWord, node.span(), message).here("not here").help(help));
    }

    pub(super) fn bad(&mut self, node: Element<'x>, attribute: &str, message: &str) {
        self.faults.push(Fault::new(Code::Syntax, node.span_of(attribute), message).here("not this"));
    }

    fn incoming_only(&mut self, node: Element<'x>, why: &str) {
        if self.direction == Direction::Outgoing {
            self.no_counterpart(
                node.span(),
                format!("{} has no meaning for what goes out", node.told()),
                why,
            );
        }
    }

    pub(super) fn no_counterpart(&mut self, span: Span, message: impl Into<String>, help: &str) {
        let fault = Fault::new(Code::NoCounterpart, span, message);
        self.faults.push(fault.here("no tree can do this").help(help));
    }

    pub(super) fn remark(&mut self, span: Span, text: &str) {
        self.remarks.insert(Remark { line: span.line(self.source), text: text.to_owned() });
    }
}

impl State {
    /// Adds what is done besides, once.
    fn besides(&mut self, side: String) {
        if !self.sides.contains(&side) {
            self.sides.push(side);
        }
    }
}

/// A number from 0 to 1, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() + part.len() == 0 || whole.len() > 3 {
        return None;
    }
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let rank = whole.parse::<u16>().unwrap_or(0).checked_mul(1_000)?.checked_add(part.parse().ok()?)?;
    (rank <= 1_000).then_some(rank)
}
