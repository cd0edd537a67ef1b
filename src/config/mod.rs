//! Configuration: the file that an operator writes, and the plain settings that the core reads.

pub mod place;
pub mod settings;

pub use place::Place;
pub use settings::{Algorithm, Face, Listener, Settings};
