//! Who may call: whether a request that would start work comes from somebody whom the manifest lets do so.
//!
//! `http.auth` says how callers show who they are: with a token of an identity provider (`oidc`), with a secret that both
//! sides have (`shared_secret`), or with a signature over the body (`hmac`). Nothing written means that nobody may call.
//! Everything is judged before the body is parsed, and whatever can be is judged before it is read. Nothing is fetched or
//! looked up before the first request that needs it. What a refusal looks like over HTTP is left to `http`.

#[cfg(feature = "callers-hmac")]
mod constant_time;
#[cfg(feature = "callers-oidc")]
mod oidc;
#[cfg(feature = "callers-hmac")]
mod secret;
mod settings;
#[cfg(feature = "callers-hmac")]
mod shared_secret;
#[cfg(feature = "callers-hmac")]
mod signature;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::http::request::Parts;

pub(crate) use self::settings::Auth;
use crate::failure::Failure;
use crate::secret::Secret;

/// Who may call a program.
#[derive(Debug)]
pub(crate) enum Callers {
    /// Nobody, because the manifest does not say who.
    Undeclared,
    /// Anyone: `auth: none`.
    Anyone,
    /// Those who show who they are.
    #[cfg_attr(
        not(any(feature = "callers-oidc", feature = "callers-hmac")),
        expect(dead_code, reason = "without these features nobody is judged")
    )]
    Judged(Box<dyn Judge>),
}

/// A way to tell who may call.
pub(crate) trait Judge: fmt::Debug + Send + Sync {
    /// Judges what can be judged of a request before its body is read.
    fn head<'a>(&'a self, head: &'a Parts) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Judges what is left to judge, with the body, of a request whose head was found good.
    fn body<'a>(&'a self, _head: &'a Parts, _body: &'a [u8]) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Where secrets are looked up by name, and kept for a while.
#[cfg_attr(not(feature = "callers-hmac"), expect(dead_code, reason = "only shared secrets are looked up"))]
pub(crate) trait Lookup: Send + Sync {
    /// The secret of this name, or why there is none.
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, String>>;
}

/// Why a caller is turned away. The reasons are for the log; a caller is told no more than which of these it is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(
    not(all(feature = "callers-oidc", feature = "callers-hmac")),
    allow(dead_code, reason = "which of them there are depends on the features")
)]
pub(crate) enum Refusal {
    /// The manifest does not say who may call.
    Undeclared,
    /// The request does not say who calls.
    Missing(Challenge),
    /// What it says is not true, or cannot be told to be.
    Invalid(Challenge, &'static str),
    /// It is true, and this caller may not call.
    NotAllowed(String),
    /// It cannot be judged now, as when the issuer's keys cannot be fetched.
    Unavailable(String),
}

/// How callers are to show who they are: the scheme of `WWW-Authenticate`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    not(all(feature = "callers-oidc", feature = "callers-hmac")),
    allow(dead_code, reason = "which of them there are depends on the features")
)]
pub(crate) enum Challenge {
    /// A token in `Authorization`: RFC 6750.
    Bearer,
    /// A signature in headers of its own.
    Signature,
}

impl Callers {
    /// Those whom the plan names. `lookup` is where secrets are.
    ///
    /// # Errors
    /// When the program is built without what is needed to tell.
    #[cfg_attr(
        all(feature = "callers-oidc", feature = "callers-hmac"),
        expect(clippy::unnecessary_wraps, reason = "it fails where a feature is missing")
    )]
    #[cfg_attr(
        not(feature = "callers-hmac"),
        expect(unused_variables, reason = "only shared secrets are looked up")
    )]
    pub(crate) fn new(auth: Option<&Auth>, lookup: Arc<dyn Lookup>) -> Result<Self, Failure> {
        Ok(match auth {
            None => Self::Undeclared,
            Some(Auth::None) => Self::Anyone,
            #[cfg(feature = "callers-oidc")]
            Some(Auth::Oidc(settings)) => Self::Judged(Box::new(oidc::Oidc::new(settings.clone()))),
            #[cfg(feature = "callers-hmac")]
            Some(Auth::SharedSecret { secret }) => {
                let secret = secret::Named::new(secret, lookup);
                Self::Judged(Box::new(shared_secret::SharedSecret::new(secret)))
            }
            #[cfg(feature = "callers-hmac")]
            Some(Auth::Hmac(settings)) => {
                let secret = secret::Named::new(&settings.secret, lookup);
                Self::Judged(Box::new(signature::Signature::new(settings.clone(), secret)))
            }
            #[cfg(not(all(feature = "callers-oidc", feature = "callers-hmac")))]
            Some(other) => return Err(not_built_in(other)),
        })
    }

    /// Judges what can be judged of a request before its body is read.
    pub(crate) async fn check_head(&self, head: &Parts) -> Result<(), Refusal> {
        match self {
            Self::Undeclared => Err(Refusal::Undeclared),
            Self::Anyone => Ok(()),
            Self::Judged(judge) => judge.head(head).await,
        }
    }

    /// Judges what is left to judge, with the body, of a request whose head was found good.
    pub(crate) async fn check_body(&self, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::Judged(judge) => judge.body(head, body).await,
            Self::Undeclared | Self::Anyone => Ok(()),
        }
    }
}

#[cfg(not(all(feature = "callers-oidc", feature = "callers-hmac")))]
fn not_built_in(auth: &Auth) -> Failure {
    let feature = if let Auth::Oidc(_) = auth { "callers-oidc" } else { "callers-hmac" };
    let message =
        format!("`http.auth` needs the feature `{feature}` of `oneiric-runtime`, which is not compiled in");
    Failure::new("feature-missing", message)
}

/// What `Authorization: Bearer` brings.
#[cfg(any(feature = "callers-oidc", feature = "callers-hmac"))]
fn bearer(head: &Parts) -> Result<&str, Refusal> {
    let invalid = |reason| Refusal::Invalid(Challenge::Bearer, reason);
    let mut values = head.headers.get_all(hyper::header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::Missing(Challenge::Bearer))?;
    if values.next().is_some() {
        return Err(invalid("there are several headers `authorization`"));
    }
    let value = value.to_str().map_err(|_| invalid("the header `authorization` is not text"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
        // Another scheme is for somebody else, such as a proxy.
        _ => Err(Refusal::Missing(Challenge::Bearer)),
    }
}
