//! The HTTP API: the commands of the command line, asked for by programs elsewhere.
//!
//! [`routes`] is the registry: which command a method and a path stand for. What a command takes, its
//! own declaration says, from which [`fields`] reads it, [`arguments`] builds a command line and
//! [`document`] describes it all. So a request is another way to type a command, and no command is
//! written twice.

mod arguments;
mod asking;
mod condition;
mod document;
mod fields;
mod gate;
mod office;
mod routes;
mod trouble;

pub(super) use document::{document, table};
pub(super) use office::ApiOffice;
