//! Clusters that are found by the DNS: in the simulated world, and by real questions on the loopback.

#![allow(clippy::disallowed_methods, reason = "real servers live in real time")]

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::mpsc::channel;

use ratatosk::base::{Cid, ServerIndex};
use ratatosk::config::{Allow, Face, Peer, Secret, Trust};
use ratatosk::effect::dns::{Answer, Question, Record};
use ratatosk::effect::{Fact, Transport};

use crate::loopback::{LOOPBACK, Link, PATIENCE, Server, accepted, prove, request, settings};
use crate::process::{Process, free_port, peers, until};
use crate::sim::cluster::{FEDERATION_PORT, NORTH, SOUTH};
use crate::sim::{Do, World, answers, call, page};
use crate::talk::Talk;

/// South's own address, and one where nobody is.
const THERE: [u8; 4] = [203, 0, 113, 1];
const NOWHERE: [u8; 4] = [203, 0, 113, 99];

/// A world in which north finds south by the DNS, which names these servers of this service.
fn named(service: &str, transport: Transport, servers: &[[u8; 4]]) -> World {
    let mut world = World::new().with_south();
    world.federate(transport);
    world.configure(NORTH.0, |settings| settings.peers[0].at = None);
    let answer = |records| Answer { records, ttl_s: 60, is_answered: true };
    let ask = |name: &str| Question::Srv(format!("{name}.south.test"));
    for none in ["_sip._tcp", "_sip._udp"] {
        world.zone.insert(ask(none), answer(Vec::new()));
    }
    world.zone.insert(Question::Naptr("south.test".into()), answer(Vec::new()));
    let (mut list, port) = (Vec::new(), FEDERATION_PORT);
    for (priority, ip) in (0..).zip(servers) {
        let target = format!("s{priority}.south.test");
        world.zone.insert(Question::Addresses(target.clone()), answer(vec![Record::Address((*ip).into())]));
        list.push(Record::Srv { priority, weight: 0, port, target });
    }
    world.zone.insert(ask(service), answer(list));
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    world
}

#[test]
fn a_cluster_is_found_by_its_name() {
    let mut world = named("_sip._udp", Transport::Udp, &[THERE]);
    world.at(1.0, "anne", call("carl@south.test"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("a_cluster_is_found_by_its_name");
}

/// The first of its servers is silent: a call that has begun there goes on to the second one.
#[test]
fn a_server_that_is_silent_is_passed_over() {
    let mut world = named("_sip._udp", Transport::Udp, &[NOWHERE, THERE]);
    world.has_nobody = true;
    world.at(0.5, "anne", call("carl@south.test"));
    world.at(0.6, "anne", page("carl@south.test", "are you there?"));
    world.at(9.0, "anne", Do::Hangup);
    world.golden("a_server_that_is_silent_is_passed_over");
    assert_eq!(world.phone_named("carl@south.test").pages, ["are you there?"]);
}

/// The first of its servers takes no connection: nobody waits longer for it than for that.
#[test]
fn a_server_that_takes_no_connection_is_passed_over() {
    let mut world = named("_sip._tcp", Transport::Tcp, &[NOWHERE, THERE]);
    world.at(0.5, "anne", call("carl@south.test"));
    world.at(9.0, "anne", Do::Hangup);
    world.golden("a_server_that_takes_no_connection_is_passed_over");
}

/// A cluster that the DNS does not know is not there, and found when the DNS knows it.
#[test]
fn a_cluster_that_the_dns_does_not_know_is_not_there() {
    let mut world = named("_sip._udp", Transport::Udp, &[]);
    world.at(2.0, "anne", call("carl@south.test"));
    world.run(10.0);
    let told = |world: &World| {
        let down =
            |fact: &&Fact| matches!(fact, Fact::PeerDown { why, .. } if why.contains("the DNS names no"));
        world.clusters[0].facts.iter().filter(down).count()
    };
    assert_eq!(told(&world), 1);
    let better = named("_sip._udp", Transport::Udp, &[THERE]);
    world.zone = better.zone;
    world.run(45.0);
    world.at(46.0, "anne", call("carl@south.test"));
    world.at(48.0, "anne", Do::Hangup);
    world.golden("a_cluster_that_the_dns_does_not_know_is_not_there");
    assert_eq!(SOUTH.0, "south.test");
}

// ---- on the loopback ---------------------------------------------------------------------

/// A server whose peer south.test is looked for by this name server.
fn looking(dns: SocketAddr) -> Server {
    let mut settings = settings(1, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
    settings.listeners[1].face = Face::Federation;
    settings.dns = vec![dns];
    settings.peers.push(Peer {
        cid: Cid::new("south.test"),
        at: None,
        trust: Trust::Secret(Secret::new("ours")),
        allow: Allow::EVERYTHING,
    });
    let (tell, facts) = channel();
    Server::among(settings, None, facts, move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone())))
}

fn told(server: &Server) -> &'static str {
    let facts = server.facts.lock().unwrap();
    loop {
        match facts.recv_timeout(3 * PATIENCE).unwrap() {
            Fact::PeerUp { .. } => return "up",
            Fact::PeerDown { why, .. } => return why,
            _ => {}
        }
    }
}

