//! A workflow without nodes: a run of it would succeed and do nothing.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O4004"),
    name: "empty-workflow",
    summary: "a workflow has no nodes",
    severity: Severity::Error,
    page: include_str!("pages/O4004.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in index.graphs.iter().filter(|graph| graph.nodes.is_empty()) {
        let name = &graph.workflow.name;
        faults.push(
            Diagnostic::error(&RULE, name.span, format!("workflow `{}` has no nodes", name.value))
                .help("add one, or remove the workflow"),
        );
    }
}
