//! What there is to be named in a manifest: the kinds of adapters with what they can do and which settings they take, and
//! the kinds of actions.
//!
//! `catalog.json` is derived from the runtime's own list, so an adapter is described in one place: its file. It is parsed
//! when it is first asked for, which costs a manifest without adapters nothing.

mod later;
mod page;
mod schema;

use std::sync::OnceLock;

use serde_json::Value;

pub(crate) use later::ACTIONS;
use later::LATER;
pub use page::page;
pub(crate) use schema::{Additional, Property, Schema};

/// Every kind of adapter that programs can have.
/// Derived: `UPDATE=1 cargo test -p oneiric-tests --test derived` rewrites it.
pub const CATALOG: &str = include_str!("catalog.json");

/// A kind of adapter.
#[derive(Debug)]
pub struct Provider {
    /// Its domain and its name in it, such as `queue.cloudtasks`.
    pub id: String,
    /// The Rust type in the runtime, such as `adapters::queue::CloudTasks`.
    pub path: String,
    /// The runtime's cargo feature that brings it; none for one that is always there.
    pub feature: Option<String>,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The reference page without its settings, in Markdown.
    pub docs: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// The JSON Schema of its settings.
    pub settings: Value,
}

impl Provider {
    /// What it is for, such as `queue`.
    pub fn domain(&self) -> &str {
        domain(&self.id)
    }

    /// The schema of its settings, to be looked at.
    pub(crate) fn schema(&self) -> Schema<'_> {
        Schema::new(&self.settings)
    }

    fn read(entry: &Value) -> Option<Self> {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        Some(Self {
            id: text("id")?,
            path: text("type")?,
            feature: text("feature"),
            summary: text("summary")?,
            docs: text("docs")?,
            capabilities: entry["capabilities"]
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            settings: entry["settings"].clone(),
        })
    }
}

/// The kinds of adapters that programs can have, by id.
///
/// # Panics
/// When the embedded catalogue cannot be read, which a test rules out.
pub fn providers() -> &'static [Provider] {
    static PROVIDERS: OnceLock<Vec<Provider>> = OnceLock::new();
    PROVIDERS.get_or_init(|| {
        let entries: Vec<Value> = serde_json::from_str(CATALOG).expect("a test reads the catalogue");
        entries.iter().map(|entry| Provider::read(entry).expect("a test reads the catalogue")).collect()
    })
}

/// The kind of adapter of this id, if programs can have it.
pub(crate) fn provider(id: &str) -> Option<&'static Provider> {
    providers().iter().find(|provider| provider.id == id)
}

/// Whether an id is known, even where no program can have it yet.
pub(crate) fn is_known(id: &str) -> bool {
    ids().any(|known| known == id)
}

/// The ids of all kinds that are known: first those that programs can have.
pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
    let later = LATER.iter().map(|(id, _)| *id);
    providers().iter().map(|provider| provider.id.as_str()).chain(later)
}

/// What adapters of a kind can do; nothing for one that is not known.
pub(crate) fn capabilities(id: &str) -> Vec<&'static str> {
    if let Some(provider) = provider(id) {
        return provider.capabilities.iter().map(String::as_str).collect();
    }
    LATER.iter().find(|(known, _)| *known == id).map(|(_, able)| able.to_vec()).unwrap_or_default()
}

/// Whether adapters of a kind can do this; what they are for counts too.
pub(crate) fn can(id: &str, capability: &str) -> bool {
    domain(id) == capability || capabilities(id).contains(&capability)
}

/// The ids of the kinds of adapters that can do something, of those that programs can have.
pub(crate) fn providers_that_can(capability: &str) -> Vec<&'static str> {
    providers().iter().map(|provider| provider.id.as_str()).filter(|id| can(id, capability)).collect()
}

/// What adapters of a kind are for, such as `queue`.
pub(crate) fn domain(id: &str) -> &str {
    id.split('.').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_whole() {
        let ids: Vec<&str> = providers().iter().map(|provider| provider.id.as_str()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        for provider in providers() {
            assert!(provider.path.starts_with("adapters::"), "{}", provider.path);
            assert!(provider.settings["properties"].is_object(), "{}", provider.id);
        }
    }

    #[test]
    fn what_can_do_something_is_found() {
        assert!(can("queue.cloudtasks", "enqueue"));
        assert!(!can("messaging.sendgrid", "notify"));
        assert_eq!(providers_that_can("checkpoints"), ["database.postgres"]);
    }

    #[test]
    fn what_programs_can_have_comes_before_what_they_cannot() {
        assert!(is_known("cache.redis") && provider("cache.redis").is_none());
        let ids: Vec<&str> = ids().collect();
        assert!(provider(ids[0]).is_some() && provider(ids[ids.len() - 1]).is_none());
        for (id, _) in LATER {
            assert!(provider(id).is_none(), "the catalogue has `{id}`: take it off the list in `later.rs`");
        }
    }
}
