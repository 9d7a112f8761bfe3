//! A node runs a task that the manifest does not have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::NodeDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O3001"),
    name: "unknown-task",
    summary: "a node runs a task that is not there",
    severity: Severity::Error,
    page: include_str!("pages/O3001.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    // Where the tasks could not be read, any name may be one of theirs.
    let Some(tasks) = &index.manifest.tasks else { return };
    for node in index.graphs.iter().flat_map(|graph| graph.nodes) {
        let runs = match &node.does {
            Some(NodeDoes::Task(task)) => Some(task),
            _ => None,
        };
        for task in runs.into_iter().chain(&node.compensate).filter(|task| index.task(task).is_none()) {
            let fault = Diagnostic::error(&RULE, task.span, format!("there is no task `{}`", task.value));
            let known = tasks.iter().map(|task| task.name.as_str());
            faults.push(match index.did_you_mean(task, known) {
                Some(name) => fault.help(name),
                None => fault.help(format!("add it: `tasks: {{ {}: {{ run: \"…\" }} }}`", task.value)),
            });
        }
    }
}
