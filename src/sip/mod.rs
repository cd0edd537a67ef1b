//! The language on the wire: SIP messages, their headers and URIs, digest, and a look at SDP.
//!
//! A received [`Message`] is an index of header positions over the bytes that came; each header
//! is read when somebody asks. Nothing here sends, waits or remembers: this room knows grammar,
//! not behaviour. It is the only room that may name a crate for SIP or SDP.
//!
//! Where to start: [`Message::parse`], then [`Writer`].

mod address;
mod answer;
mod chars;
mod check;
mod date;
pub mod digest;
mod fault;
mod frame;
mod item;
mod list;
mod message;
mod method;
mod multipart;
mod name;
mod params;
mod parse;
mod preferences;
mod privacy;
mod sdp;
mod status;
mod uri;
mod uri_parse;
mod uri_same;
mod veil;
mod via;
mod write;

pub use address::{Contact, NameAddr};
pub use chars::{number, trim, unescape_quoted};
pub use date::Date;
pub use fault::{Fault, Unreadable};
pub use frame::{Frame, Framer, frame};
pub use item::{Item, RAck, Reason};
pub use list::{Elements, elements};
pub use message::Message;
pub use method::Method;
pub use multipart::Part;
pub use name::Name;
pub use params::Params;
pub use preferences::{Preferences, features_of};
pub use privacy::Privacy;
pub use sdp::{Direction, Media, Sdp};
pub use status::reason_phrase;
pub use uri::{Host, Scheme, Uri, UriError, is_sips, unescaped};
pub use veil::Mask;
pub use via::Via;
pub use write::Writer;
