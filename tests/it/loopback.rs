//! A server on free ports of the loopback, and phones to reach it with.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ratatosk::base::{Cid, Limits, ServerIndex, Uid};
use ratatosk::config::{Algorithm, Features, Listener, Settings};
use ratatosk::effect::store::{Script, StoredBinding, StoredUser};
use ratatosk::effect::{Fact, StoreOp, StoreOutcome, Ticket, Transport};
use ratatosk::io::clock::Clock;
use ratatosk::io::driver::{self, Answers, Ended, Running, World};
use ratatosk::io::store::ha1;
use ratatosk::routing::Profile;
use ratatosk::sip::digest::{self, Challenge};
use ratatosk::sip::{Frame, frame};
use tungstenite::WebSocket;

use crate::secured::{Carrier, Tls};

pub(crate) const LOOPBACK: &str = "127.0.0.1:0";
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A store in which anne and bob are, whose password is `pw`; bob's phone is at `phone`.
pub(crate) struct People {
    answers: Answers,
    listener: String,
    phone: Option<SocketAddr>,
}

impl driver::Store for People {
    fn submit(&self, from: ServerIndex, ticket: Ticket, op: StoreOp) {
        let outcome = match op {
            StoreOp::LoadUser(uid) => StoreOutcome::User(self.user(uid).map(Box::new)),
            StoreOp::FindNumber(_) => StoreOutcome::Number(None),
            StoreOp::SaveBindings { .. }
            | StoreOp::PutProperty { .. }
            | StoreOp::Activate { .. }
            | StoreOp::PutCall(_)
            | StoreOp::PutPage(_)
            | StoreOp::PutInbox(_)
            | StoreOp::Delivered { .. }
            | StoreOp::PutOutbox(..)
            | StoreOp::DeferOutbox { .. }
            | StoreOp::SettleOutbox { .. } => StoreOutcome::Saved,
            StoreOp::LoadOutbox { .. } => StoreOutcome::Outbox(Vec::new(), None),
            StoreOp::LoadInbox { .. } => StoreOutcome::Inbox(Vec::new()),
            StoreOp::LoadDue { .. } => StoreOutcome::Due(Vec::new()),
            StoreOp::ImportScript { .. } => StoreOutcome::Imported(Ok(Script::Same)),
            StoreOp::FindCircles { .. } => StoreOutcome::Circles(None),
        };
        self.answers.give(from, [(ticket, outcome)]);
    }
}

impl People {
    pub(crate) fn user(&self, uid: Uid) -> Option<StoredUser> {
        let phone = self.phone.filter(|_| uid.user() == "bob");
        ["anne", "bob"].contains(&uid.user()).then(|| StoredUser {
            bindings: phone.map(|phone| self.binding(phone)).into_iter().collect(),
            ..StoredUser::new(uid.clone(), ha1(&uid, "pw"))
        })
    }

    pub(crate) fn binding(&self, phone: SocketAddr) -> StoredBinding {
        StoredBinding {
            key: "bob's".into(),
            contact: format!("sip:bob@{phone}"),
            target: phone,
            transport: Transport::Udp,
            listener: self.listener.clone(),
            path: String::new(),
            q: 1000,
            instance: String::new(),
            features: String::new(),
            user_agent: String::new(),
            call_id: "bob".into(),
            cseq: 1,
            expires_s: i64::from(u32::MAX),
            granted_s: 3600,
            wake_s: None,
        }
    }
}

pub(crate) fn settings(servers: u8, listeners: &[(Transport, &str)]) -> Settings {
    let listener =
        |(transport, address): &(Transport, &str)| Listener::plain(*transport, address.parse().unwrap());
    let profile = "profile \"default\" {\n  incoming {\n    otherwise -> try clients\n  }\n}\n";
    Settings {
        cid: Cid::new("north.test"),
        own_hosts: ["127.0.0.1".to_owned()].into(),
        listeners: listeners.iter().map(listener).collect(),
        digest: vec![Algorithm::Md5],
        key: [7; 32],
        epoch: 1,
        default_profile: Arc::new(Profile::compile(profile).unwrap()),
        features: Features::default(),
        peers: Vec::new(),
        servers,
        dns: Vec::new(),
        push: None,
        limits: Limits::default(),
    }
}

/// A server on free ports of the loopback.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) settings: Arc<Settings>,
    pub(crate) facts: Mutex<Receiver<Fact>>,
}

