//! How the threads of this process, the store and the operators speak to a user server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::base::{Cid, ServerIndex};
use crate::effect::admin::{AdminReply, AdminRequest};
use crate::effect::{Flow, Outcome, StoreOutcome, StreamId, Ticket};
use crate::io::metrics::Snapshot;
use crate::io::net::outgoing::Asker;
use crate::server::Envelope;
use crate::sip::Message;

/// What a thread may be told.
#[allow(
    clippy::large_enum_variant,
    reason = "most words are messages, and a box would be an allocation for each"
)]
#[derive(Debug)]
pub(super) enum Word {
    /// A message that another thread read, of a user who is at home here.
    Message(Flow, Message),
    /// The far end of a stream of another thread has proved of which domains it is.
    Proved(Flow, Arc<[Cid]>),
    /// A stream of another thread is gone.
    Closed(StreamId),
    /// What came of effects.
    Outcomes(Vec<(Ticket, Outcome)>),
    /// Another user server speaks to the one here.
    Peer(Envelope),
    /// Another user server has something for a stream of this thread.
    Send(StreamId, Bytes, Option<Asker>),
    /// The far end of a stream of this thread has promised to keep it alive.
    HearFrom(StreamId, Duration),
    /// An operator asks.
    Admin(AdminRequest, oneshot::Sender<AdminReply>),
    /// Somebody wants to know the figures.
    Figures(oneshot::Sender<Snapshot>),
    /// Stop at once.
    Stop,
}

/// Where words for a thread are left.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    words: mpsc::UnboundedSender<Word>,
    messages: Arc<AtomicUsize>,
}

/// Where a thread finds them.
#[derive(Debug)]
pub(super) struct Mailbox {
    words: mpsc::UnboundedReceiver<Word>,
    messages: Arc<AtomicUsize>,
}

/// An inbox and its mailbox for each server.
pub(super) fn pairs(servers: u8) -> (Arc<[Inbox]>, Vec<Mailbox>) {
    let pair = |_| {
        let (sender, receiver) = mpsc::unbounded_channel();
        let messages = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox { words: sender, messages: Arc::clone(&messages) };
        (inbox, Mailbox { words: receiver, messages })
    };
    let (inboxes, mailboxes): (Vec<_>, Vec<_>) = (0..servers).map(pair).unzip();
    (inboxes.into(), mailboxes)
}

impl Inbox {
    /// Leaves a word. To a thread that has ended it says nothing, as the process is ending.
    pub(super) fn put(&self, word: Word) {
        let _ = self.words.send(word);
    }

    /// Hands a message over, unless too many wait already; tells whether it did. Everything else
    /// follows from messages that were let in, and is never refused.
    pub(super) fn hand_over(&self, flow: Flow, message: Message) -> bool {
        let has_room = self.messages.fetch_add(1, Ordering::Relaxed) < MESSAGES_MAX;
        if has_room {
            self.put(Word::Message(flow, message));
        } else {
            self.messages.fetch_sub(1, Ordering::Relaxed);
        }
        has_room
    }

    /// How many messages wait.
    pub(super) fn waiting(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// Whether so many messages wait that strangers have to.
    pub(super) fn is_busy(&self) -> bool {
        self.waiting() >= MESSAGES_BUSY
    }
}

impl Mailbox {
    /// Waits for words, and takes up to `max`; `false` when there will never be any.
    pub(super) async fn take(&mut self, words: &mut Vec<Word>, max: usize) -> bool {
        let count = self.words.recv_many(words, max).await;
        let messages = words.iter().filter(|word| matches!(word, Word::Message(..))).count();
        self.messages.fetch_sub(messages, Ordering::Relaxed);
        count > 0
    }
}

/// Where the store leaves its answers.
#[derive(Debug, Clone)]
pub struct Answers(Arc<[Inbox]>);

impl Answers {
    pub(super) fn new(inboxes: Arc<[Inbox]>) -> Self {
        Self(inboxes)
    }

    /// Gives a user server the answers to what it asked; never waits.
    pub fn give(&self, server: ServerIndex, answers: impl IntoIterator<Item = (Ticket, StoreOutcome)>) {
        let outcomes: Vec<_> =
            answers.into_iter().map(|(ticket, outcome)| (ticket, Outcome::Store(outcome))).collect();
        if let Some(inbox) = self.0.get(usize::from(server.0))
            && !outcomes.is_empty()
        {
            inbox.put(Word::Outcomes(outcomes));
        }
    }
}

/// Messages that may wait for one thread: what it handles in about a tenth of a second. Older ones
/// would be sent again by their senders before they were read.
const MESSAGES_MAX: usize = 8_192;
/// Messages that wait for one thread while it takes none of strangers: some 10 ms, which a call can wait.
const MESSAGES_BUSY: usize = 1_024;
