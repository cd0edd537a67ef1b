//! What the machines of this room act through, and what they leave for the switchboard to do.

use std::sync::Arc;

use crate::base::{At, Key, ServerIndex, Uid};
use crate::effect::fact::PageRecord;
use crate::effect::store::OutboxPage;
use crate::effect::{Ctx, Ticket};
use crate::federation::Peers;
use crate::registrar::{Rousing, User};
use crate::transaction::Transactions;

use super::parties::{HalfReply, PageEnd, PageInvitation};

/// What a page or a round acts through.
#[derive(Debug)]
pub struct Desk<'a, 'c> {
    /// The out-tray.
    pub ctx: &'a mut Ctx<'c>,
    /// The transactions.
    pub transactions: &'a mut Transactions,
    /// This user server.
    pub server: ServerIndex,
    /// The record of the owner.
    pub owner: &'a User,
    /// The other clusters.
    pub peers: &'a mut Peers,
    /// Whether older pages are on their way to the owner's clients just now: a new one waits for them.
    pub queue: bool,
    /// What is left for the switchboard to do.
    pub orders: &'a mut Vec<Order>,
}

/// What only the switchboard can do for a page or a round.
#[derive(Debug)]
pub enum Order {
    /// Ask another user's routing.
    Invite(PageInvitation),
    /// Find out whose number this is, and tell [`super::Page::on_number`].
    FindNumber {
        /// For which page.
        page: Key,
        /// The number.
        number: Arc<str>,
    },
    /// Tell [`super::Page::on_stored`] what a device's handler is answered.
    TellPage {
        /// Which page.
        page: Key,
        /// Under what the handler asked.
        ticket: Ticket,
    },
    /// Keep a page that waits for another cluster, with its record, and tell
    /// [`super::Page::on_outbox`] what the store says.
    Keep {
        /// Which page.
        page: Key,
        /// What is to be kept of it.
        kept: Arc<OutboxPage>,
        /// Its record.
        record: Arc<PageRecord>,
    },
    /// Have a sleeping phone woken, and tell [`super::Page::on_awake`] or [`super::Page::on_asleep`] of this
    /// page.
    Rouse(Key, Box<Rousing>),
    /// A property of this user's gets a value.
    Set {
        /// Whose.
        uid: Uid,
        /// Which.
        key: Arc<str>,
        /// What; empty removes it.
        value: Arc<str>,
    },
    /// Tell the half that waits.
    Reply(PageEnd, HalfReply),
    /// Tell [`super::Page::on_turn`] when the round of its owner is over.
    Queue(Key),
    /// This half is over: let it go.
    Over(Key),
    /// A page of this user's now waits in his inbox.
    Waits {
        /// Whose.
        uid: Uid,
        /// When his tree was asked: clients that have come since then did not get it.
        since: At,
    },
    /// A page that this user has sent is kept for whom it is for.
    Kept(Uid),
    /// A client has taken a page that is in the inbox, outside of any round.
    Taken {
        /// Whose.
        uid: Uid,
        /// Which page.
        id: Arc<str>,
    },
    /// A client of this user's takes pages, and others wait for it.
    Answers(Uid),
    /// Tell [`Round::on_stored`](super::Round::on_stored) what the store says.
    TellRound {
        /// Which round.
        round: Key,
        /// Under what it asked.
        ticket: Ticket,
    },
    /// These pages need not wait for the round any longer.
    Turns(Vec<Key>),
    /// A round is over: let it go.
    RoundOver {
        /// Which.
        round: Key,
        /// Whose.
        uid: Uid,
        /// What it leaves behind.
        left: Left,
    },
}

/// What a round leaves in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Pages that clients refuse.
    Refused,
    /// Pages that clients will take, when they are there.
    Pages,
}
