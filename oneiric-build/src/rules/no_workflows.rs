//! A manifest without workflows: its program would have nothing to do.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O4005"),
    name: "no-workflows",
    summary: "the manifest has no workflows",
    severity: Severity::Error,
    page: include_str!("pages/O4005.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    if !index.manifest.is_partial && index.manifest.workflows.as_ref().is_some_and(Vec::is_empty) {
        faults.push(
            Diagnostic::error(&RULE, index.manifest.workflows_at, "the manifest has no workflows")
                .help("add one: `workflows: { first: { nodes: { … } } }`"),
        );
    }
}
