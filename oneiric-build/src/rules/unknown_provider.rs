//! An adapter is of a kind that does not exist.

use crate::catalog;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::read::later;

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
        let domain = catalog::domain(id);
        let same: Vec<&str> = catalog::ids().filter(|one| catalog::domain(one) == domain).collect();
        if same.contains(&id.as_str()) {
            let able: Vec<&str> = same.into_iter().filter(|one| catalog::provider(one).is_some()).collect();
            let today = if able.is_empty() {
                "let tasks make their own connections".to_owned()
            } else {
                format!("of `{domain}` there is {}", able.join(", "))
            };
            faults.push(later(id.span, &format!("the adapter `{}`", id.value), &today));
            continue;
        }
        let fault =
            Diagnostic::error(&RULE, id.span, format!("there is no adapter of the kind `{}`", id.value));
        // `slack` alone is a slip too: the domain is missing.
        let bare = catalog::ids().find(|one| one.ends_with(&format!(".{}", id.value)));
        let near = bare.map(|one| format!("did you mean `{one}`?"));
        let near = near.or_else(|| index.did_you_mean(id, catalog::ids()));
        faults.push(match near {
            Some(name) => fault.help(name),
            None if same.is_empty() => {
                let mut domains: Vec<&str> = catalog::ids().map(catalog::domain).collect();
                domains.sort_unstable();
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
