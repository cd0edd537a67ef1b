//! How we show ourselves to a phone: the headers of the requests that a leg writes.
//!
//! Implements: RFC 3892 §3 (Referred-By).

use bytes::Bytes;

use crate::base::{Key, Uid};
use crate::config::Settings;
use crate::dialog::{Escaped, Face};
use crate::effect::{Flow, Transport};
use crate::sip::{Method, Name, Writer};

use super::session_timer::write_wish;
use super::words::{ALLOW, Passage, supported};

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
    /// How many branches it may become (RFC 5393 §5).
    pub breadth: u16,
    /// The way that it has come, if it did not come straight (RFC 7044).
    pub history: Option<&'a Bytes>,
    /// Who has sent the one who calls there (RFC 3892).
    pub referred: Option<&'a Uid>,
    /// Whether the one who calls can answer an offer in a provisional response (RFC 3262); asked of him
    /// only where he makes none himself.
    pub reliable: bool,
    /// What passes.
    pub passage: &'a Passage,
}

impl Dial<'_> {
    /// Writes the headers of the INVITE that are not the dialog's.
    pub(super) fn write(&self, settings: &Settings, with_peer: bool, writer: &mut Writer) {
        contact(settings, self.flow, &self.from.user, writer);
        writer.header(Name::Allow, ALLOW);
        let reliable = self.reliable || self.passage.has_body();
        writer.header(Name::Supported, supported(with_peer, reliable));
        write_wish(&settings.limits, 0, writer);
        writer.number(Name::MaxBreadth, u64::from(self.breadth));
        if let Some(history) = self.history {
            writer.header(Name::HistoryInfo, history);
        }
        if let Some(uid) = self.referred {
            writer.text(Name::ReferredBy, format_args!("<sip:{}@{}>", Escaped(uid.user()), uid.cluster()));
        }
        self.passage.write(writer);
    }
}

/// Writes our Contact on a flow: an address of ours, under the name of whom the phone talks to.
pub(super) fn contact(settings: &Settings, flow: Flow, user: &str, writer: &mut Writer) {
    let host = settings.advertised(flow.listener, flow.remote);
    let user = Escaped(user);
    match settings.transport(flow) {
        Transport::Udp => writer.text(Name::Contact, format_args!("<sip:{user}@{host}>")),
        streams @ (Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss) => {
            writer.text(Name::Contact, format_args!("<sip:{user}@{host};transport={}>", streams.as_param()))
        }
    };
}

/// What requests inside a dialog say of us beyond the dialog.
pub(super) fn capabilities(
    settings: &Settings,
    (flow, with_peer): (Flow, bool),
    user: &str,
    method: Method,
    writer: &mut Writer,
) {
    if refreshes_session(method) {
        contact(settings, flow, user, writer);
        writer.header(Name::Allow, ALLOW);
        // A re-INVITE rings nobody.
        writer.header(Name::Supported, supported(with_peer, false));
    }
}

/// Whether a request of this method says anew where its sender is and for how long (RFC 3261 §12.2,
/// RFC 4028 §3).
pub(super) fn refreshes_session(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Update)
}
