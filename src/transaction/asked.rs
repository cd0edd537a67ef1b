//! A request that somebody waits to have answered.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::Key;
use crate::effect::{Ctx, Flow};
use crate::sip::{Message, Name, Writer};

use super::Transactions;

/// A request with its server transaction: what is needed to answer it, now or later.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The server transaction.
    pub key: Key,
    /// The request.
    pub request: Arc<Message>,
    /// The flow that it came on.
    pub flow: Flow,
}

impl Asked {
    /// Where it came from, for `received` and `rport` (RFC 3581 §4).
    pub fn source(&self) -> SocketAddr {
        self.flow.remote
    }

    /// The beginning of a response: Via, From, To with our tag, Call-ID, CSeq.
    pub fn answer(&self, status: u16, to_tag: &[u8]) -> Writer {
        Writer::answer(&self.request, status, to_tag, Some(self.source()))
    }

    /// Sends a response that has nothing more to say.
    pub fn refuse(&self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, status: u16, to_tag: &[u8]) {
        let response = self.answer(status, to_tag).finish(b"");
        transactions.respond(ctx, self.key, status, response);
    }

    /// Refuses with 500 what may be tried again after a while: 0 to 10 seconds (RFC 3261 §14.2).
    pub fn refuse_for_now(&self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, to_tag: &[u8]) {
        let mut writer = self.answer(500, to_tag);
        writer.number(Name::RetryAfter, ctx.rng.below(11));
        transactions.respond(ctx, self.key, 500, writer.finish(b""));
    }
}
