//! A node, an event or a schedule runs a workflow that the manifest does not have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::NodeDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O3011"),
    name: "unknown-workflow",
    summary: "something runs a workflow that is not there",
    severity: Severity::Error,
    page: include_str!("pages/O3011.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    // Where the workflows could not be read, any name may be one of theirs.
    let Some(known) = &index.manifest.workflows else { return };
    let children = index.graphs.iter().flat_map(|graph| graph.nodes).filter_map(|node| match &node.does {
        Some(NodeDoes::Workflow(name)) => Some(name),
        _ => None,
    });
    let events = index.manifest.events.iter().filter_map(|event| event.workflow.as_ref());
    let schedules = index.manifest.schedules.iter().filter_map(|schedule| schedule.workflow.as_ref());
    for name in children.chain(events).chain(schedules).filter(|name| index.workflow(name).is_none()) {
        let fault = Diagnostic::error(&RULE, name.span, format!("there is no workflow `{}`", name.value));
        let names = || known.iter().map(|workflow| workflow.name.as_str());
        faults.push(if let Some(near) = index.did_you_mean(name, names()) {
            fault.help(near)
        } else {
            let few: Vec<String> = names().take(8).map(|name| format!("`{name}`")).collect();
            fault.help(format!("the workflows are {}", few.join(", ")))
        });
    }
}
