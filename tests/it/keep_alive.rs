//! What keeps flows alive, on real sockets: STUN beside SIP on one port, and streams whose phones have
//! promised to ping.

#![allow(clippy::disallowed_methods, reason = "connections close in real time")]
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ratatosk::effect::Transport;

use crate::loopback::{LOOPBACK, Link, Server, prove, register, request, settings};

#[test]
fn stun_is_answered_on_the_port_of_sip() {
    let server = Server::both(2);
    let socket = server.udp();
    let transaction = *b"twelve bytes";
    let ask = [&b"\x00\x01\x00\x00\x21\x12\xa4\x42"[..], &transaction].concat();
    socket.send(&ask).unwrap();
    let mut room = [0; 128];
    let length = socket.recv(&mut room).unwrap();
    let answer = &room[..length];
    assert_eq!(&answer[..8], b"\x01\x01\x00\x0c\x21\x12\xa4\x42");
    assert_eq!(&answer[8..20], transaction);
    assert_eq!(&answer[20..26], b"\x00\x20\x00\x08\x00\x01");
    let port = socket.local_addr().unwrap().port();
    assert_eq!(answer[26..28], (port ^ 0x2112).to_be_bytes());
    assert_eq!(answer[28..], (0x7f00_0001_u32 ^ 0x2112_a442).to_be_bytes());
    // SIP goes on by the same socket.
    register(&mut Link::Udp(socket), 1);
}

/// Registers a flow by a stream.
fn register_flow(link: &mut Link) {
    let flow = "Supported: path, outbound\r\n\
                Contact: <sip:anne@127.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n";
    let challenged = link.ask(&request("REGISTER", link, "anne", "sip:north.test", 1, "", ""));
    let proof = prove(&challenged, "REGISTER", "anne", "sip:north.test") + flow;
    let text = request("REGISTER", link, "anne", "sip:north.test", 2, &proof, "");
    let own = text.lines().find(|line| line.starts_with("Contact: ") && !line.contains("instance"));
    let text = own.map_or_else(|| text.clone(), |own| text.replace(&format!("{own}\r\n"), ""));
    let answer = link.ask(&text);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(answer.contains("\r\nFlow-Timer: 2\r\n"), "{answer}");
}

#[test]
fn a_stream_that_is_not_kept_alive_is_closed_and_one_that_is_stays() {
    let mut settings = settings(2, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
    settings.limits.flow_timer_s = 2;
    let server = Server::start(settings);
    let (mut silent, mut pinging) = (Link::Tcp(server.tcp()), Link::Tcp(server.tcp()));
    register_flow(&mut silent);
    register_flow(&mut pinging);
    let (Link::Tcp(silent), Link::Tcp(pinging)) = (&mut silent, &mut pinging) else { unreachable!() };
    let began = Instant::now();
    silent.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    loop {
        pinging.write_all(b"\r\n\r\n").unwrap();
        pinging.read_exact(&mut [0; 2]).unwrap();
        // Nothing comes, until the end does.
        match silent.read(&mut [0; 16]) {
            Ok(0) => break,
            Ok(_) => panic!("the server spoke"),
            Err(_) => assert!(began.elapsed() < Duration::from_secs(10), "it is still open"),
        }
    }
    assert!(began.elapsed() > Duration::from_secs(2), "it was closed too soon");
    pinging.write_all(b"\r\n\r\n").unwrap();
    pinging.read_exact(&mut [0; 2]).unwrap();
}
