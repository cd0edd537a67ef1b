//! A softphone of the simulated world: a whole user agent, sans-I/O, with transactions and dialogs
//! of its own, so that it shares no mistake with the server it talks to.
//!
//! It does what a good phone does by RFC 3261: repeats over UDP, acknowledges, cancels only after a
//! provisional response, numbers its requests. What it dislikes about the server goes into
//! [`Phone::complaints`], which the checkers read.

mod client;
mod compose;
mod dialog;
mod incoming;
mod outgoing;
mod register;
mod reliable;
mod server;
mod session;
mod transfer;
mod words;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::{At, Rng, Uid};
use ratatosk::config::Algorithm;
use ratatosk::effect::{StreamId, Transport};

use super::digest::Challenge;
use super::text::Packet;

pub use words::{Do, Moods, Reply};

use client::ClientTx;
use dialog::Call;
use register::Registration;
pub use reliable::Pracks;
use server::ServerTx;

/// What the To tag of the second phone behind a proxy ends with.
pub const TWIN: &str = "-twin";
/// RFC 3261 T1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 T2.
const T2: Duration = Duration::from_secs(4);
/// 64 × T1: when one gives up.
const GIVE_UP: Duration = Duration::from_secs(32);

/// Which way a message of a phone goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Its UDP socket, or the stream it keeps to the server.
    Main,
    /// The stream that a request came on.
    Stream(StreamId),
}

/// One message that a phone wants sent.
#[derive(Debug)]
pub struct Sent {
    /// Which way.
    pub path: Path,
    /// The message.
    pub bytes: Bytes,
}

/// A softphone.
#[derive(Debug)]
pub struct Phone {
    /// The name in ladders, `carl/desk`.
    pub name: String,
    /// Whose phone it is.
    pub user: String,
    /// What it gives as its password.
    pub password: String,
    /// The cluster it registers with.
    pub realm: String,
    /// The place of that cluster in its world.
    pub cluster: u8,
    /// Its word in everything that must stay on its own side: `zq7q`.
    pub mark: String,
    /// Its transport.
    pub transport: Transport,
    /// Whether it is to be reached over TLS only: its Contact is a `sips:` URI.
    pub sips: bool,
    /// The address it believes to have, which it writes into Via and Contact.
    pub local: SocketAddr,
    /// The address the server sees.
    pub public: SocketAddr,
    /// Those that it saw before: a NAT has forgotten them, and what is sent there is lost.
    pub forgotten: Vec<SocketAddr>,
    /// How long the NAT remembers it without hearing of it, if it forgets.
    pub nat_patience: Option<Duration>,
    /// When it last sent anything through the NAT.
    pub heard_by_nat: At,
    /// Whether it writes compact header names.
    pub short: bool,
    /// Whether it answers a nonce it knows without being asked.
    pub reuses_nonce: bool,
    /// The digest algorithms it knows.
    pub knows: Vec<Algorithm>,
    /// Whether a UDP phone can be connected to by TCP for long requests.
    pub accepts_streams: bool,
    /// Whether it is of RFC 2543: no branch of its has the cookie, and an ACK has that of its INVITE.
    pub old: bool,
    /// Whether the system of the servers knows no way to it.
    pub no_route: bool,
    /// Whether the NAT in front of it has forgotten it, so that no datagram comes through.
    pub deaf: bool,
    /// Whether it answers 2xx with ACK.
    pub acks: bool,
    /// Whether its 200 crosses the CANCEL: when one comes, it answers the call first.
    pub crosses_cancel: bool,
    /// Whether it is a proxy with two phones that answer at once: their 200s differ in the To tag.
    pub twin: bool,
    /// Whether it knows session timers.
    pub timer: bool,
    /// The session interval that it asks for when it calls, seconds.
    pub session: Option<u64>,
    /// The shortest session interval that it takes, seconds.
    pub min_se: u64,
    /// Whether it leaves it to the server to refresh.
    pub lazy: bool,
    /// Whether it never does what is due by a session timer.
    pub dead_clock: bool,
    /// Whether it sends provisional responses reliably, and takes such.
    pub reliable: bool,
    /// What it makes of those that it is sent.
    pub pracks: Pracks,
    /// Whether it takes and sends UPDATE.
    pub updates: bool,
    /// A method that it knows and nobody else does.
    pub knows_method: Option<String>,
    /// The INFO packages that it takes, if it knows such.
    pub packages: Option<String>,
    /// The binding it asks for, seconds; none if it leaves that to the server.
    pub expires: Option<u32>,
    /// What it says that it can do, beside its Contact: `;audio`.
    pub features: String,
    /// Its instance-id (RFC 5626 §4.1), if it tells one.
    pub instance: Option<String>,
    /// The number of its flow (RFC 5626 §4.2), if it knows outbound.
    pub reg_id: Option<u32>,
    /// Whether it asks for addresses that reach it alone (RFC 5627).
    pub gruus: bool,
    /// The push service that wakes it (RFC 8599), if it may sleep.
    pub provider: Option<String>,
    /// How long it takes to wake up, seconds; never without.
    pub wakes_after: Option<f64>,
    /// Whether it sleeps.
    pub asleep: bool,
    /// Addresses of another connection of the same client, whose calls it has.
    pub earlier: Vec<SocketAddr>,
    /// Whether it takes part in the run from the start.
    pub online: bool,
    /// What it does when it is called: so long after the INVITE, that.
    pub on_call: Vec<(f64, Reply)>,
    /// How it answers a page; 0: not at all.
    pub on_page: u16,
    /// How it answers pages that hold these words.
    pub dislikes: Vec<(String, u16)>,
    /// In a random world: what it is like.
    pub moods: Option<Moods>,
    /// Whether each of its calls has a Subject that no other has, by which checkers know it again.
    pub labels: bool,
    /// Extra bytes in its session descriptions, to make long requests.
    pub padding: usize,
    /// What it found wrong with the server.
    pub complaints: Vec<String>,
    /// Its requests that nobody answered in time.
    pub unanswered: Vec<String>,
    /// Pages it has taken.
    pub pages: Vec<String>,
    /// When its streams were closed.
    pub losses: Vec<At>,
    /// How often it was switched off and on.
    pub restarts: u32,
    rng: Rng,
    serial: u64,
    clients: Vec<ClientTx>,
    servers: Vec<ServerTx>,
    calls: Vec<Call>,
    registration: Registration,
    auth: Option<Challenge>,
    extra: Vec<(String, String)>,
    last: Option<Sent>,
    out: Vec<Sent>,
}

