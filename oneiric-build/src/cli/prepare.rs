//! From a manifest's path to a project on disk: what `build`, `run` and `generate` begin with.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::render::{self, Source, Style};
use super::shell::Shell;
use super::source;
use super::workspace::Workspace;
use crate::Choices;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Plan;
use crate::project::{self, Project};

/// A manifest that is in order, and the crate it makes.
pub(crate) struct Prepared {
    /// What it means.
    pub(crate) plan: Plan,
    /// What is worth a warning in it.
    pub(crate) warnings: Diagnostics,
    /// The project around it.
    pub(crate) workspace: Workspace,
    /// The crate.
    pub(crate) project: Project,
    /// The crate's folder.
    pub(crate) folder: PathBuf,
}

/// A manifest's file.
pub(crate) struct File {
    /// Where it is, as it was asked for.
    path: PathBuf,
    bytes: Vec<u8>,
    /// What was chosen beside what it says.
    choices: Choices,
}

/// Why there is no program.
pub(crate) enum Failure {
    /// Faults of the manifest.
    Manifest(Diagnostics),
    /// Something failed that the manifest cannot help.
    System(anyhow::Error),
    /// A tool failed and has said why.
    Said,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::System(error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(one: Diagnostic) -> Self {
        Self::Manifest(one.into())
    }
}

impl File {
    pub(crate) fn read(path: &Path, choices: Choices) -> anyhow::Result<Self> {
        Ok(Self { path: path.to_owned(), bytes: source::read(path)?, choices })
    }

    /// How it is called in messages.
    pub(crate) fn shown(&self) -> String {
        source::shown(&self.path)
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its plan, with what is worth a warning.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn check(&self) -> Result<(Plan, Diagnostics), Diagnostics> {
        crate::check_with(&self.bytes, &self.choices)
    }

    /// Shows what was found in it.
    pub(crate) fn show(&self, found: &Diagnostics, shell: &Shell) {
        if !found.is_empty() {
            let source = Source::new(self.shown(), &self.bytes);
            shell.verbatim(&render::human(&source, found, Style::of_stderr()));
        }
    }
}

impl Prepared {
    /// Checks the manifest and makes its crate, to be put in `out` or where such crates go.
    pub(crate) fn new(file: &File, out: Option<&Path>, offline: bool) -> Result<Self, Failure> {
        let (plan, warnings) = file.check().map_err(Failure::Manifest)?;
        let path = file.path.canonicalize();
        let path = path.with_context(|| format!("cannot find `{}`", file.path.display()))?;
        let workspace = Workspace::around(&path, &plan, offline)?;
        let folder = match out {
            Some(out) => std::path::absolute(out).context("cannot tell the current folder")?,
            None => workspace.target.join("oneiric").join(&plan.name),
        };
        let project = project::generate(&plan, &workspace.name(&path), &workspace.dependencies(&folder));
        let project = project.context("the compiler's own lock file is broken")?;
        Ok(Self { plan, warnings, workspace, project, folder })
    }
}
