//! A document as plain JSON: what tests compare with other readers of YAML.
//!
//! Nothing of the compiler reads manifests this way; it wants to know where things stand.

use serde_json::Value;

use super::read::repeated_key;
use super::source;
use super::yaml::{self, Kind, Node};
use crate::diagnostic::Diagnostics;

/// What the document in `bytes` means, or why it is not part of the dialect. What a manifest has to have does not matter.
#[doc(hidden)]
pub fn value(bytes: &[u8]) -> Result<Value, Diagnostics> {
    let text = source::decode(bytes).map_err(|fault| Diagnostics::from(*fault))?;
    let mut faults = Diagnostics::default();
    let value = yaml::parse(text, &mut faults).map(|tree| json(&tree, &mut faults));
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(faults),
    }
}

/// As deep as the document, which `yaml` bounds.
fn json(node: &Node<'_>, faults: &mut Diagnostics) -> Value {
    match &node.kind {
        Kind::Null | Kind::Broken => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Number(value) => Value::Number(value.clone()),
        Kind::Text(text) => Value::String(text.value.to_string()),
        Kind::List(items) => items.iter().map(|item| json(item, faults)).collect(),
        Kind::Mapping(entries) => {
            repeated_key(entries, faults);
            entries.iter().map(|entry| (entry.key.to_string(), json(&entry.value, faults))).collect()
        }
    }
}
