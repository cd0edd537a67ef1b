//! The integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

mod routing;
