//! The client's half of digest authentication (RFC 7616), written apart from the server's.

use md5::{Digest as _, Md5};
use ratatosk::config::Algorithm;
use sha2::Sha256;

/// What a server asked for, and how often it was answered.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The protection space.
    pub realm: String,
    /// The server's word.
    pub nonce: String,
    /// Which hash.
    pub algorithm: Algorithm,
    /// To be sent back as it came.
    pub opaque: Option<String>,
    /// Whether `qop=auth` is offered.
    pub qop: bool,
    /// Whether only the nonce was too old.
    pub stale: bool,
    /// The nonce count last used.
    pub count: u32,
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate or Proxy-Authenticate header.
    pub fn parse(value: &str) -> Option<Self> {
        let rest = value.strip_prefix("Digest ")?;
        let get = |name| field(rest, name);
        let algorithm = match get("algorithm").as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        Some(Self {
            realm: get("realm")?,
            nonce: get("nonce")?,
            algorithm,
            opaque: get("opaque"),
            qop: get("qop").is_some_and(|list| list.split(',').any(|one| one.trim() == "auth")),
            stale: get("stale").is_some_and(|word| word.eq_ignore_ascii_case("true")),
            count: 0,
        })
    }

    /// The value of an Authorization or Proxy-Authorization header; counts one up.
    pub fn answer(&mut self, user: &str, password: &str, method: &str, uri: &str) -> String {
        self.count += 1;
        self.answer_as(self.count, user, password, method, uri)
    }

    /// The same under a nonce count of the caller's choice.
    pub fn answer_as(&self, count: u32, user: &str, password: &str, method: &str, uri: &str) -> String {
        let (realm, nonce) = (&self.realm, &self.nonce);
        let ha1 = self.hash(&format!("{user}:{realm}:{password}"));
        let ha2 = self.hash(&format!("{method}:{uri}"));
        let cnonce = format!("c{count:07x}");
        let response = if self.qop {
            self.hash(&format!("{ha1}:{nonce}:{count:08x}:{cnonce}:auth:{ha2}"))
        } else {
            self.hash(&format!("{ha1}:{nonce}:{ha2}"))
        };
        let name = match self.algorithm {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        };
        let mut value = format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={name}"
        );
        if self.qop {
            value.push_str(&format!(", qop=auth, nc={count:08x}, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque=\"{opaque}\""));
        }
        value
    }

    fn hash(&self, text: &str) -> String {
        hash(self.algorithm, text)
    }
}

/// The lower-case hex of a hash.
pub fn hash(algorithm: Algorithm, text: &str) -> String {
    match algorithm {
        Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
        Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// A parameter of a challenge, without its quotes; commas inside quotes do not part.
fn field(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    while !rest.is_empty() {
        let (key, tail) = rest.split_once('=')?;
        let (value, next) = match tail.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.trim_start().trim_start_matches(','))
            }
            None => tail.split_once(',').unwrap_or((tail, "")),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = next;
    }
    None
}
