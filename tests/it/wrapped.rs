//! SIPp by TLS and by WebSocket: Debian's speaks neither, so what it says by TCP is wrapped on the way to the server,
//! and what comes back is unwrapped.

#![allow(clippy::disallowed_methods, reason = "real programs live in real time")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ratatosk::sip::{Frame, frame};
use tungstenite::{Message, WebSocket};

use crate::loopback::LOOPBACK;
use crate::process::peers;
use crate::secured::{Carrier, Tls, greet, tls};
use crate::server_process::{Server, Transport};
use crate::sipp::Stage;

/// How long either side is listened to before the other one is.
const TURN: Duration = Duration::from_millis(5);

/// The far end, as it is spoken to.
enum Far {
    Tls(Box<Tls>),
    Web(Box<WebSocket<Carrier>>),
}

impl Far {
    fn send(&mut self, message: &str) {
        match self {
            Self::Tls(tls) => tls.write_all(message.as_bytes()).unwrap(),
            Self::Web(web) => web.send(message.into()).unwrap(),
        }
    }

    /// What has come within a turn; nothing is no error, the end is one.
    fn hear(&mut self) -> io::Result<Vec<u8>> {
        let heard = match self {
            Self::Tls(tls) => read(tls),
            Self::Web(web) => match web.read() {
                Ok(Message::Text(text)) => Ok(text.as_bytes().to_vec()),
                Ok(_) => Ok(Vec::new()),
                Err(tungstenite::Error::Io(error)) => Err(error),
                Err(_) => Err(ErrorKind::UnexpectedEof.into()),
            },
        };
        match heard {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(Vec::new())
            }
            heard => heard,
        }
    }
}

fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let len = stream.read(&mut buffer)?;
    buffer.truncate(len);
    if len == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(buffer) }
}

/// Hands on what a phone says by TCP until either side closes. The phone is made to say that it speaks `name`.
fn hand_on(mut phone: TcpStream, mut far: Far, name: &str) {
    phone.set_read_timeout(Some(TURN)).unwrap();
    let via = format!("SIP/2.0/{name} ");
    let uri = if name == "TLS" { ";transport=tls" } else { ";transport=ws" };
    let mut said = Vec::new();
    loop {
        match read(&mut phone) {
            Ok(bytes) => said.extend(bytes),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        while let Frame::Message { len } = frame(&said, 65_536) {
            let message: Vec<u8> = said.drain(..len).collect();
            let text = String::from_utf8(message).unwrap();
            far.send(&text.replace("SIP/2.0/TCP ", &via).replace(";transport=TCP", uri));
        }
        match far.hear() {
            Ok(bytes) => phone.write_all(&bytes).unwrap(),
            Err(_) => return,
        }
    }
}

/// Where a phone that speaks TCP reaches a listener of the server that speaks this.
fn wrapped(server: &Server, name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    let server_at =
        if name == "TLS" { server.address_for(Transport::Tls) } else { server.web_address(name == "WSS") };
    let believes = server.signer().unwrap().client(None);
    std::thread::spawn(move || {
        for phone in listener.incoming() {
            let stream = TcpStream::connect(&server_at).unwrap();
            let socket = stream.try_clone().unwrap();
            let secure = |stream| Box::new(tls(believes.clone(), "north.test", stream));
            let far = match name {
                "TLS" => Far::Tls(secure(stream)),
                "WSS" => Far::Web(Box::new(greet(Carrier::Tls(secure(stream)), Some("sip"), None).unwrap())),
                _ => Far::Web(Box::new(greet(Carrier::Plain(stream), Some("sip"), None).unwrap())),
            };
            socket.set_read_timeout(Some(TURN)).unwrap();
            std::thread::spawn(move || hand_on(phone.unwrap(), far, name));
        }
    });
    address
}

/// Both phones speak this: one registers and takes calls and pages of the other, early media and a hold too.
fn plays(name: &'static str) {
    if !peers(&["sipp"]) {
        return;
    }
    let server = Server::secured();
    let at = wrapped(&server, name).to_string();
    let stage = Stage::by(server, at);
    stage.anne("register.xml", "anne", &[]);
    for (takes, plays) in [
        ("early_media.xml", "call_early_media.xml"),
        ("reliable.xml", "call_reliable.xml"),
        ("hold_answer.xml", "hold.xml"),
        ("busy.xml", "call_refused.xml"),
        ("ring.xml", "cancel.xml"),
        ("take_page.xml", "page.xml"),
    ] {
        let carl = stage.phone("carl", takes, 1, &[]);
        stage.anne(plays, "carl", &["-key", "status", "486"]);
        carl.ends_well();
    }
    let carl = stage.phone("carl", "answer.xml", 20, &[]);
    stage.anne("call.xml", "carl", &["-set", "together", "20", "-m", "20", "-r", "100", "-l", "20"]);
    carl.ends_well();
}

#[test]
fn phones_by_tls() {
    plays("TLS");
}

#[test]
fn phones_by_web_socket() {
    plays("WS");
}

#[test]
fn phones_by_secure_web_socket() {
    plays("WSS");
}
