//! The writer: group commit.
//!
//! What is asked while one transaction runs goes into the next, in as few statements as there are
//! tables. Answers leave after the commit, which is synchronous: what was answered [`Saved`] is on
//! the disk. Nobody waits for records, so they wait for company a little longer than bindings do.
//!
//! When a write fails, all of its batch is answered [`Failed`], and the connection is made anew, so that nothing of
//! the failure stays. Two things are told apart. If a row itself was at fault, the batch is halved until that one is
//! alone. If there is no room, records give way: the rest is written without them, and so many of them as can be held
//! are written later.
//!
//! [`Saved`]: crate::effect::StoreOutcome::Saved
//! [`Failed`]: crate::effect::StoreOutcome::Failed

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::watch;

use super::database::connect_to_write;
use super::error::{StoreError, is_constraint, is_full};
use super::lock::Hold;
use super::rows::{Columns, Statement};
use super::{inbox, outbox, own, profiles, sweep};
use crate::base::{Limits, Uid};
use crate::config::Place;
use crate::effect::fact::{CallRecord, PageRecord};
use crate::effect::store::{InboxPage, StoredBinding};
use crate::effect::{StoreOp, StoreOutcome};

/// The connection that writes.
pub(super) struct Writer {
    place: Place,
    hold: Arc<Hold>,
    connection: Option<SqliteConnection>,
    limits: watch::Receiver<Limits>,
    failing: bool,
    backlog: Backlog,
}

/// What a batch comes to: the last word on each binding, the pages, and the records.
#[derive(Default)]
struct Work<'a> {
    bindings: BTreeMap<(&'a Uid, &'a str), Option<&'a StoredBinding>>,
    inbox: Vec<&'a InboxPage>,
    delivered: Vec<(&'a Uid, i64)>,
    properties: Vec<(&'a Uid, &'a str, &'a str)>,
    activations: Vec<(&'a Uid, Option<&'a str>)>,
    calls: Vec<&'a CallRecord>,
    pages: Vec<&'a PageRecord>,
    outbox: outbox::Work<'a>,
}

impl Writer {
    pub(super) fn new(place: Place, hold: Arc<Hold>, limits: watch::Receiver<Limits>) -> Self {
        Self { place, hold, connection: None, limits, failing: false, backlog: Backlog::default() }
    }

    /// Opens the connection, to know early whether it opens.
    pub(super) async fn connect(&mut self) -> Result<(), sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(connect_to_write(&self.place).await?);
        }
        Ok(())
    }

    /// Performs all of a batch, and answers each.
    pub(super) async fn perform(&mut self, ops: &[StoreOp]) -> Vec<StoreOutcome> {
        if ops.is_empty() {
            return Vec::new();
        }
        match self.commit(&Work::of(ops)).await {
            Ok(put) => {
                self.backlog.supersede(ops);
                self.works_again().await;
                answers(ops, put, true)
            }
            Err(error) if is_constraint(&error) => match ops {
                [_] => {
                    let error = StoreError::from(error);
                    tracing::warn!(%error, "something could not be stored: whose it is may be gone");
                    vec![StoreOutcome::Failed]
                }
                _ => {
                    let (first, second) = ops.split_at(ops.len() / 2);
                    let mut done = Box::pin(self.perform(first)).await;
                    done.extend(Box::pin(self.perform(second)).await);
                    done
                }
            },
            Err(error) => self.perform_rest(ops, error).await,
        }
    }

    /// There was no room for all of a batch, or it could not be written at all: records are held for later, and
    /// the rest is tried without them.
    async fn perform_rest(&mut self, ops: &[StoreOp], error: sqlx::Error) -> Vec<StoreOutcome> {
        let (is_full, records) = (is_full(&error), ops.iter().filter(|op| op.is_record()).count());
        self.has_failed(error);
        self.backlog.extend(ops);
        if is_full && records > 0 && records < ops.len() {
            match self.commit(&Work::of(ops.iter().filter(|op| !op.is_record()))).await {
                Ok(put) => return answers(ops, put, false),
                Err(error) => self.has_failed(error),
            }
        }
        ops.iter().map(|_| StoreOutcome::Failed).collect()
    }

    /// Forgets some of what is to be forgotten, and says when to come again.
    pub(super) async fn sweep(&mut self) -> Duration {
        let limits = self.limits.borrow().clone();
        let result = async {
            self.connect().await?;
            match &mut self.connection {
                Some(connection) => sweep::step(connection, &limits).await,
                None => Ok(sweep::LATER),
            }
        };
        match result.await {
            Ok(again) => again,
            Err(error) => {
                self.has_failed(error);
                sweep::LATER
            }
        }
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store did not close in order; nothing is lost");
        }
    }

    /// Writes it all; the outcomes of the pages.
    async fn commit(&mut self, work: &Work<'_>) -> Result<Put, sqlx::Error> {
        let limits = self.limits.borrow().clone();
        if !self.hold.is_there() {
            // What is written into a file without a name is gone when the server ends.
            let path = self.place.database.display();
            let reason = format!("{path} is not there any more: put the file back, or restart the server");
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, reason).into());
        }
        self.connect().await?;
        let Some(connection) = &mut self.connection else { return Ok(Put::default()) };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let pages = work.write(&mut transaction, &limits).await?;
        transaction.commit().await?;
        Ok(pages)
    }

    fn has_failed(&mut self, error: sqlx::Error) {
        if !is_constraint(&error) {
            self.connection = None;
        }
        let error = StoreError::from(error);
        if self.failing {
            tracing::debug!(%error, "the store still cannot write");
        } else {
            tracing::error!(%error, "the store cannot write: registrations are refused until it can, and records of calls and pages are held as long as there is room");
        }
        self.failing = true;
    }

    /// Something was written: what is held can be, too.
    async fn works_again(&mut self) {
        let (held, dropped) = self.backlog.take();
        if !held.is_empty()
            && let Err(error) = self.commit(&Work::of(&held)).await
        {
            self.has_failed(error);
            self.backlog.give_back(held, dropped);
            return;
        }
        if self.failing {
            let written = held.len();
            tracing::info!(
                written,
                dropped,
                "the store writes again; of calls and pages so many records were held, and so many are lost"
            );
        }
        self.failing = false;
    }
}

