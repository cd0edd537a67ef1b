//! What the one who asks is told in the end, in a request that was made up.

use crate::leg::own_status;
use crate::routing::{Action, Ending, Mode, Outcome, Route, Target, Try};

/// The final answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status that he is given; none as long as nothing is decided here.
    pub(super) status: Option<u16>,
    /// What becomes of it, for the owner of the tree.
    pub(super) told: String,
    /// What the caller may know of it.
    pub(super) heard: String,
}

impl Answer {
    /// The answer at the end of a way.
    pub(super) fn of(route: &Route, ending: Ending) -> Self {
        let is_page = route.mode() == Mode::Page;
        match (route.action(), ending) {
            (Action::Try(plan), Ending::CameBack(outcome)) => came_back(plan, outcome, is_page),
            (Action::Try(plan), Ending::Decided | Ending::Trying) => {
                let heard = if is_page { "the sender waits" } else { "the caller hears it ring" };
                let told = format!("{heard}: `--outcome` says what comes of `{plan}`");
                Self { status: None, told, heard: heard.to_owned() }
            }
            (Action::Decline, _) => Self::plain(603, "declined"),
            (Action::Busy, _) => Self::plain(486, "busy"),
            (Action::Refuse(why), _) => Self::plain(403, &format!("refused, \"{why}\"")),
            (Action::Ignore, _) if is_page => {
                let Self { status, heard, .. } = Self::plain(200, "taken");
                Self { status, told: format!("it vanishes; {heard}"), heard }
            }
            (Action::Ignore, _) => Self::plain(480, "no-answer, after it has rung for as long as a call may"),
            (Action::Reply(name), _) if is_page => Self::plain(200, &format!("taken, and gets \"{name}\"")),
            (Action::Hold, _) if is_page => Self::plain(202, "kept for later"),
            (Action::Reply(name), _) => Self::plain(480, &format!("the stock message \"{name}\"")),
            // A call cannot wait.
            (Action::Hold, _) => Self::plain(480, Outcome::Unreachable.as_str()),
            (Action::Redirect(uid), _) if !is_page => Self::plain(302, &format!("to ask {uid}")),
            (Action::Forward(uid) | Action::Redirect(uid), _) => Self {
                status: None,
                told: format!("the tree of {uid} decides"),
                heard: String::from("the caller hears what comes of it"),
            },
            (Action::Send, _) => {
                let told = format!("it goes out to {}", route.to());
                Self { status: None, heard: told.clone(), told }
            }
        }
    }

    /// An answer that hides nothing.
    fn plain(status: u16, words: &str) -> Self {
        let heard = format!("the caller hears {status}: {words}");
        Self { status: Some(status), told: heard.clone(), heard }
    }
}

fn came_back(plan: &Try, outcome: Outcome, is_page: bool) -> Answer {
    let is_kept = plan.targets.iter().all(|timed| timed.target == Target::Inbox);
    match outcome {
        Outcome::Answered if is_page && is_kept => Answer::plain(202, "kept for later"),
        // What a phone lacks is no news for the sender of a page.
        Outcome::Unsupported | Outcome::Failed if is_page => Answer::plain(480, outcome.as_str()),
        Outcome::Answered
        | Outcome::Declined
        | Outcome::Busy
        | Outcome::Unsupported
        | Outcome::NoAnswer
        | Outcome::Unreachable
        | Outcome::Failed => Answer::plain(own_status(outcome), outcome.as_str()),
    }
}
