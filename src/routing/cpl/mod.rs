//! CPL, the older language for what a tree does: a script in XML becomes a tree that does the same.
//!
//! `element` is the only file that knows XML. `walk` follows a script as a call would, with the set of
//! addresses that it has gathered so far; `proxy` is what is tried, `switch` what is decided on, by `address`
//! and `time`. In a script a decision may come after an attempt, in a tree all of them stand before it: so
//! a `Decision` draws them to the front. `import` writes it down and lets the checker strike out what can
//! never be reached.
//!
//! What a tree cannot do is a fault if it decides where a call goes, and a remark if it does not. Nothing
//! but the script is read: document types are refused, so there are no entities, and no address in it is
//! looked up.
//!
//! Implements: RFC 3880 §3 to §10.

mod address;
mod decision;
mod element;
mod import;
mod proxy;
mod switch;
mod time;
mod walk;

pub use import::{Imported, Remark, import_cpl};
