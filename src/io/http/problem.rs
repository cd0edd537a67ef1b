//! What goes wrong with a request, as programs and people read it.
//!
//! Implements: RFC 9457 §3.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::words::Reply;

/// The media type of a problem.
pub const MEDIA: &str = "application/problem+json";

/// A problem. Its type is `about:blank`: the status says what kind it is, the detail what exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde says how it is called")]
fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem in the words that people are told: what it is, and on further lines a way out.
    pub fn new(status: StatusCode, words: &str) -> Self {
        let (detail, help) = words.split_once('\n').unwrap_or((words, ""));
        let help = help.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.trim().to_owned(),
            help: Some(help).filter(|help| !help.is_empty()),
            more: Map::new(),
        }
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The answer that tells it.
    pub fn reply(&self) -> Reply {
        // A problem is texts and numbers: there is nothing that cannot be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        Reply::of(self.status, MEDIA, text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_its_way_out_apart() {
        let problem = Problem::new(StatusCode::NOT_FOUND, "there is no user x\n  did you mean y?\n  or z?");
        let written: Value = serde_json::to_value(problem.with("n", 1.into())).unwrap();
        let wanted = serde_json::json!({
            "type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "there is no user x", "help": "did you mean y?\nor z?", "n": 1,
        });
        assert_eq!(written, wanted);
        assert!(serde_json::to_string(&Problem::new(StatusCode::OK, "x")).unwrap().find("help").is_none());
    }
}
