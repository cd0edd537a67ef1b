//! Legs: one side of a call each, as a user agent towards a phone or as a link to the call's other
//! half.
//!
//! A leg turns SIP into the few words of a call ([`LegWord`]) and back. It owns its dialog, its
//! transactions and its timers, keeps the promises of a user agent by itself (the ACK of a 2xx, the
//! BYE of an answer that came too late), and knows nothing of trees or of the other legs.

mod acks;
mod confirmed;
mod early_uac;
mod early_uas;
mod inside;
mod invite_out;
mod legs;
mod link;
mod outcome;
mod places;
mod refer;
mod relay;
mod reliable;
mod renegotiation;
mod replaces;
mod session_timer;
mod uac;
mod uas;
mod watch;
mod words;

pub use invite_out::Dial;
pub use legs::{Legs, Report, Wire};
pub use link::{LinkEnd, LinkMail};
pub use outcome::{outcome_of, own_status, precedence, rank, shown_status};
pub use refer::Referral;
pub use reliable::confirms_provisional;
pub use replaces::Replaces;
pub use session_timer::too_brief;
pub use words::{ALLOW, ELSEWHERE, LegWord, Passage, Refusal, SUPPORTED};
pub use words::{sips_warning, wants_no_sips, write_required};
