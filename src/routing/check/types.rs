//! Whether the targets of a rule can take what comes to it.

use super::super::ast::{Continuation, Leaf, Line, LineKind, Side, Target};
use super::super::fault::{Code, Fault, Span};
use super::super::names::{AUTO_REPLIER, INBOX_TAKES, Names, TRUNK_TAKES, VOICEMAIL_TAKES, about};
use super::super::words::{Mode, ModeSet};

/// What is kept as one message and so can be copied.
const MESSAGES: [Mode; 2] = [Mode::Page, Mode::File];

/// Looks at a line that requests of some modes come to: a target that can take none of them is a
/// fault. One that can take some is none: for the others it is `unsupported`.
pub(super) fn types(line: &Line, modes: ModeSet, names: Option<&Names>, faults: &mut Vec<Fault>) {
    Types { modes, names, faults }.line(line);
}

struct Types<'a> {
    modes: ModeSet,
    names: Option<&'a Names>,
    faults: &'a mut Vec<Fault>,
}

impl Types<'_> {
    fn line(&mut self, line: &Line) {
        for side in &line.sides {
            match &side.it {
                Side::Also(target) if self.modes.meets(MESSAGES.into_iter().collect()) => {
                    self.target(target, side.span);
                }
                Side::Also(_) => {
                    let message =
                        format!("`also` makes a copy, and here come only {}", told(self.modes, "and"));
                    let help = "a page or a file can be copied; a call has one way";
                    let fault = Fault::new(Code::WrongMode, side.span, message);
                    self.faults.push(fault.here("no copy").help(help));
                }
                Side::Reply(_) => self.reply_besides(side.span),
                Side::Set(..) | Side::Log(_) => {}
            }
        }
        let try_line = match &line.kind {
            LineKind::Try(try_line) => try_line,
            LineKind::Leaf(Leaf::Reply(name)) => return self.reply(name.span),
            LineKind::Leaf(Leaf::Hold) => return self.hold(line.span),
            LineKind::Leaf(_) | LineKind::Faulty => return,
        };
        for timed in &try_line.targets {
            self.target(&timed.target, timed.span);
        }
        match &try_line.after {
            Continuation::Return => {}
            Continuation::Else { line, .. } => self.line(line),
            Continuation::Results(results) => results.rules.iter().for_each(|rule| self.line(&rule.line)),
        }
    }

    fn hold(&mut self, span: Span) {
        if !self.modes.meets(ModeSet::default().with(Mode::Page)) {
            let message = format!("`hold` keeps a page, and here come only {}", told(self.modes, "and"));
            let help = "a call cannot wait; `voicemail` keeps what a caller says";
            self.faults.push(Fault::new(Code::WrongMode, span, message).here("nothing to keep").help(help));
        }
    }

    /// Besides, a reply is a page of its own, and only who sends one is looked for with it.
    fn reply_besides(&mut self, span: Span) {
        if !self.modes.meets(ModeSet::default().with(Mode::Page)) {
            let message =
                format!("besides, only a page is replied to, and here come only {}", told(self.modes, "and"));
            let help = "say `reply` alone: then a caller is refused, and reads it as the reason";
            self.faults.push(Fault::new(Code::WrongMode, span, message).here("said to nobody").help(help));
        }
    }

    fn reply(&mut self, span: Span) {
        let (_, takes) = about(AUTO_REPLIER);
        if !self.modes.meets(takes) {
            let message = format!("nobody reads a reply to {}", told(self.modes, "or"));
            let help = "a page, a typed conversation or a voice call can be replied to; say `refuse \"why\"`";
            self.faults.push(Fault::new(Code::WrongMode, span, message).here("no reply").help(help));
        }
    }

    fn target(&mut self, target: &Target, span: Span) {
        let (takes, what, help) = match target {
            Target::Inbox => {
                let takes = INBOX_TAKES.iter().copied().collect();
                let help = "an inbox keeps pages; calls can go to `voicemail`".to_owned();
                (takes, "an inbox".to_owned(), help)
            }
            Target::Voicemail => {
                let takes = VOICEMAIL_TAKES.iter().copied().collect();
                let help = "voicemail keeps calls; pages can go to `inbox`".to_owned();
                (takes, "voicemail".to_owned(), help)
            }
            Target::Trunk(..) => {
                let help = "a trunk takes voice calls; everything else goes out with `send`".to_owned();
                (TRUNK_TAKES.iter().copied().collect(), "a trunk".to_owned(), help)
            }
            Target::Device(name) => {
                let Some(kind) = self.names.and_then(|names| names.kind(&name.it)) else { return };
                let (what, takes) = about(kind);
                let help = format!("{what} takes {}", told(takes, "and"));
                (takes, what, help)
            }
            Target::Clients | Target::Client(_) | Target::User(_) | Target::Faulty => return,
        };
        if !self.modes.meets(takes) {
            let message = format!("{what} cannot take {}", told(self.modes, "or"));
            let here = format!("takes only {}", told(takes, "and"));
            self.faults.push(Fault::new(Code::WrongMode, span, message).here(here).help(help));
        }
    }
}

/// Modes as a sentence names them.
fn told(modes: ModeSet, joint: &str) -> String {
    let words: Vec<String> = modes.iter().map(|mode| format!("`{mode}`")).collect();
    words.join(&format!(" {joint} "))
}
