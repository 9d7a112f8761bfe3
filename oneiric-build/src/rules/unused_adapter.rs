//! An adapter that nothing can be using.

use crate::adapters;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::TaskDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O3013"),
    name: "unused-adapter",
    summary: "an adapter that nothing uses",
    severity: Severity::Warning,
    page: include_str!("pages/O3013.md"),
};

/// What only the manifest itself can use; adapters of other domains are there for Rust functions.
const OF_THE_MANIFEST: [&str; 3] = ["queue", "messaging", "secrets"];

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let manifest = index.manifest;
    // Where workflows or tasks could not be read, one of them may use any adapter.
    let (Some(workflows), Some(tasks)) = (&manifest.workflows, &manifest.tasks) else { return };
    if workflows.is_empty() || workflows.len() != index.graphs.len() {
        return;
    }
    let calls_rust = !manifest.services.is_empty()
        || tasks.iter().any(|task| !matches!(task.does, Some(TaskDoes::Exec(_))));
    let used = adapters::used(manifest);
    for adapter in manifest.adapters.iter().flatten() {
        let Some(provider) = &adapter.provider else { continue };
        let domain = provider.split('.').next().unwrap_or_default();
        let of_the_manifest = OF_THE_MANIFEST.contains(&domain);
        if used.iter().any(|one| one.name.value == adapter.name.value) || calls_rust && !of_the_manifest {
            continue;
        }
        let why = match domain {
            "queue" => "no workflow has it as the `queue` of its `scheduler`",
            "messaging" => "no workflow has it as the `adapter` of its `notifications`",
            "secrets" => "it is not one of the `sources` of `secrets`",
            _ => "only Rust functions could use it, and there are none",
        };
        faults.push(
            Diagnostic::warning(
                &RULE,
                adapter.name.span,
                format!("nothing uses the adapter `{}`", adapter.name.value),
            )
            .label(why)
            .help("remove it, or use it"),
        );
    }
}
