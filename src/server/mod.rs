//! One user server as one machine: `handle(now, input)` leaves effects; nothing else happens.
//!
//! The switchboard and nothing else: what a message means is decided here, what is done about it in
//! the rooms below.

mod admin;
mod calling;
mod circling;
mod dismissing;
mod federating;
mod flows;
mod neighbours;
mod paging;
mod peer;
mod registering;
mod renewing;
mod replacing;
mod requests;
mod returning;
mod scripting;
mod steer;
mod switchboard;
mod transferring;
mod user_server;
mod users;
mod visitors;
mod waking;
mod wishes;
mod words;

pub use steer::{Home, home};
pub use switchboard::Census;
pub use user_server::UserServer;
pub use words::{Envelope, Input, Output};
