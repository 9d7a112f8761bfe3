//! An argument refers to the output of a node that its workflow does not have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Graph;
use crate::index::Index;
use crate::manifest::{Reference, Root, Span, Step};

pub(super) static RULE: Rule = Rule {
    code: Code("O3003"),
    name: "unknown-reference",
    summary: "an argument refers to a node that is not there",
    severity: Severity::Error,
    page: include_str!("pages/O3003.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in index.graphs.iter().filter(|graph| graph.dangles) {
        for node in graph.nodes.iter().filter(|node| node.for_each.is_none()) {
            let items = node.references().filter(|reference| reference.root == Root::Item);
            let items: Vec<Span> = items.map(|item| item.span).collect();
            if let Some((first, others)) = items.split_first() {
                faults.push(
                    Diagnostic::error(&RULE, *first, format!("`{}` has no `for_each`", node.name.value))
                        .label("an element of which list?")
                        .also_at(others, "and this one")
                        .help("add `for_each: \"${node.list}\"`, or refer to a node"),
                );
            }
        }
        for stranger in graph.strangers() {
            let Some(reference) = stranger.reference else { continue };
            let name = stranger.name;
            let message =
                format!("workflow `{}` has no node `{name}` to refer to", graph.workflow.name.value);
            let help = dotted(graph, name, reference).unwrap_or_else(|| index.suggest_node(graph, name));
            faults.push(
                Diagnostic::error(&RULE, stranger.span, message)
                    .also_at(&stranger.others, "it is named here as well")
                    .help(help)
                    .note("a reference begins with a node's name, with `input` or with `run`; `$${` is a plain `${`"),
            );
        }
    }
}

/// The way to write the name of a node that has a dot in it, if that is what was meant.
fn dotted(graph: &Graph<'_>, root: &str, reference: &Reference) -> Option<String> {
    let mut name = root.to_owned();
    reference.path.iter().find_map(|step| {
        let Step::Field(field) = step else { return None };
        name.push('.');
        name.push_str(field);
        graph.node(&name).map(|_| format!("a name with a dot stands in brackets: `${{[\"{name}\"]}}`"))
    })
}