impl Server {
    pub(crate) fn start(settings: Settings) -> Self {
        let (tell, facts) = channel();
        let observer = move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone()));
        Self::among(settings, None, facts, observer)
    }

    /// As [`Server::both`], with bob's phone at this address.
    pub(crate) fn with_phone(servers: u8, phone: SocketAddr) -> Self {
        let settings = settings(servers, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
        Self::among(settings, Some(phone), channel().1, |_: ServerIndex, _: &Fact| {})
    }

    pub(crate) fn among(
        settings: Settings,
        phone: Option<SocketAddr>,
        facts: Receiver<Fact>,
        observer: impl driver::Observer + 'static,
    ) -> Self {
        let opened = driver::open(settings).unwrap();
        let settings = Arc::clone(opened.settings());
        let listener = settings.listeners.first().map(|own| format!("{}:{}", own.transport, own.address));
        let store = Arc::new(People { answers: opened.answers(), listener: listener.unwrap(), phone });
        let world = World { clock: Clock::start(), store, observer: Arc::new(observer) };
        Self { running: driver::run(opened, &world).unwrap(), settings, facts: Mutex::new(facts) }
    }

    pub(crate) fn both(servers: u8) -> Self {
        Self::start(settings(servers, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]))
    }

    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        self.settings.listeners.iter().find(|listener| listener.transport == transport).unwrap().address
    }

    pub(crate) fn tcp(&self) -> TcpStream {
        self.connect(Transport::Tcp)
    }

    pub(crate) fn udp(&self) -> UdpSocket {
        let socket = UdpSocket::bind(LOOPBACK).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(self.address(Transport::Udp)).unwrap();
        socket
    }

    pub(crate) fn connect(&self, transport: Transport) -> TcpStream {
        let stream = TcpStream::connect(self.address(transport)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn next_fact(&self) -> Fact {
        self.facts.lock().unwrap().recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn finish(self) -> Result<(), Ended> {
        block_on(self.running.join())
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Registers anne, with a challenge in between.
pub(crate) fn register(link: &mut Link, cseq: u32) {
    let challenged = link.ask(&request("REGISTER", link, "anne", "sip:north.test", cseq, "", ""));
    assert!(challenged.starts_with("SIP/2.0 401 "), "{challenged}");
    let proof = prove(&challenged, "REGISTER", "anne", "sip:north.test");
    let answer = link.ask(&request("REGISTER", link, "anne", "sip:north.test", cseq + 1, &proof, ""));
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
}

/// A phone's way to the server.
pub(crate) enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<Tls>),
    Web(&'static str, Box<WebSocket<Carrier>>),
}

impl Link {
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Udp(_) => "UDP",
            Self::Tcp(_) => "TCP",
            Self::Tls(_) => "TLS",
            Self::Web(name, _) => name,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr().unwrap(),
            Self::Tcp(stream) => stream.local_addr().unwrap(),
            Self::Tls(tls) => tls.sock.local_addr().unwrap(),
            Self::Web(_, socket) => socket.get_ref().socket().local_addr().unwrap(),
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        match self {
            Self::Udp(socket) => assert_eq!(socket.send(text.as_bytes()).unwrap(), text.len()),
            Self::Tcp(stream) => stream.write_all(text.as_bytes()).unwrap(),
            Self::Tls(tls) => tls.write_all(text.as_bytes()).unwrap(),
            Self::Web(_, socket) => socket.send(text.into()).unwrap(),
        }
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> String {
        let mut text = Vec::new();
        match self {
            Self::Udp(socket) => {
                text.resize(65_536, 0);
                let len = socket.recv(&mut text).unwrap();
                text.truncate(len);
            }
            Self::Tcp(stream) => text = cut(stream),
            Self::Tls(tls) => text = cut(tls),
            Self::Web(_, socket) => text = socket.read().unwrap().into_data().to_vec(),
        }
        String::from_utf8(text).unwrap()
    }

    /// Asks, and takes the final answer to that.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(request);
        let cseq = request.lines().find(|line| line.starts_with("CSeq")).unwrap();
        loop {
            let answer = self.next();
            if !answer.starts_with("SIP/2.0 1") && answer.contains(cseq) {
                return answer;
            }
        }
    }
}

/// The next message of a stream.
fn cut(stream: &mut impl Read) -> Vec<u8> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    loop {
        match frame(&text, 65_536) {
            Frame::Message { len } => {
                assert_eq!(len, text.len());
                return text;
            }
            Frame::Need => stream.read_exact(&mut byte).unwrap(),
            broken @ (Frame::KeepAlive { .. } | Frame::Broken(_)) => panic!("{broken:?}"),
        }
        text.push(byte[0]);
    }
}

pub(crate) fn accepted(request: &str) -> String {
    let owed = ["Via", "From", "To", "Call-ID", "CSeq"];
    let mut answer = String::from("SIP/2.0 200 OK\r\n");
    for line in request.lines().filter(|line| owed.iter().any(|name| line.starts_with(&format!("{name}:")))) {
        let begins = line.starts_with("To:") && !line.contains(";tag=");
        let tag = if begins { ";tag=bob" } else { "" };
        let _ = write!(answer, "{line}{tag}\r\n");
    }
    answer + "Content-Length: 0\r\n\r\n"
}

/// The header that answers a challenge.
pub(crate) fn prove(challenged: &str, method: &str, user: &str, uri: &str) -> String {
    let line = challenged.lines().find(|line| line.contains("-Authenticate: ")).unwrap();
    let (name, value) = line.split_once(": ").unwrap();
    let challenge = Challenge::parse(value.as_bytes()).unwrap();
    let ha1 = digest::ha1(challenge.algorithm, user.as_bytes(), challenge.realm.as_bytes(), b"pw");
    let answer = challenge.answer((user, &ha1), (method, uri), ("c0ffee", 1));
    let name = if name.starts_with("WWW") { "Authorization" } else { "Proxy-Authorization" };
    format!("{name}: {answer}\r\n")
}

pub(crate) fn request(
    method: &str,
    link: &Link,
    from: &str,
    uri: &str,
    cseq: u32,
    proof: &str,
    body: &str,
) -> String {
    let (transport, address) = (link.transport(), link.address());
    let to = if method == "REGISTER" { "sip:anne@north.test" } else { uri };
    let content = if body.is_empty() { "" } else { "Content-Type: text/plain\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {address};rport;branch=z9hG4bKnet{cseq}\r\n\
         From: <sip:{from}@north.test>;tag=1\r\nTo: <{to}>\r\n\
         Call-ID: net-test-{address}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
         Contact: <sip:{from}@{address}>\r\n{proof}{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
