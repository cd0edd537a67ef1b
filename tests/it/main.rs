//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "tables are printed for people")]

mod loopback;
mod net;
mod routing;
mod torture;
mod torture_server;
mod wire;
