//! The queues before the two connections, and the loops that empty them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::engine::Answers;
use super::meters::{Meters, Work};
use super::read::Reader;
use super::write::Writer;
use crate::base::{At, ServerIndex};
use crate::effect::{StoreOp, StoreOutcome, Ticket};
use crate::io::clock::Clock;

/// Time between two commits when phones wait for them.
const PACE: Duration = Duration::from_millis(2);
/// Time between two commits that nobody waits for.
const PACE_OF_RECORDS: Duration = Duration::from_millis(500);
/// Most that one transaction takes.
const BATCH: usize = 4096;
/// Most users that one statement reads.
const READ_BATCH: usize = 256;

/// Something asked, or the wish to end after all that was asked before.
pub(super) enum Asked {
    Op(ServerIndex, Ticket, StoreOp),
    Close,
}

/// The loop that writes.
pub(super) struct Writing {
    pub(super) writer: Writer,
    bindings: UnboundedReceiver<Asked>,
    records: UnboundedReceiver<Asked>,
    clock: Clock,
    meters: Arc<Meters>,
}

impl Writing {
    pub(super) fn new(
        writer: Writer,
        bindings: UnboundedReceiver<Asked>,
        records: UnboundedReceiver<Asked>,
        meters: Arc<Meters>,
    ) -> Self {
        Self { writer, bindings, records, clock: Clock::start(), meters }
    }

    pub(super) async fn run(mut self, answers: &Answers) {
        let mut last = self.clock.now().at;
        let mut sweep = last;
        let mut batch = Batch::default();
        while !batch.closing {
            if self.clock.now().at >= sweep {
                let again = self.writer.sweep().await;
                sweep = self.clock.now().at + again;
            }
            self.gather(&mut batch, last, sweep).await;
            last = self.clock.now().at;
            let outcomes = self.writer.perform(&batch.ops).await;
            self.meters.done(Work::Write, &outcomes, self.clock.at().since(last));
            batch.answer(outcomes, answers);
        }
        self.writer.close().await;
    }

    /// Waits for something to write, and for its company; or until it is time to sweep. While it
    /// waits for company nobody wakes this thread: what is asked meanwhile costs a place in the queue
    /// and no more.
    async fn gather(&mut self, batch: &mut Batch, last: At, sweep: At) {
        let instant = |at| tokio::time::Instant::from_std(self.clock.instant(at));
        let due = |pace| instant(last + pace);
        let mut asked = Vec::new();
        tokio::select! {
            biased;
            first = self.bindings.recv() => asked.extend(first),
            () = tokio::time::sleep_until(instant(sweep)) => return,
            first = self.records.recv() => {
                asked.extend(first);
                tokio::select! {
                    biased;
                    urgent = self.bindings.recv() => asked.extend(urgent),
                    () = tokio::time::sleep_until(due(PACE_OF_RECORDS)) => {}
                }
            }
        }
        tokio::time::sleep_until(due(PACE)).await;
        for queue in [&mut self.bindings, &mut self.records] {
            while asked.len() < BATCH
                && let Ok(more) = queue.try_recv()
            {
                asked.push(more);
            }
        }
        if asked.iter().any(|asked| matches!(asked, Asked::Close)) {
            // What both queues hold was asked before the end, or as good as.
            for queue in [&mut self.bindings, &mut self.records] {
                queue.close();
                while let Ok(more) = queue.try_recv() {
                    asked.push(more);
                }
            }
        }
        batch.take(asked);
    }
}

/// The loop that reads.
pub(super) struct Reading {
    pub(super) reader: Reader,
    asked: UnboundedReceiver<Asked>,
    clock: Clock,
    meters: Arc<Meters>,
}

impl Reading {
    pub(super) fn new(reader: Reader, asked: UnboundedReceiver<Asked>, meters: Arc<Meters>) -> Self {
        Self { reader, asked, clock: Clock::start(), meters }
    }

    pub(super) async fn run(mut self, answers: &Answers) {
        let mut batch = Batch::default();
        while !batch.closing {
            let mut asked = Vec::new();
            self.asked.recv_many(&mut asked, READ_BATCH).await;
            if asked.iter().any(|asked| matches!(asked, Asked::Close)) {
                self.asked.close();
                while let Ok(more) = self.asked.try_recv() {
                    asked.push(more);
                }
            }
            batch.take(asked);
            let begun = self.clock.at();
            let outcomes = self.reader.perform(&batch.ops).await;
            self.meters.done(Work::Read, &outcomes, self.clock.at().since(begun));
            batch.answer(outcomes, answers);
        }
        self.reader.close().await;
    }
}

/// What is performed together, and whom to answer.
#[derive(Default)]
struct Batch {
    ops: Vec<StoreOp>,
    askers: Vec<(ServerIndex, Ticket)>,
    closing: bool,
}

impl Batch {
    fn take(&mut self, asked: Vec<Asked>) {
        // Every sender is gone: nobody can ask any more.
        self.closing |= asked.is_empty();
        for one in asked {
            match one {
                Asked::Op(server, ticket, op) => {
                    self.askers.push((server, ticket));
                    self.ops.push(op);
                }
                Asked::Close => self.closing = true,
            }
        }
    }

    /// Answers whoever waits, in the order asked, by one call for each user server.
    fn answer(&mut self, outcomes: Vec<StoreOutcome>, answers: &Answers) {
        self.ops.clear();
        let mut by_server: Vec<Vec<(Ticket, StoreOutcome)>> = Vec::new();
        let asked = self.askers.drain(..).zip(outcomes);
        for ((server, ticket), outcome) in asked.filter(|((_, ticket), _)| *ticket != Ticket::NOBODYS) {
            let at = usize::from(server.0);
            if by_server.len() <= at {
                by_server.resize_with(at + 1, Vec::new);
            }
            if let Some(owed) = by_server.get_mut(at) {
                owed.push((ticket, outcome));
            }
        }
        for (at, owed) in by_server.into_iter().enumerate() {
            if let (Ok(at), false) = (u8::try_from(at), owed.is_empty()) {
                answers(ServerIndex(at), owed);
            }
        }
    }
}
