//! An adapter is used for something that it cannot do.

use crate::adapters;
use crate::catalog;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O3009"),
    name: "missing-capability",
    summary: "an adapter is used for what it cannot do",
    severity: Severity::Error,
    page: include_str!("pages/O3009.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for used in adapters::used(index.manifest) {
        let Some(id) = index.adapter(used.name).and_then(|adapter| adapter.provider.as_ref()) else {
            continue;
        };
        // A provider that is not known has been reported as such.
        if !catalog::is_known(id) || catalog::can(id, used.capability) {
            continue;
        }
        let able = catalog::providers_that_can(used.capability);
        let message = format!("`{}` cannot {}: it is `{}`", used.name.value, used.does, id.value);
        faults.push(
            Diagnostic::error(&RULE, used.name.span, message)
                .label(format!("`{}` is needed here", used.capability))
                .related(id.span, format!("this one can {}", catalog::capabilities(id).join(", ")))
                .help(format!("these can: {}", able.join(", "))),
        );
    }
}
