//! The vocabulary of a call: what a call says to a leg, and a leg to its call.
//!
//! Both directions use the same words, because that is what a call mostly does: it hears a word from
//! one leg and says it to the other. What may pass with a word is a [`Passage`].
//!
//! Implements: RFC 3323 §5.3 (what passes of one who hides); RFC 5621 §8.2 (a body that is no session).

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::refer::Referral;
use crate::base::Key;
use crate::routing::{Content, Header, Mode};
use crate::sip::{
    Item, Message, Method, Name, Part, Preferences, Privacy, Reason, Sdp, Writer, reason_phrase,
};

/// The methods that a phone may send us (RFC 3261 §20.5).
pub const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, REGISTER, UPDATE, PRACK, REFER";

/// The extensions that a phone may require of us in a call, and those that it may use towards us.
pub const SUPPORTED: &[u8] = b"timer, 100rel, norefersub, replaces";

/// Those that we tell of in a call, with another cluster or not: that does not replace dialogs with us. Not
/// `reliable`: where we would not know what to do with a reliable provisional response.
pub(super) fn supported(with_peer: bool, reliable: bool) -> &'static [u8] {
    match (with_peer, reliable) {
        (false, true) => SUPPORTED,
        (false, false) => b"timer, norefersub, replaces",
        (true, true) => b"timer, 100rel, norefersub",
        (true, false) => b"timer, norefersub",
    }
}

/// The Reason of a phone that need not ring any more because another has been answered (RFC 3326):
/// it does not show a missed call.
pub const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// A word between a call and one of its legs.
#[derive(Debug, Clone)]
pub enum LegWord {
    /// It rings, or is being forwarded, or has early media: any 1xx but 100.
    Progress {
        /// The status, 101 to 199.
        status: u16,
        /// Which early dialog towards the caller: branches with media of their own have their own.
        early: u8,
        /// Whether it came reliably, so that its phone waits for its PRACK (RFC 3262).
        reliable: bool,
        /// What passes.
        passage: Passage,
    },
    /// The PRACK of a provisional response that made the offer: it has the answer.
    Settle {
        /// In which early dialog.
        early: u8,
        /// What passes.
        passage: Passage,
    },
    /// A 2xx to the INVITE.
    Answer {
        /// The early dialog that it completes.
        early: u8,
        /// What passes.
        passage: Passage,
    },
    /// The ACK of a 2xx; it has a body if the 2xx made the offer.
    Acknowledge(Passage),
    /// A final response that is no 2xx.
    Reject(Refusal),
    /// The caller gives up before an answer.
    Cancel(Passage),
    /// The call is over.
    HangUp(Passage),
    /// A new offer inside the call: hold, resume, another codec; or, by UPDATE, before it is answered.
    Renegotiate {
        /// In which early dialog, before it is answered.
        early: u8,
        /// Whether it came by UPDATE, which is answered at once and has no ACK; else by re-INVITE.
        update: bool,
        /// What passes.
        passage: Passage,
    },
    /// The offer is taken back (CANCEL of a re-INVITE). It is answered all the same: 487, if it was
    /// not too late.
    Withdraw(Passage),
    /// The final response to it; the ACK of a re-INVITE's is an [`LegWord::Acknowledge`].
    Renegotiated {
        /// In which early dialog, before the call is answered.
        early: u8,
        /// 200 to 699.
        status: u16,
        /// What passes.
        passage: Passage,
    },
    /// Another request inside the call that only passes through.
    Request {
        /// Given back in the reply.
        id: Key,
        /// INFO, MESSAGE, or one that we do not know.
        method: Method,
        /// Its name.
        name: Bytes,
        /// What passes.
        passage: Passage,
    },
    /// The final response to it.
    Reply {
        /// Of which request.
        id: Key,
        /// 200 to 699.
        status: u16,
        /// What passes.
        passage: Passage,
    },
    /// The phone asks that the other side be connected with somebody else (REFER).
    Refer(Box<Referral>),
    /// How far that is.
    Referred {
        /// What the one who is asked for has said, 100 to 699.
        status: u16,
        /// Whether nothing more will come of it.
        over: bool,
    },
}

