//! How a user is shown in From and To: a name and an address, never a device.
//!
//! Implements: RFC 3261 §8.1.1.2, §8.1.1.3, §25.1; RFC 3323 §4.1.

use std::fmt;

use bytes::Bytes;

use crate::base::Token;

/// Another user as a phone sees him: a name and an address, never a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The display name, if he has given one.
    pub name: Option<String>,
    /// The user part of his address.
    pub user: String,
    /// The domain of his address.
    pub host: String,
}

impl Face {
    /// Somebody who does not say who he is (RFC 3323 §4.1).
    pub fn anonymous() -> Self {
        Self {
            name: Some("Anonymous".to_owned()),
            user: "anonymous".to_owned(),
            host: "anonymous.invalid".to_owned(),
        }
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
            for c in name.chars().filter(|c| !c.is_control()) {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\" ")?;
        }
        f.write_str("<sip:")?;
        escape_user(f, &self.user)?;
        write!(f, "@{}>", self.host)
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
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}
