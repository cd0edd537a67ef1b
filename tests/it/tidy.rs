//! The rules of the house, as tests.

#![allow(clippy::string_slice, reason = "cut where something was found")]

mod conformance;
mod documents;
mod floors;
mod map;
mod source;
mod words;
