//! File descriptors: how many connections the system lets this process hold.
//!
//! A process that has none left can do nothing any more: not write its store, not hear its operator. So
//! connections are refused while some are left, and whatever is there goes on.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How many are left for what is no connection: the files of the store, operators, questions to the DNS,
/// connections that are just being made or refused.
const RESERVE: u64 = 32;
/// How many are open at the most before the first connection comes, where the system does not tell.
const USUAL: u64 = 64;
/// Fewer connections than that are worth a warning.
const FEW: u32 = 256;
/// Of the connections, one in so many may be of HTTP.
const SHARE_OF_HTTP: u32 = 8;

/// What operators may do about it.
pub(crate) const WAY_OUT: &str =
    "`ulimit -n` raises it in the shell that starts the server, `LimitNOFILE=` in a unit of systemd";

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// By which SIP is spoken.
    pub streams: u32,
    /// By which HTTP is spoken.
    pub http: u32,
}

/// Lets this process open as many as it may without asking anybody.
pub fn raise() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// How many connections there is room for, now that everything else is open.
pub fn room() -> Room {
    let Ok((most, _)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Room { streams: u32::MAX, http: u32::MAX };
    };
    let open = fs::read_dir("/proc/self/fd").map_or(USUAL, |open| open.count().try_into().unwrap_or(USUAL));
    let room = Room::of(most, open);
    if room.streams < FEW {
        tracing::warn!(
            "this process may have {most} files and connections open: that is room for {} connections of phones; {WAY_OUT}",
            room.streams
        );
    }
    room
}

impl Room {
    /// With so many descriptors in all, and so many in use for good.
    fn of(most: u64, open: u64) -> Self {
        let left = most.saturating_sub(open).saturating_sub(RESERVE);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let http = (left / SHARE_OF_HTTP).max(1);
        Self { streams: left.saturating_sub(http), http }
    }
}

/// Tells once that a door takes nobody in, and not again before it has.
#[derive(Debug, Default)]
pub(crate) struct Complaint {
    is_told: bool,
}

impl Complaint {
    /// It has taken somebody in.
    pub(crate) fn settle(&mut self) {
        self.is_told = false;
    }

    /// It could not.
    pub(crate) fn tell(&mut self, door: &str, error: &io::Error) {
        let is_scarce =
            matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE));
        match (self.is_told, is_scarce) {
            (true, _) => tracing::debug!(door, %error, "still nobody can be taken in"),
            (false, true) => tracing::warn!(
                door, %error, "nobody can be taken in: too many files and connections are open; those in use go on; {WAY_OUT}"
            ),
            (false, false) => tracing::warn!(door, %error, "nobody can be taken in"),
        }
        self.is_told = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_always_left() {
        assert_eq!(Room::of(1024, 40), Room { streams: 833, http: 119 });
        assert_eq!(Room::of(64, 30), Room { streams: 1, http: 1 });
        assert_eq!(Room::of(64, 60), Room { streams: 0, http: 1 });
        assert_eq!(Room::of(u64::MAX, 40).streams, u32::MAX - u32::MAX / 8);
    }
}
