//! `oneiric schema`: JSON Schemas, for editors and for programs.

use std::process::ExitCode;

use super::print;
use crate::schema;

/// Prints the JSON Schema of the manifest, for editors, or of what this compiler prints
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Args {
    /// The schema of what
    #[arg(value_name = "WHAT", value_enum, default_value_t = What::Manifest)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    /// A manifest
    Manifest,
    /// What `check --format json` prints
    Diagnostics,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { what } = args;
    match what {
        What::Manifest => print(&schema::manifest().pretty())?,
        What::Diagnostics => print(schema::DIAGNOSTICS)?,
    }
    Ok(ExitCode::SUCCESS)
}
