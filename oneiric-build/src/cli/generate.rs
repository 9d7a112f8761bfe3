//! `oneiric generate`: manifest to crate, without compiling it.

use std::path::PathBuf;
use std::process::ExitCode;

use super::lints::Lints;
use super::prepare::{Failure, File, Prepared};
use super::profile::Profile;
use super::shell::Shell;
use super::{MANIFEST_IS_WRONG, report, write};
use crate::Choices;

/// Write the crate of a manifest's program.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The manifest
    manifest: PathBuf,
    /// Put the crate here instead of into the target folder
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing: list the files that would change, and fail if there are any
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    profile: Profile,
    #[command(flatten)]
    lints: Lints,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { manifest, out, check, profile, lints } = args;
    let shell = Shell::new(false);
    let choices = Choices { levels: lints.levels(), profile: profile.chosen() };
    let file = File::read(&manifest, choices)?;
    let prepared = match Prepared::new(&file, out.as_deref(), false) {
        Ok(prepared) => prepared,
        Err(Failure::Manifest(faults)) => {
            file.show(&faults, &shell);
            return Ok(ExitCode::from(MANIFEST_IS_WRONG));
        }
        Err(Failure::System(error)) => return Err(error),
        Err(Failure::Said) => return Ok(ExitCode::from(super::SYSTEM_FAILED)),
    };
    file.show(&prepared.warnings, &shell);
    let Prepared { project, folder, .. } = &prepared;
    if check {
        let stale = write::stale(folder, project)?;
        for path in &stale {
            super::print(&format!("{}\n", report::shown(path).display()))?;
        }
        return Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(MANIFEST_IS_WRONG) });
    }
    let written = write::write(folder, project)?;
    let what = if written.is_empty() { "Unchanged" } else { "Generated" };
    shell.status(what, &report::shown(folder).display().to_string());
    Ok(ExitCode::SUCCESS)
}
