//! Where a manifest uses its adapters, and what it needs of them there.

use crate::catalog;
use crate::manifest::{Manifest, SERVERLESS, Spanned};

/// One use of an adapter.
pub(crate) struct Use<'m> {
    /// The adapter that is named.
    pub(crate) name: &'m Spanned<String>,
    /// What it has to be able to do.
    pub(crate) capability: &'static str,
    /// That in words, after "adapters that".
    pub(crate) does: &'static str,
}

/// Every use of an adapter by the manifest itself. What Rust functions use is not known here.
pub(crate) fn used(manifest: &Manifest) -> Vec<Use<'_>> {
    let workflows = || manifest.workflows.iter().flatten();
    let schedulers = workflows().map(|one| &one.scheduler).chain([&manifest.scheduler]);
    let queues = schedulers.filter_map(|scheduler| scheduler.as_ref()?.queue.as_ref());
    let tellers = workflows().filter_map(|one| one.notifications.as_ref()?.adapter.as_ref());
    let store = manifest.checkpoint.iter().map(|checkpoint| &checkpoint.adapter);
    queues
        .map(|name| Use { name, capability: "enqueue", does: "take work" })
        .chain(tellers.map(|name| Use { name, capability: "notify", does: "notify" }))
        .chain(sources(manifest).into_iter().map(|name| Use {
            name,
            capability: "read_secrets",
            does: "hold secrets",
        }))
        .chain(store.map(|name| Use { name, capability: "checkpoints", does: "keep checkpoints" }))
        .collect()
}

/// In which order sources of secrets are asked in the serverless profile, where the manifest says nothing about it.
const SERVERLESS_SOURCES: [&str; 3] =
    ["secrets.gcp-secret-manager", "secrets.aws-secret-manager", "secrets.file"];

/// The adapters that are asked for secrets, the first to ask first. After them every program asks its environment.
///
/// A manifest that does not say leaves it to the profile: the default one asks none, and the serverless one those that
/// there are, managers of secrets first.
pub(crate) fn sources(manifest: &Manifest) -> Vec<&Spanned<String>> {
    if let Some(sources) = manifest.secrets.iter().find_map(|secrets| secrets.sources.as_ref()) {
        return sources.iter().collect();
    }
    if manifest.profile != Some(SERVERLESS) {
        return Vec::new();
    }
    let of_kind = |wanted: &'static str| {
        let adapters = manifest.adapters.iter().flatten();
        let is_it = move |id: &Spanned<String>| id.value == wanted && catalog::provider(id).is_some();
        adapters.filter(move |one| one.provider.as_ref().is_some_and(is_it)).map(|one| &one.name)
    };
    SERVERLESS_SOURCES.into_iter().flat_map(of_kind).collect()
}
