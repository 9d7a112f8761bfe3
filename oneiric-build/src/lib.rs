//! Compiles an Oneiric manifest to a program.
//!
//! Text becomes a [`Manifest`], which the [`rules`] judge, and a [`Plan`], in which every name is
//! resolved. Every fault on the way is a [`Diagnostic`](diagnostic::Diagnostic); all of them are found in one go. Without
//! the `cli` feature nothing here touches the world, except for [`script`], which reads one manifest for a build script or a
//! macro.

mod adapters;
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
pub mod codegen;
pub mod diagnostic;
pub mod diff;
mod index;
pub mod json;
pub mod lint;
pub mod manifest;
pub mod plan;
#[cfg(feature = "cli")]
pub mod project;
pub mod rules;
pub mod schema;
pub mod script;
mod settings;
mod tangle;

pub use script::compile;

use diagnostic::Diagnostics;
use lint::Levels;
use manifest::Manifest;
use plan::Plan;

/// The plan of a manifest, with what is worth a warning; or everything that is wrong with it, in the order of the text.
pub fn check(source: &str) -> Result<(Plan, Diagnostics), Diagnostics> {
    check_bytes(source.as_bytes())
}

/// Like [`check`], for the bytes of a file, which may not even be text.
pub fn check_bytes(source: &[u8]) -> Result<(Plan, Diagnostics), Diagnostics> {
    check_with(source, &Choices::default())
}

/// What whoever compiles a manifest chooses beside what it says.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// What becomes of warnings.
    pub levels: Levels,
    /// The profile that the program is for; `None` where the manifest says, or nothing does.
    pub profile: Option<&'static str>,
}

/// Like [`check_bytes`], with what was chosen beside what the manifest says.
pub fn check_with(source: &[u8], choices: &Choices) -> Result<(Plan, Diagnostics), Diagnostics> {
    match manifest::parse(source, choices.profile) {
        (Some(manifest), faults) => judge(&manifest, faults, &choices.levels),
        (None, faults) => Err(faults),
    }
}

/// Like [`check`], for a manifest that is no text, or has been read; `faults` are those found so far.
pub fn check_manifest(manifest: &Manifest, faults: Diagnostics) -> Result<(Plan, Diagnostics), Diagnostics> {
    judge(manifest, faults, &Levels::default())
}

fn judge(
    manifest: &Manifest,
    mut faults: Diagnostics,
    levels: &Levels,
) -> Result<(Plan, Diagnostics), Diagnostics> {
    let index = index::Index::of(manifest);
    rules::check(&index, &mut faults);
    faults.weigh(&levels.over(&manifest.lints));
    faults.sort();
    if faults.has_errors() { Err(faults) } else { Ok((plan::resolve(&index), faults)) }
}
