//! How we show ourselves to a phone: the headers of the requests that a leg writes.
//!
//! Implements: RFC 3261 §8.1.1.8, §12.1.1 (the scheme of a Contact); RFC 5630 §5.1.1, §5.1.2;
//! RFC 3892 §3 (Referred-By).

use bytes::Bytes;

use crate::base::{Key, Uid};
use crate::config::Settings;
use crate::dialog::{Dialog, Escaped, Face};
use crate::effect::{Flow, Transport};
use crate::sip::{Method, Name, NameAddr, Writer, is_sips};
use crate::transaction::Asked;

use super::session_timer::write_wish;
use super::words::{ALLOW, Passage, supported};

/// How we show ourselves: as whom the phone believes to talk to, whether over TLS all the way, and whether
/// it is another cluster that sees us.
#[derive(Debug, Clone, Default)]
pub(super) struct Guise {
    pub(super) user: String,
    pub(super) sips: bool,
    pub(super) abroad: bool,
}

impl Guise {
    /// In a request of ours inside a dialog: who is asked by a `sips:` URI is told of one, however the call
    /// began (RFC 3261 §8.1.1.8).
    pub(super) fn within(&self, settings: &Settings, dialog: &Dialog) -> Self {
        let asks = is_sips(dialog.request_uri()) && settings.transport(dialog.flow()).is_secure();
        Self { sips: self.sips || asks, ..self.clone() }
    }

    /// Towards the phone that sent this INVITE (RFC 3261 §12.1.1).
    pub(super) fn towards(settings: &Settings, asked: &Asked, user: String) -> Self {
        let invite = &asked.request;
        let route = invite.values(Name::RecordRoute).next().and_then(NameAddr::parse).map(|route| route.uri);
        let next = route.or_else(|| invite.contact_uri());
        let asks = is_sips(invite.request_uri()) || next.is_some_and(is_sips);
        Self { user, sips: asks && settings.transport(asked.flow).is_secure(), abroad: false }
    }

    /// What each message says of us that makes a session or refreshes it; see [`supported`] for `reliable`.
    pub(super) fn introduce(&self, settings: &Settings, flow: Flow, reliable: bool, writer: &mut Writer) {
        contact(settings, flow, self, writer);
        writer.header(Name::Allow, ALLOW);
        writer.header(Name::Supported, supported(self.abroad, reliable));
    }
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
    pub(super) fn guise(&self, abroad: bool) -> Guise {
        Guise { user: self.from.user.clone(), sips: self.from.sips, abroad }
    }

    /// Writes the headers of the INVITE that are not the dialog's.
    pub(super) fn write(&self, settings: &Settings, guise: &Guise, writer: &mut Writer) {
        guise.introduce(settings, self.flow, self.reliable || self.passage.has_body(), writer);
        write_wish(&settings.limits, 0, writer);
        writer.number(Name::MaxBreadth, u64::from(self.breadth));
        if let Some(history) = self.history {
            writer.header(Name::HistoryInfo, history);
        }
        if let Some(uid) = self.referred {
            writer.text(Name::ReferredBy, format_args!("<sip:{}@{}>", Escaped(uid.user()), uid.cluster()));
        }
        self.passage.write(writer);
        if guise.abroad {
            self.passage.write_wishes(writer);
        }
    }
}

/// Writes our Contact on a flow: an address of ours, under the name of whom the phone talks to.
pub(super) fn contact(settings: &Settings, flow: Flow, guise: &Guise, writer: &mut Writer) {
    let host = settings.advertised(flow.listener, flow.remote);
    let (user, scheme) = (Escaped(&guise.user), if guise.sips { "sips" } else { "sip" });
    match settings.transport(flow) {
        // By `sips:` TLS goes without saying, and is not to be said (RFC 3261 §26.2.2).
        Transport::Tls if guise.sips => writer.text(Name::Contact, format_args!("<sips:{user}@{host}>")),
        Transport::Udp => writer.text(Name::Contact, format_args!("<{scheme}:{user}@{host}>")),
        streams @ (Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss) => {
            let transport = streams.as_param();
            writer.text(Name::Contact, format_args!("<{scheme}:{user}@{host};transport={transport}>"))
        }
    };
}

/// What requests inside a dialog say of us beyond the dialog.
pub(super) fn capabilities(
    settings: &Settings,
    flow: Flow,
    guise: &Guise,
    method: Method,
    writer: &mut Writer,
) {
    if refreshes_session(method) {
        // A re-INVITE rings nobody.
        guise.introduce(settings, flow, false, writer);
    }
}

/// Whether a request of this method says anew where its sender is and for how long (RFC 3261 §12.2,
/// RFC 4028 §3).
pub(super) fn refreshes_session(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Update)
}
