//! The program as people run it: its words, its exit status, and what it does beside a running
//! server.

#![allow(clippy::disallowed_methods, reason = "real programs live in real time")]

mod federation;
mod http;
mod lists;
mod replay;
mod secured;
mod starting;
mod trees;
mod wishes;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A directory to work in, and the program.
struct Shell {
    directory: TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ratatosk"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_remove("RATATOSK_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that has to succeed; what it printed.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that has to fail with a status; what it said.
    fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    /// Runs a command that succeeds; what it remarked.
    fn remarks(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    /// Starts a server, and waits until it is ready.
    fn serve(&self, arguments: &[&str]) -> Server {
        let mut child =
            self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "it never got ready");
        Server { child }
    }
}

struct Server {
    child: Child,
}

impl Server {
    fn signal(&self, name: &str) {
        // The shell's own `kill`: not every machine has the program.
        let kill = format!("kill {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Tells it to end; its status.
    fn end_by(self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.end()
    }

    /// Waits for its end; its status.
    fn end(mut self) -> Option<i32> {
        let patience = Instant::now();
        while patience.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is what a test wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A configuration on a free port.
const CONFIG: &str = r#"
[cluster]
id = "north.test"
[store]
url = "sqlite://north.db"
[[listen]]
transport = "udp"
address = "127.0.0.1:0"
[[listen]]
transport = "tcp"
address = "127.0.0.1:0"
"#;

#[test]
fn users_are_made_listed_changed_and_removed() {
    let shell = Shell::new();
    assert!(shell.fails(1, &["user", "list"]).contains("there is no database"));
    shell.ok(&[
        "user",
        "add",
        "Anne",
        "--password",
        "s3cret-word",
        "--number",
        "+354 555-1234",
        "--name",
        "Anne A",
    ]);
    assert!(shell.fails(1, &["user", "add", "anne", "--password", "x"]).contains("is there already"));
    assert!(shell.fails(1, &["user", "add", "carl"]).contains("--password-stdin"));
    assert!(
        shell
            .fails(1, &["user", "add", "carl@south.test", "--password", "x"])
            .contains("not a user of this cluster")
    );
    let taken = shell.fails(1, &["user", "add", "carl", "--password", "x", "--number", "+3545551234"]);
    assert!(taken.contains("belongs to anne@localhost"), "{taken}");

    let long = "N".repeat(129);
    for name in [long.as_str(), "Anne\u{202e}A", "Anne\r\nX: y"] {
        let refused = shell.fails(1, &["user", "set", "anne", "--name", name]);
        assert!(refused.contains("up to 128 bytes"), "{refused}");
    }

    let listed = shell.ok(&["user", "list"]);
    assert!(listed.contains("anne@localhost") && listed.contains("+3545551234"), "{listed}");
    let anne = shell.json(&["user", "show", "anne", "--json"]);
    assert_eq!((anne["name"].as_str(), anne["password"].as_bool()), (Some("Anne A"), Some(true)));
    shell.ok(&["user", "set", "anne", "--name", "", "--number", ""]);
    let anne = &shell.json(&["user", "list", "--json"])[0];
    assert_eq!((anne["name"].as_str(), anne["numbers"].as_array().unwrap().len()), (None, 0));
    assert!(shell.fails(1, &["user", "set", "anne"]).contains("nothing to change"));
    assert!(
        shell
            .fails(1, &["user", "passwd", "carl", "--password", "x"])
            .contains("there is no user carl@localhost")
    );

    let mut child =
        shell.command(&["user", "passwd", "anne", "--password-stdin"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"another word\n").unwrap();
    assert!(child.wait().unwrap().success());
    shell.ok(&["user", "remove", "anne"]);
    assert!(shell.fails(1, &["user", "show", "anne"]).contains("there is no user anne@localhost"));
    shell.fails(2, &["user", "add"]);
    shell.fails(2, &["usr"]);
}

#[test]
fn nothing_prints_a_password() {
    let shell = Shell::new();
    for arguments in [
        &["user", "add", "anne", "--password", "s3cret-word"][..],
        &["user", "add", "anne", "--password", "s3cret-word"],
        &["user", "list"],
        &["user", "show", "anne", "--json"],
        &["user", "passwd", "anne", "--password", "s3cret-word"],
        &["user", "passwd", "carl", "--password", "s3cret-word"],
    ] {
        let output = shell.run(arguments);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!all.contains("s3cret-word"), "{arguments:?}: {all}");
    }
}

#[test]
fn a_file_of_users_is_imported_whole_or_not_at_all() {
    let shell = Shell::new();
    shell.write("bad.csv", "uid,password,name,number\nanne,x,\"Anne, A\",+354 1\ncarl,y,,+3541\nanne,z\nbill@south.test,x\nno one,x\nd,x,,abc\n");
    let faults = shell.fails(1, &["user", "import", "bad.csv"]);
    for part in [
        "nothing was imported: bad.csv has 5 faults",
        "line 3: the number +3541 stands on line 2 already",
        "line 4: anne@localhost stands on line 2 already",
        "line 5: bill@south.test is not a user of this cluster",
        "line 6: \"no one\" is no user",
        "line 7: \"abc\" is no telephone number",
    ] {
        assert!(faults.contains(part), "{part} is not in\n{faults}");
    }
    shell.write("good.csv", "anne,x,\"Anne, A\",+354 1\ncarl,y\n");
    assert_eq!(shell.ok(&["user", "import", "good.csv"]), "2 users added, 0 changed\n");
    assert_eq!(shell.ok(&["user", "import", "good.csv"]), "0 users added, 2 changed\n");
    let users = shell.json(&["user", "list", "--json"]);
    assert_eq!(users[0]["name"], "Anne, A");
}

#[test]
fn every_fault_of_a_configuration_is_told_with_its_place() {
    let shell = Shell::new();
    shell.write("bad.toml", BAD_CONFIG);
    let told = shell.fails(1, &["--config", "bad.toml", "config", "check"]);
    golden("config_faults.txt", &told);
    // The same faults keep a server from starting, and nothing is left half-made.
    let served = shell.fails(1, &["--config", "bad.toml", "serve"]);
    assert_eq!(served, told);
    assert_eq!(std::fs::read_dir(shell.directory.path()).unwrap().count(), 1);

    shell.write("broken.toml", "[cluster\nid = \"north.test\"\n");
    assert!(shell.fails(1, &["--config", "broken.toml", "config", "check"]).contains("this is no TOML"));
    assert!(
        shell.fails(1, &["--config", "none.toml", "config", "check"]).contains("none.toml cannot be read")
    );
}

/// Every kind of fault, in the order of the sections.
const BAD_CONFIG: &str = r#"gatways = "gateways"
threads = 1000

[cluster]
id = "north test"
alias = ["sip.north.test"]

[store]
url = "postgres://localhost/north"

[[listen]]
transport = "tls"
address = "127.0.0.1:5061"

[[listen]]
transport = "upd"
address = "localhost:5060"
face = "phones"

[[listen]]
transport = "udp"
address = "127.0.0.1:5060"

[[listen]]
transport = "udp"
address = "127.0.0.1:5060"

[auth]
digest = "MD5"

[limits]
calls = 99999999999
nonces = 5

[[federation]]
id = "south.test"
address = "nowhere"
secret = "env:RATATOSK_NO_SUCH_SECRET"
allow = ["voice", "pgae"]
"#;

#[test]
fn the_environment_overrides_keys() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", "[cluster]\nid = \"north.test\"\n[store]\nurl = \"file:url.txt\"\n");
    shell.write("url.txt", "sqlite://from-a-file.db\n");
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    assert!(shell.directory.path().join("from-a-file.db").exists());
    let output = shell
        .command(&["user", "add", "carl@south.test", "--password", "x"])
        .env("RATATOSK_STORE_URL", "sqlite://data/south.db")
        .env("RATATOSK_CLUSTER_ID", "south.test")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shell.directory.path().join("data/south.key").exists());

    let output = shell
        .command(&["config", "check"])
        .env("RATATOSK_LIMITS_CALLS", "many")
        .env("RATATOSK_LISTEN", "udp:127.0.0.1:5060,wss:127.0.0.1:443")
        .output()
        .unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("(in the variable RATATOSK_LIMITS_CALLS)"), "{told}");
    assert!(
        told.contains("a listener for wss needs a certificate, and a variable has no place for it"),
        "{told}"
    );

