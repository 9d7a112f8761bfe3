//! A node depends on one that its workflow does not have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O3002"),
    name: "unknown-dependency",
    summary: "a node depends on a node that is not there",
    severity: Severity::Error,
    page: include_str!("pages/O3002.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in index.graphs.iter().filter(|graph| graph.dangles) {
        let names = graph.nodes.iter().flat_map(|node| &node.depends_on);
        for name in names.filter(|name| graph.node(name).is_none()) {
            let message = format!("workflow `{}` has no node `{}`", graph.workflow.name.value, name.value);
            faults.push(Diagnostic::error(&RULE, name.span, message).help(index.suggest_node(graph, name)));
        }
    }
}
