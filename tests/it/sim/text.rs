//! SIP text as the phones of the simulated world read and write it: a reader of its own, strict and
//! simple, so that a phone shares no mistake with the server's parser or writer.
//!
//! It knows what well-behaved programs send: no folding, one header a line.

use std::fmt::Write as _;

use bytes::Bytes;

/// A message that was read.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// The start line.
    pub first: &'a str,
    /// Names and values, in order.
    pub headers: Vec<(&'a str, &'a str)>,
    /// What follows the empty line.
    pub body: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads a whole message, refusing all that a well-behaved program never sends.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no empty line")?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let mut headers = Vec::with_capacity(16);
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon in {line:?}"))?;
            if name.is_empty() || name.contains([' ', '\t']) || line.contains(['\r', '\n']) {
                return Err(format!("bad header line {line:?}"));
            }
            headers.push((name, value.trim()));
        }
        let packet = Self { first, headers, body };
        if packet.status().is_none() && !first.ends_with(" SIP/2.0") {
            return Err(format!("bad start line {first:?}"));
        }
        Ok(packet)
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&'a str> {
        if self.first.starts_with("SIP/2.0 ") { None } else { self.first.split(' ').next() }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.first.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The Request-URI.
    pub fn uri(&self) -> &'a str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The first header of that name, under its long or short form.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every header of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let short = short_of(name);
        self.headers
            .iter()
            .filter(move |(n, _)| {
                n.eq_ignore_ascii_case(name) || (!short.is_empty() && n.eq_ignore_ascii_case(short))
            })
            .map(|(_, value)| *value)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &'a str {
        self.get("Call-ID").unwrap_or_default()
    }

    /// The number and method of CSeq.
    pub fn cseq(&self) -> (u32, &'a str) {
        let value = self.get("CSeq").unwrap_or_default();
        let (number, method) = value.split_once(' ').unwrap_or_default();
        (number.parse().unwrap_or_default(), method.trim())
    }

    /// The tag of From.
    pub fn from_tag(&self) -> &'a str {
        self.get("From").and_then(|value| param(value, "tag")).unwrap_or_default()
    }

    /// The tag of To, empty if it has none.
    pub fn to_tag(&self) -> &'a str {
        self.get("To").and_then(|value| param(value, "tag")).unwrap_or_default()
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> &'a str {
        self.get("Via").and_then(|value| param(value, "branch")).unwrap_or_default()
    }

    /// The URI of the first Contact.
    pub fn contact(&self) -> Option<&'a str> {
        self.get("Contact").map(uri_of)
    }

    /// Whether the body is a session description.
    pub fn has_sdp(&self) -> bool {
        !self.body.is_empty()
            && self.get("Content-Type").is_some_and(|kind| kind.eq_ignore_ascii_case("application/sdp"))
    }
}

fn short_of(name: &str) -> &'static str {
    match name {
        "Via" => "v",
        "From" => "f",
        "To" => "t",
        "Call-ID" => "i",
        "Contact" => "m",
        "Content-Length" => "l",
        "Content-Type" => "c",
        "Supported" => "k",
        _ => "",
    }
}

/// A parameter after the `>` of a header value, or after its first `;` if it has no brackets.
pub fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let tail = value.split_once('>').map_or(value, |(_, tail)| tail);
    tail.split(';').skip(1).find_map(|part| {
        let (n, v) = part.split_once('=').unwrap_or((part, ""));
        n.trim().eq_ignore_ascii_case(name).then(|| v.trim())
    })
}

/// The URI of a name-addr or addr-spec.
pub fn uri_of(value: &str) -> &str {
    match (value.find('<'), value.find('>')) {
        (Some(start), Some(end)) if start < end => &value[start + 1..end],
        _ => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// The user part of a URI, or all of a `tel:` URI's number.
pub fn user_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    match rest.split_once('@') {
        Some((user, _)) => user,
        None if uri.starts_with("tel:") => rest.split(';').next().unwrap_or_default(),
        None => "",
    }
}

/// The `host:port` part of a URI.
pub fn host_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, host)| host);
    rest.split([';', '?', '>']).next().unwrap_or_default()
}

/// A message under construction.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The start line.
    pub first: String,
    /// Names and values; Content-Length is added when it is written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Draft {
    /// A request without headers.
    pub fn request(method: &str, uri: &str) -> Self {
        Self {
            first: format!("{method} {uri} SIP/2.0"),
            headers: Vec::with_capacity(16),
            body: String::new(),
        }
    }

    /// A response with what RFC 3261 §8.2.6.2 has it copy.
    pub fn response(status: u16, request: &Packet<'_>, to_tag: &str) -> Self {
        let mut draft = Self {
            first: format!("SIP/2.0 {status} {}", reason(status)),
            headers: Vec::with_capacity(16),
            body: String::new(),
        };
        for via in request.all("Via") {
            draft.add("Via", via);
        }
        draft.add("From", request.get("From").unwrap_or_default());
        let to = request.get("To").unwrap_or_default();
        if request.to_tag().is_empty() && status > 100 && !to_tag.is_empty() {
            draft.add("To", format!("{to};tag={to_tag}"));
        } else {
            draft.add("To", to);
        }
        draft.add("Call-ID", request.call_id());
        draft.add("CSeq", request.get("CSeq").unwrap_or_default());
        draft
    }

    /// Adds a header at the end.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Replaces the first header of that name, or adds it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(header) => header.1 = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// Removes every header of that name.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// The first header of that name.
    pub fn get(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Gives it a body of that type.
    pub fn carry(&mut self, kind: &str, body: impl Into<String>) {
        self.set("Content-Type", kind);
        self.body = body.into();
    }

    /// The method, for a request.
    pub fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// The Request-URI, for a request.
    pub fn uri(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The whole message; `short` writes the compact names where there are any.
    pub fn write(&self, short: bool) -> Bytes {
        let mut text = String::with_capacity(512 + self.body.len());
        text.push_str(&self.first);
        text.push_str("\r\n");
        for (name, value) in &self.headers {
            let compact = if short { short_of(name) } else { "" };
            let name = if compact.is_empty() { name.as_str() } else { compact };
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let length = if short { "l" } else { "Content-Length" };
        let _ = write!(text, "{length}: {}\r\n\r\n{}", self.body.len(), self.body);
        Bytes::from(text)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        302 => "Moved Temporarily",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        491 => "Request Pending",
        500 => "Server Internal Error",
        603 => "Decline",
        _ => "Because",
    }
}
