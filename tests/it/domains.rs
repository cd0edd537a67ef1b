//! Clusters that are believed by their certificates, and by nothing else (RFC 5922).

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use std::fs;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ratatosk::base::{Cid, ServerIndex};
use ratatosk::config::{Allow, Face, Listener, Peer, Settings, TlsFiles, Trust};
use ratatosk::effect::admin::AdminRequest;
use ratatosk::effect::dns::Target;
use ratatosk::effect::{Fact, Transport};
use rcgen::ExtendedKeyUsagePurpose as Use;

use crate::dns::dnsmasq;
use crate::loopback::{LOOPBACK, Link, PATIENCE, Server, block_on, prove, register, request, settings};
use crate::process::peers;
use crate::secured::Authority;
use crate::sim::{Do, World, answers, call, page};

const YEARS: [i32; 2] = [2020, 2100];
/// Where nobody is.
const NOWHERE: &str = "127.0.0.9:9";

// ---- in the simulated world --------------------------------------------------------------

/// No challenge is ever seen between them.
#[test]
fn clusters_by_certificate_call_and_page_each_other() {
    let mut world = World::new().with_south().secured();
    world.federate_by_certificates();
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl@south.test"));
    world.at(2.0, "carl@south.test", Do::Hold);
    world.at(3.0, "carl@south.test", Do::Hangup);
    world.at(5.0, "carl@south.test", page("anne@north.test", "hello"));
    world.golden("domains/clusters_by_certificate_call_and_page_each_other");
    let texts = world.wire.iter().map(|line| String::from_utf8_lossy(&line.bytes));
    assert!(
        texts
            .filter(|text| text.contains("south.test"))
            .all(|text| { !text.contains("Proxy-Authorization: Digest username=\"north.test\"") })
    );
}

/// A call and the connection that it was made by are two things: the peer dies and comes back.
#[test]
fn a_cluster_by_certificate_dies_and_comes_back() {
    let mut world = World::new().with_south().secured();
    world.federate_by_certificates();
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    world.kill_at(2.0, "south.test");
    world.at(3.0, "anne", call("carl@south.test"));
    world.start_at(10.0, "south.test");
    world.at(20.0, "anne", call("carl@south.test"));
    world.at(23.0, "anne", Do::Hangup);
    world.golden("domains/a_cluster_by_certificate_dies_and_comes_back");
}

// ---- on the loopback ---------------------------------------------------------------------

fn domain(cid: &str, tls: &TlsFiles, authority: &Authority, peer: (&str, Option<SocketAddr>)) -> Settings {
    let mut settings = settings(1, &[(Transport::Udp, LOOPBACK)]);
    settings.cid = Cid::new(cid);
    settings.listeners.push(Listener {
        face: Face::Federation,
        tls: Some(TlsFiles { authorities: Some(authority.file()), ..tls.clone() }),
        ..Listener::plain(Transport::Tls, LOOPBACK.parse().unwrap())
    });
    let at = peer.1.map(|address| Target { transport: Transport::Tls, address });
    let trust = Trust::Certificate;
    settings.peers.push(Peer { cid: Cid::new(peer.0), at, trust, allow: Allow::EVERYTHING });
    settings
}

fn started(settings: Settings) -> Server {
    let (tell, facts) = channel();
    Server::among(settings, None, facts, move |_: ServerIndex, fact: &Fact| drop(tell.send(fact.clone())))
}

/// North, and a south with that certificate, which north looks for.
fn pair(authority: &Authority, north: &TlsFiles, south: &TlsFiles) -> [Server; 2] {
    let there = started(domain("south.test", south, authority, ("north.test", NOWHERE.parse().ok())));
    let at = there.address(Transport::Tls);
    [started(domain("north.test", north, authority, ("south.test", Some(at)))), there]
}

/// Whether a server sees the other: it hears that it is up, or why not.
fn sees(server: &Server) -> Result<(), String> {
    let facts = server.facts.lock().unwrap();
    let end = Instant::now() + PATIENCE;
    let mut why = None;
    while let Ok(fact) = facts.recv_timeout(end.saturating_duration_since(Instant::now())) {
        match fact {
            Fact::PeerUp { .. } => return Ok(()),
            Fact::CertificateFault { why, .. } => return Err(why),
            Fact::CertificateRefused { .. } => return Err("refused".into()),
            Fact::PeerDown { why: reason, .. } => why = Some(reason.to_owned()),
            _ => {}
        }
    }
    Err(why.unwrap_or_default())
}

