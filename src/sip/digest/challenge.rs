//! Challenges, which we write, and for a client the answers to them.
//!
//! Both are written by `Display`, into a header: `writer.text(name, format_args!("{challenge}"))`.
//! Two algorithms are offered as two headers, the stronger first.
//!
//! Implements: RFC 7616 §3.3, §3.4; RFC 8760 §2.4; RFC 3261 §22.1 to §22.3.

use std::fmt;

use super::hash::{Algorithm, Hex, Proof, response};
use super::pairs::{is_quotable, offers_auth, pairs};

/// A challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Challenge<'a> {
    /// Whose passwords are asked for.
    pub realm: &'a str,
    /// What makes the answer good once.
    pub nonce: &'a str,
    /// The hash to use.
    pub algorithm: Algorithm,
    /// Whether only the nonce of the last answer was too old.
    pub stale: bool,
    /// What is to be returned; empty for none.
    pub opaque: &'a str,
}

impl<'a> Challenge<'a> {
    /// Reads the value of one WWW-Authenticate or Proxy-Authenticate line, if we can answer it:
    /// Digest, `qop=auth`, and an algorithm that we know.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (mut realm, mut nonce, mut opaque) = (None, None, "");
        let (mut algorithm, mut stale, mut auth) = (Some(Algorithm::Md5), false, false);
        for pair in pairs(value)? {
            let (name, value) = pair?;
            let text = std::str::from_utf8(value).ok()?;
            match name.to_ascii_lowercase().as_slice() {
                b"realm" => realm = Some(text),
                b"nonce" => nonce = Some(text),
                b"opaque" => opaque = text,
                b"algorithm" => algorithm = Algorithm::of(value),
                b"stale" => stale = value.eq_ignore_ascii_case(b"true"),
                b"qop" => auth = offers_auth(value),
                _ => {}
            }
        }
        let (realm, nonce, algorithm) = (realm?, nonce?, algorithm?);
        auth.then_some(Self { realm, nonce, algorithm, stale, opaque })
    }

    /// Answers it, as a client does.
    pub fn answer(
        &self,
        (user, ha1): (&'a str, &Hex),
        (method, uri): (&str, &'a str),
        (cnonce, nc): (&'a str, u32),
    ) -> Answer<'a> {
        let count = format!("{nc:08x}");
        let proof = Proof {
            nonce: self.nonce.as_bytes(),
            nc: count.as_bytes(),
            cnonce: cnonce.as_bytes(),
            method: method.as_bytes(),
            uri: uri.as_bytes(),
        };
        let response = response(self.algorithm, ha1, &proof);
        Answer { challenge: *self, user, uri, cnonce, nc, response }
    }
}

/// The answer of a client to a challenge.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    challenge: Challenge<'a>,
    user: &'a str,
    uri: &'a str,
    cnonce: &'a str,
    nc: u32,
    response: Hex,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, nonce, algorithm, stale, opaque } = *self;
        debug_assert!(is_quotable(realm) && is_quotable(nonce) && is_quotable(opaque));
        write!(
            f,
            "Digest realm=\"{realm}\",nonce=\"{nonce}\",algorithm={},qop=\"auth\"",
            algorithm.as_str()
        )?;
        if stale {
            f.write_str(",stale=true")?;
        }
        if !opaque.is_empty() {
            write!(f, ",opaque=\"{opaque}\"")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { challenge, user, uri, cnonce, nc, response } = self;
        let Challenge { realm, nonce, algorithm, opaque, .. } = challenge;
        write!(f, "Digest username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\"")?;
        write!(f, ",response=\"{}\",algorithm={}", response.as_str(), algorithm.as_str())?;
        write!(f, ",qop=auth,cnonce=\"{cnonce}\",nc={nc:08x}")?;
        if !opaque.is_empty() {
            write!(f, ",opaque=\"{opaque}\"")?;
        }
        Ok(())
    }
}
