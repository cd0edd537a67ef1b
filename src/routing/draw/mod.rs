//! Pictures of a profile: as text for a terminal, as DOT for Graphviz, as SVG on one page.
//!
//! `picture` makes nodes of the profile's trees, with those on the way of one request lit; `text`,
//! `dot` and `svg` put them down, and `layout` says where.

mod dot;
mod layout;
mod picture;
mod svg;
mod text;

pub use picture::{Style, draw};
