//! How a user is shown in From and To: a name and an address, never a device.
//!
//! Implements: RFC 3261 §8.1.1.2, §8.1.1.3, §25.1; RFC 3323 §4.1; RFC 5630 §3.3.

use std::fmt;

use bytes::Bytes;

use crate::base::{Token, Uid};

/// Another user as a phone sees him: a name and an address, never a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The display name, if he has given one.
    pub name: Option<String>,
    /// The user part of his address.
    pub user: String,
    /// The domain of his address.
    pub host: String,
    /// Whether his address is a `sips:` URI: he has called, or is called, over TLS all the way.
    pub sips: bool,
}

impl Face {
    /// A user by his address alone.
    pub fn of(uid: &Uid) -> Self {
        Self { name: None, user: uid.user().to_owned(), host: uid.cluster().to_owned(), sips: false }
    }

    /// Somebody who does not say who he is (RFC 3323 §4.1).
    pub fn anonymous() -> Self {
        Self {
            name: Some("Anonymous".to_owned()),
            user: "anonymous".to_owned(),
            host: "anonymous.invalid".to_owned(),
            sips: false,
        }
    }

    /// The same by an address that asks for TLS all the way, or by one that does not (RFC 5630 §3.3).
    #[must_use]
    pub fn secured(self, sips: bool) -> Self {
        Self { sips, ..self }
    }

    /// His address alone.
    pub fn uri(&self) -> String {
        self.address().to_string()
    }

    fn address(&self) -> impl fmt::Display {
        let scheme = if self.sips { "sips" } else { "sip" };
        fmt::from_fn(move |f| write!(f, "{scheme}:{}@{}", Escaped(&self.user), self.host))
    }

    /// As the value of a From or To header.
    pub fn header(&self, tag: Option<&Token>) -> Bytes {
        let tag = tag.map_or("", |tag| std::str::from_utf8(tag.as_bytes()).unwrap_or_default());
        let parameter = if tag.is_empty() { "" } else { ";tag=" };
        format!("{self}{parameter}{tag}").into()
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            f.write_str("\"")?;
            let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
            write_escaped(
                f,
                name,
                is_plain,
                |f, c| if c.is_control() { Ok(()) } else { write!(f, "\\{c}") },
            )?;
            f.write_str("\" ")?;
        }
        write!(f, "<{}>", self.address())
    }
}

/// A user part as it is written in a URI.
#[derive(Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_user(f, self.0)
    }
}

/// The user part with what RFC 3261 §25.1 does not allow in it percent-escaped.
fn escape_user(f: &mut fmt::Formatter<'_>, user: &str) -> fmt::Result {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '_' | '.' | '!' | '~' | '*' | '\'' | '(' | ')')
            || matches!(c, '&' | '=' | '+' | '$' | ',' | ';' | '?' | '/')
    };
    write_escaped(f, user, is_plain, |f, c| {
        c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
    })
}

/// Writes a text of which only some characters are written otherwise than they are.
fn write_escaped(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    is_plain: impl Fn(char) -> bool,
    escape: impl Fn(&mut fmt::Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_plain(*c)) {
        let (plain, other) = rest.split_at(at);
        f.write_str(plain)?;
        escape(f, c)?;
        rest = other.get(c.len_utf8()..).unwrap_or_default();
    }
    f.write_str(rest)
}
