//! A task or node runs an action that is neither built in nor one of the manifest's.

use crate::catalog::ACTIONS;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{NodeDoes, TaskDoes};

pub(super) static RULE: Rule = Rule {
    code: Code("O3012"),
    name: "unknown-action",
    summary: "an action that does not exist",
    severity: Severity::Error,
    page: include_str!("pages/O3012.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let Some(own) = &index.manifest.actions else { return };
    let nodes = index.graphs.iter().flat_map(|graph| graph.nodes).filter_map(|node| match &node.does {
        Some(NodeDoes::Action(name)) => Some(name),
        _ => None,
    });
    let tasks = index.manifest.tasks.iter().flatten().filter_map(|task| match &task.does {
        Some(TaskDoes::Action(name)) => Some(name),
        _ => None,
    });
    // What the manifest calls an action of its own is of a kind that is built in.
    let kinds = own.iter().filter_map(|action| action.kind.as_ref());
    let named = nodes.chain(tasks).map(|name| (name, true)).chain(kinds.map(|kind| (kind, false)));
    for (name, may_be_own) in named {
        let is_own = may_be_own && own.iter().any(|action| action.name.value == name.value);
        if is_own || ACTIONS.contains(&&*name.value) {
            continue;
        }
        let fault = Diagnostic::error(&RULE, name.span, format!("there is no action `{}`", name.value));
        let owns = own.iter().filter(|_| may_be_own).map(|action| action.name.as_str());
        faults.push(match index.did_you_mean(name, ACTIONS.iter().copied().chain(owns)) {
            Some(near) => fault.help(near),
            None => fault.help(format!("those that are built in are {}", ACTIONS.join(", "))),
        });
    }
}
