//! A program that the compiler made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::Project;

/// An executable file.
#[derive(Clone, Debug)]
pub struct Program(PathBuf);

/// How many nodes the probe's workflow `wide` has.
pub const WIDE: usize = 500;

impl Program {
    /// The program at `path`.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(path: PathBuf) -> Self {
        assert!(path.is_file(), "there is no program at {}", path.display());
        Self(path)
    }

    /// The program of `programs/probe.yaml`, which has one of everything, and [`WIDE`] of one thing.
    pub fn probe() -> &'static Self {
        static PROBE: OnceLock<Program> = OnceLock::new();
        PROBE.get_or_init(|| {
            let mut manifest = include_str!("../programs/probe.yaml").to_owned();
            manifest.push_str("  wide:\n    max_parallel: 8\n    nodes:\n");
            for index in 0..WIDE {
                // Writing to a `String` does not fail.
                let _ = writeln!(
                    manifest,
                    "      n{index}: {{ task: occupy, with: {{ journal: \"${{input.journal}}\", ms: 3 }} }}"
                );
            }
            Project::new("probe", &manifest).program()
        })
    }

    /// The program of `programs/operated.yaml`, which has adapters and secrets.
    pub fn operated() -> &'static Self {
        static OPERATED: OnceLock<Program> = OnceLock::new();
        OPERATED.get_or_init(|| Project::new("operated", include_str!("../programs/operated.yaml")).program())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
