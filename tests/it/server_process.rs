//! The real server in a directory of its own: `ratatosk serve`, and its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::secured::Authority;

/// The cluster that the tests run.
pub(crate) const DOMAIN: &str = "north.test";
/// The other cluster, where there are two.
pub(crate) const OTHER_DOMAIN: &str = "south.test";
/// How long the server may take to open its listeners, or a command to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The protocols that a phone can speak to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// As a URI parameter names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A running server with the users anne, carl and william, each with [`PASSWORD`].
#[derive(Debug)]
pub(crate) struct Server {
    // Fields drop in this order: the process ends before its directory goes.
    process: Process,
    dir: Arc<TempDir>,
    /// Its configuration's name, which is the name of its log too.
    name: &'static str,
    port: u16,
    domain: &'static str,
    authority: Option<Authority>,
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "horse-and-battery";

impl Server {
    /// `ratatosk serve` with a store of its own, ready for phones.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// [`Server::start`], with more in its configuration.
    pub(crate) fn with(more: &str) -> Self {
        Self::start_in(Arc::new(directory()), ("ratatosk", DOMAIN), free_port(), more)
    }

    /// [`Server::start`], with listeners for TLS and for browsers too.
    pub(crate) fn secured() -> Self {
        let (port, authority) = (free_port(), Authority::new());
        let files = authority.usual();
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let listeners = [("tls", port + 1), ("wss", port + 2), ("ws", port + 3)].map(|(transport, port)| {
            let listen = format!("[[listen]]\ntransport = \"{transport}\"\naddress = \"127.0.0.1:{port}\"\n");
            let proof = format!("certificate = \"{certificate}\"\nkey = \"{key}\"\n");
            if transport == "ws" { listen } else { listen + &proof }
        });
        let server = Self::start_in(Arc::new(directory()), ("ratatosk", DOMAIN), port, &listeners.concat());
        Self { authority: Some(authority), ..server }
    }

    /// Two clusters of one directory, north.test and south.test, that speak with each other.
    pub(crate) fn pair(transport: Transport, secrets: [&str; 2]) -> [Self; 2] {
        let dir = Arc::new(directory());
        let ports = [free_port(), free_port()];
        // The port after a free one is free as well: there they listen for each other.
        let federation = ports.map(|port| port + 1);
        let domains = [DOMAIN, OTHER_DOMAIN];
        let start = |own: usize, other: usize| {
            let over = transport.name();
            let (here, there) = (federation[own], federation[other]);
            let (cluster, secret) = (domains[other], secrets[own]);
            let more = format!(
                r#"
[[listen]]
transport = "{over}"
address = "127.0.0.1:{here}"
face = "federation"
[[federation]]
id = "{cluster}"
address = "sip:127.0.0.1:{there};transport={over}"
secret = "{secret}"
"#
            );
            let name = ["north", "south"][own];
            Self::start_in(Arc::clone(&dir), (name, domains[own]), ports[own], &more)
        };
        [start(0, 1), start(1, 0)]
    }

    fn start_in(
        dir: Arc<TempDir>,
        (name, domain): (&'static str, &'static str),
        port: u16,
        more: &str,
    ) -> Self {
        let config = dir.path().join(format!("{name}.toml"));
        fs::write(&config, configuration((name, domain), port) + more).unwrap();
        run(&config, &["user", "import", &users(dir.path(), domain)]);
        Self { process: serve(dir.path(), name), dir, name, port, domain, authority: None }
    }

    /// `ratatosk demo`, ready for phones.
    pub(crate) fn demo() -> Self {
        let (dir, port) = (Arc::new(directory()), free_port());
        let mut demo = program();
        demo.args(["demo", "--port", &port.to_string(), "--http-port", "0", "--password", PASSWORD]);
        let process = ready("demo", dir.path(), &mut demo);
        Self { process, dir, name: "demo", port, domain: "localhost", authority: None }
    }

    /// Ends it as an operator does (SIGTERM) and starts it again.
    pub(crate) fn restart(&mut self) {
        self.process.signal("TERM");
        let status = self.process.wait(PATIENCE);
        assert!(status.success(), "a server that was told to end: {status}");
        self.start_again();
    }

