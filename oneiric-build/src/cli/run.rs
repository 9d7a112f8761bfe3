//! `oneiric run`: manifest to program, and start it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::Context;

use super::build::{self, Options};
use super::report;
use super::shell::Shell;

/// Build a manifest's program and start it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// Arguments of the program [default: orchestrate]
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let shell = Shell::new(args.options.quiet);
    let built = match build::build(&args.options, &shell)? {
        Ok(built) => built,
        Err(code) => return Ok(code),
    };
    let binary = std::path::absolute(&built.report.binary).context("cannot tell the current folder")?;
    let words = if args.args.is_empty() { vec!["orchestrate".into()] } else { args.args };
    let line: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    shell.status("Running", &format!("`{} {}`", report::shown(&binary).display(), line.join(" ")));
    // The program takes this one's place, so signals and the exit code are its own.
    Err(Command::new(&binary).args(words).exec())
        .with_context(|| format!("cannot start `{}`", binary.display()))
}
