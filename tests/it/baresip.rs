//! Two real softphones talk through the real server, on UDP, on TCP and on TLS.

use std::time::Duration;

use serde_json::Value;

use crate::process::{peers, until};
use crate::server_process::{DOMAIN, Server, Transport};
use crate::softphone::Softphone;

/// How long a record may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// What Anne's phone says, in hertz, and what Carl's does.
const ANNE: u32 = 600;
const CARL: u32 = 1_000;

/// A server and the two phones; the phones end first.
struct Pair {
    anne: Softphone,
    carl: Softphone,
    server: Server,
    transport: Transport,
}

impl Pair {
    fn start(transport: Transport) -> Self {
        let server = if transport == Transport::Tls { Server::secured() } else { Server::start() };
        let anne = Softphone::start(&server, transport, "anne", "carl", ANNE);
        let carl = Softphone::start(&server, transport, "carl", "anne", CARL);
        Self { anne, carl, server, transport }
    }

    /// Anne calls, Carl sees who it is and answers.
    fn talk(&mut self) {
        call(&mut self.anne, "anne", &mut self.carl, "carl");
    }

    fn both_hear(&self) {
        self.anne.hears(CARL);
        self.carl.hears(ANNE);
    }

    fn none_hears(&self) {
        self.anne.hears_nothing();
        self.carl.hears_nothing();
    }

    fn both_closed(&mut self) {
        self.anne.closed();
        self.carl.closed();
    }
}

fn call(caller: &mut Softphone, from: &str, callee: &mut Softphone, to: &str) {
    caller.dial(to);
    let incoming = callee.event("CALL_INCOMING");
    assert_eq!(incoming["peeruri"], format!("sip:{from}@{}", callee.domain()), "who calls");
    caller.event("CALL_RINGING");
    callee.command("accept", "");
    caller.event("CALL_ESTABLISHED");
    callee.event("CALL_ESTABLISHED");
}

/// Both hear each other; each hangs up once; then the other calls back.
fn talk(pair: &mut Pair) {
    pair.talk();
    pair.both_hear();
    pair.anne.command("hangup", "");
    pair.both_closed();
    call(&mut pair.carl, "carl", &mut pair.anne, "anne");
    pair.both_hear();
    pair.anne.command("hangup", "");
    pair.both_closed();
}

/// The caller holds the call and takes it up again, then the callee does.
fn hold(pair: &mut Pair) {
    pair.talk();
    pair.both_hear();
    pair.anne.command("hold", "");
    pair.none_hears();
    pair.anne.command("resume", "");
    pair.both_hear();
    pair.carl.command("hold", "");
    pair.none_hears();
    pair.carl.command("resume", "");
    pair.both_hear();
    pair.carl.command("hangup", "");
    pair.both_closed();
}

/// The callee does not want to, the caller gives up, nobody is there, and then a call works all the same.
fn refused(pair: &mut Pair) {
    pair.anne.dial("carl");
    pair.carl.event("CALL_INCOMING");
    pair.carl.command("hangup", "");
    assert!(pair.anne.closed().starts_with("486"), "refused");
    pair.carl.closed();

    pair.anne.dial("carl");
    pair.carl.event("CALL_INCOMING");
    pair.anne.event("CALL_RINGING");
    pair.anne.command("hangup", "");
    pair.both_closed();

    pair.anne.dial("william");
    assert!(pair.anne.closed().starts_with("480"), "no phone registered");
    pair.anne.dial("nobody");
    assert!(pair.anne.closed().starts_with("404"), "no such user");

    pair.talk();
    pair.both_hear();
}

/// A phone that is in a call says so itself.
fn busy(pair: &mut Pair) {
    let mut william = Softphone::start(&pair.server, pair.transport, "william", "carl", 800);
    pair.talk();
    william.dial("carl");
    assert!(william.closed().starts_with("486"), "busy");
    pair.both_hear();
}

/// Two phones of one user ring; the second answers, the first stops, and they hear each other. What
/// happened is told of the live call and of the past one, without an address.
fn two_phones(pair: &mut Pair) {
    let mut hand = Softphone::another(&pair.server, pair.transport, "carl-hand", "carl", "anne", 800);
    pair.anne.dial("carl");
    pair.carl.event("CALL_INCOMING");
    hand.event("CALL_INCOMING");
    pair.anne.event("CALL_RINGING");
    let id = calls(&pair.server)["live"][0]["id"].as_str().unwrap().to_owned();
    let told = pair.server.command(&["calls", "show", &id]);
    assert!(told.contains("  now       ringing") && told.contains("-> baresip"), "{told}");
    hand.command("accept", "");
    pair.anne.event("CALL_ESTABLISHED");
    hand.event("CALL_ESTABLISHED");
    pair.carl.closed();
    pair.anne.hears(800);
    hand.hears(ANNE);
    hand.command("hangup", "");
    pair.anne.closed();
    hand.closed();
    until("both records", PATIENCE, || {
        (calls(&pair.server)["past"].as_array().unwrap().len() == 2).then_some(())
    });
    let told = pair.server.command(&["calls", "show", &id]);
    assert!(told.contains("CANCEL          completed elsewhere"), "{told}");
    let ladder: String = told.lines().filter(|line| line.contains("->")).collect();
    assert!(!ladder.contains("127.0.0.1"), "{told}");
}

/// What `ratatosk calls` tells.
fn calls(server: &Server) -> Value {
    serde_json::from_str(&server.command(&["calls", "--json"])).unwrap()
}

/// A page is displayed with the name of its sender, both ways.
fn page(pair: &mut Pair) {
    pair.anne.page("The ferry leaves at six");
    let line = pair.carl.displays("The ferry leaves at six");
    assert!(line.contains(&format!("sip:anne@{DOMAIN}")), "from whom: {line}");
    pair.carl.page("Then I hurry");
    pair.anne.displays("Then I hurry");
}

/// Each story as a test on each transport.
macro_rules! stories {
    (on $module:ident $transport:ident $($story:ident)+) => {
        mod $module {
            use super::{Pair, Transport, peers};
            $(#[test]
            fn $story() {
                if peers(&["baresip"]) {
                    super::$story(&mut Pair::start(Transport::$transport));
                }
            })+
        }
    };
    ($($story:ident)+) => {
        stories!(on udp Udp $($story)+);
        stories!(on tcp Tcp $($story)+);
        stories!(on tls Tls $($story)+);
    };
}

stories! { talk hold refused busy two_phones page }

/// The demo, exactly as it tells: its line for an account, `sip:carl@localhost`, and calling back.
#[test]
fn the_demo_does_what_it_says() {
    if !peers(&["baresip"]) {
        return;
    }
    let server = Server::demo();
    let output = server.output();
    let account = output.lines().find_map(|line| line.trim().strip_prefix("<sip:anne@")).unwrap();
    let account = format!("<sip:anne@{account}");
    let mut anne = Softphone::with_account(&server, &account, "anne", "carl", ANNE);
    let mut carl = Softphone::with_account(&server, &account.replace("anne", "carl"), "carl", "anne", CARL);
    for (from, to) in [("anne", "carl"), ("carl", "anne")] {
        let (caller, callee) = if from == "anne" { (&mut anne, &mut carl) } else { (&mut carl, &mut anne) };
        call(caller, from, callee, to);
        caller.command("hangup", "");
        caller.closed();
        callee.closed();
    }
}
