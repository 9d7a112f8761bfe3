//! A node that waits is given what only work can have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::NodeDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O5001"),
    name: "wait-settings",
    summary: "a node that waits is given arguments, a retry policy or a timeout",
    severity: Severity::Error,
    page: include_str!("pages/O5001.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for node in index.graphs.iter().flat_map(|graph| graph.nodes) {
        let Some(NodeDoes::Wait(wait)) = &node.does else { continue };
        let given = [
            (node.with.as_ref().map(|with| with.key), "with", "takes no arguments"),
            (node.retry.as_ref().map(|retry| retry.span), "retry", "cannot fail"),
            (node.timeout.as_ref().map(|timeout| timeout.span), "timeout", "ends when its time has come"),
            (node.for_each.as_ref().map(|list| list.span), "for_each", "has no use for a list"),
            (node.compensate.as_ref().map(|task| task.span), "compensate", "leaves nothing to undo"),
        ];
        for (span, key, why) in given {
            let Some(span) = span else { continue };
            let message = format!("`{}` waits, and a wait {why}", node.name.value);
            let fault = Diagnostic::error(&RULE, span, message).related(wait.span, "it waits");
            faults.push(match key {
                "with" => fault.help("to wait for other nodes, name them in `depends_on`"),
                _ => fault.help(format!("remove `{key}`")),
            });
        }
    }
}
