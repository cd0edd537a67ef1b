//! Plays `sipp-scenarios/` against the real server, on UDP and on TCP.
//!
//! Each test is one row of [`plays!`]. When one fails, what SIPp complained of, the messages it
//! saw and what the server wrote are shown.

use std::cell::Cell;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, free_port, peers};
use crate::server_process::{PASSWORD, Server, Transport};

/// SIPp gives up after so many seconds; the test a little later.
const SECONDS: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(SECONDS + 10);

/// A server, and the protocol its phones speak.
pub(crate) struct Stage {
    pub(crate) server: Server,
    transport: Transport,
    /// Where its phones reach it.
    at: String,
    /// The cluster of those whom Anne calls and pages.
    callees: Cell<&'static str>,
    /// How many have played: it makes the names of their files differ.
    played: Cell<u32>,
}

/// A SIPp that must end well.
pub(crate) struct Player {
    scenario: String,
    process: Process,
    /// What its scenario logs.
    log: PathBuf,
}

impl Player {
    pub(crate) fn ends_well(self) {
        self.ends_well_within(PATIENCE);
    }

    /// [`Player::ends_well`], for a scenario that takes its time.
    fn ends_well_within(mut self, patience: Duration) {
        let status = self.process.wait(patience);
        assert!(status.success(), "sipp-scenarios/{}: {status}", self.scenario);
    }
}

impl Stage {
    pub(crate) fn new(server: Server, transport: Transport) -> Self {
        let (callees, at) = (Cell::new(server.domain()), server.address());
        Self { server, transport, at, callees, played: Cell::new(0) }
    }

    /// A stage whose phones speak TCP to somebody who hands on what they say.
    pub(crate) fn by(server: Server, at: String) -> Self {
        Self { at, ..Self::new(server, Transport::Tcp) }
    }

    /// From now on Anne calls and pages users of that cluster.
    pub(crate) fn calls_to(&self, domain: &'static str) {
        self.callees.set(domain);
    }

    /// A phone that registers and takes `expected` calls or pages as a scenario plays them.
    pub(crate) fn phone(&self, user: &str, plays: &str, expected: u32, more: &[&str]) -> Player {
        self.registered(user, ("phone.xml", plays), expected, more)
    }

    /// One flow of a client that takes `expected` calls as a scenario plays them.
    fn flow(&self, user: &str, reg_id: &str, plays: &str, expected: u32) -> Player {
        self.registered(user, ("flow.xml", plays), expected, &["-key", "reg_id", reg_id])
    }

    fn registered(&self, user: &str, plays: (&str, &str), expected: u32, more: &[&str]) -> Player {
        let (file, expected) = (scenario(plays.1), expected.to_string());
        let features: &[&str] = if more.contains(&"features") { &[] } else { &["-key", "features", ""] };
        let arguments = ["-oocsf", &file, "-set", "expected", &expected, "-ap", PASSWORD, "-m", "1"];
        let more = &[features, more].concat();
        let mut phone = self.sipp(user, plays.0, user, "127.0.0.3", &[&arguments[..], more].concat());
        phone.process.wait_for_line(&phone.log, "registered", PATIENCE);
        phone
    }

    /// Anne calls, pages or asks; it must end as the scenario says.
    pub(crate) fn anne(&self, plays: &str, whom: &str, more: &[&str]) {
        self.asks("anne", plays, whom, "127.0.0.2", more).ends_well();
    }

    /// A phone at this address that calls, pages or asks.
    fn asks(&self, user: &str, plays: &str, whom: &str, address: &str, more: &[&str]) -> Player {
        let arguments = ["-key", "caller", user, "-au", user, "-ap", PASSWORD, "-m", "1"];
        self.sipp(user, plays, whom, address, &[&arguments[..], more].concat())
    }

