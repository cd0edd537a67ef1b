//! A received message: an index over the bytes that came.
//!
//! Nothing is copied and, up to 36 header lines, nothing allocated. A header is read when
//! somebody asks for it. A message with a [`Message::fault`] has been read as far as it could be,
//! so that it can be answered; nobody should act on it.
//!
//! Implements: RFC 3261 §7, §8.1.1, §18.3, §20.

use bytes::Bytes;
use smallvec::SmallVec;

use super::address::{Contact, NameAddr};
use super::chars::{TOKEN, after, between, number, small, take};
use super::fault::{Fault, Unreadable};
use super::item::{Item, RAck, Reason};
use super::list::elements;
use super::method::Method;
use super::multipart::Part;
use super::name::Name;
use super::via::Via;
use crate::base::Limits;

/// Header lines that are indexed without an allocation.
pub(super) const INLINE: usize = 36;

/// A stretch of the header section, which is at most 64 kB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub(super) from: u16,
    pub(super) to: u16,
}

/// One header line; its value may be folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Where the name begins.
    pub(super) at: u16,
    pub(super) value: Span,
    pub(super) name: Name,
}

/// The first line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Request { method: Method, name: Span, uri: Span, version: Span },
    Response { status: u16, reason: Span },
}

/// A received message. Cheap to clone: the bytes are shared.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) raw: Bytes,
    pub(super) start: Start,
    pub(super) lines: SmallVec<[Line; INLINE]>,
    /// Which names occur, as a set of [`Name::bit`]s.
    pub(super) seen: u128,
    pub(super) body: (u32, u32),
    pub(super) cseq: u32,
    pub(super) cseq_method: Method,
    pub(super) from_tag: Span,
    pub(super) to_tag: Span,
    pub(super) fault: Option<Fault>,
}

