//! The real server in a directory of its own: `ratatosk serve`, and its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, free_port};

/// The cluster that the tests run.
pub(crate) const DOMAIN: &str = "north.test";
/// How long the server may take to open its listeners, or a command to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The protocols that a phone can speak to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// As a URI parameter names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// A running server with the users anne, carl and william; see [`password`].
#[derive(Debug)]
pub(crate) struct Server {
    // Fields drop in this order: the process ends before its directory goes.
    process: Process,
    dir: TempDir,
    port: u16,
}

/// The password of a user.
pub(crate) fn password(user: &str) -> String {
    format!("pw-{user}")
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("ratatosk-test-").tempdir().unwrap();
        let port = free_port();
        let config = dir.path().join("ratatosk.toml");
        fs::write(&config, configuration(port)).unwrap();
        run(&config, &["user", "import", &users(dir.path())]);
        let mut serve = program(&config);
        let mut process = Process::start("server", dir.path(), serve.arg("serve"));
        process.wait_for_line(&dir.path().join("server.out"), "ready", PATIENCE);
        Self { process, dir, port }
    }

    /// Where phones reach it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where a test may put files; they go with the server.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs one of its commands beside it.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        run(&self.dir.path().join("ratatosk.toml"), arguments)
    }

    /// Gives a user a profile and makes it the active one.
    pub(crate) fn profile(&self, user: &str, name: &str, tree: &str) {
        let file = self.dir.path().join(format!("{user}.tree"));
        fs::write(&file, tree).unwrap();
        let uid = format!("{user}@{DOMAIN}");
        self.command(&["profile", "set", &uid, name, "--file", file.to_str().unwrap()]);
        self.command(&["profile", "activate", &uid, name]);
    }
}

fn configuration(port: u16) -> String {
    format!(
        r#"
[cluster]
id = "{DOMAIN}"
[store]
url = "sqlite://north.db"
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

fn users(dir: &Path) -> String {
    let file = dir.join("users.csv");
    let rows =
        ["anne", "carl", "william"].map(|user| format!("{user}@{DOMAIN},{},{user},\n", password(user)));
    fs::write(&file, rows.concat()).unwrap();
    file.to_str().unwrap().into()
}

/// The program: the one that was built with this test, or the one that `RATATOSK_BIN` names.
fn program(config: &Path) -> Command {
    let binary =
        std::env::var_os("RATATOSK_BIN").map_or_else(|| env!("CARGO_BIN_EXE_ratatosk").into(), PathBuf::from);
    let mut command = Command::new(binary);
    command.arg("--config").arg(config);
    command
}

fn run(config: &Path, arguments: &[&str]) -> String {
    let name = arguments.join("-").replace(|c: char| !c.is_alphanumeric(), "-");
    let name: String = name.chars().take(40).collect();
    let mut process = Process::start(&name, config.parent().unwrap(), program(config).args(arguments));
    let status = process.wait(PATIENCE);
    assert!(status.success(), "ratatosk {arguments:?}: {status}");
    process.output()
}
