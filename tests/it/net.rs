//! The driver on real sockets of the loopback: listeners, framing, limits, ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ratatosk::base::{Cid, Limits, ServerIndex};
use ratatosk::config::{Algorithm, Face, Listener, Settings};
use ratatosk::effect::admin::AdminRequest;
use ratatosk::effect::fact::Dropped;
use ratatosk::effect::{Fact, StoreOp, StoreOutcome, Ticket, Transport};
use ratatosk::io::clock::Clock;
use ratatosk::io::driver::{self, Answers, Ended, Running, World};
use ratatosk::io::net::listen::OpenError;
use ratatosk::routing::Profile;

const LOOPBACK: &str = "127.0.0.1:0";
const PATIENCE: Duration = Duration::from_secs(5);

/// A store in which there is nobody.
struct NoUsers(Answers);

impl driver::Store for NoUsers {
    fn submit(&self, from: ServerIndex, ticket: Ticket, op: StoreOp) {
        let outcome = match op {
            StoreOp::LoadUser(_) => StoreOutcome::User(None),
            StoreOp::FindNumber(_) => StoreOutcome::Number(None),
            StoreOp::SaveBindings { .. } | StoreOp::PutCall(_) | StoreOp::PutPage(_) => StoreOutcome::Saved,
        };
        self.0.give(from, [(ticket, outcome)]);
    }
}

fn settings(servers: u8, listeners: &[(Transport, &str)]) -> Settings {
    let listener = |(transport, address): &(Transport, &str)| Listener {
        transport: *transport,
        address: address.parse().unwrap(),
        advertise: (*address).to_owned(),
        face: Face::Access,
    };
    let profile = "profile \"default\" {\n  incoming {\n    otherwise -> try clients\n  }\n}\n";
    Settings {
        cid: Cid::new("north.test"),
        own_hosts: ["127.0.0.1".to_owned()].into(),
        listeners: listeners.iter().map(listener).collect(),
        digest: vec![Algorithm::Md5],
        key: [7; 32],
        epoch: 1,
        default_profile: Arc::new(Profile::compile(profile).unwrap()),
        servers,
        limits: Limits::default(),
    }
}

/// A server on free ports of the loopback.
struct Server {
    running: Running,
    settings: Arc<Settings>,
    facts: Mutex<Receiver<Fact>>,
}

impl Server {
    fn start(settings: Settings) -> Self {
        let (tell, facts) = channel();
        Self::watched(settings, facts, move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone())))
    }

    fn watched(settings: Settings, facts: Receiver<Fact>, observer: impl driver::Observer + 'static) -> Self {
        let opened = driver::open(settings).unwrap();
        let settings = Arc::clone(opened.settings());
        let store = Arc::new(NoUsers(opened.answers()));
        let world = World { clock: Clock::start(), store, observer: Arc::new(observer) };
        Self { running: driver::run(opened, &world).unwrap(), settings, facts: Mutex::new(facts) }
    }

    fn both(servers: u8) -> Self {
        Self::start(settings(servers, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]))
    }

    fn address(&self, transport: Transport) -> SocketAddr {
        self.settings.listeners.iter().find(|listener| listener.transport == transport).unwrap().address
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address(Transport::Tcp)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn udp(&self) -> UdpSocket {
        let socket = UdpSocket::bind(LOOPBACK).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(self.address(Transport::Udp)).unwrap();
        socket
    }

    fn next_fact(&self) -> Fact {
        self.facts.lock().unwrap().recv_timeout(PATIENCE).unwrap()
    }

    fn finish(self) -> Result<(), Ended> {
        block_on(self.running.join())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

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

    let mut stream = server.tcp();
    let request = request("OPTIONS", "TCP").replace("Content-Length: 0", "Content-Length: 70000");
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("SIP/2.0 513 Message Too Large\r\n"), "{answer}");
    assert!(answer.contains("Call-ID: net-test\r\n"), "{answer}");
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
fn a_panic_in_one_thread_ends_the_others_and_is_told() {
    let (_tell, facts) = channel();
    let listeners = [(Transport::Udp, LOOPBACK)];
    let server =
        Server::watched(settings(2, &listeners), facts, |_: ServerIndex, _: &Fact| panic!("on purpose"));
    server.udp().send(b"HELLO\r\n\r\n").unwrap();
    assert!(matches!(server.finish(), Err(Ended::Panicked(_))));
}

fn request(method: &str, transport: &str) -> String {
    format!(
        "{method} sip:north.test SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 127.0.0.1:5999;rport;branch=z9hG4bKnet\r\n\
         From: <sip:anne@north.test>;tag=1\r\nTo: <sip:anne@north.test>\r\n\
         Call-ID: net-test\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}
