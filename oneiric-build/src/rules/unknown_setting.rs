//! An adapter is given a setting that it does not have.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::settings::{Fault, What, faults};

pub(super) static RULE: Rule = Rule {
    code: Code("O5006"),
    name: "unknown-setting",
    summary: "a setting that an adapter does not have",
    severity: Severity::Error,
    page: include_str!("pages/O5006.md"),
};

pub(super) fn check(index: &Index<'_>, found: &mut Diagnostics) {
    for Fault { provider, what } in faults(index) {
        let What::Unknown { name, known } = what else { continue };
        let message = format!("`{}` has no setting `{}` here", provider.id, name.value);
        let fault = Diagnostic::error(&RULE, name.span, message);
        found.push(match index.did_you_mean(name, known.iter().copied()) {
            Some(near) => fault.help(near),
            None if known.is_empty() => fault.help("remove it: there is nothing to set here"),
            None => fault.help(format!("there are `{}`", known.join("`, `"))),
        });
    }
}
