//! One datagram: read, asked, answered, written again.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ratatosk::base::Limits;
use ratatosk::sip::digest::{Challenge, Credentials};
use ratatosk::sip::{Message, Name, Sdp, Uri, Writer};

fn ask(message: &Message) {
    for via in message.vias() {
        let _ = (via.ip(), via.received_ip());
    }
    for (name, _, value) in message.every_line() {
        let _ = (message.item(name).map(|item| item.number()), message.number(name), message.header(name));
        let _ = (Credentials::parse(value), Challenge::parse(value), Uri::parse(value));
        for address in message.addresses(name).chain(message.address(name)) {
            let _ = (address.display_text(), address.q(), address.expires(), address.parsed_uri());
            let _ = address.params.iter().count();
        }
        let _ = message.has_token(name, "x");
    }
    let _ = (message.contacts().count(), message.reasons().count(), message.rack(), message.method_bytes());
    let _ = Sdp::parse(&message.body()).map(|sdp| (sdp.is_hold(), sdp.media().count()));
}

fn write_again(message: &Message, limits: &Limits) {
    let mut writer = Writer::request(message.method_bytes(), message.request_uri());
    for (name, text, value) in message.every_line().filter(|(name, ..)| *name != Name::ContentLength) {
        if name == Name::Unknown { writer.raw(text, value) } else { writer.header(name, value) };
    }
    let bytes = writer.finish(&message.body());
    // Long names stand for compact ones, so that it may outgrow the limit.
    if bytes.len() > 60_000 {
        return;
    }
    let again = Message::parse(bytes, limits).expect("what was written is a message");
    assert_eq!(again.fault(), None);
    assert_eq!((again.from_tag(), again.to_tag(), again.cseq()), (message.from_tag(), message.to_tag(), message.cseq()));
    assert_eq!((again.call_id(), again.body()), (message.call_id(), message.body()));
    assert_eq!(again.via().map(|via| via.branch.to_vec()), message.via().map(|via| via.branch.to_vec()));
}

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes), &limits) else { return };
    ask(&message);
    if !message.is_request() {
        return;
    }
    let source = "192.0.2.1:5060".parse().ok();
    let answer = Writer::answer(&message, 400, b"tag", source).finish(b"");
    let answer = Message::parse(answer, &limits).expect("an answer is a message");
    assert_eq!((answer.status(), answer.body().len()), (400, 0));
    if message.fault().is_none() {
        assert_eq!(answer.fault(), None);
        assert_eq!((answer.call_id(), answer.from_tag()), (message.call_id(), message.from_tag()));
        write_again(&message, &limits);
    }
});
