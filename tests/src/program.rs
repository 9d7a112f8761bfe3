//! A program that the compiler made.

use std::path::{Path, PathBuf};

/// An executable file.
#[derive(Clone, Debug)]
pub struct Program(PathBuf);

impl Program {
    /// The program at `path`.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(path: PathBuf) -> Self {
        assert!(path.is_file(), "there is no program at {}", path.display());
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
