//! A signature over the body, made with a secret that both sides have, as webhooks have it.
//!
//! A signature says when it was made, where its scheme does, and is good for a while only: what somebody has overheard
//! cannot be sent again later. Within that time, and with schemes that say no time, a body can be sent again; what makes
//! it harmless is the `run_id` in it, which runs once.

mod scheme;

use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::http::request::Parts;

use self::scheme::{Brought, Unreadable};
use super::secret::Named;
use super::settings::Hmac as Settings;
use super::{Challenge, Judge, Refusal};
use crate::clock::Timestamp;

/// Judges callers by their signature.
#[derive(Debug)]
pub(crate) struct Signature {
    settings: Settings,
    secret: Named,
}

impl Judge for Signature {
    /// Whether the request brings a signature that may be good: one of this time.
    fn head<'a>(&'a self, head: &'a Parts) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(std::future::ready(self.brought(head, Timestamp::now()).map(|_| ())))
    }

    /// Whether the request and its body are signed with the secret.
    fn body<'a>(&'a self, head: &'a Parts, body: &'a [u8]) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.check(head, body))
    }
}

impl Signature {
    /// Looks nothing up yet.
    pub(super) fn new(settings: Settings, secret: Named) -> Self {
        Self { settings, secret }
    }

    async fn check(&self, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let brought = self.brought(head, Timestamp::now())?;
        let secret = self.secret.get().await?;
        self.judge(&brought, secret.expose(), head, body)
    }

    fn judge(&self, brought: &Brought, secret: &str, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let scheme = self.settings.scheme;
        let content = scheme.content(brought, head, body, self.settings.url.as_deref()).map_err(invalid)?;
        let key = scheme.key(secret).map_err(|reason| Refusal::Unavailable(reason.to_owned()))?;
        if brought.signatures.iter().any(|signature| key.signs(&content, signature)) {
            Ok(())
        } else {
            Err(invalid("no signature is over this request and by this secret"))
        }
    }

    fn brought(&self, head: &Parts, now: Timestamp) -> Result<Brought, Refusal> {
        let names = (self.settings.signature_header.as_deref(), self.settings.timestamp_header.as_deref());
        let brought = self.settings.scheme.read(&head.headers, names).map_err(|error| match error {
            Unreadable::Missing => Refusal::Missing(Challenge::Signature),
            Unreadable::Wrong(reason) => invalid(reason),
        })?;
        match brought.timestamp {
            Some(seconds) if distance(now, seconds) > self.settings.tolerance => {
                Err(invalid("it was signed too long ago, or in the future"))
            }
            _ => Ok(brought),
        }
    }
}

/// How far a time, in seconds since 1970, is from now.
fn distance(now: Timestamp, seconds: i64) -> Duration {
    let seconds = seconds.saturating_mul(1_000_000);
    Duration::from_micros(now.0.abs_diff(seconds))
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::Invalid(Challenge::Signature, reason)
}

#[cfg(test)]
mod tests;
