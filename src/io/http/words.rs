//! The words between the HTTP server and whoever answers its requests.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use serde_json::Value;

/// Who answers requests. Both are called where waiting does no harm.
pub trait Office: Send + Sync + 'static {
    /// What a request turned out to want.
    type Errand: Send + 'static;

    /// Looks at the head of a request, before its body is read: who asks, and for what. Whoever may not
    /// come in gets the answer at once.
    fn admit(&self, head: &Parts) -> Result<Admitted<Self::Errand>, Reply>;

    /// Does it.
    fn perform(&self, errand: Self::Errand, body: Bytes, progress: Progress) -> Reply;
}

/// A request that may come in.
#[derive(Debug)]
pub struct Admitted<E> {
    /// What it wants.
    pub errand: E,
    /// Whether it wants to hear how far that is, a line of JSON each, and then the answer as one.
    pub streams: bool,
    /// Whether it is done at once, so that it need not wait for its turn.
    pub is_light: bool,
}

/// Tells whoever waits how far a long errand is; false once nobody does.
pub type Progress = Box<dyn Fn(Value) -> bool + Send + Sync>;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields, `Content-Type` among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it says.
    pub body: Bytes,
}

impl Reply {
    /// An answer of this media type.
    pub fn of(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(hyper::header::CONTENT_TYPE, HeaderValue::from_static(media))];
        Self { status, headers, body: body.into() }
    }

    /// An answer in JSON.
    pub fn json(status: StatusCode, value: &Value) -> Self {
        Self::of(status, "application/json", format!("{value}\n"))
    }

    /// An answer that says nothing but its status.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same with one more header field. One that cannot stand in a header is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}
