//! Queues: work that is handed over now and done later, by whoever the queue calls.

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::Error;
use crate::clock::Timestamp;
use crate::json::Json;

adapters! { "queue"; }

/// Something that takes a run and has it started later.
pub trait Queue: Send + Sync {
    /// Hands `message` over. A message with the same run id as an earlier one may be dropped: the run is one.
    ///
    /// The answer is the queue's own name for what it took.
    fn enqueue<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<String, Error>>;
}

/// A run to be started, as `POST /tasks/workflow` takes it.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The workflow's name.
    pub workflow: String,
    /// The run's id.
    pub run_id: String,
    /// What the caller wants to be told again with the result.
    pub workflow_provider: Option<String>,
    /// The run's input, an object.
    pub context: Json,
    /// What the caller wants to be told again with the result, an object.
    pub metadata: Json,
    /// When it was handed over.
    pub queued_at: Timestamp,
}
