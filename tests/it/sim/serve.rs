//! The servers of a world: what comes in is steered as a connection server would, what they want
//! done is done in order.

use std::sync::Arc;

use bytes::Bytes;
use ratatosk::base::Cid;
use ratatosk::effect::dns::Answer;
use ratatosk::effect::{Effect, Flow, Outcome, Push, Pushed, StoreOp, StreamId, Ticket};
use ratatosk::server::{Home, Input, Output, home};
use ratatosk::sip::Message;

use super::check;
use super::net::between;
use super::run::{Event, Seat};
use super::streams::Long;
use super::world::World;

/// Something that the store was asked.
#[derive(Debug)]
pub struct Asked {
    ticket: Ticket,
    op: StoreOp,
    number: u64,
}

impl World {
    /// Hands a message to the user server it belongs to.
    pub(super) fn steer(&mut self, cluster: u8, flow: Flow, bytes: Bytes) {
        let settings = &self.clusters[usize::from(cluster)].settings;
        match Message::parse(bytes, &settings.limits) {
            Ok(message) => {
                let servers = match home(settings, flow, &message) {
                    Home::Server(index) => index.0..index.0 + 1,
                    Home::Any => {
                        let thread = thread_of(flow, settings.servers);
                        thread..thread + 1
                    }
                    Home::Every => 0..settings.servers,
                };
                for server in servers {
                    let seat = self.seat(cluster, server);
                    self.input(seat, Input::Message { flow, message: message.clone() });
                }
            }
            Err(error) => self.faults.push(format!("somebody sent what cannot be read: {error}")),
        }
    }

    /// A user server in its present life.
    pub(super) fn seat(&self, cluster: u8, server: u8) -> Seat {
        Seat { cluster, server, generation: self.clusters[usize::from(cluster)].generation }
    }

    /// Whether that life has not ended.
    pub(super) fn is_alive(&self, seat: Seat) -> bool {
        let cluster = &self.clusters[usize::from(seat.cluster)];
        cluster.is_up() && cluster.generation == seat.generation
    }

    /// Gives a user server something to do, and does what it wants done.
    pub(super) fn input(&mut self, seat: Seat, input: Input) {
        let mut output = Output::default();
        let now = self.clock();
        let servers = &mut self.clusters[usize::from(seat.cluster)].servers;
        let Some(server) = servers.get_mut(usize::from(seat.server)) else { return };
        server.handle(now, input, &mut output);
        for effect in output.effects {
            self.perform(seat, effect);
        }
        for envelope in output.peers {
            self.schedule(self.now, Event::Peer { seat, envelope });
        }
    }

    /// Puts a message on a flow of a cluster, as if its first user server had sent it.
    pub fn utter(&mut self, cluster: &str, flow: Flow, text: &str) {
        let seat = self.seat(self.cluster_named(cluster), 0);
        self.perform(seat, Effect::Send { flow, bytes: Bytes::from(text.to_owned()), ticket: None });
    }

    /// Every user server of a cluster hears that a stream is no more.
    pub(super) fn tell_all_closed(&mut self, cluster: u8, id: StreamId) {
        for server in 0..self.clusters[usize::from(cluster)].settings.servers {
            let seat = self.seat(cluster, server);
            self.input(seat, Input::Closed(id));
        }
    }

    /// Every user server of a cluster hears that the far end of a stream has shown the certificate of
    /// another cluster.
    pub(super) fn tell_all_proved(&mut self, cluster: u8, flow: Flow, other: u8) {
        let domains: Arc<[Cid]> = [self.clusters[usize::from(other)].settings.cid.clone()].into();
        for server in 0..self.clusters[usize::from(cluster)].settings.servers {
            let seat = self.seat(cluster, server);
            self.input(seat, Input::Proved(flow, Arc::clone(&domains)));
        }
    }

    /// Ends every user server of a cluster as by `kill -9`.
    pub(super) fn end_cluster(&mut self, cluster: u8) {
        let place = usize::from(cluster);
        if !self.clusters[place].is_up() {
            return;
        }
        self.clusters[place].end(self.now);
        self.lose_streams(cluster);
        self.end_store(place);
    }

    /// Starts them anew.
    pub(super) fn start_cluster(&mut self, cluster: u8) {
        let now = self.now;
        let cluster = &mut self.clusters[usize::from(cluster)];
        if !cluster.is_up() {
            cluster.start(now);
        }
    }

