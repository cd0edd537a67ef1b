//! The driver on real sockets of the loopback: listeners, framing, limits, ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ratatosk::base::{Limits, ServerIndex};
use ratatosk::effect::admin::AdminRequest;
use ratatosk::effect::fact::Dropped;
use ratatosk::effect::{Fact, Transport};
use ratatosk::io::driver::{self, Ended};
use ratatosk::io::net::listen::OpenError;

use crate::loopback::{
    LOOPBACK, Link, PATIENCE, Server, accepted, block_on, prove, register, request, settings,
};
use crate::talk::Talk;

/// Reads until the far end closes.
fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        Ok(_) | Err(_) => String::from_utf8(text).unwrap(),
    }
}

fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(expected));
}

#[test]
fn a_port_in_use_is_told_with_its_address_and_nothing_is_left_open() {
    let server = Server::both(2);
    let taken = server.address(Transport::Udp);
    let free = UdpSocket::bind(LOOPBACK).unwrap();
    let before = free.local_addr().unwrap();
    drop(free);
    let second = settings(2, &[(Transport::Udp, &before.to_string()), (Transport::Udp, &taken.to_string())]);
    let error = driver::open(second).unwrap_err();
    assert!(matches!(error, OpenError::InUse { transport: Transport::Udp, address } if address == taken));
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
    UdpSocket::bind(before).unwrap();

    let tcp = server.address(Transport::Tcp).to_string();
    let error = driver::open(settings(1, &[(Transport::Tcp, &tcp)])).unwrap_err();
    assert!(matches!(error, OpenError::InUse { transport: Transport::Tcp, .. }));
    let error = driver::open(settings(1, &[(Transport::Udp, "192.0.2.1:5060")])).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
}

#[test]
fn a_ping_is_answered_even_when_it_comes_in_two_pieces() {
    let server = Server::both(1);
    let mut stream = server.tcp();
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"\r\n\r\n").unwrap();
    expect(&mut stream, b"\r\n");
    stream.write_all(b"\r\n\r").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    stream.write_all(b"\n").unwrap();
    expect(&mut stream, b"\r\n");
}

#[test]
fn a_stream_that_cannot_be_cut_is_answered_and_closed() {
    let server = Server::both(1);
    let mut stream = server.tcp();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: north.test\r\n\r\n").unwrap();
    assert_eq!(read_all(&mut stream), "");

    let mut link = Link::Tcp(server.tcp());
    let request = request("OPTIONS", &link, "anne", "sip:north.test", 1, "", "");
    link.send(&request.replace("Content-Length: 0", "Content-Length: 70000"));
    let answer = link.next();
    assert!(answer.starts_with("SIP/2.0 513 Message Too Large\r\n"), "{answer}");
    assert!(answer.contains(&format!("Call-ID: net-test-{}\r\n", link.address())), "{answer}");
    let Link::Tcp(mut stream) = link else { return };
    assert_eq!(read_all(&mut stream), "");
}

#[test]
fn one_source_holds_its_share_of_streams_and_gets_places_back() {
    let mut settings = settings(2, &[(Transport::Tcp, LOOPBACK)]);
    settings.limits.streams_per_source = 2;
    let server = Server::start(settings);
    let mut held: Vec<TcpStream> = (0..2).map(|_| server.tcp()).collect();
    for stream in &mut held {
        stream.write_all(b"\r\n\r\n").unwrap();
        expect(stream, b"\r\n");
    }
    assert_eq!(read_all(&mut server.tcp()), "");
    assert!(matches!(server.next_fact(), Fact::Dropped(Dropped::Overload)));
    held.pop();
    let answered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        let mut stream = server.tcp();
        let mut pong = [0; 2];
        stream.write_all(b"\r\n\r\n").and_then(|()| stream.read_exact(&mut pong)).is_ok()
    });
    assert!(answered, "the place of a closed stream is free again");
}

#[test]
fn noise_is_dropped_and_the_next_message_is_still_read() {
    let server = Server::both(2);
    let socket = server.udp();
    for noise in [&b""[..], b"\r\n\r\n", b"\0\0\0\0", b"\x00\x01\x00\x00\x21\x12\xa4\x42"] {
        socket.send(noise).unwrap();
    }
    socket.send(b"HELLO\r\n\r\n").unwrap();
    assert!(matches!(server.next_fact(), Fact::Dropped(Dropped::Unreadable)));
    assert!(server.facts.lock().unwrap().recv_timeout(Duration::from_millis(50)).is_err());
}