/// Records that could not be written, until they can be.
#[derive(Default)]
struct Backlog {
    held: Vec<StoreOp>,
    /// How many there was no room for.
    dropped: usize,
}

/// Records that are held at most: some ten megabytes.
const HELD_MAX: usize = 2_000;

impl Backlog {
    /// Holds the records of a batch.
    fn extend(&mut self, ops: &[StoreOp]) {
        self.supersede(ops);
        for op in ops {
            let record = if let StoreOp::PutCall(record) = op {
                StoreOp::PutCall(Arc::clone(record))
            } else if let StoreOp::PutPage(record) = op {
                StoreOp::PutPage(Arc::clone(record))
            } else {
                continue;
            };
            if self.held.len() < HELD_MAX {
                self.held.push(record);
            } else {
                self.dropped += 1;
            }
        }
    }

    /// Lets go of those of which a batch knows more.
    fn supersede(&mut self, ops: &[StoreOp]) {
        if !self.held.is_empty() {
            let later: BTreeSet<_> = ops.iter().filter_map(whose).collect();
            self.held.retain(|held| whose(held).is_none_or(|whose| !later.contains(&whose)));
        }
    }

    fn take(&mut self) -> (Vec<StoreOp>, usize) {
        (std::mem::take(&mut self.held), std::mem::take(&mut self.dropped))
    }

    fn give_back(&mut self, held: Vec<StoreOp>, dropped: usize) {
        *self = Self { held, dropped };
    }
}

/// Of which half of which call or page a record is, if it is one.
fn whose(op: &StoreOp) -> Option<(&str, &str, &Uid)> {
    if let StoreOp::PutCall(record) = op {
        Some((&record.id, record.direction, &record.owner))
    } else if let StoreOp::PutPage(record) = op {
        Some((&record.id, record.direction, &record.owner))
    } else {
        None
    }
}

