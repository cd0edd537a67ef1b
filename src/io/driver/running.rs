//! The threads while they run, and how they are asked, drained and ended.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::base::ServerIndex;
use crate::config::Settings;
use crate::effect::admin::{AdminReply, AdminRequest};
use crate::io::metrics::Snapshot;
use crate::io::net::certificates::{CertificateError, Certificates};
use crate::io::net::listen::Sockets;
use crate::io::net::quota::Quota;

use super::inbox::{Inbox, Mailbox, Word};
use super::seat::Seat;

/// Threads that run. Dropping it ends them.
#[derive(Debug)]
pub struct Running {
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
    ends: mpsc::UnboundedReceiver<End>,
    tell_end: mpsc::UnboundedSender<End>,
}

/// Speaks to the user servers of this process, from anywhere.
#[derive(Debug, Clone)]
pub struct Handle {
    inboxes: Arc<[Inbox]>,
    certificates: Arc<Certificates>,
    quota: Arc<Quota>,
    drain_max: Duration,
}

/// Why the threads ended though nobody asked them to. All of them have.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// A bug: what went wrong stands above, on standard error.
    #[error("user server {} panicked, and the others were stopped", .0.0)]
    Panicked(ServerIndex),
    /// The system refused what a thread needs to start.
    #[error("user server {} could not run: {error}", .server.0)]
    Failed {
        /// Which.
        server: ServerIndex,
        /// What the system says.
        error: io::Error,
    },
    /// Signals cannot be listened for.
    #[error("signals cannot be listened for: {0}")]
    Signals(io::Error),
}

/// The end of one thread.
#[derive(Debug)]
struct End {
    server: ServerIndex,
    result: io::Result<bool>,
}

/// Tells the end of its thread even if that panics.
struct Witness {
    server: ServerIndex,
    tell: mpsc::UnboundedSender<End>,
    result: Option<io::Result<bool>>,
}

impl Witness {
    fn watch(mut self, thread: impl FnOnce() -> io::Result<bool>) {
        self.result = Some(thread());
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Ok(false));
        // Nobody waits for it any more: the process is ending.
        let _ = self.tell.send(End { server: self.server, result });
    }
}

impl Running {
    pub(super) fn new(
        inboxes: Arc<[Inbox]>,
        certificates: Arc<Certificates>,
        quota: Arc<Quota>,
        drain_s: u32,
    ) -> Self {
        let (tell_end, ends) = mpsc::unbounded_channel();
        let drain_max = Duration::from_secs(drain_s.into());
        let handle = Handle { inboxes, certificates, quota, drain_max };
        Self { handle, threads: Vec::new(), ends, tell_end }
    }

