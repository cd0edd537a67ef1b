//! Which user server a message belongs to, told from the message alone.

use crate::base::ServerIndex;
use crate::config::Settings;
use crate::sip::Message;

/// Where a message is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// By this user server.
    Server(ServerIndex),
    /// By any: nothing in it names a user of ours.
    Any,
}

/// The user server that a message belongs to: that of the transaction or dialog it names, else that
/// of the user who sends it.
pub fn home(settings: &Settings, message: &Message) -> Home {
    let _ = (settings, message);
    Home::Any
}
