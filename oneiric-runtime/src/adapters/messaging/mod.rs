//! Messaging: telling people, or other programs, what has happened.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::Error;

adapters! { "messaging";
    #[cfg(feature = "messaging-slack")]
    slack: Slack, [notify, chatops];
    #[cfg(feature = "messaging-webhook")]
    webhook: Webhook, [notify];
}

#[cfg(test)]
#[cfg(feature = "client")]
mod conformance;

/// Something that brings a notification to somebody.
///
/// An adapter makes one attempt and says what came of it. When to make another one, and whether that is safe, is for who
/// sends: see [`Error::is_outcome_unknown`].
pub trait Messaging: Send + Sync {
    /// Sends `notification`. An answer means that the other side has it.
    fn send<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether the other side tells a repeated notification from a new one by its id, so that one whose fate is unknown can
    /// be sent again.
    fn knows_repeats(&self) -> bool {
        false
    }
}

/// What somebody is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notification {
    /// The same for every attempt to send it: visible ASCII.
    pub id: String,
    /// Where it goes, in the adapter's own terms; its default where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// What it is about, in a line of plain text.
    pub title: String,
    /// The rest of it, plain text too.
    pub text: String,
    /// What it is about, for receivers that are programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// What a notification is about, for receivers that are programs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct About {
    /// What has happened, such as `run.failed`.
    #[serde(rename = "type")]
    pub event: String,
    /// The workflow.
    pub workflow: String,
    /// The run.
    pub run_id: String,
}
