//! Where runs are kept: the log of every run's events, and one record a run.
//!
//! A store writes what it is given, in order, and answers when it is on disk. It judges nothing: `run::State` does.
//! Every store passes the same suite, `conformance`.

#[cfg(test)]
mod conformance;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

pub use self::memory::Memory;
#[cfg(feature = "postgres")]
pub use self::postgres::{Postgres, Settings as PostgresSettings};
#[cfg(feature = "sqlite")]
pub use self::sqlite::Sqlite;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Event, NotificationStep, Status};

/// A place for runs.
///
/// Calls return at once, and each answer comes when the work is done. What writes is done in the order of the calls; what
/// reads sees at least everything that was answered before the call. Dropping a reply does not undo the call.
///
/// A process **holds** the runs that it creates, claims, or is handed by `open_runs`, until they have ended or are parked and
/// their notifications are settled, or it releases them; only who holds a run may append to it or rebase it. In a store that one process has to itself there is
/// nobody to hold them against. In one that processes share, a run has one holder at a time: what another one holds is
/// answered with [`Kind::Held`], and [`notices`](Self::notices) tell of what others did.
pub trait Store: Send + Sync + 'static {
    /// Records a new run, or finds the one that has its `run_id` already: exactly one of any number of calls with one
    /// id creates it.
    fn create(&self, run: NewRun) -> Reply<Created>;

    /// Takes hold of a run, whether or not it has ended, and reads it. Nothing is there to be taken where only one
    /// process can have it.
    ///
    /// # Errors
    /// [`Kind::Held`] when another process holds it.
    fn claim(&self, run_id: &str) -> Reply<Option<Record>> {
        self.find(run_id)
    }

    /// Lets go of a run, so that another process can go on with it.
    fn release(&self, _run: RunKey) -> Reply<()> {
        Reply::ready(Ok(()))
    }

    /// Asks whoever holds a run to end it; the holder hears [`Notice::Cancel`].
    fn ask_to_cancel(&self, _run: RunKey) -> Reply<()> {
        Reply::ready(Ok(()))
    }

    /// What other processes do to the runs of this store, from this call on; nothing if no other process can. Asked for
    /// once, by whoever drives runs.
    fn notices(&self) -> Option<mpsc::UnboundedReceiver<Notice>> {
        None
    }

    /// Appends to a run's log. All entries are kept or none. The run's record follows from them: `RunEnded`,
    /// `RunParked` and `RunResumed` change its status.
    fn append(&self, run: RunKey, entries: Vec<Entry>, urgency: Urgency) -> Reply<()>;

    /// One run and its log.
    fn find(&self, run_id: &str) -> Reply<Option<Record>>;

    /// Every run that has not ended (parked ones too), or of which a notification is not settled, oldest first, each with
    /// its log, one by one as they are read; none whose creation is answered after this call. A run that is damaged is an
    /// error in its place, and the rest follow. Where processes share the store, only runs that nobody holds; those for
    /// which there is something to do, which parked ones wait for, are this process's now.
    fn open_runs(&self) -> mpsc::Receiver<Result<Record, Error>>;

    /// Runs without their logs, newest first.
    fn list(&self, filter: Filter) -> Reply<Vec<Run>>;

    /// The definition that a run began with, by its digest.
    fn definition(&self, workflow: &str, digest: &str) -> Reply<Option<Json>>;

    /// Notes that a run goes on under another definition of its workflow, with a log in that definition's terms.
    fn rebase(&self, run: RunKey, digest: String, definition: Json, log: Vec<Entry>) -> Reply<()>;

    /// Forgets runs that ended before `before` and says how many there were. Those stay of which a notification is not
    /// settled.
    fn prune(&self, before: Timestamp) -> Reply<u64>;

    /// Writes what is waiting and releases the place. What is called after it is answered with an error.
    fn close(&self) -> Reply<()>;
}

/// What another process, or its end, did to runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A run that somebody else held has ended, is parked, or was released.
    Over(RunKey),
    /// Somebody wants a run that this process holds to end.
    Cancel(RunKey),
    /// Runs may be there that nobody holds any more.
    Free,
    /// Everything that this process held, it holds no more: its lease ran out before it was renewed. Others may go on
    /// with those runs, and what this process does for them from here on cannot be kept.
    Lost,
    /// Notices may have been missed, so whatever is waited for must be looked at.
    Missed,
}

/// A store's name for a run; meaningless elsewhere.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunKey(pub i64);