impl Phone {
    /// A phone of `owner` that has done nothing yet; `number` tells it from the others.
    pub fn new(name: &str, owner: &Uid, cluster: u8, number: u8, rng: Rng) -> Self {
        let user = owner.user().to_owned();
        let address = SocketAddr::from(([198, 51, 100, number], 5060));
        Self {
            name: name.to_owned(),
            password: format!("{user}-secret"),
            user,
            realm: owner.cluster().to_owned(),
            cluster,
            mark: format!("zq{number}q"),
            transport: Transport::Udp,
            sips: false,
            local: address,
            public: address,
            forgotten: Vec::new(),
            nat_patience: None,
            heard_by_nat: At::START,
            short: false,
            reuses_nonce: true,
            knows: vec![Algorithm::Sha256, Algorithm::Md5],
            accepts_streams: false,
            old: false,
            no_route: false,
            deaf: false,
            acks: true,
            crosses_cancel: false,
            twin: false,
            timer: true,
            session: None,
            min_se: 0,
            lazy: false,
            dead_clock: false,
            reliable: false,
            pracks: Pracks::Well,
            updates: false,
            knows_method: None,
            packages: None,
            expires: Some(3600),
            features: String::new(),
            instance: None,
            reg_id: None,
            gruus: false,
            provider: None,
            wakes_after: None,
            asleep: false,
            earlier: Vec::new(),
            online: true,
            on_call: vec![(0.05, Reply::Status(180))],
            on_page: 200,
            dislikes: Vec::new(),
            moods: None,
            labels: false,
            padding: 0,
            complaints: Vec::new(),
            unanswered: Vec::new(),
            pages: Vec::new(),
            losses: Vec::new(),
            restarts: 0,
            rng,
            serial: 0,
            clients: Vec::new(),
            servers: Vec::new(),
            calls: Vec::new(),
            registration: Registration::default(),
            auth: None,
            extra: Vec::new(),
            last: None,
            out: Vec::new(),
        }
    }

    /// Speaks TCP.
    pub fn tcp(&mut self) -> &mut Self {
        self.transport = Transport::Tcp;
        self
    }

    /// Speaks TLS, and wants to be reached by nothing else (RFC 5630 §5.1.1.1).
    pub fn sips(&mut self) -> &mut Self {
        (self.transport, self.sips) = (Transport::Tls, true);
        self
    }

    /// Sits behind a NAT: writes an address that nobody can reach.
    pub fn nat(&mut self) -> &mut Self {
        let [.., last] = match self.public.ip() {
            std::net::IpAddr::V4(ip) => ip.octets(),
            std::net::IpAddr::V6(_) => [0; 4],
        };
        self.local = SocketAddr::from(([192, 168, 0, last], 5060));
        self.public.set_port(40_000 + u16::from(last));
        self
    }

    /// The NAT gives it another port: nothing reaches it by the old one.
    pub fn is_forgotten(&mut self) {
        self.forgotten.push(self.public);
        self.public.set_port(self.public.port() + 256);
    }

    /// The same, and it has found out.
    pub fn moves(&mut self) {
        self.is_forgotten();
        self.local = self.public;
    }

    /// Something passes the NAT: from the phone it keeps the mapping, or makes another.
    pub fn passes_nat(&mut self, at: At, outward: bool) {
        let silent = at.since(self.heard_by_nat);
        if self.nat_patience.is_some_and(|patience| silent > patience) && self.nat_holds() {
            self.is_forgotten();
            // Once is enough, until it is heard of again.
            self.heard_by_nat = At::START;
        }
        if outward {
            self.heard_by_nat = at;
        }
    }

