//! The section `http`: who may call the program.

use super::fields::{Fields, expected, text, word};
use super::section::{Form, Key, Section};
use super::settings;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Http, Span, faults};

pub(super) static HTTP: Section = Section {
    what: "`http`",
    about: "Who may call the program.",
    keys: &[
        Key::new(
            "auth",
            &Form::Either(&[&Form::Word(&NONE), &Form::Section(&AUTH)]),
            "How callers show who they are.",
        )
        .required(),
        Key::new("health_path", &Form::Text, "Where it says that it is alive.").default("/healthz"),
    ],
    one_of: &[],
};

const NONE: [(&str, &str); 1] = [("none", "Anyone may call.")];

static AUTH: Section = Section {
    what: "`auth`",
    about: "How callers show who they are.",
    keys: &[
        Key::new("oidc", &Form::Section(&OIDC), "With a token of an identity provider."),
        Key::new("shared_secret", &Form::Text, "With a secret, `${secret:NAME}`, that both sides have."),
    ],
    one_of: &["oidc", "shared_secret"],
};

static OIDC: Section = Section {
    what: "`oidc`",
    about: "Tokens of an identity provider.",
    keys: &[
        Key::new("audience", &Form::Text, "Whom the token has to be for.").required(),
        Key::new("issuer", &Form::Text, "Who has to have issued it."),
    ],
    one_of: &[],
};

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Http> {
    let fields = Fields::open(&entry.value, entry.key_span, &HTTP, faults)?;
    if let Some(node) = fields.get("health_path")
        && let Some(path) = text(node, faults)
        && !path.starts_with('/')
    {
        faults.push(
            Diagnostic::error(&faults::VALUE, path.span, format!("`{}` is not a path", path.value))
                .help(format!("write `/{}`", path.value)),
        );
    }
    let open = fields.require("auth", "auth: { oidc: { audience: \"https://…\" } }", faults);
    Some(Http { open: open.and_then(|node| auth(node, faults)) })
}

/// Where the manifest says that anyone may call.
fn auth(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Span> {
    if matches!(node.kind, Kind::Text(_)) {
        return word(node, &NONE, faults).map(|_| node.span);
    }
    if !matches!(node.kind, Kind::Mapping(_)) {
        expected(node, "`none`, or a mapping with `oidc` or `shared_secret`", faults);
        return None;
    }
    let fields = Fields::open(node, node.span, &AUTH, faults)?;
    match (fields.entry("oidc"), fields.entry("shared_secret")) {
        (Some(oidc), None) => {
            let fields = Fields::open(&oidc.value, oidc.key_span, &OIDC, faults)?;
            fields
                .require("audience", "audience: \"https://example.org\"", faults)
                .and_then(|node| text(node, faults));
            fields.get("issuer").and_then(|node| text(node, faults));
        }
        (None, Some(secret)) => {
            let found = text(&secret.value, faults)?;
            if !found.starts_with("${secret:") {
                faults.push(
                    Diagnostic::error(
                        &faults::VALUE,
                        found.span,
                        "a shared secret may not stand in a manifest",
                    )
                    .help("write `${secret:NAME}`, and put the secret where secrets come from"),
                );
                return None;
            }
            // Settings take references to secrets, and no others.
            settings::read(Some(node), faults);
        }
        (Some(oidc), Some(secret)) => faults.push(
            Diagnostic::error(&faults::DOES, secret.key_span, "`auth` has both `oidc` and `shared_secret`")
                .related(oidc.key_span, "callers bring a token")
                .label("and a secret"),
        ),
        (None, None) => faults.push(
            Diagnostic::error(&faults::DOES, node.span, "`auth` says no way to show who calls")
                .help("write `oidc: { audience: … }`, `shared_secret: \"${secret:NAME}\"`, or `auth: none`"),
        ),
    }
    None
}
