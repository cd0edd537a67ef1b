//! Two real clusters on one machine: SIPp and softphones call and page across, and one is killed.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use crate::dns::dnsmasq;
use crate::process::{peers, until};
use crate::server_process::{DOMAIN, OTHER_DOMAIN, Server, Transport};
use crate::sipp::Stage;
use crate::softphone::Softphone;

/// How long a cluster may take to see that the other has come or gone.
const PATIENCE: Duration = Duration::from_secs(15);
/// The tree of somebody whose pages are kept for him.
const KEEPS: &str = "profile \"keeps\" {\n  incoming {\n    otherwise -> try clients else inbox\n  }\n}\n";
const SECRET: &str = "what only the two of us know";

/// Two clusters that see each other.
fn pair(transport: Transport) -> [Server; 2] {
    let servers = Server::pair(transport, [SECRET, SECRET]);
    for server in &servers {
        stands(server, "up");
    }
    servers
}

/// Waits until a cluster says of the other that it stands like that.
fn stands(server: &Server, state: &str) -> Value {
    until(&format!("{} sees the other {state}", server.domain()), PATIENCE, || {
        let listed: Value = serde_json::from_str(&server.command(&["trunks", "--json"])).unwrap();
        (listed[0]["state"] == state).then(|| listed[0].clone())
    })
}

/// Anne at north, Carl at south.
fn stages(transport: Transport) -> [Stage; 2] {
    let [north, south] = pair(transport).map(|server| Stage::new(server, transport));
    north.calls_to(OTHER_DOMAIN);
    south.calls_to(DOMAIN);
    [north, south]
}

/// What became of Anne's last page, as the listing tells.
fn receipt(server: &Server) -> String {
    let pages: Value = serde_json::from_str(&server.command(&["pages", "--user", "anne", "--json"])).unwrap();
    let last = pages.as_array().unwrap().last().cloned().unwrap_or_default();
    last["receipt"].as_str().unwrap_or_default().to_owned()
}

/// A call, one that is cancelled, one to somebody who is busy: as inside a cluster, and nothing of one
/// phone reaches the other (the scenarios look).
fn calls(transport: Transport) {
    let [north, south] = stages(transport);
    let carl = south.phone("carl", "answer.xml", 20, &[]);
    north.anne("call.xml", "carl", &["-set", "together", "20", "-m", "20", "-r", "100", "-l", "20"]);
    carl.ends_well();
    let carl = south.phone("carl", "ring.xml", 1, &[]);
    north.anne("cancel.xml", "carl", &[]);
    carl.ends_well();
    let carl = south.phone("carl", "busy.xml", 1, &[]);
    north.anne("call_refused.xml", "carl", &["-key", "status", "486"]);
    carl.ends_well();
    let carl = south.phone("carl", "hold_answer.xml", 1, &[]);
    north.anne("hold.xml", "carl", &[]);
    carl.ends_well();
    north.anne("call_refused.xml", "nobody", &["-key", "status", "404"]);
    north.calls_to("west.test");
    north.anne("call_refused.xml", "carl", &["-key", "status", "404"]);
}

/// A page arrives, both ways; one that is written while the other cluster is dead arrives when it
/// lives again, though its own cluster was killed meanwhile; and its sender can read so.
fn pages(transport: Transport) {
    let [mut north, mut south] = stages(transport);
    let carl = south.phone("carl", "take_page.xml", 1, &[]);
    north.anne("page.xml", "carl", &[]);
    carl.ends_well();
    let carl = north.phone("carl", "take_page.xml", 1, &[]);
    south.anne("page.xml", "carl", &[]);
    carl.ends_well();

    // Whom nobody can reach has his pages kept for him, when his cluster is there again.
    south.server.profile("carl", "keeps", KEEPS);
    // Nobody knows yet that it is gone, nor after this call how it was found out.
    std::thread::sleep(Duration::from_secs(5));
    south.server.kill();
    north.anne("call_refused.xml", "carl", &["-key", "status", "503"]);
    stands(&north.server, "down");
    north.anne("call_refused.xml", "carl", &["-key", "status", "503"]);
    north.anne("page_kept.xml", "carl", &[]);
    // Nobody waits for records but for this one: it was there before the 202.
    north.server.crash();
    assert_eq!(receipt(&north.server), "waiting");
    assert_eq!(stands(&north.server, "down")["waiting"], 1);
    south.server.start_again();
    let carl = south.phone("carl", "take_page.xml", 1, &[]);
    carl.ends_well();
    until("a receipt", PATIENCE, || (receipt(&north.server) == "delivered").then_some(()));
    assert_eq!(stands(&north.server, "up")["waiting"], 0);
}

