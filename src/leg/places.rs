//! Which legs a flow carries: when a stream is lost or a phone leaves a flow, that costs what it carries and
//! no more.
//!
//! Implements: RFC 5626 §5.3 (what goes by a flow).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::base::Key;
use crate::effect::{Flow, StreamId};

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
