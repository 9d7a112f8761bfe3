//! A workflow's definition as it is stored with its runs: enough to fold their logs and to say what changed since.

use serde::Deserialize;
use serde_json::Value;

use super::{NodeId, Shape};
use crate::json::Json;

/// Names and edges of a definition, read from its JSON (the form that `workflow plan --json` prints).
#[derive(Clone, Debug)]
pub struct Outline {
    /// The nodes' names, in topological order.
    pub names: Vec<String>,
    /// Their edges.
    pub shape: Shape,
    /// What decides each node's result, for comparison.
    essence: Vec<Value>,
}

#[derive(Deserialize)]
struct Definition {
    nodes: Vec<Value>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    on_failure: Option<String>,
    #[serde(default)]
    compensate: Option<serde::de::IgnoredAny>,
}

impl Outline {
    /// Reads a definition.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(definition: &Json) -> Result<Self, serde_json::Error> {
        use serde::de::Error;

        let definition: Definition = definition.parse()?;
        let mut names = Vec::new();
        let mut ids = std::collections::HashMap::new();
        let mut nodes = Vec::new();
        let mut essence = Vec::new();
        let mut compensating = Vec::new();
        for (index, value) in definition.nodes.into_iter().enumerate() {
            let node = Node::deserialize(&value)?;
            let needs = node.depends_on.iter().map(|need| ids.get(need).copied()).collect::<Option<Vec<_>>>();
            let mut needs =
                needs.ok_or_else(|| Error::custom("a node needs one that does not come before it"))?;
            needs.sort_unstable();
            let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            if node.compensate.is_some() {
                compensating.push(id);
            }
            ids.insert(node.id.clone(), id);
            names.push(node.id);
            nodes.push((needs, node.on_failure.as_deref() == Some("continue")));
            essence.push(without_tuning(value));
        }
        Ok(Self { names, shape: Shape::new(nodes).compensating(compensating), essence })
    }

    /// What changed from `self` to `newer`, in words; empty when nothing did that decides a result.
    pub fn difference(&self, newer: &Self) -> String {
        let place = |outline: &Self, name: &String| outline.names.iter().position(|other| other == name);
        let mut parts = Vec::new();
        for (name, value) in newer.names.iter().zip(&newer.essence) {
            match place(self, name) {
                None => parts.push(format!("added `{name}`")),
                Some(at) if self.essence[at] != *value => {
                    parts.push(format!("changed `{name}` ({})", changed_members(&self.essence[at], value)));
                }
                Some(_) => {}
            }
        }
        for name in &self.names {
            if place(newer, name).is_none() {
                parts.push(format!("removed `{name}`"));
            }
        }
        parts.join(", ")
    }
}

/// A node without what only tunes it.
fn without_tuning(mut node: Value) -> Value {
    if let Value::Object(members) = &mut node {
        for tuning in [
            "retry",
            "timeout_ms",
            "max_parallel",
            "compensate_retry",
            "compensate_timeout_ms",
            "description",
            "level",
        ] {
            members.remove(tuning);
        }
    }
    node
}

fn changed_members(old: &Value, new: &Value) -> String {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return "its form".to_owned() };
    let mut names =
        old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Outline {
        Outline::read(&Json::from_text(text).unwrap()).unwrap()
    }

    #[test]
    fn a_difference_names_what_decides_results() {
        let old =
            outline(r#"{"nodes":[{"id":"a","task":"x","timeout_ms":5},{"id":"b","depends_on":["a"]}]}"#);
        let new = outline(r#"{"nodes":[{"id":"a","task":"y"},{"id":"c","depends_on":["a"]}]}"#);
        assert_eq!(old.difference(&new), "changed `a` (`task`), added `c`, removed `b`");
        let tuned =
            outline(r#"{"nodes":[{"id":"a","task":"x","timeout_ms":9},{"id":"b","depends_on":["a"]}]}"#);
        assert_eq!(old.difference(&tuned), "");
    }
}
