//! The `oneiric` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    oneiric_build::cli::main()
}