    let output = shell.command(&["config", "check"]).env("RATATOSK_STORE_ULR", "x").output().unwrap();
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("RATATOSK_STORE_ULR overrides no key"));
}

#[test]
fn profiles_are_stored_once_they_check() {
    let shell = Shell::new();
    shell.write("quiet.tree", "profile \"quiet\" {\n  incoming {\n    otherwise -> busy\n  }\n}\n");
    shell.write("bad.tree", "profile \"bad\" {\n  incoming {\n  }\n}\n");
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    shell.fails(1, &["profile", "set", "anne", "bad", "--file", "bad.tree"]);
    shell.ok(&["profile", "set", "anne", "quiet", "--file", "quiet.tree"]);
    let told = shell.fails(1, &["profile", "set", "anne", "a\"b", "--file", "quiet.tree"]);
    assert!(told.contains("is no name for a profile"), "{told}");
    let told = shell.fails(1, &["profile", "show", "anne", "quit"]);
    assert!(told.contains("did you mean \"quiet\"?"), "{told}");
    for wish in [
        &["show", "carl", "quiet"][..],
        &["remove", "carl", "quiet"],
        &["activate", "carl"],
        &["list", "carl"],
    ] {
        let told = shell.fails(1, &[&["profile"], wish].concat());
        assert!(told.contains("there is no user carl@localhost"), "{told}");
    }
    assert!(shell.ok(&["profile", "show", "anne", "quiet"]).contains("otherwise -> busy"));
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"])[0]["active"], false);
    shell.ok(&["profile", "activate", "anne", "quiet"]);
    assert_eq!(shell.json(&["profile", "list", "anne", "--json"])[0]["active"], true);
    assert!(shell.fails(1, &["profile", "activate", "anne", "loud"]).contains("has no profile \"loud\""));
    shell.ok(&["profile", "remove", "anne", "quiet"]);
    assert!(shell.ok(&["profile", "list", "anne"]).contains("the cluster's default serves"));
}

