//! The servers of a world: what comes in is steered as a connection server would, what they want
//! done is done in order.

use bytes::Bytes;
use ratatosk::effect::{Effect, Flow, Outcome, StoreOp, StreamId, Ticket, Transport};
use ratatosk::server::{Home, Input, Output, home};
use ratatosk::sip::{Frame, Message};
use std::time::Duration;

use super::check;
use super::run::{Event, Long};
use super::world::World;

impl World {
    /// Bytes have come on a flow.
    pub(super) fn come_up(&mut self, flow: Flow, bytes: &Bytes, line: usize) {
        let Some(id) = flow.stream else {
            self.wire[line].arrived.get_or_insert(self.now);
            return self.steer(flow, bytes.clone());
        };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.buffer.extend_from_slice(bytes);
        loop {
            let Some(stream) = self.streams.get_mut(&id) else { return };
            match stream.framer.next(&stream.buffer) {
                Frame::Need => return,
                Frame::KeepAlive { len, .. } => drop(stream.buffer.drain(..len)),
                Frame::Message { len } => {
                    let message: Vec<u8> = stream.buffer.drain(..len).collect();
                    self.wire[line].arrived.get_or_insert(self.now);
                    self.steer(flow, Bytes::from(message));
                }
                Frame::Broken(fault) => return self.faults.push(format!("a broken stream: {fault}")),
            }
        }
    }

    /// Hands a message to the user server it belongs to.
    fn steer(&mut self, flow: Flow, bytes: Bytes) {
        match Message::parse(bytes, &self.settings.limits) {
            Ok(message) => {
                let servers = match home(&self.settings, flow, &message) {
                    Home::Server(index) => index.0..index.0 + 1,
                    Home::Any => self.thread_of(flow)..self.thread_of(flow) + 1,
                    Home::Every => 0..self.settings.servers,
                };
                for server in servers {
                    self.input(server, Input::Message { flow, message: message.clone() });
                }
            }
            Err(error) => self.faults.push(format!("a phone sent what cannot be read: {error}")),
        }
    }

    /// The thread whose socket the system would have chosen.
    fn thread_of(&self, flow: Flow) -> u8 {
        let last = match flow.remote.ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[3],
            std::net::IpAddr::V6(ip) => ip.octets()[15],
        };
        let sum = u16::from(last).wrapping_add(flow.remote.port());
        u8::try_from(sum % u16::from(self.settings.servers)).unwrap()
    }

    /// Gives a user server something to do, and does what it wants done.
    pub(super) fn input(&mut self, server: u8, input: Input) {
        let mut output = Output::default();
        let now = self.clock();
        self.servers[usize::from(server)].handle(now, input, &mut output);
        for effect in output.effects {
            self.perform(server, effect);
        }
        for envelope in output.peers {
            let generation = self.generation;
            self.schedule(self.now, Event::Peer { generation, envelope });
        }
    }

    /// Every user server hears that a stream is no more.
    pub(super) fn tell_all_closed(&mut self, id: StreamId) {
        for server in 0..self.settings.servers {
            self.input(server, Input::Closed(id));
        }
    }

    fn perform(&mut self, server: u8, effect: Effect) {
        let generation = self.generation;
        match effect {
            Effect::Send { flow, bytes, ticket } => {
                self.inspect(&bytes);
                if !self.deliver(server, flow, &bytes)
                    && let Some(ticket) = ticket
                {
                    let outcome = Outcome::Unsent;
                    self.schedule(self.now, Event::Outcome { server, generation, ticket, outcome });
                }
            }
            Effect::SendLong { flow, stream, datagram, ticket } => {
                self.inspect(&datagram);
                let (wait, connects) = self.connecting(flow);
                let long = Long { flow, stream, datagram, ticket, connects };
                self.schedule(self.now + wait, Event::Long { server, generation, long });
            }
            Effect::Store { ticket, op } => self.ask_store(server, ticket, op),
            Effect::Fact(fact) => self.facts.push(fact),
        }
    }

    fn ask_store(&mut self, server: u8, ticket: Ticket, op: StoreOp) {
        let generation = self.generation;
        let mut at = self.now + self.net.store_delay(&mut self.rng);
        if !matches!(op, StoreOp::LoadUser(_) | StoreOp::FindNumber(_) | StoreOp::LoadInbox { .. }) {
            // One thread writes, in the order that it was asked.
            at = at.max(self.write_after);
            self.write_after = at;
        }
        self.schedule(at, Event::Store { server, generation, ticket, op });
    }

    /// How long it takes to connect to a phone, and whether it succeeds: nobody listening refuses at
    /// once, nobody there costs the whole patience.
    fn connecting(&mut self, flow: Flow) -> (Duration, bool) {
        const PATIENCE: Duration = Duration::from_millis(500);
        let phone = self.phones.iter().position(|phone| phone.public == flow.remote);
        let Some(phone) = phone.filter(|phone| !self.is_gone(*phone)) else { return (PATIENCE, false) };
        let round_trip = 2 * self.net.delay(&mut self.rng);
        (round_trip.min(PATIENCE), self.phones[phone].accepts_streams && round_trip < PATIENCE)
    }

    /// A long request finds a stream, or goes as a datagram.
    pub(super) fn connect(&mut self, server: u8, long: Long) {
        let Long { flow, stream, datagram, ticket, connects } = long;
        let phone = self.phones.iter().position(|phone| phone.public == flow.remote);
        let Some(phone) = phone.filter(|_| connects) else {
            self.deliver(server, flow, &datagram);
            return self.mark_waited();
        };
        let known = self.streams.iter().find(|(_, open)| open.phone == phone && open.open && !open.main);
        let known = known.map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| self.open_stream(phone, false));
        let listener = self.settings.listeners.iter().position(|one| one.transport == Transport::Tcp);
        let moved = Flow {
            listener: u8::try_from(listener.unwrap_or_default()).unwrap(),
            remote: flow.remote,
            stream: Some(id),
        };
        self.deliver(server, moved, &stream);
        self.mark_waited();
        let (generation, outcome) = (self.generation, Outcome::Moved(moved));
        self.schedule(self.now, Event::Outcome { server, generation, ticket, outcome });
    }

    fn mark_waited(&mut self) {
        if let Some(line) = self.wire.last_mut() {
            line.waited = true;
        }
    }

    /// What has to hold at the moment of sending.
    fn inspect(&mut self, bytes: &Bytes) {
        // A 200 that is sent again promises nothing new.
        if !bytes.starts_with(b"SIP/2.0 20") || !self.promised.insert(bytes.clone()) {
            return;
        }
        if let Some(fault) = check::promise(&self.store, self.clock().wall_s(), bytes) {
            self.faults.push(format!("{} {fault}", self.since_origin(self.now).as_secs_f64()));
        }
    }
}
