//! Where a manifest uses its adapters, and what it needs of them there.

use crate::manifest::{Manifest, Spanned};

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
    let queues = workflows().filter_map(|one| one.scheduler.as_ref()?.queue.as_ref());
    let tellers = workflows().filter_map(|one| one.notifications.as_ref()?.adapter.as_ref());
    let sources = manifest.secrets.iter().flat_map(|secrets| &secrets.sources);
    queues
        .map(|name| Use { name, capability: "enqueue", does: "take work" })
        .chain(tellers.map(|name| Use { name, capability: "notify", does: "notify" }))
        .chain(sources.map(|name| Use { name, capability: "read_secrets", does: "hold secrets" }))
        .collect()
}
