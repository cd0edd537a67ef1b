//! What waits to be sent, and who wants to know if it cannot be.

use bytes::Bytes;

use crate::base::ServerIndex;
use crate::effect::Ticket;

/// Who is told when a message could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asker {
    /// The user server that sent it.
    pub(crate) server: ServerIndex,
    /// The ticket it gave.
    pub(crate) ticket: Ticket,
}

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// What is left of it to send.
    pub(crate) bytes: Bytes,
    /// Who wants to know.
    pub(crate) asker: Option<Asker>,
}
