//! Secrets by name: the sources in their order, and what they said, for a while.
//!
//! A source that does not have a secret passes the question on; one that cannot be asked ends it, because what a later source
//! says might be something else. The sources that the manifest names come first, then the environment, then what the manifest
//! itself sets.

mod cache;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::Error;
use crate::adapters::Kind;
use crate::adapters::secrets::{Env, SecretSource};
use crate::secret::Secret;
use cache::Cache;

pub(crate) use cache::Status;

/// How long what a source said is kept, where the manifest does not say.
const DEFAULT_TTL: Duration = Duration::from_mins(10);

/// The secrets of a program.
#[derive(Debug)]
pub(crate) struct Secrets {
    plan: Plan,
    cache: Cache,
}

/// What the manifest says of secrets.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Plan {
    /// The adapters to ask, the first one first.
    pub(crate) sources: Vec<String>,
    cache_ttl_ms: Option<u64>,
    /// What is said where no source has a secret.
    values: BTreeMap<String, String>,
    /// The secrets that the manifest's workflows name.
    named: Vec<String>,
}

/// A source that is open, under its name.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) source: Arc<dyn SecretSource>,
}

impl Secrets {
    pub(crate) fn new(plan: Plan) -> Self {
        let ttl = plan.cache_ttl_ms.map_or(DEFAULT_TTL, Duration::from_millis);
        Self { plan, cache: Cache::new(ttl) }
    }

    /// The names of the adapters to ask, in order.
    pub(crate) fn sources(&self) -> &[String] {
        &self.plan.sources
    }

    /// How long what a source said is kept.
    pub(crate) fn ttl(&self) -> Duration {
        self.cache.ttl()
    }

    /// The secrets that are known to be needed.
    pub(crate) fn named(&self) -> &[String] {
        &self.plan.named
    }

    /// The secret that `reference` names, as it stands after `secret:` in a manifest: `NAME`, or `NAME@VERSION`.
    ///
    /// `sources` opens the sources; it is called only where they have to be asked.
    pub(crate) async fn get<F>(&self, reference: &str, sources: impl FnOnce() -> F) -> Result<Secret, Error>
    where
        F: Future<Output = Result<Vec<Source>, Error>>,
    {
        self.cache.get_or_ask(reference, async { self.ask(reference, sources().await?).await }).await
    }

    /// Forgets what was said of these secrets, or of all of them, and says of how many.
    pub(crate) fn forget(&self, names: &[String]) -> usize {
        self.cache.forget(names)
    }

    /// How each secret stands that was asked for, by name.
    pub(crate) fn status(&self) -> BTreeMap<String, Status> {
        self.cache.status()
    }

    async fn ask(&self, reference: &str, sources: Vec<Source>) -> Result<(Secret, String), Error> {
        let (name, version) = match reference.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (reference, None),
        };
        for Source { name: place, source } in &sources {
            let read = source.read(name, version).await.map_err(|error| {
                let message = format!("the secret `{name}` cannot be read from `{place}`: {error}");
                Error::new(error.kind(), message)
            })?;
            if let Some(secret) = read {
                return Ok((secret, place.clone()));
            }
        }
        if let Some(secret) = Env::default().read(name, None).await? {
            return Ok((secret, "environment".to_owned()));
        }
        if let Some(text) = self.plan.values.get(name) {
            return Ok((Secret::new(text.as_str()), "manifest".to_owned()));
        }
        let mut places = sources.into_iter().map(|source| format!("`{}`", source.name)).collect::<Vec<_>>();
        places.push("the environment".to_owned());
        let message = format!("there is no secret `{name}` in {}", places.join(" or "));
        Err(Error::new(Kind::NotFound, message))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;

    /// A source that says this of every secret.
    struct Says(Result<Option<&'static str>, Kind>);

    impl SecretSource for Says {
        fn read<'a>(
            &'a self,
            _: &'a str,
            _: Option<&'a str>,
        ) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
            let said =
                self.0.map(|found| found.map(Secret::new)).map_err(|kind| Error::new(kind, "it is away"));
            Box::pin(std::future::ready(said))
        }
    }

    async fn get(secrets: &Secrets, says: Vec<Result<Option<&'static str>, Kind>>) -> Result<String, String> {
        let sources = says
            .into_iter()
            .enumerate()
            .map(|(index, said)| Source { name: format!("s{index}"), source: Arc::new(Says(said)) });
        let sources = sources.collect();
        let found = secrets.get("NOWHERE_ELSE", || std::future::ready(Ok(sources))).await;
        found.map(|secret| secret.expose().to_owned()).map_err(|error| error.to_string())
    }

    fn secrets() -> Secrets {
        Secrets::new(Plan::default())
    }

    #[tokio::test]
    async fn a_miss_is_passed_on_and_a_fault_is_not() {
        assert_eq!(get(&secrets(), vec![Ok(None), Ok(Some("b"))]).await.as_deref(), Ok("b"));
        assert_eq!(
            get(&secrets(), vec![Err(Kind::Unavailable), Ok(Some("b"))]).await,
            Err("the secret `NOWHERE_ELSE` cannot be read from `s0`: it is away".to_owned())
        );
    }

    #[tokio::test]
    async fn the_manifest_is_asked_last() {
        let plan =
            Plan { values: BTreeMap::from([("NOWHERE_ELSE".to_owned(), "m".to_owned())]), ..Plan::default() };
        assert_eq!(get(&Secrets::new(plan), vec![Ok(None)]).await.as_deref(), Ok("m"));
        assert_eq!(
            get(&secrets(), vec![Ok(None)]).await,
            Err("there is no secret `NOWHERE_ELSE` in `s0` or the environment".to_owned())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_kept_for_its_time_and_faults_are_not() {
        let secrets = Secrets::new(Plan { cache_ttl_ms: Some(1000), ..Plan::default() });
        assert!(get(&secrets, vec![Err(Kind::Unavailable)]).await.is_err());
        assert_eq!(get(&secrets, vec![Ok(Some("a"))]).await.as_deref(), Ok("a"));
        assert_eq!(get(&secrets, vec![Ok(Some("b"))]).await.as_deref(), Ok("a"));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(get(&secrets, vec![Ok(Some("b"))]).await.as_deref(), Ok("b"));
        assert_eq!(secrets.forget(&["NOWHERE_ELSE".to_owned()]), 1);
        assert_eq!(get(&secrets, vec![Ok(Some("c"))]).await.as_deref(), Ok("c"));
        assert_eq!(secrets.status()["NOWHERE_ELSE"], Status::Found { source: "s0".to_owned() });
    }
}
