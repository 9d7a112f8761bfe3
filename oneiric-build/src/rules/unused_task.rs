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
    // Where nodes could not be read, a task may well be used by one of them.
    let nodes = index.graphs.iter().flat_map(|graph| graph.nodes);
    let unread = index.manifest.workflows.as_ref().is_none_or(|all| all.len() != index.graphs.len());
    if unread || nodes.clone().any(|node| node.does.is_none()) {
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
    for task in index.manifest.tasks.iter().flatten().filter(|task| !used.contains(task.name.as_str())) {
        let message = format!("no node runs the task `{}`", task.name.value);
        faults.push(
            Diagnostic::warning(&RULE, task.name.span, message).help("remove it, or add a node that runs it"),
        );
    }
}
