//! The rules of the house, as tests.

mod conformance;
mod floors;
mod map;
mod source;
mod words;
