//! The connection server: sockets, and what comes in and goes out on them as whole messages.
//!
//! Nothing here knows what a message means. The mechanisms are here; the tasks that work them are
//! the driver's.

pub mod certificates;
pub mod listen;

mod revocations;

pub(crate) mod batch;
pub(crate) mod cipher;
pub(crate) mod outgoing;
pub(crate) mod quota;
pub(crate) mod reading;
pub(crate) mod sip_domain;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod turns;
pub(crate) mod udp;
pub(crate) mod web_socket;
pub(crate) mod wrapping;
