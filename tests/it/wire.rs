//! What holds of every message on the wire: tables of faults, properties over random bytes, and
//! two published crates as oracles on input that they can read.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use ratatosk::base::Limits;
use ratatosk::sip::digest::{Challenge, Credentials};
use ratatosk::sip::{
    Contact, Direction, Frame, Framer, Message, Method, Name, NameAddr, Sdp, Unreadable, Uri, Writer, frame,
};

fn parse(text: impl Into<Vec<u8>>) -> Result<Message, Unreadable> {
    Message::parse(Bytes::from(text.into()), &Limits::default())
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const REQUEST: &str = "INVITE sip:bob@south.test SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.17:5062;branch=z9hG4bKnas, SIP/2.0/TCP h.test;branch=z9hG4bK1\r\n\
    f: \"Anne, \\\"A\\\"\" <sip:anne@north.test>;tag=19\r\n\
    To: sip:bob@south.test\r\n\
    Call-ID: a84b4c\r\n\
    CSeq: 7 INVITE\r\n\
    Max-Forwards: 69\r\n\
    m: <sip:anne@192.0.2.17:5062;transport=udp>;q=0.5\r\n\
    k: replaces, timer\r\n\
    Supported: 100rel\r\n\
    X-Own: kept, as\r\n it came\r\n\
    Content-Length: 4\r\n\
    \r\nbody and more";

#[test]
fn a_message_is_read_on_demand() {
    let message = parse(REQUEST).unwrap();
    assert_eq!(message.fault(), None);
    assert_eq!((message.method(), message.method_bytes()), (Method::Invite, &b"INVITE"[..]));
    assert_eq!(message.request_uri(), b"sip:bob@south.test");
    let via = message.via().unwrap();
    assert_eq!(
        (via.transport, via.host, via.port, via.branch),
        (&b"UDP"[..], &b"192.0.2.17"[..], Some(5062), &b"z9hG4bKnas"[..])
    );
    assert_eq!(message.vias().count(), 2);
    assert_eq!((message.from_tag(), message.to_tag()), (&b"19"[..], &b""[..]));
    assert_eq!(message.from().unwrap().display_text(), "Anne, \"A\"");
    assert_eq!((message.call_id(), message.cseq(), message.max_forwards()), (&b"a84b4c"[..], 7, Some(69)));
    assert_eq!(message.contact_uri(), Some(&b"sip:anne@192.0.2.17:5062;transport=udp"[..]));
    assert!(message.has_token(Name::Supported, "100REL") && message.has_token(Name::Supported, "timer"));
    assert!(!message.has_token(Name::Supported, "path"));
    let own = message.every_line().find(|(name, ..)| *name == Name::Unknown).unwrap();
    assert_eq!(message.named("x-own"), Some(own.2));
    assert_eq!((own.1, own.2), (&b"X-Own"[..], &b"kept, as\r\n it came"[..]));
    assert_eq!(message.body(), "body");
}

#[test]
fn reading_allocates_nothing() {
    let (raw, limits) = (Bytes::from_static(REQUEST.as_bytes()), Limits::default());
    let allocations = allocation_counter::measure(|| {
        let message = Message::parse(raw.clone(), &limits).unwrap();
        let _ = (message.via(), message.from(), message.to(), message.contacts().count(), message.clone());
        let _ = (message.values(Name::Supported).count(), message.body().len());
    });
    assert_eq!(allocations.count_total, 0);
}

/// Attack 14 and its neighbours: what could be read in two ways is refused.
#[test]
fn what_is_refused() {
    let with = |line: &str| REQUEST.replace("X-Own: kept, as\r\n it came", line);
    let status = |text: String| parse(text).unwrap().fault().map_or(0, |fault| fault.status);
    assert_eq!(status(with("X: y")), 0);
    for bad in [
        "To\u{1}: x",
        "T o: x",
        "To\0: x",
        ": x",
        "no colon",
        "X: a\nb",
        "X: a\rb",
        "X: a\n b",
        "X: a\0b",
        "X: \u{7f}",
        "X: \"\\\u{1}\"\r\nY: \u{1}",
        "X: \"\r\nY: \\\u{1}",
        "X\r\n : y",
        "Call-ID: other",
        "i: other",
        "I : other",
        "Content-Length: 4",
        "l: 9",
        "To: <sip:x@y>",
        "Max-Forwards: 3",
        "Contact: a b c",
        "Contact: <sip:a@b>;;",
        "Contact: \"x <sip:a@b>",
        "v: SIP/2.0/UDP",
        "v: SIP/2.0/UDP h;",
        "v: SIP/2.0/UDP h,",
        "v: SIP/2.0/UDP [1.2.3.4]",
        "v:",
        "v: SIP/2.0/UDP h:x",
    ] {
        assert_eq!(status(with(bad)), 400, "{bad:?}");
    }
    for (from, to, expected) in [
        ("CSeq: 7 INVITE", "CSeq: 7 invite", 400),
        ("CSeq: 7 INVITE", "CSeq: 7INVITE", 400),
        ("CSeq: 7 INVITE", "CSeq: 2147483648 INVITE", 400),
        ("CSeq: 7 INVITE", "CSeq: 2147483647\t INVITE", 0),
        ("CSeq: 7 INVITE", "CSeq: 7 INVITE x", 400),
        ("CSeq: 7 INVITE\r\n", "", 400),
        ("Call-ID: a84b4c", "Call-ID:", 400),
        ("Call-ID: a84b4c", "Call-ID: a b", 400),
        ("tag=19", "tag=19;TAG=20", 400),
        ("Max-Forwards: 69", "Max-Forwards: 256", 400),
        ("Max-Forwards: 69\r\n", "", 0),
        ("Content-Length: 4", "Content-Length: 14", 400),
        ("Content-Length: 4", "Content-Length: 4, 4", 400),
        ("sip:bob@south.test SIP/2.0", "sip:bob@south.test sip/2.0", 0),
        ("sip:bob@south.test SIP/2.0", "sip:bob@south.test SIP/3.0", 505),
        ("sip:bob@south.test SIP/2.0", "http://south.test SIP/2.0", 416),
        ("sip:bob@south.test SIP/2.0", "tel:+4712345678 SIP/2.0", 0),
        ("sip:bob@south.test SIP/2.0", "bob SIP/2.0", 400),
        ("sip:bob@south.test SIP/2.0", "sip:bob@south.test;a\u{1} SIP/2.0", 400),
        ("INVITE sip", "INVITE\tsip", 400),
    ] {
        assert_eq!(status(REQUEST.replacen(from, to, 1)), expected, "{to:?}");
    }
}

#[test]
fn what_cannot_even_be_refused() {
    let error = |text: &str| parse(text).unwrap_err();
    assert_eq!(error(""), Unreadable::KeepAlive);
    assert_eq!(error("\r\n\r\n"), Unreadable::KeepAlive);
    for bad in [
        "x",
        "\0\0\r\n",
        "GET / HTTP/1.1\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        "SIP/2.0 20 OK\r\n\r\n",
        "SIP/2.0 700 X\r\n\r\n",
    ] {
        assert_eq!(error(bad), Unreadable::StartLine, "{bad:?}");
    }
    assert_eq!(error("OPTIONS sip:a@b SIP/2.0\r\n\r\n"), Unreadable::NoVia);
}

#[test]
fn limits_are_faults() {
    let mut text = REQUEST.split_once("X-Own").unwrap().0.to_owned();
    for _ in 0..1_000 {
        text.push_str("Via: SIP/2.0/UDP h.test\r\n");
    }
    let message = parse(text + "\r\n").unwrap();
    assert_eq!(message.fault().map(|fault| fault.status), Some(400));
    assert!(message.lines(Name::Via).count() < 300);
    let large = REQUEST.replace("kept", &"k".repeat(70_000));
    assert_eq!(parse(large).unwrap().fault().map(|fault| fault.status), Some(513));
    let limits = Limits { message_bytes: 100, ..Limits::default() };
    let message = Message::parse(Bytes::from_static(REQUEST.as_bytes()), &limits).unwrap();
    assert_eq!(message.fault().map(|fault| fault.status), Some(513));
}

#[test]
fn an_answer_goes_the_way_the_request_came() {
    let answer = |via: &str, source: &str| {
        let text = format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: {via}\r\nv: SIP/2.0/TCP second\r\nFrom: <sip:c@d>;tag=1\r\nTo:\r\n <sip:a@b>\r\n\
            i: x\r\nCSeq: 1 OPTIONS\r\nTimestamp: 54\r\n\r\n"
        );
        let request = parse(text).unwrap();
        let bytes = Writer::answer(&request, 200, b"t", Some(source.parse().unwrap())).finish(b"");
        let answer = Message::parse(bytes, &Limits::default()).unwrap();
        assert_eq!((answer.fault(), answer.status(), answer.method()), (None, 200, Method::Options));
        assert_eq!((answer.to_tag(), answer.header(Name::Timestamp)), (&b"t"[..], None));
        assert_eq!(answer.lines(Name::Via).last(), Some(&b"SIP/2.0/TCP second"[..]));
        text_of(answer.header(Name::Via).unwrap()).to_owned()
    };
    let source = "192.0.2.1:777";
    assert_eq!(answer("SIP/2.0/UDP 192.0.2.1;branch=z", source), "SIP/2.0/UDP 192.0.2.1;branch=z");
    assert_eq!(answer("SIP/2.0/UDP h ; branch=z", source), "SIP/2.0/UDP h;branch=z;received=192.0.2.1");
    assert_eq!(
        answer("SIP/2.0/UDP 192.0.2.1;rport;branch=z", source),
        "SIP/2.0/UDP 192.0.2.1;branch=z;received=192.0.2.1;rport=777"
    );
    assert_eq!(
        answer("SIP/2.0/UDP h;received=10.0.0.1;branch=z;rport=1, SIP/2.0/UDP i", source),
        "SIP/2.0/UDP h;branch=z;received=192.0.2.1;rport=777, SIP/2.0/UDP i"
    );
    assert_eq!(
        answer("SIP/2.0/UDP [2001:db8::9]:5062;branch=z", "[2001:db8::9]:777"),
        "SIP/2.0/UDP [2001:db8::9]:5062;branch=z"
    );
}

