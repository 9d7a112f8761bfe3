//! What the writer is asked to do, and the answers it owes.

use tokio::sync::oneshot;

use super::statement;
use crate::checkpoint::{Created, Error, NewRun, Reply, RunKey, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Event, NotificationStep};

/// One thing to do.
pub(super) enum Job {
    /// Goes into a transaction together with what waits beside it.
    Write(Write),
    /// Forgets ended runs, a few at a time.
    Prune(Prune),
    /// Stops, because the database was found damaged.
    Fail(Error),
    /// Stops.
    Close(Promise<()>),
}

impl Job {
    /// Says no.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Self::Write(write) => write.answer(&Err(error.clone())),
            Self::Prune(prune) => prune.promise.give(Err(error.clone())),
            Self::Close(promise) => promise.give(Err(error.clone())),
            Self::Fail(_) => {}
        }
    }
}

/// One thing to write.
pub(super) enum Write {
    Create { run: Box<NewRun>, promise: Promise<Created> },
    Append { run: RunKey, entries: Vec<Entry>, urgency: Urgency, promise: Promise<()> },
    Rebase { run: RunKey, digest: String, definition: Json, log: Vec<Entry>, promise: Promise<()> },
}

/// A prune, and how far it has come.
pub(super) struct Prune {
    pub(super) before: Timestamp,
    pub(super) removed: u64,
    pub(super) promise: Promise<u64>,
}

impl Write {
    /// Writes it, and keeps the answer until the transaction has been committed.
    pub(super) fn execute(&mut self, connection: &rusqlite::Connection) -> rusqlite::Result<()> {
        match self {
            Self::Create { run, promise } => promise.keep(statement::create(connection, run)?),
            Self::Append { run, entries, promise, .. } => {
                promise.keep(statement::append(connection, *run, entries)?);
            }
            Self::Rebase { run, digest, definition, log, promise } => {
                promise.keep(statement::rebase(connection, *run, digest, definition, log)?);
            }
        }
        Ok(())
    }

    /// Tells the caller what came of it.
    pub(super) fn answer(self, committed: &Result<(), Error>) {
        match self {
            Self::Create { promise, .. } => promise.tell(committed),
            Self::Append { promise, .. } | Self::Rebase { promise, .. } => promise.tell(committed),
        }
    }

    /// Whether somebody waits for it.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::Append { urgency: Urgency::Soon, .. })
    }

    /// The key of the run that it created.
    pub(super) fn created(&self) -> Option<RunKey> {
        match self {
            Self::Create { promise: Promise { answer: Some(Ok(Created::New(key))), .. }, .. } => Some(*key),
            _ => None,
        }
    }

    /// About how many rows and bytes it is.
    pub(super) fn size(&self) -> (usize, usize) {
        let bytes = |entries: &[Entry]| entries.iter().map(entry_bytes).sum();
        match self {
            Self::Create { run, .. } => (1, run.input.text().len() + run.labels.text().len()),
            Self::Append { entries, .. } => (entries.len(), bytes(entries)),
            Self::Rebase { log, .. } => (log.len(), bytes(log)),
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

/// An answer that is owed: known when the statements have run, told when they have been committed.
pub(super) struct Promise<T> {
    sender: oneshot::Sender<Result<T, Error>>,
    answer: Option<Result<T, Error>>,
}

impl<T> Promise<T> {
    /// A promise, and what waits for it.
    pub(super) fn new() -> (Self, Reply<T>) {
        let (sender, reply) = Reply::pending();
        (Self { sender, answer: None }, reply)
    }

    /// Answers at once.
    pub(super) fn give(self, answer: Result<T, Error>) {
        drop(self.sender.send(answer));
    }

    /// Keeps the answer for later.
    pub(super) fn keep(&mut self, answer: Result<T, Error>) {
        self.answer = Some(answer);
    }

    /// Answers; a transaction that failed is the answer to everything in it.
    pub(super) fn tell(self, committed: &Result<(), Error>) {
        match (committed, self.answer) {
            (Ok(()), Some(answer)) => drop(self.sender.send(answer)),
            (Err(error), _) => drop(self.sender.send(Err(error.clone()))),
            // It was never executed; the reply says that the store stopped.
            (Ok(()), None) => {}
        }
    }
}
