//! A server that has no file descriptors left: what is there goes on, and its operator is told once.

#![allow(clippy::disallowed_methods, reason = "a real server lives in real time")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::handset::Handset;
use crate::process::{Process, free_port, until};
use crate::server_process::{PASSWORD, run};
use crate::sim::Do;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many files and connections the server may have open.
const DESCRIPTORS: u32 = 100;
/// Clock ticks of the kernel in a second (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// Asks on a connection, and waits for any answer; false if the connection is closed.
fn is_answered(stream: &mut TcpStream) -> bool {
    let local = stream.local_addr().unwrap();
    let request = format!(
        "OPTIONS sip:north.test SIP/2.0\r\nVia: SIP/2.0/TCP {local};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:anne@north.test>;tag=1\r\nTo: <sip:anne@north.test>\r\nCall-ID: {local}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let mut answer = Vec::new();
    let mut byte = [0; 1];
    let is_sent = stream.write_all(request.as_bytes()).is_ok();
    while !answer.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        answer.extend(byte);
    }
    is_sent && answer.starts_with(b"SIP/2.0 407 ")
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Ticks of the processor that a process has had.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_server_without_descriptors_goes_on() {
    let (dir, port) = (TempDir::new().unwrap(), free_port());
    let config = dir.path().join("ratatosk.toml");
    let listen =
        |transport| format!("[[listen]]\ntransport = \"{transport}\"\naddress = \"127.0.0.1:{port}\"\n");
    let text = "threads = 1\n[cluster]\nid = \"north.test\"\n[store]\nurl = \"sqlite://north.db\"\n";
    fs::write(&config, format!("{text}{}{}", listen("udp"), listen("tcp"))).unwrap();
    run(&config, &["user", "add", "anne", "--password", PASSWORD]);
    let script = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &script,
        env!("CARGO_BIN_EXE_ratatosk"),
        "--config",
        config.to_str().unwrap(),
        "serve",
    ]);
    let mut server = Process::start("server", dir.path(), &mut command);
    server.wait_for_line(&dir.path().join("server.out"), "ready", PATIENCE);
    let told = || fs::read_to_string(dir.path().join("server.err")).unwrap();
    until("a warning that there is room for few", PATIENCE, || {
        told().contains("`ulimit -n` raises it").then_some(())
    });

    let mut first = connect(port);
    assert!(is_answered(&mut first));
    let many: Vec<TcpStream> = (0..3 * DESCRIPTORS).map(|_| connect(port)).collect();
    until("a refusal", PATIENCE, || told().contains("connections are refused").then_some(()));
    let before = ticks(server.id());
    std::thread::sleep(Duration::from_secs(1));
    let used = ticks(server.id()) - before;
    assert!(used < TICKS / 2, "it spins: {used} ticks in a second");
    assert!(is_answered(&mut first), "a connection that was there is served");
    run(&config, &["user", "add", "carl", "--password", PASSWORD]);
    let mut anne = Handset::new("anne", 1, &format!("127.0.0.1:{port}"));
    anne.act(&Do::Register, |anne| anne.phone.is_registered());
    assert!(
        run(&config, &["registrations"]).contains(" up "),
        "operators are heard, and the store is written"
    );
    assert_eq!(told().matches("connections are refused").count(), 1, "told once: {}", told());

    drop(many);
    until("a place", PATIENCE, || is_answered(&mut connect(port)).then_some(()));
    server.signal("TERM");
    assert!(server.wait(PATIENCE).success());
}
