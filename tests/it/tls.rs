//! TLS on real sockets of the loopback: handshakes good and broken, certificates, and whose calls go where.

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatosk::config::{Listener, Settings, TlsFiles};
use ratatosk::effect::Transport;
use ratatosk::io::driver;
use ratatosk::io::net::listen::OpenError;

use crate::loopback::{LOOPBACK, Link, PATIENCE, Server, accepted, prove, register, request, settings};
use crate::secured::{self, Authority, Tls};
use crate::talk::Talk;

/// A server that listens by UDP and by TLS.
fn secured(servers: u8, tls: TlsFiles) -> Settings {
    let mut settings = settings(servers, &[(Transport::Udp, LOOPBACK), (Transport::Tls, LOOPBACK)]);
    settings.listeners[1].tls = Some(tls);
    settings
}

fn link(server: &Server, authority: &Authority) -> Link {
    Link::Tls(Box::new(authority.connect(server.connect(Transport::Tls), None)))
}

/// Whether a handshake was refused, or the connection closed, without a word of SIP.
fn is_refused(mut tls: Tls) -> bool {
    let asked = tls.write_all(b"\r\n\r\n").and_then(|()| tls.read_exact(&mut [0; 2]));
    asked.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn phones_register_by_tls_and_are_called_on_their_connection() {
    let authority = Authority::new();
    let server = Server::start(secured(2, authority.usual()));
    let mut anne = link(&server, &authority);
    register(&mut anne, 1);
    let mut bob = Link::Udp(server.udp());
    let uri = "sip:anne@north.test";
    let challenged = bob.ask(&request("MESSAGE", &bob, "bob", uri, 1, "", "hello"));
    let proof = prove(&challenged, "MESSAGE", "bob", uri);
    bob.send(&request("MESSAGE", &bob, "bob", uri, 2, &proof, "hello"));
    let page = anne.next();
    let address = server.address(Transport::Tls);
    assert!(page.contains(&format!("Via: SIP/2.0/TLS {address};branch=")), "{page}");
    anne.send(&accepted(&page));
    assert!((0..2).any(|_| bob.next().starts_with("SIP/2.0 200 ")));

    let invite = "sip:anne@north.test";
    let challenged = bob.ask(&request("INVITE", &bob, "bob", invite, 3, "", ""));
    let proof = prove(&challenged, "INVITE", "bob", invite);
    bob.send(&request("INVITE", &bob, "bob", invite, 4, &proof, ""));
    let call = anne.next();
    assert!(call.starts_with("INVITE ") && call.contains(&format!("{address};transport=tls>")), "{call}");
}

#[test]
fn messages_in_pieces_of_records_and_many_in_one_are_each_answered() {
    let authority = Authority::new();
    let server = Server::start(secured(1, authority.usual()));
    let mut anne = link(&server, &authority);
    let text = request("REGISTER", &anne, "anne", "sip:north.test", 1, "", "");
    anne.send(&text.repeat(100));
    for _ in 0..100 {
        assert!(anne.next().starts_with("SIP/2.0 401 "));
    }
    let Link::Tls(tls) = &mut anne else { unreachable!() };
    for piece in text.as_bytes().chunks(90) {
        tls.write_all(piece).unwrap();
        tls.flush().unwrap();
    }
    assert!(anne.next().starts_with("SIP/2.0 401 "));
}

#[test]
fn broken_handshakes_half_hellos_and_silence_end_and_the_others_go_on() {
    let authority = Authority::new();
    let mut settings = secured(1, authority.usual());
    settings.limits.handshake_s = 1;
    settings.limits.stranger_s = 1;
    let server = Server::start(settings);
    let mut talk = Talk::begin(Link::Udp(server.udp()), link(&server, &authority));
    let broken: [&[u8]; 6] = [
        b"",
        b"\x16\x03\x01",
        // A record that is announced and never comes.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\xff\xff\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: north.test\r\n\r\n",
        b"REGISTER sip:north.test SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1\r\n\r\n",
    ];
    let mut strangers: Vec<TcpStream> = broken.iter().map(|_| server.connect(Transport::Tls)).collect();
    for (stranger, bytes) in strangers.iter_mut().zip(broken) {
        stranger.write_all(bytes).unwrap();
        talk.goes_on();
    }
    for mut stranger in strangers {
        let mut said = Vec::new();
        match stranger.read_to_end(&mut said) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            // At most an alert.
            Ok(_) | Err(_) => assert!(said.is_empty() || said[0] == 0x15, "{said:?}"),
        }
    }
    talk.ends();
}

