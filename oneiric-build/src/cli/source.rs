//! Reading a manifest from a file or from standard input.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

use crate::manifest::MAX_BYTES;

/// The name of a manifest that comes in on standard input.
const STDIN: &str = "-";

/// One byte more than a manifest may have.
const MOST: u64 = MAX_BYTES as u64 + 1;

/// The bytes of the manifest at `path`, where `-` is standard input. Of one that is too large, no more than shows that.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if is_stdin(path) {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MOST).read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(bytes);
    }
    let read = || {
        let file = std::fs::File::open(path)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len().min(MOST));
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(MOST).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// Whether a path stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// How a path is called in messages.
pub(super) fn shown(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}
