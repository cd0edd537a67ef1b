//! What if: a request is led through a tree to its end, with outcomes that somebody has made up.

use super::names::{INBOX_TAKES, TRUNK_TAKES, VOICEMAIL_TAKES};
use super::plan::{Action, Target, Try};
use super::route::{Facts, Route};
use super::words::{Mode, Outcome, Registered};

/// What becomes of targets, in turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script(Vec<Line>);

/// One word of a script: what becomes of a target when it is tried next, or of the whole `try`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Line {
    target: Option<String>,
    outcome: Outcome,
}

/// How a request stands when the script is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// An action has decided that does not come back.
    Decided,
    /// A `try` came back, and its outcome is the answer.
    CameBack(Outcome),
    /// A `try` goes on, and the script does not say what comes of it.
    Trying,
}

impl Script {
    /// Adds what becomes of a target when it is tried next, named as a tree writes it or by its name
    /// alone (`clients`, `client "desk"`, `desk`); or of all that is tried next at once.
    pub fn push(&mut self, target: Option<&str>, outcome: Outcome) {
        self.0.push(Line { target: target.map(|target| target.trim().to_owned()), outcome });
    }

    /// The targets and outcomes that have not come up.
    pub fn left(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|Line { target, outcome }| match target {
            Some(target) => format!("{target}={outcome}"),
            None => outcome.to_string(),
        })
    }

    /// The outcome of a `try`, the first that holds of those of its targets; `None` if one of them is
    /// not known, and might change it. If none of them takes the mode, what was the outcome `before` stands.
    fn outcome(&mut self, plan: &Try, mode: Mode, facts: &Facts, before: Option<Outcome>) -> Option<Outcome> {
        if self.0.first().is_some_and(|line| line.target.is_none()) {
            return Some(self.0.remove(0).outcome);
        }
        let mut of_target = |target: &Target| {
            let named = |line: &Line| line.target.as_deref().is_some_and(|name| is_named(target, name));
            match self.0.iter().position(named) {
                Some(at) => Some(Some(self.0.remove(at).outcome)),
                None => takes(target, mode).then(|| evident(target, mode, facts)),
            }
        };
        let outcomes: Vec<_> = plan.targets.iter().filter_map(|timed| of_target(&timed.target)).collect();
        if outcomes.is_empty() {
            return Some(before.unwrap_or(Outcome::Unreachable));
        }
        let known = || outcomes.iter().flatten().copied().min();
        if outcomes.contains(&None) { known().filter(|best| *best == Outcome::Answered) } else { known() }
    }
}

/// Whether a target can be there for a mode at all.
fn takes(target: &Target, mode: Mode) -> bool {
    match target {
        Target::Inbox => INBOX_TAKES.contains(&mode),
        Target::Voicemail => VOICEMAIL_TAKES.contains(&mode),
        Target::Trunk(..) => TRUNK_TAKES.contains(&mode),
        Target::Clients | Target::Client(_) | Target::User(_) | Target::Device(_) => true,
    }
}

/// What becomes of a target without anybody's word.
fn evident(target: &Target, mode: Mode, facts: &Facts) -> Option<Outcome> {
    match target {
        Target::Clients | Target::Client(_) if facts.registered == Registered::None => {
            Some(Outcome::Unreachable)
        }
        Target::Clients | Target::Client(_) if facts.registered == Registered::OtherModes => {
            Some(Outcome::Unsupported)
        }
        Target::Inbox if mode == Mode::Page => Some(Outcome::Answered),
        Target::Clients | Target::Client(_) | Target::User(_) | Target::Inbox => None,
        Target::Voicemail | Target::Device(_) | Target::Trunk(..) => None,
    }
}

/// Whether a person means a target: as a tree writes it, or by its name alone.
fn is_named(target: &Target, name: &str) -> bool {
    let alone = match target {
        Target::Client(alone) | Target::Device(alone) | Target::Trunk(alone, _) => Some(&**alone),
        Target::User(uid) => Some(uid.as_str()),
        Target::Clients | Target::Inbox | Target::Voicemail => None,
    };
    alone == Some(name) || target.to_string() == name
}

