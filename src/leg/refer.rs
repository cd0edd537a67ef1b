//! REFER: a phone asks that the other side of its call be connected with somebody else, and is told how
//! that goes.
//!
//! The leg answers for itself: 202, and a NOTIFY for each step, as the subscription that REFER makes has
//! it; with `Refer-Sub: false` none. What is done about it is the call's affair. One at a time.
//!
//! Implements: RFC 3515 §2.4, §3, §4; RFC 4488 (Refer-Sub); RFC 3420; RFC 6665 §4.1.2, §4.2.1.

use bytes::Bytes;

use crate::base::Key;
use crate::sip::{Message, Method, Name, NameAddr, Privacy, Scheme, Uri, Writer, reason_phrase};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::inside::{answer_alone, request_inside};
use super::invite_out::contact;
use super::legs::{Turn, Wire};
use super::replaces::Replaces;
use super::words::{LegWord, Passage, supported};

/// What a phone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Whom the other side is to be connected with: a URI.
    pub to: Bytes,
    /// The call of the phone's that is to be taken for that, if it has one already.
    pub replaces: Option<Replaces>,
    /// Whether that one is not to know who has sent him.
    pub hidden: bool,
}

/// Seconds that a phone is told of its REFER without asking again: no call rings longer.
const FOLLOWED_S: u32 = 180;

/// How it stands with the subscription that a REFER makes.
#[derive(Debug, Clone, Copy)]
enum State {
    /// The phone is told, for so many seconds.
    Follows(u32),
    /// The phone wants to hear no more.
    Left,
    /// There is no more.
    Over,
}

/// The REFER of a leg.
#[derive(Debug, Default)]
pub(super) struct Refer {
    /// The CSeq of the one that is open, and whether its phone wants to hear of it.
    open: Option<(u32, bool)>,
    /// How many there were.
    count: u32,
    /// How far it is: the latest status.
    status: u16,
}

impl Confirmed {
    /// The phone sends the other side elsewhere.
    pub(super) fn on_refer(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked) -> Turn {
        let request = &asked.request;
        let status = match referral(request) {
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
        asked.refuse(wire.ctx, wire.transactions, status, self.dialog.local_tag());
        Turn::Stay
    }

    fn accept_refer(&self, wire: &mut Wire<'_, '_>, asked: &Asked, quiet: bool) {
        let mut writer = asked.answer(202, self.dialog.local_tag());
        contact(wire.ctx.settings, asked.flow, &self.guise, &mut writer);
        writer.header(Name::Supported, supported(self.guise.abroad, false));
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

    /// The phone asks for more, or for no more, of what becomes of its REFER: of the subscription that a
    /// dialog has besides (RFC 6665 §4.1.2). There is no other.
    pub(super) fn on_subscribe(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked) -> Turn {
        let request = &asked.request;
        let Some(event) = request.item(Name::Event).filter(|event| event.is("refer")) else {
            answer_alone(wire, asked, self.dialog.local_tag());
            return Turn::Stay;
        };
        let is_meant = |cseq: u32| match event.param("id") {
            Some(id) => id == cseq.to_string().as_bytes(),
            None => self.refer.count == 1,
        };
        let Some((cseq, false)) = self.refer.open.filter(|(cseq, _)| is_meant(*cseq)) else {
            asked.refuse(wire.ctx, wire.transactions, 481, self.dialog.local_tag());
            return Turn::Stay;
        };
        let seconds = request.expires().unwrap_or(FOLLOWED_S).min(FOLLOWED_S);
        let mut writer = asked.answer(200, self.dialog.local_tag());
        contact(wire.ctx.settings, asked.flow, &self.guise, &mut writer);
        writer.number(Name::Expires, u64::from(seconds));
        wire.transactions.respond(wire.ctx, asked.key, 200, writer.finish(b""));
        let state = if seconds == 0 { State::Left } else { State::Follows(seconds) };
        self.notify_as(wire, key, state);
        if seconds == 0 {
            self.refer.open = Some((cseq, true));
        }
        Turn::Stay
    }

    fn notify(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16, over: bool) {
        self.refer.status = status;
        self.notify_as(wire, key, if over { State::Over } else { State::Follows(FOLLOWED_S) });
    }

    fn notify_as(&mut self, wire: &mut Wire<'_, '_>, key: Key, state: State) {
        let Some((cseq, false)) = self.refer.open.filter(|_| !self.ended) else { return };
        let status = self.refer.status;
        let (count, flow, settings) = (self.refer.count, self.dialog.flow(), wire.ctx.settings);
        let guise = &self.guise.within(settings, &self.dialog);
        let more = |writer: &mut Writer| {
            contact(settings, flow, guise, writer);
            // The first of a dialog needs no name of its own (RFC 3515 §2.4.6).
            match count {
                0 | 1 => writer.header(Name::Event, b"refer"),
                _ => writer.text(Name::Event, format_args!("refer;id={cseq}")),
            };
            match state {
                State::Follows(seconds) => {
                    writer.text(Name::SubscriptionState, format_args!("active;expires={seconds}"))
                }
                State::Left => writer.header(Name::SubscriptionState, b"terminated;reason=timeout"),
                State::Over => writer.header(Name::SubscriptionState, b"terminated;reason=noresource"),
            };
        };
        let fragment = Passage::fragment(&format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)));
        let notify = (Method::Notify, Method::Notify.as_str());
        request_inside(wire, Owner::Leg(key), &mut self.dialog, notify, &more, &fragment);
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
        Some(value) => Some(Replaces::parse(&value).ok_or(400_u16)?),
        None => None,
    };
    // What it calls itself does not count: it is known who it is.
    let referrer = request.address(Name::ReferredBy).and_then(|address| Uri::parse(address.uri).ok());
    let hidden = Privacy::of(request).sender || referrer.is_some_and(|uri| uri.is_anonymous());
    Ok(Referral { to, replaces, hidden })
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
