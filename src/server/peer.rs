//! What two user servers of one process say to each other.

/// A word about a call or page whose halves live in two user servers.
#[derive(Debug)]
pub(crate) enum PeerWord {}
