//! The world outside: the only room with tokio, sockets and clocks.
//!
//! Each thread of the [`driver`] runs a connection server (the sockets in [`net`]) and a user
//! server in one loop, so that a message whose user lives on the thread that read it is handled to
//! the end without a hand-over.

pub mod clock;
pub mod driver;
pub mod entropy;
pub mod net;
