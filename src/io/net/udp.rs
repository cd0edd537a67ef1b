//! One thread's socket of a UDP listener.
//!
//! Datagrams come in and go out in batches where they queue. What the system does not take at once
//! waits in a short queue; what does not fit there is dropped, as the network would.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, SocketAddrV6};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use crate::base::address::canonical_socket;

use super::batch::{BATCH, Receiver, Sender};
use super::outgoing::{Asker, Outgoing};

/// The socket.
pub(crate) struct Port {
    socket: UdpSocket,
    /// It serves both families: IPv4 addresses go out in their IPv6 form.
    is_v6: bool,
    sender: RefCell<Sender>,
    queue: RefCell<VecDeque<(SocketAddr, Outgoing)>>,
    /// The system takes no more for now: what is queued waits until it does.
    blocked: Cell<bool>,
    backlog: Notify,
}

impl Port {
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            is_v6,
            sender: RefCell::new(Sender::new()),
            queue: RefCell::default(),
            blocked: Cell::new(false),
            backlog: Notify::new(),
        })
    }

    /// Waits until there may be something to receive.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Shows `each` a batch of what has come; tells whether there may be more.
    pub(crate) fn receive(
        &self,
        receiver: &mut Receiver,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<bool> {
        let taken = self.socket.try_io(Interest::READABLE, || {
            let is_full =
                receiver.receive(&self.socket, |source, bytes| each(canonical_socket(source), bytes))?;
            // A batch that is not full has emptied the socket. Saying so saves the call that
            // would find it empty; what comes from now on makes the socket readable anew.
            if is_full { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        match taken {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Queues a datagram for [`Port::flush`]; tells whether there was room for it.
    pub(crate) fn push(&self, target: SocketAddr, datagram: Outgoing, unsent: &mut Vec<Asker>) -> bool {
        if self.queue.borrow().len() >= BATCH {
            self.flush(unsent);
        }
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= QUEUE_MAX {
            unsent.extend(datagram.asker);
            return false;
        }
        queue.push_back((self.outward(target), datagram));
        true
    }

    /// Sends what is queued, as far as the system takes it; tells those whose datagram it refuses.
    pub(crate) fn flush(&self, unsent: &mut Vec<Asker>) {
        if !self.blocked.get() {
            self.send_queued(unsent);
        }
    }

    /// Whenever the system would take no more: waits until it does.
    pub(crate) async fn unblocked(&self) -> io::Result<()> {
        self.backlog.notified().await;
        let ready = self.socket.writable().await;
        self.blocked.set(false);
        ready
    }

    fn send_queued(&self, unsent: &mut Vec<Asker>) {
        let mut queue = self.queue.borrow_mut();
        while let Some((target, first)) = queue.front() {
            let sent = if queue.len() == 1 {
                self.socket.try_send_to(&first.bytes, *target).map(|_| 1)
            } else {
                let datagrams = queue.iter().map(|(target, datagram)| (*target, &*datagram.bytes));
                let mut sender = self.sender.borrow_mut();
                self.socket.try_io(Interest::WRITABLE, || sender.send(&self.socket, datagrams))
            };
            match sent {
                Ok(count) => {
                    let count = count.clamp(1, queue.len());
                    queue.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    self.backlog.notify_one();
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // No route, refused, too long for a datagram: that one is lost, the others are not.
                Err(error) => {
                    tracing::debug!(%target, %error, "a datagram was not sent");
                    unsent.extend(queue.pop_front().and_then(|(_, datagram)| datagram.asker));
                }
            }
        }
    }

    fn outward(&self, target: SocketAddr) -> SocketAddr {
        match target {
            SocketAddr::V4(v4) if self.is_v6 => {
                SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => target,
        }
    }
}

/// Datagrams that wait while the system takes none: some 10 ms of a full network card.
const QUEUE_MAX: usize = 1024;
