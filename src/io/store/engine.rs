//! The store's thread: takes what the core asks, and answers.

use std::sync::{Arc, Mutex, mpsc as handover};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::aside::Doors;
use super::circles::Circles;
use super::database::Database;
use super::error::StoreError;
use super::lock::Hold;
use super::meters::{Meters, Work};
use super::queue::{Asked, Reading, Writing};
use super::read::Reader;
use super::scripts::Scripts;
use super::write::Writer;
use crate::base::{Cid, Limits, ServerIndex};
use crate::config::Place;
use crate::effect::{StoreOp, StoreOutcome, Ticket};
use crate::io::driver;
use crate::io::metrics::Figures;
use crate::io::seal::Seal;

/// Takes answers: called on the store's thread, with all that one user server is owed at once.
pub type Answers = Arc<dyn Fn(ServerIndex, Vec<(Ticket, StoreOutcome)>) + Send + Sync>;

/// An open store that does not serve yet. While it lives, no other server can open it.
#[derive(Debug)]
pub struct Store {
    place: Place,
    cid: Cid,
    seal: Seal,
    epoch: u32,
    hold: Arc<Hold>,
    has_users: bool,
}

/// The way to a serving store. Cheap to clone.
#[derive(Clone)]
pub struct StoreHandle {
    inner: Arc<Inner>,
}

struct Inner {
    bindings: UnboundedSender<Asked>,
    records: UnboundedSender<Asked>,
    reads: UnboundedSender<Asked>,
    scripts: UnboundedSender<Asked>,
    circles: UnboundedSender<Asked>,
    answers: Answers,
    limits: watch::Sender<Limits>,
    meters: Arc<Meters>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the store of a cluster for a server: takes its lock and counts the start.
    pub fn open(place: &Place, cid: &Cid) -> Result<Self, StoreError> {
        let runtime = runtime()?;
        runtime.block_on(async {
            let (mut database, hold) = Database::open_to_serve(place, cid).await?;
            let epoch = database.count_start().await?;
            let seal = database.seal.again();
            let has_users = database.has_users().await?;
            database.close().await?;
            Ok(Self { place: place.clone(), cid: cid.clone(), seal, epoch, hold: Arc::new(hold), has_users })
        })
    }

    /// Counts the starts of servers on this store.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether the cluster has a user at all.
    pub fn has_users(&self) -> bool {
        self.has_users
    }

    /// A key of the cluster's for a purpose, derived from the one that seals its secrets.
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.seal.derive(purpose)
    }

    /// Starts to serve. Fails only if the thread or its connections cannot be had.
    pub fn start(self, limits: &Limits, answers: Answers) -> Result<StoreHandle, StoreError> {
        let (bindings, bindings_in) = mpsc::unbounded_channel();
        let (records, records_in) = mpsc::unbounded_channel();
        let (reads, reads_in) = mpsc::unbounded_channel();
        let (scripts, scripts_in) = mpsc::unbounded_channel();
        let (circles, circles_in) = mpsc::unbounded_channel();
        let (ready, is_ready) = handover::sync_channel(1);
        let (limits, limits_in) = watch::channel(limits.clone());
        let meters = Arc::new(Meters::default());
        let (of_writing, of_reading) = (meters.clone(), meters.clone());
        let (of_scripts, of_circles) = (meters.clone(), meters.clone());
        let doors = || Doors {
            place: self.place.clone(),
            cid: self.cid.clone(),
            seal: self.seal.again(),
            limits: limits_in.clone(),
        };
        let taking = Scripts::new(doors(), (scripts_in, of_scripts));
        let looking = Circles::new(doors(), (circles_in, of_circles));
        let reader = Reader::new(self.place.clone(), self.seal, limits_in.clone());
        let writer = Writer::new(self.place, Arc::clone(&self.hold), limits_in);
        let (hold, back) = (self.hold, Arc::clone(&answers));
        let work = move || {
            let mut writing = Writing::new(writer, bindings_in, records_in, of_writing);
            let mut reading = Reading::new(reader, reads_in, of_reading);
            let Some(runtime) = start(&mut writing, &mut reading, &ready) else { return };
            LocalSet::new().block_on(&runtime, async move {
                tokio::join!(writing.run(&back), reading.run(&back), taking.run(&back), looking.run(&back));
            });
            drop(hold);
        };
        let thread =
            std::thread::Builder::new().name("store".into()).spawn(work).map_err(StoreError::Thread)?;
        is_ready.recv().unwrap_or(Err(StoreError::Busy))?;
        let thread = Mutex::new(Some(thread));
        Ok(StoreHandle {
            inner: Arc::new(Inner {
                bindings,
                records,
                reads,
                scripts,
                circles,
                answers,
                limits,
                meters,
                thread,
            }),
        })
    }
}

