//! What identifies a workflow to the runs of it that are stored.
//!
//! The digest covers what decides a run's results and nothing that only tunes it, so that a longer timeout does not orphan
//! the runs under way. The order in which the manifest has things is not part of it either.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Does, Expr, Node, OnFailure, Part, Reference, Step};

/// The form of the canonical text. A change of it changes every digest, and strands every run that is under way.
const FORM: &str = "oneiric workflow 1";

/// SHA-256 of the canonical text, in hexadecimal.
pub(super) fn of(nodes: &[Node]) -> String {
    let digest = Sha256::digest(canonical(nodes));
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// A line for each node, sorted by name. Every name is written as JSON text, so no name can forge another line.
fn canonical(nodes: &[Node]) -> String {
    let mut lines: Vec<String> = nodes.iter().map(|node| line(nodes, node)).collect();
    lines.sort_unstable();
    lines.insert(0, FORM.to_owned());
    lines.join("\n")
}

fn line(nodes: &[Node], node: &Node) -> String {
    let mut line = text(&node.name);
    match &node.does {
        Does::Run { path, .. } => _ = write!(line, " run {}", text(path)),
        Does::Exec { argv, .. } => {
            _ = write!(line, " exec {}", joined(argv.iter().map(|word| text(word))));
        }
        Does::Wait(time) => _ = write!(line, " wait {}", time.as_millis()),
    }
    if let Some(with) = &node.with {
        let mut arguments: Vec<String> = with
            .arguments
            .iter()
            .map(|(name, value)| format!("{}:{}", text(name), expr(nodes, value)))
            .collect();
        arguments.sort_unstable();
        _ = write!(line, " with {}", joined(arguments));
    }
    let mut needs: Vec<String> = node.needs.iter().map(|need| text(&nodes[need.0 as usize].name)).collect();
    needs.sort_unstable();
    _ = write!(line, " needs {}", joined(needs));
    if node.on_failure == OnFailure::Continue {
        line += " continue";
    }
    line
}

fn expr(nodes: &[Node], value: &Expr) -> String {
    match value {
        Expr::Literal(value) => format!("literal {}", literal(value)),
        Expr::Reference(one) => reference(nodes, one),
        Expr::Template(parts) => {
            let parts = parts.iter().map(|part| match part {
                Part::Text(plain) => text(plain),
                Part::Reference(one) => reference(nodes, one),
            });
            format!("text {}", joined(parts))
        }
        Expr::Array(items) => format!("list {}", joined(items.iter().map(|item| expr(nodes, item)))),
        Expr::Object(entries) => {
            let mut entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}:{}", text(key), expr(nodes, value))).collect();
            entries.sort_unstable();
            format!("object {}", joined(entries))
        }
    }
}

fn reference(nodes: &[Node], reference: &Reference) -> String {
    let (root, steps) = match reference {
        Reference::RunId => return "run.id".to_owned(),
        Reference::Input(steps) => ("input".to_owned(), steps),
        Reference::Output(node, steps) => (format!("output {}", text(&nodes[node.0 as usize].name)), steps),
    };
    let steps = steps.iter().map(|step| match step {
        Step::Field(name) => text(name),
        Step::Index(index) => index.to_string(),
    });
    format!("{root} {}", joined(steps))
}

/// JSON with sorted keys, whatever order `serde_json` was built to keep.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => joined(items.iter().map(literal)),
        Value::Object(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", text(key), literal(value))).collect();
            entries.sort_unstable();
            format!("{{{}}}", entries.join(","))
        }
        plain => plain.to_string(),
    }
}

fn text(text: &str) -> String {
    Value::from(text).to_string()
}

fn joined(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    fn digest(tasks: &str, nodes: &str) -> String {
        let text = format!(
            "oneiric: 1\nname: n\ntasks: {{ t: {{ exec: [t]{tasks} }} }}\nworkflows:\n  w:\n    nodes:\n      a: {{ wait: 1s }}\n{nodes}"
        );
        let (plan, _) = crate::check(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
        plan.workflows[0].digest.clone()
    }

    #[test]
    fn only_what_decides_results_counts() {
        let base = digest("", "      b: { task: t, with: { x: 1, y: [\"${a}\"] } }\n");
        let same = [
            digest(
                ", timeout: 5s, retry: { attempts: 3 }",
                "      b: { task: t, with: { x: 1, y: [\"${a}\"] } }\n",
            ),
            digest("", "      b: { with: { y: [\"${a}\"], x: 1 }, task: t, depends_on: [a] }\n"),
            digest(
                ", description: other",
                "      b: { task: t, timeout: 1h, with: { x: 1, y: [\"${a}\"] } }\n",
            ),
        ];
        assert!(same.iter().all(|digest| *digest == base));
        let other = [
            digest("", "      b: { task: t, with: { x: 1, y: [\"$${a}\"] } }\n"),
            digest("", "      b: { task: t, with: { x: 1, y: [\"$${a}\"] }, depends_on: [a] }\n"),
            digest("", "      b: { task: t, with: { x: 2, y: [\"${a}\"] } }\n"),
            digest("", "      b: { task: t, with: { x: 1, y: [\"${a.z}\"] } }\n"),
            digest("", "      b: { task: t, with: { x: 1, y: [\"${a}\"] }, on_failure: continue }\n"),
            digest("", "      b: { task: t }\n"),
            digest("", "      b: { task: t, with: {} }\n"),
            digest("", "      c: { task: t, with: { x: 1, y: [\"${a}\"] } }\n"),
        ];
        assert!(other.iter().all(|digest| *digest != base));
        let all: std::collections::HashSet<_> = other.iter().collect();
        assert_eq!(all.len(), other.len());
    }

    #[test]
    fn digests_are_stable() {
        // Stored runs carry this text. If it has to change, `FORM` has to change with it.
        assert_eq!(
            digest("", "      b: { task: t, with: { x: 1, y: [\"${a}\"] } }\n"),
            "ce49752a122d9b405e63f29bb97cae61e37d0125b8aa5aa2d29617ed75fa25f7"
        );
    }
}
