//! Messaging: telling people, or other programs, what has happened.

use futures_util::future::BoxFuture;

use super::Error;

adapters! { "messaging"; }

/// Something that brings a notification to somebody.
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
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The same for every attempt to send it.
    pub id: String,
    /// Where it goes, in the adapter's own terms; its default where there is none.
    pub channel: Option<String>,
    /// What it is about, in a line.
    pub title: String,
    /// The rest of it.
    pub text: String,
}
