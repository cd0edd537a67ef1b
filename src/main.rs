//! The `ratatosk` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ratatosk::cli::main()
}
