//! A text that looks like a secret, in a file that is shared and kept.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{Expr, Span, TaskDoes};
use crate::settings;

pub(super) static RULE: Rule = Rule {
    code: Code("O5004"),
    name: "looks-like-a-secret",
    summary: "a value that looks like a secret",
    severity: Severity::Warning,
    page: include_str!("pages/O5004.md"),
};

/// How secrets of well-known services begin, with whose they are and how long they are at least.
const BEGINNINGS: [(&str, usize, &str); 12] = [
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("ghp_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("AKIA", 20, "an AWS access key"),
    ("AIza", 35, "a Google API key"),
    ("sk-", 30, "an API key"),
    ("sk_live_", 20, "a Stripe key"),
    ("SG.", 30, "a SendGrid key"),
    ("eyJ", 60, "a signed token"),
    ("-----BEGIN ", 20, "a private key"),
];

/// Parts of names under which secrets are kept.
const NAMES: [&str; 8] =
    ["password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "access_key"];

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let manifest = index.manifest;
    let mut texts: Vec<(&str, &str, Span)> = Vec::new();
    let adapters = manifest.adapters.iter().flatten().map(|one| &one.settings);
    let actions = manifest.actions.iter().flatten().map(|one| &one.settings);
    let tasks = || manifest.tasks.iter().flatten();
    for settings in adapters.chain(actions).chain(tasks().map(|one| &one.settings)).flatten() {
        texts.extend(settings.texts().into_iter().map(|(key, text)| (key, text.value, text.span)));
    }
    let values = manifest.secrets.iter().flat_map(|secrets| &secrets.values);
    texts.extend(values.map(|(_, text)| ("", text.as_str(), text.span)));
    for task in tasks() {
        if let Some(TaskDoes::Exec(argv)) = &task.does {
            texts.extend(argv.iter().map(|word| ("", word.as_str(), word.span)));
        }
    }
    for node in index.graphs.iter().flat_map(|graph| graph.nodes) {
        for (name, value) in node.with.iter().flat_map(|with| &with.arguments) {
            if let Expr::Literal(literal) = &value.value {
                collect(name, literal, value.span, &mut texts);
            }
        }
    }
    // What is known to be secret has been reported as such.
    let known: Vec<Span> = settings::faults(index)
        .into_iter()
        .filter_map(|fault| match fault.what {
            settings::What::Plain { span, .. } => Some(span),
            _ => None,
        })
        .collect();
    for (key, text, span) in texts.into_iter().filter(|(.., span)| !known.contains(span)) {
        if let Some(what) = looks_like(key, text) {
            faults.push(
                // The text itself is not repeated: reports end up in logs.
                Diagnostic::warning(&RULE, span, format!("this looks like {what}"))
                    .label("whoever can read the manifest can read it")
                    .help("keep it where secrets are kept, let the task read it from its environment, and revoke this one"),
            );
        }
    }
}

/// As deep as the value, which the reader bounds.
fn collect<'v>(
    key: &'v str,
    value: &'v serde_json::Value,
    span: Span,
    texts: &mut Vec<(&'v str, &'v str, Span)>,
) {
    match value {
        serde_json::Value::String(text) => texts.push((key, text, span)),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(key, item, span, texts)),
        serde_json::Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| collect(key, value, span, texts));
        }
        _ => {}
    }
}

fn looks_like(key: &str, text: &str) -> Option<&'static str> {
    let begins = BEGINNINGS.iter().find(|(beginning, least, _)| {
        text.len() >= *least
            && text.starts_with(beginning)
            && (*beginning == "-----BEGIN " && text.contains("PRIVATE KEY")
                || !text.contains(char::is_whitespace))
    });
    if let Some((.., what)) = begins {
        return Some(what);
    }
    if has_password(text) {
        return Some("an address with a password in it");
    }
    let key = key.to_ascii_lowercase();
    let named = NAMES.iter().any(|name| key == *name || key.ends_with(&format!("_{name}")));
    // Paths and names of secrets stand under such keys too; a secret has no spaces and is not short.
    let valued = text.len() >= 8
        && !text.contains(char::is_whitespace)
        && !text.starts_with(['/', '.', '$', '%'])
        && !text.contains("://");
    (named && valued).then_some("a secret, from the name it has")
}

/// `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+');
    let password =
        authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    is_scheme && password.is_some_and(|password| !password.is_empty() && !password.starts_with('$'))
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn secrets_are_told_from_other_texts() {
        // Put together here, so that no scanner takes this file for a leak.
        let slack = ["xoxb", "123456789012", "abcdefghijkl"].join("-");
        for (key, text) in [
            ("", slack.as_str()),
            ("password", "correcthorse"),
            ("db_password", "hunter2hunter2"),
            ("url", "postgres://app:pass@db/app"),
        ] {
            assert!(looks_like(key, text).is_some(), "{key}: {text}");
        }
        for (key, text) in [
            ("", "xoxb-"),
            ("password", "short"),
            ("token_url", "https://example.org/token"),
            ("token", "https://example.org/token"),
            ("key_path", "/etc/keys/app.pem"),
            ("private_key", "/etc/keys/app.pem"),
            ("url", "postgres://app@db/app"),
            ("url", "postgres://app:$PASSWORD@db/app"),
            ("title", "secret: a story of tokens"),
        ] {
            assert_eq!(looks_like(key, text), None, "{key}: {text}");
        }
    }
}