/// A server of south's that answers everything with this status, on a thread of its own.
pub(crate) fn south(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut link = Link::Tcp(stream.unwrap());
            std::thread::spawn(move || {
                loop {
                    let request = link.next();
                    let is_asked = request.starts_with("OPTIONS ");
                    let status = if is_asked { "200 OK" } else { status };
                    if !request.starts_with("ACK ") {
                        link.send(&accepted(&request).replacen("200 OK", status, 1));
                    }
                }
            });
        }
    });
    address
}

/// Debian's dnsmasq with these arguments.
pub(crate) fn dnsmasq(arguments: &[String]) -> (Process, SocketAddr, tempfile::TempDir) {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = Command::new("dnsmasq");
    command.args([
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--conf-file=/dev/null",
        "--pid-file",
    ]);
    command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"]);
    // It would change to a user of its own; without root it cannot, and does not mind.
    command.arg("--user=root").arg(format!("--port={port}")).args(arguments);
    let process = Process::start("dnsmasq", dir.path(), &mut command);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    until("the name server", PATIENCE, || std::net::TcpStream::connect(address).ok());
    (process, address, dir)
}

/// NAPTR, SRV and addresses of a real name server; the first of two servers takes no pages (503), and the
/// second one gets them.
#[test]
fn a_real_name_server_is_asked_and_a_503_goes_on_to_the_next_server() {
    if !peers(&["dnsmasq"]) {
        return;
    }
    let (full, free) = (south("503 Service Unavailable"), south("202 Accepted"));
    let srv = |target: &str, port: u16, priority| {
        format!("--srv-host=_sip._tcp.servers.test,{target}.servers.test,{port},{priority},10")
    };
    let (_process, dns, _dir) = dnsmasq(&[
        "--naptr-record=south.test,10,10,S,SIP+D2T,,_sip._tcp.servers.test".into(),
        "--naptr-record=south.test,5,10,S,SIPS+D2T,,_sips._tcp.nowhere.test".into(),
        srv("a", full.port(), 1),
        srv("b", free.port(), 2),
        "--host-record=a.servers.test,127.0.0.1".into(),
        "--host-record=b.servers.test,127.0.0.1".into(),
    ]);
    let server = looking(dns);
    assert_eq!(told(&server), "up");
    let mut anne = Link::Udp(server.udp());
    let uri = "sip:carl@south.test";
    let challenged = anne.ask(&request("MESSAGE", &anne, "anne", uri, 1, "", "hello"));
    let proof = prove(&challenged, "MESSAGE", "anne", uri);
    let answer = anne.ask(&request("MESSAGE", &anne, "anne", uri, 2, &proof, "hello"));
    assert!(answer.starts_with("SIP/2.0 202 "), "{answer}");
}

/// A name server that gives these answers, made of the questions.
fn odd_name_server(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, source)) = socket.recv_from(&mut buffer) {
            for answer in answer(&buffer[..len]) {
                let _ = socket.send_to(&answer, source);
            }
        }
    });
    address
}

/// An answer with so many records of the name that was asked for, of this type.
fn answered(question: &[u8], count: u16, kind: u16, data: &[u8]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let mut answer = question[..12 + name + 5].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..8].copy_from_slice(&count.to_be_bytes());
    answer[8..12].fill(0);
    for _ in 0..count {
        answer.extend([0xc0, 0x0c]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

/// A name server that says nothing, or nonsense, or the same name for ever, or too much: the cluster is
/// not found, and the call of others goes on meanwhile.
#[test]
fn odd_name_servers_harm_nobody() {
    const CNAME: u16 = 5;
    let odd: [fn(&[u8]) -> Vec<Vec<u8>>; 5] = [
        |_| Vec::new(),
        |question| vec![b"\xff\xff\xff\xff garbage".to_vec(), question[..2].repeat(40), question.to_vec()],
        |question| vec![answered(question, 1, CNAME, &[0xc0, 0x0c])],
        |question| vec![answered(question, 200, 35, &[0, 1, 0, 1, 1, b's', 200, b'x'])],
        |question| vec![answered(question, 200, CNAME, b"\x01a\x04test\x00")],
    ];
    for (number, answer) in odd.into_iter().enumerate() {
        let server = looking(odd_name_server(answer));
        let mut talk = Talk::begin(Link::Udp(server.udp()), Link::Udp(server.udp()));
        talk.goes_on();
        assert!(told(&server).contains("the DNS names no server"), "{number}");
        talk.ends();
    }
}