    /// Ends it as a power cut does (SIGKILL) and starts it again.
    pub(crate) fn crash(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Ends it as a power cut does (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait(PATIENCE);
    }

    /// Starts it again, after [`Server::kill`].
    pub(crate) fn start_again(&mut self) {
        self.process = serve(self.dir.path(), self.name);
    }

    /// The cluster's name.
    pub(crate) fn domain(&self) -> &'static str {
        self.domain
    }

    /// What it has written to its event log so far.
    pub(crate) fn log(&self) -> String {
        // Its lines are written a few at a time.
        std::thread::sleep(Duration::from_millis(60));
        fs::read_to_string(self.dir.path().join(format!("{}.err", self.name))).unwrap_or_default()
    }

    /// Where other clusters reach it.
    pub(crate) fn federation_address(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Where phones reach it by UDP and TCP.
    pub(crate) fn address(&self) -> String {
        self.address_for(Transport::Udp)
    }

    /// Where phones reach it.
    pub(crate) fn address_for(&self, transport: Transport) -> String {
        let port = match transport {
            Transport::Udp | Transport::Tcp => self.port,
            Transport::Tls => self.port + 1,
        };
        format!("127.0.0.1:{port}")
    }

    /// Where browsers reach it, if it is [`Server::secured`].
    pub(crate) fn web_address(&self, secure: bool) -> String {
        format!("127.0.0.1:{}", self.port + if secure { 2 } else { 3 })
    }

    /// Who signed its certificate.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(Authority::file)
    }

    /// Where a test may put files; they go with the server.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs one of its commands beside it.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        run(&self.dir.path().join(format!("{}.toml", self.name)), arguments)
    }

    /// Runs one of its commands, which has to fail; what it says.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let config = self.dir.path().join(format!("{}.toml", self.name));
        let output = program().arg("--config").arg(config).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Gives a user a profile and makes it the active one.
    pub(crate) fn profile(&self, user: &str, name: &str, tree: &str) {
        let file = self.dir.path().join(format!("{user}.tree"));
        fs::write(&file, tree).unwrap();
        let uid = format!("{user}@{}", self.domain);
        self.command(&["profile", "set", &uid, name, "--file", file.to_str().unwrap()]);
        self.command(&["profile", "activate", &uid, name]);
    }
}

fn configuration((name, domain): (&str, &str), port: u16) -> String {
    format!(
        r#"
[cluster]
id = "{domain}"
[store]
url = "sqlite://{name}.db"
[[listen]]
transport = "udp"
address = "127.0.0.1:{port}"
[[listen]]
transport = "tcp"
address = "127.0.0.1:{port}"
[auth]
digest = ["MD5"]  # Debian's baresip and SIPp refuse a challenge that holds SHA-256
"#
    )
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("ratatosk-test-").tempdir().unwrap()
}

/// A file for `user import`; returns its name.
fn users(dir: &Path, domain: &str) -> String {
    let file = dir.join("users.csv");
    let rows = ["anne", "carl", "william"].map(|user| format!("{user}@{domain},{PASSWORD},{user},\n"));
    fs::write(&file, rows.concat()).unwrap();
    file.to_str().unwrap().into()
}

/// The program: the one that was built with this test, or the one that `RATATOSK_BIN` names.
fn program() -> Command {
    let named = std::env::var_os("RATATOSK_BIN");
    let mut command = Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_ratatosk").into()));
    // It would take them for keys of its configuration.
    for ours in ["RATATOSK_BIN", "RATATOSK_PEERS", "RATATOSK_ALLOW_SKIP"] {
        command.env_remove(ours);
    }
    command
}

fn serve(dir: &Path, name: &str) -> Process {
    ready(name, dir, program().arg("--config").arg(dir.join(format!("{name}.toml"))).arg("serve"))
}

fn ready(name: &str, dir: &Path, command: &mut Command) -> Process {
    let mut process = Process::start(name, dir, command);
    process.wait_for_line(&dir.join(format!("{name}.out")), "ready", PATIENCE);
    process
}

/// Runs a command of the program to its end and returns what it printed; the test fails if it does.
pub(crate) fn run(config: &Path, arguments: &[&str]) -> String {
    let name = format!("ratatosk {}", arguments.iter().take(2).copied().collect::<Vec<_>>().join(" "));
    let mut command = program();
    let mut process =
        Process::start(&name, config.parent().unwrap(), command.arg("--config").arg(config).args(arguments));
    let status = process.wait(PATIENCE);
    assert!(status.success(), "ratatosk {arguments:?}: {status}");
    process.output()
}