impl LegWord {
    /// The same in another early dialog.
    #[must_use]
    pub fn in_dialog(mut self, number: u8) -> Self {
        if let Self::Progress { early, .. }
        | Self::Settle { early, .. }
        | Self::Answer { early, .. }
        | Self::Renegotiate { early, .. }
        | Self::Renegotiated { early, .. } = &mut self
        {
            *early = number;
        }
        self
    }
}

/// A final response that is no 2xx.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// 300 to 699.
    pub status: u16,
    /// Where else the phone says he is (3xx).
    pub contacts: SmallVec<[Bytes; 1]>,
    /// `Retry-After`, which 404, 480, 486, 500, 503, 600 and 603 may carry.
    pub retry_after: Option<Bytes>,
    /// How many halves of the call were asked until it came.
    pub spent: u16,
    /// What passes.
    pub passage: Passage,
    /// Whether it speaks of a whole cluster and not of one phone: then the one who asks may hear that
    /// it is not there.
    pub cluster: bool,
    /// Whether the phone itself has said nothing: it was not reached, or a proxy has lost it (430).
    pub no_flow: bool,
}

/// What passes from leg to leg: a body, and the few headers that say something about it or about
/// the call, never one that says something about a phone or its network.
#[derive(Debug, Clone, Default)]
pub struct Passage {
    headers: SmallVec<[(Name, Bytes); 3]>,
    body: Bytes,
}

impl Passage {
    /// Takes from a message what may pass.
    pub fn of(message: &Message) -> Self {
        let mut headers = SmallVec::new();
        let is_private = message.has(Name::Privacy) && Privacy::of(message).details;
        let (body, kind) = passing_body(message, is_private);
        for (name, _, value) in message.every_line() {
            if let (Name::ContentType, Some(kind)) = (name, &kind) {
                headers.push((name, kind.clone()));
                continue;
            }
            if name == Name::Reason || (is_private && tells_of_sender(name)) {
                continue;
            }
            let passes = if describes_body(name) { !body.is_empty() } else { describes_call(name) };
            if passes {
                headers.push((name, message.raw().slice_ref(value)));
            }
        }
        headers.extend(message.reasons().filter_map(|reason| Some((Name::Reason, in_our_words(&reason)?))));
        Self { headers, body }
    }

    /// The first line of a message, as a NOTIFY tells it (RFC 3420).
    pub fn fragment(line: &str) -> Self {
        let mut headers = SmallVec::new();
        headers.push((Name::ContentType, Bytes::from_static(b"message/sipfrag;version=2.0")));
        Self { headers, body: line.to_owned().into() }
    }

    /// Nothing but the INFO packages that a phone takes (RFC 6086).
    pub fn with_packages(packages: Bytes) -> Self {
        let mut headers = SmallVec::new();
        headers.push((Name::RecvInfo, packages));
        Self { headers, body: Bytes::new() }
    }

    /// Nothing but a Reason (RFC 3326).
    pub fn reason(text: &'static str) -> Self {
        let mut headers = SmallVec::new();
        headers.push((Name::Reason, Bytes::from_static(text.as_bytes())));
        Self { headers, body: Bytes::new() }
    }

    /// The answer to an offer that nobody wants any more; nothing, if there was no offer.
    pub fn refusing(offer: &[u8]) -> Self {
        let Some(sdp) = Sdp::parse(offer) else { return Self::default() };
        Self::describing(sdp.refusal())
    }

    /// The answer to an offer by which nothing flows yet; nothing, if there was no offer.
    pub fn held(offer: &[u8]) -> Self {
        let Some(sdp) = Sdp::parse(offer) else { return Self::default() };
        Self::describing(sdp.held())
    }

    fn describing(session: Vec<u8>) -> Self {
        let mut headers = SmallVec::new();
        headers.push((Name::ContentType, Bytes::from_static(b"application/sdp")));
        Self { headers, body: session.into() }
    }

    /// A Reason with a text of somebody's own (RFC 3326).
    pub fn reason_text(cause: u16, text: &str) -> Self {
        let quoted: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
        let value = format!("SIP;cause={cause};text=\"{quoted}\"");
        let mut headers = SmallVec::new();
        headers.push((Name::Reason, value.into()));
        Self { headers, body: Bytes::new() }
    }

