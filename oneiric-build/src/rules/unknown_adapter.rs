//! Something names an adapter that the manifest does not have.

use crate::adapters;
use crate::catalog;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

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
    for used in adapters::used(index.manifest) {
        if index.adapter(used.name).is_some() {
            continue;
        }
        let message = format!("there is no adapter `{}`", used.name.value);
        let fault = Diagnostic::error(&RULE, used.name.span, message);
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
