//! The `oneiric` command: everything that touches the world. One file for each subcommand, one for each thing touched.
//!
//! Thinking is left to the rest of the crate.

mod check;
mod explain;
mod plan;
mod render;
mod source;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// The manifest is wrong.
const MANIFEST_IS_WRONG: u8 = 1;
/// The command line is wrong, which clap mostly finds by itself.
const WRONG_USE: u8 = 2;
/// The compiler or the system failed.
const SYSTEM_FAILED: u8 = 3;

/// Compiles a manifest to a program.
#[derive(Debug, Parser)]
#[command(name = "oneiric", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Plan(plan::Args),
    Explain(explain::Args),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::exec(args),
        Command::Plan(args) => plan::exec(args),
        Command::Explain(args) => explain::exec(args),
    };
    result.unwrap_or_else(|error| {
        // Nothing can be done where even this cannot be written.
        _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::from(SYSTEM_FAILED)
    })
}
