//! A real softphone: Debian's baresip without sound card or screen, driven over its control port.
//!
//! What it says is a sine; what it hears is recorded. What cost time to find out: a received
//! MESSAGE makes no control event, only a line on the console of `cons.so`; port and port + 1 are
//! both taken; a sine needs 48 kHz and two channels; and after a hold baresip 1.0.0 opens its
//! recording of what it hears again only if there is none of what it says, see [`no_recording_of_own_voice`].

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, free_port, until};
use crate::server_process::{PASSWORD, Server, Transport};
use crate::tone;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// What an account has to say so that the test does everything by hand.
const HANDS_OFF: &str = "regint=600;answermode=manual;audio_codecs=PCMA/8000/1";
/// How long nothing must be heard before we believe it.
const QUIET: Duration = Duration::from_millis(700);

/// A running baresip, registered.
#[derive(Debug)]
pub(crate) struct Softphone {
    user: String,
    domain: &'static str,
    // Before the directory, so that it ends before that goes.
    _process: Process,
    dir: PathBuf,
    control: TcpStream,
    said: Receiver<Value>,
    /// Events that were read and not yet asked for.
    events: Vec<Value>,
    console: Receiver<String>,
}

impl Softphone {
    /// Starts it in a directory of the server's, with one other user in its phone book, and waits until it is registered.
    pub(crate) fn start(server: &Server, transport: Transport, user: &str, other: &str, tone: u32) -> Self {
        Self::another(server, transport, user, user, other, tone)
    }

    /// [`Softphone::start`] for one of several phones of a user, which have names of their own.
    pub(crate) fn another(
        server: &Server,
        transport: Transport,
        name: &str,
        user: &str,
        other: &str,
        tone: u32,
    ) -> Self {
        Self::with_account(server, &account(server, transport, user), name, other, tone)
    }

    /// [`Softphone::start`] with a line for its accounts that somebody was told to write.
    pub(crate) fn with_account(server: &Server, account: &str, name: &str, other: &str, tone: u32) -> Self {
        let domain = server.domain();
        let dir = server.dir().join(format!("{name}-{domain}"));
        let (control, console) = (free_port(), free_port());
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("config"), configuration(&dir, control, console, tone) + &trust(server)).unwrap();
        fs::write(dir.join("accounts"), format!("{account};{HANDS_OFF}\n")).unwrap();
        let contact = address(other, domain);
        fs::write(dir.join("contacts"), format!("\"{other}\" <sip:{contact}>;presence=none\n")).unwrap();
        no_recording_of_own_voice(&dir);
        let mut baresip = Command::new("baresip");
        let process = Process::start(name, server.dir(), baresip.env("TZ", "UTC").arg("-f").arg(&dir));
        let control = connect(control);
        let said = listen(BufReader::new(control.try_clone().unwrap()), netstring);
        let console = greet(console);
        let mut phone = Self {
            user: name.into(),
            domain,
            _process: process,
            dir,
            control,
            said,
            events: Vec::new(),
            console,
        };
        until(&format!("{name} registered"), PATIENCE, || {
            phone.command("reginfo", "").contains("OK ").then_some(())
        });
        phone
    }

    /// Gives it a command and returns what it answers.
    pub(crate) fn command(&mut self, command: &str, params: &str) -> String {
        let body = json!({"command": command, "params": params, "token": command}).to_string();
        write!(self.control, "{}:{body},", body.len()).unwrap();
        loop {
            let said = self.next(&format!("an answer to {command}"));
            if said["response"] == json!(true) {
                assert_eq!(said["ok"], json!(true), "{}: {command} {params}: {said}", self.user);
                return said["data"].as_str().unwrap_or_default().into();
            }
            self.events.push(said);
        }
    }

    /// Calls a user: of its own cluster, if he is not named with another.
    pub(crate) fn dial(&mut self, user: &str) {
        self.command("dial", &format!("sip:{}", address(user, self.domain)));
    }

    /// The domain of its account.
    pub(crate) fn domain(&self) -> &'static str {
        self.domain
    }

    /// Waits for an event and forgets those before it.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = if self.events.is_empty() { self.next(kind) } else { self.events.remove(0) };
            if event["type"] == json!(kind) {
                return event;
            }
        }
    }

    /// Waits for the end of the call and returns why it ended.
    pub(crate) fn closed(&mut self) -> String {
        self.event("CALL_CLOSED")["param"].as_str().unwrap_or_default().into()
    }

    /// Waits until it hears a tone, and nothing else, for half a second from now on.
    pub(crate) fn hears(&self, hertz: u32) {
        let before = self.heard();
        until(&format!("{} hears {hertz} Hz", self.user), PATIENCE, || {
            let heard = self.heard();
            let new = if heard.0 == before.0 { heard.1.get(before.1.len()..)? } else { &heard.1 };
            tone::ends_with(new, f64::from(hertz)).then_some(())
        });
    }

    /// Waits until it has heard nothing at all for a while.
    pub(crate) fn hears_nothing(&self) {
        until(&format!("{} hears nothing", self.user), PATIENCE, || {
            let before = self.heard();
            thread::sleep(QUIET);
            (self.heard() == before).then_some(())
        });
    }

    /// Sends a page to the user in its phone book.
    pub(crate) fn page(&mut self, text: &str) {
        self.command("contact_next", "");
        self.command("message", text);
    }

    /// Waits until it displays a page, and returns the line.
    pub(crate) fn displays(&self, text: &str) -> String {
        loop {
            match self.console.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("{}: page {text:?} not displayed: {error}", self.user),
            }
        }
    }

    /// The newest recording of what was heard.
    fn heard(&self) -> (PathBuf, Vec<f64>) {
        let files = fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path());
        let newest =
            files.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max().unwrap_or_default();
        let samples = tone::samples(&newest);
        (newest, samples)
    }

    fn next(&self, what: &str) -> Value {
        self.said.recv_timeout(PATIENCE).unwrap_or_else(|error: RecvTimeoutError| {
            panic!("{}: {what} did not come: {error}; before it: {:?}", self.user, self.events)
        })
    }
}

