//! Why a command did not do it, in words for people.

use std::io;
use std::path::PathBuf;

use crate::base::id::UidError;
use crate::io::driver::{Ended, StartError};
use crate::io::http::server::HttpError;
use crate::io::net::certificates::CertificateError;
use crate::io::net::listen::OpenError;
use crate::io::socket::SocketError;
use crate::io::store::{DeviceFault, StoreError};
use crate::routing::PatternError;
use crate::{config, routing};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] config::Faults),
    /// Trees have faults.
    #[error("{} of the trees cannot be used", .0.len())]
    Trees(Vec<routing::Faults>),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that said something says nothing when it is read again.
    #[error("{path} is empty now, and was not when the server was started: to serve by the defaults, start it anew", path = path.display())]
    Emptied {
        /// The file.
        path: PathBuf,
    },
    /// It runs a server, and is asked for elsewhere.
    #[error("this command is for the command line")]
    OnlyHere,
    /// A request names a text that did not come with it.
    #[error("{path} did not come with the request\n  a tree or list is the body, or a member of `texts` under the name by which it is called", path = .0.display())]
    NotBrought(PathBuf),
    /// It was done, and what it said was lost.
    #[error("what was said could not be written: {0}\n  what was asked for is done all the same")]
    Unsaid(io::Error),
    /// A file cannot be written.
    #[error("{path} cannot be written: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The default profile is nowhere.
    #[error("there is no profile \"{name}\", the `default` of [trees]\n  {hint}")]
    NoDefault {
        /// Its name.
        name: String,
        /// Where to look.
        hint: String,
    },
    /// Two files offer the same profile.
    #[error("{first} and {second} both hold the profile \"{name}\"\n  give one of them another name in its first line", first = first.display(), second = second.display())]
    TwoProfiles {
        /// The name.
        name: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A listener cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The HTTP server cannot be started.
    #[error("{0}\n  give another `address` in [http], or leave the section out")]
    Http(#[from] HttpError),
    /// A listener cannot prove who it is.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The demo's address is taken.
    #[error("{0}\n  `ratatosk demo --port PORT` or `--address IP` serves elsewhere")]
    DemoOpen(OpenError),
    /// The demo's HTTP address is taken.
    #[error("{0}\n  `ratatosk demo --http-port PORT` serves elsewhere")]
    DemoHttp(HttpError),
    /// The threads cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// They have ended by themselves.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The socket of the running server.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It needs a running server.
    #[error("no server runs on {database}\n  start it with `ratatosk serve`", database = database.display())]
    NotRunning {
        /// Its store.
        database: PathBuf,
    },
    /// The running server says no.
    #[error("the running server refuses: {0}")]
    Refused(String),
    /// What was typed is no address.
    #[error("\"{text}\" is no user: {why}")]
    Uid {
        /// What was typed.
        text: String,
        /// Why.
        why: UidError,
    },
    /// The user is somebody else's.
    #[error("{uid} is not a user of this cluster, which is {cluster}")]
    OtherCluster {
        /// The user.
        uid: String,
        /// Our cluster.
        cluster: String,
    },
    /// What was typed is no contact.
    #[error(
        "\"{}\" is no contact: {why}\n  a contact is a user (carl@south.test, or carl), a cluster (@south.test), a number (+3545551234), or the beginning or end of one (+354*, *.test)", .text.escape_debug()
    )]
    Contact {
        /// What was typed.
        text: String,
        /// Why.
        why: PatternError,
    },
    /// What was typed makes no device.
    #[error(transparent)]
    Device(#[from] DeviceFault),
    /// What was typed is no number.
    #[error(
        "\"{0}\" is no telephone number\n  a number is digits, with a leading + if it is international: +3545551234"
    )]
    Number(String),
    /// There is no password, and nobody to ask.
    #[error(
        "a password is needed\n  give it by --password-stdin, or --password P (which others may see in the process list)"
    )]
    NoPassword,
    /// The two passwords typed differ.
    #[error("the two passwords differ; nothing was changed")]
    PasswordsDiffer,
    /// Nothing was asked for.
    #[error("nothing to change\n  say what: --name, --number, --account, --credit or --property")]
    NothingToChange,
    /// What was typed is no property.
    #[error("\"{}\" is no property\n  a property is KEY=VALUE: `--property lunch=yes`", .0.escape_debug())]
    Property(String),
    /// A file of users has faults.
    #[error("nothing was imported: {path} has {count} fault{s}\n{list}", path = path.display(), s = if *count == 1 { "" } else { "s" })]
    Import {
        /// The file.
        path: PathBuf,
        /// How many faults.
        count: usize,
        /// Each on a line.
        list: String,
    },
    /// No such call.
    #[error("there is no call {0}\n  `ratatosk calls` lists them")]
    NoCall(String),
    /// Several calls.
    #[error("{id} may be any of these:\n{list}\n  a letter or two more tell which", list = candidates.iter().map(|one| format!("  {one}")).collect::<Vec<_>>().join("\n"))]
    ManyCalls {
        /// What was typed.
        id: String,
        /// What each of them is.
        candidates: Vec<String>,
    },
    /// What was typed is no moment.
    #[error(
        "\"{0}\" is no moment\n  a moment is 2026-11-28T10:00:00Z, 2026-11-28T10:00:00+01:00, or 2026-11-28T10:00 by the clock of the tree's zone"
    )]
    Moment(String),
    /// Somebody who does not say who he is was said to be known.
    #[error(
        "an anonymous caller is no contact, and in no group but \"{}\"\n  say who calls: --from UID",
        routing::INVISIBLE
    )]
    Stranger,
    /// What was typed is no time to begin at.
    #[error("\"{0}\" is no time to begin at\n  write 2026-11-28T10:00:00Z, or how long ago: 36h, 7d")]
    Since(String),
    /// Calls and pages that would be routed in another way.
    #[error(
        "{differ} of {asked} calls and pages would be routed differently, and of {unknown} nobody can tell"
    )]
    Replay {
        /// How many would.
        differ: u64,
        /// Of how many nobody knows.
        unknown: u64,
        /// How many there are.
        asked: u64,
    },
    /// Whoever asked for something long has gone away.
    #[error("nobody waits for this any more")]
    Gone,
    /// A text is no tree in JSON.
    #[error("{path}: {fault}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: routing::JsonFault,
    },
    /// Two trees that cannot be held against each other.
    #[error("{first} and {second} cannot be compared: {why}")]
    Incomparable {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// Why.
        why: routing::Incomparable,
    },
    /// Two trees that are not the same.
    #[error("the two differ in {count} way{s}", s = if *count == 1 { "" } else { "s" })]
    Differ {
        /// In how many ways.
        count: usize,
    },
    /// Files that are not in canonical form.
    #[error("{count} of the files would be written differently\n  `ratatosk tree fmt FILE` does it")]
    NotCanonical {
        /// How many.
        count: usize,
    },
    /// A word that is not in the language.
    #[error("there is no {what} `{word}`\n  {hint}")]
    Word {
        /// What kind of word.
        what: &'static str,
        /// What was typed.
        word: String,
        /// What there is.
        hint: String,
    },
    /// The system refuses something basic.
    #[error("{what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}
