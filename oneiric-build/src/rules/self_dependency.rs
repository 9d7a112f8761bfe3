//! A node waits for itself.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O4002"),
    name: "self-dependency",
    summary: "a node waits for itself",
    severity: Severity::Error,
    page: include_str!("pages/O4002.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        for (node, needs) in graph.needs.iter().enumerate() {
            for edge in needs.iter().filter(|edge| edge.to == node) {
                let name = graph.name(node);
                let fault = if edge.carries_data {
                    Diagnostic::error(
                        &RULE,
                        edge.span,
                        format!("`{name}` takes its own output as an argument"),
                    )
                    .help("a node can refer to nodes that end before it begins")
                } else {
                    Diagnostic::error(&RULE, edge.span, format!("`{name}` depends on itself"))
                        .help("remove it from the list")
                };
                faults.push(fault.related(graph.nodes[node].name.span, "the node"));
            }
        }
    }
}
