//! One request as programs read it: every fact that a tree may look at.

use serde::Serialize;

use super::output;
use crate::routing::{Content, Direction, Request};

/// What is asked: the options of `tree explain` have the same names.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    registered: &'static str,
    contact: bool,
    group: Vec<&'a str>,
    urgent: bool,
    time: String,
    status: &'static str,
    verified: bool,
    account: Option<&'a str>,
    credit: Option<i64>,
    property: Vec<String>,
    device: Option<&'a str>,
    header: Vec<String>,
    body: Option<String>,
    size: Option<i64>,
}

impl<'a> Row<'a> {
    pub(super) fn of(direction: Direction, Request { mode, other, facts }: &'a Request) -> Self {
        let (from, to) = match direction {
            Direction::Incoming => (Some(other.to_string()), None),
            Direction::Outgoing => (None, Some(other.to_string())),
        };
        let account = facts.account.as_deref();
        let properties = account.into_iter().flat_map(|account| &account.properties);
        let content = facts.content.as_deref();
        let headers = content.into_iter().flat_map(Content::headers);
        Self {
            mode: mode.as_str(),
            from,
            to,
            registered: facts.registered.as_str(),
            contact: facts.contact,
            group: facts.groups.iter().map(|group| &**group).collect(),
            urgent: facts.urgent,
            time: output::instant(facts.wall_ms),
            status: facts.status.as_str(),
            verified: facts.verified,
            account: account.map(|account| &*account.kind),
            credit: account.map(|account| account.credit),
            property: properties.map(|(key, value)| format!("{key}={value}")).collect(),
            device: facts.device.as_deref(),
            header: headers.map(|(header, value)| format!("{header}: {value}")).collect(),
            body: content.map(|content| String::from_utf8_lossy(content.text()).into_owned()),
            size: content.map(Content::size),
        }
    }
}
