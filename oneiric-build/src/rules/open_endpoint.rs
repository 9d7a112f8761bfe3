//! Anyone may call the program.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O5005"),
    name: "open-endpoint",
    summary: "an endpoint without authentication",
    severity: Severity::Warning,
    page: include_str!("pages/O5005.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    if let Some(span) = index.manifest.http.as_ref().and_then(|http| http.open) {
        faults.push(
            Diagnostic::warning(&RULE, span, "anyone who can reach the program can run its workflows")
                .help("let callers show who they are: `auth: { oidc: { audience: … } }` or `auth: { shared_secret: \"${secret:NAME}\" }`"),
        );
    }
}
