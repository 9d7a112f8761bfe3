//! Small files, read without holding up whoever runs on the same thread.

use std::io;
use std::path::PathBuf;

/// What is in a file.
pub(crate) async fn read(path: impl Into<PathBuf>) -> io::Result<Vec<u8>> {
    let path = path.into();
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
