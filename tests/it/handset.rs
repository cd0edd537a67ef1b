//! A phone of the simulated world on a real socket: the same user agent, in real time.

#![allow(clippy::disallowed_methods, reason = "a real phone lives in real time")]

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ratatosk::base::{At, Rng, Uid};

use crate::server_process::{DOMAIN, PASSWORD};
use crate::sim::Do;
use crate::sim::phone::{Path, Phone};

/// How long something may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it listens before it looks at its timers.
const SLICE: Duration = Duration::from_millis(5);

/// A phone that speaks UDP to a server on this machine.
#[derive(Debug)]
pub(crate) struct Handset {
    /// The user agent.
    pub(crate) phone: Phone,
    /// Everything it has heard.
    pub(crate) heard: Vec<String>,
    socket: UdpSocket,
    server: SocketAddr,
    started: Instant,
}

impl Handset {
    /// A phone of this user, not registered yet; `number` tells it from the others.
    pub(crate) fn new(user: &str, number: u8, server: &str) -> Self {
        Self::of(user, DOMAIN, number, server)
    }

    /// The same of a user of another cluster.
    pub(crate) fn of(user: &str, domain: &str, number: u8, server: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(SLICE)).unwrap();
        let mut phone =
            Phone::new(user, &Uid::new(user, domain).unwrap(), 0, number, Rng::from_seed(u64::from(number)));
        PASSWORD.clone_into(&mut phone.password);
        phone.local = socket.local_addr().unwrap();
        let (server, started) = (server.parse().unwrap(), Instant::now());
        Self { phone, heard: Vec::new(), socket, server, started }
    }

    /// Does something and goes on until this holds; the test fails if it does not come to that.
    pub(crate) fn act(&mut self, what: &Do, until: impl Fn(&Self) -> bool) {
        let now = self.now();
        self.phone.act(now, what);
        self.run(until);
    }

    /// Goes on until this holds.
    pub(crate) fn run(&mut self, until: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.post();
            if until(self) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{} waits in vain; it heard {:#?}",
                self.phone.name,
                self.heard
            );
            self.listen();
            let now = self.now();
            self.phone.tick(now);
        }
    }

    /// Hears nothing of what has come.
    pub(crate) fn miss(&self) {
        let mut buffer = [0; 1];
        while self.socket.recv_from(&mut buffer).is_ok() {}
    }

    fn listen(&mut self) {
        let mut buffer = vec![0; 65_535];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, _)) => {
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                self.heard.push(String::from_utf8_lossy(&bytes).into_owned());
                let now = self.now();
                self.phone.receive(now, Path::Main, &bytes);
            }
            // Nothing came; or a server that is killed refuses what it is sent.
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ),
                "{error}"
            ),
        }
    }

    fn post(&mut self) {
        for sent in self.phone.drain() {
            let length = self.socket.send_to(&sent.bytes, self.server).unwrap();
            assert_eq!(length, sent.bytes.len());
        }
    }

    fn now(&self) -> At {
        At::START + self.started.elapsed()
    }
}
