//! What the writer is asked to do.

use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::{Created, Error, NewRun, Notice, Record, RunKey, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Event, NotificationStep};

/// An answer that is owed. Whoever waited for it may have gone.
pub(super) type Promise<T> = oneshot::Sender<Result<T, Error>>;

/// One thing to do.
pub(super) enum Job {
    /// Goes into a transaction together with what waits beside it.
    Write(Write),
    /// Gives a run another definition and another log.
    Rebase { run: RunKey, digest: String, definition: Json, log: Vec<Entry>, promise: Promise<()> },
    /// Takes hold of the run of an id.
    Claim { run_id: String, promise: Promise<Option<Record>> },
    /// Takes hold of up to `most` free runs beyond `after`, and lists parked ones among them.
    Take { after: RunKey, most: i64, promise: Promise<Vec<RunKey>> },
    /// Lets go of a run.
    Release { run: RunKey, promise: Promise<()> },
    /// Tells the holder of a run that somebody wants it to end.
    AskToCancel { run: RunKey, promise: Promise<()> },
    /// Forgets ended runs, a few at a time.
    Prune(Prune),
    /// Tells of what others do from now on.
    Notify(mpsc::UnboundedSender<Notice>),
    /// Stops.
    Close(Promise<()>),
}

/// One thing to write.
pub(super) enum Write {
    Create { run: Box<NewRun>, promise: Promise<Created> },
    Append { run: RunKey, entries: Vec<Entry>, urgency: Urgency, promise: Promise<()> },
}

/// A prune, and how far it has come.
pub(super) struct Prune {
    pub(super) before: Timestamp,
    pub(super) removed: u64,
    pub(super) promise: Promise<u64>,
}

impl Job {
    /// Says no.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Self::Write(write) => write.refuse(error),
            Self::Rebase { promise, .. }
            | Self::Release { promise, .. }
            | Self::AskToCancel { promise, .. }
            | Self::Close(promise) => drop(promise.send(Err(error.clone()))),
            Self::Claim { promise, .. } => drop(promise.send(Err(error.clone()))),
            Self::Take { promise, .. } => drop(promise.send(Err(error.clone()))),
            Self::Prune(prune) => drop(prune.promise.send(Err(error.clone()))),
            Self::Notify(_) => {}
        }
    }
}

impl Write {
    /// Says no.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Self::Create { promise, .. } => drop(promise.send(Err(error.clone()))),
            Self::Append { promise, .. } => drop(promise.send(Err(error.clone()))),
        }
    }

    /// Whether somebody waits for it.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::Append { urgency: Urgency::Soon, .. })
    }

    /// About how many rows and bytes it is.
    pub(super) fn size(&self) -> (usize, usize) {
        match self {
            Self::Create { run, .. } => (1, run.input.text().len() + run.labels.text().len()),
            Self::Append { entries, .. } => (entries.len(), entries.iter().map(entry_bytes).sum()),
        }
    }
}

/// Only outputs can be large, and what people are told is not small.
fn entry_bytes(entry: &Entry) -> usize {
    let text = match &entry.event {
        Event::NodeCompleted { output, .. } => output.text().len(),
        Event::Notification { step: NotificationStep::Due(due), .. } => due.notification.text.len(),
        _ => 0,
    };
    64 + text
}
