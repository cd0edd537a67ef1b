//! What the core asks of the world, and what comes back, as plain data.
//!
//! The core never acts: it leaves [`Effect`]s in its [`Ctx`] and is told their [`Outcome`]s by the
//! [`Ticket`] they were asked under. `io/` performs them in production, `tests/it/sim/` in the
//! simulated world.

pub mod admin;
pub mod ctx;
pub mod dns;
pub mod fact;
pub mod net;
pub mod push;
pub mod store;
pub mod wake;

pub use ctx::Ctx;
pub use fact::Fact;
pub use net::{Flow, StreamId, Transport};
pub use push::{Push, PushAddress, PushReason, Pushed};
pub use store::{StoreOp, StoreOutcome};
pub use wake::{CallTimer, LegTimer, Wake};

use bytes::Bytes;

/// Joins what was asked to what came back. Unique within one user server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ticket(pub u64);

/// One thing that the core asks of the world.
#[derive(Debug)]
pub enum Effect {
    /// Put a message on a flow. With a ticket, a failure that is known comes back as
    /// [`Outcome::Unsent`]; nothing comes back on success.
    Send {
        /// Where it goes.
        flow: Flow,
        /// The whole message.
        bytes: Bytes,
        /// Who wants to know if it cannot be sent.
        ticket: Option<Ticket>,
    },
    /// Connect to a UDP peer by TCP within half a second and send a long request there, else send it
    /// as one fragmented datagram on `flow` (RFC 3261 §18.1.1). Comes back as [`Outcome::Moved`]
    /// when a stream was used.
    SendLong {
        /// The datagram flow that serves if no stream can be had.
        flow: Flow,
        /// The message with `TCP` in its top Via, and the same with `UDP`.
        stream: Bytes,
        /// The same message for the datagram.
        datagram: Bytes,
        /// Who wants to know.
        ticket: Ticket,
    },
    /// From now on a stream is to be closed when its far end has been silent for so long: it was told to
    /// keep it alive, and does so while it is there (RFC 5626 §4.4.1).
    HearFrom {
        /// Which.
        stream: StreamId,
        /// For how long.
        within: std::time::Duration,
    },
    /// Ask the store.
    Store {
        /// Under this ticket the outcome comes back.
        ticket: Ticket,
        /// What is asked.
        op: StoreOp,
    },
    /// Ask the DNS. Comes back as [`Outcome::Resolved`].
    Resolve {
        /// Under this ticket the answer comes back.
        ticket: Ticket,
        /// What is asked.
        question: dns::Question,
    },
    /// Have a sleeping phone woken. Comes back as [`Outcome::Pushed`].
    Push {
        /// Under this ticket the outcome comes back.
        ticket: Ticket,
        /// Whom.
        push: Box<Push>,
    },
    /// Tell whoever watches.
    Fact(Fact),
}

/// What came of an effect.
#[derive(Debug)]
pub enum Outcome {
    /// The store has answered.
    Store(StoreOutcome),
    /// A message could not be sent: no such stream, refused, unreachable.
    Unsent,
    /// A phone is being woken, or is not.
    Pushed(Pushed),
    /// The DNS has answered, or has not.
    Resolved(dns::Answer),
    /// A long request went out on this stream instead of its datagram flow.
    Moved(Flow),
}
