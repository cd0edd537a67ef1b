//! The door of a user server: what goes in, what comes out.

use std::sync::Arc;

use crate::base::{Cid, ServerIndex};
use crate::effect::admin::{AdminReply, AdminRequest};
use crate::effect::{Effect, Flow, Outcome, StreamId, Ticket};
use crate::sip::Message;

/// Something that happened outside.
#[derive(Debug)]
pub enum Input {
    /// A message came in on a flow.
    Message {
        /// The flow it came on, and is answered on.
        flow: Flow,
        /// The message.
        message: Message,
    },
    /// The far end of a stream has proved that it is of these domains (RFC 5922); before anything else is
    /// heard of the stream.
    Proved(Flow, Arc<[Cid]>),
    /// A stream was closed or lost.
    Closed(StreamId),
    /// What came of an effect.
    Outcome(Ticket, Outcome),
    /// Another user server of this process speaks.
    Peer(Envelope),
    /// An operator asks; the answer leaves under the same ticket, which is the asker's own.
    Admin(Ticket, AdminRequest),
    /// Nothing but time has passed.
    Tick,
}

/// What leaves a user server after one input, in order.
#[derive(Debug, Default)]
pub struct Output {
    /// What the world is asked to do.
    pub effects: Vec<Effect>,
    /// Words for other user servers of this process.
    pub peers: Vec<Envelope>,
    /// Answers to operators.
    pub replies: Vec<(Ticket, AdminReply)>,
}

/// A word from one user server to another of the same process.
#[derive(Debug)]
pub struct Envelope {
    /// Who is to have it.
    pub to: ServerIndex,
    /// Who wrote it.
    pub from: ServerIndex,
    pub(crate) word: super::peer::PeerWord,
}
