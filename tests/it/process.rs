//! A program under test's command: it ends when the test does, and shows what it wrote if the test fails.

#![allow(clippy::disallowed_methods, reason = "real programs live in real time")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How often something is looked at that cannot be waited for.
const POLL: Duration = Duration::from_millis(10);
/// How much of a file is shown when a test fails.
const SHOWN: usize = 6_000;

/// Asks until there is an answer; the test fails when there is none in time.
pub(crate) fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        thread::sleep(POLL);
    }
}

/// Says that the present test has tested nothing, and why, where tests/run counts it.
pub(crate) fn skip(why: &str) {
    // Not println!: the harness would hide it, for the test passes.
    let name = thread::current().name().unwrap_or("a test").to_owned();
    std::io::stderr().write_all(format!("SKIPPED {name}: {why}\n").as_bytes()).unwrap();
}

/// Whether tests with real peers were asked for and these programs are here; says so if not.
pub(crate) fn peers(programs: &[&str]) -> bool {
    let asked = |name: &str| std::env::var(name).is_ok_and(|value| value == "1");
    if !asked("RATATOSK_PEERS") {
        skip("real peers are asked for with RATATOSK_PEERS=1, as tests/run does");
        return false;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |program: &&&str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !here(program)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(asked("RATATOSK_ALLOW_SKIP"), "{missing:?} missing; RATATOSK_ALLOW_SKIP=1 skips these tests");
    skip(&format!("{missing:?} missing"));
    false
}

/// A port that is free for UDP and TCP, as is the next one, and is given out once.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let free =
        |port| UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok();
    for _ in 0..1_000 {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Some(next) = port.checked_add(1) else { continue };
        let mut given = GIVEN.lock().unwrap();
        if !given.contains(&port) && !given.contains(&next) && free(port) && free(next) {
            given.extend([port, next]);
            return port;
        }
    }
    panic!("no free port on 127.0.0.1");
}

/// A child process. Dropping it ends it; if the test is failing, its files are shown.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    evidence: Vec<PathBuf>,
}

impl Process {
    /// Starts it with its output in `DIR/NAME.out` and `DIR/NAME.err`.
    pub(crate) fn start(name: &str, dir: &Path, command: &mut Command) -> Self {
        let evidence: Vec<_> = ["out", "err"].map(|kind| dir.join(format!("{name}.{kind}"))).into();
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&evidence[0]).unwrap())
            .stderr(File::create(&evidence[1]).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { name: name.into(), child, evidence }
    }

    /// Instead of its output, these files are shown when the test fails.
    pub(crate) fn shows(mut self, files: Vec<PathBuf>) -> Self {
        self.evidence = files;
        self
    }

    /// What it has written to standard output.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.evidence[0]).unwrap_or_default()
    }

    /// Waits for a line of a file that it writes; the test fails if it ends before.
    pub(crate) fn wait_for_line(&mut self, file: &Path, line: &str, limit: Duration) {
        until(&format!("{line:?} from {}", self.name), limit, || {
            let seen = fs::read_to_string(file).is_ok_and(|text| text.lines().any(|one| one.trim() == line));
            let ended = self.child.try_wait().unwrap();
            assert!(seen || ended.is_none(), "{} ended ({ended:?}) before it said {line:?}", self.name);
            seen.then_some(())
        });
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, signal: &str) {
        // The shell's own `kill`: not every machine has the program.
        let kill = format!("kill -s {signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        until(&format!("the end of {}", self.name), limit, || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for file in &self.evidence {
                show(&self.name, file);
            }
        }
    }
}

/// Prints the end of a file.
fn show(name: &str, file: &Path) {
    let bytes = fs::read(file).unwrap_or_default();
    if !bytes.is_empty() {
        let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(SHOWN)..]).into_owned();
        println!("--- {name}: {}\n{tail}", file.file_name().unwrap_or_default().to_string_lossy());
    }
}