    /// Whether there is a body: for an INVITE, an offer.
    pub fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// The body, as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The session description in the body.
    pub fn session(&self) -> Option<Bytes> {
        let item = |name| self.header(name).map(Item::parse);
        let encoding = self.header(Name::ContentEncoding).unwrap_or_default();
        let part = Part::new(item(Name::ContentType), item(Name::ContentDisposition), &self.body);
        let part = part.encoded(encoding);
        part.session().map(|session| self.body.slice_ref(session))
    }

    /// What the caller would have of the phone that he reaches (RFC 3841).
    pub fn preferences(&self, method: Method) -> Preferences {
        let all =
            |name| self.headers.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value.as_ref());
        let (accept, reject) = (all(Name::AcceptContact), all(Name::RejectContact));
        Preferences::new(accept, reject, all(Name::RequestDisposition), method.as_str())
    }

    /// The value of a header that passes.
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_ref())
    }

    /// Whether it says that somebody else has taken the call.
    pub fn is_elsewhere(&self) -> bool {
        self.header(Name::Reason).is_some_and(|reason| memchr::memmem::find(reason, b"cause=200").is_some())
    }

    /// What trees may look at; `None` if there is nothing. The body of a call is an offer, and says
    /// nothing to a tree.
    pub fn content(&self, mode: Mode) -> Option<Arc<Content>> {
        let headers = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((Header::named(name.as_str())?, value.clone())));
        let body = if matches!(mode, Mode::Page | Mode::File) { self.body.clone() } else { Bytes::new() };
        let size = body.len();
        let is_text = self.header(Name::ContentEncoding).is_none()
            && self.header(Name::ContentType).is_some_and(|kind| {
                kind.trim_ascii_start().get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"text/"))
            });
        let mut headers = headers.peekable();
        if size == 0 && headers.peek().is_none() {
            return None;
        }
        Some(Arc::new(Content::new(headers, if is_text { body } else { Bytes::new() }, size)))
    }

    /// With the body of another, and what describes it.
    #[must_use]
    pub fn with_body_of(mut self, other: &Self) -> Self {
        self.headers.retain(|(name, _)| describes_call(*name));
        self.headers.extend(other.headers.iter().filter(|(name, _)| describes_body(*name)).cloned());
        self.body = other.body.clone();
        self
    }

    /// Without its body: for a response that must have none.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.headers.retain(|(name, _)| describes_call(*name));
        self.body = Bytes::new();
        self
    }

    /// The headers as lines that end in CRLF, to be kept. What is no UTF-8 (which RFC 3261 §25.1 does
    /// not allow) is replaced.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value).replace(['\r', '\n'], " ");
            lines.push_str(name.as_str());
            lines.push_str(": ");
            lines.push_str(&value);
            lines.push_str("\r\n");
        }
        lines
    }

    /// What was kept: [`Passage::lines`] and a body.
    pub fn kept(lines: &str, body: Bytes) -> Self {
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            let name = Name::of(name.as_bytes());
            let passes = describes_body(name) || describes_call(name);
            passes.then(|| (name, Bytes::copy_from_slice(value.as_bytes())))
        };
        Self { headers: lines.split("\r\n").filter_map(header).collect(), body }
    }

    /// Writes the headers.
    pub fn write(&self, writer: &mut Writer) {
        for (name, value) in &self.headers {
            writer.header(*name, value);
        }
    }
}

impl Refusal {
    /// A refusal of our own.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// He can be reached, but not as he is asked for: over TLS all the way (RFC 5630 §5.3, §6.1). `host`
    /// is who says so.
    pub fn sips_not_allowed(host: &str) -> Self {
        let mut passage = Passage::default();
        passage.headers.push((Name::Warning, sips_warning(host).into()));
        Self { passage, ..Self::status(480) }
    }

    /// A cluster that is not there, or does not answer.
    pub fn no_cluster(status: u16, retry_after: Option<String>) -> Self {
        let retry_after = retry_after.map(Bytes::from);
        Self { status, retry_after, cluster: true, ..Self::default() }
    }

