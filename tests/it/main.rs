//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "tables are printed for people")]

mod baresip;
mod process;
mod server_process;
mod sipp;
mod softphone;
mod tone;
mod calls;
mod net;
mod routing;
mod seeds;
mod sim;
mod torture;
mod torture_server;
mod wire;
