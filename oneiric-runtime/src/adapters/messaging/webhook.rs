//! Notifications to a program of anybody's, each as one HTTP request that can be signed as Standard Webhooks are.
//!
//! ```yaml
//! adapters:
//!   hook:
//!     provider: messaging.webhook
//!     settings:
//!       url: https://example.com/hooks/oneiric
//!       secret: "${secret:WEBHOOK_SECRET}"
//! ```
//!
//! The body is JSON: `title`, `text`, `channel` where there is one, and of a run also `type` (such as `run.failed`),
//! `workflow` and `run_id`. Three headers go with it, as in Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>):
//!
//! - `webhook-id` is the same for every attempt, so a receiver that remembers ids takes each notification once.
//! - `webhook-timestamp` says when the attempt was made, in seconds since 1970.
//! - `webhook-signature`, with a `secret` only, is `v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in Base64.
//!
//! Every status from 200 to 299 means that the receiver has it. Redirects are not followed: who is to be told is said by
//! the settings alone.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{About, Messaging, Notification};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::{self, Client, Policy, Request, Url};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::settings::Period;
use crate::task::Retry;

/// Where notifications go, and how.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where notifications go. It may be a secret, as the URLs of many services are.
    #[cfg_attr(feature = "catalog", schemars(schema_with = "crate::secret::or_url"))]
    pub url: Secret,
    /// The method of the requests.
    #[serde(default)]
    pub method: Method,
    /// Headers of the requests. Their values may be secrets.
    #[serde(default)]
    #[cfg_attr(feature = "catalog", schemars(schema_with = "crate::secret::or_texts"))]
    pub headers: BTreeMap<String, Secret>,
    /// What the requests are signed with: Base64, with or without `whsec_` before it. Not signed where there is none.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// How long a request may take.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
}

/// The method of a request that brings something.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "catalog", derive(Serialize, schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`, which nearly every receiver wants.
    #[default]
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
}

fn default_timeout() -> Period {
    Period::secs(10)
}

/// A receiver of webhooks.
pub struct Webhook {
    client: Client,
    method: client::Method,
    url: Url,
    headers: BTreeMap<String, Secret>,
    key: Option<hmac::Key>,
}

/// What the receiver gets.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    about: Option<&'a About>,
    title: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
}

impl Adapter for Webhook {
    const ID: &'static str = "messaging.webhook";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        // Not what is wrong with it, which might quote it.
        let url = Url::parse(settings.url.expose()).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let timeout = settings.timeout.0;
        // One attempt and no redirect: both are for who sends, or for the settings.
        let policy =
            Policy { total: timeout, attempt: timeout, retry: Retry::attempts(1), redirects: 0, ..Policy::default() };
        Ok(Self {
            client: setup.client().with_policy(policy),
            method: match settings.method {
                Method::Post => client::Method::POST,
                Method::Put => client::Method::PUT,
                Method::Patch => client::Method::PATCH,
            },
            url: url.ok_or_else(|| wrong("`url` is not the URL of an HTTP server"))?,
            headers: settings.headers,
            key: settings.secret.as_ref().map(key).transpose()?,
        })
    }
}

impl Messaging for Webhook {
    fn send<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let request = self.request(notification, Timestamp::now())?;
            self.client.send(request).await?.ok()?;
            Ok(())
        })
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

impl Webhook {
    /// The request that is sent at this time.
    fn request(&self, notification: &Notification, now: Timestamp) -> Result<Request, Error> {
        let Notification { id, channel, title, text, about } = notification;
        let body = Body { about: about.as_ref(), title, text, channel: channel.as_deref() };
        let body = serde_json::to_string(&body)
            .map_err(|error| Error::new(Kind::Rejected, format!("the notification is not JSON: {error}")))?;
        let timestamp = (now.0 / 1_000_000).to_string();
        let mut request = Request::new(self.method.clone(), self.url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value.expose());
        }
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", &sign(key, id, &timestamp, &body));
        }
        let request = request.header("webhook-id", id).header("webhook-timestamp", &timestamp);
        Ok(request.body("application/json", body))
    }
}

