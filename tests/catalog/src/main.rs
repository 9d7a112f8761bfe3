//! Prints the catalogue of adapters that the compiler embeds, made of the runtime's own list and of the first lines of each
//! adapter's file. A test compares it with the one that is committed.

use std::io::Write as _;
use std::path::Path;

use oneiric::adapters::catalog::{Entry, entries};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut entries = entries();
    entries.sort_by_key(|entry| entry.id);
    let list = entries.iter().map(|entry| Ok(described(entry, &page(entry)?)));
    let list = list.collect::<std::io::Result<Vec<Value>>>()?;
    let text = serde_json::to_string_pretty(&list)?;
    writeln!(std::io::stdout().lock(), "{text}")
}

/// What the adapter's file says of it before anything else.
fn page(entry: &Entry) -> std::io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oneiric-runtime/src/adapters");
    let source = std::fs::read_to_string(folder.join(&entry.file))?;
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    Ok(lines.join("\n") + "\n")
}

fn described(entry: &Entry, page: &str) -> Value {
    let mut described = json!({
        "id": entry.id,
        "type": entry.path,
        "summary": page.lines().next().unwrap_or_default(),
        "docs": page,
        "capabilities": entry.capabilities,
        "settings": entry.settings,
    });
    if let Some(feature) = &entry.feature {
        described["feature"] = json!(feature);
    }
    described
}
