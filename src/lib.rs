//! ratatosk: a SIP server where your address is a program that you own.

pub mod base;
pub mod config;
pub mod effect;
pub mod io;
pub mod routing;
pub mod server;
pub mod sip;
