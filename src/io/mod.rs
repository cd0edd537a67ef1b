//! The world outside: the only room (with `cli`) that has tokio, sqlx, sockets, files and clocks.
//!
//! Each thread of the [`driver`] runs a connection server (the sockets in [`net`]) and a user
//! server in one loop, so that a message whose user lives on the thread that read it is handled to
//! the end without a hand-over. The [`store`] has a thread of its own, which answers the user
//! servers through their inboxes, so that none of them ever waits for a disk. [`socket`] is the way
//! from the command line to a running server.

pub mod clock;
pub mod descriptors;
pub(crate) mod dns;
pub mod driver;
pub mod entropy;
pub mod event_log;
mod hook;
pub mod http;
pub mod log_writer;
pub mod machine;
pub mod metrics;
pub mod net;
pub mod seal;
pub mod socket;
pub mod store;
