//! Everything that time can do to a user server, in one closed list.

use super::Ticket;
use crate::base::{Key, PeerId, Uid};

/// What a timer means when it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// A client transaction's timer.
    Client(Key, Letter),
    /// A server transaction's timer.
    Server(Key, Letter),
    /// A leg's timer.
    Leg(Key, LegTimer),
    /// A call's timer.
    Call(Key, CallTimer),
    /// The clients stage of a page is over.
    Page(Key),
    /// A round of pages from an inbox has waited long enough for the phones.
    Round(Key),
    /// The earliest binding of this user expires.
    Binding(Uid),
    /// Time to look whose phones are asleep and have to renew their bindings.
    Renewals,
    /// A timer of another cluster's.
    Peer(PeerId, PeerTimer),
    /// The store has worked long enough on this for whoever waits for it.
    Late(Ticket),
}

/// The timers of RFC 3261 §17 and RFC 6026, by letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// INVITE request repeated, UDP only.
    A,
    /// INVITE transaction times out.
    B,
    /// Response retransmissions absorbed after a non-2xx, client.
    D,
    /// Non-INVITE request repeated, UDP only.
    E,
    /// Non-INVITE transaction times out.
    F,
    /// INVITE response repeated, UDP only.
    G,
    /// No ACK came.
    H,
    /// ACK retransmissions absorbed.
    I,
    /// Non-INVITE request retransmissions absorbed.
    J,
    /// Response retransmissions absorbed, client.
    K,
    /// 2xx may still be sent (RFC 6026 §7.1).
    L,
    /// 2xx may still come (RFC 6026 §7.2).
    M,
}

/// The timers of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegTimer {
    /// The 2xx is repeated until its ACK comes (RFC 3261 §13.3.1.4).
    Repeat2xx,
    /// No ACK came in 64·T1.
    NoAck,
    /// A CANCEL was sent and no final response came in 64·T1 (RFC 3261 §9.1).
    Cancelled,
    /// Time to ask the phone whether it still knows the dialog.
    Probe,
    /// A provisional response is due again (RFC 3261 §13.3.1.1).
    Minute,
    /// The time that an INVITE gives itself is over (RFC 3261 §13.3.1).
    Expired,
    /// A reliable provisional response is repeated until its PRACK comes (RFC 3262 §3).
    RepeatReliable,
    /// No PRACK came in 64·T1.
    NoPrack,
    /// The session is to be refreshed, or has not been (RFC 4028 §10).
    Session,
}

/// The timers of another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerTimer {
    /// Time to look whether it is there, or to give up the last look.
    Probe,
    /// Time to look at the pages that wait for it.
    Outbox,
}

/// The timers of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallTimer {
    /// The stage of the tree is over: `for 20s`.
    Stage,
    /// A staggered target is due: `after 5s`.
    Next,
    /// Phones that have given no sign of life have held up the verdict of the others long enough.
    Silent,
    /// Phones that were asleep have had their time to register.
    Waking,
    /// A client that has another flow has been silent on this one for long enough.
    Flows,
    /// The call has rung as long as any call may.
    Limit,
}
