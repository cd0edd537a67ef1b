//! Transactions: one request and all its responses, over a wire that loses, repeats and reorders.
//!
//! The four machines of RFC 3261 §17 with the corrections of RFC 6026, a file each, and the table
//! that finds the machine a message belongs to; and how a request that another cluster challenges is
//! sent again. Nothing here knows what a call is.

mod asked;
mod client;
mod client_invite;
mod matching;
mod peers;
mod server;
mod server_invite;
mod table;
mod timing;

pub use asked::Asked;
pub use peers::{Asking, Untaken};
pub use table::{Arrival, Draft, Stray, Transactions};
pub use timing::{RELAYED, T1, T2, T4, TIMEOUT};

use std::sync::Arc;

use crate::base::{Key, PeerId};
use crate::sip::{Message, Method};

/// Whose transaction it is: who is told what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A leg of a call.
    Leg(Key),
    /// A page.
    Page(Key),
    /// The look whether another cluster is there.
    Probe(PeerId),
    /// The pages that wait for another cluster.
    Outbox(PeerId),
    /// A round of pages from an inbox.
    Round(Key),
    /// Nobody: a BYE, or a copy of a page, that only has to be delivered.
    Nobody,
}

/// What a transaction tells its user.
#[derive(Debug, Clone)]
pub enum TxEvent {
    /// A response: provisional, final, or (INVITE only) a further 2xx.
    Response {
        /// Whose.
        owner: Owner,
        /// The client transaction.
        client: Key,
        /// The other cluster that it went to, if it went to one.
        peer: Option<PeerId>,
        /// The response.
        response: Arc<Message>,
    },
    /// Another cluster asks for a proof (401, 407). Either the request is sent again with one
    /// ([`Transactions::resend`]), or its owner is to be told that it has failed.
    Challenged {
        /// Whose.
        owner: Owner,
        /// The client transaction, which is over.
        client: Key,
        /// The other cluster, and whether it has been given a proof already.
        asking: Asking,
        /// The request.
        request: Box<Message>,
        /// The challenge.
        response: Arc<Message>,
    },
    /// The session interval is too small for the far end (422). Either the request is sent again with
    /// a longer one ([`Transactions::resend`]), or its owner is to be told that it was refused.
    TooBrief {
        /// Whose.
        owner: Owner,
        /// The client transaction, which is over.
        client: Key,
        /// The other cluster that it went to, if it went to one.
        asking: Option<Asking>,
        /// The request.
        request: Box<Message>,
        /// What it was answered.
        response: Arc<Message>,
    },
    /// A server of another cluster has not taken a request (503, no answer, no way to it), and the
    /// cluster has others. Either it goes to one of them ([`Transactions::redirect`]), or its owner is to be
    /// told.
    Untaken(Box<Untaken>),
    /// No final response came, or the request could not be sent: to be taken as a 408 or 503
    /// (RFC 3261 §8.1.3.1).
    Failed {
        /// Whose.
        owner: Owner,
        /// The client transaction.
        client: Key,
        /// The other cluster that it was to go to, if it was one.
        peer: Option<PeerId>,
        /// Of which method.
        method: Method,
        /// The status that it stands for.
        status: u16,
    },
}
