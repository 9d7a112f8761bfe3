//! Something names an adapter that the manifest does not have.

use crate::adapters::{self, Use};
use crate::catalog;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::Span;

pub(super) static RULE: Rule = Rule {
    code: Code("O3008"),
    name: "unknown-adapter",
    summary: "an adapter is named that is not there",
    severity: Severity::Error,
    page: include_str!("pages/O3008.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    // Where the adapters could not be read, any name may be one of theirs.
    let Some(known) = &index.manifest.adapters else { return };
    let missing =
        adapters::used(index.manifest).into_iter().filter(|used| index.adapter(used.name).is_none());
    let mut missing: Vec<Use<'_>> = missing.collect();
    missing.sort_by_key(|used| used.name.span);
    // Where there are no adapters at all, that is the one mistake.
    let others = if known.is_empty() { missing.split_off(missing.len().min(1)) } else { Vec::new() };
    let others: Vec<Span> = others.iter().map(|used| used.name.span).collect();
    for used in missing {
        let message = format!("there is no adapter `{}`", used.name.value);
        let fault = Diagnostic::error(&RULE, used.name.span, message).also_at(&others, "nor this one");
        let near = index.did_you_mean(used.name, known.iter().map(|adapter| adapter.name.as_str()));
        let able: Vec<&str> = known
            .iter()
            .filter(|adapter| adapter.provider.as_ref().is_some_and(|id| catalog::can(id, used.capability)))
            .map(|adapter| adapter.name.as_str())
            .collect();
        faults.push(match near {
            Some(name) => fault.help(name),
            None if able.is_empty() => fault.help(format!(
                "add it: `adapters: {{ {}: {{ provider: {} }} }}`",
                used.name.value,
                catalog::providers_that_can(used.capability).first().copied().unwrap_or("…")
            )),
            None => fault.help(format!("adapters that {}: `{}`", used.does, able.join("`, `"))),
        });
    }
}
