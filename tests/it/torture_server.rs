//! The torture messages of RFC 4475 and RFC 5118, each sent to a user server of its own, and to a real
//! server by each transport that frames messages in its own way.
//!
//! To the user server twice: as it came, so that a stranger's request is seen; and once more with credentials of the
//! user in its From, in a cluster that serves his domain, so that what comes after the challenge is
//! seen too. An answer has to be one of the table's, and silence only where the table allows it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::{At, Cid, Limits, Now, Rng, ServerIndex, Uid};
use ratatosk::config::{Algorithm, Features, Listener, Settings};
use ratatosk::effect::store::{Script, Secrets, StoredUser};
use ratatosk::effect::{Effect, Flow, Outcome, StoreOp, StoreOutcome, Transport};
use ratatosk::routing::Profile;
use ratatosk::server::{Input, Output, UserServer};
use ratatosk::sip::digest::{self, Challenge};
use ratatosk::sip::{Message, Method, Name, Uri};

use crate::loopback::{LOOPBACK, Server, settings};
use crate::secured::{Carrier, greet};
use crate::torture::{Torture, read};

/// A server of one user, and whatever it sent.
struct Bench {
    server: UserServer,
    cid: String,
    sent: Vec<Bytes>,
}

impl Bench {
    fn new(cid: &str) -> Self {
        let listener = Listener {
            advertise: "192.0.2.1".to_owned(),
            ..Listener::plain(Transport::Udp, "192.0.2.1:5060".parse().unwrap())
        };
        let settings = Settings {
            cid: Cid::new(cid),
            own_hosts: BTreeSet::from(["192.0.2.1".to_owned()]),
            listeners: vec![listener],
            digest: vec![Algorithm::Md5],
            key: [7; 32],
            epoch: 1,
            default_profile: Arc::new(
                Profile::compile("profile \"default\" { incoming { otherwise -> try clients } }").unwrap(),
            ),
            features: Features::default(),
            peers: Vec::new(),
            servers: 1,
            dns: Vec::new(),
            push: None,
            limits: Limits::default(),
        };
        let server = UserServer::new(Arc::new(settings), ServerIndex(0), Rng::from_seed(1));
        Self { server, cid: cid.to_owned(), sent: Vec::new() }
    }

    /// Sends a datagram and serves what the server asks of its store: everybody in it exists.
    fn send(&mut self, bytes: Bytes) {
        let Ok(message) = Message::parse(bytes, &Limits::default()) else { return };
        let flow = Flow { listener: 0, remote: "192.0.2.9:5060".parse().unwrap(), stream: None };
        let mut inputs = vec![Input::Message { flow, message }];
        let now = Now { at: At::from_micros(1), wall_ms: 1_700_000_000_000 };
        while let Some(input) = inputs.pop() {
            let mut output = Output::default();
            self.server.handle(now, input, &mut output);
            for effect in output.effects {
                match effect {
                    Effect::Send { bytes, .. } => self.sent.push(bytes),
                    Effect::SendLong { datagram, .. } => self.sent.push(datagram),
                    Effect::Store { ticket, op } => {
                        inputs.push(Input::Outcome(ticket, Outcome::Store(self.store(&op))));
                    }
                    Effect::Fact(_)
                    | Effect::Resolve { .. }
                    | Effect::HearFrom { .. }
                    | Effect::Push { .. } => {}
                }
            }
        }
    }

    fn store(&self, op: &StoreOp) -> StoreOutcome {
        match op {
            StoreOp::LoadUser(uid) => {
                StoreOutcome::User(Some(Box::new(StoredUser::new(uid.clone(), secrets(uid, &self.cid)))))
            }
            StoreOp::FindNumber(_) => StoreOutcome::Number(None),
            StoreOp::SaveBindings { .. }
            | StoreOp::PutProperty { .. }
            | StoreOp::Activate { .. }
            | StoreOp::PutCall(_)
            | StoreOp::PutPage(_)
            | StoreOp::PutInbox(_)
            | StoreOp::PutOutbox(..)
            | StoreOp::DeferOutbox { .. }
            | StoreOp::SettleOutbox { .. }
            | StoreOp::Delivered { .. } => StoreOutcome::Saved,
            StoreOp::LoadOutbox { .. } => StoreOutcome::Outbox(Vec::new(), None),
            StoreOp::LoadInbox { .. } => StoreOutcome::Inbox(Vec::new()),
            StoreOp::LoadDue { .. } => StoreOutcome::Due(Vec::new()),
            StoreOp::ImportScript { .. } => StoreOutcome::Imported(Ok(Script::Same)),
            StoreOp::FindCircles { .. } => StoreOutcome::Circles(None),
        }
    }

    /// The final status, or else the last one.
    fn status(&self) -> Option<u16> {
        let statuses = self.sent.iter().filter_map(|bytes| {
            let message = Message::parse(bytes.clone(), &Limits::default()).ok()?;
            (!message.is_request()).then(|| message.status())
        });
        statuses.max()
    }
}

fn secrets(uid: &Uid, realm: &str) -> Secrets {
    let hex = |algorithm, user: &str| {
        digest::ha1(algorithm, user.as_bytes(), realm.as_bytes(), b"secret").as_bytes().to_vec()
    };
    Secrets {
        md5: hex(digest::Algorithm::Md5, uid.user()).try_into().unwrap(),
        sha256: hex(digest::Algorithm::Sha256, uid.user()).try_into().unwrap(),
        md5_uid: hex(digest::Algorithm::Md5, uid.as_str()).try_into().unwrap(),
        sha256_uid: hex(digest::Algorithm::Sha256, uid.as_str()).try_into().unwrap(),
    }
}

