//! Names of users, clusters and the servers that own them.
//!
//! A [`Uid`] is the public address of a user (an address of record in SIP), a [`Cid`] the domain
//! that a cluster serves. Both are kept in one canonical form, so that equality of bytes is
//! equality of names: the domain is case-insensitive by RFC 3261 §19.1.4; the user part is
//! folded too, because people type `Anne` and mean `anne`.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

/// The number of slots into which a cluster divides its users (the user map names an owner for
/// each). Changing it re-homes every user.
pub const SLOTS: u16 = 4096;

/// A user's address, `anne@north.test`, in canonical (lower) case. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Arc<str>);

/// A cluster's name, `north.test`, in canonical (lower) case. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cid(Arc<str>);

/// One of the 4,096 pieces of the user map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(pub u16);

/// Which user server of this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ServerIndex(pub u8);

/// Which other cluster, in the book of one user server. A cluster keeps its number for as long as
/// the server lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PeerId(pub u16);

/// Why a text is no UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// There is no `@`, or nothing on one side of it.
    #[error("a UID has the form user@cluster, for instance anne@north.test")]
    Shape,
    /// A part holds a character that cannot stand in an address.
    #[error("a UID holds no spaces, control characters, or any of <>\"@:;,?/\\")]
    Character,
    /// Longer than 255 bytes.
    #[error("a UID has at most 255 bytes")]
    Long,
}

/// What cannot stand in a part of a UID besides spaces and control characters.
const BARRED: [char; 10] = ['<', '>', '"', '@', ':', ';', ',', '?', '/', '\\'];

impl Uid {
    /// Reads `user@cluster`, folding case.
    pub fn parse(text: &str) -> Result<Self, UidError> {
        let (user, cluster) = text.rsplit_once('@').ok_or(UidError::Shape)?;
        Self::new(user, cluster)
    }

    /// Joins a user part (already unescaped) and a cluster, folding case.
    pub fn new(user: &str, cluster: &str) -> Result<Self, UidError> {
        if user.is_empty() || cluster.is_empty() {
            return Err(UidError::Shape);
        }
        if user.len() + cluster.len() > 254 {
            return Err(UidError::Long);
        }
        let bad = |c: char| c.is_control() || c.is_whitespace() || BARRED.contains(&c);
        if user.chars().any(bad) || cluster.chars().any(|c| bad(c) && c != ':') {
            return Err(UidError::Character);
        }
        let mut text: SmallVec<[u8; 64]> = SmallVec::new();
        for piece in [user, "@", cluster] {
            text.extend_from_slice(piece.as_bytes());
        }
        text.make_ascii_lowercase();
        let text = std::str::from_utf8(&text).map_err(|_| UidError::Character)?;
        Ok(Self(if text.is_ascii() { text.into() } else { text.to_lowercase().into() }))
    }

    /// The whole of it, `anne@north.test`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn user(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(user, _)| user)
    }

    /// The part after the `@`.
    pub fn cluster(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, cluster)| cluster)
    }

    /// The slot this user falls into: the same on every machine and in every version.
    pub fn slot(&self) -> Slot {
        Slot::of(self.0.as_bytes())
    }
}

impl Cid {
    /// Takes a domain name, folding case and a trailing dot.
    pub fn new(domain: &str) -> Self {
        Self(domain.trim_end_matches('.').to_ascii_lowercase().into())
    }

    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number that no other domain of an operator's list has.
    pub fn fingerprint(&self) -> u64 {
        fnv(self.0.as_bytes())
    }
}

impl Slot {
    /// FNV-1a over the bytes, modulo [`SLOTS`].
    pub fn of(bytes: &[u8]) -> Self {
        let hash = fnv(bytes);
        // The low bits of FNV are its weak ones: fold the high half in.
        let folded = (hash ^ (hash >> 32)) & u64::from(SLOTS - 1);
        Self(u16::try_from(folded).unwrap_or(0))
    }

    /// The first and the last slot that this user server owns: see [`Slot::owner`].
    pub fn owned(server: ServerIndex, servers: u8) -> (Self, Self) {
        let first = |server: u32| {
            let slot = (server * u32::from(SLOTS)).div_ceil(u32::from(servers.max(1)));
            u16::try_from(slot).unwrap_or(SLOTS)
        };
        let server = u32::from(server.0);
        (Self(first(server)), Self(first(server + 1).saturating_sub(1)))
    }

    /// The user server that owns this slot when `servers` of them share the map evenly.
    pub fn owner(self, servers: u8) -> ServerIndex {
        let owner = u32::from(self.0) * u32::from(servers.max(1)) / u32::from(SLOTS);
        ServerIndex(u8::try_from(owner).unwrap_or(0))
    }
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_one_form() {
        assert_eq!(Uid::parse("Anne@North.TEST").unwrap().as_str(), "anne@north.test");
        assert_eq!(Uid::parse("anne"), Err(UidError::Shape));
        assert_eq!(Uid::parse("@north.test"), Err(UidError::Shape));
        assert_eq!(Uid::parse("an ne@north.test"), Err(UidError::Character));
    }

    #[test]
    fn slots_are_stable_and_spread_over_servers() {
        let uid = Uid::parse("anne@localhost").unwrap();
        assert_eq!(uid.slot(), Uid::parse("ANNE@localhost").unwrap().slot());
        let mut counts = [0_u32; 4];
        for i in 0..10_000 {
            let uid = Uid::parse(&format!("u{i:06}@bench.test")).unwrap();
            counts[usize::from(uid.slot().owner(4).0)] += 1;
        }
        assert!(counts.iter().all(|c| (2_000..3_000).contains(c)), "{counts:?}");
    }
}
