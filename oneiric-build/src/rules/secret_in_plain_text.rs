//! A secret stands in the manifest, where whoever can read the manifest can read it.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::settings::{Fault, What, faults};

pub(super) static RULE: Rule = Rule {
    code: Code("O5009"),
    name: "secret-in-plain-text",
    summary: "a setting that is secret stands there for all to read",
    severity: Severity::Error,
    page: include_str!("pages/O5009.md"),
};

pub(super) fn check(index: &Index<'_>, found: &mut Diagnostics) {
    for Fault { provider, what } in faults(index) {
        let What::Plain { span, name } = what else { continue };
        // The text itself is not repeated: reports end up in logs.
        let message = format!("the setting `{name}` of `{}` is a secret", provider.id);
        let fault =
            Diagnostic::error(&RULE, span, message).label("whoever can read the manifest can read it");
        found.push(if provider.domain() == "secrets" {
            fault.help("leave it out: a source of secrets shows who it is with what its environment gives it")
        } else {
            fault.help("write `${secret:NAME}`, and put the text where secrets come from")
        });
    }
}
