//! Which legs a flow carries, and what becomes of them with it: when a stream is lost or a phone leaves a flow,
//! that costs what it carries and no more.
//!
//! Implements: RFC 5626 §5.3 (what goes by a flow).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::base::Key;
use crate::effect::{Flow, StreamId};

use super::legs::{Legs, Machine, Report, Turn, Wire};

/// The far end of a flow, as far as it makes one flow of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Stream(StreamId),
    Datagrams(u8, SocketAddr),
}

impl Place {
    pub(super) fn of(flow: Flow) -> Self {
        match flow.stream {
            Some(stream) => Self::Stream(stream),
            None => Self::Datagrams(flow.listener, flow.remote),
        }
    }
}

/// The legs by the flows that carry them.
#[derive(Debug, Default)]
pub(super) struct Places {
    list: BTreeSet<(Place, Key)>,
}

impl Places {
    /// A leg has moved from one flow to another; without one it has come, or is gone.
    pub(super) fn moved(&mut self, leg: Key, from: Option<Place>, to: Option<Place>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.list.remove(&(from, leg));
        }
        if let Some(to) = to {
            self.list.insert((to, leg));
        }
    }

    /// The legs that a flow carries.
    pub(super) fn at(&self, place: Place) -> impl Iterator<Item = Key> {
        let first = Key { index: 0, tenant: 0 };
        let listed = self.list.range((place, first)..).take_while(move |(own, _)| *own == place);
        listed.map(|(_, key)| *key)
    }

    /// Whether nothing is carried.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Legs {
    /// The legs whose phones are reached by this flow.
    pub fn on_way(&self, flow: Flow) -> impl Iterator<Item = Key> {
        self.places.at(Place::of(flow))
    }

    /// The legs whose phones are reached by this stream.
    pub fn on_stream(&self, stream: StreamId) -> impl Iterator<Item = Key> {
        self.places.at(Place::Stream(stream))
    }

    /// Where the phone of an answered call wants to be asked: the Contact that it has given.
    pub fn target_of(&self, key: Key) -> Option<&[u8]> {
        match &self.arena.get(key)?.machine {
            Machine::Confirmed(machine) => Some(machine.dialog.target()),
            Machine::Uas(_) | Machine::Uac(_) | Machine::Link(_) => None,
        }
    }

    /// Whether a leg of an answered call waits for its phone, whose stream is gone.
    pub fn is_adrift(&self, key: Key) -> bool {
        match self.arena.get(key).map(|leg| &leg.machine) {
            Some(Machine::Confirmed(machine)) => machine.watch.is_adrift(),
            Some(Machine::Uas(_) | Machine::Uac(_) | Machine::Link(_)) | None => false,
        }
    }

    /// The phone of an answered call has registered by this flow.
    pub fn on_flow(&mut self, wire: &mut Wire<'_, '_>, key: Key, flow: Flow) -> Option<Report> {
        let Machine::Confirmed(machine) = &mut self.arena.get_mut(key)?.machine else { return None };
        let turn = machine.on_flow(wire, key, flow);
        self.apply(key, turn)
    }

    /// A request inside an answered call had no answer at all, and the client has another flow: whatever
    /// hangs on the request has failed, and the phone is asked by that one whether it knows of the call.
    pub fn on_silence(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        flow: Flow,
    ) -> [Option<Report>; 3] {
        let lost = self.lose(wire, key);
        [lost, self.on_failed(wire, key, client, 503), self.on_flow(wire, key, flow)]
    }

    /// The phone of an answered call has sent a request of its dialog by this flow, and shown that it
    /// may: it is there.
    pub fn follow(&mut self, wire: &mut Wire<'_, '_>, key: Key, flow: Flow) {
        if let Some(Machine::Confirmed(machine)) = self.arena.get_mut(key).map(|leg| &mut leg.machine) {
            machine.follow(wire, key, flow);
            self.list(key);
        }
    }

    /// The stream of these legs is gone: what rings is over, what is answered waits for its phone.
    pub fn on_closed(&mut self, wire: &mut Wire<'_, '_>, stream: StreamId) -> Vec<Report> {
        let keys: Vec<Key> = self.on_stream(stream).collect();
        keys.into_iter().filter_map(|key| self.lose(wire, key)).collect()
    }

    fn lose(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Option<Report> {
        let turn = match &mut self.arena.get_mut(key)?.machine {
            Machine::Uas(machine) => machine.on_lost(wire),
            Machine::Uac(machine) => machine.on_lost(wire),
            Machine::Confirmed(machine) => machine.cut_off(wire, key),
            Machine::Link(_) => Turn::Stay,
        };
        self.apply(key, turn)
    }
}
