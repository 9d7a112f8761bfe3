//! The `oneiric` command: everything that touches the world. One file for each subcommand, one for each thing touched.
//!
//! Thinking is left to the rest of the crate.

mod adapters;
mod build;
mod cargo;
mod check;
mod explain;
pub(crate) mod faults;
mod generate;
mod github;
mod linkage;
mod lints;
mod manifest;
mod plan;
mod prepare;
mod profile;
mod progress;
mod render;
mod report;
mod run;
mod rustc;
mod sarif;
mod schema;
mod shell;
mod source;
mod toolchain;
mod types;
mod verify;
mod workspace;
mod write;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use self::shell::Shell;

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
    Build(build::Args),
    Run(run::Args),
    Check(check::Args),
    Generate(generate::Args),
    Plan(plan::Args),
    Explain(explain::Args),
    Adapters(adapters::Args),
    Schema(schema::Args),
    Manifest(manifest::Args),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Build(args) => build::exec(args),
        Command::Run(args) => run::exec(args),
        Command::Check(args) => check::exec(args),
        Command::Generate(args) => generate::exec(args),
        Command::Plan(args) => plan::exec(args),
        Command::Explain(args) => explain::exec(args),
        Command::Adapters(args) => adapters::exec(args),
        Command::Schema(args) => schema::exec(args),
        Command::Manifest(args) => manifest::exec(args),
    };
    result.unwrap_or_else(|error| {
        Shell::new(false).error(&format!("{error:#}"));
        ExitCode::from(SYSTEM_FAILED)
    })
}

/// Writes a result to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to standard output")
}
