//! A cluster of a world: its settings, its user servers, its disk, and its lives.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use ratatosk::base::{At, Cid, Limits, Rng, ServerIndex};
use ratatosk::config::{Algorithm, Allow, Face, Features, Listener, Peer, Secret, Settings, Trust};
use ratatosk::effect::dns::Target;
use ratatosk::effect::{Fact, Transport};
use ratatosk::routing::Profile;
use ratatosk::server::{Census, UserServer};

use super::serve::Asked;
use super::store::Store;

/// The cluster of every world, and where its servers listen for phones, UDP and TCP.
pub const NORTH: (&str, &str) = ("north.test", "192.0.2.1:5060");
/// The other one. (Phones live in 198.51.100.0/24.)
pub const SOUTH: (&str, &str) = ("south.test", "203.0.113.1:5060");
/// The port that clusters of a world with several listen on for each other, UDP and TCP.
pub const FEDERATION_PORT: u16 = 5070;

/// The ports for TLS, of phones and of other clusters.
const TLS_PORTS: [(u16, Face); 2] = [(5061, Face::Access), (5071, Face::Federation)];

/// The tree of a user who has none: it rings all clients and returns the phone's own status.
const DEFAULT_TREE: &str = include_str!("../../../routing-trees/default.tree");

/// The servers of one domain and their database.
pub struct Cluster {
    /// Its CID.
    pub name: String,
    /// What its servers are told.
    pub settings: Arc<Settings>,
    /// The disk.
    pub store: Store,
    /// What the servers said happened.
    pub facts: Vec<Fact>,
    /// Its user servers; none while it is down.
    pub(super) servers: Vec<UserServer>,
    /// How often it was ended.
    pub(super) generation: u32,
    /// When it was ended, each time.
    pub ends: Vec<At>,
    /// When it was started again, each time.
    pub starts: Vec<At>,
    /// When the last write that was asked for is done.
    pub(super) write_after: At,
    /// Connections to other servers that are being made: until when, and whether they succeed.
    pub(super) dials: BTreeMap<SocketAddr, (At, bool)>,
    /// What the store was asked and has not done, in order.
    pub(super) asked: VecDeque<Asked>,
    seed: u64,
}

impl Cluster {
    /// A cluster at this address; `number` tells it from the others of its world.
    pub fn new(seed: u64, number: u8, (name, address): (&str, &str)) -> Self {
        let mut cluster = Self {
            name: name.to_owned(),
            settings: Arc::new(settings(name, address, number)),
            store: Store::default(),
            facts: Vec::new(),
            servers: Vec::new(),
            generation: 0,
            ends: Vec::new(),
            starts: Vec::new(),
            write_after: At::START,
            dials: BTreeMap::new(),
            asked: VecDeque::new(),
            seed: seed ^ u64::from(number) << 56,
        };
        cluster.boot();
        cluster
    }

    /// The name in ladders of a world with several: `north`.
    pub fn label(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Whether it is there.
    pub fn is_up(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Changes the settings; before anything has happened.
    pub(super) fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings);
        change(&mut settings);
        self.settings = Arc::new(settings);
        self.boot();
    }

    /// Listens for other clusters too.
    pub(super) fn federate(&mut self) {
        self.configure(|settings| {
            for transport in [Transport::Udp, Transport::Tcp] {
                let mut address = settings.listeners[0].address;
                address.set_port(FEDERATION_PORT);
                let face = Face::Federation;
                settings.listeners.push(Listener { face, ..Listener::plain(transport, address) });
            }
        });
    }

    /// Listens by TLS too, for phones and other clusters.
    pub fn secure(&mut self) {
        self.configure(|settings| {
            for (port, face) in TLS_PORTS {
                let mut address = settings.listeners[0].address;
                address.set_port(port);
                settings.listeners.push(Listener { face, ..Listener::plain(Transport::Tls, address) });
            }
        });
    }

    /// Whether it listens by TLS.
    pub fn is_secure(&self) -> bool {
        self.settings.listeners.iter().any(|own| own.transport.is_secure())
    }

    /// Where phones come by this transport.
    pub(super) fn door(&self, transport: Transport) -> (u8, SocketAddr) {
        let is_it = |(_, own): &(u8, &Listener)| own.transport == transport && own.face == Face::Access;
        let found = (0..).zip(&self.settings.listeners).find(is_it);
        found.map(|(index, own)| (index, own.address)).unwrap()
    }

    /// Which of its lives it was in: how often it had been ended by then.
    pub fn life(&self, at: At) -> usize {
        self.ends.iter().filter(|end| **end <= at).count()
    }

    /// Whether it lived from then to then.
    pub fn lived(&self, from: At, to: At) -> bool {
        self.life(from) == self.life(to)
    }

    /// What another cluster is told of it.
    pub(super) fn as_peer(&self, transport: Transport) -> Peer {
        let mut address = self.settings.listeners[0].address;
        address.set_port(if transport.is_secure() { TLS_PORTS[1].0 } else { FEDERATION_PORT });
        let trust = Trust::Secret(Secret::new("between-the-two-of-us"));
        let at = Some(Target { transport, address });
        Peer { cid: self.settings.cid.clone(), at, trust, allow: Allow::EVERYTHING }
    }

    /// Ends every user server as by `kill -9`.
    pub(super) fn end(&mut self, now: At) {
        self.ends.push(now);
        self.generation += 1;
        self.servers.clear();
        self.dials.clear();
    }

    /// Starts them, anew.
    pub(super) fn start(&mut self, now: At) {
        self.starts.push(now);
        let mut settings = Settings::clone(&self.settings);
        settings.epoch += 1;
        self.settings = Arc::new(settings);
        self.boot();
    }

    /// What lives in its servers now.
    pub fn census(&self) -> Vec<Census> {
        self.servers.iter().map(UserServer::census).collect()
    }

    /// Its listener at that address.
    pub(super) fn listener(&self, transport: Transport, address: SocketAddr) -> Option<u8> {
        let here = |listener: &Listener| listener.transport == transport && listener.address == address;
        self.settings.listeners.iter().position(here).map(|index| u8::try_from(index).unwrap())
    }

    fn boot(&mut self) {
        let generation = u64::from(self.generation) << 8;
        self.servers = (0..self.settings.servers)
            .map(|index| {
                let rng = Rng::from_seed(self.seed ^ generation ^ (u64::from(index) + 1) << 48);
                UserServer::new(Arc::clone(&self.settings), ServerIndex(index), rng)
            })
            .collect();
    }
}

fn settings(name: &str, address: &str, number: u8) -> Settings {
    let address: SocketAddr = address.parse().unwrap();
    let listener = |transport| Listener::plain(transport, address);
    Settings {
        cid: Cid::new(name),
        own_hosts: [address.ip().to_string(), format!("sip.{name}")].into(),
        listeners: vec![listener(Transport::Udp), listener(Transport::Tcp)],
        digest: vec![Algorithm::Sha256, Algorithm::Md5],
        key: [7 + number; 32],
        epoch: 1,
        default_profile: Arc::new(Profile::compile(DEFAULT_TREE).unwrap()),
        features: Features::default(),
        peers: Vec::new(),
        servers: 2,
        dns: Vec::new(),
        push: None,
        limits: Limits::default(),
    }
}
