//! The entries of `workflows`.

use super::fields::{Fields, count, expected, has_candidates, text};
use super::section::{Form, Key, Section};
use super::{duration, name, node};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Workflow, faults};

pub(super) static WORKFLOW: Section = Section {
    what: "a workflow",
    about: "A graph of nodes. A node starts as soon as what it waits for has ended.",
    keys: &[
        Key::new("description", &Form::Text, "What the workflow is for."),
        Key::new("timeout", &duration::POSITIVE_FORM, "How long a run may take."),
        Key::new("max_parallel", &Form::Count, "How many nodes of one run may be at work at once."),
        Key::new(
            "nodes",
            &Form::Table { name: &name::NODE_FORM, of: &Form::Section(&node::NODE), least: 1 },
            "The steps, by name. Their order in the file does not matter.",
        )
        .required(),
    ],
    one_of: &[],
    later: &["scheduler", "notifications", "retry", "input", "on_change", "when_exhausted"],
};

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Workflow {
    let name = name::read(entry, "workflow", faults);
    let mut workflow = Workflow { name, description: None, timeout: None, max_parallel: None, nodes: None };
    if has_candidates(entry, "workflow", faults) {
        return workflow;
    }
    let Some(fields) = Fields::open(&entry.value, entry.key_span, &WORKFLOW, faults) else { return workflow };

    workflow.description =
        fields.get("description").and_then(|node| text(node, faults)).map(|text| text.value);
    workflow.timeout = fields
        .get("timeout")
        .and_then(|node| duration::read_positive(node, faults))
        .map(|timeout| timeout.value);
    workflow.max_parallel = fields.get("max_parallel").and_then(|node| count(node, faults));
    workflow.nodes = fields
        .require("nodes", "nodes: { first: { wait: 1s } }", faults)
        .and_then(|node| nodes(node, faults));
    workflow
}

/// The nodes by name. Names that stand twice are for a rule to report, since `#[dag]` can have them too.
fn nodes(tree: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<crate::manifest::Node>> {
    match &tree.kind {
        Kind::Mapping(entries) => Some(entries.iter().map(|entry| node::read(entry, faults)).collect()),
        Kind::List(items) => {
            faults.push(
                Diagnostic::error(
                    &faults::NODE_LIST,
                    tree.span,
                    "nodes are a mapping by name, and this is a list",
                )
                .help(format!("write each node under its name:\n{}", as_mapping(items))),
            );
            None
        }
        _ => {
            expected(tree, "nodes by name", faults);
            None
        }
    }
}

/// The first items of a list of nodes in the form that they should have.
fn as_mapping(items: &[Node<'_>]) -> String {
    const SHOWN: usize = 3;
    let mut lines = vec!["nodes:".to_owned()];
    lines.extend(items.iter().take(SHOWN).map(as_entry));
    if items.len() > SHOWN || items.is_empty() {
        lines.push("  …".to_owned());
    }
    lines.join("\n")
}

fn as_entry(item: &Node<'_>) -> String {
    let Kind::Mapping(entries) = &item.kind else { return "  name: { task: … }".to_owned() };
    let text = |keys: [&str; 2]| {
        entries.iter().find(|entry| keys.contains(&&*entry.key)).and_then(|entry| match &entry.value.kind {
            Kind::Text(text) => Some(text.value.as_ref()),
            _ => None,
        })
    };
    let needs =
        entries.iter().find(|entry| entry.key == "depends_on").and_then(|entry| match &entry.value.kind {
            Kind::List(names) if !names.is_empty() => Some(names),
            _ => None,
        });
    let mut keys = vec![format!("task: {}", text(["task", "task"]).unwrap_or("…"))];
    if let Some(names) = needs {
        let names: Vec<&str> = names
            .iter()
            .map(|name| match &name.kind {
                Kind::Text(text) => &*text.value,
                _ => "…",
            })
            .collect();
        keys.push(format!("depends_on: [{}]", names.join(", ")));
    }
    format!("  {}: {{ {} }}", text(["id", "key"]).unwrap_or("name"), keys.join(", "))
}