#[test]
fn both_families_reach_a_wildcard_listener() {
    let server = Server::start(settings(1, &[(Transport::Udp, "[::]:0")]));
    let port = server.address(Transport::Udp).port();
    for (from, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
        let socket = UdpSocket::bind(from).unwrap();
        socket.send_to(b"HELLO\r\n\r\n", format!("{to}:{port}")).unwrap();
        assert!(matches!(server.next_fact(), Fact::Dropped(Dropped::Unreadable)), "{from}");
    }
}

#[test]
fn the_servers_stop_when_told_and_answer_operators_until_then() {
    let server = Server::both(2);
    let handle = server.running.handle().clone();
    let replies = block_on(async {
        let replies =
            tokio::time::timeout(PATIENCE, handle.admin(AdminRequest::Registrations)).await.unwrap();
        tokio::time::timeout(PATIENCE, handle.drain()).await.unwrap();
        replies
    });
    assert_eq!(replies.len(), 2);
    handle.stop();
    let address = server.address(Transport::Tcp);
    server.finish().unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn calls_that_outlast_the_drain_are_ended_at_both_phones() {
    let server = Server::both(2);
    let talk = Talk::begin(Link::Udp(server.udp()), Link::Udp(server.udp()));
    let told = std::thread::spawn(move || talk.is_ended());
    let handle = server.running.handle().clone();
    block_on(async { tokio::time::timeout(PATIENCE, handle.hang_up()).await.unwrap() });
    for bye in told.join().unwrap() {
        assert!(bye.starts_with("BYE ") && bye.contains("Reason: SIP;cause=503"), "{bye}");
    }
}

#[test]
fn a_panic_in_one_thread_ends_the_others_and_is_told() {
    let (_tell, facts) = channel();
    let listeners = [(Transport::Udp, LOOPBACK)];
    let server =
        Server::among(settings(2, &listeners), None, facts, |_: ServerIndex, _: &Fact| panic!("on purpose"));
    server.udp().send(b"HELLO\r\n\r\n").unwrap();
    assert!(matches!(server.finish(), Err(Ended::Panicked(_))));
}

#[test]
fn a_registration_is_challenged_and_then_granted_by_either_transport_and_any_thread() {
    let server = Server::both(3);
    for source in 0..6 {
        let mut link = if source % 2 == 0 { Link::Udp(server.udp()) } else { Link::Tcp(server.tcp()) };
        register(&mut link, 1);
    }
}

#[test]
fn the_registrar_of_another_domain_is_not_here() {
    let server = Server::both(1);
    let mut link = Link::Udp(server.udp());
    let uri = "sip:evil.test";
    let challenged = link.ask(&request("REGISTER", &link, "anne", uri, 1, "", ""));
    let proof = prove(&challenged, "REGISTER", "anne", uri);
    let answer = link.ask(&request("REGISTER", &link, "anne", uri, 2, &proof, ""));
    assert!(answer.starts_with("SIP/2.0 404 "), "{answer}");
    // A Path back to ourselves, under whatever name, is no loop: calls go to where the REGISTER came from.
    let port = server.address(Transport::Udp).port();
    for (number, host) in (0..).zip(["localhost", "proxy.test"]) {
        let challenged =
            link.ask(&request("REGISTER", &link, "anne", "sip:north.test", 10 + 2 * number, "", ""));
        let path = format!("Supported: path\r\nPath: <sip:{host}:{port};lr>\r\n");
        let proof = prove(&challenged, "REGISTER", "anne", "sip:north.test") + &path;
        let register = request("REGISTER", &link, "anne", "sip:north.test", 11 + 2 * number, &proof, "");
        let answer = link.ask(&register);
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

#[test]
fn messages_in_one_segment_and_messages_in_pieces_are_each_answered() {
    let server = Server::both(2);
    let mut link = Link::Tcp(server.tcp());
    let text = request("REGISTER", &link, "anne", "sip:north.test", 1, "", "");
    link.send(&text.repeat(3));
    for _ in 0..3 {
        assert!(link.next().starts_with("SIP/2.0 401 "));
    }
    for piece in text.as_bytes().chunks(100) {
        link.send(std::str::from_utf8(piece).unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(link.next().starts_with("SIP/2.0 401 "));
}

#[test]
fn streams_that_keep_us_waiting_are_closed_and_those_of_registered_phones_are_not() {
    let mut settings = settings(1, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
    settings.limits.stranger_s = 0;
    let server = Server::start(settings.clone());
    let mut link = Link::Tcp(server.tcp());
    register(&mut link, 1);
    let mut stranger = server.tcp();
    assert_eq!(read_all(&mut stranger), "");
    register(&mut link, 3);

    settings.limits = Limits { stall_s: 0, ..Limits::default() };
    let server = Server::start(settings);
    let mut slow = server.tcp();
    slow.write_all(b"REGISTER sip:north.test SIP/2.0\r\n").unwrap();
    assert_eq!(read_all(&mut slow), "");
}

/// How long anne's phone waits for answers while `flood` goes on, the longest first.
#[allow(clippy::disallowed_methods, reason = "what is measured is real time")]
fn waits(server: &Server, link: &mut Link, flood: impl FnOnce(&Server) -> Flood) -> Vec<Duration> {
    let flood = flood(server);
    let text = request("OPTIONS", link, "anne", "sip:north.test", 1, "", "");
    let mut waits: Vec<Duration> = (0..40)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let asked = Instant::now();
            assert!(link.ask(&text).starts_with("SIP/2.0 407 "));
            asked.elapsed()
        })
        .collect();
    drop(flood);
    waits.sort_by(|a, b| b.cmp(a));
    waits
}

/// Connections by which strangers send as much as is read, and read the answers. Ends on drop.
struct Flood {
    streams: Vec<TcpStream>,
}

impl Flood {
    fn start(server: &Server, connections: usize) -> Self {
        let streams: Vec<_> = (0..connections).map(|_| server.tcp()).collect();
        for stream in &streams {
            let mut link = Link::Tcp(stream.try_clone().unwrap());
            let users = ["anne", "bob", "carl", "dora"];
            let asked = users.map(|user| request("OPTIONS", &link, user, "sip:north.test", 1, "", ""));
            let mut answers = stream.try_clone().unwrap();
            std::thread::spawn(move || while answers.read(&mut [0; 16_384]).is_ok_and(|len| len > 0) {});
            let Link::Tcp(stream) = &mut link else { unreachable!() };
            let mut stream = stream.try_clone().unwrap();
            std::thread::spawn(
                move || while stream.write_all(asked.concat().repeat(50).as_bytes()).is_ok() {},
            );
        }
        // It is under way when the first socket's room has been used up.
        std::thread::sleep(Duration::from_millis(300));
        Self { streams }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        for stream in &self.streams {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn what_strangers_pour_in_by_streams_holds_up_nobody() {
    for (servers, connections) in [(1, 1), (2, 4)] {
        let server = Server::both(servers);
        let mut link = Link::Udp(server.udp());
        let waits = waits(&server, &mut link, |server| Flood::start(server, connections));
        // The longest waits are the machine's own business when it is busy: the half of them is ours.
        let median = waits[waits.len() / 2];
        assert!(median < Duration::from_millis(200), "{servers} servers, {connections} floods: {waits:?}");
    }
}

#[test]
fn a_phone_that_never_reads_is_let_go() {
    let server = Server::both(1);
    let mut link = Link::Tcp(server.tcp());
    let text = request("REGISTER", &link, "anne", "sip:north.test", 1, "", "").repeat(100);
    let Link::Tcp(stream) = &mut link else { return };
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let error = (0..1000).find_map(|_| stream.write_all(text.as_bytes()).err()).unwrap();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
}

/// The page of 1,500 bytes that anne sends bob, and its answer.
fn long_page(server: &Server) -> String {
    let mut link = Link::Udp(server.udp());
    let body = "x".repeat(1500);
    let challenged = link.ask(&request("MESSAGE", &link, "anne", "sip:bob@north.test", 1, "", &body));
    assert!(challenged.starts_with("SIP/2.0 407 "), "{challenged}");
    let proof = prove(&challenged, "MESSAGE", "anne", "sip:bob@north.test");
    link.ask(&request("MESSAGE", &link, "anne", "sip:bob@north.test", 2, &proof, &body))
}

#[test]
fn a_long_request_goes_by_tcp_where_that_connects() {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let server = Server::with_phone(2, listener.local_addr().unwrap());
    let phone = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut link = Link::Tcp(stream);
        // Both pages come by one connection.
        for _ in 0..2 {
            let page = link.next();
            assert!(page.starts_with("MESSAGE sip:bob@") && page.contains("Via: SIP/2.0/TCP "), "{page}");
            link.send(&accepted(&page));
        }
    });
    for _ in 0..2 {
        let answer = long_page(&server);
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
    phone.join().unwrap();
}

#[test]
fn a_long_request_goes_as_a_datagram_where_tcp_is_refused() {
    let phone = UdpSocket::bind(LOOPBACK).unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = Server::with_phone(2, phone.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut page = [0; 4096];
        let (len, source) = phone.recv_from(&mut page).unwrap();
        let page = std::str::from_utf8(&page[..len]).unwrap();
        assert!(page.contains("Via: SIP/2.0/UDP ") && len > 1500, "{page}");
        phone.send_to(accepted(page).as_bytes(), source).unwrap();
    });
    let answer = long_page(&server);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    answering.join().unwrap();
}
