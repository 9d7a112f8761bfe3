//! A setting that an adapter cannot do without is not there.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::settings::{Fault, What, faults};

pub(super) static RULE: Rule = Rule {
    code: Code("O5007"),
    name: "missing-setting",
    summary: "a setting that an adapter cannot do without is not there",
    severity: Severity::Error,
    page: include_str!("pages/O5007.md"),
};

pub(super) fn check(index: &Index<'_>, found: &mut Diagnostics) {
    for Fault { provider, what } in faults(index) {
        let What::Missing { at, missing } = what else { continue };
        let names: Vec<String> = missing.iter().map(|one| format!("`{}`", one.name)).collect();
        let noun = if names.len() == 1 { "setting" } else { "settings" };
        let message = format!("`{}` needs the {noun} {}", provider.id, names.join(", "));
        let examples: Vec<&str> = missing.iter().map(|one| one.example.as_str()).collect();
        let fault = Diagnostic::error(&RULE, at, message).help(format!("write `{}`", examples.join(", ")));
        let described = missing.iter().filter_map(|one| Some(format!("`{}`: {}", one.name, one.about?)));
        found.push(described.fold(fault, Diagnostic::note));
    }
}
