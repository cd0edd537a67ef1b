//! What reading and writing a message costs, and that reading allocates nothing.
//!
//! `cargo bench --bench sip` measures; the first thing it does is to count.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::Criterion;
use ratatosk::base::Limits;
use ratatosk::sip::digest::{Algorithm, Credentials, ha1};
use ratatosk::sip::{Message, Name, Writer};

const INVITE: &str = "INVITE sip:bob@south.test;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP edge1.north.test:5060;branch=z9hG4bK7b22a91fd0c4;rport\r\n\
Via: SIP/2.0/UDP 192.0.2.17:5062;branch=z9hG4bKnashds8;received=192.0.2.17\r\n\
Max-Forwards: 69\r\n\
From: \"Anne Berg\" <sip:anne@north.test>;tag=1928301774\r\n\
To: <sip:bob@south.test>\r\n\
Call-ID: a84b4c76e66710-8813@192.0.2.17\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:anne@192.0.2.17:5062;transport=udp>\r\n\
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE\r\n\
Supported: replaces, timer, 100rel\r\n\
User-Agent: Birch/4.2\r\n\
Session-Expires: 1800\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 168\r\n\
\r\n\
v=0\r\n\
o=anne 2890844526 2890844526 IN IP4 192.0.2.17\r\n\
s=-\r\n\
c=IN IP4 192.0.2.17\r\n\
t=0 0\r\n\
m=audio 49172 RTP/AVP 8 0 101\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n";

const REGISTER: &str = "REGISTER sip:north.test SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.17:5062;branch=z9hG4bKnashds7;rport\r\n\
Max-Forwards: 70\r\n\
From: <sip:anne@north.test>;tag=456248\r\n\
To: <sip:anne@north.test>\r\n\
Call-ID: 843817637684230@998sdasdh09\r\n\
CSeq: 1827 REGISTER\r\n\
Contact: <sip:anne@192.0.2.17:5062>;expires=3600;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\r\n\
Authorization: Digest username=\"anne\",realm=\"north.test\",nonce=\"84a4cc6f3082121f32b42a2187831a9e\",\
uri=\"sip:north.test\",response=\"7587245234b3434cc3412213e5f113a5\",algorithm=MD5,qop=auth,\
cnonce=\"0a4f113b\",nc=00000001\r\n\
Content-Length: 0\r\n\
\r\n";

fn count(what: &str, limit: u64, run: impl FnOnce()) {
    let allocations = allocation_counter::measure(run).count_total;
    assert!(allocations <= limit, "{what}: {allocations} allocations");
}

fn keys(message: &Message) -> usize {
    let via = message.via().unwrap();
    via.branch.len()
        + via.host.len()
        + message.from_tag().len()
        + message.to_tag().len()
        + message.call_id().len()
        + usize::from(message.cseq() > 0)
}

fn ok(request: &Message) -> Bytes {
    let mut writer = Writer::answer(request, 200, b"8f2e1a90", Some("192.0.2.99:5060".parse().unwrap()));
    writer.header(Name::Contact, b"<sip:bob@198.51.100.4:5060>");
    writer.header(Name::Allow, b"INVITE, ACK, CANCEL, OPTIONS, BYE");
    writer.finish(b"")
}

fn main() {
    let limits = Limits::default();
    let invite = Bytes::from_static(INVITE.as_bytes());
    let register = Bytes::from_static(REGISTER.as_bytes());
    let parse = |raw: &Bytes| Message::parse(raw.clone(), &limits).unwrap();
    let message = parse(&invite);
    assert_eq!((message.fault(), parse(&register).fault()), (None, None));
    count("parse", 0, || drop(black_box((parse(&invite), parse(&register)))));
    count("clone", 0, || drop(black_box(message.clone())));
    count("keys", 0, || assert_ne!(keys(black_box(&message)), 0));
    // The buffer, and the block that lets its parts be shared.
    count("write", 2, || drop(black_box(ok(&message))));

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function(&format!("parse INVITE {} B", invite.len()), |b| b.iter(|| parse(&invite)));
    criterion
        .bench_function(&format!("parse REGISTER {} B", register.len()), |b| b.iter(|| parse(&register)));
    criterion.bench_function("top Via, tags, Call-ID, CSeq", |b| b.iter(|| keys(black_box(&message))));
    criterion.bench_function("write a 200", |b| b.iter(|| ok(black_box(&message))));
    let message = parse(&register);
    let secret = ha1(Algorithm::Md5, b"anne", b"north.test", b"secret");
    criterion.bench_function("check MD5 credentials", |b| {
        b.iter(|| {
            let credentials = message.header(Name::Authorization).unwrap();
            Credentials::parse(credentials).unwrap().prove(&secret, message.method_bytes())
        });
    });
    criterion.final_summary();
}
