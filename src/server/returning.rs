//! A phone whose stream is gone comes back by another one: its calls go on there.
//!
//! A stream dies with a network that changes, a NAT that forgets or a server between, and the phone
//! hears of it last. It shows that it is there again by registering, which says which client it is,
//! or by a request inside its dialog; until then its answered calls wait for a while of their own
//! (`limits.lost_flow_s`).
//!
//! Implements: RFC 5626 §4.4.1, §5.3 (a new flow in place of a failed one).

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::base::{Key, Uid};
use crate::effect::{Ctx, Flow, StreamId};
use crate::leg::{Legs, Wire};

use super::switchboard::Switchboard;

/// The legs of calls that wait for a client, by the user and the key of its binding.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    legs: HashMap<(Uid, String), SmallVec<[Key; 2]>>,
}

impl Awaited {
    /// Forgets the legs that have not waited any longer.
    pub(super) fn tidy(&mut self, legs: &Legs) {
        self.legs.retain(|_, waiting| {
            waiting.retain(|leg| legs.is_adrift(*leg));
            !waiting.is_empty()
        });
    }
}

impl Switchboard {
    /// The bindings of a user that a stream carried are gone with it: his legs on it are to be found
    /// by them.
    pub(super) fn await_clients(&mut self, uid: &Uid, stream: StreamId, keys: Vec<String>) {
        let legs = self.legs_of(uid, stream);
        if legs.is_empty() {
            return;
        }
        for key in keys {
            let waiting = self.awaited.legs.entry((uid.clone(), key)).or_default();
            waiting.extend_from_slice(&legs);
        }
    }

    /// A client has registered: its calls go on by this flow, if it has lost the one that they had, or
    /// has left it for this one.
    pub(super) fn on_client(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        key: &str,
        left: Option<Flow>,
        flow: Flow,
    ) {
        let mut legs = self.awaited.legs.remove(&(uid.clone(), key.to_owned())).unwrap_or_default();
        if let Some(stream) = left.and_then(|left| left.stream).filter(|stream| flow.stream != Some(*stream))
        {
            legs.extend(self.legs_of(uid, stream));
        }
        if !ctx.settings.transport(flow).is_secure() {
            // What is said over TLS only waits for the phone to come back so.
            let (waiting, others) = legs.into_iter().partition(|leg| self.legs.is_sips(*leg));
            legs = others;
            if !waiting.is_empty() {
                self.awaited.legs.insert((uid.clone(), key.to_owned()), waiting);
            }
        }
        for leg in legs {
            let mut wire = Wire { ctx, transactions: &mut self.transactions };
            let report = self.legs.on_flow(&mut wire, leg, flow);
            self.reports.extend(report);
        }
    }

    /// The legs of a user's phones on a stream.
    fn legs_of(&self, uid: &Uid, stream: StreamId) -> SmallVec<[Key; 2]> {
        let is_his = |leg: &Key| {
            let call = self.legs.call_of(*leg).and_then(|call| self.calls.get(call));
            call.is_some_and(|call| call.owner() == uid)
        };
        self.legs.on_stream(stream).filter(is_his).collect()
    }
}
