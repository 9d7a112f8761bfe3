//! `auth` of the section `http`: how callers show who they are.

use std::time::Duration;

use super::fields::{Fields, expected, text, texts, word};
use super::section::{Form, Key, Section};
use super::{duration, value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Auth, Expr, Hmac, Oidc, Reference, Root, Spanned, faults};

pub(super) static FORM: Form = Form::Either(&[&Form::Word(&NONE), &Form::Section(&AUTH)]);

const NONE: [(&str, &str); 1] = [("none", "Anyone may call.")];

static AUTH: Section = Section {
    what: "`auth`",
    about: "How callers show who they are.",
    keys: &[
        Key::new("oidc", &Form::Section(&OIDC), "With a token of an identity provider, such as Google's."),
        Key::new(
            "shared_secret",
            &Form::Text,
            "With a secret, `${secret:NAME}`, that both sides have: `Authorization: Bearer …`.",
        ),
        Key::new("hmac", &Form::Section(&HMAC), "With a signature over the body, as webhooks have it."),
    ],
    one_of: &["oidc", "shared_secret", "hmac"],
};

static OIDC: Section = Section {
    what: "`oidc`",
    about: "Tokens of an identity provider: JWTs that it has signed with RS256 or ES256.",
    keys: &[
        Key::new("audience", &AUDIENCE, "Whom a token has to be for; of several, one.").required(),
        Key::new("issuer", &Form::Text, "Who has to have issued it.").default(GOOGLE),
        Key::new(
            "emails",
            &NAMES,
            "Whose tokens are good, by e-mail address that the issuer has verified. Without it and `subjects`, \
             everybody's to whom the issuer gives one for this audience.",
        ),
        Key::new("subjects", &NAMES, "Whose tokens are good, by the claim `sub`."),
        Key::new(
            "jwks_url",
            &Form::Text,
            "Where the issuer's keys are, if its discovery document does not say.",
        ),
        Key::new("leeway", &duration::FORM, "How far the issuer's clock may be from the program's.")
            .default("30s"),
    ],
    one_of: &[],
};

static AUDIENCE: Form = Form::Either(&[&Form::Text, &NAMES]);
static NAMES: Form = Form::List { of: &Form::Text, least: 1 };

/// The issuer of the tokens in what Cloud Tasks, Pub/Sub and Cloud Scheduler send.
pub(crate) const GOOGLE: &str = "https://accounts.google.com";

/// Clocks that are further apart than this are wrong.
const MAX_LEEWAY: Duration = Duration::from_mins(5);

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

static HMAC: Section = Section {
    what: "`hmac`",
    about: "Signatures over the body.",
    keys: &[
        Key::new("secret", &Form::Text, "The secret, `${secret:NAME}`, that they are made with.").required(),
        Key::new("scheme", &Form::Word(&SCHEMES), "How they are made.").default(SCHEMES[0].0),
        Key::new(
            "tolerance",
            &duration::POSITIVE_FORM,
            "How long ago a signature may have been made, where it says that.",
        )
        .default("5m"),
        Key::new(
            "signature_header",
            &Form::Text,
            "The header of the signature, for `timestamped`: X-Signature.",
        ),
        Key::new("timestamp_header", &Form::Text, "The header of its time, for `timestamped`: X-Timestamp."),
        Key::new(
            "url",
            &Form::Text,
            "For `twilio`, the address that it calls, up to the path: it is part of what is signed.",
        ),
    ],
    one_of: &[],
};

const SCHEMES: [(&str, &str); 7] = [
    ("standard-webhooks", "Standard Webhooks, and Svix: id, time and body in `webhook-signature`."),
    ("timestamped", "HMAC-SHA256 in hexadecimal, over `TIME.BODY`."),
    ("github", "GitHub's `X-Hub-Signature-256`, which says no time."),
    ("slack", "Slack's `X-Slack-Signature`."),
    ("stripe", "Stripe's `Stripe-Signature`."),
    ("twilio", "Twilio's `X-Twilio-Signature`, which says no time."),
    ("sendgrid", "SendGrid's event webhook; the secret is its public key."),
];

