//! The JSON form of a tree file, for programs: nothing of the text is lost, comments included.
//!
//! The two forms say the same: a text becomes JSON (`from_text`) by way of its canonical form, and JSON
//! becomes text (`to_text`) in canonical form, so that there and back is the same as `format`. Conditions,
//! targets and actions are the words that a tree has for them; what holds them together is structure.

mod from_text;
mod model;
mod to_text;

pub use from_text::to_json;
pub use to_text::{JsonFault, from_json};