impl StoreHandle {
    /// Asks. The answer comes through the callback, always, and never from inside this call unless
    /// the store has been closed.
    pub fn submit(&self, server: ServerIndex, ticket: Ticket, op: StoreOp) {
        let (queue, work) = match op {
            StoreOp::LoadUser(_)
            | StoreOp::FindNumber(_)
            | StoreOp::LoadInbox { .. }
            | StoreOp::LoadDue { .. }
            | StoreOp::LoadOutbox { .. } => (&self.inner.reads, Work::Read),
            StoreOp::SaveBindings { .. }
            | StoreOp::Activate { .. }
            | StoreOp::PutProperty { .. }
            | StoreOp::PutInbox(_)
            | StoreOp::Delivered { .. }
            | StoreOp::PutOutbox(..)
            | StoreOp::DeferOutbox { .. }
            | StoreOp::SettleOutbox { .. } => (&self.inner.bindings, Work::Write),
            StoreOp::ImportScript { .. } => (&self.inner.scripts, Work::Script),
            StoreOp::FindCircles { .. } => (&self.inner.circles, Work::Circles),
            StoreOp::PutCall(_) | StoreOp::PutPage(_) => (&self.inner.records, Work::Write),
        };
        self.inner.meters.asked(work);
        if queue.send(Asked::Op(server, ticket, op)).is_err() {
            (self.inner.answers)(server, vec![(ticket, StoreOutcome::Failed)]);
        }
    }

    /// The configuration was read again: serve by these limits from now on.
    pub fn limit(&self, limits: &Limits) {
        self.inner.limits.send_replace(limits.clone());
    }

    /// Adds the figures of the store to others.
    pub fn figures(&self, figures: &mut Figures) {
        self.inner.meters.tell(figures);
    }

    /// Performs and answers all that was asked, then closes the store. Waits for it.
    pub fn close(&self) {
        let inner = &self.inner;
        for queue in [&inner.reads, &inner.records, &inner.bindings, &inner.scripts, &inner.circles] {
            // A queue that is closed already has ended.
            let _ = queue.send(Asked::Close);
        }
        let thread = self.inner.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's thread ended by a fault of its own");
        }
    }
}

impl driver::Store for StoreHandle {
    fn submit(&self, from: ServerIndex, ticket: Ticket, op: StoreOp) {
        Self::submit(self, from, ticket, op);
    }
}

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreHandle(…)")
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StoreError::Thread)
}

/// Opens both connections on their thread, and tells the starter how that went.
fn start(
    writing: &mut Writing,
    reading: &mut Reading,
    ready: &handover::SyncSender<Result<(), StoreError>>,
) -> Option<tokio::runtime::Runtime> {
    let opened = runtime().and_then(|runtime| {
        runtime.block_on(async {
            writing.writer.connect().await?;
            reading.reader.connect().await
        })?;
        Ok(runtime)
    });
    let (runtime, told) = match opened {
        Ok(runtime) => (Some(runtime), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // Whoever started us is gone if this fails; then there is nobody to serve.
    ready.send(told).ok().and(runtime)
}
