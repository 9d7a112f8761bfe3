//! A task that no node runs.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::NodeDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O3004"),
    name: "unused-task",
    summary: "a task that no node runs",
    severity: Severity::Warning,
    page: include_str!("pages/O3004.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let nodes = index.graphs.iter().flat_map(|graph| graph.nodes);
    // Where nodes could not be read or are missing, a task may well be used by one of them.
    let workflows = index.manifest.workflows.as_deref().unwrap_or_default();
    let unread = index.manifest.is_partial
        || workflows.is_empty()
        || workflows.len() != index.graphs.len()
        || index.graphs.iter().any(|graph| graph.dangles || graph.nodes.is_empty())
        || nodes.clone().any(|node| node.does.is_none());
    if unread {
        return;
    }
    let used: HashSet<&str> = nodes
        .flat_map(|node| {
            let runs = match &node.does {
                Some(NodeDoes::Task(task)) => Some(task),
                _ => None,
            };
            runs.into_iter().chain(&node.compensate).map(|task| task.as_str())
        })
        .collect();
    // Where a node names a task that is not there, one of those that are may be meant.
    if used.iter().any(|task| index.task(task).is_none()) {
        return;
    }
    for task in index.manifest.tasks.iter().flatten().filter(|task| !used.contains(task.name.as_str())) {
        let message = format!("no node runs the task `{}`", task.name.value);
        faults.push(
            Diagnostic::warning(&RULE, task.name.span, message).help("remove it, or add a node that runs it"),
        );
    }
}
