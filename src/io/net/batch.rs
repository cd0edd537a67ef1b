//! Many datagrams with one system call: `recvmmsg` and `sendmmsg`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use smallvec::SmallVec;

/// Datagrams that one call takes at most, and after which others get their turn.
pub(crate) const BATCH: usize = 32;

/// Datagrams that are asked for when there is little to do.
const WIDTH: usize = 4;

/// No datagram is longer: IPv4 allows 65,507 bytes, IPv6 20 more.
const DATAGRAM_BYTES: usize = 65_535;

/// Room for a batch to be received into. Only the pages that are written to are ever real memory.
pub(crate) struct Receiver {
    room: Vec<u8>,
    /// One set for each socket: the kernel leaves the size of the family's addresses in it.
    headers: MultiHeaders<SockaddrStorage>,
    /// How many datagrams are asked for: somewhat more than came lately. Room that stays empty costs, too.
    width: usize,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let headers = MultiHeaders::preallocate(BATCH, None);
        Self { room: vec![0; BATCH * DATAGRAM_BYTES], headers, width: WIDTH }
    }

    /// Shows `each` every datagram of a batch; tells whether it was full, so that there may be more.
    pub(crate) fn receive(
        &mut self,
        socket: &impl AsRawFd,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<bool> {
        let mut chunks = self.room.chunks_exact_mut(DATAGRAM_BYTES);
        let mut slots: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let slots = slots.iter_mut().take(self.width);
        let received = recvmmsg(socket.as_raw_fd(), &mut self.headers, slots, MsgFlags::MSG_DONTWAIT, None)?;
        let mut count = 0;
        for datagram in received {
            count += 1;
            if let Some(source) = datagram.address.as_ref().and_then(plain)
                && !datagram.flags.contains(MsgFlags::MSG_TRUNC)
            {
                each(source, datagram.iovs().next().unwrap_or_default());
            }
        }
        let is_full = count == self.width;
        self.width = if is_full { BATCH.min(2 * count) } else { WIDTH.max(2 * count).min(self.width) };
        Ok(is_full)
    }
}

/// Sends batches.
pub(crate) struct Sender {
    headers: MultiHeaders<SockaddrStorage>,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { headers: MultiHeaders::preallocate(BATCH, None) }
    }

    /// Sends the first [`BATCH`] of these; gives back how many went. An error is that of the first.
    pub(crate) fn send<'a>(
        &mut self,
        socket: &impl AsRawFd,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
    ) -> io::Result<usize> {
        let (targets, slots): (Targets, Slots<'a>) = datagrams
            .take(BATCH)
            .map(|(target, bytes)| (Some(SockaddrStorage::from(target)), [IoSlice::new(bytes)]))
            .unzip();
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(socket.as_raw_fd(), &mut self.headers, slots.iter(), &targets, [], flags)?;
        Ok(sent.count())
    }
}

type Targets = SmallVec<[Option<SockaddrStorage>; BATCH]>;
type Slots<'a> = SmallVec<[[IoSlice<'a>; 1]; BATCH]>;

fn plain(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}
