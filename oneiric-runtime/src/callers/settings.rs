//! What the plan says of `http.auth`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How callers show who they are.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Auth {
    /// They need not.
    None,
    /// With a token of an identity provider.
    Oidc(Oidc),
    /// With a secret that both sides have.
    SharedSecret {
        /// Its name.
        #[serde(deserialize_with = "name")]
        secret: String,
    },
    /// With a signature over the body, made with such a secret.
    Hmac(Hmac),
}

/// Which tokens are good, and of whom.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[cfg_attr(not(feature = "callers-oidc"), allow(dead_code, reason = "only who verifies tokens reads it"))]
pub(crate) struct Oidc {
    /// A token has to be for one of these.
    pub(crate) audiences: Vec<String>,
    /// Who has to have issued it.
    pub(crate) issuer: String,
    /// Where the issuer's keys are, if its discovery document is not to be asked.
    pub(crate) jwks_url: Option<String>,
    /// Whose tokens are good, by verified e-mail address. Where this and `subjects` are empty, everybody's.
    #[serde(default)]
    pub(crate) emails: Vec<String>,
    /// Whose tokens are good, by the claim `sub`.
    #[serde(default)]
    pub(crate) subjects: Vec<String>,
    /// How far the issuer's clock may be from ours.
    #[serde(rename = "leeway_ms", deserialize_with = "millis")]
    pub(crate) leeway: Duration,
}

/// Which signatures are good.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[cfg_attr(not(feature = "callers-hmac"), allow(dead_code, reason = "only who verifies signatures reads it"))]
pub(crate) struct Hmac {
    /// How they are made.
    pub(crate) scheme: Scheme,
    /// The name of the secret.
    #[serde(deserialize_with = "name")]
    pub(crate) secret: String,
    /// How long ago, or how far in the future, one may have been made.
    #[serde(rename = "tolerance_ms", deserialize_with = "millis")]
    pub(crate) tolerance: Duration,
    /// The header of the signature, where the scheme leaves that open.
    pub(crate) signature_header: Option<String>,
    /// The header of its time, where the scheme leaves that open.
    pub(crate) timestamp_header: Option<String>,
    /// What stands before the path in the address that callers know, where that is signed.
    pub(crate) url: Option<String>,
}

/// How a signature is made, by who came up with it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    /// HMAC-SHA256 over id, time and body, in the headers of Standard Webhooks.
    StandardWebhooks,
    /// HMAC-SHA256 over time and body, in headers whose names are the manifest's choice.
    Timestamped,
    /// HMAC-SHA256 over the body.
    Github,
    /// HMAC-SHA256 over time and body.
    Slack,
    /// HMAC-SHA256 over time and body.
    Stripe,
    /// HMAC-SHA1 over the address and a form.
    Twilio,
    /// ECDSA over time and body; the secret is the sender's public key.
    Sendgrid,
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// The name in `${secret:NAME}`.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let name = text.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}'));
    name.map(str::to_owned).ok_or_else(|| serde::de::Error::custom("a secret stands in the plan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Auth, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn each_way_is_read() {
        assert_eq!(read(r#"{"kind":"none"}"#).unwrap(), Auth::None);
        assert_eq!(
            read(r#"{"kind":"shared_secret","secret":"${secret:door@2}"}"#).unwrap(),
            Auth::SharedSecret { secret: "door@2".to_owned() }
        );
        let auth =
            read(r#"{"kind":"oidc","audiences":["a"],"issuer":"https://i","leeway_ms":1500}"#).unwrap();
        let Auth::Oidc(oidc) = auth else { panic!("{auth:?}") };
        assert_eq!((oidc.issuer.as_str(), oidc.leeway), ("https://i", Duration::from_millis(1500)));
        assert!(oidc.emails.is_empty() && oidc.subjects.is_empty() && oidc.jwks_url.is_none());
        let auth = read(
            r#"{"kind":"hmac","scheme":"standard-webhooks","secret":"${secret:hook}","tolerance_ms":300000}"#,
        );
        let Auth::Hmac(hmac) = auth.unwrap() else { panic!() };
        assert_eq!((hmac.scheme, hmac.secret.as_str()), (Scheme::StandardWebhooks, "hook"));
    }

    #[test]
    fn a_secret_itself_is_refused_and_not_repeated() {
        let error = read(r#"{"kind":"shared_secret","secret":"canary"}"#).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
