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
        let What::Missing { at, name, about, example } = what else { continue };
        let message = format!("`{}` needs the setting `{name}`", provider.id);
        let fault = Diagnostic::error(&RULE, at, message).help(format!("write `{example}`"));
        found.push(match about {
            Some(about) => fault.note(format!("`{name}`: {about}")),
            None => fault,
        });
    }
}
