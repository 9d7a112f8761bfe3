//! Anyone may call the program, or anyone can come to be somebody who may.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::Auth;

pub(super) static RULE: Rule = Rule {
    code: Code("O5005"),
    name: "open-endpoint",
    summary: "an endpoint without authentication",
    severity: Severity::Warning,
    page: include_str!("pages/O5005.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let auth = index.manifest.http.as_ref().and_then(|http| http.auth.as_ref());
    let Some(auth) = auth.filter(|auth| auth.value.is_open()) else { return };
    faults.push(match auth.value {
        Auth::None => Diagnostic::warning(&RULE, auth.span, "anyone who can reach the program can run its workflows")
            .help("let callers show who they are: `auth: { oidc: { audience: … } }` or `auth: { shared_secret: \"${secret:NAME}\" }`"),
        _ => Diagnostic::warning(&RULE, auth.span, "anyone with a Google account can run its workflows")
            .label("Google gives everybody a token for any audience")
            .help("say whose tokens are good: `emails: [NAME@PROJECT.iam.gserviceaccount.com]`"),
    });
}
