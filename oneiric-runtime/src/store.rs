//! Which store a program keeps its runs in: that of an adapter, where it names one, or that of its state directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::adapters;
use crate::checkpoint::{self, Kind, Store};
use crate::disk;
use crate::health;
use crate::registry::Registry;

/// Opens the store of a program, for a process that goes on with its runs.
///
/// # Errors
/// When it cannot be used, as where another process has it to itself.
pub(crate) async fn open(registry: &Registry, state_dir: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    match registry.checkpoints() {
        Some(name) => match registry.adapters().checkpoints(name).await {
            Ok(database) => database.open().await,
            Err(error) => Err(told(name, &error)),
        },
        None => {
            let state_dir = state_dir.to_owned();
            disk::blocking(move || open_file(state_dir)).await
        }
    }
}

/// Opens the store of a program, for a process that only looks.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(crate) async fn open_reader(
    registry: &Registry,
    state_dir: &Path,
) -> Result<Arc<dyn Store>, checkpoint::Error> {
    match registry.checkpoints() {
        Some(name) => match registry.adapters().checkpoints(name).await {
            Ok(database) => database.open_reader().await,
            Err(error) => Err(told(name, &error)),
        },
        None => {
            let state_dir = state_dir.to_owned();
            disk::blocking(move || open_file_reader(&state_dir)).await
        }
    }
}

/// How the store is, for a process that does not have it.
pub(crate) async fn state(registry: &Registry, state_dir: &Path) -> health::Store {
    if registry.checkpoints().is_none() && !is_file_there(state_dir) {
        return health::Store::is("absent");
    }
    match open_reader(registry, state_dir).await {
        Ok(_) => health::Store::is("readable"),
        Err(error) => health::Store::failed(&error.to_string()),
    }
}

/// Whether several processes can have the store at once.
pub(crate) fn is_shared(registry: &Registry) -> bool {
    registry.checkpoints().is_some()
}

#[cfg(feature = "sqlite")]
fn open_file(state_dir: PathBuf) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Sqlite::open(&state_dir)?))
}

/// Runs of this process, in its memory.
#[cfg(not(feature = "sqlite"))]
#[expect(clippy::unnecessary_wraps, reason = "opening a store on disk can fail")]
fn open_file(_: PathBuf) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Memory::new()))
}

#[cfg(feature = "sqlite")]
fn open_file_reader(state_dir: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Sqlite::open_reader(state_dir)?))
}

#[cfg(not(feature = "sqlite"))]
fn open_file_reader(_: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Err(checkpoint::Error::new(
        Kind::Denied,
        "this program keeps its runs in memory, so only it can tell of them",
    ))
}

#[cfg(feature = "sqlite")]
fn is_file_there(state_dir: &Path) -> bool {
    checkpoint::Sqlite::is_in(state_dir)
}

/// What a process keeps in its memory is nowhere else.
#[cfg(not(feature = "sqlite"))]
fn is_file_there(_: &Path) -> bool {
    false
}

/// The error of an adapter that is needed as a store.
fn told(name: &str, error: &adapters::Error) -> checkpoint::Error {
    let kind = match error.kind() {
        adapters::Kind::Unavailable => Kind::Io,
        _ => Kind::Denied,
    };
    checkpoint::Error::new(kind, format!("the adapter `{name}`, which keeps runs, cannot be opened: {error}"))
}
