//! The streams of one thread, by name.

use std::rc::Rc;

use slab::Slab;

use crate::base::ServerIndex;
use crate::effect::StreamId;

use super::stream::Stream;

/// The table. A name holds the thread (8 bits), a serial number (32) and the place (24).
pub(crate) struct Streams {
    thread: ServerIndex,
    serial: u32,
    places: Slab<(StreamId, Rc<Stream>)>,
}

impl Streams {
    pub(crate) fn new(thread: ServerIndex) -> Self {
        Self { thread, serial: 0, places: Slab::new() }
    }

    /// Adds the stream that `make` makes of its name; `None` if there are too many.
    pub(crate) fn add(&mut self, make: impl FnOnce(StreamId) -> Stream) -> Option<Rc<Stream>> {
        let entry = self.places.vacant_entry();
        let place = u64::try_from(entry.key()).ok().filter(|place| *place <= PLACE_MAX)?;
        self.serial = self.serial.wrapping_add(1);
        let id = StreamId(u64::from(self.thread.0) << 56 | u64::from(self.serial) << PLACE_BITS | place);
        let stream = Rc::new(make(id));
        entry.insert((id, Rc::clone(&stream)));
        Some(stream)
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Rc<Stream>> {
        let (found, stream) = self.places.get(place_of(id))?;
        (*found == id).then_some(stream)
    }

    pub(crate) fn remove(&mut self, id: StreamId) {
        if self.get(id).is_some() {
            self.places.remove(place_of(id));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Stream>> {
        self.places.iter().map(|(_, (_, stream))| stream)
    }
}

/// The thread that holds a stream.
pub(crate) fn thread_of(id: StreamId) -> ServerIndex {
    let [thread, ..] = id.0.to_be_bytes();
    ServerIndex(thread)
}

fn place_of(id: StreamId) -> usize {
    usize::try_from(id.0 & PLACE_MAX).unwrap_or(usize::MAX)
}

const PLACE_BITS: u32 = 24;
const PLACE_MAX: u64 = (1 << PLACE_BITS) - 1;