    /// Takes from a response what may pass.
    pub fn of(response: &Message) -> Self {
        let status = response.status();
        let contacts = if status < 400 {
            response.values(Name::Contact).map(Bytes::copy_from_slice).collect()
        } else {
            SmallVec::new()
        };
        // The seconds and nothing else: a comment speaks of the phone.
        let seconds = response.item(Name::RetryAfter).and_then(|item| {
            let digits = item.value.iter().take_while(|byte| byte.is_ascii_digit()).count();
            std::str::from_utf8(item.value.get(..digits)?).ok()?.parse::<u32>().ok()
        });
        let retry_after = seconds.map(|seconds| seconds.to_string().into());
        let mut passage = Passage::of(response).without_body();
        if wants_no_sips(response) {
            // In our own words, and without the name of who has said so.
            passage.headers.push((Name::Warning, sips_warning(OURSELVES).into()));
        }
        Self { status, contacts, retry_after, spent: 0, passage, cluster: false, no_flow: status == 430 }
    }
}

/// The value of a Warning that somebody is reached, but not over TLS all the way (RFC 5630 §11.2).
pub fn sips_warning(host: &str) -> String {
    format!("380 {host} \"SIPS Not Allowed\"")
}

/// Whether a refusal says that.
pub fn wants_no_sips(response: &Message) -> bool {
    response.status() == 480 && response.values(Name::Warning).any(|value| value.starts_with(b"380 "))
}

/// Who warns, where the host is nobody's business (RFC 3261 §20.43: a pseudonym).
const OURSELVES: &str = "ratatosk";

/// Writes the header that a status has to come with: ours, since the phone's spoke of the phone.
pub fn write_required(status: u16, writer: &mut Writer) {
    match status {
        405 => writer.header(Name::Allow, ALLOW),
        415 => writer.header(Name::Accept, b"application/sdp"),
        _ => writer,
    };
}

/// A Reason without its text, which is the phone's own and may say anything of it: protocol and cause
/// tell the other side what it needs.
fn in_our_words(reason: &Reason<'_>) -> Option<Bytes> {
    let cause = reason.cause?;
    if reason.protocol.eq_ignore_ascii_case(b"Q.850") {
        return Some(format!("Q.850;cause={cause}").into());
    }
    if !reason.protocol.eq_ignore_ascii_case(b"SIP") {
        return None;
    }
    match cause {
        200 => Some(Bytes::from_static(ELSEWHERE.as_bytes())),
        _ => Some(format!("SIP;cause={cause};text=\"{}\"", reason_phrase(cause)).into()),
    }
}

/// The body, as far as it may pass, and its type if that is written anew. Of what makes a call only a session
/// does, without what it says of its author, and what comes with it, unless he is not to be known; whatever else
/// comes there in its place is no offer, and nothing that a call could wait for.
fn passing_body(message: &Message, is_private: bool) -> (Bytes, Option<Bytes>) {
    let body = message.body();
    let describes = matches!(message.method(), Method::Invite | Method::Ack | Method::Prack | Method::Update);
    if body.is_empty() || !describes {
        return (body, None);
    }
    let part = message.part(&body);
    if part.session().is_none() {
        return (Bytes::new(), None);
    }
    let kind = part.kind_passing();
    (
        part.passing(is_private).map_or_else(|| body.clone(), Bytes::from),
        Some(kind.into()).filter(|kind: &Bytes| !kind.is_empty()),
    )
}

/// What one who does not want to be known does not say of himself, besides his name (RFC 3323 §5.3).
fn tells_of_sender(name: Name) -> bool {
    matches!(name, Name::Subject | Name::UserToUser)
}

/// Headers that pass with a body.
fn describes_body(name: Name) -> bool {
    matches!(
        name,
        Name::ContentType
            | Name::ContentDisposition
            | Name::ContentEncoding
            | Name::ContentLanguage
            | Name::MimeVersion
    )
}

/// Headers that pass with or without one.
fn describes_call(name: Name) -> bool {
    matches!(
        name,
        Name::Subject
            | Name::Priority
            | Name::AcceptLanguage
            | Name::Reason
            | Name::UserToUser
            | Name::SessionId
            | Name::InfoPackage
            | Name::RecvInfo
            | Name::AcceptContact
            | Name::RejectContact
            | Name::RequestDisposition
    )
}
