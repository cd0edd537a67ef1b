//! Configuration: the file that an operator writes, and the plain settings that the core reads.
//!
//! [`Config::read`] takes the text of a file and the environment and gives back everything they say,
//! or everything that is wrong with them; [`Config::settings`] makes [`Settings`] of it, for which
//! the store and the machine add what only they know. No file is opened here.

pub mod fault;
pub mod file;
pub mod place;
pub mod push;
mod settings;

mod check;
mod federation;
mod limited;
mod listen;
mod make;
mod reader;

pub use fault::{Fault, Faults};
pub use file::{Config, Listen, PeerAddress, Peering, Resolve, Sources, Trees};
pub use listen::HTTP_PORT;
pub use make::Known;
pub use place::Place;
pub use settings::{
    Algorithm, Allow, Face, Features, Listener, Peer, PushHook, Secret, Settings, TlsFiles, Trust,
};
