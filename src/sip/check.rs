//! Judging: whether the headers that everything rests on can be relied on.
//!
//! What is found is noted in the message, with what had to be read on the way (the number of the
//! CSeq, the tags). In a request also the Request-URI, the Contacts and the version are judged; in
//! a response only what is needed to find its transaction. What is beyond this (schemes a
//! registrar wants, extensions, content types) is for those who act on it.
//!
//! Implements: RFC 3261 §8.1.1, §8.2.2.1, §21.4.1, §21.5.6; RFC 4475 §3.1.2, §3.3.

use super::address::NameAddr;
use super::chars::{TOKEN, small, take, unquote};
use super::fault::Fault;
use super::item::word;
use super::list::elements;
use super::message::{Message, Span};
use super::method::Method;
use super::name::Name;
use super::uri::{Scheme, Uri};
use super::via::Via;

/// The order of faults: the form first, then what is missing, then what is badly written, and
/// only then a version or a scheme that we do not speak.
pub(super) fn check(message: &mut Message) {
    let found = message
        .fault
        .or_else(|| missing(message))
        .or_else(|| vias(message))
        .or_else(|| call_id(message))
        .or_else(|| cseq(message))
        .or_else(|| from_and_to(message))
        .or_else(|| if message.is_request() { request(message) } else { None });
    message.fault = found;
}

fn missing(message: &Message) -> Option<Fault> {
    const NEEDED: [(Name, Fault); 4] = [
        (Name::CallId, Fault::bad("Missing Call-ID")),
        (Name::CSeq, Fault::bad("Missing CSeq")),
        (Name::From, Fault::bad("Missing From")),
        (Name::To, Fault::bad("Missing To")),
    ];
    NEEDED.into_iter().find(|(name, _)| !message.has(*name)).map(|(_, fault)| fault)
}

fn vias(message: &Message) -> Option<Fault> {
    let sound = message.lines(Name::Via).all(|line| {
        let mut list = elements(line);
        let mut any = false;
        while let Some(element) = list.next_raw() {
            any = true;
            if !Via::parse(element).is_some_and(|via| via.params.are_sound()) {
                return false;
            }
        }
        any
    });
    (!sound).then_some(Fault::bad("Bad Via"))
}

fn call_id(message: &Message) -> Option<Fault> {
    let value = message.call_id();
    let sound = !value.is_empty() && !value.iter().any(|byte| *byte <= b' ');
    (!sound).then_some(Fault::bad("Bad Call-ID"))
}

fn cseq(message: &mut Message) -> Option<Fault> {
    let (digits, method) = word(message.header(Name::CSeq)?);
    let number = small::<u32>(digits).filter(|number| *number < 1 << 31);
    let (token, rest) = take(method, TOKEN);
    let (Some(number), false, true) = (number, token.is_empty(), rest.is_empty()) else {
        return Some(Fault::bad("Bad CSeq"));
    };
    if message.is_request() && token != message.method_bytes() {
        return Some(Fault::bad("The method in CSeq is not that of the request"));
    }
    let method = Method::of(token);
    message.cseq = number;
    message.cseq_method = method;
    None
}

fn from_and_to(message: &mut Message) -> Option<Fault> {
    match (address(message, Name::From), address(message, Name::To)) {
        (Some(from_tag), Some(to_tag)) => {
            message.from_tag = from_tag;
            message.to_tag = to_tag;
            None
        }
        (None, _) => Some(Fault::bad("Bad From")),
        (_, None) => Some(Fault::bad("Bad To")),
    }
}

/// Judges From or To and says where its tag is.
fn address(message: &Message, name: Name) -> Option<Span> {
    let address = NameAddr::parse(message.header(name)?)?;
    let mut tags = address.params.raw().filter(|(name, _)| name.eq_ignore_ascii_case(b"tag"));
    let tag = tags.next().and_then(|(_, value)| value).unwrap_or_default();
    let sound = tags.next().is_none() && address.params.are_sound() && Uri::parse(address.uri).is_ok();
    sound.then(|| message.span_of(unquote(tag)))
}

fn request(message: &Message) -> Option<Fault> {
    let uri = Uri::parse(message.request_uri());
    if !uri.is_ok_and(|uri| uri.headers.is_empty()) {
        return Some(Fault::bad("Bad Request-URI"));
    }
    if message.has(Name::MaxForwards) && message.max_forwards().is_none() {
        return Some(Fault::bad("Bad Max-Forwards"));
    }
    if !message.values(Name::Contact).all(contact_is_sound) {
        return Some(Fault::bad("Bad Contact"));
    }
    if !message.version().eq_ignore_ascii_case(b"SIP/2.0") {
        return Some(Fault { status: 505, reason: "Version Not Supported" });
    }
    let unknown = uri.is_ok_and(|uri| uri.scheme == Scheme::Other);
    unknown.then_some(Fault { status: 416, reason: "Unsupported URI Scheme" })
}

fn contact_is_sound(element: &[u8]) -> bool {
    element == b"*"
        || NameAddr::parse(element)
            .is_some_and(|address| address.params.are_sound() && Uri::parse(address.uri).is_ok())
}