/// Directories where baresip would put what it says, so that it can't, for the next minutes.
fn no_recording_of_own_voice(dir: &Path) {
    let now = jiff::Timestamp::now().as_second();
    for second in now..now + 180 {
        let name = jiff::Timestamp::from_second(second).unwrap().strftime("dump-%Y-%m-%d-%H-%M-%S-enc.wav");
        fs::create_dir(dir.join(name.to_string())).unwrap();
    }
}

fn configuration(dir: &Path, control: u16, console: u16, tone: u32) -> String {
    let (dir, sip) = (dir.display(), free_port());
    let modules =
        ["g711", "ausine", "aubridge", "sndfile"].map(|name| format!("module {name}.so\n")).concat();
    let programs = ["account", "contact", "menu", "cons", "ctrl_tcp"]
        .map(|name| format!("module_app {name}.so\n"))
        .concat();
    format!(
        "sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
ctrl_tcp_listen 127.0.0.1:{control}
cons_listen 127.0.0.1:{console}
rtp_ports 20000-29999
call_max_calls 1
call_local_timeout 60
audio_source ausine,{tone}
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
auplay_srate 8000
auplay_channels 1
snd_path {dir}
module_path /usr/lib/baresip/modules
{modules}{programs}"
    )
}

/// Whose certificates it believes.
fn trust(server: &Server) -> String {
    let file = server.authority();
    file.map_or_else(String::new, |file| format!("sip_cafile {}\nsip_verify_server yes\n", file.display()))
}

/// `carl`, at his own cluster, or `carl@south.test`, who says it himself.
fn address(user: &str, domain: &str) -> String {
    if user.contains('@') { user.to_owned() } else { format!("{user}@{domain}") }
}

fn account(server: &Server, transport: Transport, user: &str) -> String {
    let (at, over, domain) = (server.address_for(transport), transport.name(), server.domain());
    format!(
        "<sip:{user}@{domain};transport={over}>;auth_user={user};auth_pass={PASSWORD};\
         outbound=\"sip:{at};transport={over}\""
    )
}

fn connect(port: u16) -> TcpStream {
    until("a port of baresip's", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok())
}

/// The console shows pages only to whoever has written to it.
fn greet(port: u16) -> Receiver<String> {
    let mut console = connect(port);
    console.write_all(b"\n").unwrap();
    listen(BufReader::new(console), |reader| {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then_some(line)
    })
}

/// Reads a stream to its end on a thread of its own.
fn listen<T: Send + 'static>(
    mut reader: BufReader<TcpStream>,
    read: impl Fn(&mut BufReader<TcpStream>) -> Option<T> + Send + 'static,
) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || while read(&mut reader).is_some_and(|item| sender.send(item).is_ok()) {});
    receiver
}

/// One message of the control port: `LENGTH:JSON,`.
fn netstring(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = Vec::new();
    reader.read_until(b':', &mut length).ok()?;
    let length: usize = std::str::from_utf8(&length).ok()?.strip_suffix(':')?.parse().ok()?;
    let mut body = vec![0; length + 1];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body[..length]).ok()
}
