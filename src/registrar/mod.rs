//! Who a user is and where his phones are: digest authentication and bindings.
//!
//! A [`User`] is the routing record in memory. It is loaded once, by the user server that owns the
//! user, and everything that a call or page needs is in it.

mod auth;
mod bindings;
mod calls;
mod contacts;
mod gruu;
mod hourly;
mod identity;
mod outbound;
mod path;
mod patience;
mod push;
mod register;
mod strangers;
mod user;

pub use auth::{Access, Doors, Verdict, claimed};
pub use bindings::{Binding, Bindings, Flowing, q_text};
pub use calls::Calls;
pub use contacts::Contacts;
pub use gruu::{Meaning, Only, is_spent, meaning};
pub use hourly::Hourly;
pub use identity::{Caller, aor_of, callee_of, only_of, who_of, who_of_uri};
pub use patience::{Patience, Suspect, Unanswered};
pub use push::{Rousing, veiled};
pub use register::{Change, Denied, kept_alive, registration_reply, requested_change, write_feature_caps};
pub use strangers::Strangers;
pub use user::User;
