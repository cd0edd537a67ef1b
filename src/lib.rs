//! ratatosk: a SIP server where your address is a program that you own.

pub mod base;
pub mod call;
pub mod cli;
pub mod config;
pub mod device;
pub mod dialog;
pub mod effect;
pub mod io;
pub mod leg;
pub mod message;
pub mod registrar;
pub mod routing;
pub mod server;
pub mod sip;
pub mod transaction;
pub mod transport;