    fn sipp(&self, name: &str, plays: &str, service: &str, address: &str, more: &[&str]) -> Player {
        let dir = self.server.dir();
        let played = self.played.replace(self.played.get() + 1);
        let name = &format!("{name}-{}-{played}", self.server.domain());
        let file = |kind: &str| dir.join(format!("{name}.{kind}"));
        let mut command = Command::new("sipp");
        command.arg(&self.at).args([
            "-sf",
            &scenario(plays),
            "-s",
            service,
            "-key",
            "domain",
            self.server.domain(),
        ]);
        if !more.contains(&"callee_domain") {
            command.args(["-key", "callee_domain", self.callees.get()]);
        }
        command.args([
            "-i",
            address,
            "-p",
            &free_port().to_string(),
            "-bind_local",
            "-nostdin",
            "-timeout",
            &SECONDS.to_string(),
            "-timeout_error",
        ]);
        command.args(["-t", if self.transport == Transport::Udp { "u1" } else { "t1" }]);
        for (trace, option, kind) in [
            ("-trace_err", "-error_file", "errors"),
            ("-trace_msg", "-message_file", "messages"),
            ("-trace_logs", "-log_file", "log"),
        ] {
            command.arg(trace).arg(option).arg(file(kind));
        }
        let process = Process::start(name, dir, command.args(more));
        Player {
            scenario: plays.into(),
            process: process.shows(vec![file("messages"), file("errors")]),
            log: file("log"),
        }
    }
}

fn scenario(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios").join(name);
    file.to_str().unwrap().into()
}

