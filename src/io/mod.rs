//! The outside: the only room (with `cli`) that has tokio, sqlx, sockets, files and clocks.
//!
//! A server process is put together by `cli` from three parts of this room:
//!
//! * [`store`]: a thread of its own that performs the core's `StoreOp`s against the database and
//!   answers through a callback, so that no core thread ever waits for a disk;
//! * the driver: sockets, timers and one thread for each user server;
//! * [`socket`]: the UNIX socket by which the command line reaches the running server. It hands
//!   `AdminRequest`s to whatever implements [`socket::Operator`]; the driver's handle does.

pub mod clock;
pub mod seal;
pub mod store;