fn north(authority: &Authority) -> TlsFiles {
    authority.issue("north", &["sip:north.test", "127.0.0.1"], YEARS)
}

#[test]
fn a_domain_is_whom_its_certificate_names() {
    let authority = Authority::new();
    let north = north(&authority);
    let good: [&[&str]; 5] = [
        &["sip:south.test"],
        &["south.test"],
        &["sip:SOUTH.test", "other.test"],
        &["sip:west.test", "sip:south.test"],
        // A sips: URI, or one with a user, says nothing of a domain.
        &["sips:west.test", "sip:carl@west.test", "south.test"],
    ];
    for names in good {
        let [here, _there] = pair(&authority, &north, &authority.issue("south", names, YEARS));
        assert_eq!(sees(&here), Ok(()), "{names:?}");
    }
    let bad: [&[&str]; 6] = [
        &["sip:west.test"],
        // The URI is what counts.
        &["sip:west.test", "south.test"],
        &["*.test"],
        &["sip.south.test"],
        &["sip:carl@south.test"],
        &["127.0.0.1"],
    ];
    for names in bad {
        let [here, _there] = pair(&authority, &north, &authority.issue("south", names, YEARS));
        let why = sees(&here).unwrap_err();
        assert!(why.contains("for another domain"), "{names:?}: {why}");
    }
}

#[test]
fn a_certificate_that_is_expired_or_foreign_or_not_for_sip_is_not_believed() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let north = north(&authority);
    let names = &["sip:south.test"];
    let sip_domain = Use::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 20]);
    let issue = |uses: &[Use]| authority.issue_for("south", names, YEARS, uses);
    for good in [vec![sip_domain.clone()], vec![Use::Any], vec![Use::ServerAuth, sip_domain]] {
        let [here, _there] = pair(&authority, &north, &issue(&good));
        assert_eq!(sees(&here), Ok(()), "{good:?}");
    }
    let cases = [
        (authority.issue("old", names, [2020, 2021]), "has expired"),
        (authority.issue("new", names, [2090, 2100]), "is not good yet"),
        (stranger.issue("foreign", names, YEARS), "none of our `authorities`"),
        (issue(&[Use::ServerAuth, Use::ClientAuth]), "is not meant for SIP"),
    ];
    for (south, said) in cases {
        let [here, _there] = pair(&authority, &north, &south);
        let why = sees(&here).unwrap_err();
        assert!(why.contains(said), "{said}: {why}");
    }
}

/// The other way round: who comes is judged as well, and is told nothing.
#[test]
fn who_comes_as_a_domain_has_to_be_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let south = authority.issue("south", &["sip:south.test"], YEARS);
    let good = [north(&authority), authority.issue("two", &["sip:west.test", "sip:north.test"], YEARS)];
    for north in good {
        let [here, _there] = pair(&authority, &north, &south);
        assert_eq!(sees(&here), Ok(()));
    }
    let purposes = [Use::ServerAuth, Use::ClientAuth];
    let cases = [
        (authority.issue("west", &["sip:west.test"], YEARS), "which no [[federation]] names"),
        (authority.issue("old", &["sip:north.test"], [2020, 2021]), "has expired"),
        (stranger.issue("foreign", &["sip:north.test"], YEARS), "none of our `authorities`"),
        (authority.issue_for("web", &["sip:north.test"], YEARS, &purposes), ""),
    ];
    for (north, said) in cases {
        let [here, there] = pair(&authority, &north, &south);
        assert!(sees(&here).is_err(), "{said}");
        if !said.is_empty() {
            let why = sees(&there).unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
        }
    }
}

