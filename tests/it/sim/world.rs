//! A world: who is in it, and what a test may do with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::{At, Now, Rng, Uid};
use ratatosk::config::{Settings, Trust};
use ratatosk::effect::dns::{Answer, Question, Record};
use ratatosk::effect::{Pushed, StreamId, Transport};
use ratatosk::server::Census;

use super::check;
use super::cluster::{Cluster, FEDERATION_PORT, NORTH, SOUTH};
use super::ladder;
use super::net::Net;
use super::phone::{Do, Phone};
use super::run::{Event, Scheduled};
use super::streams::Stream;

/// 2026-01-01T00:00:00Z, when every world begins.
const BEGINNING_MS: i64 = 1_767_225_600_000;
/// How long a ladder goes on after the last thing that was planned.
const AFTERMATH: Duration = Duration::from_secs(40);

/// One end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// A phone, by its place.
    Phone(usize),
    /// The servers of a cluster, by its place.
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
    /// When its second copy came, if the network made two.
    pub copied: Option<At>,
    /// Whether it went over a stream, other than one that a server opened to a phone.
    pub stream: bool,
    /// Whether it had to wait for a connection, so that others overtook it.
    pub waited: bool,
}

/// Everything there is. What most tests ask of a cluster, they ask of its first (`world.store`).
pub struct World {
    /// What it was made from.
    pub seed: u64,
    /// The network.
    pub net: Net,
    /// The clusters: north, and in some worlds south.
    pub clusters: Vec<Cluster>,
    /// The phones.
    pub phones: Vec<Phone>,
    /// Everything sent since the ladder began.
    pub wire: Vec<Line>,
    /// What the checkers found while it ran.
    pub faults: Vec<String>,
    /// Whether the ladder shows what was sent again, and the ends and starts of servers.
    pub show_repeats: bool,
    /// Whether the ladder shows what is agreed about session timers.
    pub show_timers: bool,
    /// What the DNS knows; it is silent about everything else.
    pub zone: BTreeMap<Question, Answer>,
    /// How long the DNS takes, milliseconds, and how often in a thousand it says nothing.
    pub names: ((u64, u64), u64),
    /// What the hook says that wakes phones, and after how many seconds.
    pub hook: (Pushed, f64),
    /// What it was asked, behind which message, and when.
    pub pushes: Vec<(usize, At, String)>,
    /// Whether what is sent to an address where nobody is was meant to be.
    pub has_nobody: bool,
    /// Whether two others talk meanwhile, whose call has to go on.
    pub(super) has_bystanders: bool,
    /// Whether in the end all phones that want to be registered are once more, for a while.
    pub roll_call: bool,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    pub(super) queue: BinaryHeap<Reverse<Scheduled>>,
    pub(super) now: At,
    pub(super) rng: Rng,
    pub(super) serial: u64,
    pub(super) seen: HashSet<u64>,
    pub(super) promised: HashSet<Bytes>,
    pub(super) gone: Vec<bool>,
    pub(super) steps: u64,
    pub(super) origin: At,
    pub(super) begun: bool,
    pub(super) planned: Vec<(f64, Event)>,
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
        Self { roll_call: true, ..Self::with(seed, net) }
    }

    /// A world with that network.
    pub fn with(seed: u64, net: Net) -> Self {
        Self {
            seed,
            net,
            clusters: vec![Cluster::new(seed, 0, NORTH)],
            phones: Vec::new(),
            wire: Vec::new(),
            faults: Vec::new(),
            show_repeats: false,
            show_timers: false,
            zone: BTreeMap::new(),
            names: ((5, 5), 0),
            hook: (Pushed::Taken, 0.005),
            pushes: Vec::new(),
            has_nobody: false,
            has_bystanders: false,
            roll_call: false,
            streams: BTreeMap::new(),
            queue: BinaryHeap::new(),
            now: At::START,
            rng: Rng::from_seed(seed),
            serial: 0,
            seen: HashSet::new(),
            promised: HashSet::new(),
            gone: Vec::new(),
            steps: 0,
            origin: At::START,
            begun: false,
            planned: Vec::new(),
            end: None,
            ladder_end: None,
        }
    }

    /// Adds the cluster south.test; both listen for each other.
    pub fn with_south(mut self) -> Self {
        self.clusters.push(Cluster::new(self.seed, 1, SOUTH));
        self.clusters.iter_mut().for_each(Cluster::federate);
        self
    }

    /// Has the clusters listen by TLS too.
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.clusters.iter_mut().for_each(Cluster::secure);
        self
    }

    /// Lets the clusters call and page each other, by this transport.
    pub fn federate(&mut self, transport: Transport) {
        for cluster in 0..self.clusters.len() {
            let others = self.clusters.iter().enumerate().filter(|(place, _)| *place != cluster);
            let peers = others.map(|(_, other)| other.as_peer(transport)).collect();
            self.clusters[cluster].configure(|settings| settings.peers = peers);
        }
    }

    /// Has every cluster look for the others in the DNS, which names these addresses for each, by TCP; the
    /// cluster's own is `None`.
    pub fn name_by_dns(&mut self, servers: &[Option<[u8; 4]>]) {
        let answer = |records| Answer { records, ttl_s: 60, is_answered: true };
        for place in 0..self.clusters.len() {
            let name = self.clusters[place].name.clone();
            let own = self.clusters[place].settings.listeners[0].address.ip();
            let (mut list, port) = (Vec::new(), FEDERATION_PORT);
            for (priority, server) in (0..).zip(servers) {
                let ip = server.map_or(own, IpAddr::from);
                let target = format!("s{priority}.{name}");
                self.zone.insert(Question::Addresses(target.clone()), answer(vec![Record::Address(ip)]));
                list.push(Record::Srv { priority, weight: 0, port, target });
            }
            self.zone.insert(Question::Naptr(name.clone()), answer(Vec::new()));
            self.zone.insert(Question::Srv(format!("_sip._tcp.{name}")), answer(list));
            self.zone.insert(Question::Srv(format!("_sip._udp.{name}")), answer(Vec::new()));
            self.clusters[place].configure(|settings| {
                settings.peers.iter_mut().for_each(|peer| peer.at = None);
            });
        }
    }

    /// Lets the clusters call and page each other by TLS, each proving itself by its certificate.
    pub fn federate_by_certificates(&mut self) {
        self.federate(Transport::Tls);
        for cluster in &mut self.clusters {
            cluster.configure(|settings| {
                settings.peers.iter_mut().for_each(|peer| peer.trust = Trust::Certificate);
            });
        }
    }

    /// Changes the settings of a cluster; before anything has happened.
    pub fn configure(&mut self, cluster: &str, change: impl FnOnce(&mut Settings)) {
        let place = self.cluster_named(cluster);
        self.clusters[usize::from(place)].configure(change);
    }

    /// Adds a phone, `anne`, `anne/desk` or `anne@south.test/desk`, and its user if he is new.
    pub fn phone(&mut self, name: &str) -> &mut Phone {
        let number = u8::try_from(self.phones.len() + 1).unwrap();
        let rng = Rng::from_seed(self.seed.wrapping_mul(257).wrapping_add(u64::from(number)));
        let owner = name.split('/').next().unwrap_or_default();
        self.user(owner);
        let owner = uid(owner);
        let cluster = self.cluster_named(owner.cluster());
        self.phones.push(Phone::new(name, &owner, cluster, number, rng));
        self.gone.push(false);
        self.phones.last_mut().unwrap()
    }

    /// Adds a user, if he is new: `anne`, or `anne@south.test`.
    pub fn user(&mut self, name: &str) {
        let uid = uid(name);
        self.home_of(&uid).store.add(&uid, &format!("{}-secret", uid.user()));
    }

    /// Gives a user, made if he is new, a profile.
    pub fn tree(&mut self, name: &str, source: &str) {
        self.user(name);
        let uid = uid(name);
        self.home_of(&uid).store.profile(&uid, source);
    }

    /// Gives a user, made if he is new, a number.
    pub fn number(&mut self, name: &str, number: &str) {
        self.user(name);
        let uid = uid(name);
        self.home_of(&uid).store.number(&uid, number);
    }

    /// Plans that so many seconds after the ladder's beginning a phone does something.
    pub fn at(&mut self, seconds: f64, phone: &str, what: Do) {
        let phone = self.place(phone);
        self.planned.push((seconds, Event::Act { phone, what }));
    }

    /// Plans that the servers of a cluster end then as by `kill -9`.
    pub fn kill_at(&mut self, seconds: f64, cluster: &str) {
        let cluster = self.cluster_named(cluster);
        self.planned.push((seconds, Event::Kill { cluster }));
    }

    /// Plans that they start then.
    pub fn start_at(&mut self, seconds: f64, cluster: &str) {
        let cluster = self.cluster_named(cluster);
        self.planned.push((seconds, Event::Start { cluster }));
    }

    /// How much is planned before it begins.
    pub fn plans(&self) -> usize {
        self.planned.len()
    }

    /// Leaves out what is planned, but for these; before it begins.
    pub fn keep_plans(&mut self, kept: &BTreeSet<usize>) {
        let mut place = 0..;
        self.planned.retain(|_| place.next().is_some_and(|place| kept.contains(&place)));
    }

    /// What is planned before it begins, a line each.
    pub fn plan_text(&self) -> String {
        let mut plans: Vec<&(f64, Event)> = self.planned.iter().collect();
        plans.sort_by(|one, other| one.0.total_cmp(&other.0));
        plans.iter().fold(String::new(), |text, (seconds, event)| {
            let what = match event {
                Event::Act { phone, what } => format!("{} {what:?}", self.phones[*phone].name),
                Event::Kill { cluster } => format!("{} is killed", self.clusters[usize::from(*cluster)].name),
                Event::Start { cluster } => {
                    format!("{} is started", self.clusters[usize::from(*cluster)].name)
                }
                other => format!("{other:?}"),
            };
            text + &format!("{seconds:7.3}  {what}\n")
        })
    }

    /// Registers the phones that are online from the start; the ladder begins after that.
    pub fn begin(&mut self) {
        assert!(!std::mem::replace(&mut self.begun, true), "a world begins once");
        self.bystanders_come();
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
        self.pushes.clear();
        self.start_ladder();
    }

    /// Begins the ladder without waiting for anybody to register.
    pub fn start_ladder(&mut self) {
        self.begun = true;
        self.origin = self.now;
        for (seconds, event) in std::mem::take(&mut self.planned) {
            self.plan_event(seconds, event);
        }
    }

    /// Runs so far into the ladder, and ends it there if nothing later is asked for.
    pub fn run(&mut self, seconds: f64) {
        if !self.begun {
            self.begin();
        }
        for (when, event) in std::mem::take(&mut self.planned) {
            self.plan_event(when, event);
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
        self.bystanders_go_on();
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
        Now { at: self.now, wall_ms: wall_ms(self.now) }
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
        for cluster in 0..self.clusters.len() as u8 {
            self.end_cluster(cluster);
            self.start_cluster(cluster);
        }
    }

    /// What lives in the servers now.
    pub fn census(&self) -> Vec<Census> {
        self.clusters.iter().flat_map(Cluster::census).collect()
    }

    /// Whether this phone has fallen silent for good.
    pub fn is_gone(&self, phone: usize) -> bool {
        self.gone[phone]
    }

    pub(super) fn place(&self, name: &str) -> usize {
        let found = self.phones.iter().position(|phone| phone.name == name);
        found.unwrap_or_else(|| panic!("no phone {name}"))
    }

    pub(super) fn cluster_named(&self, name: &str) -> u8 {
        let found = (0..).zip(&self.clusters).find(|(_, cluster)| cluster.name == name);
        found.unwrap_or_else(|| panic!("no cluster {name}")).0
    }

    fn home_of(&mut self, uid: &Uid) -> &mut Cluster {
        let place = self.cluster_named(uid.cluster());
        &mut self.clusters[usize::from(place)]
    }

    /// Servers that are down come back, everybody hangs up, the network becomes perfect, and who wants
    /// to be registered is, for a while; then nobody begins anything more.
    fn wind_up(&mut self) {
        for cluster in 0..self.clusters.len() as u8 {
            self.start_cluster(cluster);
        }
        for phone in &mut self.phones {
            phone.moods = None;
            phone.on_call = vec![(0.05, super::phone::Reply::Status(603))];
        }
        self.hang_up_all();
        self.run_until(self.now + Duration::from_secs(100));
        self.net = Net::PERFECT;
        self.names = ((5, 5), 0);
        self.hang_up_all();
        if self.roll_call {
            for phone in 0..self.phones.len() {
                if self.phones[phone].wants_registration() {
                    self.act(phone, &Do::Register);
                }
            }
            self.run_until(self.now + Duration::from_secs(60));
            check::pages::inboxes(self);
        }
        self.phones.iter_mut().for_each(Phone::rest);
        self.run_until(self.now + Duration::from_secs(340));
        // A cluster may be asking another at this very moment whether it is there.
        for _ in 0..10 {
            if !check::left_over(self).is_empty() {
                self.run_until(self.now + Duration::from_secs(1));
            }
        }
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

impl Deref for World {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.clusters[0]
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.clusters[0]
    }
}

/// What a clock on the wall shows then.
pub fn wall_ms(at: At) -> i64 {
    BEGINNING_MS + i64::try_from(at.as_micros() / 1000).unwrap()
}

/// The UID of a user: `anne` is one of north, `anne@south.test` says where he is at home.
pub fn uid(name: &str) -> Uid {
    let (user, cluster) = name.split_once('@').unwrap_or((name, NORTH.0));
    Uid::new(user, cluster).unwrap()
}
