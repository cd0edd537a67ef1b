//! The simulated world: user servers, a store, a network and phones, all in one thread and without
//! a clock, so that a run is a value of its seed.
//!
//! ```text
//! let mut world = World::new();
//! world.phone("anne");
//! world.phone("carl").on_call(&[(0.1, Reply::Status(180)), (2.0, Reply::Answer)]);
//! world.at(0.0, "anne", Do::Call("carl".into()));
//! world.at(10.0, "anne", Do::Hangup);
//! world.expect("…the ladder…");
//! ```
//!
//! The phones named are registered before the ladder begins; [`World::expect`] runs what was
//! planned, then lets everybody hang up and 500 s pass, asks every checker, and compares the ladder.
//! [`World::with_south`] adds a second cluster: `anne@south.test/desk` is a phone of it, and servers
//! reach each other over the same network. [`World::kill_at`] and [`World::start_at`] end and start
//! the servers of one. [`World::random`] makes the network bad; `seeds.rs` plays thousands of those.

#![allow(unreachable_pub, reason = "reads like a library, and one day may be one")]
#![allow(
    clippy::string_slice,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    clippy::format_push_string,
    reason = "phones may panic"
)]

pub mod by_hand;
mod bystanders;
pub mod check;
pub mod cluster;
pub mod digest;
pub mod heard;
pub mod ladder;
pub mod net;
pub mod phone;
pub mod poke;
pub mod run;
pub mod serve;
pub mod store;
pub mod streams;
pub mod text;
pub mod world;

pub use phone::{Do, Moods, Reply};
pub use world::World;

/// Calls a user of the cluster, or a whole URI.
pub fn call(to: &str) -> Do {
    Do::Call(to.to_owned())
}

/// Pages a user.
pub fn page(to: &str, text: &str) -> Do {
    Do::Page(to.to_owned(), text.to_owned())
}

/// Rings at once and answers after so many seconds.
pub fn answers(seconds: f64) -> [(f64, Reply); 2] {
    [(0.0, Reply::Status(180)), (seconds, Reply::Answer)]
}

/// Rings at once and says that after so many seconds.
pub fn refuses(seconds: f64, status: u16) -> [(f64, Reply); 2] {
    [(0.0, Reply::Status(180)), (seconds, Reply::Status(status))]
}