/// Signatures that are older than this might as well say no time.
const MAX_TOLERANCE: Duration = Duration::from_hours(1);

const DEFAULT_TOLERANCE: Duration = Duration::from_mins(5);

pub(super) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<Auth>> {
    let auth = match node.kind {
        Kind::Text(_) => word(node, &NONE, faults).map(|_| Auth::None),
        Kind::Mapping(_) => declared(node, faults),
        _ => {
            expected(node, "`none`, or a mapping with `oidc`, `shared_secret` or `hmac`", faults);
            None
        }
    };
    Some(Spanned::new(auth?, node.span))
}

fn declared(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Auth> {
    let fields = Fields::open(node, node.span, &AUTH, faults)?;
    let mut ways = AUTH.one_of.iter().filter_map(|key| fields.entry(key));
    let Some(way) = ways.next() else {
        faults.push(
            Diagnostic::error(&faults::DOES, node.span, "`auth` says no way to show who calls").help(
                "write `oidc: { audience: … }`, `shared_secret: \"${secret:NAME}\"`, `hmac: { secret: \"${secret:NAME}\" }`, \
                 or `auth: none`",
            ),
        );
        return None;
    };
    if let Some(other) = ways.next() {
        faults.push(
            Diagnostic::error(
                &faults::DOES,
                other.key_span,
                format!("`auth` has both `{}` and `{}`", way.key, other.key),
            )
            .label("a second way to show who calls")
            .related(way.key_span, "the first")
            .help("remove one of them"),
        );
        return None;
    }
    match &*way.key {
        "oidc" => oidc(way, faults).map(Auth::Oidc),
        "hmac" => hmac(way, faults).map(Auth::Hmac),
        _ => secret(&way.value, "a shared secret", faults).map(Auth::SharedSecret),
    }
}

fn oidc(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Oidc> {
    let fields = Fields::open(&entry.value, entry.key_span, &OIDC, faults)?;
    let audience = fields.require("audience", "audience: \"https://example.org\"", faults);
    let audiences = audience.and_then(|node| match node.kind {
        Kind::List(_) => names(node, "audiences", faults),
        _ => text(node, faults).map(|one| vec![one.value]),
    });
    let mut list = |key, what| fields.get(key).map(|node| names(node, what, faults));
    let (emails, subjects) = (list("emails", "e-mail addresses"), list("subjects", "subjects"));
    let issuer = fields.get("issuer").map(|node| address(node, faults));
    let jwks_url = fields.get("jwks_url").map(|node| address(node, faults));
    let leeway = fields.get("leeway").map(|node| at_most(node, MAX_LEEWAY, faults));
    Some(Oidc {
        audiences: audiences?,
        issuer: issuer.unwrap_or_else(|| Some(GOOGLE.to_owned()))?,
        jwks_url: jwks_url.map_or(Some(None), |url| url.map(Some))?,
        emails: emails.unwrap_or_else(|| Some(Vec::new()))?,
        subjects: subjects.unwrap_or_else(|| Some(Vec::new()))?,
        leeway: leeway.unwrap_or(Some(DEFAULT_LEEWAY))?,
    })
}

fn hmac(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Hmac> {
    let fields = Fields::open(&entry.value, entry.key_span, &HMAC, faults)?;
    let key = fields.require("secret", "secret: \"${secret:NAME}\"", faults);
    let key = key.and_then(|node| secret(node, "the secret of signatures", faults));
    let scheme = fields.get("scheme").map_or(Some(SCHEMES[0].0), |node| word(node, &SCHEMES, faults));
    let tolerance = fields.get("tolerance").map(|node| {
        let time = at_most(node, MAX_TOLERANCE, faults)?;
        if time.is_zero() {
            faults.push(Diagnostic::error(
                &faults::VALUE,
                node.span,
                "no signature would ever be new enough",
            ));
        }
        (!time.is_zero()).then_some(time)
    });
    let mut of = |key: &'static str, owner: &'static str| {
        let entry = fields.entry(key)?;
        if scheme.is_some_and(|scheme| scheme != owner) {
            faults.push(
                Diagnostic::error(&faults::VALUE, entry.key_span, format!("`{key}` is only for `{owner}`"))
                    .help(format!("remove it, or write `scheme: {owner}`")),
            );
        }
        Some(match key {
            "url" => address(&entry.value, faults),
            _ => header(&entry.value, faults),
        })
    };
    let signature_header = of("signature_header", "timestamped");
    let timestamp_header = of("timestamp_header", "timestamped");
    let url = of("url", "twilio");
    if scheme == Some("twilio") && url.is_none() {
        faults.push(
            Diagnostic::error(&faults::MISSING_KEY, entry.key_span, "`hmac` needs `url`")
                .label("the address is part of what Twilio signs")
                .help("write `url: \"https://example.org\"`"),
        );
        return None;
    }
    Some(Hmac {
        secret: key?,
        scheme: scheme?,
        tolerance: tolerance.unwrap_or(Some(DEFAULT_TOLERANCE))?,
        signature_header: signature_header.map_or(Some(None), |name| name.map(Some))?,
        timestamp_header: timestamp_header.map_or(Some(None), |name| name.map(Some))?,
        url: url.map_or(Some(None), |url| url.map(Some))?,
    })
}

/// The name of a secret, which is all that a manifest may say of it.
fn secret(node: &Node<'_>, what: &str, faults: &mut Diagnostics) -> Option<String> {
    let Kind::Text(found) = &node.kind else {
        expected(node, "`${secret:NAME}`", faults);
        return None;
    };
    if let Expr::Reference(Reference { root: Root::Secret(name), .. }) =
        value::template(found, node.span, faults)?
    {
        Some(name)
    } else {
        faults.push(
            Diagnostic::error(&faults::VALUE, node.span, format!("{what} may not stand in a manifest"))
                .help("write `${secret:NAME}`, and put the secret where secrets come from"),
        );
        None
    }
}

/// An address that nobody on the way can speak for: `https`, or this machine's own.
fn address(node: &Node<'_>, faults: &mut Diagnostics) -> Option<String> {
    let Spanned { value: url, span } = text(node, faults)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).map(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once(':').map_or(authority, |(host, _)| host)
    });
    let is_local = host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    let is_good = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && url.chars().all(|char| char.is_ascii_graphic());
    if is_good && (url.starts_with("https://") || is_local) {
        return Some(url);
    }
    faults.push(if is_good {
        Diagnostic::error(&faults::VALUE, span, format!("`{url}` is not an `https` address"))
            .label("whoever stands between could answer in its place")
    } else {
        Diagnostic::error(&faults::VALUE, span, format!("`{url}` is not an address"))
            .help("write `https://` and the name of a host")
    });
    None
}

/// The name of a header: a token of RFC 9110, 5.6.2.
fn header(node: &Node<'_>, faults: &mut Diagnostics) -> Option<String> {
    let name = text(node, faults)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.value.is_empty() || !name.value.bytes().all(is_token) {
        faults.push(Diagnostic::error(
            &faults::VALUE,
            name.span,
            format!("`{}` is not the name of a header", name.value),
        ));
        return None;
    }
    Some(name.value)
}

fn names(node: &Node<'_>, what: &str, faults: &mut Diagnostics) -> Option<Vec<String>> {
    Some(texts(node, what, faults)?.into_iter().map(|one| one.value).collect())
}

/// A duration up to the longest that makes sense.
fn at_most(node: &Node<'_>, most: Duration, faults: &mut Diagnostics) -> Option<Duration> {
    let Spanned { value: time, span } = duration::read(node, faults)?;
    if time > most {
        let most = crate::plan::duration(most);
        faults.push(Diagnostic::error(&faults::VALUE, span, format!("it is longer than {most}")));
        return None;
    }
    Some(time)
}
