//! One request as programs read it: every fact that a tree may look at.

use serde::Serialize;

use super::output;
use crate::routing::{Direction, Example};

/// The options of `tree explain` that ask it have the same names.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    registered: &'static str,
    contact: bool,
    groups: Vec<&'a str>,
    urgent: bool,
    time: String,
}

impl<'a> Request<'a> {
    pub(super) fn of(direction: Direction, example: &'a Example) -> Self {
        let (from, to) = match direction {
            Direction::Incoming => (Some(example.other.to_string()), None),
            Direction::Outgoing => (None, Some(example.other.to_string())),
        };
        Self {
            mode: example.mode.as_str(),
            from,
            to,
            registered: example.facts.registered.as_str(),
            contact: example.facts.contact,
            groups: example.facts.groups.iter().map(|group| &**group).collect(),
            urgent: example.facts.urgent,
            time: output::instant(example.facts.wall_ms),
        }
    }
}
