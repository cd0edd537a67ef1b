//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "tables are printed for people")]

mod baresip;
mod calls;
mod cli;
mod loopback;
mod net;
mod process;
mod readme;
mod routing;
mod seeds;
mod server_process;
mod sim;
mod sipp;
mod softphone;
mod store;
mod tidy;
mod tone;
mod torture;
mod torture_server;
mod wire;
