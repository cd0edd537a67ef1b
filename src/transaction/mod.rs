//! Transactions: one request and all its responses, over a wire that loses, repeats and reorders.
//!
//! The four machines of RFC 3261 §17 with the corrections of RFC 6026, a file each, and the table
//! that finds the machine a message belongs to. Nothing here knows what a call is.

mod asked;
mod client;
mod client_invite;
mod matching;
mod server;
mod server_invite;
mod table;
mod timing;

pub use asked::Asked;
pub use table::{Arrival, Draft, Stray, Transactions};
pub use timing::{RELAYED, T1, T2, T4, TIMEOUT};

use std::sync::Arc;

use crate::base::Key;
use crate::sip::{Message, Method};

/// Whose transaction it is: who is told what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A leg of a call.
    Leg(Key),
    /// A page.
    Page(Key),
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
        /// The response.
        response: Arc<Message>,
    },
    /// No final response came, or the request could not be sent: to be taken as a 408 or 503
    /// (RFC 3261 §8.1.3.1).
    Failed {
        /// Whose.
        owner: Owner,
        /// The client transaction.
        client: Key,
        /// Of which method.
        method: Method,
        /// The status that it stands for.
        status: u16,
    },
}