#[test]
fn a_phone_that_does_not_believe_the_certificate_harms_nobody() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Server::start(secured(1, authority.usual()));
    assert!(is_refused(stranger.connect(server.connect(Transport::Tls), None)));
    register(&mut link(&server, &authority), 1);
}

#[test]
fn phones_have_to_show_a_certificate_where_it_is_asked_of_them() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut tls = authority.usual();
    tls.authorities = Some(authority.file());
    let server = Server::start(secured(1, tls));
    let good = authority.issue("phone", &["phone.north.test"], [2020, 2100]);
    let expired = authority.issue("old", &["phone.north.test"], [2020, 2021]);
    let foreign = stranger.issue("foreign", &["phone.north.test"], [2020, 2100]);
    for bad in [None, Some(&expired), Some(&foreign)] {
        assert!(is_refused(authority.connect(server.connect(Transport::Tls), bad)), "{bad:?}");
    }
    let mut anne = Link::Tls(Box::new(authority.connect(server.connect(Transport::Tls), Some(&good))));
    register(&mut anne, 1);
}

/// Where it is only asked for, who shows none comes in too, by his password; one that is no good is refused. One that is
/// good makes the phone no stranger: its connection may be silent before anybody has registered by it.
#[test]
fn phones_may_show_a_certificate_where_it_is_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut tls = authority.usual();
    (tls.authorities, tls.demands) = (Some(authority.file()), false);
    let mut settings = secured(1, tls);
    settings.limits.stranger_s = 1;
    let server = Server::start(settings);
    let good = authority.issue("phone", &["phone.north.test"], [2020, 2100]);
    let expired = authority.issue("old", &["phone.north.test"], [2020, 2021]);
    let foreign = stranger.issue("foreign", &["phone.north.test"], [2020, 2100]);
    for bad in [&expired, &foreign] {
        assert!(is_refused(authority.connect(server.connect(Transport::Tls), Some(bad))), "{bad:?}");
    }
    register(&mut link(&server, &authority), 1);
    let mut silent = [Some(&good), None].map(|own| authority.connect(server.connect(Transport::Tls), own));
    for tls in &mut silent {
        tls.write_all(b"\r\n\r\n").unwrap();
        tls.read_exact(&mut [0; 2]).unwrap();
    }
    std::thread::sleep(Duration::from_millis(3500));
    let [known, unknown] = silent;
    assert!(is_refused(unknown), "a stranger that has been silent for too long");
    register(&mut Link::Tls(Box::new(known)), 3);
}

