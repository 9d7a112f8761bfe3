//! Reading a manifest from a file or from standard input.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

/// The name of a manifest that comes in on standard input.
const STDIN: &str = "-";

/// The bytes of the manifest at `path`, where `-` is standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new(STDIN) {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// How a path is called in messages.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new(STDIN) { "<stdin>".to_owned() } else { path.display().to_string() }
}
