//! Workflows that run each other, so that a run of one of them would never end.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::{Edge, Index};
use crate::manifest::{NodeDoes, Workflow};
use crate::tangle;

pub(super) static RULE: Rule = Rule {
    code: Code("O4006"),
    name: "workflow-cycle",
    summary: "workflows run each other in a circle",
    severity: Severity::Error,
    page: include_str!("pages/O4006.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let Some(workflows) = &index.manifest.workflows else { return };
    let runs: Vec<Vec<Edge>> = workflows.iter().map(|workflow| children(index, workflow)).collect();
    if runs.iter().all(Vec::is_empty) {
        return;
    }
    for (workflow, edges) in runs.iter().enumerate() {
        for edge in edges.iter().filter(|edge| edge.to == workflow) {
            let name = &workflows[workflow].name.value;
            faults.push(
                Diagnostic::error(&RULE, edge.span, format!("workflow `{name}` runs itself"))
                    .label("each of its runs would begin another one")
                    .help("let the node run another workflow"),
            );
        }
    }
    for tangle in tangle::tangles(&runs) {
        let cycle = tangle::shortest(&runs, &tangle);
        let name = |workflow: usize| workflows[workflow].name.as_str();
        let mut path: Vec<&str> = cycle.edges.iter().map(|(from, _)| name(*from)).collect();
        path.extend(path.first().copied());
        let mut edges = cycle
            .edges
            .iter()
            .map(|(from, edge)| (edge.span, format!("`{}` runs `{}`", name(*from), name(edge.to))));
        let (span, text) = edges.next().unwrap_or_default();
        let message = format!("workflows run each other: {}", path.join(" -> "));
        let fault = Diagnostic::error(&RULE, span, message).label(text);
        let fault = edges.fold(fault, |fault, (span, text)| fault.related(span, text));
        faults.push(fault.help("remove one of these nodes, or let it run another workflow"));
    }
}

fn children(index: &Index<'_>, workflow: &Workflow) -> Vec<Edge> {
    let nodes = workflow.nodes.iter().flatten();
    nodes
        .filter_map(|node| match &node.does {
            Some(NodeDoes::Workflow(name)) => {
                Some(Edge { to: index.workflow(name)?, span: name.span, carries_data: true })
            }
            _ => None,
        })
        .collect()
}
