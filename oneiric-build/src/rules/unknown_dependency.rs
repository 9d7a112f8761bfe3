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
        // A name that is wrong in several places is one mistake, reported at the first of them.
        for stranger in graph.strangers().iter().filter(|stranger| stranger.reference.is_none()) {
            let message = format!("workflow `{}` has no node `{}`", graph.workflow.name.value, stranger.name);
            faults.push(
                Diagnostic::error(&RULE, stranger.span, message)
                    .also_at(&stranger.others, "it is named here as well")
                    .help(index.suggest_node(graph, stranger.name)),
            );
        }
    }
}
