//! Shows the nodes of a run as they end, to a person who watches.
//!
//! It reads what is on disk, like anybody else, so it works the same wherever the run is driven.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::command::{Context, duration, store, view};

/// How often to look: often enough to seem at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Looking may take at most this part of the time, however long a run's log is.
const SHARE: u32 = 20;

/// Shows nodes until it is dropped.
pub(super) async fn nodes(context: Context, run_id: String) {
    let mut shown = HashSet::new();
    // There may be no store yet.
    let mut reader = None;
    loop {
        let began = Instant::now();
        if reader.is_none() {
            reader = store::reader(&context).await.ok();
        }
        if let Some(engine) = &reader
            && let Ok(Some(report)) = engine.report(&run_id).await
        {
            let run = serde_json::to_string(&report).ok();
            let run = run.and_then(|text| serde_json::from_str::<view::Run>(&text).ok());
            for node in run.iter().flat_map(|run| &run.nodes) {
                if node.has_ended() && shown.insert(node.node.clone()) {
                    let took = node.took().map(duration::show).unwrap_or_default();
                    let _ = writeln!(io::stderr(), "  {} {} {took}", node.node, node.status);
                }
            }
        }
        tokio::time::sleep(PAUSE.max(began.elapsed() * SHARE)).await;
    }
}
