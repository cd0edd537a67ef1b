//! How a world runs: one thing after the other, in the order of time and, at one moment, of cause.

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;
use ratatosk::effect::{Flow, Outcome, StreamId, Ticket, Transport};
use ratatosk::server::{Envelope, Input, UserServer};

use super::phone::{Do, Path, Sent};
use super::streams::{Dial, Long};
use super::world::{Line, Who, World};

/// A user server, in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The place of its cluster.
    pub cluster: u8,
    /// Its index there.
    pub server: u8,
    /// How often the cluster had been ended before.
    pub generation: u32,
}

/// Something that will happen.
#[derive(Debug)]
pub enum Event {
    /// A datagram comes to a cluster.
    Up { cluster: u8, flow: Flow, bytes: Bytes, line: usize },
    /// A message comes to a phone.
    Down { phone: usize, path: Path, bytes: Bytes, line: usize },
    /// Bytes come to a server over a stream.
    Piece { id: StreamId, end: usize, bytes: Bytes, line: usize },
    /// One end hears that a stream is closed.
    Closed { id: StreamId, end: usize },
    /// The store does what it was asked.
    Store { seat: Seat, asked: u64 },
    /// A server hears what came of something.
    Outcome { seat: Seat, ticket: Ticket, outcome: Outcome },
    /// A connection for a long request succeeds or does not.
    Long { seat: Seat, long: Long },
    /// A connection to another server succeeds or does not.
    Dialed { seat: Seat, dial: Dial },
    /// A word between servers.
    Peer { seat: Seat, envelope: Envelope },
    /// A phone does something.
    Act { phone: usize, what: Do },
    /// The servers of a cluster are killed.
    Kill { cluster: u8 },
    /// They are started.
    Start { cluster: u8 },
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
            let all = self.clusters.iter().flat_map(|cluster| &cluster.servers);
            let servers = all.filter_map(UserServer::deadline).min();
            let phones = (0..self.phones.len())
                .filter(|phone| !self.gone[*phone] && !self.phones[*phone].asleep)
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
        let event = Event::Act { phone, what };
        if self.begun {
            self.plan_event(seconds, event);
        } else {
            self.planned.push((seconds, event));
        }
    }

    /// Lets something happen so far into the ladder.
    pub(super) fn plan_event(&mut self, seconds: f64, event: Event) {
        self.schedule(self.origin + Duration::from_secs_f64(seconds), event);
    }

    /// How far into the ladder the last planned thing lies.
    pub(super) fn last_action(&self) -> f64 {
        let acts = self.queue.iter().filter(|Reverse(next)| {
            matches!(next.event, Event::Act { .. } | Event::Kill { .. } | Event::Start { .. })
        });
        acts.map(|Reverse(next)| self.since_origin(next.at).as_secs_f64()).fold(0.0, f64::max)
    }

    /// Lets a phone do something now.
    pub fn act(&mut self, phone: usize, what: &Do) {
        match what {
            _ if self.gone[phone] => {}
            Do::Vanish => self.gone[phone] = true,
            Do::GoOnWith(other) => {
                let places = [phone, self.place(other)];
                let [own, other] = self.phones.get_disjoint_mut(places).unwrap();
                own.goes_on_with(other);
            }
            Do::Freeze => self.phones[phone].sleep(),
            Do::Sleep => {
                self.phones[phone].sleep();
                if let Some(id) = self.open_stream_of(phone) {
                    self.close_stream(id);
                }
            }
            // A stream through a NAT that forgets it is as good as closed.
            Do::Forget if self.phones[phone].transport == Transport::Udp => {
                self.phones[phone].is_forgotten();
            }
            Do::Move => {
                self.phones[phone].moves();
                self.act(phone, &Do::Register);
            }
            Do::KeepAlive => {
                let now = self.now;
                self.phones[phone].passes_nat(now, true);
            }
            Do::Disconnect | Do::Forget => {
                if let Some(id) = self.open_stream_of(phone) {
                    self.close_stream(id);
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
            Event::Up { cluster, flow, bytes, line } => {
                if self.clusters[usize::from(cluster)].is_up() {
                    let line = &mut self.wire[line];
                    if line.arrived.is_some() {
                        line.copied = Some(self.now);
                    } else {
                        line.arrived = Some(self.now);
                    }
                    self.steer(cluster, flow, bytes);
                }
            }
            Event::Down { phone, path, bytes, line } => self.come_down(phone, path, &bytes, line),
            Event::Piece { id, end, bytes, line } => self.on_piece(id, end, &bytes, line),
            Event::Closed { id, end } => self.on_closed(id, end),
            Event::Store { seat, asked } => self.do_store(seat, asked),
            Event::Act { phone, what } => self.act(phone, &what),
            Event::Kill { cluster } => self.end_cluster(cluster),
            Event::Start { cluster } => self.start_cluster(cluster),
            // What a server that is no more had asked for is nobody's concern.
            Event::Outcome { seat, ticket, outcome } if self.is_alive(seat) => {
                self.input(seat, Input::Outcome(ticket, outcome));
            }
            Event::Peer { seat, envelope } if self.is_alive(seat) => {
                let seat = Seat { server: envelope.to.0, ..seat };
                self.input(seat, Input::Peer(envelope));
            }
            Event::Long { seat, long } if self.is_alive(seat) => self.on_long(seat, long),
            Event::Dialed { seat, dial } if self.is_alive(seat) => self.on_dialed(seat, dial),
            Event::Outcome { .. } | Event::Peer { .. } | Event::Long { .. } | Event::Dialed { .. } => {}
        }
    }

    fn tick_servers(&mut self) {
        for cluster in 0..self.clusters.len() {
            for server in 0..self.clusters[cluster].servers.len() {
                let deadline = self.clusters[cluster].servers[server].deadline();
                if deadline.is_some_and(|deadline| deadline <= self.now) {
                    let seat = self.seat(cluster as u8, server as u8);
                    self.input(seat, Input::Tick);
                }
            }
        }
    }

    fn tick_phones(&mut self) {
        let now = self.now;
        for phone in 0..self.phones.len() {
            let due = self.phones[phone].deadline().is_some_and(|deadline| deadline <= now);
            if due && !self.gone[phone] && !self.phones[phone].asleep {
                self.phones[phone].tick(now);
                self.post(phone);
            }
        }
    }

    fn come_down(&mut self, phone: usize, path: Path, bytes: &Bytes, line: usize) {
        if self.gone[phone] || self.phones[phone].asleep {
            return;
        }
        self.wire[line].arrived.get_or_insert(self.now);
        let now = self.now;
        self.phones[phone].receive(now, path, bytes);
        self.post(phone);
    }

    /// Sends what a phone wants sent.
    pub(super) fn post(&mut self, phone: usize) {
        let who = Who::Phone(phone);
        for Sent { path, bytes } in self.phones[phone].drain() {
            let transport = self.phones[phone].transport;
            let id = match path {
                Path::Stream(id) if self.streams.get(&id).is_some_and(|stream| stream.open) => id,
                // RFC 3261 §18.2.2: the response goes over another connection, if it knows any.
                Path::Stream(_) if transport == Transport::Udp => continue,
                Path::Main if transport == Transport::Udp => {
                    self.post_datagram(phone, &bytes);
                    continue;
                }
                Path::Main | Path::Stream(_) => self.stream_of(phone),
            };
            if !self.send_on_stream(who, id, &bytes) {
                let server = Who::Server(self.phones[phone].cluster);
                self.log(who, server, &bytes, true);
            }
        }
    }

    pub(super) fn post_datagram(&mut self, phone: usize, bytes: &Bytes) {
        let (cluster, now) = (self.phones[phone].cluster, self.now);
        self.phones[phone].passes_nat(now, true);
        let flow = Flow { listener: 0, remote: self.phones[phone].public, stream: None };
        let line = self.log(Who::Phone(phone), Who::Server(cluster), bytes, false);
        let copies = self.net.copies(&mut self.rng);
        for delay in copies.into_iter().flatten() {
            let event = Event::Up { cluster, flow, bytes: bytes.clone(), line };
            self.schedule(self.now + delay, event);
        }
    }

    /// Sends what a server wants sent; says whether there was a way.
    pub(super) fn deliver(&mut self, cluster: u8, flow: Flow, bytes: &Bytes) -> bool {
        let from = Who::Server(cluster);
        if let Some(id) = flow.stream {
            return self.send_on_stream(from, id, bytes);
        }
        let now = self.now;
        self.phones.iter_mut().for_each(|phone| phone.passes_nat(now, false));
        if let Some(place) = self.phones.iter().position(|phone| phone.forgotten.contains(&flow.remote)) {
            self.log(from, Who::Phone(place), bytes, false);
            return true;
        }
        let phone = self.phones.iter().position(|phone| phone.public == flow.remote);
        if phone.is_some_and(|phone| self.phones[phone].no_route) {
            return false;
        }
        let server = || {
            (0..).zip(&self.clusters).find_map(|(place, cluster)| {
                cluster.listener(Transport::Udp, flow.remote).map(|listener| (place, listener))
            })
        };
        let (to, listener) = match phone {
            Some(phone) => (Who::Phone(phone), 0),
            None => server().map_or((Who::Nobody, 0), |(place, listener)| (Who::Server(place), listener)),
        };
        let own = &self.clusters[usize::from(cluster)].settings.listeners;
        let back = Flow { listener, remote: own[usize::from(flow.listener)].address, stream: None };
        let line = self.log(from, to, bytes, false);
        if phone.is_some_and(|phone| self.phones[phone].deaf) {
            return true;
        }
        let copies = self.net.copies(&mut self.rng);
        for delay in copies.into_iter().flatten() {
            let bytes = bytes.clone();
            let event = match to {
                Who::Phone(phone) => Event::Down { phone, path: Path::Main, bytes, line },
                Who::Server(cluster) => Event::Up { cluster, flow: back, bytes, line },
                Who::Nobody => continue,
            };
            self.schedule(self.now + delay, event);
        }
        true
    }

    pub(super) fn log(&mut self, from: Who, to: Who, bytes: &Bytes, stream: bool) -> usize {
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
            copied: None,
            stream,
            waited: false,
        });
        self.wire.len() - 1
    }
}
