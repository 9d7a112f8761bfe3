//! A node is called like a fact that a run's results hold about another node.
//!
//! Results are one flat map, as they always were: beside the output of `a` stand `a__duration` and `a__attempts`.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O3006"),
    name: "result-name",
    summary: "a node is called like a fact about another node",
    severity: Severity::Error,
    page: include_str!("pages/O3006.md"),
};

const SUFFIXES: [&str; 2] = ["__duration", "__attempts"];

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        for node in graph.nodes {
            let other = SUFFIXES.iter().find_map(|suffix| graph.node(node.name.strip_suffix(suffix)?));
            let Some(other) = other.map(|other| &graph.nodes[other]) else { continue };
            let message = format!(
                "the results of a run cannot hold both `{}` and `{}`",
                other.name.value, node.name.value
            );
            faults.push(
                Diagnostic::error(&RULE, node.name.span, message)
                    .label(format!("under this name stands a fact about `{}`", other.name.value))
                    .related(other.name.span, "which is this node")
                    .help("give one of them another name"),
            );
        }
    }
}