impl<'a> Work<'a> {
    fn of(ops: impl IntoIterator<Item = &'a StoreOp>) -> Self {
        let mut work = Self::default();
        for op in ops {
            match op {
                StoreOp::SaveBindings { uid, put, remove } => {
                    for key in remove {
                        work.bindings.insert((uid, key), None);
                    }
                    for binding in put {
                        work.bindings.insert((uid, &binding.key), Some(binding));
                    }
                }
                StoreOp::PutProperty { uid, key, value } => work.properties.push((uid, key, value)),
                StoreOp::Activate { uid, profile } => work.activations.push((uid, profile.as_deref())),
                StoreOp::PutCall(record) => work.calls.push(record),
                StoreOp::PutPage(record) => work.pages.push(record),
                // Reads and scripts have connections of their own.
                StoreOp::LoadUser(_)
                | StoreOp::ImportScript { .. }
                | StoreOp::FindCircles { .. }
                | StoreOp::FindNumber(_)
                | StoreOp::LoadInbox { .. }
                | StoreOp::LoadDue { .. }
                | StoreOp::LoadOutbox { .. } => {}
                StoreOp::PutOutbox(page, record) => work.outbox.put.push((page, record)),
                StoreOp::DeferOutbox { serial, tries, due_ms } => {
                    work.outbox.defer.push((*serial, *tries, *due_ms));
                }
                StoreOp::SettleOutbox { page, receipt, at_ms } => {
                    work.outbox.settle.push((page, receipt, *at_ms));
                }
                StoreOp::PutInbox(page) => work.inbox.push(page),
                StoreOp::Delivered { uid, serial } => work.delivered.push((uid, *serial)),
            }
        }
        work
    }

    async fn write(&self, connection: &mut SqliteConnection, limits: &Limits) -> Result<Put, sqlx::Error> {
        let gone: Vec<_> = self.bindings.iter().filter(|(_, to)| to.is_none()).map(|(key, _)| *key).collect();
        let put: Vec<_> = self.bindings.iter().filter_map(|((uid, _), to)| Some((*uid, (*to)?))).collect();
        DELETE_BINDINGS
            .run(connection, &gone, |(uid, key), columns| {
                columns.put(uid.as_str()).put(*key);
            })
            .await?;
        PUT_BINDINGS.run(connection, &put, |(uid, binding), columns| bind(uid, binding, columns)).await?;
        for (uid, key, value) in &self.properties {
            own::put_property(connection, uid, key, value).await?;
        }
        let mut activated = Vec::with_capacity(self.activations.len());
        for (uid, profile) in &self.activations {
            let is_there = profiles::activate(connection, uid, *profile).await?;
            activated.push(if is_there { StoreOutcome::Saved } else { StoreOutcome::Gone });
        }
        PUT_CALLS.run(connection, &self.calls, |call, columns| bind_call(call, columns)).await?;
        PUT_PAGES.run(connection, &self.pages, |page, columns| bind_page(page, columns)).await?;
        inbox::delivered(connection, &self.delivered).await?;
        let pages = inbox::put(connection, &self.inbox, limits).await?;
        Ok(Put { pages, kept: self.outbox.write(connection, limits).await?, activated })
    }
}

/// The outcomes of what a batch has put into inboxes and into the outbox, and of its activations, in their order.
#[derive(Default)]
struct Put {
    pages: Vec<StoreOutcome>,
    kept: Vec<StoreOutcome>,
    activated: Vec<StoreOutcome>,
}

/// The answers to a batch that is durable, with its records or without.
fn answers(ops: &[StoreOp], put: Put, with_records: bool) -> Vec<StoreOutcome> {
    let Put { pages, kept, activated } = put;
    let (mut pages, mut kept, mut activated) = (pages.into_iter(), kept.into_iter(), activated.into_iter());
    let answer = |op: &StoreOp| match op {
        StoreOp::PutInbox(_) => pages.next().unwrap_or(StoreOutcome::Failed),
        StoreOp::Activate { .. } => activated.next().unwrap_or(StoreOutcome::Failed),
        StoreOp::PutCall(_) | StoreOp::PutPage(_) if !with_records => StoreOutcome::Failed,
        StoreOp::SaveBindings { .. }
        | StoreOp::PutProperty { .. }
        | StoreOp::PutCall(_)
        | StoreOp::PutPage(_)
        | StoreOp::DeferOutbox { .. }
        | StoreOp::SettleOutbox { .. }
        | StoreOp::Delivered { .. } => StoreOutcome::Saved,
        StoreOp::PutOutbox(..) => kept.next().unwrap_or(StoreOutcome::Failed),
        // Reads and scripts have connections of their own.
        StoreOp::LoadUser(_)
        | StoreOp::ImportScript { .. }
        | StoreOp::FindCircles { .. }
        | StoreOp::FindNumber(_)
        | StoreOp::LoadInbox { .. }
        | StoreOp::LoadDue { .. }
        | StoreOp::LoadOutbox { .. } => StoreOutcome::Failed,
    };
    ops.iter().map(answer).collect()
}

