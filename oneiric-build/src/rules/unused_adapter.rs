//! An adapter that nothing can be using.

use crate::adapters;
use crate::catalog;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{Adapter, Node, NodeDoes, SettingKind, TaskDoes, Workflow};

pub(super) static RULE: Rule = Rule {
    code: Code("O3013"),
    name: "unused-adapter",
    summary: "an adapter that nothing uses",
    severity: Severity::Warning,
    page: include_str!("pages/O3013.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let manifest = index.manifest;
    // Where workflows or tasks could not be read, one of them may use any adapter.
    let (Some(workflows), Some(tasks)) = (&manifest.workflows, &manifest.tasks) else { return };
    if workflows.is_empty() || workflows.len() != index.graphs.len() {
        return;
    }
    // What a task would do that is not there, nobody knows.
    let nodes = index.graphs.iter().flat_map(|graph| graph.nodes);
    let lacks_a_task =
        |node: &Node| matches!(&node.does, Some(NodeDoes::Task(name)) if index.task(name).is_none());
    let calls_rust = !manifest.services.is_empty()
        || nodes.into_iter().any(lacks_a_task)
        || tasks.iter().any(|task| !matches!(task.does, Some(TaskDoes::Exec(_))));
    let used = adapters::used(manifest);
    // Whoever lacks the name of an adapter was to have one.
    let nameless = |one: &Workflow| {
        one.scheduler.as_ref().is_some_and(|one| one.queue.is_none())
            || one.notifications.as_ref().is_some_and(|one| one.adapter.is_none())
    };
    if workflows.iter().any(nameless) || manifest.scheduler.as_ref().is_some_and(|one| one.queue.is_none()) {
        return;
    }
    // A name that is no adapter's was meant for one, and sources that could not be read name some.
    let sources = manifest.secrets.iter().find_map(|secrets| secrets.sources.as_ref());
    if used.iter().any(|one| index.adapter(one.name).is_none()) || sources.is_some_and(Vec::is_empty) {
        return;
    }
    let is_queue = |adapter: &&Adapter| {
        adapter
            .provider
            .as_ref()
            .and_then(|id| catalog::provider(id))
            .is_some_and(|one| one.domain() == "queue")
    };
    // Runs are enqueued in the only queue there is.
    let is_only_queue = manifest.adapters.iter().flatten().filter(is_queue).count() == 1;
    for adapter in manifest.adapters.iter().flatten() {
        // One that cannot be there at all has been reported as such.
        let Some(provider) = adapter.provider.as_ref().and_then(|id| catalog::provider(id)) else { continue };
        let domain = provider.domain();
        // A Rust function can ask for any adapter; secrets it asks for by their own names.
        let is_there_for_rust = calls_rust && domain != "secrets";
        let is_used_all_the_same = domain == "queue" && (is_only_queue || is_fetched_from(adapter));
        if is_there_for_rust
            || is_used_all_the_same
            || used.iter().any(|one| one.name.value == adapter.name.value)
        {
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

/// Whether the program fetches runs from a queue.
fn is_fetched_from(queue: &Adapter) -> bool {
    let settings = queue.settings.as_ref().map(|settings| &settings.kind);
    matches!(settings, Some(SettingKind::Mapping(entries)) if entries.iter().any(|(key, _)| key.value == "subscription"))
}
