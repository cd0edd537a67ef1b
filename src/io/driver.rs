//! The driver: runs the user servers of this process on their threads, and performs what they ask.
//!
//! [`open`] opens every listener or none; [`run`] starts one thread for each user server and gives
//! back [`Running`], by which the caller asks, drains and ends them. Nothing is decided here: what
//! comes in goes to a user server as an [`Input`](crate::server::Input), what it leaves is done.

mod alarm;
mod dial;
mod inbox;
mod mail;
mod perform;
mod proof;
mod receive;
mod running;
mod seat;
mod thread;

use std::sync::Arc;

use crate::base::ServerIndex;
use crate::config::Settings;
use crate::effect::{Fact, StoreOp, Ticket};

use super::clock::Clock;
use super::entropy::{NoEntropy, entropy};
use super::net::certificates::Certificates;
use super::net::listen::{self, OpenError, Sockets};
use super::net::quota::Quota;

pub use inbox::Answers;
pub use running::{Ended, Handle, Running};

use inbox::{Inbox, Mailbox};

/// What performs the store's part of the effects. Every operation is answered, in any order, by
/// [`Answers::give`].
pub trait Store: Send + Sync {
    /// Takes an operation of a user server; never waits.
    fn submit(&self, from: ServerIndex, ticket: Ticket, op: StoreOp);
}

/// Whoever watches: metrics, the event log, the live lines of a terminal.
pub trait Observer: Send + Sync {
    /// Is told what happened in a user server, on its thread: has to be quick, and never waits.
    fn observe(&self, server: ServerIndex, fact: &Fact);
}

impl<F: Fn(ServerIndex, &Fact) + Send + Sync> Observer for F {
    fn observe(&self, server: ServerIndex, fact: &Fact) {
        self(server, fact);
    }
}

/// What the user servers live among.
#[derive(Clone)]
pub struct World {
    /// The clock of this process.
    pub clock: Clock,
    /// Performs what they ask of the store.
    pub store: Arc<dyn Store>,
    /// Is told their facts.
    pub observer: Arc<dyn Observer>,
}

/// Listeners that are open, and threads that are not yet running: what comes in waits.
#[derive(Debug)]
pub struct Opened {
    settings: Arc<Settings>,
    certificates: Arc<Certificates>,
    sockets: Vec<Sockets>,
    inboxes: Arc<[Inbox]>,
    mailboxes: Vec<Mailbox>,
}

/// Why the threads could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// No thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Opens every listener, once for each thread; on an error nothing is left open. A listener with
/// port 0 gets a free port, which [`Opened::settings`] knows.
pub fn open(mut settings: Settings) -> Result<Opened, OpenError> {
    settings.servers = settings.servers.max(1);
    let certificates = Arc::new(Certificates::load(&settings).map_err(OpenError::from)?);
    let sockets = listen::open(&mut settings)?;
    let (inboxes, mailboxes) = inbox::pairs(settings.servers);
    Ok(Opened { settings: Arc::new(settings), certificates, sockets, inboxes, mailboxes })
}

impl Opened {
    /// The settings, with the ports that were really opened.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Where the store leaves its answers.
    pub fn answers(&self) -> Answers {
        Answers::new(Arc::clone(&self.inboxes))
    }
}

/// Starts the threads.
pub fn run(opened: Opened, world: &World) -> Result<Running, StartError> {
    let Opened { settings, certificates, sockets, inboxes, mailboxes } = opened;
    let quota = Arc::new(Quota::new(&settings.limits));
    let mut running = Running::new(
        Arc::clone(&inboxes),
        Arc::clone(&certificates),
        Arc::clone(&quota),
        settings.limits.drain_s,
    );
    for (index, (sockets, mailbox)) in (0..).zip(sockets.into_iter().zip(mailboxes)) {
        let seat = seat::Seat {
            index: ServerIndex(index),
            settings: Arc::clone(&settings),
            certificates: Arc::clone(&certificates),
            world: world.clone(),
            inboxes: Arc::clone(&inboxes),
            quota: Arc::clone(&quota),
            seed: entropy()?,
        };
        running.start(seat, sockets, mailbox)?;
    }
    Ok(running)
}
