//! IPv4 and IPv6 beside each other, on real sockets of the loopback: several listeners, calls from one
//! family to the other, and clusters that speak IPv6.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::channel;

use ratatosk::base::{Cid, ServerIndex};
use ratatosk::config::{Allow, Face, Listener, Peer, Secret, Settings, Trust};
use ratatosk::effect::dns::Target;
use ratatosk::effect::{Fact, Transport};

use crate::loopback::{LOOPBACK, Link, PATIENCE, Server, prove, register, request, settings};

const LOOPBACK_6: &str = "[::1]:0";

/// Listeners of both families for phones, and one of IPv6 for clusters.
fn both(cid: &str) -> Settings {
    let mut settings = settings(2, &[(Transport::Udp, LOOPBACK), (Transport::Udp, LOOPBACK_6)]);
    settings.cid = Cid::new(cid);
    settings.own_hosts.insert("::1".to_owned());
    for transport in [Transport::Udp, Transport::Tcp] {
        let face = Face::Federation;
        settings.listeners.push(Listener { face, ..Listener::plain(transport, LOOPBACK_6.parse().unwrap()) });
    }
    settings
}

/// A phone of the family of that listener.
fn phone(server: &Server, listener: usize) -> Link {
    let to = server.settings.listeners[listener].address;
    let from: SocketAddr = if to.is_ipv4() { LOOPBACK } else { LOOPBACK_6 }.parse().unwrap();
    let socket = UdpSocket::bind(from).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(to).unwrap();
    Link::Udp(socket)
}

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const ANSWER: &str =
    "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";

fn with_sdp(text: &str) -> String {
    text.replace("Content-Type: text/plain", "Content-Type: application/sdp")
}

/// The 200 of an INVITE, with a session and a Contact.
fn answered(invite: &str, link: &Link) -> String {
    let head = crate::loopback::accepted(invite);
    let more = format!(
        "Contact: <sip:x@{}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{ANSWER}",
        link.address(),
        ANSWER.len()
    );
    head.replace("Content-Length: 0\r\n\r\n", &more)
}

fn line<'m>(message: &'m str, name: &str) -> &'m str {
    message.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
}

/// Bob calls from one family to Anne in the other: each sees addresses of his own family only, but in the
/// session descriptions, which pass as they are.
fn across(server: &Server, [bobs, annes]: [usize; 2]) {
    let [own, other] = [bobs, annes].map(|listener| server.settings.listeners[listener].address);
    let (mut bob, mut anne) = (phone(server, bobs), phone(server, annes));
    register(&mut anne, 1);
    let uri = "sip:anne@north.test";
    let challenged = bob.ask(&with_sdp(&request("INVITE", &bob, "bob", uri, 1, "", OFFER)));
    // RFC 3581: where it came from, in the brackets of no header.
    let via = line(&challenged, "Via: ");
    let source = bob.address();
    assert!(via.contains(&format!("rport={}", source.port())), "{via}");
    assert!(via.contains(&format!("received={}", source.ip())), "{via}");
    let proof = prove(&challenged, "INVITE", "bob", uri);
    bob.send(&with_sdp(&request("INVITE", &bob, "bob", uri, 2, &proof, OFFER)));
    let invite = anne.next();
    assert!(invite.starts_with(&format!("INVITE sip:anne@{} ", anne.address())), "{invite}");
    assert!(line(&invite, "Via: ").starts_with(&format!("SIP/2.0/UDP {other};")), "{invite}");
    assert_eq!(line(&invite, "Contact: "), format!("<sip:bob@{other}>"));
    assert!(invite.ends_with(OFFER), "{invite}");
    anne.send(&answered(&invite, &anne));
    assert!(anne.next().starts_with("ACK "));
    let answer = loop {
        let answer = bob.next();
        if answer.starts_with("SIP/2.0 200 ") {
            break answer;
        }
    };
    assert_eq!(line(&answer, "Contact: "), format!("<sip:anne@{own}>"));
    assert!(answer.ends_with(ANSWER), "{answer}");
}

#[test]
fn phones_of_both_families_call_each_other() {
    let server = Server::start(both("north.test"));
    across(&server, [0, 1]);
    across(&server, [1, 0]);
}

/// One listener for both families: to each phone it is of its own.
#[test]
fn one_listener_for_both_families_shows_each_its_own() {
    let mut settings = settings(1, &[(Transport::Udp, "[::]:0")]);
    settings.listeners[0].advertise = "[::1]:0".to_owned();
    settings.listeners[0].advertise_v4 = Some("127.0.0.1:0".to_owned());
    settings.own_hosts.insert("::1".to_owned());
    let server = Server::start(settings);
    let port = server.address(Transport::Udp).port();
    for ip in ["127.0.0.1", "[::1]"] {
        let socket = UdpSocket::bind(format!("{ip}:0")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(format!("{ip}:{port}")).unwrap();
        let mut link = Link::Udp(socket);
        register(&mut link, 1);
        let uri = "sip:anne@north.test";
        let challenged = link.ask(&request("MESSAGE", &link, "anne", uri, 3, "", "hello"));
        let proof = prove(&challenged, "MESSAGE", "anne", uri);
        link.send(&request("MESSAGE", &link, "anne", uri, 4, &proof, "hello"));
        let page = link.next();
        assert!(line(&page, "Via: ").starts_with(&format!("SIP/2.0/UDP {ip}:{port};")), "{page}");
    }
}

#[test]
fn clusters_speak_ipv6_with_each_other() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let peer = |cid: &str, address| Peer {
            cid: Cid::new(cid),
            at: Some(Target { transport, address }),
            trust: Trust::Secret(Secret::new("ours")),
            allow: Allow::EVERYTHING,
        };
        let started = |settings| {
            let (tell, facts) = channel();
            let observer = move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone()));
            Server::among(settings, None, facts, observer)
        };
        let mut south = both("south.test");
        south.peers.push(peer("north.test", "[::1]:9".parse().unwrap()));
        let south = started(south);
        let listener = south.settings.listeners.iter();
        let at = listener.filter(|own| own.face == Face::Federation && own.transport == transport);
        let mut north = both("north.test");
        north.peers.push(peer("south.test", at.map(|own| own.address).next().unwrap()));
        let north = started(north);
        while !matches!(north.next_fact(), Fact::PeerUp { .. }) {}
        // Bob of south has no phone.
        let (mut anne, uri) = (phone(&north, 0), "sip:bob@south.test");
        let challenged = anne.ask(&request("MESSAGE", &anne, "anne", uri, 1, "", "hello"));
        let proof = prove(&challenged, "MESSAGE", "anne", uri);
        let answer = anne.ask(&request("MESSAGE", &anne, "anne", uri, 2, &proof, "hello"));
        assert!(answer.starts_with("SIP/2.0 480 "), "{answer}");
    }
}
