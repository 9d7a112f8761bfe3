//! A secret is part of a setting that is not secret, or of the settings of what secrets come from.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::settings::{Fault, What, faults};

pub(super) static RULE: Rule = Rule {
    code: Code("O5010"),
    name: "misplaced-secret",
    summary: "a secret is part of a setting that is not secret",
    severity: Severity::Error,
    page: include_str!("pages/O5010.md"),
};

pub(super) fn check(index: &Index<'_>, found: &mut Diagnostics) {
    for Fault { provider, what } in faults(index) {
        found.push(match what {
            What::Misplaced { secret, what } => {
                let message =
                    format!("a secret cannot stand here: this setting of `{}` is shown", provider.id);
                Diagnostic::error(&RULE, secret.span, message)
                    .label(format!("it is {what}"))
                    .note("settings that are not secret appear in logs and in what commands print")
                    .help("write the value itself, or take a setting that is secret")
            }
            What::Circular { secret } => {
                let message =
                    format!("`{}` is where secrets come from, and would need one itself", provider.id);
                Diagnostic::error(&RULE, secret.span, message)
                    .help("write the value itself; what it shows who it is with comes from its environment")
            }
            _ => continue,
        });
    }
}