/// South is found by a real name server, and its first server is not the one that talks: by UDP it says nothing, by TCP
/// 503. Anne's call, made before that is known, goes on to the second one.
fn found_by_dns(transport: Transport) {
    if !peers(&["dnsmasq"]) {
        return;
    }
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let first = match transport {
        Transport::Udp => silent.local_addr().unwrap(),
        Transport::Tcp | Transport::Tls => crate::dns::south("503 Service Unavailable"),
    };
    let mut running = None;
    let servers = Server::pair_named(transport, [SECRET, SECRET], |second| {
        let srv = |target: &str, port: u16, priority: u8| {
            let over = transport.name();
            format!("--srv-host=_sip._{over}.south.test,{target}.south.test,{port},{priority},10")
        };
        let host = |name: &str| format!("--host-record={name}.south.test,127.0.0.1");
        let (process, dns, dir) =
            dnsmasq(&[srv("a", first.port(), 1), srv("b", second, 2), host("a"), host("b")]);
        running = Some((process, dir));
        Some(dns)
    });
    let [north, south] = servers.map(|server| Stage::new(server, transport));
    north.calls_to(OTHER_DOMAIN);
    let carl = south.phone("carl", "answer.xml", 1, &[]);
    north.anne("call.xml", "carl", &["-set", "together", "1"]);
    carl.ends_well();
    stands(&north.server, "up");
    let carl = south.phone("carl", "take_page.xml", 1, &[]);
    north.anne("page.xml", "carl", &[]);
    carl.ends_well();
    drop(running);
}

/// Both hear each other; each hangs up once; both pages are displayed with the name of their sender.
fn softphones(transport: Transport) {
    let [north, south] = pair(transport);
    let mut anne = Softphone::start(&north, transport, "anne", "carl@south.test", 600);
    let mut carl = Softphone::start(&south, transport, "carl", "anne@north.test", 1_000);
    talk((&mut anne, "anne@north.test"), (&mut carl, "carl@south.test"));
    anne.hears(1_000);
    carl.hears(600);
    carl.command("hangup", "");
    anne.closed();
    carl.closed();
    talk((&mut carl, "carl@south.test"), (&mut anne, "anne@north.test"));
    anne.hears(1_000);
    carl.hears(600);
    carl.command("hangup", "");
    anne.closed();
    carl.closed();
    anne.page("The ferry leaves at six");
    let line = carl.displays("The ferry leaves at six");
    assert!(line.contains("sip:anne@north.test"), "from whom: {line}");
    carl.page("Then I hurry");
    anne.displays("Then I hurry");
}

fn talk((caller, from): (&mut Softphone, &str), (callee, to): (&mut Softphone, &str)) {
    caller.dial(to);
    let incoming = callee.event("CALL_INCOMING");
    assert_eq!(incoming["peeruri"], format!("sip:{from}"), "who calls");
    caller.event("CALL_RINGING");
    callee.command("accept", "");
    caller.event("CALL_ESTABLISHED");
    callee.event("CALL_ESTABLISHED");
}

/// Each story as a test on UDP and as a test on TCP.
macro_rules! stories {
    (on $module:ident $transport:ident $($story:ident $program:literal)+) => {
        mod $module {
            use super::{Transport, peers};
            $(#[test]
            fn $story() {
                if peers(&[$program]) {
                    super::$story(Transport::$transport);
                }
            })+
        }
    };
    ($($story:ident $program:literal)+) => {
        stories!(on udp Udp $($story $program)+);
        stories!(on tcp Tcp $($story $program)+);
    };
}

stories! { calls "sipp" pages "sipp" found_by_dns "sipp" softphones "baresip" }

/// Clusters that do not know the same secret: each is down to the other, its operator is told why,
/// and told once, not every second.
#[test]
fn a_wrong_secret_is_told() {
    let servers = Server::pair(Transport::Udp, [SECRET, "what one of us believes"]);
    for server in &servers {
        let listed = stands(server, "down");
        assert_eq!(listed["error"], "the secret does not match");
    }
    std::thread::sleep(Duration::from_secs(3));
    for server in &servers {
        let log = server.log();
        assert_eq!(log.matches("the secret does not match").count(), 2, "two words on it:\n{log}");
        assert!(!log.contains(SECRET) && !log.contains("what one of us believes"));
    }
}

/// Whoever comes to the listener for clusters and is none is asked for a proof, whatever he wants.
#[test]
fn a_stranger_is_challenged() {
    let [north, _south] = pair(Transport::Udp);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = stranger.local_addr().unwrap();
    for (method, uri) in
        [("INVITE", "anne@north.test"), ("MESSAGE", "nobody@north.test"), ("OPTIONS", "north.test")]
    {
        let request = format!(
            "{method} sip:{uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:carl@south.test>;tag=a\r\nTo: <sip:{uri}>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n\
             P-Asserted-Identity: <sip:carl@south.test>\r\nContact: <sip:{own}>\r\nContent-Length: 0\r\n\r\n"
        );
        stranger.send_to(request.as_bytes(), north.federation_address()).unwrap();
        let mut answer = [0; 2048];
        let length = stranger.recv(&mut answer).unwrap();
        let answer = std::str::from_utf8(&answer[..length]).unwrap();
        assert!(answer.starts_with("SIP/2.0 407 ") && answer.contains("realm=\"north.test\""), "{answer}");
    }
}
