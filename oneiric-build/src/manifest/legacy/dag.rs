//! `dag`: a list of nodes, under `nodes` or `tasks`.

use super::super::read::fields::{Fields, expected, text, texts};
use super::super::read::section::{Form, Key, Section};
use super::super::read::{name, value};
use super::super::yaml::{Kind, Node as Tree};
use super::super::{Node, NodeDoes, faults};
use super::{no_counterpart, retry};
use crate::diagnostic::{Diagnostic, Diagnostics};

static DAG: Section = Section {
    what: "`dag`",
    about: "The nodes of a workflow.",
    keys: &[
        Key::new("nodes", &Form::Any, "The nodes."),
        Key::new("tasks", &Form::Any, "Another name for them."),
        Key::new("queue_category", &Form::Any, "No counterpart."),
        Key::new("retry_policy", &Form::Any, "No counterpart."),
        Key::new("scheduler", &Form::Any, "No counterpart."),
    ],
    one_of: &["nodes", "tasks"],
};

/// The keys that did nothing in the original, with what to write instead.
const GONE: [(&str, &str); 3] = [
    ("queue_category", "write `metadata: { scheduler: { queue_category: … } }`: only that was ever used"),
    ("retry_policy", "give the nodes a `retry_policy`: this one was never read"),
    ("scheduler", "write it under `metadata`: here it was never read"),
];

static NODE: Section = Section {
    what: "a node",
    about: "A step of a workflow.",
    keys: &[
        Key::new("id", &Form::Text, "Its name."),
        Key::new("key", &Form::Text, "Another name for it."),
        Key::new("task", &Form::Text, "The task that it runs.").required(),
        Key::new("depends_on", &Form::Any, "The nodes that it waits for."),
        Key::new("payload", &Form::Values, "Its arguments, instead of the run's input."),
        Key::new("retry_policy", &Form::Values, "How failures are tried again."),
        Key::new("checkpoint", &Form::Any, "No counterpart."),
    ],
    one_of: &["id", "key"],
};

pub(super) fn read(tree: &Tree<'_>, faults: &mut Diagnostics) -> Option<Vec<Node>> {
    let fields = Fields::open(tree, tree.span, &DAG, faults)?;
    for (key, instead) in GONE {
        if let Some(entry) = fields.entry(key) {
            faults.push(no_counterpart(entry.key_span, &format!("`dag.{key}`"), instead));
        }
    }
    let nodes = match (fields.entry("nodes"), fields.entry("tasks")) {
        (Some(nodes), Some(tasks)) => {
            faults.push(
                Diagnostic::error(
                    &faults::DUPLICATE_KEY,
                    tasks.key_span,
                    "`nodes` and `tasks` are one thing",
                )
                .related(nodes.key_span, "the nodes are here")
                .help("remove `tasks`: the original never read it beside `nodes`"),
            );
            &nodes.value
        }
        (Some(entry), None) | (None, Some(entry)) => &entry.value,
        (None, None) => fields.require_one("nodes", "nodes: [{ id: first, task: fetch }]", faults)?,
    };
    let Kind::List(items) = &nodes.kind else {
        expected(nodes, "a list of nodes", faults);
        return None;
    };
    // A node that cannot be read would make others seem to wait for nothing, so then there are none.
    let read: Vec<_> = items.iter().map(|item| node(item, faults)).collect();
    read.into_iter().collect()
}

fn node(tree: &Tree<'_>, faults: &mut Diagnostics) -> Option<Node> {
    let fields = Fields::open(tree, tree.span, &NODE, faults)?;
    let id = match fields.get("id").or_else(|| fields.get("key")) {
        Some(id) => Some(id),
        None => fields.require_one("id", "id: first", faults),
    };
    let task = fields.require("task", "task: fetch", faults);
    if let Some(entry) = fields.entry("checkpoint") {
        faults.push(no_counterpart(
            entry.key_span,
            "`checkpoint`",
            "remove it: what a node returns is always kept",
        ));
    }
    let id = id.and_then(|node| text(node, faults))?;
    name::check_node(&id, faults);
    let mut node = Node::named(id);
    node.does = task.and_then(|node| text(node, faults)).map(NodeDoes::Task);
    if let Some(names) = fields.get("depends_on") {
        node.depends_on = match &names.kind {
            Kind::List(items) if items.is_empty() => Vec::new(),
            Kind::Null => Vec::new(),
            _ => texts(names, "nodes", faults).unwrap_or_default(),
        };
    }
    node.with = fields.entry("payload").and_then(|entry| value::arguments(entry, faults));
    node.retry = fields.entry("retry_policy").and_then(|entry| retry::read(entry, faults));
    Some(node)
}
