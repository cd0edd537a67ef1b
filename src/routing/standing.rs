//! Where a request stands in its tree, as a small text: it outlives the server that asked the tree.
//!
//! A place is a number that means something in one text only, so the text is named by its tag. What
//! was asked goes along, for the records and for those who want to know why; what a message says does
//! not, and whoever goes on with the message has it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::plan::Place;
use super::profile::Profile;
use super::recorded::Recorded;
use super::route::{Facts, Route};
use super::trace::{Trace, TraceStep};
use super::words::Direction;

/// The form of this text. A later one that says more has another number.
const FORM: u8 = 2;

/// Where a request stands. Its text is the JSON that serde writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    form: u8,
    /// The tag of the profile's text.
    tree: String,
    /// `None`: the profile has no outgoing tree.
    place: Option<Place>,
    direction: Direction,
    taken: u32,
    /// Whether a condition on its way looked at what no record holds.
    unrecorded: bool,
    steps: Vec<TraceStep>,
    /// What was asked, as records keep it.
    asked: String,
}

/// Why a request cannot go on from where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Astray {
    /// It was written by a program that knows more.
    #[error("this is no standing that this version knows")]
    Form,
    /// The tree has another text now.
    #[error("the tree is another one now")]
    OtherTree,
}

impl Route {
    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let trace = self.trace();
        Standing {
            form: FORM,
            tree: self.profile().tag(),
            place: self.place(),
            direction: trace.direction(),
            taken: trace.taken(),
            unrecorded: trace.is_unrecorded(),
            steps: trace.steps().collect(),
            asked: self.recorded_text(),
        }
    }
}

impl Standing {
    /// The way on from there, if the tree is one of these two still: the owner's profile and the one
    /// that is asked where that has no incoming tree. `content` is what the message says.
    pub fn resume(
        &self,
        (profile, fallback): (&Arc<Profile>, &Arc<Profile>),
        content: Option<Arc<Content>>,
    ) -> Result<Route, Astray> {
        if self.form != FORM {
            return Err(Astray::Form);
        }
        let asked = Recorded::read(&self.asked).map_err(|_| Astray::Form)?;
        let is_it = |one: &&Arc<Profile>| one.tag() == self.tree;
        let profile = [profile, fallback].into_iter().find(is_it).ok_or(Astray::OtherTree)?;
        let trace = Trace::restored(self.direction, self.taken, self.unrecorded, &self.steps);
        let facts = Facts { content: content.or(asked.facts.content), ..asked.facts };
        Ok(Route::restored(
            Arc::clone(profile),
            (self.place, trace),
            asked.mode,
            (asked.caller, asked.to),
            facts,
        ))
    }
}
