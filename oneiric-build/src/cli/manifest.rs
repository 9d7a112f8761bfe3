//! `oneiric manifest`: what is done with manifests besides compiling them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::render::{self, Source, Style};
use super::{MANIFEST_IS_WRONG, WRONG_USE, print, source};
use crate::check_bytes;
use crate::diff::{self, Difference};
use crate::plan::Plan;

/// Works on manifests
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Diff(Diff),
}

/// Shows what changes in behaviour from one manifest to another
#[derive(Debug, clap::Args)]
struct Diff {
    /// The manifest as it was; `-` is standard input
    old: PathBuf,
    /// The manifest as it is to be; `-` is standard input
    new: PathBuf,
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 where behaviour changes
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For a pull request
    Markdown,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Diff(args) => diff(&args),
    }
}

fn diff(args: &Diff) -> anyhow::Result<ExitCode> {
    if args.old == args.new && args.old == Path::new("-") {
        let mut stderr = std::io::stderr().lock();
        writeln!(stderr, "error: only one of the two can be standard input")?;
        return Ok(ExitCode::from(WRONG_USE));
    }
    let (old, new) = (plan(&args.old)?, plan(&args.new)?);
    let (Some(old), Some(new)) = (old, new) else { return Ok(ExitCode::from(MANIFEST_IS_WRONG)) };
    let difference = Difference::between(&old, &new);
    print(&match args.format {
        Format::Text => diff::text(&difference),
        Format::Json => difference.json().pretty(),
        Format::Markdown => diff::markdown(&difference),
    })?;
    let differs = args.exit_code && !difference.is_empty();
    Ok(if differs { ExitCode::from(MANIFEST_IS_WRONG) } else { ExitCode::SUCCESS })
}

/// The plan of the manifest at `path`; shows its errors where it has none.
fn plan(path: &Path) -> anyhow::Result<Option<Plan>> {
    let bytes = source::read(path)?;
    match check_bytes(&bytes) {
        Ok((plan, _)) => Ok(Some(plan)),
        Err(faults) => {
            let source = Source::new(source::shown(path), &bytes);
            let shown = render::human(&source, &faults, Style::of_stderr());
            std::io::stderr().lock().write_all(shown.as_bytes())?;
            Ok(None)
        }
    }
}
