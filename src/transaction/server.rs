//! The non-INVITE server transaction.
//!
//! ```text
//!   Trying ──final──▶ Completed ──J──▶ (gone)
//!                      every repeat of the request is answered again
//! ```
//!
//! Implements: RFC 3261 §17.2.2; RFC 4320 §4.2.

use bytes::Bytes;

use crate::base::{Key, TimerId};
use crate::effect::wake::Letter;
use crate::effect::{Ctx, Flow, Wake};

use super::timing::TIMEOUT;

#[derive(Debug)]
enum State {
    Trying,
    Completed { response: Bytes },
}

#[derive(Debug)]
pub(super) struct Server {
    flow: Flow,
    state: State,
    end: Option<TimerId>,
}

impl Server {
    pub(super) fn new(flow: Flow) -> Self {
        Self { flow, state: State::Trying, end: None }
    }

    /// The same request again.
    pub(super) fn on_repeat(&self, ctx: &mut Ctx<'_>) {
        match &self.state {
            State::Trying => {}
            State::Completed { response } => ctx.send(self.flow, response.clone()),
        }
    }

    /// Sends the final response; true if the machine is gone with it.
    pub(super) fn respond(&mut self, ctx: &mut Ctx<'_>, key: Key, response: Bytes) -> bool {
        match self.state {
            State::Trying => {
                // Without the room that its writer had left: many wait here.
                let kept = Bytes::copy_from_slice(&response);
                ctx.send(self.flow, response);
                if self.flow.is_reliable() {
                    return true;
                }
                self.end = Some(ctx.linger(TIMEOUT, Wake::Server(key, Letter::J)));
                self.state = State::Completed { response: kept };
                false
            }
            State::Completed { .. } => {
                debug_assert!(false, "a request has one final response");
                false
            }
        }
    }
}
