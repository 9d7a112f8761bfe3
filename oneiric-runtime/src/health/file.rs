//! The file that says how a running program is, for those who cannot ask it: written anew whenever that changes, and never
//! seen half written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Health;
use crate::http::lifecycle::Lifecycle;

/// Its name in the state directory.
pub(crate) const NAME: &str = "runtime_health.json";

/// Writes it whenever the program or an adapter is in another state, for as long as it is polled.
pub(crate) async fn keep_written(path: PathBuf, lifecycle: Lifecycle) {
    let Ok(engine) = lifecycle.engine().await else { return };
    let mut stages = lifecycle.stages();
    let mut adapters = engine.registry().adapters().changes();
    let mut is_written = true;
    loop {
        let health = Health::of_running(lifecycle.facts(), lifecycle.process(), &engine, false).await;
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&to, &health)).await;
        let written = written.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        // Once is enough to know it.
        if let Err(error) = &written
            && is_written
        {
            tracing::warn!(path = %path.display(), error = %error, "health-not-written");
        }
        is_written = written.is_ok();
        let changed = tokio::select! {
            changed = stages.changed() => changed,
            changed = adapters.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Writes it now.
pub(crate) fn write(path: &Path, health: &Health) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let mut text = serde_json::to_string_pretty(health)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}
