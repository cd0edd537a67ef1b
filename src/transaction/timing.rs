//! The base values of RFC 3261's timers (appendix A).

use std::time::Duration;

/// Round-trip estimate.
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between repeats of a non-INVITE request or an INVITE response.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: timers B, F, H, J, L, M.
pub const TIMEOUT: Duration = Duration::from_secs(32);
/// Timer D on an unreliable transport.
pub(super) const TIMER_D: Duration = Duration::from_secs(32);
/// How long a request that somebody waits for may take: he is to be answered before his own timer F
/// ends his transaction (RFC 4320 §4.2), and his request took some of that time to come.
pub const RELAYED: Duration = Duration::from_secs(30);
