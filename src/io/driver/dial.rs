//! Long requests: by TCP if it connects within half a second, else as fragmented datagrams.
//!
//! Implements: RFC 3261 §18.1.1.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::base::At;
use crate::effect::{Flow, Outcome};
use crate::io::net::outgoing::Asker;

use super::thread::Thread;

/// A request that is too long for one datagram.
#[derive(Debug)]
pub(super) struct Long {
    pub(super) flow: Flow,
    pub(super) stream: Bytes,
    pub(super) datagram: Bytes,
    pub(super) asker: Asker,
}

/// The connections that this thread has made, makes, or tried to make.
#[derive(Debug, Default)]
pub(super) struct Dials {
    open: HashMap<SocketAddr, Flow>,
    waiting: HashMap<SocketAddr, Vec<Long>>,
    /// Far ends that did not connect, and until when they are believed to know no TCP.
    refused: HashMap<SocketAddr, At>,
}

impl Dials {
    /// A connection has ended.
    pub(super) fn forget(&mut self, flow: Flow) {
        if self.open.get(&flow.remote).is_some_and(|open| open.stream == flow.stream) {
            self.open.remove(&flow.remote);
        }
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
    pub(super) fn send_long(self: &Rc<Self>, now: At, long: Long) {
        let remote = long.flow.remote;
        let mut dials = self.dials.borrow_mut();
        if let Some(flow) = dials.open.get(&remote).copied() {
            drop(dials);
            self.send_moved(flow, long);
        } else if dials.is_refused(remote, now) {
            drop(dials);
            self.send(long.flow, long.datagram, Some(long.asker));
        } else if let Some(waiting) = dials.waiting.get_mut(&remote) {
            waiting.push(long);
        } else {
            let flow = long.flow;
            dials.waiting.insert(remote, vec![long]);
            self.spawn(Rc::clone(self).dial(flow));
        }
    }

    /// Connects, and sends whatever waits for it.
    async fn dial(self: Rc<Self>, flow: Flow) {
        // Without one the flow keeps the name of the datagrams' listener.
        let listener = self.settings().stream_beside(flow.listener).unwrap_or(flow.listener);
        let from = self.settings().listeners.get(usize::from(listener)).map(|listener| listener.address);
        let connected = timeout(CONNECT_MAX, connect(from, flow.remote)).await.ok().and_then(Result::ok);
        let moved = connected.and_then(|socket| self.adopt(listener, socket, flow.remote));
        let now = self.now();
        let mut dials = self.dials.borrow_mut();
        let waiting = dials.waiting.remove(&flow.remote).unwrap_or_default();
        match moved {
            Some(moved) => dials.open.insert(flow.remote, moved).map_or((), drop),
            None => dials.refuse(flow.remote, now.at),
        }
        drop(dials);
        for long in waiting {
            match moved {
                Some(moved) => self.send_moved(moved, long),
                None => self.send(long.flow, long.datagram, Some(long.asker)),
            }
        }
        self.settle(now);
    }

    fn send_moved(&self, flow: Flow, long: Long) {
        self.answer(long.asker, Outcome::Moved(flow));
        self.send(flow, long.stream, Some(long.asker));
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

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_millis(500);
/// How long a far end that did not connect is not tried again.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// Far ends of which that is remembered.
const REFUSED_MAX: usize = 4096;
