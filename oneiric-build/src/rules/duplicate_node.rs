//! Two nodes of a workflow have one name.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O4003"),
    name: "duplicate-node",
    summary: "two nodes of a workflow have one name",
    severity: Severity::Error,
    page: include_str!("pages/O4003.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        for (position, node) in graph.nodes.iter().enumerate() {
            let Some(first) = graph.node(&node.name).filter(|first| *first != position) else { continue };
            let message =
                format!("workflow `{}` has two nodes `{}`", graph.workflow.name.value, node.name.value);
            faults.push(
                Diagnostic::error(&RULE, node.name.span, message)
                    .label("here again")
                    .related(graph.nodes[first].name.span, "here first")
                    .help("give one of them another name"),
            );
        }
    }
}
