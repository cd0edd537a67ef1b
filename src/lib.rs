//! ratatosk: a SIP server where your address is a program that you own.

pub mod base;
pub mod routing;
