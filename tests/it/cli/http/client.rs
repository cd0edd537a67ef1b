//! An HTTP client that does as it is told, well or badly.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// One who asks.
pub(super) struct Client {
    port: u16,
    token: Option<String>,
    more: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn new(port: u16, token: Option<String>) -> Self {
        Self { port, token, more: Vec::new() }
    }

    /// The same with one more header field.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Asks, and closes.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            write!(head, "Authorization: Bearer {token}\r\n").unwrap();
        }
        for (name, value) in &self.more {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut stream = self.connect();
        if let Some((media, body)) = body {
            write!(head, "Content-Type: {media}\r\nContent-Length: {}\r\n", body.len()).unwrap();
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        if let Some((_, body)) = body {
            stream.write_all(body).unwrap();
        }
        Answer::read(&mut stream).unwrap()
    }

    /// Sends these bytes and no more; what comes back until the other end closes.
    pub(super) fn throw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // It may close before it has everything.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        all
    }
}

impl Answer {
    /// Reads to the end of a connection.
    pub(super) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok()?;
        Self::of(&all)
    }

    pub(super) fn of(all: &[u8]) -> Option<Self> {
        let cut = all.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = all.split_at(cut + 4);
        let head = String::from_utf8(head.to_vec()).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            chunks(body)
        } else {
            body.to_vec()
        };
        Some(Self { status, head, body })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| line.split(':').next().is_some_and(|own| own.eq_ignore_ascii_case(name));
        Some(self.head.lines().find(is_it)?.split_once(':')?.1.trim())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What was found, if it was.
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// What is wrong, as RFC 9457 has it.
    pub(super) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["type"]), (&status.into(), &"about:blank".into()));
        problem
    }
}

fn chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        let data = &rest[end + 2..];
        body.extend_from_slice(&data[..length]);
        rest = &data[length + 2..];
    }
    body
}
