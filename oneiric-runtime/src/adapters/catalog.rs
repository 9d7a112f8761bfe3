//! What the compiler has to know of every adapter: the source of its catalogue.
//!
//! It is there only with the feature `catalog`, which brings every adapter and a maker of JSON Schemas; programs have no use
//! for it.

use schemars::{JsonSchema, Schema};

use super::{Adapter, database, messaging, queue, secrets};

/// An adapter, as the catalogue lists it.
#[derive(Debug)]
pub struct Entry {
    /// Its domain and its name in it.
    pub id: &'static str,
    /// Its type, as generated code names it below `oneiric`.
    pub path: String,
    /// Its file, below this module's folder. Its first lines are the page about it.
    pub file: String,
    /// The cargo feature that brings it; none for one that is always there.
    pub feature: Option<String>,
    /// What it can do.
    pub capabilities: &'static [&'static str],
    /// The form of its settings.
    pub settings: Schema,
}

/// Every adapter that there is, by domain.
pub fn entries() -> Vec<Entry> {
    [database::catalog(), messaging::catalog(), queue::catalog(), secrets::catalog()]
        .into_iter()
        .flatten()
        .collect()
}

impl Entry {
    pub(super) fn of<A: Adapter<Settings: JsonSchema>>(
        domain: &str,
        module: &str,
        name: &str,
        is_optional: bool,
        capabilities: &'static [&'static str],
    ) -> Self {
        Self {
            id: A::ID,
            path: format!("adapters::{domain}::{name}"),
            file: format!("{domain}/{module}.rs"),
            feature: is_optional.then(|| A::ID.replace('.', "-")),
            capabilities,
            settings: schemars::schema_for!(A::Settings),
        }
    }
}
