//! WebSockets on real sockets of the loopback: greetings good and bad, frames, keep-alives, ends.

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ratatosk::config::Settings;
use ratatosk::effect::Transport;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Bytes, Message, WebSocket};

use crate::loopback::{LOOPBACK, Link, Server, accepted, prove, request, settings};
use crate::secured::{Authority, Carrier, greet};
use crate::talk::Talk;

/// A server for browsers.
fn web(servers: u8) -> Settings {
    settings(servers, &[(Transport::Udp, LOOPBACK), (Transport::Ws, LOOPBACK)])
}

fn open(server: &Server) -> WebSocket<Carrier> {
    greet(Carrier::Plain(server.connect(Transport::Ws)), Some("sip"), None).unwrap()
}

fn link(server: &Server) -> Link {
    Link::Web("WS", Box::new(open(server)))
}

/// As a browser writes it, which has no address.
fn invalid(text: &str, link: &Link) -> String {
    let address = link.address();
    text.replace(&format!("@{address}"), "@df7jal23ls0d.invalid;transport=ws")
        .replace(&format!("{address};rport"), "df7jal23ls0d.invalid")
}

/// Registers anne's browser.
fn register_browser(link: &mut Link) {
    let text = invalid(&request("REGISTER", link, "anne", "sip:north.test", 1, "", ""), link);
    let challenged = link.ask(&text);
    let proof = prove(&challenged, "REGISTER", "anne", "sip:north.test");
    let text = invalid(&request("REGISTER", link, "anne", "sip:north.test", 2, &proof, ""), link);
    let answer = link.ask(&text);
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("df7jal23ls0d.invalid"), "{answer}");
}

/// What comes until the far end closes.
fn read_all(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        Ok(_) | Err(_) => String::from_utf8_lossy(&said).into_owned(),
    }
}

