//! The `ratatosk` program.

fn main() {}
