//! Databases, and what they can keep for the program itself: its runs.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::checkpoint::{self, Store};

adapters! { "database";
    #[cfg(feature = "database-postgres")]
    postgres: Postgres, [checkpoints];
}

/// A database that can keep a program's runs.
pub trait Checkpoints: Send + Sync {
    /// Opens the store, for a process that goes on with runs.
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Store>, checkpoint::Error>>;

    /// Opens the store for a process that only looks.
    fn open_reader(&self) -> BoxFuture<'_, Result<Arc<dyn Store>, checkpoint::Error>>;
}
