//! How a world runs: one thing after the other, in the order of time and, at one moment, of cause.

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;
use ratatosk::effect::{Flow, Outcome, StoreOp, StreamId, Ticket, Transport};
use ratatosk::server::{Envelope, Input};
use ratatosk::sip::Framer;

use super::phone::{Do, Path, Sent};
use super::world::{Line, Stream, Who, World};

/// Something that will happen.
#[derive(Debug)]
pub enum Event {
    /// Bytes come to the servers.
    Up { flow: Flow, bytes: Bytes, line: usize },
    /// Bytes come to a phone.
    Down { phone: usize, path: Path, bytes: Bytes, line: usize },
    /// The servers hear that a stream is closed.
    ClosedUp(StreamId),
    /// A phone hears that its stream is closed.
    ClosedDown(usize),
    /// The store does something.
    Store { server: u8, generation: u32, ticket: Ticket, op: StoreOp },
    /// A server hears what came of something.
    Outcome { server: u8, generation: u32, ticket: Ticket, outcome: Outcome },
    /// A connection for a long request succeeds or does not.
    Long { server: u8, generation: u32, long: Long },
    /// A word between servers.
    Peer { generation: u32, envelope: Envelope },
    /// A phone does something.
    Act { phone: usize, what: Do },
}

/// A long request that waits for a connection.
#[derive(Debug)]
pub struct Long {
    pub flow: Flow,
    pub stream: Bytes,
    pub datagram: Bytes,
    pub ticket: Ticket,
    /// Whether there will be one.
    pub connects: bool,
}

/// An event and its moment.
#[derive(Debug)]
pub struct Scheduled {
    at: At,
    serial: u64,
    event: Event,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

impl World {
    /// Runs to this moment.
    pub fn run_until(&mut self, end: At) {
        loop {
            let queued = self.queue.peek().map(|Reverse(next)| next.at);
            let servers = self.servers.iter().filter_map(ratatosk::server::UserServer::deadline).min();
            let phones = (0..self.phones.len())
                .filter(|phone| !self.gone[*phone])
                .filter_map(|phone| self.phones[phone].deadline())
                .min();
            let next = [queued, servers, phones].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.steps += 1;
            assert!(self.steps < 5_000_000, "the world goes round in circles at {}", self.now);
            if queued == Some(next) {
                if let Some(Reverse(scheduled)) = self.queue.pop() {
                    self.happen(scheduled.event);
                }
            } else if servers == Some(next) {
                self.tick_servers();
            } else {
                self.tick_phones();
            }
        }
        self.now = self.now.max(end);
    }

