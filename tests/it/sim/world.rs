//! A world: who is in it, and what a test may do with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::{At, Cid, Limits, Now, Rng, ServerIndex, Uid};
use ratatosk::config::{Algorithm, Face, Listener, Settings};
use ratatosk::effect::{Fact, StreamId, Transport};
use ratatosk::routing::Profile;
use ratatosk::server::{Census, UserServer};
use ratatosk::sip::Framer;

use super::check;
use super::ladder;
use super::net::Net;
use super::phone::{Do, Phone};
use super::run::Scheduled;
use super::store::Store;

/// The cluster of every world.
pub const CLUSTER: &str = "north.test";
/// Where its servers listen, UDP and TCP.
pub const SERVER: &str = "192.0.2.1:5060";
/// 2026-01-01T00:00:00Z, when every world begins.
const BEGINNING_MS: i64 = 1_767_225_600_000;
/// How long a ladder goes on after the last thing that was planned.
const AFTERMATH: Duration = Duration::from_secs(40);

/// The tree of a user who has none: it rings all clients and returns the phone's own status.
const DEFAULT_TREE: &str = include_str!("../../../routing-trees/default.tree");

/// One end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// A phone, by its place.
    Phone(usize),
    /// A user server.
    Server(u8),
    /// An address at which nobody is.
    Nobody,
}

/// One message on the wire.
#[derive(Debug)]
pub struct Line {
    /// When it was sent.
    pub at: At,
    /// By whom.
    pub from: Who,
    /// To whom.
    pub to: Who,
    /// The message.
    pub bytes: Bytes,
    /// Whether the same message went the same way before.
    pub again: bool,
    /// When its first copy came.
    pub arrived: Option<At>,
    /// Whether it went over a stream that the phone opened.
    pub stream: bool,
    /// Whether it had to wait for a connection, so that others overtook it.
    pub waited: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Stream {
    pub phone: usize,
    pub remote: std::net::SocketAddr,
    pub open: bool,
    /// Whether the phone opened it.
    pub main: bool,
    pub up_after: At,
    pub down_after: At,
    pub buffer: Vec<u8>,
    pub framer: Framer,
}

/// Everything there is.
pub struct World {
    /// What it was made from.
    pub seed: u64,
    /// The network.
    pub net: Net,
    /// The disk.
    pub store: Store,
    /// The phones.
    pub phones: Vec<Phone>,
    /// Everything sent since the ladder began.
    pub wire: Vec<Line>,
    /// What the servers said happened.
    pub facts: Vec<Fact>,
    /// What the checkers found while it ran.
    pub faults: Vec<String>,
    /// Whether the ladder shows what was sent again.
    pub show_repeats: bool,
    pub(super) settings: Arc<Settings>,
    pub(super) servers: Vec<UserServer>,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    pub(super) queue: BinaryHeap<Reverse<Scheduled>>,
    pub(super) now: At,
    pub(super) rng: Rng,
    pub(super) serial: u64,
    pub(super) generation: u32,
    pub(super) write_after: At,
    pub(super) seen: HashSet<u64>,
    pub(super) promised: HashSet<Bytes>,
    pub(super) gone: Vec<bool>,
    pub(super) steps: u64,
    pub(super) origin: At,
    begun: bool,
    planned: Vec<(f64, usize, Do)>,
    end: Option<At>,
    ladder_end: Option<usize>,
}

impl World {
    /// A world with a perfect network and two user servers: for ladders.
    pub fn new() -> Self {
        Self::with(0, Net::PERFECT)
    }

    /// A world with a network that its seed decides.
    pub fn random(seed: u64) -> Self {
        let net = Net::draw(&mut Rng::from_seed(seed ^ 0x6e65_7477_6f72_6b00));
        Self::with(seed, net)
    }

