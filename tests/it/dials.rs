//! Connections to another cluster: made when they are needed, one for all, and closed when idle.

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::sync::mpsc::channel;

use ratatosk::base::{Cid, ServerIndex};
use ratatosk::config::{Allow, Face, Listener, Peer, Secret, TlsFiles, Trust};
use ratatosk::effect::dns::Target;
use ratatosk::effect::{Fact, Transport};

use crate::secured::Authority;

use crate::loopback::{LOOPBACK, Link, PATIENCE, Server, accepted, settings};

/// A server that speaks with a cluster at this listener, asks it so often whether it is there, and lets
/// no connection to it lie idle for longer.
fn server(south: &TcpListener, (probe_s, idle_s): (u32, u32)) -> Server {
    let mut settings = settings(1, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
    settings.listeners[1].face = Face::Federation;
    (settings.limits.peer_probe_s, settings.limits.peer_idle_s) = (probe_s, idle_s);
    settings.peers.push(Peer {
        cid: Cid::new("south.test"),
        at: Some(Target { transport: Transport::Tcp, address: south.local_addr().unwrap() }),
        trust: Trust::Secret(Secret::new("ours")),
        allow: Allow::EVERYTHING,
    });
    let (tell, facts) = channel();
    let observer = move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone()));
    Server::among(settings, None, facts, observer)
}

fn accept(south: &TcpListener) -> Link {
    let (stream, _) = south.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Link::Tcp(stream)
}

/// Takes the question whether somebody is there, and says yes.
fn is_there(link: &mut Link) {
    let question = link.next();
    assert!(question.starts_with("OPTIONS sip:south.test SIP/2.0\r\n"), "{question}");
    assert!(question.contains("Via: SIP/2.0/TCP "), "{question}");
    link.send(&accepted(&question));
}

/// Waits for the next word on whether the other cluster is there.
fn told(server: &Server) -> &'static str {
    let facts = server.facts.lock().unwrap();
    loop {
        match facts.recv_timeout(PATIENCE).unwrap() {
            Fact::PeerUp { .. } => return "up",
            Fact::PeerDown { why, .. } => return why,
            _ => {}
        }
    }
}

/// Two clusters by TLS on the loopback: the other one's certificate is for this name, from this authority.
fn by_tls(name: &str, theirs: &Authority, ours: &Authority) -> [Server; 2] {
    let listener = |files: TlsFiles| Listener {
        face: Face::Federation,
        tls: Some(files),
        ..Listener::plain(Transport::Tls, LOOPBACK.parse().unwrap())
    };
    let south = theirs.issue("south", &[name], [2020, 2100]);
    let mut there = settings(1, &[(Transport::Udp, LOOPBACK)]);
    there.cid = Cid::new("south.test");
    there.listeners.push(listener(TlsFiles { authorities: Some(ours.file()), ..south }));
    let peer = |cid: &str, at| Peer {
        cid: Cid::new(cid),
        at: Some(Target { transport: Transport::Tls, address: at }),
        trust: Trust::Secret(Secret::new("ours")),
        allow: Allow::EVERYTHING,
    };
    // It never finds us: we find it.
    there.peers.push(peer("north.test", "127.0.0.9:9".parse().unwrap()));
    let there = Server::start(there);
    let mut here = settings(1, &[(Transport::Udp, LOOPBACK)]);
    here.listeners.push(listener(TlsFiles { authorities: Some(ours.file()), ..ours.usual() }));
    here.peers.push(peer("south.test", there.address(Transport::Tls)));
    let (tell, facts) = channel();
    let observer = move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone()));
    [Server::among(here, None, facts, observer), there]
}

#[test]
fn a_cluster_by_tls_is_there_if_its_certificate_names_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let [here, _there] = by_tls("south.test", &authority, &authority);
    assert_eq!(told(&here), "up");
    for (name, theirs) in [("evil.test", &authority), ("south.test", &stranger)] {
        let [here, _there] = by_tls(name, theirs, &authority);
        assert_ne!(told(&here), "up", "{name}");
    }
}

#[test]
fn one_connection_serves_until_it_breaks() {
    let south = TcpListener::bind(LOOPBACK).unwrap();
    let server = server(&south, (1, 300));
    let mut link = accept(&south);
    for _ in 0..3 {
        is_there(&mut link);
    }
    assert_eq!(told(&server), "up");
    south.set_nonblocking(true).unwrap();
    assert_eq!(south.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "all came by one");
    south.set_nonblocking(false).unwrap();
    // It breaks: the next question comes by another.
    drop(link);
    let mut link = accept(&south);
    is_there(&mut link);
    // Nobody listens: the other cluster is not there; and there again when somebody does.
    let address = south.local_addr().unwrap();
    drop((link, south));
    assert_eq!(told(&server), "it cannot be reached");
    let south = TcpListener::bind(address).unwrap();
    is_there(&mut accept(&south));
    assert_eq!(told(&server), "up");
}

#[test]
fn an_idle_connection_is_closed() {
    let south = TcpListener::bind(LOOPBACK).unwrap();
    let _server = server(&south, (3600, 1));
    let Link::Tcp(mut stream) = accept(&south) else { return };
    // By then it has been asked again and again whether anybody is there, and has kept its peace.
    stream.set_read_timeout(Some(4 * PATIENCE)).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert!(said.starts_with(b"OPTIONS "));
}