    /// Lets something happen later; at one moment, what was scheduled first comes first.
    pub(super) fn schedule(&mut self, at: At, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Scheduled { at, serial: self.serial, event }));
    }

    /// Lets a phone do something so far into the ladder.
    pub fn plan(&mut self, seconds: f64, phone: usize, what: Do) {
        let at = self.origin + Duration::from_secs_f64(seconds);
        self.schedule(at, Event::Act { phone, what });
    }

    /// How far into the ladder the last planned thing lies.
    pub(super) fn last_action(&self) -> f64 {
        let acts = self.queue.iter().filter(|Reverse(next)| matches!(next.event, Event::Act { .. }));
        acts.map(|Reverse(next)| self.since_origin(next.at).as_secs_f64()).fold(0.0, f64::max)
    }

    /// Lets a phone do something now.
    pub fn act(&mut self, phone: usize, what: &Do) {
        match what {
            _ if self.gone[phone] => {}
            Do::Vanish => self.gone[phone] = true,
            Do::Disconnect => {
                if let Some(id) = self.stream_of(phone) {
                    self.close_stream(id, true);
                }
            }
            _ => {
                let now = self.now;
                self.phones[phone].act(now, what);
                self.post(phone);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Up { flow, bytes, line } => self.come_up(flow, &bytes, line),
            Event::Down { phone, path, bytes, line } => self.come_down(phone, path, &bytes, line),
            Event::ClosedUp(id) => self.tell_all_closed(id),
            Event::ClosedDown(phone) => {
                let now = self.now;
                self.phones[phone].on_closed(now);
            }
            Event::Store { server, generation, ticket, op } if generation == self.generation => {
                let outcome = self.store.perform(self.clock().wall_s(), op);
                self.input(server, Input::Outcome(ticket, Outcome::Store(outcome)));
            }
            Event::Outcome { server, generation, ticket, outcome } if generation == self.generation => {
                self.input(server, Input::Outcome(ticket, outcome));
            }
            Event::Peer { generation, envelope } if generation == self.generation => {
                self.input(envelope.to.0, Input::Peer(envelope));
            }
            Event::Long { server, generation, long } if generation == self.generation => {
                self.connect(server, long);
            }
            // What a server that is no more had asked for.
            Event::Store { .. } | Event::Outcome { .. } | Event::Peer { .. } | Event::Long { .. } => {}
            Event::Act { phone, what } => self.act(phone, &what),
        }
    }

    fn tick_servers(&mut self) {
        for index in 0..self.settings.servers {
            let deadline = self.servers[usize::from(index)].deadline();
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.input(index, Input::Tick);
            }
        }
    }

    fn tick_phones(&mut self) {
        let now = self.now;
        for phone in 0..self.phones.len() {
            let due = self.phones[phone].deadline().is_some_and(|deadline| deadline <= now);
            if due && !self.gone[phone] {
                self.phones[phone].tick(now);
                self.post(phone);
            }
        }
    }

    fn come_down(&mut self, phone: usize, path: Path, bytes: &Bytes, line: usize) {
        if self.gone[phone] {
            return;
        }
        self.wire[line].arrived.get_or_insert(self.now);
        let now = self.now;
        self.phones[phone].receive(now, path, bytes);
        self.post(phone);
    }

    /// Sends what a phone wants sent.
    pub(super) fn post(&mut self, phone: usize) {
        for Sent { path, bytes } in self.phones[phone].drain() {
            match (path, self.phones[phone].transport) {
                (Path::Main, Transport::Udp) => self.post_datagram(phone, bytes),
                (Path::Main, Transport::Tcp) => {
                    let id = self.stream_of(phone).unwrap_or_else(|| self.open_stream(phone, true));
                    self.post_stream(phone, id, bytes);
                }
                (Path::Stream(id), transport) => {
                    let open = self.streams.get(&id).is_some_and(|stream| stream.open);
                    match (open, transport) {
                        (true, _) => self.post_stream(phone, id, bytes),
                        // RFC 3261 §18.2.2: the response goes over another connection.
                        (false, Transport::Tcp) => {
                            let id = self.stream_of(phone).unwrap_or_else(|| self.open_stream(phone, true));
                            self.post_stream(phone, id, bytes);
                        }
                        (false, Transport::Udp) => {}
                    }
                }
            }
        }
    }

    pub(super) fn post_datagram(&mut self, phone: usize, bytes: Bytes) {
        let flow = Flow { listener: 0, remote: self.phones[phone].public, stream: None };
        let line = self.log(Who::Phone(phone), Who::Server(0), &bytes, false);
        let copies = self.net.copies(&mut self.rng);
        for delay in copies.into_iter().flatten() {
            self.schedule(self.now + delay, Event::Up { flow, bytes: bytes.clone(), line });
        }
    }

    fn post_stream(&mut self, phone: usize, id: StreamId, bytes: Bytes) {
        let delay = self.net.delay(&mut self.rng);
        let line = self.log(Who::Phone(phone), Who::Server(0), &bytes, true);
        let cut = if self.net.pieces { self.rng.below(bytes.len() as u64) as usize } else { 0 };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let at = stream.up_after.max(self.now + delay);
        stream.up_after = at;
        let flow = Flow { listener: 1, remote: stream.remote, stream: Some(id) };
        for piece in [bytes.slice(..cut), bytes.slice(cut..)] {
            if !piece.is_empty() {
                self.schedule(at, Event::Up { flow, bytes: piece, line });
            }
        }
    }

    /// Sends what a server wants sent; says whether there was a way.
    pub(super) fn deliver(&mut self, server: u8, flow: Flow, bytes: &Bytes) -> bool {
        match flow.stream {
            Some(id) => self.deliver_stream(server, id, bytes),
            None => {
                let phone = self.phones.iter().position(|phone| phone.public == flow.remote);
                let to = phone.map_or(Who::Nobody, Who::Phone);
                let line = self.log(Who::Server(server), to, bytes, false);
                let copies = self.net.copies(&mut self.rng);
                for delay in copies.into_iter().flatten() {
                    if let Some(phone) = phone {
                        let event = Event::Down { phone, path: Path::Main, bytes: bytes.clone(), line };
                        self.schedule(self.now + delay, event);
                    }
                }
                true
            }
        }
    }

    fn deliver_stream(&mut self, server: u8, id: StreamId, bytes: &Bytes) -> bool {
        let delay = self.net.delay(&mut self.rng);
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.open) else { return false };
        let at = stream.down_after.max(self.now + delay);
        stream.down_after = at;
        let (phone, main) = (stream.phone, stream.main);
        let line = self.log(Who::Server(server), Who::Phone(phone), bytes, main);
        let path = if main { Path::Main } else { Path::Stream(id) };
        self.schedule(at, Event::Down { phone, path, bytes: bytes.clone(), line });
        true
    }

    /// The stream that a phone keeps to the servers.
    fn stream_of(&self, phone: usize) -> Option<StreamId> {
        let own = |stream: &Stream| stream.phone == phone && stream.open && stream.main;
        self.streams.iter().find(|(_, stream)| own(stream)).map(|(id, _)| *id)
    }

    /// Connects a phone with the servers.
    pub(super) fn open_stream(&mut self, phone: usize, main: bool) -> StreamId {
        let id = StreamId(self.streams.len() as u64 + 1);
        let public = self.phones[phone].public;
        let port = if main { 50_000 + id.0 as u16 } else { public.port() };
        let ready = self.now + 2 * self.net.delay(&mut self.rng);
        let stream = Stream {
            phone,
            remote: SocketAddr::new(public.ip(), port),
            open: true,
            main,
            up_after: ready,
            down_after: ready,
            buffer: Vec::new(),
            framer: Framer::new(65_535),
        };
        self.streams.insert(id, stream);
        id
    }

    /// Closes a stream; both ends hear of it after what is under way.
    pub(super) fn close_stream(&mut self, id: StreamId, tell_servers: bool) {
        let delay = self.net.delay(&mut self.rng);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.open = false;
        let (up, down) = (stream.up_after.max(self.now + delay), stream.down_after.max(self.now + delay));
        let (phone, main) = (stream.phone, stream.main);
        if tell_servers {
            self.schedule(up, Event::ClosedUp(id));
        }
        if main {
            self.schedule(down, Event::ClosedDown(phone));
        }
    }

    fn log(&mut self, from: Who, to: Who, bytes: &Bytes, stream: bool) -> usize {
        let mut hasher = DefaultHasher::new();
        (from, to, bytes).hash(&mut hasher);
        let again = !self.seen.insert(hasher.finish());
        self.wire.push(Line {
            at: self.now,
            from,
            to,
            bytes: bytes.clone(),
            again,
            arrived: None,
            stream,
            waited: false,
        });
        self.wire.len() - 1
    }
}
