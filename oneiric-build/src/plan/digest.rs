//! What identifies a workflow to the runs of it that are stored.
//!
//! The digest covers what decides a run's results and nothing that only tunes it, so that a longer timeout does not orphan
//! the runs under way. The order in which the manifest has things is not part of it either.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Condition, Does, Expr, Node, OnFailure, Part, Reference, Step, Test, Undo};

/// The form of the canonical text. A change of it changes every digest, and strands every run that is under way.
pub const FORM: &str = "oneiric workflow 1";

/// How much canonical text is written before it is hashed and forgotten, in bytes.
const CHUNK: usize = 16 * 1024;

/// SHA-256 of the canonical text, in hexadecimal: a line for each node, sorted by name.
pub(super) fn of(nodes: &[Node]) -> String {
    let mut hash = Sha256::new();
    let (sorted, ranks) = by_name(nodes);
    let mut writer = Writer { nodes, ranks: &ranks, out: FORM.to_owned() };
    for node in sorted {
        writer.node(node);
        if writer.out.len() >= CHUNK {
            hash.update(&writer.out);
            writer.out.clear();
        }
    }
    hash.update(&writer.out);
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// The nodes sorted by name, and where each of them comes in that order.
fn by_name(nodes: &[Node]) -> (Vec<&Node>, Vec<usize>) {
    let mut sorted: Vec<usize> = (0..nodes.len()).collect();
    sorted.sort_unstable_by_key(|&node| nodes[node].name.as_str());
    let mut ranks = vec![0; nodes.len()];
    for (rank, &node) in sorted.iter().enumerate() {
        ranks[node] = rank;
    }
    (sorted.into_iter().map(|node| &nodes[node]).collect(), ranks)
}

/// The line of a node in its parts, for who knows a function's path and the names of its arguments only later.
#[derive(Clone, Debug)]
pub struct Line {
    /// Up to the path of the function it calls.
    pub head: String,
    /// That path.
    pub path: Option<String>,
    /// Its arguments: name and value.
    pub with: Option<Vec<(String, String)>>,
    /// What it waits for, and what its failure means.
    pub tail: String,
    /// The path of the function that undoes it.
    pub undo: Option<String>,
}

impl Line {
    /// The lines of these nodes, in the order that they have in the text.
    pub fn of(nodes: &[Node]) -> Vec<Self> {
        let (sorted, ranks) = by_name(nodes);
        let written = |write: &dyn Fn(&mut Writer<'_>)| {
            let mut writer = Writer { nodes, ranks: &ranks, out: String::new() };
            write(&mut writer);
            writer.out
        };
        let line = |node: &Node| Self {
            head: written(&|writer| writer.head(node)),
            path: match &node.does {
                Does::Run { path, .. } => Some(path.value.clone()),
                _ => None,
            },
            with: node.with.as_ref().map(|with| {
                let value = |value: &Expr| written(&|writer| writer.expr(value));
                with.arguments.iter().map(|(name, it)| (name.value.clone(), value(it))).collect()
            }),
            tail: written(&|writer| writer.tail(node)),
            undo: match node.undo.as_ref().map(|undo| &undo.does) {
                Some(Does::Run { path, .. }) => Some(path.value.clone()),
                _ => None,
            },
        };
        sorted.into_iter().map(line).collect()
    }
}

/// Writes canonical text. Names and texts stand after their length, so that none can be taken for anything else.
struct Writer<'p> {
    nodes: &'p [Node],
    /// Where each node comes in the order of their names: numbers are quicker to sort than texts.
    ranks: &'p [usize],
    out: String,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) {
        self.out.push('\n');
        self.head(node);
        if let Does::Run { path, .. } = &node.does {
            self.text(path);
        }
        if let Some(with) = &node.with {
            self.out.push_str(" with ");
            let arguments = with.arguments.iter().map(|(name, value)| (name.as_str(), &value.value));
            self.entries(arguments.collect(), Self::expr);
        }
        self.tail(node);
        if let Some(Undo { does: Does::Run { path, .. }, .. }) = &node.undo {
            self.text(path);
        }
    }

    fn head(&mut self, node: &Node) {
        self.text(&node.name);
        match &node.does {
            Does::Run { .. } => self.out.push_str(" run "),
            Does::Exec { argv, .. } => {
                self.out.push_str(" exec ");
                self.list(argv, |writer, word| writer.text(word));
            }
            Does::Wait(time) => _ = write!(self.out, " wait {}", time.as_millis()),
        }
    }

    fn tail(&mut self, node: &Node) {
        self.out.push_str(" needs ");
        let nodes = self.nodes;
        let mut needs: Vec<usize> = node.needs.iter().map(|need| need.0 as usize).collect();
        needs.sort_unstable_by_key(|&need| self.ranks[need]);
        self.list(&needs, |writer, &need| writer.text(&nodes[need].name));
        if node.on_failure == OnFailure::Continue {
            self.out.push_str(" continue");
        }
        if !node.when.is_empty() {
            self.out.push_str(" when ");
            self.list(&node.when, Self::condition);
        }
        if let Some(each) = &node.each {
            self.out.push_str(" each ");
            self.reference(&each.list);
        }
        match node.undo.as_ref().map(|undo| &undo.does) {
            None | Some(Does::Wait(_)) => {}
            Some(Does::Run { .. }) => self.out.push_str(" compensate run "),
            Some(Does::Exec { argv, .. }) => {
                self.out.push_str(" compensate exec ");
                self.list(argv, |writer, word| writer.text(word));
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        self.reference(&condition.value);
        self.list(&condition.tests, |writer, test| match test {
            Test::AnyOf(values) => {
                writer.out.push_str("any ");
                writer.list(values, Self::literal);
            }
            Test::Exists(is_there) => _ = write!(writer.out, "exists {is_there}"),
        });
    }

    fn expr(&mut self, value: &Expr) {
        match value {
            Expr::Literal(value) => {
                self.out.push_str("literal ");
                self.literal(value);
            }
            Expr::Reference(reference) => self.reference(reference),
            Expr::Template(parts) => {
                self.out.push_str("text ");
                self.list(parts, |writer, part| match part {
                    Part::Text(plain) => writer.text(plain),
                    Part::Reference(reference) => writer.reference(reference),
                });
            }
            Expr::Array(items) => {
                self.out.push_str("list ");
                self.list(items, Self::expr);
            }
            Expr::Object(entries) => {
                self.out.push_str("object ");
                self.entries(entries.iter().map(|(key, value)| (key.as_str(), value)).collect(), Self::expr);
            }
        }
    }

    fn reference(&mut self, reference: &Reference) {
        let steps = match reference {
            Reference::RunId => return self.out.push_str("run.id"),
            Reference::Secret(name) => {
                self.out.push_str("secret ");
                return self.text(name);
            }
            Reference::Item(steps) => {
                self.out.push_str("item ");
                steps
            }
            Reference::Input(steps) => {
                self.out.push_str("input ");
                steps
            }
            Reference::Output(node, steps) => {
                self.out.push_str("output ");
                self.text(&self.nodes[node.0 as usize].name);
                steps
            }
        };
        self.list(steps, |writer, step| match step {
            Step::Field(name) => writer.text(name),
            Step::Index(index) => _ = write!(writer.out, "{index}"),
        });
    }

    fn literal(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => self.list(items, Self::literal),
            Value::Object(map) => {
                self.entries(map.iter().map(|(key, value)| (key.as_str(), value)).collect(), Self::literal);
            }
            plain => _ = write!(self.out, "{plain}"),
        }
    }

    fn text(&mut self, text: &str) {
        _ = write!(self.out, "{}:", text.len());
        self.out.push_str(text);
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.out.push('[');
        for item in items {
            each(self, item);
            self.out.push(',');
        }
        self.out.push(']');
    }

    /// Keys and values, sorted by key whatever order they come in.
    fn entries<T>(&mut self, mut entries: Vec<(&str, &T)>, mut each: impl FnMut(&mut Self, &T)) {
        entries.sort_unstable_by_key(|(key, _)| *key);
        self.out.push('{');
        for (key, value) in entries {
            self.text(key);
            self.out.push('=');
            each(self, value);
            self.out.push(',');
        }
        self.out.push('}');
    }
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
            "028ab31fd0cd517010483154929961133cf71f9b8bb3d1106d65b447523c1e83"
        );
    }
}
