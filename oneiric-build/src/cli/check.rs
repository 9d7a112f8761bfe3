//! `oneiric check`: everything that is wrong with manifests, and nothing else. Alone, it compiles nothing and touches no
//! network.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::lints::Lints;
use super::prepare::{Failure, File};
use super::profile::Profile;
use super::render::{self, Source, Style};
use super::shell::Shell;
use super::{MANIFEST_IS_WRONG, SYSTEM_FAILED, WRONG_USE, github, print, sarif, source, types};
use crate::Choices;
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
    /// Draw with nothing but ASCII, as for what is no terminal of UTF-8
    #[arg(long)]
    ascii: bool,
    /// Let rustc judge the types of functions and arguments as well, without building the program
    #[arg(long)]
    types: bool,
    /// Do not use the network for that
    #[arg(long, requires = "types")]
    offline: bool,
    #[command(flatten)]
    profile: Profile,
    #[command(flatten)]
    lints: Lints,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Format {
    /// To standard error, as `rustc` does
    Human,
    /// One JSON document on standard output
    Json,
    /// One SARIF 2.1.0 document on standard output, for code scanning
    Sarif,
    /// Annotations of a pull request on GitHub; people see the same as ever
    Github,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { manifests, format, ascii, types, offline, profile, lints } = args;
    let shell = Shell::new(false);
    if types && manifests.iter().any(|path| source::is_stdin(path)) {
        shell.error("`--types` needs a file: the cargo project around it has the types");
        return Ok(ExitCode::from(WRONG_USE));
    }
    let choices = Choices { levels: lints.levels(), profile: profile.chosen() };
    let mut style = Style::of_stderr();
    style.ascii |= ascii;
    let files = manifests.iter().map(|path| File::read(path, choices.clone()));
    let files = files.collect::<anyhow::Result<Vec<_>>>()?;
    let mut found: Vec<(Source<'_>, Diagnostics)> = Vec::new();
    let mut wrong = false;
    for file in &files {
        let result =
            if types { types::check(file, offline, &shell) } else { file.check().map_err(Failure::Manifest) };
        let result = match result {
            Ok(sound) => Ok(sound),
            Err(Failure::Manifest(faults)) => Err(faults),
            Err(Failure::System(error)) => return Err(error),
            Err(Failure::Said) => return Ok(ExitCode::from(SYSTEM_FAILED)),
        };
        wrong |= result.is_err();
        let source = Source::new(file.shown(), file.bytes());
        if matches!(format, Format::Human | Format::Github) {
            report(&source, &result, style)?;
        }
        found.push((source, result.map_or_else(|faults| faults, |(_, warnings)| warnings)));
    }
    let code = if wrong { MANIFEST_IS_WRONG } else { 0 };
    let found = found.iter().map(|(source, faults)| (source, faults));
    match format {
        Format::Human => {}
        Format::Json => print(&render::json(found).pretty())?,
        Format::Sarif => print(&sarif::log(found, code).pretty())?,
        Format::Github => {
            let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
            print(&github::annotations(found, root.as_deref()))?;
        }
    }
    Ok(ExitCode::from(code))
}

fn report(
    source: &Source<'_>,
    result: &Result<(Plan, Diagnostics), Diagnostics>,
    style: Style,
) -> std::io::Result<()> {
    let mut stderr = std::io::stderr().lock();
    let faults = match result {
        Ok((_, faults)) | Err(faults) => faults,
    };
    if !faults.is_empty() {
        stderr.write_all(render::human(source, faults, style).as_bytes())?;
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