/// A run to be recorded.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The caller's id for it, unique for ever.
    pub run_id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The digest of the definition it begins with.
    pub digest: String,
    /// That definition, kept once for each (workflow, digest).
    pub definition: Json,
    /// Its input.
    pub input: Json,
    /// What the caller wants to be told again with the result: `{"metadata": …, "workflow_provider": …}`.
    pub labels: Json,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What became of a `create`.
#[derive(Clone, Debug)]
pub enum Created {
    /// The run is new and on disk.
    New(RunKey),
    /// There was one of this id.
    Existing(Run),
}

/// A run's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The store's name for it.
    pub key: RunKey,
    /// The caller's id for it.
    pub run_id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The digest of the definition that it goes by.
    pub digest: String,
    /// Its input.
    pub input: Json,
    /// See [`NewRun::labels`].
    pub labels: Json,
    /// Where it stands.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether somebody wanted it to end when nobody was there who could.
    pub cancel_requested: bool,
}

/// A run and its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The run.
    pub run: Run,
    /// Everything that happened to it, in order.
    pub log: Vec<Entry>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only of this status.
    pub status: Option<Status>,
    /// At most so many; 0 for all.
    pub limit: u32,
}

/// How soon entries must be on disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    /// Somebody waits for it: commit as soon as the commit before it is done.
    Now,
    /// Nobody waits: it may ride along with the next commit, but not be held back for longer than a moment (50 ms).
    Soon,
}

/// A store's answer, when it comes.
#[derive(Debug)]
#[must_use = "a reply says whether it was kept"]
pub struct Reply<T>(Answer<T>);

#[derive(Debug)]
enum Answer<T> {
    /// It is there; nothing once it has been taken.
    Ready(Option<Result<T, Error>>),
    Pending(oneshot::Receiver<Result<T, Error>>),
}

impl<T> Reply<T> {
    /// A reply and what answers it.
    pub fn pending() -> (oneshot::Sender<Result<T, Error>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(Answer::Pending(receiver)))
    }

    /// A reply that is there already.
    pub fn ready(answer: Result<T, Error>) -> Self {
        Self(Answer::Ready(Some(answer)))
    }
}

impl<T: Unpin> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Ready(answer) => Poll::Ready(answer.take().expect("a reply is asked until it answers")),
            Answer::Pending(receiver) => Pin::new(receiver).poll(cx).map(|answer| {
                answer
                    .unwrap_or_else(|_| Err(Error::new(Kind::Closed, "the store stopped before it answered")))
            }),
        }
    }
}

/// Why a store could not do what it was asked. After an error of a write, unless it is [`Kind::Gone`] or [`Kind::Held`],
/// the store writes nothing more: what was answered is safe, what was not is unknown, and the process must stop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// Kinds of store failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The disk is full.
    Full,
    /// The place cannot be written to, or read.
    Denied,
    /// Another process has it.
    Locked,
    /// It is damaged.
    Corrupt,
    /// Another program, or another version of this one, wrote it.
    Version,
    /// Reading or writing failed otherwise.
    Io,
    /// The run is not there (any more). Nothing was written for it, and the store goes on.
    Gone,
    /// Another process holds the run, or nobody does. Nothing was written for it, and the store goes on.
    Held,
    /// The store was closed, or stopped after an earlier error.
    Closed,
}

impl Error {
    /// An error of this kind. The message says what was wrong, where, and what to do.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// What the last of these entries that says so makes of a run: its status, and when it ended if it did.
fn outcome(entries: &[Entry]) -> Option<(Status, Option<Timestamp>)> {
    entries.iter().rev().find_map(|entry| match entry.event {
        Event::RunEnded { status } => Some((status, Some(entry.at))),
        Event::RunParked { .. } => Some((Status::Parked, None)),
        Event::RunResumed => Some((Status::Running, None)),
        _ => None,
    })
}

/// How many more notifications of a run are not settled after these entries than before them.
fn unsettled(entries: &[Entry]) -> i64 {
    let change = |entry: &Entry| match &entry.event {
        Event::Notification { step: NotificationStep::Due(_), .. } => 1,
        Event::Notification { step: NotificationStep::Sent | NotificationStep::GivenUp { .. }, .. } => -1,
        _ => 0,
    };
    entries.iter().map(change).sum()
}

fn gone(run: RunKey) -> Error {
    Error::new(Kind::Gone, format!("there is no run with the key {} (any more)", run.0))
}