#[test]
fn nothing_written_begins_a_line() {
    let evil = b"x\r\nVia: evil\n\r\nz";
    let mut writer = Writer::request(b"IN\r\nVITE", b"sip:a@b\r\nX: y");
    writer.header(Name::Via, b"SIP/2.0/UDP h").header(Name::Subject, evil).raw(b"X\r\n: y", evil);
    writer.text(Name::Reason, format_args!("{}", String::from_utf8_lossy(evil)));
    let message = Message::parse(writer.finish(b"\r\n\r\n"), &Limits::default()).unwrap();
    assert_eq!(message.every_line().count(), 5);
    assert_eq!(message.header(Name::Subject), Some(&b"x  Via: evil   z"[..]));
    assert_eq!(message.body(), "\r\n\r\n");
}

/// A message assembled from sound and odd pieces: more likely to reach deep than random bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"INVITE sip:a@b SIP/2.0\r\n".to_vec()),
        Just(b"SIP/2.0 200 OK\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r\n ".to_vec()),
        Just(b"Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport\r\n".to_vec()),
        Just(b"From: \"A\\\"\" <sip:a@[::1]:5060;lr?x=%20>;tag=1\r\n".to_vec()),
        Just(b"t: sip:b@c;tag=\r\n".to_vec()),
        Just(b"i: 1\r\nCSeq: 1 INVITE\r\n".to_vec()),
        Just(b"m: *, <tel:+1;phone-context=x>;q=0.5;expires=9\r\n".to_vec()),
        Just(b"l: 3\r\n".to_vec()),
        Just(b"Authorization: Digest a=\"b\",c=d\r\n".to_vec()),
        "[ -~]{0,12}".prop_map(String::into_bytes),
        prop::sample::select(b"\"<>;,:=@%[]*\\\0\r\n\t ".to_vec()).prop_map(|byte| vec![byte]),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Asks everything that can be asked.
