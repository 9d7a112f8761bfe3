//! A node runs a task that the manifest does not have.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{NodeDoes, Span};

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
    let mut unknown = unknown(index);
    if tasks.is_empty() && unknown.len() > 1 {
        // One section is missing, and not each of what would stand in it.
        let others = unknown.drain(1..).flat_map(|(_, places)| places).collect::<Vec<_>>();
        unknown[0].1.extend(others);
    }
    for (name, places) in unknown {
        let none = if tasks.is_empty() { ": the manifest has no tasks" } else { "" };
        let fault = Diagnostic::error(&RULE, places[0], format!("there is no task `{name}`{none}")).also_at(
            &places[1..],
            if tasks.is_empty() { "nor this one" } else { "it is named here as well" },
        );
        let known = tasks.iter().map(|task| task.name.as_str());
        match index.did_you_mean(name, known) {
            Some(near) => faults.push(fault.help(near)),
            None if index.manifest.is_partial => {}
            None => faults.push(fault.help(format!("add it: `tasks: {{ {name}: {{ run: \"…\" }} }}`"))),
        }
    }
}

/// The names of tasks that are not there, each with the places that name it.
fn unknown<'m>(index: &Index<'m>) -> Vec<(&'m str, Vec<Span>)> {
    let mut unknown: Vec<(&'m str, Vec<Span>)> = Vec::new();
    let mut known = HashMap::new();
    for node in index.graphs.iter().flat_map(|graph| graph.nodes) {
        let runs = match &node.does {
            Some(NodeDoes::Task(task)) => Some(task),
            _ => None,
        };
        for task in runs.into_iter().chain(&node.compensate).filter(|task| index.task(task).is_none()) {
            let at = *known.entry(task.as_str()).or_insert_with(|| {
                unknown.push((task.as_str(), Vec::new()));
                unknown.len() - 1
            });
            unknown[at].1.push(task.span);
        }
    }
    unknown
}