/// The same message with credentials for the challenge that it was given.
fn with_credentials(original: &Message, challenged: &Message, user: &str, realm: &str) -> Bytes {
    let name = if original.method() == Method::Register {
        (Name::WwwAuthenticate, "Authorization")
    } else {
        (Name::ProxyAuthenticate, "Proxy-Authorization")
    };
    let challenge = Challenge::parse(challenged.header(name.0).unwrap()).unwrap();
    let ha1 = digest::ha1(digest::Algorithm::Md5, user.as_bytes(), realm.as_bytes(), b"secret");
    let method = String::from_utf8(original.method_bytes().to_vec()).unwrap();
    let uri = String::from_utf8(original.request_uri().to_vec()).unwrap();
    let answer = challenge.answer((user, &ha1), (&method, &uri), ("c", 1));
    let raw = original.raw();
    let line_end = raw.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
    let mut bytes = raw[..line_end].to_vec();
    bytes.extend_from_slice(format!("{}: {answer}\r\n", name.1).as_bytes());
    bytes.extend_from_slice(&raw[line_end..]);
    bytes.into()
}

fn is_right(torture: &Torture, status: Option<u16>) -> bool {
    match status {
        None => torture.may_drop,
        // A challenge is a sensible answer to whatever was understood.
        Some(401 | 407) => torture.may_be_understood() || torture.allows(401) || torture.allows(407),
        Some(status) => torture.allows(status) || torture.may_be_understood(),
    }
}

#[test]
fn every_torture_message_is_answered_as_its_table_says() {
    let mut wrong = Vec::new();
    for torture in read() {
        let mut stranger = Bench::new("north.test");
        stranger.send(torture.bytes.clone());
        let first = stranger.status();
        let second = as_user(&torture, stranger.sent.len());
        let right = is_right(&torture, first) && second.is_none_or(|status| is_right(&torture, Some(status)));
        let show = |status: Option<u16>| status.map_or("-".to_owned(), |status| status.to_string());
        println!(
            "{:6} {:40} {:4} {:4} table: {}",
            if right { "ok" } else { "WRONG" },
            torture.name,
            show(first),
            show(second),
            torture.right.join(" ")
        );
        if !right {
            wrong.push(torture.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// How a message reaches a real server.
const WAYS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Ws];

/// Sends a message to a real server by one of its ways and ends what carried it; the status of the
/// first answer.
fn on_the_wire(server: &Server, way: Transport, torture: &Torture) -> Option<u16> {
    let answer = match way {
        Transport::Udp => by_datagram(server, torture),
        Transport::Tcp => {
            let mut stream = server.tcp();
            stream.write_all(&torture.bytes).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).unwrap();
            answers
        }
        Transport::Ws | Transport::Tls | Transport::Wss => {
            let carrier = Carrier::Plain(server.connect(way));
            let mut socket = greet(carrier, Some("sip"), None).unwrap();
            socket.send(tungstenite::Message::Binary(torture.bytes.clone())).unwrap();
            socket.close(None).unwrap();
            match socket.read().unwrap() {
                tungstenite::Message::Close(_) => Vec::new(),
                answer => answer.into_data().to_vec(),
            }
        }
    };
    let text = String::from_utf8_lossy(&answer);
    Some(text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().unwrap())
}

/// The answer comes to the port that the Via names (RFC 3261 §18.2.2).
fn by_datagram(server: &Server, torture: &Torture) -> Vec<u8> {
    let message = Message::parse(torture.bytes.clone(), &Limits::default());
    let port = message.ok().and_then(|message| message.via()?.port).unwrap_or(5060);
    let socket = UdpSocket::bind(("127.0.0.66", port)).unwrap();
    let patience = Duration::from_millis(if torture.may_drop { 200 } else { 5_000 });
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.send_to(&torture.bytes, server.address(Transport::Udp)).unwrap();
    let mut answer = vec![0; 65_536];
    let len = socket.recv(&mut answer).unwrap_or(0);
    answer.truncate(len);
    answer
}

#[test]
fn every_torture_message_is_answered_by_datagram_stream_and_web_socket() {
    let server = Server::start(settings(2, &WAYS.map(|way| (way, LOOPBACK))));
    let mut wrong = Vec::new();
    for torture in read() {
        for way in WAYS {
            let status = on_the_wire(&server, way, &torture);
            println!("{way:4} {:40} {status:?}", torture.name);
            if !is_right(&torture, status) {
                wrong.push((torture.name.clone(), way, status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What the user in the From is answered, where there is one whom a cluster could serve and his
/// request gets as far as a challenge.
fn as_user(torture: &Torture, answers: usize) -> Option<u16> {
    let message = Message::parse(torture.bytes.clone(), &Limits::default()).ok()?;
    // Good credentials beside those of an unknown scheme are good credentials.
    let tests_credentials = torture.name == "regaut01";
    if tests_credentials || answers == 0 || !message.is_request() || message.fault().is_some() {
        return None;
    }
    let from = message.from()?.uri.to_vec();
    let uri = Uri::parse(&from).ok()?;
    let (user, domain) = (uri.user_text()?.into_owned(), uri.host_text().to_owned());
    Uid::new(&user, &domain).ok()?;
    let mut bench = Bench::new(&domain);
    bench.send(torture.bytes.clone());
    let challenged = Message::parse(bench.sent.first()?.clone(), &Limits::default()).ok()?;
    if !matches!(challenged.status(), 401 | 407) {
        return None;
    }
    let bytes = with_credentials(&message, &challenged, &user, &bench.cid.clone());
    bench.sent.clear();
    bench.send(bytes);
    bench.status()
}
