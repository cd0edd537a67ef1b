//! Connections that we make: one to each far end, for all that waits for it.
//!
//! Long requests go by TCP if it connects within half a second, else as fragmented datagrams. What is
//! for another server goes by any connection that this thread has made to it; one is made if
//! there is none.
//!
//! Implements: RFC 3261 §18.1.1, §18.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::base::At;
use crate::effect::{Flow, Outcome, StreamId};
use crate::io::net::outgoing::Asker;

use super::thread::Thread;

/// Something that waits for a connection.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A request that is too long for one datagram, and goes as one if there is no connection.
    Long { flow: Flow, stream: Bytes, datagram: Bytes, asker: Asker },
    /// A message that goes by a connection or not at all.
    Any { bytes: Bytes, asker: Option<Asker> },
}

/// A far end, and the listener in whose name we speak to it: a flow by any stream, or any of a cluster.
type End = Flow;

/// The connections that this thread has made, makes, or tried to make.
#[derive(Debug, Default)]
pub(super) struct Dials {
    open: HashMap<End, Flow>,
    waiting: HashMap<End, Vec<Waiting>>,
    /// Far ends that did not connect, and until when they are believed to know no TCP.
    refused: HashMap<SocketAddr, At>,
}

impl Dials {
    /// What is sent from now on goes by new connections, which are made with what now holds: the others
    /// end when they lie idle.
    pub(super) fn renew(&mut self) {
        self.open.clear();
    }

    /// A connection that was made by the far end serves, unless we have made one. It may name a few addresses
    /// of its own, and no more.
    pub(super) fn reuse(&mut self, end: End, flow: Flow) {
        if self.waiting.contains_key(&end) || self.open.contains_key(&end) {
            return;
        }
        let is_its = |open: &&Flow| open.stream == flow.stream;
        if self.open.values().filter(is_its).count() < ALIASES_MAX {
            self.open.insert(end, flow);
        }
    }

    /// A connection has ended.
    pub(super) fn forget(&mut self, flow: Flow) {
        self.open.retain(|_, open| open.stream != flow.stream);
    }

    /// What a connection was made for.
    pub(super) fn to(&self, flow: Flow) -> Option<Flow> {
        self.open.iter().find(|(_, open)| open.stream == flow.stream).map(|(end, _)| *end)
    }

    fn is_refused(&self, remote: SocketAddr, now: At) -> bool {
        self.refused.get(&remote).is_some_and(|until| now < *until)
    }

    fn refuse(&mut self, remote: SocketAddr, now: At) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.retain(|_, until| now < *until);
        }
        if self.refused.len() < REFUSED_MAX {
            self.refused.insert(remote, now + REFUSED_FOR);
        }
    }
}

impl Thread {
    /// Sends a long request by a connection, or as a datagram.
    pub(super) fn send_long(self: &Rc<Self>, now: At, flow: Flow, long: Waiting) {
        // Without one the flow keeps the name of the datagrams' listener.
        let listener = self.settings().stream_beside(flow.listener).unwrap_or(flow.listener);
        let end = Flow { listener, stream: Some(StreamId::ANY), ..flow };
        let knows_no_tcp = self.dials.borrow().is_refused(flow.remote, now);
        if knows_no_tcp && !self.dials.borrow().open.contains_key(&end) {
            return self.give_up(long);
        }
        self.send_dialled(end, long, LONG_MAX);
    }

    /// Sends a message by whatever connection there is to its far end, or a new one.
    pub(super) fn send_anyhow(self: &Rc<Self>, flow: Flow, bytes: Bytes, asker: Option<Asker>) {
        let is_full = {
            let dials = self.dials.borrow();
            dials.waiting.get(&flow).is_some_and(|waiting| waiting.len() >= WAITING_MAX)
        };
        let waiting = Waiting::Any { bytes, asker };
        if is_full {
            return self.give_up(waiting);
        }
        self.send_dialled(flow, waiting, PEER_MAX);
    }

    fn send_dialled(self: &Rc<Self>, end: End, what: Waiting, patience: Duration) {
        let mut dials = self.dials.borrow_mut();
        if let Some(flow) = dials.open.get(&end).copied() {
            drop(dials);
            self.send_moved(flow, what);
        } else if let Some(waiting) = dials.waiting.get_mut(&end) {
            waiting.push(what);
        } else {
            dials.waiting.insert(end, vec![what]);
            self.spawn(Rc::clone(self).dial(end, patience));
        }
    }

    /// Connects, and sends whatever waits for it.
    async fn dial(self: Rc<Self>, end: End, patience: Duration) {
        let Flow { listener, remote, .. } = end;
        let from = self.settings().listeners.get(usize::from(listener)).map(|listener| listener.address);
        let connected = timeout(patience, connect(from, remote)).await.ok().and_then(Result::ok);
        let moved = connected.and_then(|socket| self.adopt_dialled(end, socket));
        let now = self.now();
        let mut dials = self.dials.borrow_mut();
        let waiting = dials.waiting.remove(&end).unwrap_or_default();
        match moved {
            Some(moved) => dials.open.insert(end, moved).map_or((), drop),
            None if waiting.iter().any(|what| matches!(what, Waiting::Long { .. })) => {
                dials.refuse(remote, now.at);
            }
            None => {}
        }
        drop(dials);
        for what in waiting {
            match moved {
                Some(moved) => self.send_moved(moved, what),
                None => self.give_up(what),
            }
        }
        self.settle(now);
    }

    fn send_moved(&self, flow: Flow, what: Waiting) {
        match what {
            Waiting::Long { stream, asker, .. } => {
                self.answer(asker, Outcome::Moved(flow));
                self.send(flow, stream, Some(asker));
            }
            Waiting::Any { bytes, asker } => {
                if let Some(asker) = asker {
                    self.answer(asker, Outcome::Moved(flow));
                }
                self.send(flow, bytes, asker);
            }
        }
    }

    /// There is no connection.
    fn give_up(&self, what: Waiting) {
        match what {
            Waiting::Long { flow, datagram, asker, .. } => self.send(flow, datagram, Some(asker)),
            Waiting::Any { asker: Some(asker), .. } => self.answer(asker, Outcome::Unsent),
            Waiting::Any { asker: None, .. } => {}
        }
    }
}

async fn connect(from: Option<SocketAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(mut from) = from.filter(|from| !from.ip().is_unspecified() && from.is_ipv4() == to.is_ipv4())
    {
        from.set_port(0);
        socket.bind(from)?;
    }
    socket.connect(to).await
}

/// Addresses for which one connection of another cluster's serves.
const ALIASES_MAX: usize = 4;
/// How long a connection for a long request may take: then it goes as a datagram.
const LONG_MAX: Duration = Duration::from_millis(500);
/// How long a connection to a server may take: TCP asks again after a second.
const PEER_MAX: Duration = Duration::from_secs(2);
/// Messages that may wait for one connection to a server.
const WAITING_MAX: usize = 4096;
/// How long a far end that did not connect is not tried again.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// Far ends of which that is remembered.
const REFUSED_MAX: usize = 4096;