fn ask(message: &Message) {
    message.via().map(|via| (via.ip(), via.received_ip()));
    message.vias().for_each(drop);
    for (name, _, value) in message.every_line() {
        let _ = (message.item(name), message.address(name), message.number(name), message.header(name));
        let _ = (
            Credentials::parse(value).map(|it| it.count()),
            Challenge::parse(value),
            Uri::parse(value).map(|it| (it.ip(), it.user_text())),
        );
        message.addresses(name).for_each(|it| drop((it.display_text(), it.q(), it.expires())));
    }
    let _ = message.contacts().filter(|contact| matches!(contact, Contact::At(_))).count();
    message.reasons().for_each(drop);
    let _ =
        (message.rack(), message.expires(), message.method_bytes(), message.reason(), message.contact_uri());
    let _ = Sdp::parse(&message.body()).map(|sdp| (sdp.is_hold(), sdp.media().count()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop_oneof![pieces(), prop::collection::vec(any::<u8>(), 0..200)]) {
        let _ = (frame(&bytes, 100), Uri::parse(&bytes), NameAddr::parse(&bytes), Credentials::parse(&bytes));
        if let Ok(message) = parse(bytes) {
            ask(&message);
            let source = Some("192.0.2.1:5060".parse().unwrap());
            let answer = Message::parse(Writer::answer(&message, 400, b"tag", source).finish(b""), &Limits::default());
            // Whatever came, its answer is one message with one start line and no line of its own.
            prop_assert!(answer.is_ok_and(|answer| answer.status() == 400));
        }
    }

    #[test]
    fn what_is_sound_stays_so_when_written_again(bytes in pieces()) {
        let Ok(message) = parse(bytes) else { return Ok(()) };
        if message.fault().is_some() || !message.is_request() {
            return Ok(());
        }
        let mut writer = Writer::request(message.method_bytes(), message.request_uri());
        for (name, text, value) in message.every_line().filter(|(name, ..)| *name != Name::ContentLength) {
            if name == Name::Unknown { writer.raw(text, value) } else { writer.header(name, value) };
        }
        let again = Message::parse(writer.finish(&message.body()), &Limits::default()).unwrap();
        prop_assert_eq!(again.fault(), None);
        let spaces = |value: &[u8]| value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect::<Vec<_>>();
        for (name, ..) in message.every_line().filter(|(name, ..)| *name != Name::ContentLength) {
            prop_assert_eq!(message.header(name).map(spaces), again.header(name).map(spaces));
        }
        prop_assert_eq!((message.from_tag(), message.to_tag(), message.cseq()), (again.from_tag(), again.to_tag(), again.cseq()));
        prop_assert_eq!(message.body(), again.body());
    }

    #[test]
    fn a_stream_is_cut_the_same_in_any_pieces(stream in pieces(), piece in 1_usize..40) {
        let cut = |piece: usize| {
            let (mut framer, mut buffer, mut messages) = (Framer::new(300), Vec::new(), Vec::new());
            for chunk in stream.chunks(piece) {
                buffer.extend_from_slice(chunk);
                loop {
                    match framer.next(&buffer) {
                        Frame::Need => break,
                        Frame::Message { len } => messages.push(buffer.drain(..len).collect::<Vec<_>>()),
                        Frame::KeepAlive { len, .. } => drop(buffer.drain(..len)),
                        Frame::Broken(_) => return messages,
                    }
                }
            }
            messages
        };
        prop_assert_eq!(cut(piece), cut(usize::MAX));
    }

    /// rsip on what it can read: long names, no folds, no IPv6, known methods.
    #[test]
    fn rsip_reads_the_same(
        method in prop::sample::select(vec!["INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE"]),
        user in "[a-z0-9]{1,8}", host in "[a-z]{1,8}\\.test", display in "[A-Za-z]{0,8}", tag in "[a-z0-9]{1,10}",
        call_id in "[a-z0-9@.]{1,20}", cseq in 0_u32..1 << 31, port in 1_u16.., vias in 1_usize..4, body in "[ -~]{0,20}",
    ) {
        use rsip::prelude::*;
        let mut text = format!("{method} sip:{user}@{host} SIP/2.0\r\n");
        for i in 0..vias {
            write!(text, "Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{tag}{i}\r\n").unwrap();
        }
        write!(
            text,
            "From: \"{display}\" <sip:{user}@{host}>;tag={tag}\r\nTo: <sip:{user}@{host}:{port}>\r\nCall-ID: {call_id}\r\n\
            CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContent-Length: {}\r\n\r\n{body}", body.len()
        ).unwrap();
        let ours = parse(text.clone()).unwrap();
        prop_assert_eq!(ours.fault(), None);
        let theirs = rsip::Request::try_from(text).unwrap();
        prop_assert_eq!(ours.method().as_str(), theirs.method.to_string());
        prop_assert_eq!(text_of(ours.request_uri()), theirs.uri.to_string());
        let (via, their_via) = (ours.via().unwrap(), theirs.via_header().unwrap().typed().unwrap());
        prop_assert_eq!(via.branch, their_via.branch().unwrap().value().as_bytes());
        prop_assert_eq!(text_of(via.host), their_via.uri.host().to_string());
        prop_assert_eq!(via.port, their_via.uri.port().map(|port| *port.value()));
        let their_from = theirs.from_header().unwrap().typed().unwrap();
        prop_assert_eq!(ours.from_tag(), their_from.tag().unwrap().value().as_bytes());
        prop_assert_eq!(text_of(ours.from().unwrap().uri), their_from.uri.to_string());
        prop_assert_eq!(ours.call_id(), theirs.call_id_header().unwrap().value().as_bytes());
        prop_assert_eq!(ours.cseq(), theirs.cseq_header().unwrap().typed().unwrap().seq);
        prop_assert_eq!(&ours.body()[..], &theirs.body[..]);
        prop_assert_eq!(ours.every_line().count(), theirs.headers.iter().count());
    }

    /// sdp-rs on descriptions that it can read.
    #[test]
    fn sdp_rs_reads_the_same(media in prop::collection::vec((0_u16.., 0_usize..2, 0_usize..5), 0..4)) {
        let (kinds, ways) = (["audio", "video"], ["sendrecv", "sendonly", "recvonly", "inactive", ""]);
        let mut text = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=x\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n".to_owned();
        for (port, kind, way) in &media {
            write!(text, "m={} {port} RTP/AVP 0\r\n", kinds[*kind]).unwrap();
            if !ways[*way].is_empty() {
                write!(text, "a={}\r\n", ways[*way]).unwrap();
            }
        }
        let theirs = sdp_rs::SessionDescription::try_from(text.as_str()).unwrap();
        let ours: Vec<_> = Sdp::parse(text.as_bytes()).unwrap().media().collect();
        prop_assert_eq!(ours.len(), theirs.media_descriptions.len());
        for (ours, theirs) in ours.iter().zip(&theirs.media_descriptions) {
            prop_assert_eq!(ours.port, theirs.media.port);
            prop_assert_eq!(text_of(ours.kind), theirs.media.media.to_string());
            let way = theirs.attributes.iter().find_map(|attribute| match attribute.to_string().trim_start_matches("a=") {
                "sendonly" => Some(Direction::SendOnly),
                "recvonly" => Some(Direction::RecvOnly),
                "inactive" => Some(Direction::Inactive),
                _ => None,
            });
            prop_assert_eq!(ours.direction, way.unwrap_or_default());
        }
    }
}