/// Each play as a test on UDP and as a test on TCP.
macro_rules! plays {
    ($($(#[$doc:meta])* $name:ident: |$stage:ident| $play:block)+) => {
        $($(#[$doc])* fn $name($stage: &Stage) $play)+
        plays!(on udp Udp $($name)+);
        plays!(on tcp Tcp $($name)+);
    };
    (on $module:ident $transport:ident $($name:ident)+) => {
        mod $module {
            use super::{Server, Stage, Transport, peers};
            $(#[test]
            fn $name() {
                if peers(&["sipp"]) {
                    super::$name(&Stage::new(Server::start(), Transport::$transport));
                }
            })+
        }
    };
}

plays! {
    /// 401, 200, query, removal.
    registers: |stage| {
        stage.anne("register.xml", "anne", &[]);
    }

    /// Never gets in.
    wrong_password: |stage| {
        stage.anne("wrong_password.xml", "anne", &["-ap", "not-hers"]);
    }

    /// The cluster says what it can do.
    options: |stage| {
        stage.anne("options.xml", "anne", &[]);
    }

    /// Nothing but the SDP crosses from phone to phone.
    call: |stage| {
        let carl = stage.phone("carl", "answer.xml", 1, &[]);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        carl.ends_well();
    }

    /// All of them are up before the first hangs up.
    hundred_calls: |stage| {
        let carl = stage.phone("carl", "answer.xml", 100, &[]);
        stage.anne("call.xml", "carl", &["-set", "together", "100", "-m", "100", "-r", "100", "-l", "100"]);
        carl.ends_well();
    }

    /// Heard before it is answered.
    early_media: |stage| {
        let carl = stage.phone("carl", "early_media.xml", 1, &[]);
        stage.anne("call_early_media.xml", "carl", &[]);
        carl.ends_well();
    }

    /// Every step made sure: PRACK on both legs, a session timer, a refresh by UPDATE.
    reliable: |stage| {
        let carl = stage.phone("carl", "reliable.xml", 1, &[]);
        stage.anne("call_reliable.xml", "carl", &[]);
        carl.ends_well();
    }

    /// The callee's phone stops ringing.
    cancel: |stage| {
        let carl = stage.phone("carl", "ring.xml", 1, &[]);
        stage.anne("cancel.xml", "carl", &[]);
        carl.ends_well();
    }

    busy: |stage| {
        let carl = stage.phone("carl", "busy.xml", 1, &[]);
        stage.anne("call_refused.xml", "carl", &["-key", "status", "486"]);
        carl.ends_well();
    }

    decline: |stage| {
        let carl = stage.phone("carl", "decline.xml", 1, &[]);
        stage.anne("call_refused.xml", "carl", &["-key", "status", "603"]);
        carl.ends_well();
    }

    /// The callee's tree gives up after three seconds.
    no_answer: |stage| {
        stage.server.profile("carl", "short", "profile \"short\" {\n  incoming {\n    otherwise -> try clients for 3s\n  }\n}\n");
        let carl = stage.phone("carl", "ring.xml", 1, &[]);
        stage.anne("call_refused.xml", "carl", &["-key", "status", "480"]);
        carl.ends_well();
    }

    nobody_registered: |stage| {
        stage.anne("call_refused.xml", "carl", &["-key", "status", "480"]);
    }

    no_such_user: |stage| {
        stage.anne("call_refused.xml", "nobody", &["-key", "status", "404"]);
    }

    /// Two phones of one user ring: one answers, the other is told that it need not show a missed call.
    fork: |stage| {
        let other = stage.phone("carl", "fork.xml", 1, &[]);
        let carl = stage.phone("carl", "answer.xml", 1, &[]);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        carl.ends_well();
        other.ends_well();
    }

    /// The callee is busy, and his tree tries another user, whose phone is told whose call it was.
    serial: |stage| {
        stage.server.profile("carl", "serial", "profile \"serial\" {\n  incoming {\n    otherwise -> try clients for 9s { busy -> user william@north.test\n otherwise -> decline }\n  }\n}\n");
        let william = stage.phone("william", "serial.xml", 1, &[]);
        let carl = stage.phone("carl", "busy.xml", 1, &[]);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        carl.ends_well();
        william.ends_well();
    }

    /// A 302 of a phone sends the call on to another user.
    forward: |stage| {
        let william = stage.phone("william", "answer.xml", 1, &[]);
        let carl = stage.phone("carl", "redirect.xml", 1, &["-key", "target", "william"]);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        carl.ends_well();
        william.ends_well();
    }

    /// A client with two flows: the one that registered last is rung, and since that is lost, the other.
    outbound: |stage| {
        let first = stage.flow("carl", "1", "answer.xml", 1);
        let second = stage.flow("carl", "2", "flow_lost.xml", 1);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        second.ends_well();
        first.ends_well();
    }

    /// A phone behind two proxies: the call comes by both.
    path: |stage| {
        let edge = stage.registered("carl", ("edge.xml", "edge_answer.xml"), 1, &[]);
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        edge.ends_well();
    }

    /// An address that reaches one phone of two, by which it is called, and one that does not say whose it is, by
    /// which it is paged; the other phone takes the next call.
    gruu: |stage| {
        let other = stage.phone("carl", "answer.xml", 1, &[]);
        let told = |phone: &Player, name: &str| {
            let log = std::fs::read_to_string(&phone.log).unwrap();
            let told = log.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            let (user, domain) = told.split_once('@').unwrap();
            (user.to_owned(), domain.to_owned())
        };
        let own = stage.registered("carl", ("gruu.xml", "answer.xml"), 1, &[]);
        let (user, domain) = told(&own, "public");
        assert!(user == "carl" && domain.contains(";gr=urn:uuid:"), "{user}@{domain}");
        stage.anne("call.xml", &user, &["-set", "together", "1", "-key", "callee_domain", &domain]);
        own.ends_well();
        let own = stage.registered("carl", ("gruu.xml", "take_page.xml"), 1, &[]);
        let (user, domain) = told(&own, "temporary");
        assert!(user.starts_with("tgruu.") && domain.ends_with(";gr"), "{user}@{domain}");
        stage.anne("page.xml", &user, &["-key", "callee_domain", &domain]);
        own.ends_well();
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        other.ends_well();
    }

    /// From either side; the callee hangs up.
    hold: |stage| {
        let carl = stage.phone("carl", "hold_answer.xml", 1, &[]);
        stage.anne("hold.xml", "carl", &[]);
        carl.ends_well();
    }

    /// The same by UPDATE.
    update: |stage| {
        let carl = stage.phone("carl", "update_answer.xml", 1, &[]);
        stage.anne("update.xml", "carl", &[]);
        carl.ends_well();
    }

    /// Anne sends Carl to William, whom she has not called.
    transfer: |stage| {
        let carl = stage.phone("carl", "transferred.xml", 1, &[]);
        let william = stage.phone("william", "transfer_target.xml", 1, &[]);
        stage.anne("transfer.xml", "carl", &[]);
        carl.ends_well();
        william.ends_well();
    }

    /// Anne has called both, and connects them.
    attended_transfer: |stage| {
        let carl = stage.phone("carl", "attended.xml", 1, &[]);
        let william = stage.phone("william", "attended_target.xml", 1, &[]);
        // Her Call-IDs stand in a URI, where an at sign would have to be escaped.
        stage.anne("attended_transfer.xml", "carl", &["-cid_str", "%u-%p-%s"]);
        carl.ends_well();
        william.ends_well();
    }

    /// Another phone of Carl's goes on with the call that his desk has answered.
    take_over: |stage| {
        let mut desk = stage.phone("carl", "relieved.xml", 1, &[]);
        let anne = stage.asks("anne", "taken_over.xml", "carl", "127.0.0.2", &[]);
        desk.process.wait_for_line(&desk.log, "told", PATIENCE);
        let log = std::fs::read_to_string(&desk.log).unwrap();
        let dialog = log.lines().find_map(|line| line.strip_prefix("dialog ")).unwrap();
        stage.asks("carl", "take_over.xml", "carl", "127.0.0.4", &["-key", "dialog", dialog]).ends_well();
        desk.ends_well();
        anne.ends_well();
    }

    /// What only the phones know passes, and a package of INFO that the other has not listed does not.
    relay: |stage| {
        let carl = stage.phone("carl", "relay_answer.xml", 1, &[]);
        stage.anne("relay.xml", "carl", &[]);
        carl.ends_well();
    }

    /// Nothing tells who calls.
    private: |stage| {
        let carl = stage.phone("carl", "private_answer.xml", 1, &[]);
        stage.anne("private.xml", "carl", &[]);
        carl.ends_well();
    }

    /// Who insists on what cannot be given is refused.
    too_private: |stage| {
        stage.anne("too_private.xml", "carl", &[]);
    }

    /// The offer is one of two parts.
    parts: |stage| {
        let carl = stage.phone("carl", "answer.xml", 1, &[]);
        stage.anne("call_parts.xml", "carl", &[]);
        carl.ends_well();
    }

    /// The caller wants a phone with video; the other one is not asked, and takes the next call.
    wanted: |stage| {
        let seeing = stage.phone("carl", "answer.xml", 1, &["-key", "features", ";video"]);
        let hearing = stage.phone("carl", "answer.xml", 1, &["-key", "features", ";audio"]);
        stage.anne("call_wanted.xml", "carl", &[]);
        seeing.ends_well();
        stage.anne("call.xml", "carl", &["-set", "together", "1"]);
        hearing.ends_well();
    }

    page: |stage| {
        let carl = stage.phone("carl", "take_page.xml", 1, &[]);
        stage.anne("page.xml", "carl", &[]);
        carl.ends_well();
    }

    /// By the default profile: kept until the phone registers, and brought in order.
    page_waits: |stage| {
        stage.anne("page_stored.xml", "carl", &["-m", "3", "-l", "1"]);
        let carl = stage.phone("carl", "page_delivered.xml", 3, &[]);
        let log = carl.log.clone();
        carl.ends_well();
        let log = std::fs::read_to_string(log).unwrap();
        let taken: Vec<_> = log.lines().filter(|line| line.starts_with("taken ")).collect();
        assert_eq!(taken, ["taken page 1", "taken page 2", "taken page 3"]);
    }

    /// His tree keeps nothing.
    page_to_nobody: |stage| {
        stage.server.profile("carl", "forgets", "profile \"forgets\" {\n  incoming {\n    otherwise -> try clients\n  }\n}\n");
        stage.anne("page_offline.xml", "carl", &[]);
    }
}

/// Accepted with 202, the server killed: the page is brought when the phone registers.
#[test]
fn a_page_is_kept() {
    if !peers(&["sipp"]) {
        return;
    }
    let mut stage = Stage::new(Server::start(), Transport::Udp);
    stage.anne("page_stored.xml", "carl", &[]);
    stage.server.crash();
    let carl = stage.phone("carl", "page_delivered.xml", 1, &[]);
    carl.ends_well();
}

/// A registration that was answered with 200 outlives the server's end, and its death.
#[test]
fn a_binding_is_kept() {
    if !peers(&["sipp"]) {
        return;
    }
    let mut stage = Stage::new(Server::start(), Transport::Udp);
    let carl = stage.phone("carl", "answer.xml", 2, &[]);
    stage.server.restart();
    stage.anne("call.xml", "carl", &["-set", "together", "1"]);
    stage.server.crash();
    stage.anne("call.xml", "carl", &["-set", "together", "1"]);
    carl.ends_well();
}

/// Either phone is told, or tells, that a session is too brief (422); the caller's refreshes it, and the server
/// refreshes that of the callee's, which takes as long as the shortest session that there is.
#[test]
fn a_session_is_refreshed_by_each_side() {
    if !peers(&["sipp"]) {
        return;
    }
    let stage = Stage::new(Server::with("[limits]\nsession_s = 90\n"), Transport::Udp);
    let long = ["-timeout", "80"];
    let carl = stage.phone("carl", "refreshed.xml", 1, &long);
    let anne = stage.asks("anne", "call_refreshed.xml", "carl", "127.0.0.2", &long);
    for player in [anne, carl] {
        player.ends_well_within(Duration::from_secs(90));
    }
}

/// A phone that has registered by what its push service knows it, and has gone, is woken, and takes the call.
fn push(transport: Transport) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = listener.local_addr().unwrap();
    let hears = crate::push::answering(listener, "202 Accepted");
    let more = "[push]\nurl = \"http://HOOK/wake\"\nproviders = [\"acme\"]\n[limits]\nawake_s = 1\n";
    let stage = Stage::new(Server::with(&more.replace("HOOK", &hook.to_string())), transport);
    stage.registered("carl", ("sleeper.xml", "answer.xml"), 0, &[]).ends_well();
    // Over UDP nobody hears of it that it has gone; it is taken to be awake for that long.
    std::thread::sleep(Duration::from_millis(1200));
    let anne = stage.asks("anne", "call.xml", "carl", "127.0.0.2", &["-set", "together", "1"]);
    let asked = hears.recv_timeout(PATIENCE).unwrap();
    assert!(asked.contains("\"prid\":\"carls-own\""), "{asked}");
    assert!(!asked.contains("anne"), "who calls is nobody's: {asked}");
    let carl = stage.registered("carl", ("sleeper.xml", "answer.xml"), 1, &[]);
    anne.ends_well();
    carl.ends_well();
    assert!(!stage.server.log().contains("carls-own"), "a log that tells by what he is woken");
}

#[test]
fn a_phone_is_woken() {
    if peers(&["sipp"]) {
        push(Transport::Udp);
    }
}

#[test]
fn a_phone_whose_connection_is_closed_is_woken() {
    if peers(&["sipp"]) {
        push(Transport::Tcp);
    }
}

/// The README's first command: phones register with the demo and call, and it tells so.
#[test]
fn the_demo_serves_and_tells() {
    if !peers(&["sipp"]) {
        return;
    }
    let stage = Stage::new(Server::demo(), Transport::Tcp);
    let carl = stage.phone("carl", "answer.xml", 1, &[]);
    stage.anne("call.xml", "carl", &["-set", "together", "1"]);
    carl.ends_well();
    let carl = stage.phone("carl", "take_page.xml", 1, &[]);
    stage.anne("page.xml", "carl", &[]);
    carl.ends_well();
    let told = stage.server.output();
    for line in [
        "registered    carl@localhost at ",
        "call          anne@localhost to carl@localhost, voice: the tree of carl@localhost says ",
        "answered      anne@localhost",
        "call ended    anne@localhost to carl@localhost: 200",
        "page          anne@localhost to carl@localhost: 200; the tree of carl@localhost says ",
    ] {
        assert!(told.contains(line), "the demo did not tell {line:?}, but:\n{told}");
    }
}
