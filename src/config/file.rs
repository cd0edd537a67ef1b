//! The configuration file, read and checked. Every fault of it is found at once.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::fault::{Code, Fault, Faults};
use super::place::Place;
use super::reader::{LOG, PREFIX, Reader, Section};
use super::settings::{Algorithm, Allow, Face, Features, PushHook, TlsFiles, Trust};
use super::{check, federation, limited, listen, push};
use crate::base::{Cid, Limits};
use crate::effect::Transport;

/// What an operator has written, checked, with every path resolved and every reference followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster's name.
    pub cid: Cid,
    /// Names and addresses that also count as the cluster.
    pub aliases: Vec<String>,
    /// Where the store lies.
    pub store: Place,
    /// Where to listen.
    pub listeners: Vec<Listen>,
    /// Where the admin API listens; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// Whether the metrics are told to whoever asks there, without a token.
    pub open_metrics: bool,
    /// Digest algorithms, in the order they are offered.
    pub digest: Vec<Algorithm>,
    /// The profiles offered to every user.
    pub trees: Trees,
    /// Other clusters that may speak to this one.
    pub federation: Vec<Peering>,
    /// The directory of the gateways' files; it may be missing.
    pub gateways: PathBuf,
    /// How many user servers, each on a thread of its own; `None`: one for every two processors.
    pub threads: Option<u8>,
    /// The servers that are asked for names; empty: those of the system.
    pub dns: Vec<SocketAddr>,
    /// The hook that wakes sleeping phones.
    pub push: Option<Arc<PushHook>>,
    /// The limits.
    pub limits: Limits,
    /// Variables of ours that no key has: worth a line in the event log.
    pub strangers: Vec<String>,
}

/// A `[[listen]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The protocol.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// What phones are told, if it differs.
    pub advertise: Option<String>,
    /// Who comes here.
    pub face: Face,
    /// The files of a listener for TLS.
    pub tls: Option<TlsFiles>,
    /// The web pages that may connect; empty: every page.
    pub origins: Vec<String>,
    /// The Service-Route of its phones, as a header has it; empty for none.
    pub service_route: String,
}

/// `[trees]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trees {
    /// Its `*.tree` files are offered; it may be missing.
    pub directory: PathBuf,
    /// The profile of a user who has set none.
    pub default: String,
    /// How phones name profiles.
    pub features: Features,
}

/// A `[[federation]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peering {
    /// The other cluster.
    pub cid: Cid,
    /// Where it is reached; `None`: where the DNS says.
    pub address: Option<PeerAddress>,
    /// By what it is believed; a secret is empty unless it was read to serve.
    pub trust: Trust,
    /// What it may send, and be sent.
    pub allow: Allow,
}

/// Where another cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// The protocol.
    pub transport: Transport,
    /// Its host: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The address that the host has; `None` for a name that was not read to serve.
    pub found: Option<SocketAddr>,
}

/// What the room needs of the world to read a configuration.
pub struct Sources<'a> {
    /// The name of the file, for messages.
    pub name: &'a str,
    /// Its text; empty where there is none.
    pub text: &'a str,
    /// The directory that relative paths begin at.
    pub directory: &'a Path,
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
    /// Reads the file that a `file:` reference names.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// Finds the addresses of a host. `None` for a command that does not serve: then whatever only a
    /// server needs (names and secrets of other clusters) is not looked up.
    pub resolve: Option<&'a Resolve>,
}

/// Finds the addresses of a host.
pub type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads and checks; or tells everything that is wrong.
    pub fn read(sources: &Sources<'_>) -> Result<Self, Faults> {
        let (table, errors) = DeTable::parse_recoverable(sources.text);
        let ours: BTreeMap<String, String> = sources
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && *name != LOG)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let reader = Reader::new(&ours);
        let config = Self::of(reader.root(&table), sources);
        let (mut faults, strangers) = reader.finish();
        if !errors.is_empty() {
            // What a broken line was meant to say is anybody's guess: only its own fault is told.
            faults = errors.iter().map(syntax).collect();
        }
        match config {
            Some(config) if faults.is_empty() => Ok(Self { strangers, ..config }),
            _ => Err(Faults::new(sources.name, sources.text, faults)),
        }
    }

    fn of(root: Section<'_, '_, '_>, sources: &Sources<'_>) -> Option<Self> {
        let cluster = root.section("cluster");
        let cid = check::cid(&cluster);
        let aliases = check::aliases(&cluster);
        cluster.finish();
        let store = root.section("store");
        let place = check::store(&store, sources);
        store.finish();
        let listeners = listen::listeners(&root, sources);
        let http = root.section("http");
        let http_address = listen::http(&http);
        let open_metrics = listen::open_metrics(&http);
        http.finish();
        let names = root.section("dns");
        let dns = listen::name_servers(&names);
        names.finish();
        let auth = root.section("auth");
        let digest = check::digest(&auth);
        auth.finish();
        let trees = root.section("trees");
        let offered = check::trees(&trees, sources);
        trees.finish();
        let own_listeners = listeners.as_deref().unwrap_or_default();
        let federation = federation::federation(&root, sources, (cid.as_ref(), &aliases), own_listeners);
        let hook = root.section("push");
        let push = push::push(&hook, sources);
        hook.finish();
        let limits = root.section("limits");
        let limited = limited::limits(&limits);
        limits.finish();
        let gateways = check::path(root.text("gateways"), "gateways", sources);
        let threads = check::threads(&root);
        root.finish();
        Some(Self {
            cid: cid?,
            aliases,
            store: place?,
            listeners: listeners?,
            http: http_address,
            open_metrics,
            digest: digest?,
            trees: offered,
            federation,
            gateways,
            threads,
            dns,
            push,
            limits: limited?,
            strangers: Vec::new(),
        })
    }
}

fn syntax(error: &toml::de::Error) -> Fault {
    Fault {
        code: Code::Syntax,
        message: format!("this is no TOML: {}", error.message()),
        help: "keys and values are written `key = \"value\"`, below the [section] they belong to".into(),
        span: Some(error.span().unwrap_or(0..0)),
    }
}
