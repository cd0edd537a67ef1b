//! How a thread starts: with its sockets, an empty user server, and its tasks.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::base::ServerIndex;
use crate::config::Settings;
use crate::io::driver::World;
use crate::io::net::certificates::Certificates;
use crate::io::net::listen::{Listening, Sockets};
use crate::io::net::quota::Quota;
use crate::io::net::udp::Port;

use super::inbox::{Inbox, Mailbox};
use super::thread::Thread;

/// What a thread is told to start with.
pub(super) struct Seat {
    pub(super) index: ServerIndex,
    pub(super) settings: Arc<Settings>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) world: World,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) quota: Arc<Quota>,
    pub(super) seed: [u8; 32],
}

impl Seat {
    /// Runs the thread to its end; tells whether it ended well.
    pub(super) fn run(self, sockets: Sockets, mailbox: Mailbox) -> io::Result<bool> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            let mut ports = Vec::new();
            let mut doors = Vec::new();
            for (listener, socket) in (0..).zip(sockets) {
                match socket {
                    Listening::Udp(socket) => ports.push(Some(Rc::new(Port::new(socket)?))),
                    Listening::Stream(socket) => {
                        ports.push(None);
                        doors.push((listener, TcpListener::from_std(socket)?));
                    }
                }
            }
            let thread = Rc::new(Thread::new(self, ports));
            let stop = Rc::clone(&thread.stop);
            thread.start(mailbox, doors);
            stop.asked.notified().await;
            Ok(!stop.is_failure.get())
        })
    }
}

impl Thread {
    fn start(self: Rc<Self>, mailbox: Mailbox, doors: Vec<(u8, TcpListener)>) {
        for (listener, port) in (0..).zip(&self.ports) {
            let Some(port) = port else { continue };
            self.spawn(Rc::clone(&self).receive_datagrams(listener, Rc::clone(port)));
            self.spawn(Rc::clone(&self).send_backlog(Rc::clone(port)));
        }
        for (listener, socket) in doors {
            self.spawn(Rc::clone(&self).accept(listener, socket));
        }
        self.spawn(Rc::clone(&self).read_mail(mailbox));
        self.spawn(Rc::clone(&self).keep_time());
        self.spawn(Rc::clone(&self).check_streams());
        let thread = Rc::clone(&self);
        self.spawn(async move { thread.turns.deal().await });
        self.spawn(Rc::clone(&self).go_on());
        self.settle(self.now());
    }
}
