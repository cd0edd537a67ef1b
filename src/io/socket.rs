//! The UNIX socket between the command line and a running server: one JSON value a line.
//!
//! It lies beside the store with mode 0600, so that whoever may open it may also write the database:
//! there is no other authentication. A socket file that a killed server left behind is replaced;
//! that no two servers share one is what the lock of the store is for.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncReader};
use tokio::net::{UnixListener, UnixStream};

use crate::base::Uid;
use crate::effect::admin::{AdminReply, AdminRequest, LiveBinding, LiveCall, LivePeer};
use crate::io::descriptors::Complaint;
use crate::io::metrics::Family;
use crate::io::seal::inode_at;

/// What the command line asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Every binding held.
    Registrations,
    /// Every call in progress.
    Calls,
    /// Every other cluster.
    Peers,
    /// Every call in progress whose name begins so, with all that has happened in it.
    Call(String),
    /// The store has changed these users.
    Refresh(Vec<String>),
    /// Read the configuration again.
    Reload,
    /// All figures.
    Figures,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Bindings, by user.
    Registrations(Vec<LiveBinding>),
    /// Calls, by start.
    Calls(Vec<LiveCall>),
    /// Other clusters, by name.
    Peers(Vec<LivePeer>),
    /// Figures.
    Figures(Vec<Family>),
    /// It is done. There may be something to say about it.
    Done(String),
    /// It cannot be done, and this is why.
    Refused(String),
}

/// A running server, as the socket needs it.
pub trait Operator {
    /// Asks every user server.
    fn ask(&self, request: AdminRequest) -> impl Future<Output = Vec<AdminReply>>;
    /// All figures.
    fn figures(&self) -> impl Future<Output = Vec<Family>>;
    /// Reads the configuration again; says what came of it, or what is wrong with it.
    fn reload(&self) -> impl Future<Output = Result<String, String>>;
}

/// The socket of a server.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    /// Which file it is.
    inode: Option<(u64, u64)>,
    listener: StdListener,
}

/// Why the socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It cannot be made.
    #[error("the socket {path} cannot be made: {source}")]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server is there and cannot be reached.
    #[error(
        "the running server cannot be reached by {path}: {source}\n  the command must run as the server's user"
    )]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was reached, and broke off.
    #[error("the running server did not answer: {0}")]
    Broken(io::Error),
    /// It answered something else.
    #[error("the running server answered what this program does not understand: are both of one version?")]
    Foreign,
}

impl AdminSocket {
    /// Makes the socket, in place of one that a killed server left.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let fail = |source| SocketError::Bind { path: path.into(), source };
        // Made under another name, so that it is never there with a mode that lets others in.
        let new = path.with_extension("sock-new");
        if let Err(error) = fs::remove_file(&new)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(fail(error));
        }
        let short = Short::of(&new).map_err(fail)?;
        let listener = StdListener::bind(&short.path).map_err(fail)?;
        let named = fs::set_permissions(&new, Permissions::from_mode(0o600))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| fs::rename(&new, path));
        if let Err(source) = named {
            // It does no harm where it is.
            let _ = fs::remove_file(&new);
            return Err(fail(source));
        }
        Ok(Self { path: path.into(), inode: inode_at(path), listener })
    }

    /// Answers whoever asks, for as long as it is polled. Within a `LocalSet`.
    pub async fn serve(self, operator: Rc<impl Operator + 'static>) -> Result<(), SocketError> {
        let fail = |source| SocketError::Bind { path: self.path.clone(), source };
        let listener = UnixListener::from_std(self.listener.try_clone().map_err(fail)?).map_err(fail)?;
        let mut complaint = Complaint::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    complaint.settle();
                    let operator = Rc::clone(&operator);
                    tokio::task::spawn_local(async move {
                        if let Err(error) = attend(stream, &*operator).await {
                            tracing::debug!(%error, "an operator broke off");
                        }
                    });
                }
                Err(error) => {
                    complaint.tell("the admin socket", &error);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        if inode_at(&self.path) == self.inode {
            // If it cannot be removed, the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Longest line of a question: a refresh of a hundred thousand users.
const LINE_MAX: u64 = 16 << 20;

/// Users that a user server is told of at once: a fraction of a millisecond of its time.
const AT_ONCE: usize = 256;

async fn attend(stream: UnixStream, operator: &impl Operator) -> io::Result<()> {
    let mut stream = AsyncReader::new(stream);
    loop {
        let mut line = String::new();
        if (&mut stream).take(LINE_MAX).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(question) => answer(question, operator).await,
            Err(error) => Answer::Refused(format!("not understood: {error}")),
        };
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        stream.get_mut().write_all(text.as_bytes()).await?;
    }
}

async fn answer(question: Question, operator: &impl Operator) -> Answer {
    match question {
        Question::Registrations => {
            let replies = operator.ask(AdminRequest::Registrations).await;
            let mut bindings: Vec<_> = replies.into_iter().flat_map(AdminReply::bindings).collect();
            bindings.sort_by(|a, b| a.uid.cmp(&b.uid));
            Answer::Registrations(bindings)
        }
        Question::Calls => calls(operator, AdminRequest::Calls).await,
        Question::Call(id) => calls(operator, AdminRequest::Call(id)).await,
        Question::Peers => {
            let replies = operator.ask(AdminRequest::Peers).await;
            let mut peers: Vec<_> = replies.into_iter().flat_map(AdminReply::peers).collect();
            peers.sort_by(|a, b| a.cid.cmp(&b.cid));
            Answer::Peers(peers)
        }
        Question::Refresh(uids) => {
            let uids: Vec<Uid> = uids.iter().filter_map(|uid| Uid::parse(uid).ok()).collect();
            for some in uids.chunks(AT_ONCE) {
                operator.ask(AdminRequest::Refresh(some.into())).await;
            }
            Answer::Done(String::new())
        }
        Question::Figures => Answer::Figures(operator.figures().await),
        Question::Reload => match operator.reload().await {
            Ok(done) => Answer::Done(done),
            Err(why) => Answer::Refused(why),
        },
    }
}

async fn calls(operator: &impl Operator, request: AdminRequest) -> Answer {
    let replies = operator.ask(request).await;
    let mut calls: Vec<_> = replies.into_iter().flat_map(AdminReply::calls).collect();
    calls.sort_by_key(|call| call.started_ms);
    Answer::Calls(calls)
}

/// The command line's end.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<StdStream>,
}

impl Client {
    /// Connects to the server on a store; `None` if none runs.
    pub fn connect(path: &Path) -> Result<Option<Self>, SocketError> {
        let fail = |source| SocketError::Connect { path: path.into(), source };
        let stream = match Short::of(path).and_then(|short| StdStream::connect(&short.path)) {
            Ok(stream) => stream,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        stream.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
        Ok(Some(Self { stream: BufReader::new(stream) }))
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, question: &Question) -> Result<Answer, SocketError> {
        let mut line = serde_json::to_string(question).map_err(|error| SocketError::Broken(error.into()))?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes()).map_err(SocketError::Broken)?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).map_err(SocketError::Broken)?;
        if answer.is_empty() {
            return Err(SocketError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_str(&answer).map_err(|_| SocketError::Foreign)
    }
}

/// How long a command waits for a server.
const PATIENCE: Duration = Duration::from_secs(30);

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// A name for a socket that is short enough for the system (108 bytes), whatever its path.
struct Short {
    path: PathBuf,
    /// Keeps the short name good.
    _directory: Option<File>,
}

impl Short {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() < 100 {
            return Ok(Self { path: path.into(), _directory: None });
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let directory = File::open(directory)?;
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }
}
