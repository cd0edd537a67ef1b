//! CPL scripts that phones send: turned into trees on a thread for long work, and kept as profiles on a
//! connection of their own, so that neither reads nor writes wait for them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::database::{Database, connect};
use super::engine::Answers;
use super::error::StoreError;
use super::meters::{Meters, Work};
use super::profiles::Expected;
use super::queue::Asked;
use crate::base::{Cid, Limits, Uid};
use crate::config::Place;
use crate::effect::{StoreOp, StoreOutcome};
use crate::io::clock::Clock;
use crate::io::seal::Seal;
use crate::routing::{Faults, import_cpl, text_of};

/// What a script's profile is called.
const NAME: &str = "cpl";

/// The loop that takes scripts, one after the other.
pub(super) struct Scripts {
    place: Place,
    cid: Cid,
    seal: Seal,
    limits: watch::Receiver<Limits>,
    asked: UnboundedReceiver<Asked>,
    meters: Arc<Meters>,
    clock: Clock,
}

impl Scripts {
    pub(super) fn new(
        (place, cid): (Place, Cid),
        seal: Seal,
        limits: watch::Receiver<Limits>,
        (asked, meters): (UnboundedReceiver<Asked>, Arc<Meters>),
    ) -> Self {
        Self { place, cid, seal, limits, asked, meters, clock: Clock::start() }
    }

    pub(super) async fn run(mut self, answers: &Answers) {
        while let Some(asked) = self.asked.recv().await {
            match asked {
                Asked::Op(server, ticket, op) => {
                    let begun = self.clock.at();
                    let outcomes = [self.perform(op).await];
                    self.meters.done(Work::Script, &outcomes, self.clock.at().since(begun));
                    answers(server, outcomes.into_iter().map(|outcome| (ticket, outcome)).collect());
                }
                // What was asked before is still answered.
                Asked::Close => self.asked.close(),
            }
        }
    }

    async fn perform(&self, op: StoreOp) -> StoreOutcome {
        let StoreOp::ImportScript { uid, script } = op else { return StoreOutcome::Failed };
        let done = match script {
            Some(script) => self.import(&uid, script).await,
            None => self.remove(&uid).await.map(Ok),
        };
        match done {
            Ok(done) => StoreOutcome::Imported(done),
            Err(StoreError::Refused(why)) => StoreOutcome::Imported(Err(why.to_string().into())),
            Err(error) => {
                tracing::error!(%error, "a script could not be stored");
                StoreOutcome::Failed
            }
        }
    }

    /// Turns a script into a profile; whether that changes anything, or why it cannot be.
    async fn import(&self, uid: &Uid, script: Bytes) -> Result<Result<bool, Box<str>>, StoreError> {
        let (limits, owner) = (self.limits.borrow().clone(), uid.clone());
        let import = move || {
            text_of(&script)
                .and_then(|text| import_cpl(text, NAME, &limits, Some(&owner)))
                .map_err(|faults| told(&faults))
        };
        let imported = tokio::task::spawn_blocking(import).await;
        let text = match imported {
            Ok(Ok(imported)) => imported.text,
            Ok(Err(why)) => return Ok(Err(why)),
            Err(_) => return Ok(Err("it cannot be read here".into())),
        };
        let mut database = self.database().await?;
        let limits = self.limits.borrow().clone();
        let changed = match database.profile(uid, NAME).await {
            Ok(own) if own == text => false,
            Ok(_) | Err(StoreError::NoProfile { .. }) => {
                database.put_profile(uid, NAME, &text, &Expected::Whatever, &limits).await?;
                // A profile that the user has chosen stays his choice.
                if database.active_profile(uid).await?.is_none() {
                    database.activate_profile(uid, Some(NAME)).await?;
                }
                true
            }
            Err(error) => return Err(error),
        };
        database.close().await?;
        Ok(Ok(changed))
    }

    /// Takes the profile of an earlier script away; whether there was one.
    async fn remove(&self, uid: &Uid) -> Result<bool, StoreError> {
        let mut database = self.database().await?;
        let removed = match database.remove_profile(uid, NAME).await {
            Ok(()) => true,
            Err(StoreError::NoProfile { .. }) => false,
            Err(error) => return Err(error),
        };
        database.close().await?;
        Ok(removed)
    }

    /// Scripts are rare: a connection for each is soon made.
    async fn database(&self) -> Result<Database, StoreError> {
        let connection = connect(&self.place).await?;
        Ok(Database { connection, seal: self.seal.again(), cid: self.cid.clone() })
    }
}

/// The first fault in one sentence, and how many more there are.
fn told(faults: &Faults) -> Box<str> {
    let mut list = faults.iter();
    let Some(first) = list.next() else { return "it cannot be read here".into() };
    let more = match list.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("line {}: {}{more}", first.line(), first.message).into()
}
