//! Whether the groups, devices and stock messages that a tree names are there.

use super::super::ast::{
    Atom, Block, Cond, Continuation, File, Leaf, Line, LineKind, Rule, Side, Somebody, Spanned, Target, Then,
    When,
};
use super::super::fault::{Code, Fault, Faults, Span};
use super::super::lex::escape;
use super::super::names::{CLIENT, Names, about};
use super::super::values::Named;
use super::super::vocabulary::nearest;

/// More names than this are not listed in a help line.
const LISTED_MAX: usize = 8;

/// Looks at every name of a file.
pub(in super::super) fn known(file: &File, names: &Names, faults: &mut Vec<Fault>) {
    for tree in &file.trees {
        Known { names, faults }.block(&tree.block);
    }
}

struct Known<'a> {
    names: &'a Names,
    faults: &'a mut Vec<Fault>,
}

impl Known<'_> {
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
            Cond::Atom(atom) => match &atom.it {
                Atom::Caller(list) | Atom::To(list) => list.iter().for_each(|one| self.somebody(one)),
                Atom::Mode(_) | Atom::Registered | Atom::RegisteredForMode => {}
                Atom::Urgent | Atom::Time(_) => {}
                Atom::Named(Named::Device, list) => list.iter().for_each(|name| self.device(name)),
                Atom::Status(_) | Atom::Named(..) | Atom::Amount(..) | Atom::Says(..) | Atom::Language(_) => {
                }
            },
            Cond::Faulty => {}
        }
    }

    fn somebody(&mut self, somebody: &Somebody) {
        if let Somebody::In(name) | Somebody::Outside(name) = somebody
            && !self.names.groups().any(|group| group == name.it)
        {
            let help = self.near(&name.it, self.names.groups(), "`ratatosk group add` makes one");
            self.missing("group", name, help);
        }
    }

    fn device(&mut self, name: &Spanned<String>) {
        if self.names.kind(&name.it).is_none() {
            let help = self.near(&name.it, self.names.devices(false), "`ratatosk device add` makes one");
            self.missing("device", name, help);
        }
    }

    fn line(&mut self, line: &Line) {
        for side in &line.sides {
            match &side.it {
                Side::Also(copy) => self.target(copy),
                Side::Reply(name) => self.stock(name, side.span),
                Side::Set(..) | Side::Log(_) => {}
            }
        }
        let try_line = match &line.kind {
            LineKind::Try(try_line) => try_line,
            LineKind::Leaf(Leaf::Reply(name)) => return self.stock(&name.it, name.span),
            LineKind::Leaf(_) | LineKind::Faulty => return,
        };
        try_line.targets.iter().for_each(|timed| self.target(&timed.target));
        match &try_line.after {
            Continuation::Return => {}
            Continuation::Else { line, .. } => self.line(line),
            Continuation::Results(results) => results.rules.iter().for_each(|rule| self.line(&rule.line)),
        }
    }

    fn stock(&mut self, name: &str, span: Span) {
        if !self.names.stock().any(|own| own.eq_ignore_ascii_case(name)) {
            let help = self.near(name, self.names.stock(), "`ratatosk stock set` makes one");
            self.missing("stock message", &Spanned { it: name.to_owned(), span }, help);
        }
    }

    fn target(&mut self, target: &Target) {
        let (name, is_client) = match target {
            Target::Client(name) => (name, true),
            Target::Device(name) => (name, false),
            // Trunks are the operator's.
            Target::Clients | Target::User(_) | Target::Inbox | Target::Voicemail | Target::Trunk(..) => {
                return;
            }
            Target::Faulty => return,
        };
        match self.names.kind(&name.it) {
            // A client is a device too, and may be named like one.
            Some(kind) if kind == CLIENT || !is_client => {}
            Some(kind) => {
                let quoted = escape(&name.it);
                let (what, _) = about(kind);
                let message = format!("{quoted} is no client, but {what}");
                let fault = Fault::new(Code::WrongDevice, name.span, message).here(what);
                self.faults.push(fault.help(format!("write `{quoted}`")));
            }
            None => {
                let what = if is_client { "client" } else { "device" };
                let help =
                    self.near(&name.it, self.names.devices(is_client), "`ratatosk device add` makes one");
                self.missing(what, name, help);
            }
        }
    }

    fn missing(&mut self, what: &str, name: &Spanned<String>, help: String) {
        let message = format!("there is no {what} {}", escape(&name.it));
        self.faults.push(
            Fault::new(Code::UnknownName, name.span, message).here(format!("no such {what}")).help(help),
        );
    }

    /// Which of the names there are was meant; else all of them, or how to make one.
    fn near<'n>(&self, name: &str, names: impl Iterator<Item = &'n str> + Clone, to_make: &str) -> String {
        // Of so many faults nobody reads the last ones, and each look is work.
        let has_room = self.faults.len() < Faults::MOST;
        if has_room && let Some(near) = nearest(name, names.clone()) {
            return format!("did you mean {}?", escape(near));
        }
        let listed: Vec<String> = names.clone().take(LISTED_MAX).map(escape).collect();
        let more = if names.count() > LISTED_MAX { ", …" } else { "" };
        if listed.is_empty() {
            format!("there is none: {to_make}")
        } else {
            format!("there are {}{more}", listed.join(", "))
        }
    }
}