impl Message {
    /// Reads one message: a datagram, or what [`super::frame`] cut out of a stream. Bytes after
    /// the Content-Length are ignored.
    pub fn parse(raw: Bytes, limits: &Limits) -> Result<Self, Unreadable> {
        let mut message = super::parse::index(raw, limits)?;
        super::check::check(&mut message);
        Ok(message)
    }

    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether this is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method of a request; of a response, the one in its CSeq.
    pub fn method(&self) -> Method {
        match self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.cseq_method,
        }
    }

    /// The name of the method as it came.
    pub fn method_bytes(&self) -> &[u8] {
        match self.start {
            Start::Request { name, .. } => self.text(name),
            Start::Response { .. } => self.header(Name::CSeq).map_or(b"", |value| super::item::word(value).1),
        }
    }

    /// The status of a response, 0 for a request.
    pub fn status(&self) -> u16 {
        match self.start {
            Start::Request { .. } => 0,
            Start::Response { status, .. } => status,
        }
    }

    /// The reason phrase of a response, empty for a request.
    pub fn reason(&self) -> &[u8] {
        match self.start {
            Start::Request { .. } => b"",
            Start::Response { reason, .. } => self.text(reason),
        }
    }

    /// The Request-URI as it came, empty for a response.
    pub fn request_uri(&self) -> &[u8] {
        match self.start {
            Start::Request { uri, .. } => self.text(uri),
            Start::Response { .. } => b"",
        }
    }

    /// The bytes that came.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The body: what Content-Length says, or all to the end if there is none.
    pub fn body(&self) -> Bytes {
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX).min(self.raw.len());
        self.raw.slice(at(self.body.0)..at(self.body.1))
    }

    /// Whether there is such a header.
    pub fn has(&self, name: Name) -> bool {
        self.seen & name.bit() != 0
    }

    /// The value of the first such line, trimmed; folds inside it stand as they came.
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        if !self.has(name) {
            return None;
        }
        self.lines.iter().find(|line| line.name == name).map(|line| self.text(line.value))
    }

    /// The values of all such lines.
    pub fn lines(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().filter(move |line| line.name == name).map(|line| self.text(line.value))
    }

    /// The value of the first line of a header that has no [`Name`], in any case.
    pub fn named(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.every_line();
        lines.find(|(_, text, _)| text.eq_ignore_ascii_case(name.as_bytes())).map(|(.., value)| value)
    }

    /// The comma-separated elements of all such lines, trimmed.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.lines(name).flat_map(elements)
    }

    /// Whether a list of tokens holds this one, in any case.
    pub fn has_token(&self, name: Name, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Every header line in order: what it is, its name as it came, its value.
    pub fn every_line(&self) -> impl Iterator<Item = (Name, &[u8], &[u8])> {
        self.lines.iter().map(|line| {
            let (name, _) = take(after(&self.raw, usize::from(line.at)), TOKEN);
            (line.name, name, self.text(line.value))
        })
    }

    /// The top Via.
    pub fn via(&self) -> Option<Via<'_>> {
        self.vias().next()
    }

    /// All that can be read of the Vias, from the top.
    pub fn vias(&self) -> impl Iterator<Item = Via<'_>> {
        self.values(Name::Via).filter_map(Via::parse)
    }

    /// The From.
    pub fn from(&self) -> Option<NameAddr<'_>> {
        self.address(Name::From)
    }

    /// The To.
    pub fn to(&self) -> Option<NameAddr<'_>> {
        self.address(Name::To)
    }

    /// The first address in a header (Refer-To, P-Asserted-Identity, …). Commas count only where
    /// the header is a list.
    pub fn address(&self, name: Name) -> Option<NameAddr<'_>> {
        if matches!(name, Name::From | Name::To | Name::ReferTo | Name::ReferredBy) {
            NameAddr::parse(self.header(name)?)
        } else {
            self.addresses(name).next()
        }
    }

    /// All addresses in a list of them (Route, Record-Route, Path, …).
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = NameAddr<'_>> {
        self.values(name).filter_map(NameAddr::parse)
    }

    /// The tag of the From, empty when absent.
    pub fn from_tag(&self) -> &[u8] {
        self.text(self.from_tag)
    }

    /// The tag of the To, empty when absent.
    pub fn to_tag(&self) -> &[u8] {
        self.text(self.to_tag)
    }

    /// The Call-ID, empty when absent.
    pub fn call_id(&self) -> &[u8] {
        self.header(Name::CallId).unwrap_or_default()
    }

    /// The number of the CSeq.
    pub fn cseq(&self) -> u32 {
        self.cseq
    }

    /// The hops that are left.
    pub fn max_forwards(&self) -> Option<u8> {
        small(self.header(Name::MaxForwards)?)
    }

    /// The Contacts.
    pub fn contacts(&self) -> impl Iterator<Item = Contact<'_>> {
        self.values(Name::Contact).filter_map(Contact::parse)
    }

    /// The URI of the first Contact.
    pub fn contact_uri(&self) -> Option<&[u8]> {
        match self.contacts().next()? {
            Contact::At(address) => Some(address.uri),
            Contact::Star => None,
        }
    }

    /// The Expires; `None` when it is absent or cannot be read, which RFC 3261 §10.2.1.1 lets us
    /// treat alike.
    pub fn expires(&self) -> Option<u32> {
        small(self.header(Name::Expires)?)
    }

    /// A header that is one number (Content-Length, Min-Expires, RSeq, Max-Breadth).
    pub fn number(&self, name: Name) -> Option<u64> {
        number(self.header(name)?)
    }

    /// A header of the form `value;params` (Content-Type, Event, Session-Expires, …).
    pub fn item(&self, name: Name) -> Option<Item<'_>> {
        self.header(name).map(Item::parse)
    }

    /// This body, which is the message's own, as what its headers say that it is.
    pub fn part<'a>(&'a self, body: &'a [u8]) -> Part<'a> {
        let encoding = self.header(Name::ContentEncoding).unwrap_or_default();
        Part::new(self.content_type(), self.item(Name::ContentDisposition), body).encoded(encoding)
    }

    /// The Content-Type.
    pub fn content_type(&self) -> Option<Item<'_>> {
        self.item(Name::ContentType)
    }

    /// The Reasons.
    pub fn reasons(&self) -> impl Iterator<Item = Reason<'_>> {
        self.values(Name::Reason).filter_map(Reason::parse)
    }

    /// The RAck.
    pub fn rack(&self) -> Option<RAck> {
        RAck::parse(self.header(Name::RAck)?)
    }

    pub(super) fn text(&self, span: Span) -> &[u8] {
        between(&self.raw, usize::from(span.from), usize::from(span.to))
    }

    /// The version in the request line, as it came; empty for a response.
    pub(super) fn version(&self) -> &[u8] {
        match self.start {
            Start::Request { version, .. } => self.text(version),
            Start::Response { .. } => b"",
        }
    }

    /// Where a piece of this message lies in it; nowhere if it does not.
    pub(super) fn span_of(&self, piece: &[u8]) -> Span {
        let offset = piece.as_ptr().addr().wrapping_sub(self.raw.as_ptr().addr());
        let from = u16::try_from(offset).unwrap_or(0);
        let to = u16::try_from(offset.wrapping_add(piece.len())).unwrap_or(0);
        if piece.is_empty() || from > to { Span::default() } else { Span { from, to } }
    }
}
