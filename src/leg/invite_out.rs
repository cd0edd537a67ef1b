//! How we show ourselves to a phone: the headers of the requests that a leg writes.

use std::fmt;

use bytes::Bytes;

use crate::base::{Key, Token};
use crate::config::Settings;
use crate::effect::{Flow, Transport};
use crate::sip::{Method, Name, Writer};

use super::words::{ALLOW, Passage};

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

/// What is needed to call a phone.
#[derive(Debug)]
pub struct Dial<'a> {
    /// For which call.
    pub call: Key,
    /// By which flow.
    pub flow: Flow,
    /// The Request-URI: its Contact.
    pub contact: &'a str,
    /// Its Path (RFC 3327), comma-separated, empty if it has none.
    pub path: &'a str,
    /// Who calls.
    pub from: &'a Face,
    /// Who is called.
    pub to: &'a Face,
    /// Max-Forwards, already counted down.
    pub max_forwards: u8,
    /// What passes.
    pub passage: &'a Passage,
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

impl Dial<'_> {
    /// Writes the headers of the INVITE that are not the dialog's.
    pub(super) fn write(&self, settings: &Settings, writer: &mut Writer) {
        contact(settings, self.flow, &self.from.user, writer);
        writer.header(Name::Allow, ALLOW);
        self.passage.write(writer);
    }
}

/// Writes our Contact on a flow: an address of ours, under the name of whom the phone talks to.
pub(super) fn contact(settings: &Settings, flow: Flow, user: &str, writer: &mut Writer) {
    let host = settings.advertised(flow.listener);
    let transport = match flow.transport() {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    };
    writer.text(Name::Contact, format_args!("<sip:{}@{host}{transport}>", Escaped(user)));
}

/// What requests inside a dialog say of us beyond the dialog.
pub(super) fn capabilities(settings: &Settings, flow: Flow, user: &str, method: Method, writer: &mut Writer) {
    if method == Method::Invite {
        contact(settings, flow, user, writer);
        writer.header(Name::Allow, ALLOW);
    }
}

struct Escaped<'a>(&'a str);

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
