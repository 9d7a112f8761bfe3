//! Plan to files: the crate that becomes the program, as text.
//!
//! Where it is put, and when, is `cli::write`'s business.

mod cargo_toml;
mod lock;

use crate::codegen;
use crate::plan::{self, Plan};

pub use lock::{Error as LockError, Lock};

/// The lock file of the runtime's own dependencies, for programs whose package has none to take over.
/// Derived: `UPDATE=1 cargo test -p oneiric-tests --test derived` rewrites it.
pub const RUNTIME_LOCK: &str = include_str!("runtime.lock");

/// A crate that is not on disk yet.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its files, each to be written where it differs.
    pub files: Vec<File>,
    /// Where the resolution of its dependencies starts from; cargo owns the file from then on.
    pub seed: Lock,
}

/// A file of a crate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its path inside the crate.
    pub path: &'static str,
    /// All of it.
    pub text: String,
}

/// What a generated crate depends on.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// Where `oneiric-runtime` comes from.
    pub runtime: Source,
    /// The user's package, when a task names one of its functions.
    pub package: Option<Package>,
    /// Tables of `[patch]` that the user's workspace sets, as text of that section.
    pub patch: toml::Table,
    /// The user's lock file, laid over [`RUNTIME_LOCK`].
    pub lock: Option<Lock>,
}

/// A package of the user's.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Whether its library is called otherwise than the package.
    pub has_other_library_name: bool,
}

/// Where a package comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A folder.
    Path(String),
    /// A repository, with what is asked of it: `branch`, `tag` or `rev`.
    Git {
        /// Where the repository is.
        url: String,
        /// The kind of reference and its name.
        reference: Option<(String, String)>,
    },
    /// The registry, at a version that meets this requirement.
    Registry(String),
}

/// The crate for `plan`. `manifest_path` is where the manifest is, as a person would write it.
///
/// # Errors
/// When the embedded lock file cannot be read, which a test rules out.
pub fn generate(plan: &Plan, manifest_path: &str, on: &Dependencies) -> Result<Project, LockError> {
    let mut seed = RUNTIME_LOCK.parse::<Lock>()?;
    if let Some(lock) = &on.lock {
        seed = lock.clone().or(&seed);
    }
    let files = vec![
        File { path: "Cargo.toml", text: cargo_toml::text(plan, manifest_path, on) },
        File { path: "src/main.rs", text: codegen::main_rs(plan, manifest_path) },
        File { path: "src/plan.json", text: plan::json::program(plan, manifest_path).compact() + "\n" },
    ];
    Ok(Project { files, seed })
}