    /// A world with that network.
    pub fn with(seed: u64, net: Net) -> Self {
        let settings = Arc::new(settings());
        let mut world = Self {
            seed,
            net,
            store: Store::default(),
            phones: Vec::new(),
            wire: Vec::new(),
            facts: Vec::new(),
            faults: Vec::new(),
            show_repeats: false,
            settings,
            servers: Vec::new(),
            streams: BTreeMap::new(),
            queue: BinaryHeap::new(),
            now: At::START,
            rng: Rng::from_seed(seed),
            serial: 0,
            generation: 0,
            write_after: At::START,
            seen: HashSet::new(),
            promised: HashSet::new(),
            gone: Vec::new(),
            steps: 0,
            origin: At::START,
            begun: false,
            planned: Vec::new(),
            end: None,
            ladder_end: None,
        };
        world.boot();
        world
    }

    /// Changes the settings; before anything has happened.
    #[allow(dead_code, reason = "for worlds with limits of their own")]
    pub fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings);
        change(&mut settings);
        self.settings = Arc::new(settings);
        self.boot();
    }

    /// Adds a phone, `anne` or `anne/desk`, and its user if he is new.
    pub fn phone(&mut self, name: &str) -> &mut Phone {
        let number = u8::try_from(self.phones.len() + 1).unwrap();
        let rng = Rng::from_seed(self.seed.wrapping_mul(257).wrapping_add(u64::from(number)));
        let phone = Phone::new(name, CLUSTER, number, rng);
        self.user(&phone.user.clone());
        self.phones.push(phone);
        self.gone.push(false);
        self.phones.last_mut().unwrap()
    }

    /// Adds a user, if he is new.
    pub fn user(&mut self, name: &str) {
        self.store.add(&uid(name), &format!("{name}-secret"));
    }

    /// Gives a user, made if he is new, a profile.
    pub fn tree(&mut self, name: &str, source: &str) {
        self.user(name);
        self.store.profile(&uid(name), source);
    }

    /// Gives a user, made if he is new, a number.
    pub fn number(&mut self, name: &str, number: &str) {
        self.user(name);
        self.store.number(&uid(name), number);
    }

    /// Plans that so many seconds after the ladder's beginning a phone does something.
    pub fn at(&mut self, seconds: f64, phone: &str, what: Do) {
        let phone = self.place(phone);
        self.planned.push((seconds, phone, what));
    }

    /// Registers the phones that are online from the start; the ladder begins after that.
    pub fn begin(&mut self) {
        assert!(!std::mem::replace(&mut self.begun, true), "a world begins once");
        for phone in 0..self.phones.len() {
            if self.phones[phone].online {
                self.act(phone, &Do::Register);
            }
        }
        self.run_until(self.now + Duration::from_secs(1));
        for phone in &self.phones {
            assert_eq!(phone.is_registered(), phone.online, "{} before the ladder begins", phone.name);
        }
        self.wire.clear();
        self.start_ladder();
    }

    /// Begins the ladder without waiting for anybody to register.
    pub fn start_ladder(&mut self) {
        self.begun = true;
        self.origin = self.now;
        for (seconds, phone, what) in std::mem::take(&mut self.planned) {
            self.plan(seconds, phone, what);
        }
    }

    /// Runs so far into the ladder, and ends it there if nothing later is asked for.
    pub fn run(&mut self, seconds: f64) {
        if !self.begun {
            self.begin();
        }
        for (when, phone, what) in std::mem::take(&mut self.planned) {
            self.plan(when, phone, what);
        }
        let end = self.origin + Duration::from_secs_f64(seconds);
        self.run_until(end);
        self.end = Some(end);
    }

    /// Runs what is planned, lets everybody hang up, asks the checkers; gives the ladder.
    pub fn finish(&mut self) -> String {
        if !self.begun {
            self.begin();
        }
        if self.end.is_none() || !self.planned.is_empty() {
            let last = self.planned.iter().map(|(seconds, ..)| *seconds);
            let until = self.last_action().max(last.fold(0.0, f64::max)) + AFTERMATH.as_secs_f64();
            self.run(until);
        }
        let lines = *self.ladder_end.get_or_insert(self.wire.len());
        let ladder = ladder::render(self, lines);
        self.wind_up();
        let found = check::check(self);
        self.faults.extend(found);
        ladder
    }

    /// Runs to the end and compares the ladder.
    pub fn expect(&mut self, expected: &str) {
        let ladder = self.finish();
        self.assert_sound(&ladder);
        ladder::compare(&ladder, expected);
    }

    /// Runs to the end and compares the ladder with a file under `tests/golden/`.
    pub fn golden(&mut self, name: &str) {
        let ladder = self.finish();
        self.assert_sound(&ladder);
        ladder::golden(&ladder, name);
    }

    /// No checker has found anything.
    pub fn assert_sound(&self, ladder: &str) {
        assert!(self.faults.is_empty(), "{}\nin\n{ladder}", self.faults.join("\n"));
    }

    /// The two clocks.
    pub fn clock(&self) -> Now {
        let passed = i64::try_from(self.now.as_micros() / 1000).unwrap();
        Now { at: self.now, wall_ms: BEGINNING_MS + passed }
    }

    /// Seconds into the ladder.
    pub fn since_origin(&self, at: At) -> Duration {
        at.since(self.origin)
    }

    /// The phone of that name.
    pub fn phone_named(&mut self, name: &str) -> &mut Phone {
        let place = self.place(name);
        &mut self.phones[place]
    }

    /// Ends every user server as by `kill -9`, and starts them anew.
    pub fn restart_servers(&mut self) {
        self.generation += 1;
        let mut settings = Settings::clone(&self.settings);
        settings.epoch += 1;
        self.settings = Arc::new(settings);
        let open: Vec<StreamId> =
            self.streams.iter().filter(|(_, stream)| stream.open).map(|(id, _)| *id).collect();
        for id in open {
            self.close_stream(id, false);
        }
        self.boot();
    }

    /// What lives in the servers now.
    pub fn census(&self) -> Vec<Census> {
        self.servers.iter().map(UserServer::census).collect()
    }

    /// How often the servers were ended and started.
    pub fn restarts(&self) -> u32 {
        self.generation
    }

    /// Whether this phone has fallen silent for good.
    pub fn is_gone(&self, phone: usize) -> bool {
        self.gone[phone]
    }

    fn place(&self, name: &str) -> usize {
        let found = self.phones.iter().position(|phone| phone.name == name);
        found.unwrap_or_else(|| panic!("no phone {name}"))
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

    /// Everybody hangs up; the network becomes perfect; 500 s pass.
    fn wind_up(&mut self) {
        for phone in &mut self.phones {
            phone.moods = None;
            phone.on_call = vec![(0.05, super::phone::Reply::Status(603))];
        }
        self.hang_up_all();
        self.run_until(self.now + Duration::from_secs(100));
        self.net = Net::PERFECT;
        self.hang_up_all();
        self.phones.iter_mut().for_each(Phone::rest);
        self.run_until(self.now + Duration::from_secs(400));
    }

    fn hang_up_all(&mut self) {
        for phone in 0..self.phones.len() {
            if !self.gone[phone] {
                let now = self.now;
                self.phones[phone].hang_up_all(now);
                self.post(phone);
            }
        }
    }
}

/// The UID of a user of the cluster.
pub fn uid(name: &str) -> Uid {
    Uid::new(name, CLUSTER).unwrap()
}

fn settings() -> Settings {
    let listener = |transport| Listener {
        transport,
        address: SERVER.parse().unwrap(),
        advertise: SERVER.to_owned(),
        advertise_v4: None,
        face: Face::Access,
    };
    Settings {
        cid: Cid::new(CLUSTER),
        own_hosts: ["192.0.2.1".to_owned(), "sip.north.test".to_owned()].into(),
        listeners: vec![listener(Transport::Udp), listener(Transport::Tcp)],
        digest: vec![Algorithm::Sha256, Algorithm::Md5],
        key: [7; 32],
        epoch: 1,
        default_profile: Arc::new(Profile::compile(DEFAULT_TREE).unwrap()),
        servers: 2,
        limits: Limits::default(),
    }
}