/// A domain whose certificate was revoked is nobody, whoever of the two connects.
#[test]
fn a_revoked_domain_is_nobody() {
    let authority = Authority::new();
    let north = north(&authority);
    let revoked_north = authority.latest();
    let south = authority.issue("south", &["sip:south.test"], YEARS);
    let revoked_south = authority.latest();
    for next in [2100, 2021] {
        let list = authority.revoke(&[revoked_south], next);
        let [here, _there] = pair(&authority, &TlsFiles { revocations: Some(list), ..north.clone() }, &south);
        let why = sees(&here).unwrap_err();
        assert!(why.contains("was revoked by the authority"), "{why}");
        let list = authority.revoke(&[revoked_north], next);
        let [here, there] = pair(&authority, &north, &TlsFiles { revocations: Some(list), ..south.clone() });
        assert!(sees(&here).is_err());
        let why = sees(&there).unwrap_err();
        assert!(why.contains("was revoked by the authority"), "{why}");
        let list = authority.revoke(&[99], next);
        let [here, _there] = pair(&authority, &TlsFiles { revocations: Some(list), ..north.clone() }, &south);
        assert_eq!(sees(&here), Ok(()), "others are not revoked");
    }
}

/// What a far end at south's listener for clusters is answered to this request.
fn asked(server: &Server, authority: &Authority, own: Option<&TlsFiles>, text: &str) -> String {
    let link = || authority.connect_to("south.test", server.connect(Transport::Tls), own);
    let mut link = Link::Tls(Box::new(link()));
    link.ask(text)
}

