//! What the JSON form consists of.

use serde::{Deserialize, Serialize};

/// A whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The name of the profile.
    pub(super) profile: String,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<Zone>,
    /// The lines of holidays: `jan-1 or dec-24 to dec-26`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) holidays: Vec<Holidays>,
    #[serde(default)]
    pub(super) trees: Vec<Tree>,
    /// Below everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) below: Vec<String>,
}

/// The comments around something that begins a line. An empty line is an empty text.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notes {
    /// Above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) above: Vec<String>,
    /// At the end of its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) behind: Option<String>,
    /// Above its closing brace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) end: Vec<String>,
    /// Behind its closing brace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) behind_end: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zone {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
}

/// A line of holidays: dates, each by itself or from one to another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holidays {
    pub(super) dates: Vec<String>,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    pub(super) direction: super::super::words::Direction,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
    pub(super) rules: Vec<Rule>,
}

/// A rule: a condition, and rules or a line of actions.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// None: `otherwise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) when: Option<Condition>,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rules: Option<Vec<Self>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) then: Option<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Condition {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    /// The word of a condition and its values, as a tree writes them.
    Is(Vec<String>),
}

/// A line of actions: one that decides (`do`), or a `try` and what follows it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// What is done besides: `also inbox`, `reply "busy"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) besides: Vec<String>,
    #[serde(rename = "do", default, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<String>,
    #[serde(rename = "try", default, skip_serializing_if = "Option::is_none")]
    pub(super) targets: Option<Vec<Target>>,
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub(super) ring_for: Option<String>,
    #[serde(rename = "else", default, skip_serializing_if = "Option::is_none")]
    pub(super) otherwise: Option<Box<Self>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) results: Option<Vec<Outcomes>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

/// What follows some outcomes; none are `otherwise`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcomes {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on: Vec<super::super::words::Outcome>,
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub(super) notes: Notes,
    pub(super) then: Line,
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
