//! The connections of a world: a phone's to its servers, a server's to a phone for a long request,
//! and those between servers. Both ends know one by the same number.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;
use ratatosk::effect::{Flow, Outcome, StreamId, Ticket, Transport};
use ratatosk::sip::{Frame, Framer};

use super::phone::Path;
use super::run::{Event, Seat};
use super::world::{Who, World};

/// How long a server waits for a connection to a phone.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it waits for one to another server.
const PATIENCE_SERVER: Duration = Duration::from_secs(4);

/// A connection.
#[derive(Debug)]
pub struct Stream {
    /// Who opened it, and who accepted it.
    pub ends: [End; 2],
    /// Whether nobody has closed it.
    pub open: bool,
}

/// One end of a connection.
#[derive(Debug)]
pub struct End {
    /// A phone or a cluster.
    pub who: Who,
    /// A server's listener that it belongs to.
    listener: u8,
    /// Whom it sees at the other end.
    remote: SocketAddr,
    /// Whether it has vanished together with its process.
    pub gone: bool,
    /// When the last that was sent to it is there.
    after: At,
    buffer: Vec<u8>,
    framer: Framer,
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

/// A message to a server that waits for a connection.
#[derive(Debug)]
pub struct Dial {
    pub flow: Flow,
    pub bytes: Bytes,
    pub ticket: Option<Ticket>,
    /// Whether there will be one.
    pub connects: bool,
}

impl Stream {
    /// The phone that keeps it, if one does.
    pub fn keeper(&self) -> Option<usize> {
        match self.ends[0].who {
            Who::Phone(phone) => Some(phone),
            Who::Server(_) | Who::Nobody => None,
        }
    }

    fn is_from(&self, who: Who) -> bool {
        self.open && self.ends[0].who == who
    }
}

impl World {
    /// The connections that nobody has closed.
    pub fn open_streams(&self) -> impl Iterator<Item = StreamId> {
        self.streams.iter().filter(|(_, stream)| stream.open).map(|(id, _)| *id)
    }

    /// Sends over a stream; says whether it was open. From a phone or a server that is an end of it.
    pub(super) fn send_on_stream(&mut self, from: Who, id: StreamId, bytes: &Bytes) -> bool {
        let delay = self.net.delay(&mut self.rng);
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.open) else { return false };
        let kept = stream.keeper().is_some();
        // To the other end.
        let place = usize::from(stream.ends[0].who == from);
        let to = stream.ends[place].who;
        let between = matches!((from, to), (Who::Server(_), Who::Server(_)));
        let line = self.log(from, to, bytes, kept || between);
        let cuts = matches!(to, Who::Server(_)) && self.net.pieces;
        let cut = if cuts { self.rng.below(bytes.len() as u64) as usize } else { 0 };
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        let end = &mut stream.ends[place];
        end.after = end.after.max(self.now + delay);
        let at = end.after;
        match to {
            Who::Phone(phone) => {
                let path = if kept { Path::Main } else { Path::Stream(id) };
                self.schedule(at, Event::Down { phone, path, bytes: bytes.clone(), line });
            }
            Who::Server(_) => {
                for piece in [bytes.slice(..cut), bytes.slice(cut..)] {
                    if !piece.is_empty() {
                        self.schedule(at, Event::Piece { id, end: place, bytes: piece, line });
                    }
                }
            }
            Who::Nobody => {}
        }
        true
    }

    /// A piece has come to a server over a stream.
    pub(super) fn on_piece(&mut self, id: StreamId, place: usize, bytes: &Bytes, line: usize) {
        let mut new = &bytes[..];
        loop {
            let Some(stream) = self.streams.get_mut(&id) else { return };
            let end = &mut stream.ends[place];
            let (Who::Server(cluster), false) = (end.who, end.gone) else { return };
            end.buffer.extend_from_slice(std::mem::take(&mut new));
            match end.framer.next(&end.buffer) {
                Frame::Need => return,
                Frame::KeepAlive { len, .. } => drop(end.buffer.drain(..len)),
                Frame::Message { len } => {
                    let message: Vec<u8> = end.buffer.drain(..len).collect();
                    let flow = Flow { listener: end.listener, remote: end.remote, stream: Some(id) };
                    self.wire[line].arrived.get_or_insert(self.now);
                    self.steer(cluster, flow, Bytes::from(message));
                }
                Frame::Broken(fault) => return self.faults.push(format!("a broken stream: {fault}")),
            }
        }
    }

    /// The stream that a phone keeps to its servers; it opens one if it has none.
    pub(super) fn stream_of(&mut self, phone: usize) -> StreamId {
        match self.open_stream_of(phone) {
            Some(id) => id,
            None => self.connect_phone(phone),
        }
    }