/// What is revoked is refused, from the next reload on; also by a list that should have been replaced long
/// since, which shuts nobody else out.
#[test]
fn a_revoked_certificate_lets_no_phone_in() {
    let authority = Authority::new();
    let mut tls = authority.usual();
    let phone = authority.issue("phone", &["phone.north.test"], [2020, 2100]);
    let stolen = authority.issue("stolen", &["phone.north.test"], [2020, 2100]);
    let number = authority.latest();
    tls.authorities = Some(authority.file());
    tls.revocations = Some(authority.revoke(&[], 2100));
    let server = Server::start(secured(1, tls.clone()));
    let come = |own: &TlsFiles| authority.connect(server.connect(Transport::Tls), Some(own));
    register(&mut Link::Tls(Box::new(come(&stolen))), 1);
    let reload = || server.running.handle().reload_certificates(&server.settings);
    for next in [2100, 2021] {
        authority.revoke(&[number], next);
        reload().unwrap();
        assert!(is_refused(come(&stolen)), "{next}");
        register(&mut Link::Tls(Box::new(come(&phone))), 3);
    }
    // A list that cannot be read changes nothing.
    fs::write(tls.revocations.as_ref().unwrap(), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
        .unwrap();
    assert!(reload().unwrap_err().to_string().contains("is of no use for TLS"));
    fs::write(tls.revocations.as_ref().unwrap(), "").unwrap();
    assert!(reload().unwrap_err().to_string().contains("holds no list of revoked certificates"));
    assert!(is_refused(come(&stolen)));
    register(&mut Link::Tls(Box::new(come(&phone))), 5);
}

/// A list is by an authority that is believed, and whole: another one would shut out everybody, or revoke
/// nothing.
#[test]
fn a_list_of_revocations_that_nobody_believed_has_signed_is_not_taken() {
    let (authority, namesake, other) = (Authority::new(), Authority::new(), Authority::named("another"));
    let mut tls = authority.usual();
    tls.authorities = Some(authority.file());
    tls.revocations = Some(authority.revoke(&[], 2100));
    let list = tls.revocations.clone().unwrap();
    let phone = authority.issue("phone", &["phone.north.test"], [2020, 2100]);
    let server = Server::start(secured(1, tls));
    let reload = || server.running.handle().reload_certificates(&server.settings);
    let good = fs::read_to_string(&list).unwrap();
    let of_namesake = fs::read_to_string(namesake.revoke(&[], 2100)).unwrap();
    let of_other = fs::read_to_string(other.revoke(&[], 2100)).unwrap();
    let cut = good.split("-----END").next().unwrap().to_owned();
    let table = [
        (&of_namesake, "was not signed by its key"),
        (&of_other, "is of an authority that is none of `authorities`"),
        (&cut, "breaks off in the middle of a list of revoked certificates"),
    ];
    for (text, words) in table {
        fs::write(&list, text).unwrap();
        let told = reload().unwrap_err().to_string();
        assert!(told.contains(words) && told.contains("revoked.pem"), "{told}");
        // The old one serves on.
        let come = authority.connect(server.connect(Transport::Tls), Some(&phone));
        register(&mut Link::Tls(Box::new(come)), 1);
    }
    // That of an authority between stands beside its certificate.
    fs::write(&list, good + &of_other + &fs::read_to_string(other.file()).unwrap()).unwrap();
    reload().unwrap();
}

/// A phone does not come back by a ticket that it was given before its certificate was revoked.
#[test]
fn a_revoked_phone_does_not_resume() {
    let authority = Authority::new();
    let mut tls = authority.usual();
    let stolen = authority.issue("stolen", &["phone.north.test"], [2020, 2100]);
    let number = authority.latest();
    tls.authorities = Some(authority.file());
    tls.revocations = Some(authority.revoke(&[], 2100));
    let server = Server::start(secured(1, tls));
    let config = authority.client(Some(&stolen));
    let come = || secured::tls(Arc::clone(&config), "north.test", server.connect(Transport::Tls));
    register(&mut Link::Tls(Box::new(come())), 1);
    authority.revoke(&[number], 2100);
    server.running.handle().reload_certificates(&server.settings).unwrap();
    assert!(is_refused(come()));
}

#[test]
fn a_certificate_is_replaced_while_the_server_runs_and_a_bad_one_is_not_taken() {
    let (authority, next) = (Authority::new(), Authority::new());
    let files = authority.usual();
    let server = Server::start(secured(2, files.clone()));
    let mut anne = link(&server, &authority);
    register(&mut anne, 1);
    let newer = next.issue("newer", &["north.test"], [2020, 2100]);
    fs::copy(&newer.certificate, &files.certificate).unwrap();
    let reload = || server.running.handle().reload_certificates(&server.settings);
    let error = reload().unwrap_err().to_string();
    assert!(error.contains("is not that of the certificate"), "{error}");
    register(&mut link(&server, &authority), 3);
    fs::copy(&newer.key, &files.key).unwrap();
    reload().unwrap();
    register(&mut link(&server, &next), 5);
    assert!(is_refused(authority.connect(server.connect(Transport::Tls), None)));
    // Who was there before stays.
    register(&mut anne, 7);
}

#[test]
fn a_certificate_that_is_of_no_use_is_told_before_anything_is_opened() {
    let authority = Authority::new();
    let files = authority.usual();
    let open = |files: TlsFiles| match driver::open(secured(1, files)) {
        Err(OpenError::Certificate(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let missing = TlsFiles { certificate: "nowhere.pem".into(), ..files.clone() };
    assert!(open(missing).starts_with("nowhere.pem cannot be read"));
    let no_key = TlsFiles { key: files.certificate.clone(), ..files.clone() };
    assert!(open(no_key).contains("holds no private key"));
    let no_certificate = TlsFiles { certificate: files.key.clone(), ..files };
    assert!(open(no_certificate).contains("holds no certificate"));
}

#[test]
fn who_asks_for_tls_all_the_way_does_not_get_less() {
    let authority = Authority::new();
    let server = Server::start(secured(1, authority.usual()));
    let mut anne = link(&server, &authority);
    let clear = |text: String| text.replace("sip:anne@127", "sips:anne@127");
    let challenged = anne.ask(&clear(request("REGISTER", &anne, "anne", "sips:north.test", 1, "", "")));
    let proof = prove(&challenged, "REGISTER", "anne", "sips:north.test");
    let answer = anne.ask(&clear(request("REGISTER", &anne, "anne", "sips:north.test", 2, &proof, "")));
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("<sips:anne@127"), "{answer}");
    let uri = "sips:bob@north.test";
    let challenged = anne.ask(&request("INVITE", &anne, "anne", uri, 3, "", ""));
    let proof = prove(&challenged, "INVITE", "anne", uri);
    // Nobody has registered as bob by TLS.
    let answer = anne.ask(&request("INVITE", &anne, "anne", uri, 4, &proof, ""));
    assert!(answer.starts_with("SIP/2.0 480 "), "{answer}");
    let mut bob = Link::Udp(server.udp());
    let answer = bob.ask(&request("REGISTER", &bob, "bob", "sips:north.test", 1, "", ""));
    assert!(answer.starts_with("SIP/2.0 416 "), "{answer}");
}

#[test]
fn tls_speaks_both_families() {
    let authority = Authority::new();
    let mut settings = settings(1, &[(Transport::Udp, LOOPBACK)]);
    let tls = Some(authority.usual());
    settings.listeners = ["127.0.0.1:0", "[::1]:0"]
        .map(|address| Listener {
            tls: tls.clone(),
            ..Listener::plain(Transport::Tls, address.parse().unwrap())
        })
        .into();
    let server = Server::start(settings);
    for listener in &server.settings.listeners {
        let stream = TcpStream::connect(listener.address).unwrap();
        register(&mut Link::Tls(Box::new(authority.connect(stream, None))), 1);
    }
}

/// Whoever sends a byte of his handshake now and then has no more time for it than others.
#[test]
fn a_handshake_that_trickles_in_ends_in_time() {
    let authority = Authority::new();
    let mut settings = secured(1, authority.usual());
    settings.limits.handshake_s = 1;
    let server = Server::start(settings);
    let mut talk = Talk::begin(Link::Udp(server.udp()), link(&server, &authority));
    let mut slow = server.connect(Transport::Tls);
    let begun = Instant::now();
    let mut sent = 0;
    while slow.write_all(&[[0x16, 3, 1, 2, 0][sent % 5]]).is_ok() {
        sent += 1;
        assert!(begun.elapsed() < PATIENCE, "{sent} bytes were taken");
        talk.goes_on();
        std::thread::sleep(Duration::from_millis(100));
    }
    talk.ends();
}

/// Half a record in the middle of a connection is half a message.
#[test]
fn half_a_record_and_no_more_ends_its_connection_and_the_others_go_on() {
    let authority = Authority::new();
    let mut settings = secured(1, authority.usual());
    settings.limits.stall_s = 1;
    let server = Server::start(settings);
    let mut talk = Talk::begin(Link::Udp(server.udp()), link(&server, &authority));
    let mut slow = authority.connect(server.connect(Transport::Tls), None);
    slow.write_all(b"\r\n\r\n").unwrap();
    slow.read_exact(&mut [0; 2]).unwrap();
    slow.sock.write_all(b"\x17\x03\x03\x00\x40half").unwrap();
    talk.goes_on();
    let mut said = Vec::new();
    // At most an alert that says goodbye.
    assert!(slow.sock.read_to_end(&mut said).is_ok() && said.len() < 64, "{said:?}");
    talk.ends();
}

/// A place is taken from the first byte on, not from the end of the handshake.
#[test]
fn one_source_holds_its_share_of_handshakes_too() {
    let authority = Authority::new();
    let mut settings = secured(2, authority.usual());
    settings.limits.streams_per_source = 2;
    let server = Server::start(settings);
    let held: Vec<TcpStream> = (0..2).map(|_| server.connect(Transport::Tls)).collect();
    let refused = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        is_refused(authority.connect(server.connect(Transport::Tls), None))
    });
    assert!(refused, "a third connection was served beside two that say nothing");
    drop(held);
    let served = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !is_refused(authority.connect(server.connect(Transport::Tls), None))
    });
    assert!(served, "the place of a closed connection is free again");
}
