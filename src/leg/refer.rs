//! REFER: a phone asks that the other side of its call be connected with somebody else, and is told how
//! that goes.
//!
//! The leg answers for itself: 202, and a NOTIFY for each step, as the subscription that REFER makes has
//! it; with `Refer-Sub: false` none. What is done about it is the call's affair. One at a time.
//!
//! Implements: RFC 3515 §2.4, §3, §4; RFC 4488 (Refer-Sub); RFC 3891 §3 (Replaces in Refer-To); RFC 3420.

use bytes::Bytes;

use crate::base::Key;
use crate::sip::{Message, Method, Name, NameAddr, Scheme, Uri, Writer, reason_phrase};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::inside::request_inside;
use super::invite_out::contact;
use super::legs::{Turn, Wire};
use super::words::{ALLOW, LegWord, Passage, SUPPORTED_PLAINLY};

/// What a phone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Whom the other side is to be connected with: a URI.
    pub to: Bytes,
    /// The call of the phone's that is to be taken for that, if it has one already.
    pub replaces: Option<Replaces>,
}

/// A dialog, as the one who is to replace it names it (RFC 3891 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Bytes,
    /// The tag of whoever is asked.
    pub to_tag: Bytes,
    /// The tag of the other.
    pub from_tag: Bytes,
}

/// The REFER of a leg.
#[derive(Debug, Default)]
pub(super) struct Refer {
    /// The CSeq of the one that is open, and whether its phone wants to hear of it.
    open: Option<(u32, bool)>,
    /// How many there were.
    count: u32,
}

impl Confirmed {
    /// The phone sends the other side elsewhere.
    pub(super) fn on_refer(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked) -> Turn {
        let request = &asked.request;
        let status = match referral(request) {
            // Another cluster's phones are its own affair.
            _ if self.dialog.peer().is_some() => 405,
            _ if self.refer.open.is_some() => 491,
            Ok(referral) => {
                let quiet = request.item(Name::ReferSub).is_some_and(|item| item.is("false"));
                self.accept_refer(wire, asked, quiet);
                self.refer.open = Some((request.cseq(), quiet));
                self.refer.count += 1;
                self.notify(wire, key, 100, false);
                return Turn::Tell(LegWord::Refer(Box::new(referral)));
            }
            Err(status) => status,
        };
        let mut writer = asked.answer(status, self.dialog.local_tag());
        if status == 405 {
            writer.header(Name::Allow, ALLOW);
        }
        wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(b""));
        Turn::Stay
    }

    fn accept_refer(&self, wire: &mut Wire<'_, '_>, asked: &Asked, quiet: bool) {
        let mut writer = asked.answer(202, self.dialog.local_tag());
        contact(wire.ctx.settings, asked.flow, &self.guise, &mut writer);
        writer.header(Name::Supported, SUPPORTED_PLAINLY);
        if quiet {
            writer.header(Name::ReferSub, b"false");
        }
        wire.transactions.respond(wire.ctx, asked.key, 202, writer.finish(b""));
    }

    /// The call tells how far it is with what the phone has asked for.
    pub(super) fn referred(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16, over: bool) {
        self.notify(wire, key, status, over);
        if over {
            self.refer.open = None;
        }
    }

    fn notify(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16, over: bool) {
        let Some((cseq, false)) = self.refer.open.filter(|_| !self.ended) else { return };
        let (count, guise, flow, settings) =
            (self.refer.count, &self.guise, self.dialog.flow(), wire.ctx.settings);
        let more = |writer: &mut Writer| {
            contact(settings, flow, guise, writer);
            // The first of a dialog needs no name of its own (RFC 3515 §2.4.6).
            match count {
                0 | 1 => writer.header(Name::Event, b"refer"),
                _ => writer.text(Name::Event, format_args!("refer;id={cseq}")),
            };
            let state = if over { "terminated;reason=noresource" } else { "active;expires=180" };
            writer.header(Name::SubscriptionState, state.as_bytes());
        };
        let fragment = Passage::fragment(&format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)));
        request_inside(wire, Owner::Leg(key), &mut self.dialog, Method::Notify, &more, &fragment);
    }
}

/// What a REFER asks for, or the status that it deserves.
fn referral(request: &Message) -> Result<Referral, u16> {
    let mut lines = request.lines(Name::ReferTo);
    let (Some(line), None) = (lines.next(), lines.next()) else { return Err(400) };
    let address = NameAddr::parse(line).ok_or(400_u16)?;
    let uri = Uri::parse(address.uri).map_err(|_| 400_u16)?;
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return Err(416);
    }
    if uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case(b"INVITE")) {
        return Err(403);
    }
    let end = address.uri.iter().position(|byte| *byte == b'?').unwrap_or(address.uri.len());
    let to = Bytes::copy_from_slice(address.uri.get(..end).unwrap_or_default());
    let replaces = match header_of(uri.headers, "replaces") {
        Some(value) => Some(replaces(&value).ok_or(400_u16)?),
        None => None,
    };
    Ok(Referral { to, replaces })
}

/// A header inside a URI, its escapes undone.
fn header_of(headers: &[u8], name: &str) -> Option<Vec<u8>> {
    headers.split(|byte| *byte == b'&').find_map(|header| {
        let at = header.iter().position(|byte| *byte == b'=')?;
        let (own, value) = header.split_at_checked(at)?;
        own.eq_ignore_ascii_case(name.as_bytes()).then(|| unescaped(value.get(1..).unwrap_or_default()))
    })
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (*first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = tail.get(2..).unwrap_or_default();
            }
            (byte, ..) => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

/// Reads the value of a Replaces header (RFC 3891 §6.1).
fn replaces(value: &[u8]) -> Option<Replaces> {
    let item = crate::sip::Item::parse(value);
    let tag = |name: &str| item.param(name).filter(|tag| !tag.is_empty()).map(Bytes::copy_from_slice);
    let call_id = Bytes::copy_from_slice(item.value);
    (!call_id.is_empty()).then_some(())?;
    Some(Replaces { call_id, to_tag: tag("to-tag")?, from_tag: tag("from-tag")? })
}
