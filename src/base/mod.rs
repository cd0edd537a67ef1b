//! The ground floor: ids, time, timers, addresses, randomness, limits.
//!
//! Nothing here knows SIP, and nothing here touches the outside world.

pub mod address;
pub mod arena;
pub mod id;
pub mod limits;
pub mod rng;
pub mod text;
pub mod time;
pub mod timers;
pub mod token;

pub use arena::{Arena, Key};
pub use id::{Cid, PeerId, ServerIndex, Slot, Uid};
pub use limits::Limits;
pub use rng::Rng;
pub use time::{At, Now};
pub use timers::{TimerId, Timers, ms};
pub use token::{Token, name_record};
