//! An adapter is of a kind that does not exist.

use crate::catalog::{self, PROVIDERS};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O3010"),
    name: "unknown-provider",
    summary: "an adapter of a kind that does not exist",
    severity: Severity::Error,
    page: include_str!("pages/O3010.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let adapters = index.manifest.adapters.iter().flatten();
    for id in adapters.filter_map(|adapter| adapter.provider.as_ref()) {
        if catalog::provider(id).is_some() {
            continue;
        }
        let fault =
            Diagnostic::error(&RULE, id.span, format!("there is no adapter of the kind `{}`", id.value));
        let domain = id.split('.').next().unwrap_or_default();
        let same: Vec<&str> =
            PROVIDERS.iter().filter(|one| one.domain() == domain).map(|one| one.id).collect();
        // `slack` alone is a slip too: the domain is missing.
        let bare = PROVIDERS.iter().find(|one| one.id.ends_with(&format!(".{}", id.value)));
        let near = bare.map(|one| format!("did you mean `{}`?", one.id));
        let near = near.or_else(|| index.did_you_mean(id, PROVIDERS.iter().map(|one| one.id)));
        faults.push(match near {
            Some(name) => fault.help(name),
            None if same.is_empty() => {
                let mut domains: Vec<&str> = PROVIDERS.iter().map(catalog::Provider::domain).collect();
                domains.dedup();
                fault.help(format!(
                    "a kind is a domain and a provider; the domains are {}",
                    domains.join(", ")
                ))
            }
            None => fault.help(format!("of `{domain}` there are {}", same.join(", "))),
        });
    }
}
