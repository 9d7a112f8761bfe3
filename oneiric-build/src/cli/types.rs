//! `oneiric check --types`: rustc judges the generated program, and no program is made.
//!
//! What only a finished program can know is left to `oneiric build`: whether the manifest's literals fit (O5104).

use super::build;
use super::cargo::{Build, Effort, Goal};
use super::prepare::{Failure, File, Prepared};
use super::shell::Shell;
use super::toolchain::Toolchain;
use super::write;
use crate::diagnostic::Diagnostics;
use crate::plan::Plan;

/// The plan of a manifest whose generated program fits together, with what is worth a warning.
///
/// # Errors
/// What [`File::check`] finds, and what rustc does.
pub(crate) fn check(file: &File, offline: bool, shell: &Shell) -> Result<(Plan, Diagnostics), Failure> {
    let prepared = Prepared::new(file, None, offline)?;
    let Prepared { plan, warnings, workspace, project, folder } = prepared;
    write::write(&folder, &project)?;
    let toolchain = Toolchain::active(&workspace.root)?;
    let memory = workspace.target.join("oneiric").join(".no-musl");
    let cargo = Build {
        folder: &folder,
        root: &workspace.root,
        shared: &workspace.target,
        target: &toolchain.target(None, offline, &memory),
        goal: Goal::Types,
        // Types are the same either way, and nothing is kept of what is optimised.
        effort: Effort::None,
        offline,
        locked: false,
    };
    match build::compile(&cargo, &plan, true, shell) {
        Ok(_) => Ok((plan, warnings)),
        Err(Failure::Manifest(faults)) => {
            let mut all = warnings;
            all.extend(faults.iter().cloned());
            all.sort();
            Err(Failure::Manifest(all))
        }
        Err(failure) => Err(failure),
    }
}