    pub(super) fn start(&mut self, seat: Seat, sockets: Sockets, mailbox: Mailbox) -> io::Result<()> {
        let witness = Witness { server: seat.index, tell: self.tell_end.clone(), result: None };
        let name = format!("server-{}", seat.index.0);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || witness.watch(|| seat.run(sockets, mailbox)))?;
        self.threads.push(thread);
        Ok(())
    }

    /// What speaks to the user servers.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs until SIGTERM or SIGINT has come and the calls in progress have ended, or the longest
    /// time for that is over, or a second such signal comes, or somebody else stops the threads. Calls
    /// that are left then are ended, so that no phone is left in a call of which nobody knows; only a
    /// third signal does not wait for that.
    pub async fn until_signal(mut self) -> Result<(), Ended> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Ended::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Ended::Signals)?;
        tokio::select! {
            end = self.ends.recv() => return self.wind_up(end).await,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining: no new calls; a second signal ends those in progress");
        let handle = self.handle.clone();
        tokio::select! {
            end = self.ends.recv() => return self.wind_up(end).await,
            () = handle.drain() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::select! {
            end = self.ends.recv() => return self.wind_up(end).await,
            () = handle.hang_up() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        handle.stop();
        self.join().await
    }

    /// Waits until every thread has ended. If one of them panics, the others are stopped.
    pub async fn join(mut self) -> Result<(), Ended> {
        let end = self.ends.recv().await;
        self.wind_up(end).await
    }

    /// One thread has ended, so all do; tells why the first did that was not asked to.
    async fn wind_up(mut self, first: Option<End>) -> Result<(), Ended> {
        self.handle.stop();
        let mut result = Ok(());
        let mut next = first;
        let mut left = self.threads.len();
        while let Some(end) = next {
            result = result.and(end.into_result());
            left = left.saturating_sub(1);
            next = if left > 0 { self.ends.recv().await } else { None };
        }
        for thread in self.threads.drain(..) {
            // Its panic has been told by its witness.
            let _ = thread.join();
        }
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

impl End {
    fn into_result(self) -> Result<(), Ended> {
        match self.result {
            Ok(true) => Ok(()),
            Ok(false) => Err(Ended::Panicked(self.server)),
            Err(error) => Err(Ended::Failed { server: self.server, error }),
        }
    }
}

impl Handle {
    /// Reads the certificates that these settings name again, for connections that are made from now on. After
    /// an error those that were read before still hold.
    pub fn reload_certificates(&self, settings: &Settings) -> Result<(), CertificateError> {
        self.certificates.reload(settings)
    }

    /// The system lets us have so many connections at once, whatever the limits say.
    pub fn bound_streams(&self, room: u32) {
        self.quota.bound(room);
    }

    /// What every thread has counted and holds, and how many connections there are. A thread that has ended
    /// tells nothing.
    pub async fn figures(&self) -> (Vec<Snapshot>, u32) {
        let ask = |inbox: &Inbox| {
            let (reply, answer) = oneshot::channel();
            inbox.put(Word::Figures(reply));
            answer
        };
        let answers: Vec<_> = self.inboxes.iter().map(ask).collect();
        let mut snapshots = Vec::with_capacity(answers.len());
        for answer in answers {
            snapshots.extend(answer.await);
        }
        (snapshots, self.quota.streams())
    }

    /// Asks every user server; the answers come in their order. One that has ended gives none.
    pub async fn admin(&self, request: AdminRequest) -> Vec<AdminReply> {
        let ask = |inbox: &Inbox| {
            let (reply, answer) = oneshot::channel();
            inbox.put(Word::Admin(request.clone(), reply));
            answer
        };
        // All are asked before the first is waited for.
        let answers: Vec<_> = self.inboxes.iter().map(ask).collect();
        let mut replies = Vec::with_capacity(answers.len());
        for answer in answers {
            replies.extend(answer.await);
        }
        replies
    }

    /// Has the user servers take no new calls, and waits until those in progress have ended, but
    /// not longer than the limit says.
    pub async fn drain(&self) {
        let drained = async {
            self.admin(AdminRequest::Drain).await;
            while self.has_calls().await {
                sleep(DRAIN_LOOK).await;
            }
        };
        if timeout(self.drain_max, drained).await.is_err() {
            tracing::warn!("calls were still in progress at the end of the drain time");
        }
    }

    /// Stops every thread at once.
    pub fn stop(&self) {
        for inbox in self.inboxes.iter() {
            inbox.put(Word::Stop);
        }
    }

    /// Ends every call that is left, and waits until the phones have heard of it.
    pub async fn hang_up(&self) {
        let told = async {
            self.admin(AdminRequest::HangUp).await;
            while self.has_legs().await {
                sleep(DRAIN_LOOK).await;
            }
        };
        if timeout(FAREWELL_MAX, told).await.is_err() {
            tracing::warn!("some phones did not confirm that their calls have ended");
        }
    }

    async fn has_legs(&self) -> bool {
        let replies = self.admin(AdminRequest::Left).await;
        replies.iter().any(|reply| matches!(reply, AdminReply::Left { calls, legs } if calls + legs > 0))
    }

    async fn has_calls(&self) -> bool {
        let replies = self.admin(AdminRequest::Left).await;
        replies.iter().any(|reply| matches!(reply, AdminReply::Left { calls, .. } if *calls > 0))
    }
}

/// How long phones may take to confirm that their calls have ended: a BYE that is lost is sent three
/// times more in it (RFC 3261 timer E).
const FAREWELL_MAX: Duration = Duration::from_secs(4);
/// How often draining looks whether calls are left.
const DRAIN_LOOK: Duration = Duration::from_millis(100);
