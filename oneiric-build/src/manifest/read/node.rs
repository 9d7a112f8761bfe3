//! The entries of a workflow's `nodes`.

use super::fields::{Fields, expected, text};
use super::section::{Form, Key, Section};
use super::{duration, name, retry, value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::{self, Entry, Kind};
use crate::manifest::{Node, NodeDoes, OnFailure, Spanned, faults};

pub(super) static NODE: Section = Section {
    what: "a node",
    about: "A step of a workflow.",
    keys: &[
        Key::new("task", &Form::Text, "The task that it runs, by name."),
        Key::new("wait", &duration::FORM, "It waits so long. The timer survives a restart."),
        Key::new(
            "with",
            &Form::Values,
            "The arguments, by name. In text, `${node}` is what that node returned and `${node.path[0]}` a part of it, `${input.path}` is the run's input and `${run.id}` its id; `$${` is a plain `${`. Without `with`, the run's input is the one argument.",
        ),
        Key::new(
            "depends_on",
            &Form::List { of: &name::NODE_FORM, least: 0 },
            "Nodes that it waits for without taking what they return.",
        ),
        Key::new(
            "retry",
            &Form::Section(&retry::RETRY),
            "How failed attempts are tried again, instead of as the task says.",
        ),
        Key::new(
            "timeout",
            &duration::POSITIVE_FORM,
            "How long one attempt may take, instead of as the task says.",
        ),
        Key::new("on_failure", &Form::Word(&ON_FAILURE), "What its failure means for the rest of the run.")
            .default("fail"),
    ],
    one_of: &["task", "wait"],
    later: &[
        "action",
        "workflow",
        "when",
        "for_each",
        "compensate",
        "max_parallel",
        "when_exhausted",
        "settings",
    ],
};

const ON_FAILURE: [(&str, &str); 2] = [
    ("fail", "What depends on the node is skipped, and the run fails."),
    ("continue", "What depends on the node runs without what it would have returned."),
];

/// The keys of [`NODE`] that say what a node does, supported or not.
const WHAT: [&str; 4] = ["task", "wait", "action", "workflow"];

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Node {
    let mut node = Node {
        name: name::read_node(entry, faults),
        does: None,
        with: None,
        depends_on: Vec::new(),
        retry: None,
        timeout: None,
        on_failure: OnFailure::default(),
    };
    let Some(fields) = Fields::open(&entry.value, entry.key_span, &NODE, faults) else { return node };

    node.does = does(entry, &fields, faults);
    node.with = fields.entry("with").and_then(|entry| value::arguments(entry, faults));
    node.depends_on = fields.get("depends_on").map(|node| names(node, faults)).unwrap_or_default();
    node.retry = fields.entry("retry").and_then(|entry| retry::read(entry, faults));
    node.timeout = fields.entry("timeout").and_then(|entry| {
        duration::read_positive(&entry.value, faults)
            .map(|timeout| Spanned::new(timeout.value, entry.key_span))
    });
    node.on_failure = fields.get("on_failure").and_then(|node| on_failure(node, faults)).unwrap_or_default();
    node
}

/// Exactly one of the keys that say what a node does.
fn does(entry: &Entry<'_>, fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Option<NodeDoes> {
    let Kind::Mapping(entries) = &entry.value.kind else { return None };
    let mut said = entries.iter().filter(|entry| WHAT.contains(&&*entry.key));
    let Some(first) = said.next() else {
        faults.push(
            Diagnostic::error(
                &faults::DOES,
                entry.key_span,
                format!("the node `{}` does nothing", entry.key),
            )
            .help("write `task: name` or `wait: 30s`"),
        );
        return None;
    };
    if let Some(second) = said.find(|second| second.key != first.key) {
        let message = format!("the node `{}` has both `{}` and `{}`", entry.key, first.key, second.key);
        faults.push(
            Diagnostic::error(&faults::DOES, second.key_span, message)
                .label("and this")
                .related(first.key_span, "it does this")
                .help("make two nodes of it"),
        );
    }
    if let Some(task) = fields.get("task") {
        return text(task, faults).map(NodeDoes::Task);
    }
    fields.get("wait").and_then(|wait| duration::read(wait, faults)).map(NodeDoes::Wait)
}

/// A list of names of nodes. One name alone is not taken for a list: the original read `ab` as `[a, b]`.
fn names(node: &yaml::Node<'_>, faults: &mut Diagnostics) -> Vec<Spanned<String>> {
    match &node.kind {
        Kind::List(items) => {
            let mut names = Vec::with_capacity(items.len());
            names.extend(items.iter().filter_map(|item| text(item, faults)));
            names
        }
        Kind::Text(name) => {
            expected(node, "a list of nodes", faults);
            if let Some(fault) = faults.last_mut() {
                fault.help.push(format!("write `[{}]`", name.value));
            }
            Vec::new()
        }
        _ => {
            expected(node, "a list of nodes", faults);
            Vec::new()
        }
    }
}

fn on_failure(node: &yaml::Node<'_>, faults: &mut Diagnostics) -> Option<OnFailure> {
    let word = text(node, faults)?;
    match &*word.value {
        "fail" => Some(OnFailure::Fail),
        "continue" => Some(OnFailure::Continue),
        other => {
            let fault = Diagnostic::error(
                &faults::VALUE,
                node.span,
                format!("`{other}` is not `fail` or `continue`"),
            );
            faults.push(match nearest(other, &ON_FAILURE.map(|(word, _)| word)) {
                Some(name) => fault.help(format!("did you mean `{name}`?")),
                None => {
                    fault.help("`fail` skips what depends on the node; `continue` goes on without its output")
                }
            });
            None
        }
    }
}