    /// The stream that a phone keeps to its servers.
    pub(super) fn open_stream_of(&self, phone: usize) -> Option<StreamId> {
        let own = |stream: &Stream| stream.is_from(Who::Phone(phone));
        self.streams.iter().find(|(_, stream)| own(stream)).map(|(id, _)| *id)
    }

    fn connect_phone(&mut self, phone: usize) -> StreamId {
        let ready = self.now + 2 * self.net.delay(&mut self.rng);
        let cluster = self.phones[phone].cluster;
        let public = self.phones[phone].public;
        let (listener, home) = self.clusters[usize::from(cluster)].door(self.phones[phone].transport);
        let ends = [(Who::Phone(phone), 0, home), (Who::Server(cluster), listener, public)];
        let id = self.open_stream(ready, ends);
        if !self.clusters[usize::from(cluster)].is_up() {
            // Nobody listens: the phone hears of it when its SYN is refused.
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.ends[1].gone = true;
            }
            self.close_stream(id);
        }
        id
    }

    /// Connects two; an end is who it is, its listener, and where the other is. Who accepts sees
    /// the opener at a port that the system chose.
    fn open_stream(&mut self, ready: At, ends: [(Who, u8, SocketAddr); 2]) -> StreamId {
        let id = StreamId(self.streams.len() as u64 + 1);
        let mut ends = ends.map(|(who, listener, remote)| End {
            who,
            listener,
            remote,
            gone: false,
            after: ready,
            buffer: Vec::new(),
            framer: Framer::new(65_535),
        });
        if matches!(ends[1].who, Who::Server(_)) {
            ends[1].remote.set_port(50_000 + id.0 as u16);
        }
        self.streams.insert(id, Stream { ends, open: true });
        id
    }

    /// Closes a stream; both ends hear of it after what is under way.
    pub(super) fn close_stream(&mut self, id: StreamId) {
        let delay = self.net.delay(&mut self.rng);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.open = false;
        let after = [0, 1].map(|place: usize| stream.ends[place].after.max(self.now + delay));
        for place in [1, 0] {
            self.schedule(after[place], Event::Closed { id, end: place });
        }
    }

    /// One end hears that a stream is closed.
    pub(super) fn on_closed(&mut self, id: StreamId, place: usize) {
        let Some(stream) = self.streams.get(&id) else { return };
        let end = &stream.ends[place];
        match end.who {
            _ if end.gone => {}
            Who::Server(cluster) => self.tell_all_closed(cluster, id),
            // What a server opened for a request is none of the phone's concern.
            Who::Phone(phone) if stream.keeper() == Some(phone) => {
                let now = self.now;
                self.phones[phone].on_closed(now);
            }
            Who::Phone(_) | Who::Nobody => {}
        }
    }

    /// A cluster is gone, and its end of every stream with it; the other ends hear of it.
    pub(super) fn lose_streams(&mut self, cluster: u8) {
        let mut lost = Vec::new();
        for (id, stream) in &mut self.streams {
            for end in stream.ends.iter_mut().filter(|end| end.who == Who::Server(cluster) && !end.gone) {
                end.gone = true;
                if stream.open {
                    lost.push(*id);
                }
            }
        }
        for id in lost {
            self.close_stream(id);
        }
    }

    /// Who accepts connections there, and at which of its listeners.
    fn acceptor(&self, address: SocketAddr) -> Option<(Who, u8)> {
        let server = (0..).zip(&self.clusters).find_map(|(place, cluster)| {
            let streams = [Transport::Tcp, Transport::Tls];
            let listener = streams.into_iter().find_map(|stream| cluster.listener(stream, address))?;
            Some((Who::Server(place), listener))
        });
        let phone = || self.phones.iter().position(|phone| phone.public == address);
        server.or_else(|| phone().map(|phone| (Who::Phone(phone), 0)))
    }

    /// How long it takes to connect, and whether it succeeds: nobody listening refuses at once,
    /// nobody there costs the whole patience.
    pub(super) fn connecting(&mut self, remote: SocketAddr, patience: Duration) -> (Duration, bool) {
        let acceptor = self.acceptor(remote).map(|(who, _)| who);
        let Some(who) = acceptor.filter(|who| !matches!(*who, Who::Phone(phone) if self.is_gone(phone)))
        else {
            return (patience, false);
        };
        let round_trip = 2 * self.net.delay(&mut self.rng);
        let listens = match who {
            Who::Phone(phone) => self.phones[phone].accepts_streams,
            Who::Server(cluster) => self.clusters[usize::from(cluster)].is_up(),
            Who::Nobody => false,
        };
        (round_trip.min(patience), listens && round_trip < patience)
    }

    /// A long request is to go by a stream if one can be had.
    pub(super) fn send_long(&mut self, seat: Seat, long: Long) {
        let (wait, connects) = self.connecting(long.flow.remote, PATIENCE);
        self.schedule(self.now + wait, Event::Long { seat, long: Long { connects, ..long } });
    }

    /// A long request finds a stream, or goes as a datagram.
    pub(super) fn on_long(&mut self, seat: Seat, long: Long) {
        let Long { flow, stream, datagram, ticket, connects } = long;
        let moved = connects.then(|| self.stream_to(seat.cluster, flow)).flatten();
        match moved {
            Some(moved) => {
                self.deliver(seat.cluster, moved, &stream);
                let outcome = Outcome::Moved(moved);
                self.schedule(self.now, Event::Outcome { seat, ticket, outcome });
            }
            None => drop(self.deliver(seat.cluster, flow, &datagram)),
        }
        if let Some(line) = self.wire.last_mut() {
            line.waited = true;
        }
    }

    /// A message is to go by any stream to a server.
    pub(super) fn dial(&mut self, seat: Seat, flow: Flow, bytes: Bytes, ticket: Option<Ticket>) {
        if self.known_stream(seat.cluster, flow.remote).is_some() {
            return self.on_dialed(seat, Dial { flow, bytes, ticket, connects: true });
        }
        let cluster = usize::from(seat.cluster);
        let under_way = self.clusters[cluster].dials.get(&flow.remote).copied();
        let (at, connects) = under_way.filter(|(at, _)| *at >= self.now).unwrap_or_else(|| {
            let (wait, connects) = self.connecting(flow.remote, PATIENCE_SERVER);
            (self.now + wait, connects)
        });
        self.clusters[cluster].dials.insert(flow.remote, (at, connects));
        self.schedule(at, Event::Dialed { seat, dial: Dial { flow, bytes, ticket, connects } });
    }

    /// There is a stream to a server, or there is none.
    pub(super) fn on_dialed(&mut self, seat: Seat, dial: Dial) {
        let Dial { flow, bytes, ticket, connects } = dial;
        let moved = connects.then(|| self.stream_to(seat.cluster, flow)).flatten();
        let sent = moved.filter(|moved| self.deliver(seat.cluster, *moved, &bytes));
        if let Some(ticket) = ticket {
            let outcome = sent.map_or(Outcome::Unsent, Outcome::Moved);
            self.schedule(self.now, Event::Outcome { seat, ticket, outcome });
        }
    }

    /// The stream that a cluster has opened to that address.
    fn known_stream(&self, cluster: u8, remote: SocketAddr) -> Option<StreamId> {
        let to = |stream: &&Stream| {
            stream.is_from(Who::Server(cluster)) && !stream.ends[0].gone && stream.ends[0].remote == remote
        };
        self.streams.iter().find(|(_, stream)| to(stream)).map(|(id, _)| *id)
    }

    /// Two servers whose stream is TLS show each other their certificates.
    fn shake_hands(&mut self, opener: u8, id: StreamId) {
        let Some(stream) = self.streams.get(&id) else { return };
        let flow = |place: usize| {
            let end = &stream.ends[place];
            Flow { listener: end.listener, remote: end.remote, stream: Some(id) }
        };
        let (Who::Server(acceptor), [near, far]) = (stream.ends[1].who, [flow(0), flow(1)]) else { return };
        if self.clusters[usize::from(opener)].settings.transport(near).is_secure() {
            self.tell_all_proved(opener, near, acceptor);
            self.tell_all_proved(acceptor, far, opener);
        }
    }

    /// The flow over that stream, opened if there is none. `None` if nobody accepts it.
    fn stream_to(&mut self, cluster: u8, flow: Flow) -> Option<Flow> {
        let settings = &self.clusters[usize::from(cluster)].settings;
        let own = settings.listeners.get(usize::from(flow.listener))?;
        let listener = if own.transport.is_reliable() {
            flow.listener
        } else {
            settings.stream_beside(flow.listener).unwrap_or(flow.listener)
        };
        let address = own.address;
        let id = match self.known_stream(cluster, flow.remote) {
            Some(id) => id,
            None => {
                let (who, theirs) = self.acceptor(flow.remote)?;
                if matches!(who, Who::Server(other) if !self.clusters[usize::from(other)].is_up()) {
                    return None;
                }
                // To a phone the first words wait for the handshake, which nobody has counted yet.
                let ready = match who {
                    Who::Phone(_) => self.now + 2 * self.net.delay(&mut self.rng),
                    Who::Server(_) | Who::Nobody => self.now,
                };
                let ends = [(Who::Server(cluster), listener, flow.remote), (who, theirs, address)];
                let id = self.open_stream(ready, ends);
                self.shake_hands(cluster, id);
                id
            }
        };
        Some(Flow { listener, remote: flow.remote, stream: Some(id) })
    }
}
