//! Asks adapters how they are, and sources for the secrets that the manifest names, all at once and each within its time.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};

use super::{DEADLINE, Probe};
use crate::adapters::Adapters;

/// What each adapter says. Adapters that nobody has needed yet are opened for it.
pub(super) async fn all(adapters: &Adapters) -> BTreeMap<String, Probe> {
    let probes = adapters.declared().map(|declared| async move {
        let said = match tokio::time::timeout(DEADLINE, adapters.health(declared.name)).await {
            Ok(Ok(())) => Probe::Healthy,
            Ok(Err(error)) => Probe::Unhealthy { error: error.to_string() },
            Err(_) => Probe::TimedOut,
        };
        (declared.name.to_owned(), said)
    });
    let secrets = adapters.named_secrets().iter().map(|name| async move {
        // What comes of it is kept with the secret, and told from there.
        let _ = tokio::time::timeout(DEADLINE, adapters.secret(name)).await;
    });
    join(join_all(probes), join_all(secrets)).await.0.into_iter().collect()
}
