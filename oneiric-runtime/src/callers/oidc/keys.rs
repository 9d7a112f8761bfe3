//! The issuer's keys, fetched when they are needed and kept as long as the issuer says.
//!
//! They are fetched again when their time is over, and when a token names a key that is not among them, as happens after
//! the issuer has changed its keys. Never twice at once, and not again within [`INTERVAL`], so that forged ids of keys
//! cannot make this program call its issuer all the time. While the issuer cannot be reached, the keys that are there stay
//! good for a while.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::fetch::Fetch;
use super::jwks::{Key, KeySet};
use super::jws::Algorithm;

/// The time between two attempts to fetch the keys, whatever came of the first.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long keys are good where the issuer does not say.
const DEFAULT_AGE: Duration = Duration::from_mins(5);

/// The bounds of what an issuer may say: keys that are withdrawn must go at some time, and a hiccup of the issuer must
/// not make every request fetch them.
const LEAST_AGE: Duration = Duration::from_mins(1);
const GREATEST_AGE: Duration = Duration::from_hours(24);

/// How much longer keys are used when the issuer cannot be reached.
const GRACE: Duration = Duration::from_hours(24);

/// Where the keys are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// At this address.
    Keys(String),
    /// Where the discovery document of this issuer says: `OpenID` Connect Discovery 1.0, 4.
    Discovery(String),
}

/// Why there is no key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum NoKey {
    /// The issuer has none of this id for this algorithm.
    Unknown,
    /// Its keys cannot be had now.
    Unavailable(String),
}

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct Keys<F> {
    source: Source,
    fetch: F,
    held: RwLock<Option<Arc<Held>>>,
    /// The last attempt to fetch them; locked while there is one.
    attempt: Arc<Mutex<Option<Attempt>>>,
}

/// Keys that were fetched.
#[derive(Debug)]
struct Held {
    keys: KeySet,
    /// Until when the issuer says they are good.
    fresh_until: Instant,
}

#[derive(Debug)]
struct Attempt {
    at: Instant,
    /// Why it failed, if it did.
    failure: Option<String>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl<F: Fetch> Keys<F> {
    pub(super) fn new(source: Source, fetch: F) -> Self {
        Self { source, fetch, held: RwLock::new(None), attempt: Arc::default() }
    }

    /// The key of this id.
    pub(super) async fn find(self: Arc<Self>, id: &str, algorithm: Algorithm) -> Result<Arc<Key>, NoKey> {
        let held = self.held();
        let known = held.as_ref().and_then(|held| held.keys.find(id, algorithm));
        let attempt = match (known, held) {
            (Some(key), Some(held)) if Instant::now() < held.fresh_until => return Ok(key),
            // It will do while somebody else fetches the new ones.
            (Some(key), _) => match Arc::clone(&self.attempt).try_lock_owned() {
                Ok(attempt) => attempt,
                Err(_) => return Ok(key),
            },
            (None, _) => Arc::clone(&self.attempt).lock_owned().await,
        };
        let failure = self.refresh(attempt).await;
        let found = self.held().map(|held| held.keys.find(id, algorithm));
        match (found, failure) {
            (Some(Some(key)), _) => Ok(key),
            (_, Some(why)) => Err(NoKey::Unavailable(why)),
            (Some(None), None) => Err(NoKey::Unknown),
            (None, None) => Err(NoKey::Unavailable("the issuer's keys are too old".to_owned())),
        }
    }

    /// The keys that may still be used.
    fn held(&self) -> Option<Arc<Held>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|held| Instant::now() < held.fresh_until + GRACE)
    }

    /// Fetches the keys, unless that was tried a moment ago. Gives back why the last attempt failed, if it did.
    async fn refresh(self: &Arc<Self>, attempt: OwnedMutexGuard<Option<Attempt>>) -> Option<String> {
        if let Some(last) = &*attempt
            && last.at.elapsed() < INTERVAL
        {
            return last.failure.clone();
        }
        // In a task of its own: who asks and goes away must not be able to stop it for the others.
        let keys = Arc::clone(self);
        let fetched = tokio::spawn(async move {
            let mut attempt = attempt;
            let fetched = tokio::time::timeout(TIMEOUT, keys.fetch()).await;
            let failure = match fetched.unwrap_or_else(|_| Err("the issuer does not answer".to_owned())) {
                Ok(held) => {
                    *keys.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(held));
                    None
                }
                Err(why) => {
                    tracing::warn!(error = why, "caller-keys-unavailable");
                    Some(why)
                }
            };
            *attempt = Some(Attempt { at: Instant::now(), failure: failure.clone() });
            failure
        });
        fetched.await.unwrap_or_else(|_| Some("the keys were not fetched".to_owned()))
    }

    async fn fetch(&self) -> Result<Held, String> {
        let url = match &self.source {
            Source::Keys(url) => url.clone(),
            Source::Discovery(issuer) => self.discover(issuer).await?,
        };
        let document = self.fetch.fetch(&url).await?;
        let keys =
            KeySet::parse(&document.body).map_err(|_| "the issuer's keys cannot be read".to_owned())?;
        if keys.is_empty() {
            return Err("the issuer has no key that is of use".to_owned());
        }
        let age = document.max_age.unwrap_or(DEFAULT_AGE).clamp(LEAST_AGE, GREATEST_AGE);
        Ok(Held { keys, fresh_until: Instant::now() + age })
    }

    /// Where the keys are, from the issuer's discovery document.
    async fn discover(&self, issuer: &str) -> Result<String, String> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document = self.fetch.fetch(&url).await?;
        let found: Discovered = serde_json::from_slice(&document.body)
            .map_err(|_| "the issuer's discovery document cannot be read".to_owned())?;
        if found.issuer != issuer {
            return Err("the discovery document is of another issuer".to_owned());
        }
        if !is_confidential(&found.jwks_uri) {
            return Err("the issuer's keys are not at an `https` address".to_owned());
        }
        Ok(found.jwks_uri)
    }
}

/// Whether nobody on the way can put other keys in the place of those at this address.
fn is_confidential(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        authority
            .strip_prefix(host)
            .is_some_and(|port| port.is_empty() || port.starts_with(':') && !port.contains('@'))
    })
}

#[cfg(test)]
mod tests;