/// Why the server closes a WebSocket.
fn closed(socket: &mut WebSocket<Carrier>) -> Option<CloseCode> {
    loop {
        match socket.read() {
            Ok(Message::Close(why)) => return why.map(|why| why.code),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

#[test]
fn browsers_register_and_are_paged_and_called_on_their_connection() {
    let authority = Authority::new();
    let mut settings =
        settings(2, &[(Transport::Udp, LOOPBACK), (Transport::Ws, LOOPBACK), (Transport::Wss, LOOPBACK)]);
    settings.listeners[2].tls = Some(authority.usual());
    let server = Server::start(settings);
    let wss = || {
        let tls = authority.connect(server.connect(Transport::Wss), None);
        Link::Web("WSS", Box::new(greet(Carrier::Tls(Box::new(tls)), Some("sip"), None).unwrap()))
    };
    for (mut anne, transport) in [(link(&server), Transport::Ws), (wss(), Transport::Wss)] {
        register_browser(&mut anne);
        let mut bob = Link::Udp(server.udp());
        let uri = "sip:anne@north.test";
        let challenged = bob.ask(&request("MESSAGE", &bob, "bob", uri, 1, "", "hello"));
        let proof = prove(&challenged, "MESSAGE", "bob", uri);
        bob.send(&request("MESSAGE", &bob, "bob", uri, 2, &proof, "hello"));
        let page = anne.next();
        let via = format!("Via: SIP/2.0/{} {};branch=", transport.as_via(), server.address(transport));
        assert!(page.starts_with("MESSAGE sip:anne@df7jal23ls0d.invalid;transport=ws "), "{page}");
        assert!(page.contains(&via), "{page}");
        anne.send(&accepted(&page));
        assert!((0..2).any(|_| bob.next().starts_with("SIP/2.0 200 ")));
        let challenged = bob.ask(&request("INVITE", &bob, "bob", uri, 3, "", ""));
        let proof = prove(&challenged, "INVITE", "bob", uri);
        bob.send(&request("INVITE", &bob, "bob", uri, 4, &proof, ""));
        let call = anne.next();
        assert!(call.starts_with("INVITE ") && call.contains(";transport=ws>"), "{call}");
    }
}

#[test]
fn fragments_binary_frames_and_many_in_one_segment_are_messages_like_any_other() {
    let server = Server::start(web(1));
    let mut anne = link(&server);
    let text = request("REGISTER", &anne, "anne", "sip:north.test", 1, "", "");
    // A message ends where its frame does, whether it says so or not.
    anne.send(&text.replace("Content-Length: 0\r\n", ""));
    assert!(anne.next().starts_with("SIP/2.0 401 "));
    let Link::Web(_, socket) = &mut anne else { unreachable!() };
    socket.send(Message::Binary(text.clone().into())).unwrap();
    for (number, piece) in text.as_bytes().chunks(100).enumerate() {
        let opcode = if number == 0 { Data::Text } else { Data::Continue };
        let is_last = (number + 1) * 100 >= text.len();
        let frame = Frame::message(Bytes::copy_from_slice(piece), OpCode::Data(opcode), is_last);
        socket.send(Message::Frame(frame)).unwrap();
        // What is said in between is no part of it.
        socket.send(Message::Ping(Bytes::from_static(b"still there?"))).unwrap();
    }
    for _ in 0..50 {
        socket.write(text.as_str().into()).unwrap();
    }
    socket.flush().unwrap();
    let mut answers = 0;
    while answers < 52 {
        match socket.read().unwrap() {
            Message::Text(answer) => {
                assert!(answer.starts_with("SIP/2.0 401 "), "{answer}");
                answers += 1;
            }
            Message::Pong(echo) => assert_eq!(&*echo, b"still there?"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pings_of_either_kind_are_answered() {
    let server = Server::start(web(1));
    let mut socket = open(&server);
    socket.send(Message::Ping(Bytes::from_static(b"1"))).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"1")));
    socket.send("\r\n\r\n".into()).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("\r\n"));
    socket.send(Message::Pong(Bytes::new())).unwrap();
    socket.send("\r\n".into()).unwrap();
    socket.close(None).unwrap();
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
}

#[test]
fn who_is_no_browser_of_ours_is_refused_in_words() {
    let mut settings = web(1);
    settings.listeners[1].origins = vec!["https://phone.north.test".to_owned()];
    let server = Server::start(settings);
    let greet =
        |protocol, origin| greet(Carrier::Plain(server.connect(Transport::Ws)), protocol, origin).map(drop);
    assert_eq!(greet(None, None), Err(400));
    assert_eq!(greet(Some("xmpp"), None), Err(400));
    assert_eq!(greet(Some("xmpp, sip"), None), Ok(()));
    assert_eq!(greet(Some("sip"), Some("https://evil.test")), Err(403));
    assert_eq!(greet(Some("sip"), Some("https://PHONE.north.test")), Ok(()));
    let said = |bytes: &[u8]| {
        let mut stream = server.connect(Transport::Ws);
        stream.write_all(bytes).unwrap();
        read_all(stream)
    };
    let page = said(b"GET / HTTP/1.1\r\nHost: north.test\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 400 Bad Request\r\n") && page.contains("SIP server"), "{page}");
    assert!(said(b"REGISTER sip:north.test SIP/2.0\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n", "x".repeat(9_000));
    assert!(said(long.as_bytes()).starts_with("HTTP/1.1 431 "));
}

#[test]
fn broken_frames_end_their_connection_and_the_others_go_on() {
    let mut settings = web(1);
    settings.limits.handshake_s = 1;
    settings.limits.stall_s = 1;
    let server = Server::start(settings);
    let mut talk = Talk::begin(Link::Udp(server.udp()), link(&server));
    let mut raw = |bytes: &[u8]| {
        let mut socket = open(&server);
        match socket.get_mut() {
            Carrier::Plain(stream) => stream.write_all(bytes).unwrap(),
            Carrier::Tls(_) => unreachable!(),
        }
        talk.goes_on();
        closed(&mut socket)
    };
    let masked = |first: u8| [first, 0x81, 1, 2, 3, 4, b'x' ^ 1];
    assert_eq!(raw(&[0x81, 1, b'x']), Some(CloseCode::Protocol), "without a mask");
    assert_eq!(raw(&masked(0xf1)), Some(CloseCode::Protocol), "reserved bits");
    assert_eq!(raw(&masked(0x83)), Some(CloseCode::Protocol), "an opcode that is none");
    assert_eq!(raw(&masked(0x80)), Some(CloseCode::Protocol), "the rest of nothing");
    assert_eq!(raw(&[0x81, 0x81, 1, 2, 3, 4, 0xff ^ 1]), Some(CloseCode::Invalid), "no UTF-8");
    let endless = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    assert_eq!(raw(&endless), Some(CloseCode::Size));
    // Half a frame, and half a message, and no more.
    raw(&[0x81, 0x82, 1, 2, 3, 4, b'x']);
    raw(&[0x01, 0x81, 1, 2, 3, 4, b'x' ^ 1]);
    let mut silent = server.connect(Transport::Ws);
    silent.write_all(b"GET / HTT").unwrap();
    assert_eq!(read_all(silent), "");
    let mut long = open(&server);
    long.send("x".repeat(70_000).into()).unwrap();
    assert_eq!(closed(&mut long), Some(CloseCode::Size));
    talk.ends();
}

/// A place is taken from the first byte of TLS on, and kept for as long as no WebSocket has been opened: one source
/// holds its share of handshakes of either kind, and gets its places back.
#[test]
fn one_source_holds_its_share_of_secure_handshakes() {
    let authority = Authority::new();
    let mut settings = settings(2, &[(Transport::Udp, LOOPBACK), (Transport::Wss, LOOPBACK)]);
    settings.listeners[1].tls = Some(authority.usual());
    settings.limits.streams_per_source = 2;
    let server = Server::start(settings);
    let secure = || {
        let mut tls = authority.connect(server.connect(Transport::Wss), None);
        tls.write_all(b"GET / HTTP/1.1\r\n").map(|()| tls)
    };
    // Whether a browser is let in.
    let is_open = || {
        let mut tls = secure().ok()?;
        tls.write_all(
            b"Host: north.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        )
        .and_then(|()| {
            tls.write_all(
                b"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
        })
        .and_then(|()| tls.flush())
        .ok()?;
        let mut said = [0; 12];
        tls.read_exact(&mut said).ok()?;
        assert_eq!(&said, b"HTTP/1.1 101");
        Some(tls)
    };
    let wait = || std::thread::sleep(Duration::from_millis(20));
    // One that says nothing, and one that has agreed on a key and greets by half.
    let held = (server.connect(Transport::Wss), secure().unwrap());
    assert!(
        (0..50).any(|_| (wait(), is_open().is_none()).1),
        "a third was served beside two that greet for ever"
    );
    drop(held);
    let open = (0..100)
        .find_map(|_| (wait(), is_open()).1)
        .expect("the places of closed connections are free again");
    let other = (0..100).find_map(|_| (wait(), is_open()).1).unwrap();
    assert!((0..50).any(|_| (wait(), is_open().is_none()).1), "nor beside two that are open");
    drop((open, other));
}

/// Nobody asks a page to ping: the browser is pinged, and answers by itself. One that does not is gone.
#[test]
fn browsers_are_pinged() {
    let mut settings = web(1);
    settings.limits.flow_timer_s = 2;
    let server = Server::start(settings);
    let (mut alive, mut dead) = (link(&server), link(&server));
    register_browser(&mut alive);
    register_browser(&mut dead);
    let began = Instant::now();
    let Link::Web(_, alive) = &mut alive else { panic!() };
    let mut pings = 0;
    while began.elapsed() < Duration::from_secs(5) {
        match alive.read() {
            Ok(Message::Ping(_)) => pings += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => panic!("{error} after {pings} pings"),
        }
    }
    assert!(pings >= 2, "{pings} in 5 s, one a second or two");
    let Link::Web(_, dead) = &mut dead else { panic!() };
    let mut ends = || loop {
        match dead.read() {
            Ok(Message::Ping(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return true,
            Ok(other) => panic!("{other:?}"),
        }
    };
    assert!(ends(), "it was silent for longer than 2.5 s");
}
