//! A workflow that waits longer than its runs may take.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::NodeDoes;
use crate::plan::{duration, longest};

pub(super) static RULE: Rule = Rule {
    code: Code("O5002"),
    name: "deadline",
    summary: "a workflow waits longer than its timeout allows",
    severity: Severity::Error,
    page: include_str!("pages/O5002.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        let Some(timeout) = graph.workflow.timeout else { continue };
        let wait = |node: usize| match &graph.nodes[node].does {
            Some(NodeDoes::Wait(time)) => time.value,
            _ => Duration::ZERO,
        };
        let Some(ways) = longest::ways(&graph.needs, wait) else { continue };
        let Some((last, time)) = ways.latest() else { continue };
        if time <= timeout.value {
            continue;
        }
        let message = format!(
            "a run of `{}` may take {} and waits {} before it can end",
            graph.workflow.name.value,
            duration(timeout.value),
            duration(time)
        );
        let waits = ways.way(last).into_iter().filter_map(|node| match &graph.nodes[node].does {
            Some(NodeDoes::Wait(time)) => Some((graph.name(node), time)),
            _ => None,
        });
        let fault = Diagnostic::error(&RULE, timeout.span, message).label("no run can meet this deadline");
        let fault = waits.fold(fault, |fault, (name, time)| {
            fault.related(time.span, format!("`{name}` waits {}", duration(time.value)))
        });
        faults.push(fault.help(format!("allow more than {}, or wait less", duration(time))));
    }
}
