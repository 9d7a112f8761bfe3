//! What sources of secrets said, each answer for a while; whoever asks while one is being asked waits for that answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::adapters::Error;
use crate::secret::Secret;

/// Answers by name.
#[derive(Debug)]
pub(super) struct Cache {
    ttl: Duration,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
}

/// What is known of one secret.
#[derive(Debug, Default)]
struct Entry {
    /// Held by whoever asks.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    secret: Option<(Secret, Instant)>,
    status: Option<Status>,
}

/// How a secret stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum Status {
    /// It was found.
    Found {
        /// Where: an adapter's name, `environment` or `manifest`.
        source: String,
    },
    /// It was not found, or could not be asked for.
    Failed {
        /// Why.
        error: String,
    },
}

impl Cache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// For how long an answer is kept.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The secret `name`: what is known of it, or what `ask` says now, with where it was found.
    pub(super) async fn get_or_ask(
        &self,
        name: &str,
        ask: impl Future<Output = Result<(Secret, String), Error>>,
    ) -> Result<Secret, Error> {
        let entry = Arc::clone(lock(&self.entries).entry(name.to_owned()).or_default());
        if let Some(secret) = self.fresh(&entry) {
            return Ok(secret);
        }
        let _asking = entry.asking.lock().await;
        if let Some(secret) = self.fresh(&entry) {
            return Ok(secret);
        }
        let asked = ask.await;
        *lock(&entry.known) = match &asked {
            Ok((secret, source)) => Known {
                secret: Some((secret.clone(), Instant::now())),
                status: Some(Status::Found { source: source.clone() }),
            },
            Err(error) => Known { secret: None, status: Some(Status::Failed { error: error.to_string() }) },
        };
        asked.map(|(secret, _)| secret)
    }

    /// Forgets these answers, or all of them where none is named.
    pub(super) fn forget(&self, names: &[String]) -> usize {
        let entries = lock(&self.entries);
        let is_meant = |name: &String| {
            let bare = name.split('@').next().unwrap_or(name);
            names.is_empty() || names.iter().any(|meant| meant == name || meant == bare)
        };
        let meant = entries.iter().filter(|(name, _)| is_meant(name));
        meant.filter(|(_, entry)| lock(&entry.known).secret.take().is_some()).count()
    }

    pub(super) fn status(&self) -> BTreeMap<String, Status> {
        let entries = lock(&self.entries);
        let status = |(name, entry): (&String, &Arc<Entry>)| {
            lock(&entry.known).status.clone().map(|status| (name.clone(), status))
        };
        entries.iter().filter_map(status).collect()
    }

    fn fresh(&self, entry: &Entry) -> Option<Secret> {
        let known = lock(&entry.known);
        let (secret, at) = known.secret.as_ref()?;
        (at.elapsed() < self.ttl).then(|| secret.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