/// The signature of a body, in version 1.
fn sign(key: &hmac::Key, id: &str, timestamp: &str, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

fn key(secret: &Secret) -> Result<hmac::Key, Error> {
    let text = secret.expose();
    let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).unwrap_or_default();
    if key.is_empty() {
        return Err(wrong("`secret` is not Base64, with or without `whsec_` before it"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::Settings, format!("the setting {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::conformance::{self, Service, notification};
    use super::*;
    use crate::client::stub::{Answer, Asked, answer};

    const SECRET: &str = "whsec_b25laXJpYy1jYW5hcnktc2lnbmluZy1rZXk=";

    struct Receiver;

    impl Service for Receiver {
        type Adapter = Webhook;

        fn settings(url: &str) -> Value {
            json!({ "url": format!("{url}/canary-path"), "secret": SECRET, "headers": { "x-key": "canary-header" } })
        }

        fn answer(asked: &Asked) -> Answer {
            let id = asked.header("webhook-id");
            let body = json!({
                "type": "run.failed", "workflow": "fulfil", "run_id": "order-7",
                "title": "[ERROR] deploys", "text": "It <failed> & stopped.", "channel": "deploys",
            });
            let signed = sign(&key(&Secret::new(SECRET)).unwrap(), id, asked.header("webhook-timestamp"), asked.text());
            assert_eq!((&*asked.method.to_string(), &*asked.target), ("POST", "/canary-path"));
            assert_eq!(asked.header("content-type"), "application/json");
            assert_eq!(asked.header("x-key"), "canary-header");
            assert_eq!(asked.header("webhook-signature"), signed);
            assert_eq!(serde_json::from_str::<Value>(asked.text()).unwrap(), body);
            answer(204, "")
        }

        fn id(asked: &Asked) -> Option<&str> {
            Some(asked.header("webhook-id"))
        }
    }

    conformance::suite!(Receiver);

    /// The example of the specification.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let key = key(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        assert_eq!(
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[tokio::test]
    async fn the_prefix_of_a_secret_may_be_left_out() {
        let same = [SECRET, SECRET.trim_start_matches("whsec_")].map(|secret| key(&Secret::new(secret)).unwrap());
        assert_eq!(sign(&same[0], "i", "1", "b"), sign(&same[1], "i", "1", "b"));
        for wrong in ["whsec_", "", "not base64", "whsec_a"] {
            assert_eq!(key(&Secret::new(wrong)).unwrap_err().kind(), Kind::Settings, "{wrong}");
        }
    }

    #[tokio::test]
    async fn without_a_secret_nothing_is_signed() {
        let hook = conformance::open::<Webhook>(json!({ "url": "http://127.0.0.1:1/", "method": "PUT" })).await.unwrap();
        assert!(hook.key.is_none());
        assert_eq!(hook.method, client::Method::PUT);
        assert!(hook.request(&notification(), Timestamp(0)).is_ok());
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_settings_is_told_without_them() {
        for settings in [
            json!({ "url": "canary" }),
            json!({ "url": "ftp://canary" }),
            json!({ "url": "http://a", "secret": "canary!" }),
        ] {
            let error = conformance::open::<Webhook>(settings).await.err().unwrap();
            assert_eq!(error.kind(), Kind::Settings);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_a_refusal() {
        use crate::client::stub::Stub;

        let elsewhere = Stub::serve(|_| answer(200, "")).await;
        let place = elsewhere.url("/").to_string();
        let stub = Stub::serve(move |_| {
            let mut answer = answer(307, "");
            answer.headers_mut().insert("location", place.parse().unwrap());
            answer
        })
        .await;
        let hook = conformance::open::<Webhook>(json!({ "url": stub.url("/").as_str() })).await.unwrap();
        assert_eq!(hook.send(&notification()).await.unwrap_err().kind(), Kind::Rejected);
        assert!(elsewhere.asked().is_empty());
    }
}
