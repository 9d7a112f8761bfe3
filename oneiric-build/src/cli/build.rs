//! `oneiric build`: manifest to program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use super::cargo::{Build, Effort, Goal};
use super::lints::Lints;
use super::prepare::{Failure, File, Prepared};
use super::profile::Profile;
use super::report::{self, Report};
use super::shell::Shell;
use super::toolchain::{Target, Toolchain};
use super::{MANIFEST_IS_WRONG, SYSTEM_FAILED, linkage, rustc, verify, write};
use crate::Choices;
use crate::codegen::map::Map;
use crate::plan::Plan;
use crate::project::Lock;

/// Compile a manifest to a program.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Print one JSON document about the program on standard output
    #[arg(long)]
    json: bool,
}

/// What there is to choose about a build.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    /// The manifest
    manifest: PathBuf,
    /// Put the program here
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Build quickly, without optimisation
    #[arg(long)]
    debug: bool,
    /// Make the smallest program, which takes much longer each time
    #[arg(long, conflicts_with = "debug")]
    size: bool,
    /// Build for this target instead of choosing one
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
    /// Use only versions that a lock file pins
    #[arg(long)]
    locked: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    profile: Profile,
    #[command(flatten)]
    lints: Lints,
}

/// A program that was built.
pub(crate) struct Built {
    prepared: Prepared,
    target: Target,
    pub(crate) report: Report,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { options, json } = args;
    let shell = Shell::new(options.quiet);
    let built = match build(&options, &shell)? {
        Ok(built) => built,
        Err(code) => return Ok(code),
    };
    built.report.show(&built.prepared.plan, &built.target, &shell);
    if json {
        super::print(&built.report.json(&built.prepared.plan, &built.target))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds, and says what went wrong where something did.
pub(crate) fn build(options: &Options, shell: &Shell) -> anyhow::Result<Result<Built, ExitCode>> {
    let choices = Choices { levels: options.lints.levels(), profile: options.profile.chosen() };
    let file = File::read(&options.manifest, choices)?;
    let failure = match program(options, &file, shell) {
        Ok(built) => return Ok(Ok(built)),
        Err(failure) => failure,
    };
    shell.clear();
    match failure {
        Failure::Manifest(faults) => {
            file.show(&faults, shell);
            Ok(Err(ExitCode::from(MANIFEST_IS_WRONG)))
        }
        Failure::Said => Ok(Err(ExitCode::from(SYSTEM_FAILED))),
        Failure::System(error) => Err(error),
    }
}

fn program(options: &Options, file: &File, shell: &Shell) -> Result<Built, Failure> {
    let start = Instant::now();
    let prepared = Prepared::new(file, None, options.offline)?;
    if !options.quiet {
        file.show(&prepared.warnings, shell);
    }
    let Prepared { plan, workspace, project, folder, .. } = &prepared;
    let written = write::write(folder, project)?;
    if !written.is_empty() {
        shell.status("Generated", &report::shown(folder).display().to_string());
    }
    let toolchain = Toolchain::active(&workspace.root)?;
    let memory = workspace.target.join("oneiric").join(".no-musl");
    let target = toolchain.target(options.target.as_deref(), options.offline, &memory);

    let effort = match options {
        Options { debug: true, .. } => Effort::None,
        Options { size: true, .. } => Effort::Smallest,
        _ => Effort::Release,
    };
    let cargo = Build {
        folder,
        root: &workspace.root,
        shared: &workspace.target,
        target: &target,
        goal: Goal::Program,
        effort,
        offline: options.offline,
        locked: options.locked,
    };
    if options.locked {
        cargo.resolve()?;
        pinned(&folder.join("Cargo.lock"), &project.seed)?;
    }
    let (executable, said) = compile(&cargo, plan, options.quiet, shell)?;
    let executable = executable.context("cargo has not said where the program is")?;

    let binary = std::fs::read(&executable).context("cannot read the program")?;
    let is_static = proven_static(&binary, &target, &said.linker)?;
    let is_verified = target.is_native;
    if is_verified {
        let faults = verify::verify(&executable, plan)?;
        if faults.has_errors() {
            return Err(Failure::Manifest(faults));
        }
    }
    let bytes = binary.len() as u64;
    let path = match &options.out {
        Some(out) => put(&executable, &binary, out)?,
        None => executable,
    };
    let report = Report {
        binary: path,
        bytes,
        is_static,
        is_verified,
        release: effort != Effort::None,
        time: start.elapsed(),
    };
    Ok(Built { prepared, target, report })
}

/// Lets cargo go to its goal, and says what rustc has to say: at the manifest's lines where generated code is at fault.
/// Gives the program, if that was the goal.
pub(crate) fn compile(
    cargo: &Build<'_>,
    plan: &Plan,
    quiet: bool,
    shell: &Shell,
) -> Result<(Option<PathBuf>, rustc::Said), Failure> {
    let outcome = cargo.run(shell)?;
    let generated = cargo.folder.join("src/main.rs");
    let text = std::fs::read_to_string(&generated).context("cannot read the generated program")?;
    let said = rustc::judge(&outcome.messages, &generated, &Map::new(&text, plan));
    if !quiet || !outcome.is_reached {
        for text in &said.verbatim {
            shell.verbatim(text);
        }
    }
    if outcome.is_reached {
        return Ok((outcome.executable, said));
    }
    if said.faults.has_errors() {
        return Err(Failure::Manifest(said.faults));
    }
    if said.verbatim.is_empty() || !outcome.rest.contains("could not compile") {
        shell.verbatim(&outcome.rest);
    }
    Err(Failure::Said)
}

/// Whether the program needs nothing of the system. On Linux anything else is a failure.
fn proven_static(file: &[u8], target: &Target, linker: &[String]) -> anyhow::Result<bool> {
    let Some(needs) = linkage::needs(file)? else { return Ok(false) };
    if needs.is_nothing() {
        if let Some(warning) = linker.iter().find(|text| text.contains("at runtime the shared libraries")) {
            anyhow::bail!("O6003: the program would load libraries of the system while it runs\n{warning}");
        }
        return Ok(true);
    }
    anyhow::ensure!(!target.is_linux(), "O6003: the program is not static: it needs {needs}");
    Ok(false)
}

/// That nothing was resolved which no lock file had.
fn pinned(path: &Path, seed: &Lock) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let resolved = text.parse::<Lock>().with_context(|| format!("cannot read `{}`", path.display()))?;
    let missing = seed.missing(&resolved).collect::<Vec<_>>().join(", ");
    anyhow::ensure!(
        missing.is_empty(),
        "no lock file pins these versions, and `--locked` was given: {missing}"
    );
    Ok(())
}

/// Copies a program to where it is wanted, in one step for whoever runs it, and only if it is another than is there.
fn put(program: &Path, bytes: &[u8], out: &Path) -> anyhow::Result<PathBuf> {
    if std::fs::read(out).is_ok_and(|there| there == bytes) {
        return Ok(out.to_owned());
    }
    let name = out.file_name().with_context(|| format!("`{}` names no file", out.display()))?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let copy = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let beside = folder.join(format!(".{}.{}", name.display(), std::process::id()));
        std::fs::copy(program, &beside)?;
        std::fs::rename(&beside, out)
    };
    copy().with_context(|| format!("cannot write `{}`", out.display()))?;
    Ok(out.to_owned())
}
