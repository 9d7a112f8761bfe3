//! Files, read without holding up whoever runs on the same thread.

#[cfg(any(feature = "aws", feature = "google"))]
use std::{io, path::PathBuf};

/// What is in a file.
#[cfg(any(feature = "aws", feature = "google"))]
pub(crate) async fn read(path: impl Into<PathBuf>) -> io::Result<Vec<u8>> {
    let path = path.into();
    blocking(move || std::fs::read(path)).await
}

/// What `work` gives, which waits for the disk.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
