//! The HTTP server of the admin API: one thread of its own, so that nothing of it is ever in the way of
//! a call.
//!
//! [`server`] takes connections in, within the limits; [`exchange`] leads one request through: who may
//! come in is asked before the body is read, and the work is done on a few threads beside, in turns. What the
//! routes are and what they do, this room does not know: that is the [`Office`](words::Office).

pub mod exchange;
pub mod problem;
pub mod server;
mod stall;
mod turns;
pub mod words;