fn bind(uid: &Uid, binding: &StoredBinding, columns: &mut Columns<'_>) {
    columns
        .put(uid.as_str())
        .put(binding.key.as_str())
        .put(i64::from(uid.slot().0))
        .put(binding.contact.as_str())
        .put(binding.target.to_string())
        .put(binding.transport.as_str())
        .put(binding.listener.as_str())
        .put(binding.path.as_str())
        .put(i64::from(binding.q))
        .put(binding.instance.as_str())
        .put(binding.user_agent.as_str())
        .put(binding.call_id.as_str())
        .put(i64::from(binding.cseq))
        .put(binding.expires_s)
        .put(i64::from(binding.granted_s))
        .put(binding.features.as_str())
        .put(binding.wake_s);
}

fn bind_call(call: &CallRecord, columns: &mut Columns<'_>) {
    columns
        .put(call.id.as_str())
        .put(call.direction)
        .put(call.owner.as_str())
        .put(i64::from(call.owner.slot().0))
        .put(call.caller.as_str())
        .put(call.callee.as_str())
        .put(call.mode)
        .put(call.started_ms)
        .put(call.answered_ms)
        .put(call.ended_ms)
        .put(i64::from(call.status))
        .put(call.end)
        .put(call.rule.as_str())
        .put(call.path.as_str())
        .put(call.ladder.as_str())
        .put(call.question.as_str());
}

pub(super) fn bind_page(page: &PageRecord, columns: &mut Columns<'_>) {
    columns
        .put(page.id.as_str())
        .put(page.direction)
        .put(page.owner.as_str())
        .put(i64::from(page.owner.slot().0))
        .put(page.sender.as_str())
        .put(page.recipient.as_str())
        .put(page.at_ms)
        .put(i64::from(page.status))
        .put(page.how)
        .put(page.rule.as_str())
        .put(page.path.as_str())
        .put(page.question.as_str());
}

static PUT_BINDINGS: Statement = Statement::new(
    "INSERT INTO bindings (uid, key, slot, contact, target, transport, listener, path, q, instance, \
     user_agent, call_id, cseq, expires_s, granted_s, features, wake_s, since_s) SELECT *, unixepoch() FROM",
    17,
    "WHERE column1 IS NOT NULL ON CONFLICT (uid, key) DO UPDATE SET contact = excluded.contact, \
     target = excluded.target, transport = excluded.transport, listener = excluded.listener, \
     path = excluded.path, q = excluded.q, instance = excluded.instance, \
     user_agent = excluded.user_agent, call_id = excluded.call_id, cseq = excluded.cseq, \
     expires_s = excluded.expires_s, granted_s = excluded.granted_s, features = excluded.features, \
     wake_s = excluded.wake_s, \
     since_s = iif(bindings.expires_s > excluded.since_s, bindings.since_s, excluded.since_s)",
);

static DELETE_BINDINGS: Statement =
    Statement::new("DELETE FROM bindings WHERE (uid, key) IN", 2, "-- a NULL is nobody's");

static PUT_CALLS: Statement = Statement::new(
    "INSERT INTO calls (id, direction, owner, slot, caller, callee, mode, started_ms, answered_ms, \
     ended_ms, status, \"end\", rule, path, ladder, question) SELECT * FROM",
    16,
    "WHERE column1 IS NOT NULL ON CONFLICT (id, direction, owner) DO UPDATE SET \
     caller = excluded.caller, callee = excluded.callee, mode = excluded.mode, \
     started_ms = excluded.started_ms, answered_ms = excluded.answered_ms, \
     ended_ms = excluded.ended_ms, status = excluded.status, \"end\" = excluded.\"end\", \
     rule = excluded.rule, path = excluded.path, ladder = excluded.ladder, \
     question = excluded.question",
);

pub(super) static PUT_PAGES: Statement = Statement::new(
    "INSERT INTO pages (id, direction, owner, slot, sender, recipient, at_ms, status, how, rule, path, \
     question) SELECT * FROM",
    12,
    "WHERE column1 IS NOT NULL ON CONFLICT (id, direction, owner) DO UPDATE SET \
     sender = excluded.sender, recipient = excluded.recipient, at_ms = excluded.at_ms, \
     status = excluded.status, how = excluded.how, rule = excluded.rule, path = excluded.path, \
     question = excluded.question",
);
