//! A setting is not what it has to be.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::settings::{Fault, What, faults};

pub(super) static RULE: Rule = Rule {
    code: Code("O5008"),
    name: "invalid-setting",
    summary: "a setting of another type or form than it has to be",
    severity: Severity::Error,
    page: include_str!("pages/O5008.md"),
};

pub(super) fn check(index: &Index<'_>, found: &mut Diagnostics) {
    for Fault { provider, what } in faults(index) {
        let What::Invalid { span, message, help } = what else { continue };
        let fault = Diagnostic::error(&RULE, span, message)
            .note(format!("`oneiric adapters {}` lists the settings", provider.id));
        found.push(help.into_iter().fold(fault, Diagnostic::help));
    }
}
