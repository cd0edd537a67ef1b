//! The command line: a file for each command.
//!
//! A command either runs a server ([`serve`], [`demo`]), or looks at files (`config check`, `tree …`),
//! or reads and writes the store and then tells the server that runs on it, if one does. What people
//! read is a table, what programs read is `--json`; what went wrong stands on standard error in plain
//! words with a way out. The exit status is 1 for bad input and 2 for a wrong command line.

mod answer;
mod api;
mod asked;
mod calls;
mod check;
mod contact;
mod demo;
mod desk;
mod device;
mod diff;
mod draw;
mod explain;
mod failure;
mod group;
mod host;
mod import;
mod import_cpl;
mod inbox;
mod live;
mod load;
mod loops;
mod output;
mod pages;
mod presence;
mod profile;
mod program;
mod registrations;
mod reload;
mod replay;
mod request;
mod serve;
mod status;
mod stock;
mod table;
mod token;
mod tree;
mod trunks;
mod user;

pub use program::main;
