//! The entries of a workflow's `nodes`.

use super::fields::{Fields, count, expected, text, word};
use super::section::{Form, Key, Section};
use super::{condition, duration, fields, name, retry, settings, value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{self, Entry, Kind};
use crate::manifest::{Node, NodeDoes, OnFailure, Reference, Root, Spanned, faults};

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
        Key::new("action", &Form::Text, "The action that it runs, by name.")
            .later("name a task that does it, with `run` or `exec`"),
        Key::new("workflow", &Form::Text, "The workflow that it runs, by name; `with` is that run's input.")
            .later("put the nodes of that workflow into this one"),
        Key::new(
            "when",
            &Form::Any,
            "It runs only where this holds: `${input.flag}`, `{ value: \"${node.path}\", equals: x }` with `equals`, `any_of` or `exists`, or a list of which all has to hold. Where it does not, what depends on it runs without its output.",
        ),
        Key::new(
            "for_each",
            &Form::Text,
            "There is one instance of it for each element of this list; `${item}` is the element, and without `with` the one argument. It returns the list of what they return.",
        ),
        Key::new("max_parallel", &Form::Count, "How many of its instances may be at work at once."),
        Key::new(
            "compensate",
            &Form::Text,
            "The task that undoes it when the run fails after it has completed. Its one argument is what the node returned.",
        ),
        Key::new("settings", &Form::Values, "The settings of its action."),
    ],
    one_of: &["task", "wait", "action", "workflow"],
};

const ON_FAILURE: [(&str, &str); 2] = [
    ("fail", "What depends on the node is skipped, and the run fails."),
    ("continue", "What depends on the node runs without what it would have returned."),
];

/// The keys of [`NODE`] that say what a node does, supported or not.
const WHAT: [&str; 4] = ["task", "wait", "action", "workflow"];

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Node {
    let mut node = Node::named(name::read_node(entry, faults));
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
    node.when = fields.get("when").map(|node| condition::read(node, faults)).unwrap_or_default();
    node.for_each = fields.entry("for_each").map(|entry| {
        let list = condition::reference(&entry.value, faults);
        // A list that cannot be read is one all the same, and `${item}` an element of it.
        let unread = || Reference { span: entry.value.span, root: Root::Input, path: Vec::new() };
        Spanned::new(list.unwrap_or_else(unread), entry.key_span)
    });
    node.compensate = fields.get("compensate").and_then(|node| text(node, faults));
    if let Some(most) = fields.entry("max_parallel") {
        node.max_parallel = count(&most.value, faults);
        // Where there is an `${item}`, a rule says that the list is missing.
        if !node.references().any(|reference| reference.root == Root::Item) {
            fields::demand(fields.entry("for_each"), most, "for_each", faults);
        }
    }
    if let Some(settings) = fields.entry("settings") {
        settings::read(Some(&settings.value), faults);
        fields::demand(fields.entry("action"), settings, "action", faults);
    }
    node
}

/// Exactly one of the keys that say what a node does.
fn does(entry: &Entry<'_>, fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Option<NodeDoes> {
    let mut said = fields.among(&WHAT);
    let Some((first, first_entry)) = said.next() else {
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
    if let Some((second, second_entry)) = said.find(|(second, _)| *second != first) {
        let message = format!("the node `{}` has both `{first}` and `{second}`", entry.key);
        faults.push(
            Diagnostic::error(&faults::DOES, second_entry.key_span, message)
                .label("and this")
                .related(first_entry.key_span, "it does this")
                .help("make two nodes of it"),
        );
    }
    let named = |key: &str| fields.get(key);
    if let Some(task) = named("task") {
        return text(task, faults).map(NodeDoes::Task);
    }
    if let Some(wait) = named("wait") {
        return duration::read(wait, faults).map(NodeDoes::Wait);
    }
    if let Some(action) = named("action") {
        return text(action, faults).map(NodeDoes::Action);
    }
    named("workflow").and_then(|workflow| text(workflow, faults)).map(NodeDoes::Workflow)
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
    word(node, &ON_FAILURE, faults).map(|word| match word {
        "continue" => OnFailure::Continue,
        _ => OnFailure::Fail,
    })
}
