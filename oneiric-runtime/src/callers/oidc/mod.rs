//! Tokens of an identity provider: `OpenID` Connect ID tokens, as Google puts into what Cloud Tasks and Pub/Sub send, and
//! access tokens that are JWTs.
//!
//! Nothing in a token chooses how it is verified. The algorithms are fixed here, the issuer and its keys come from the
//! manifest, and a token that brings a key, or an address of one, is refused. Its claims are read only once its signature
//! is known to be good. RFC 8725 is the list of what goes wrong otherwise.

mod claims;
mod fetch;
mod jwks;
mod jws;
mod keys;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::http::request::Parts;

use self::claims::Claims;
use self::jws::Jws;
use self::keys::{Keys, NoKey, Source};
use super::settings::Oidc as Settings;
use super::{Challenge, Judge, Refusal, bearer};
use crate::client::Client;
use crate::clock::Timestamp;

/// Google's issuer, which its tokens spell in both ways.
const GOOGLE: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Where Google's keys are, so that its discovery document need not be asked.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// What stands in a token where Cloud Run has verified it by itself and has cut its signature off.
const CUT_OFF: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// Judges tokens.
#[derive(Debug)]
pub(crate) struct Oidc {
    settings: Settings,
    keys: Arc<Keys<Client>>,
}

impl Judge for Oidc {
    /// Whether the bearer of the request's token may call.
    fn head<'a>(&'a self, head: &'a Parts) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.check(head))
    }
}

impl Oidc {
    /// Fetches nothing yet.
    pub(crate) fn new(settings: Settings) -> Self {
        let source = match &settings.jwks_url {
            Some(url) => Source::Keys(url.clone()),
            None if is_google(&settings.issuer) => Source::Keys(GOOGLE_KEYS.to_owned()),
            None => Source::Discovery(settings.issuer.clone()),
        };
        Self { settings, keys: Arc::new(Keys::new(source, fetch::client())) }
    }

    async fn check(&self, head: &Parts) -> Result<(), Refusal> {
        let token = bearer(head)?;
        if token.ends_with(CUT_OFF) {
            return Err(invalid(
                "the platform has cut the signature off: let it pass callers on unauthenticated, or say `auth: none` \
                 and leave it to the platform",
            ));
        }
        let jws = Jws::parse(token).map_err(invalid)?;
        let key =
            Arc::clone(&self.keys).find(jws.key_id(), jws.algorithm()).await.map_err(
                |error| match error {
                    NoKey::Unknown => invalid("the issuer has no such key"),
                    NoKey::Unavailable(why) => Refusal::Unavailable(why),
                },
            )?;
        if !key.verifies(jws.signed(), jws.signature()) {
            return Err(invalid("the signature is not by the issuer's key"));
        }
        let claims = Claims::parse(jws.payload()).map_err(invalid)?;
        judge(&self.settings, &claims, Timestamp::now())
    }
}

/// Whether claims that the issuer has signed let their bearer in.
fn judge(settings: &Settings, claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
    let is_issuer =
        claims.issuer == settings.issuer || is_google(&settings.issuer) && is_google(&claims.issuer);
    if !is_issuer {
        return Err(invalid("it is by another issuer"));
    }
    if !claims.audiences.iter().any(|audience| settings.audiences.contains(audience)) {
        return Err(invalid("it is for another audience"));
    }
    claims.check_time(now, settings.leeway).map_err(invalid)?;
    if settings.emails.is_empty() && settings.subjects.is_empty() {
        return Ok(());
    }
    if claims.subject.as_ref().is_some_and(|subject| settings.subjects.contains(subject)) {
        return Ok(());
    }
    match &claims.email {
        Some(email) if settings.emails.contains(email) => {
            if claims.email_is_verified {
                Ok(())
            } else {
                Err(Refusal::NotAllowed(format!("the e-mail address `{email}` is not verified")))
            }
        }
        Some(email) => Err(Refusal::NotAllowed(format!("`{email}` is not among those who may"))),
        None => Err(Refusal::NotAllowed(
            "its subject is not among those who may, and it has no e-mail".to_owned(),
        )),
    }
}

fn is_google(issuer: &str) -> bool {
    GOOGLE.contains(&issuer)
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::Invalid(Challenge::Bearer, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::secs;

    fn settings(issuer: &str, emails: &[&str], subjects: &[&str]) -> Settings {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Settings {
            audiences: texts(&["https://shop.example", "https://shop.example/tasks"]),
            issuer: issuer.to_owned(),
            jwks_url: None,
            emails: texts(emails),
            subjects: texts(subjects),
            leeway: secs(30),
        }
    }

    fn judged(settings: &Settings, claims: &str) -> Result<(), Refusal> {
        let claims = format!(r#"{{"exp":1700000060,"iat":1700000000,{claims}}}"#);
        judge(settings, &Claims::parse(claims.as_bytes()).unwrap(), Timestamp(1_700_000_000_000_000))
    }

    #[test]
    fn a_token_is_by_the_issuer_and_for_us() {
        let settings = settings("https://issuer.example", &[], &[]);
        for (claims, expected) in [
            (r#""iss":"https://issuer.example","aud":"https://shop.example""#, Ok(())),
            (r#""iss":"https://issuer.example","aud":["x","https://shop.example/tasks"]"#, Ok(())),
            (
                r#""iss":"https://issuer.example/","aud":"https://shop.example""#,
                Err("it is by another issuer"),
            ),
            (r#""iss":"accounts.google.com","aud":"https://shop.example""#, Err("it is by another issuer")),
            (
                r#""iss":"https://issuer.example","aud":"https://shop.example/""#,
                Err("it is for another audience"),
            ),
            (r#""iss":"https://issuer.example","aud":[]"#, Err("it is for another audience")),
        ] {
            assert_eq!(judged(&settings, claims), expected.map_err(invalid), "{claims}");
        }
    }

    #[test]
    fn google_spells_its_name_in_two_ways() {
        let settings = settings("https://accounts.google.com", &[], &[]);
        for issuer in GOOGLE {
            assert_eq!(
                judged(&settings, &format!(r#""iss":"{issuer}","aud":"https://shop.example""#)),
                Ok(())
            );
        }
        let other = r#""iss":"http://accounts.google.com","aud":"https://shop.example""#;
        assert!(judged(&settings, other).is_err());
    }

    #[test]
    fn only_those_who_are_named_may_call() {
        let settings = settings("i", &["tasks@shop.example"], &["s1"]);
        let judged = |claims: &str| match judged(
            &settings,
            &format!(r#""iss":"i","aud":"https://shop.example"{claims}"#),
        ) {
            Ok(()) => "good".to_owned(),
            Err(Refusal::NotAllowed(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(judged(r#","email":"tasks@shop.example","email_verified":true"#), "good");
        assert_eq!(judged(r#","sub":"s1""#), "good");
        assert_eq!(judged(r#","sub":"s1","email":"other@shop.example""#), "good");
        assert_eq!(
            judged(r#","email":"tasks@shop.example","email_verified":false"#),
            "the e-mail address `tasks@shop.example` is not verified"
        );
        assert_eq!(
            judged(r#","email":"tasks@shop.example""#),
            "the e-mail address `tasks@shop.example` is not verified"
        );
        assert_eq!(
            judged(r#","email":"Tasks@shop.example","email_verified":true"#),
            "`Tasks@shop.example` is not among those who may"
        );
        assert_eq!(judged(""), "its subject is not among those who may, and it has no e-mail");
    }
}