/// As the other end of a pipe, and as an answer to `profile show`.
#[test]
fn a_profile_comes_by_standard_input() {
    let shell = Shell::new();
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    let set = |tree: &str| {
        let mut command = shell.command(&["profile", "set", "anne", "piped", "--file", "-"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(tree.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let tree = "profile \"piped\" {\n  incoming {\n    otherwise -> busy\n  }\n}\n";
    let done = set(tree);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(shell.ok(&["profile", "show", "anne", "piped"]), tree);
    let refused = set(&tree.replace("busy", "bussy"));
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert!(told.contains("[-:3:") && told.contains("did you mean `busy`?"), "{told}");
    assert_eq!(shell.ok(&["profile", "show", "anne", "piped"]), tree, "the one before stays");
    assert_eq!(set("").status.code(), Some(1), "nothing is no tree");
}

#[test]
fn commands_work_beside_a_running_server() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    assert!(shell.fails(1, &["reload"]).contains("no server runs"));
    let server = shell.serve(&["serve"]);
    let socket = shell.directory.path().join("north.sock");
    assert_eq!(mode(&socket), 0o600);
    let second = shell.fails(1, &["serve"]);
    assert!(second.contains("another ratatosk server runs on"), "{second}");

    shell.ok(&["user", "add", "anne", "--password", "x"]);
    assert_eq!(shell.json(&["registrations", "--json"]).as_array().unwrap().len(), 0);
    assert_eq!(shell.ok(&["registrations"]), "nobody is registered\n");
    assert_eq!(shell.json(&["calls", "--json"])["live"].as_array().unwrap().len(), 0);
    assert!(shell.ok(&["pages"]).contains("no pages"));
    assert!(shell.fails(1, &["calls", "show", "nothing"]).contains("there is no call nothing"));

    assert!(shell.ok(&["reload"]).contains("were read again"));
    shell.write("ratatosk.toml", &CONFIG.replace("udp", "upd"));
    // The command reads the same file, so that it finds the fault first.
    shell.fails(1, &["reload"]);
    // A file that is gone, or was emptied, is no wish for the defaults: the server goes on as it was.
    shell.write("ratatosk.toml", "\n");
    server.signal("-HUP");
    let socket_option = ["--config", "other.toml"];
    shell.write("other.toml", CONFIG);
    let again = || shell.fails(1, &[&socket_option[..], &["reload"]].concat());
    assert!(again().contains("is empty now"), "{}", again());
    std::fs::remove_file(shell.directory.path().join("ratatosk.toml")).unwrap();
    assert!(again().contains("ratatosk.toml cannot be read"), "{}", again());
    shell.write("ratatosk.toml", CONFIG);
    server.signal("-HUP");
    server.signal("-TERM");
    assert_eq!(server.end(), Some(0));
    assert!(!socket.exists(), "the socket goes with its server");
}

#[test]
fn a_killed_server_is_no_obstacle() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    let server = shell.serve(&["serve"]);
    server.signal("-KILL");
    assert_eq!(server.end(), None);
    assert!(shell.directory.path().join("north.sock").exists(), "it had no time to tidy up");
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    let server = shell.serve(&["serve"]);
    server.signal("-TERM");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn the_demo_gets_ready_with_three_users() {
    let shell = Shell::new();
    let mut child =
        shell.command(&["demo", "--port", "0", "--http-port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told: Vec<String> = lines.map_while(Result::ok).take_while(|line| line != "ready").collect();
    let server = Server { child };
    for user in ["anne", "carl", "william"] {
        let line = told.iter().find(|line| line.contains(&format!("sip:{user}@localhost")));
        assert!(line.is_some_and(|line| line.contains("password")), "{told:?}");
    }
    server.signal("-INT");
    assert_eq!(server.end(), Some(0));
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

/// Compares with a file of `tests/golden/`; `UPDATE_GOLDEN=1` writes it.
fn golden(name: &str, told: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(told == expected, "{name} differs; what is told now:\n{told}");
}