impl Route {
    /// Goes on by a script, as far as it leads.
    pub fn play(&mut self, script: &mut Script) -> Ending {
        let mut before = None;
        loop {
            let Action::Try(plan) = self.action() else { return Ending::Decided };
            let Some(outcome) = script.outcome(plan, self.mode(), self.facts(), before) else {
                return Ending::Trying;
            };
            before = Some(outcome);
            if !self.follow(outcome) {
                return Ending::CameBack(outcome);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::routing::{Direction, Profile, Who};

    const TREE: &str = r#"profile "p" { incoming {
        mode page -> try clients else inbox
        otherwise -> try client "desk" for 15s {
          declined  -> busy
          otherwise -> try client "desk", "gsm" after 5s for 30s else voicemail
        }
    } }"#;

    fn play(mode: Mode, registered: Registered, words: &[&str]) -> (Ending, String, Vec<String>) {
        let profile = Arc::new(Profile::compile(TREE).unwrap());
        let facts = Facts { registered, ..Facts::default() };
        let parties = (Who::Anonymous, Who::Anonymous);
        let mut route = Route::begin((&profile, &profile), Direction::Incoming, mode, parties, facts);
        let mut script = Script::default();
        for word in words {
            let (target, outcome) = word.rsplit_once('=').map_or((None, *word), |(t, o)| (Some(t), o));
            script.push(target, outcome.parse().unwrap());
        }
        let ending = route.play(&mut script);
        (ending, route.action().to_string(), script.left().collect())
    }

    #[test]
    fn a_script_leads_to_the_end() {
        let voice = |words: &[&str]| play(Mode::Voice, Registered::ThisMode, words);
        let second = "try client \"desk\", \"gsm\" after 5s for 30s";
        assert_eq!(voice(&[]), (Ending::Trying, "try client \"desk\" for 15s".into(), vec![]));
        assert_eq!(voice(&["declined"]), (Ending::Decided, "busy".into(), vec![]));
        assert_eq!(voice(&["desk=busy"]), (Ending::Trying, second.into(), vec![]));
        let both = ["client \"desk\"=no-answer", "desk=no-answer", "gsm=busy", "voicemail=answered"];
        let answered = Ending::CameBack(Outcome::Answered);
        assert_eq!(voice(&both), (answered, "try voicemail".into(), vec![]));
        // Whoever answers ends it, whatever the others would have said.
        assert_eq!(
            voice(&["busy", "gsm=answered", "x=busy"]),
            (answered, second.into(), vec!["x=busy".into()])
        );
    }

    #[test]
    fn what_is_evident_needs_no_word() {
        let page = play(Mode::Page, Registered::None, &[]);
        assert_eq!(page, (Ending::CameBack(Outcome::Answered), "try inbox".into(), vec![]));
        let voice = play(Mode::Voice, Registered::None, &["gsm=failed"]);
        assert_eq!(voice, (Ending::Trying, "try voicemail".into(), vec![]));
        // Clients that take other modes do not ring, and nobody speaks a text on voicemail: what was before stands.
        let came_back = |outcome| (Ending::CameBack(outcome), "try voicemail".into(), vec![]);
        assert_eq!(
            play(Mode::Text, Registered::OtherModes, &["gsm=failed"]),
            came_back(Outcome::Unsupported)
        );
        assert_eq!(
            play(Mode::Text, Registered::ThisMode, &["busy", "no-answer"]),
            came_back(Outcome::NoAnswer)
        );
        assert_eq!(play(Mode::Voice, Registered::OtherModes, &["gsm=failed"]).0, Ending::Trying);
    }

    #[test]
    fn what_can_take_nothing_of_a_mode_does_not_ring() {
        let tree = "profile \"p\" { incoming {\nmode page -> voicemail\notherwise -> inbox\n} }";
        let profile =
            Arc::new(Profile::compile_stored(tree, &crate::base::Limits::default(), &owner()).unwrap());
        for mode in Mode::ALL {
            let parties = (Who::Anonymous, Who::Anonymous);
            let mut route =
                Route::begin((&profile, &profile), Direction::Incoming, *mode, parties, Facts::default());
            let ending = route.play(&mut Script::default());
            assert_eq!(ending, Ending::CameBack(Outcome::Unreachable), "{mode}");
        }
    }

    fn owner() -> crate::base::Uid {
        crate::base::Uid::parse("anne@north.test").unwrap()
    }
}
