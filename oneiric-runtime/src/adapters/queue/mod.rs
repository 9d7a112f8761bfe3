//! Queues: work that is handed over now and done later, by whoever the queue calls.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::Error;
use crate::clock::Timestamp;
use crate::json::Json;

#[cfg(all(test, any(feature = "queue-cloudtasks", feature = "queue-pubsub")))]
mod conformance;

adapters! { "queue";
    #[cfg(feature = "queue-cloudtasks")]
    cloudtasks: CloudTasks, [enqueue, scheduler];
    #[cfg(feature = "queue-pubsub")]
    pubsub: PubSub, [enqueue, fanout, events];
}

/// Something that takes a run and has it started later.
pub trait Queue: Send + Sync {
    /// Hands `message` over. A message with the same run id as an earlier one may be dropped: the run is one.
    ///
    /// The answer is the queue's own name for what it took.
    fn enqueue<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<String, Error>>;

    /// What waits in it, where the program is to fetch that itself.
    fn inbox(&self) -> Option<&dyn Inbox> {
        None
    }
}

/// Messages that a program fetches. Each is lent to one who fetches at a time, and comes again if nobody acknowledges it
/// before the lease is over.
pub trait Inbox: Send + Sync {
    /// What the queue calls it.
    fn name(&self) -> &str;

    /// Waits for messages and lends some of them; none when there are none for a while.
    fn receive(&self) -> BoxFuture<'_, Result<Vec<Received>, Error>>;

    /// Says that these messages are dealt with. `receipts` are those that they were lent with.
    fn acknowledge<'a>(&'a self, receipts: &'a [String]) -> BoxFuture<'a, Result<(), Error>>;

    /// Lets these leases end so long from now; with zero, somebody else may have the messages at once.
    fn lend<'a>(&'a self, receipts: &'a [String], lease: Duration) -> BoxFuture<'a, Result<(), Error>>;
}

/// A message that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// What the lease is called.
    pub receipt: String,
    /// The message's own id, the same for every delivery.
    pub id: String,
    /// What is in it.
    pub data: Vec<u8>,
    /// Which attempt to deliver it this is, from 1, where the queue counts.
    pub attempt: Option<u32>,
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

/// The URL of a resource of a Google API at the address `endpoint`.
#[cfg(any(feature = "queue-cloudtasks", feature = "queue-pubsub"))]
fn google_url(endpoint: &str, path: &[&str]) -> Result<crate::client::Url, Error> {
    let wrong = || Error::new(super::Kind::Settings, format!("`endpoint` is `{endpoint}`, and no URL"));
    let mut url = crate::client::Url::parse(endpoint).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(path);
    Ok(url)
}

/// Whether a resource of a Google API is there. Who may only use it is refused the look at it, and that is well: whoever
/// refused knows the resource and the caller.
#[cfg(any(feature = "queue-cloudtasks", feature = "queue-pubsub"))]
async fn look(credentials: &crate::google::Credentials, url: crate::client::Url) -> Result<(), Error> {
    use crate::client::{Request, StatusCode};

    let response = credentials.send(Request::get(url)).await?;
    if response.status() == StatusCode::FORBIDDEN {
        return Ok(());
    }
    crate::google::check(response).map(drop)
}
