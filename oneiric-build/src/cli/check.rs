//! `oneiric check`: everything that is wrong with manifests, and nothing else.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::render::{self, Source, Style};
use super::{MANIFEST_IS_WRONG, source};
use crate::check_bytes;
use crate::diagnostic::Diagnostics;
use crate::plan::{Plan, counted};

/// Checks manifests and reports every fault
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Manifests to check; `-` is standard input
    #[arg(value_name = "MANIFEST", required = true)]
    manifests: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Format {
    /// To standard error, as `rustc` does
    Human,
    /// One JSON document on standard output
    Json,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { manifests, format } = args;
    let mut files = Vec::new();
    for path in manifests {
        files.push((source::shown(&path), source::read(&path)?));
    }
    let mut found: Vec<(Source<'_>, Diagnostics)> = Vec::new();
    let mut wrong = false;
    for (name, bytes) in &files {
        let result = check_bytes(bytes);
        wrong |= result.is_err();
        let source = Source::new(name.as_str(), bytes);
        if format == Format::Human {
            report(&source, &result)?;
        }
        found.push((source, result.map_or_else(|faults| faults, |(_, warnings)| warnings)));
    }
    if format == Format::Json {
        let document = render::json(found.iter().map(|(source, faults)| (source, faults)));
        std::io::stdout().lock().write_all(document.pretty().as_bytes())?;
    }
    Ok(if wrong { ExitCode::from(MANIFEST_IS_WRONG) } else { ExitCode::SUCCESS })
}

fn report(source: &Source<'_>, result: &Result<(Plan, Diagnostics), Diagnostics>) -> std::io::Result<()> {
    let mut stderr = std::io::stderr().lock();
    let faults = match result {
        Ok((_, faults)) | Err(faults) => faults,
    };
    if !faults.is_empty() {
        stderr.write_all(render::human(source, faults, Style::of_stderr()).as_bytes())?;
    }
    if let Ok((plan, _)) = result {
        let nodes: usize = plan.workflows.iter().map(|workflow| workflow.nodes.len()).sum();
        writeln!(
            stderr,
            "{}: {}, {}, no errors",
            source.path(),
            counted(plan.workflows.len(), "workflow"),
            counted(nodes, "node")
        )?;
    }
    Ok(())
}
