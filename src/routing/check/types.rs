//! Whether the targets of a rule can take what comes to it.

use super::super::ast::{Continuation, Line, LineKind, Target};
use super::super::fault::{Code, Fault, Span};
use super::super::names::{Names, about};
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
        for copy in &line.also {
            if self.modes.meets(MESSAGES.into_iter().collect()) {
                self.target(&copy.it, copy.span);
            } else {
                let message = format!("`also` makes a copy, and here come only {}", told(self.modes, "and"));
                let help = "a page or a file can be copied; a call has one way";
                let fault = Fault::new(Code::WrongMode, copy.span, message);
                self.faults.push(fault.here("no copy").help(help));
            }
        }
        let LineKind::Try(try_line) = &line.kind else { return };
        for timed in &try_line.targets {
            self.target(&timed.target, timed.span);
        }
        match &try_line.after {
            Continuation::Return => {}
            Continuation::Else { line, .. } => self.line(line),
            Continuation::Results(results) => results.rules.iter().for_each(|rule| self.line(&rule.line)),
        }
    }

    fn target(&mut self, target: &Target, span: Span) {
        let (takes, what, help) = match target {
            Target::Inbox => {
                let takes = ModeSet::default().with(Mode::Page);
                let help = "an inbox keeps pages; calls can go to `voicemail`".to_owned();
                (takes, "an inbox".to_owned(), help)
            }
            Target::Voicemail => {
                let takes = ModeSet::default().with(Mode::Voice).with(Mode::Video);
                let help = "voicemail keeps calls; pages can go to `inbox`".to_owned();
                (takes, "voicemail".to_owned(), help)
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