    /// Whether the NAT knows where it is: it has sent something since it was forgotten.
    fn nat_holds(&self) -> bool {
        self.heard_by_nat > At::START
    }

    /// Is not registered when the ladder begins.
    pub fn offline(&mut self) -> &mut Self {
        self.online = false;
        self
    }

    /// Is one flow of a client: a connection of its own, with an instance-id and its number.
    pub fn flow(&mut self, instance: &str, reg_id: u32) -> &mut Self {
        self.instance = Some(instance.to_owned());
        self.reg_id = Some(reg_id);
        self
    }

    /// May sleep, and wakes up so many seconds after its push service was asked.
    pub fn sleeper(&mut self, wakes_after: f64) -> &mut Self {
        self.provider = Some("acme".to_owned());
        self.wakes_after = Some(wakes_after);
        self
    }

    /// Goes on with the calls of another connection of the same client.
    pub fn goes_on_with(&mut self, other: &mut Self) {
        self.calls.append(&mut other.calls);
        self.mark.clone_from(&other.mark);
        self.earlier = vec![other.public, other.local];
    }

    /// How its push service knows it.
    pub fn prid(&self) -> String {
        format!("device-{}", self.mark)
    }

    /// Tells its instance-id, and asks for addresses that reach it alone.
    pub fn gruu(&mut self, instance: &str) -> &mut Self {
        self.instance = Some(instance.to_owned());
        self.gruus = true;
        self
    }

    /// What it does when it is called: so many seconds after the INVITE, that.
    pub fn on_call(&mut self, steps: &[(f64, Reply)]) -> &mut Self {
        self.on_call = steps.to_vec();
        self
    }

    /// A message came in.
    pub fn receive(&mut self, at: At, path: Path, bytes: &Bytes) {
        match Packet::parse(bytes) {
            Ok(packet) if packet.method().is_some() => self.on_request(at, path, &packet),
            Ok(packet) => self.on_response(at, &packet),
            Err(error) => self.complaints.push(format!("unreadable: {error}")),
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, at: At) {
        self.tick_clients(at);
        self.tick_servers(at);
        self.tick_calls(at);
        self.tick_registration(at);
    }

    /// When [`Self::tick`] is wanted next.
    pub fn deadline(&self) -> Option<At> {
        let clients = self.clients.iter().filter_map(ClientTx::deadline).min();
        let servers = self.servers.iter().filter_map(ServerTx::deadline).min();
        let calls = self.calls.iter().filter_map(Call::deadline).min();
        [clients, servers, calls, self.registration.deadline()].into_iter().flatten().min()
    }

    /// What it wants sent since the last time one asked.
    pub fn drain(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.out)
    }

    /// The call that it believes to be in.
    pub fn open_call(&self) -> Option<&Call> {
        self.calls.iter().find(|call| !call.is_over())
    }

    /// Its stream was closed by somebody: what was asked over it is lost (RFC 3261 §8.1.3.1), calls
    /// that are up are not.
    pub fn on_closed(&mut self, at: At) {
        self.losses.push(at);
        self.lose_clients(at);
        if self.registration.wanted && !self.asleep {
            self.registration.refresh = Some(at + Duration::from_secs(1));
        }
    }

    /// Loses all it knew, as a phone that is switched off and on.
    pub fn restart(&mut self, at: At) {
        self.restarts += 1;
        self.clients.clear();
        self.servers.clear();
        self.calls.clear();
        self.auth = None;
        self.registration = Registration::default();
        self.register(at, None);
    }

    /// Forgets what it has asked, so that it does not acknowledge the answers.
    pub fn forget_requests(&mut self) {
        self.clients.clear();
        self.calls.clear();
    }

    fn on_request(&mut self, at: At, path: Path, request: &Packet<'_>) {
        if !self.is_repeat(at, path, request) {
            match (request.method().unwrap_or_default(), request.to_tag().is_empty()) {
                ("ACK", _) => self.on_ack(at, request),
                ("CANCEL", _) => self.on_cancel(at, path, request),
                ("INVITE", true) => self.on_invite(at, path, request),
                (_, false) => self.on_request_in_dialog(at, path, request),
                (_, true) => self.on_request_outside(at, path, request),
            }
        }
    }

    fn put(&mut self, path: Path, bytes: Bytes) {
        self.out.push(Sent { path, bytes });
    }

    fn is_reliable(&self, path: Path) -> bool {
        match path {
            Path::Main => self.transport.is_reliable(),
            Path::Stream(_) => true,
        }
    }

    fn complain(&mut self, what: impl Into<String>) {
        self.complaints.push(what.into());
    }

    /// A word that nobody else has, carrying the phone's mark.
    fn mint(&mut self) -> String {
        self.serial += 1;
        format!("{}{:x}", self.mark, self.serial)
    }
}