    fn perform(&mut self, seat: Seat, effect: Effect) {
        match effect {
            Effect::Send { flow, bytes, ticket } => {
                self.inspect(seat.cluster, &bytes);
                if flow.stream.is_some_and(StreamId::is_any) {
                    return self.dial(seat, flow, bytes, ticket);
                }
                if !self.deliver(seat.cluster, flow, &bytes)
                    && let Some(ticket) = ticket
                {
                    self.schedule(self.now, Event::Outcome { seat, ticket, outcome: Outcome::Unsent });
                }
            }
            Effect::SendLong { flow, stream, datagram, ticket } => {
                self.inspect(seat.cluster, &datagram);
                self.send_long(seat, Long { flow, stream, datagram, ticket, connects: false });
            }
            Effect::Push { ticket, push } => self.push(seat, ticket, &push),
            // The streams of these phones end by tests alone.
            Effect::HearFrom { .. } => {}
            Effect::Store { ticket, op } => self.ask_store(seat, ticket, op),
            Effect::Resolve { ticket, question } => {
                let (delay_ms, silent) = self.names;
                let is_silent = silent > 0 && self.rng.below(1000) < silent;
                let answer = self.zone.get(&question).cloned().filter(|_| !is_silent);
                let outcome = Outcome::Resolved(answer.unwrap_or(Answer::SILENCE));
                let at = self.now + between(delay_ms, &mut self.rng);
                self.schedule(at, Event::Outcome { seat, ticket, outcome });
            }
            Effect::Fact(fact) => self.clusters[usize::from(seat.cluster)].facts.push(fact),
        }
    }

    /// The hook is asked to wake a phone, which registers when it is awake.
    fn push(&mut self, seat: Seat, ticket: Ticket, push: &Push) {
        let phone = self.phones.iter().position(|phone| phone.prid() == push.to.prid);
        let name = phone.map_or("nobody", |phone| &self.phones[phone].name);
        let what = format!("{name} for a {}", push.reason.as_str());
        self.pushes.push((self.wire.len(), self.now, what));
        let (pushed, after) = self.hook;
        if let (Pushed::Taken, Some(phone)) = (pushed, phone)
            && let Some(delay) = self.phones[phone].wakes_after
        {
            let at = self.now + std::time::Duration::from_secs_f64(delay);
            self.schedule(at, Event::Act { phone, what: super::Do::Register });
        }
        let outcome = Outcome::Pushed(pushed);
        let at = self.now + std::time::Duration::from_secs_f64(after);
        self.schedule(at, Event::Outcome { seat, ticket, outcome });
    }

    fn ask_store(&mut self, seat: Seat, ticket: Ticket, op: StoreOp) {
        let mut at = self.now + self.net.store_delay(&mut self.rng);
        let cluster = &mut self.clusters[usize::from(seat.cluster)];
        if matches!(op, StoreOp::ImportScript { .. } | StoreOp::FindCircles { .. }) {
            at = at + cluster.store.aside;
        }
        if writes(&op) {
            // One thread writes, in the order that it was asked.
            at = at.max(cluster.write_after);
            cluster.write_after = at;
        }
        self.serial += 1;
        let number = self.serial;
        cluster.asked.push_back(Asked { ticket, op, number });
        self.schedule(at, Event::Store { seat, asked: number });
    }

    /// The store does what it was asked.
    pub(super) fn do_store(&mut self, seat: Seat, number: u64) {
        let now_s = self.clock().wall_s();
        let cluster = &mut self.clusters[usize::from(seat.cluster)];
        let Some(place) = cluster.asked.iter().position(|asked| asked.number == number) else { return };
        let Some(Asked { ticket, op, .. }) = cluster.asked.remove(place) else { return };
        let outcome = cluster.store.perform(now_s, op);
        if self.is_alive(seat) {
            self.input(seat, Input::Outcome(ticket, Outcome::Store(outcome)));
        }
    }

    /// The process of a store is killed: of the writes that were under way, the first few are on the
    /// disk, and nobody has heard of it.
    fn end_store(&mut self, cluster: usize) {
        let now_s = self.clock().wall_s();
        let asked = std::mem::take(&mut self.clusters[cluster].asked);
        let writes: Vec<Asked> = asked.into_iter().filter(|asked| writes(&asked.op)).collect();
        let done = self.rng.below(writes.len() as u64 + 1) as usize;
        for Asked { op, .. } in writes.into_iter().take(done) {
            self.clusters[cluster].store.perform(now_s, op);
        }
    }

    /// What has to hold at the moment of sending.
    fn inspect(&mut self, cluster: u8, bytes: &Bytes) {
        // A 200 that is sent again promises nothing new.
        if !bytes.starts_with(b"SIP/2.0 20") || !self.promised.insert(bytes.clone()) {
            return;
        }
        if let Some(fault) = check::promise(self, cluster, bytes) {
            self.faults.push(format!("{} {fault}", self.since_origin(self.now).as_secs_f64()));
        }
    }
}

/// The thread whose socket the system would have chosen.
fn thread_of(flow: Flow, servers: u8) -> u8 {
    let last = match flow.remote.ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(ip) => ip.octets()[15],
    };
    let sum = u16::from(last).wrapping_add(flow.remote.port());
    u8::try_from(sum % u16::from(servers)).unwrap()
}

fn writes(op: &StoreOp) -> bool {
    !matches!(
        op,
        StoreOp::LoadUser(_)
            | StoreOp::FindNumber(_)
            | StoreOp::LoadInbox { .. }
            | StoreOp::LoadDue { .. }
            | StoreOp::LoadOutbox { .. }
    )
}
