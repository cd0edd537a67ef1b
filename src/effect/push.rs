//! The words between the core and the push services that wake sleeping phones (RFC 8599).

use crate::base::Uid;

/// Whom to wake, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Whose phone.
    pub uid: Uid,
    /// What its user asked for when it registered.
    pub to: PushAddress,
    /// What waits for it.
    pub reason: PushReason,
}

/// Where a push service finds a phone: what the phone has written into its Contact (RFC 8599 §14.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushAddress {
    /// The service: `pn-provider`.
    pub provider: String,
    /// The phone there: `pn-prid`.
    pub prid: String,
    /// What else the service wants: `pn-param`; empty if there is nothing.
    pub param: String,
}

/// What a phone is woken for. Nothing is said of who calls or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushReason {
    /// A call.
    Call,
    /// A page.
    Page,
    /// Its binding, which ends soon.
    Renewal,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The hook has taken it; the phone registers when it is awake.
    Taken,
    /// The service knows the phone no longer.
    Gone,
    /// The hook is not there, or does not want it now.
    Failed,
}

impl PushReason {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Page => "page",
            Self::Renewal => "renewal",
        }
    }
}