fn from_abroad(method: &str, asserted: &str, to: &str) -> String {
    format!(
        "{method} sip:{to} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKdomains\r\nMax-Forwards: 70\r\n\
         From: <sip:{asserted}>;tag=a\r\nTo: <sip:{to}>\r\nCall-ID: domains\r\nCSeq: 1 {method}\r\n\
         P-Asserted-Identity: <sip:{asserted}>\r\nContact: <sip:a@127.0.0.1:9;transport=tls>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_domain_speaks_for_its_own_users_and_strangers_for_nobody() {
    let authority = Authority::new();
    let south = authority.issue("south", &["sip:south.test", "south.test"], YEARS);
    let server = started(domain("south.test", &south, &authority, ("north.test", NOWHERE.parse().ok())));
    let north = north(&authority);
    let west = authority.issue("west", &["sip:west.test"], YEARS);
    let page = |asserted: &str| from_abroad("MESSAGE", asserted, "bob@south.test");
    let options = from_abroad("OPTIONS", "anne@north.test", "south.test");
    let says = |own, text: &str, status: &str| {
        let answer = asked(&server, &authority, own, text);
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{status}: {answer}");
    };
    says(Some(&north), &options, "200");
    says(Some(&north), &page("anne@west.test"), "403");
    says(Some(&north), &from_abroad("MESSAGE", "anne@north.test", "nobody@south.test"), "404");
    // Bob has no phone.
    says(Some(&north), &page("anne@north.test"), "480");
    // With a certificate of another domain, or none, he is asked for a proof that there is not.
    says(Some(&west), &options, "407");
    says(None, &page("anne@north.test"), "407");
    let challenged = asked(&server, &authority, None, &options);
    let proof = prove(&challenged, "OPTIONS", "north.test", "sip:south.test");
    let again =
        options.replace("Content-Length", &format!("{proof}Content-Length")).replace("CSeq: 1", "CSeq: 2");
    says(None, &again, "407");
}

/// It is told once, not at every try.
#[test]
fn a_bad_certificate_is_told_once_and_phones_are_served() {
    let authority = Authority::new();
    let old = authority.issue("old", &["sip:south.test"], [2020, 2021]);
    let [here, _there] = pair(&authority, &north(&authority), &old);
    let mut anne = Link::Udp(here.udp());
    register(&mut anne, 1);
    let end = Instant::now() + Duration::from_secs(4);
    let facts = here.facts.lock().unwrap();
    let mut told = 0;
    while let Ok(fact) = facts.recv_timeout(end.saturating_duration_since(Instant::now())) {
        told += usize::from(matches!(fact, Fact::CertificateFault { .. }));
    }
    assert_eq!(told, 1, "it was asked every second");
    register(&mut anne, 3);
}

/// A certificate is replaced, here and there, and the next connection is made with it.
#[test]
fn a_reload_takes_the_certificates_for_connections_that_are_made_too() {
    let authority = Authority::new();
    let north = authority.issue("north", &["sip:west.test"], YEARS);
    let south = authority.issue("south", &["sip:south.test"], YEARS);
    let [here, there] = pair(&authority, &north, &south);
    assert!(sees(&there).unwrap_err().contains("west.test"));
    let newer = authority.issue("newer", &["sip:north.test"], YEARS);
    fs::copy(&newer.certificate, &north.certificate).unwrap();
    fs::copy(&newer.key, &north.key).unwrap();
    here.running.handle().reload_certificates(&here.settings).unwrap();
    let again = AdminRequest::Configure(std::sync::Arc::clone(&here.settings));
    block_on(here.running.handle().admin(again));
    let end = Instant::now() + 2 * PATIENCE;
    while sees(&here).is_err() {
        assert!(Instant::now() < end, "never");
    }
}

/// NAPTR and SRV for TLS, of a real name server; the certificate is for the domain, whatever the servers
/// are called.
#[test]
fn a_domain_is_found_by_a_real_name_server() {
    if !peers(&["dnsmasq"]) {
        return;
    }
    let authority = Authority::new();
    let south = authority.issue("south", &["sip:south.test"], YEARS);
    let there = started(domain("south.test", &south, &authority, ("north.test", NOWHERE.parse().ok())));
    let port = there.address(Transport::Tls).port();
    let srv = format!("--srv-host=_sips._tcp.servers.test,a.servers.test,{port},1,10");
    let naptr = "--naptr-record=south.test,10,10,S,SIPS+D2T,,_sips._tcp.servers.test";
    let bare = format!("--srv-host=_sips._tcp.south.test,a.servers.test,{port},1,10");
    let host = "--host-record=a.servers.test,127.0.0.1";
    for records in [vec![naptr.to_owned(), srv], vec![bare]] {
        let records: Vec<String> = records.into_iter().chain([host.to_owned()]).collect();
        let (_process, dns, _dir) = dnsmasq(&records);
        let mut settings = domain("north.test", &north(&authority), &authority, ("south.test", None));
        settings.dns = vec![dns];
        let here = started(settings);
        assert_eq!(sees(&here), Ok(()), "{records:?}");
        let mut anne = Link::Udp(here.udp());
        let uri = "sip:bob@south.test";
        let challenged = anne.ask(&request("MESSAGE", &anne, "anne", uri, 1, "", "hello"));
        let proof = prove(&challenged, "MESSAGE", "anne", uri);
        let answer = anne.ask(&request("MESSAGE", &anne, "anne", uri, 2, &proof, "hello"));
        // Bob has no phone there.
        assert!(answer.starts_with("SIP/2.0 480 "), "{answer}");
    }
}

/// A cluster that has proved itself is asked by the connection that it has made, if it says so; one whose
/// certificate says less is not.
#[test]
fn a_connection_is_reused_by_whom_its_maker_has_proved_himself_to() {
    let authority = Authority::new();
    let south = authority.issue("south", &["sip:south.test", "south.test"], YEARS);
    let nobody = std::net::TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap();
    let mut settings = domain("south.test", &south, &authority, ("north.test", Some(nobody)));
    settings.limits.peer_probe_s = 1;
    let server = started(settings);
    let west = authority.issue("west", &["sip:west.test"], YEARS);
    let via = |alias: &str| format!("Via: SIP/2.0/TLS {nobody}{alias};branch=z9hG4bKalias");
    let options = |alias: &str| {
        let text = from_abroad("OPTIONS", "anne@north.test", "south.test");
        text.replace("Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKdomains", &via(alias))
    };
    for (own, alias, is_reused) in
        [(&west, ";alias", false), (&north(&authority), "", false), (&north(&authority), ";alias", true)]
    {
        let socket = server.connect(Transport::Tls);
        // It looks for north every second.
        socket.set_read_timeout(Some(Duration::from_millis(2_500))).unwrap();
        let mut link = Link::Tls(Box::new(authority.connect_to("south.test", socket, Some(own))));
        link.ask(&options(alias));
        let Link::Tls(tls) = &mut link else { unreachable!() };
        let mut begin = [0; 8];
        let was_asked = std::io::Read::read_exact(tls, &mut begin).is_ok_and(|()| begin == *b"OPTIONS ");
        assert_eq!(was_asked, is_reused, "{alias}");
    }
}
