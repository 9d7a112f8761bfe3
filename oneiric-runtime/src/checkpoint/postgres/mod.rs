//! The store in a Postgres database, which the instances of one program share.
//!
//! The same log as in SQLite: what was answered has been committed with `synchronous_commit=on`. A run is held by one
//! instance at a time, under a lease that the instance renews and with a fencing token, the run's epoch, that every write
//! is checked against: when an instance dies, or stops for longer than its lease, others take its runs over, and whatever
//! it still writes for them is refused. One thread with a runtime of its own writes (`writer`), reads (`reader`) and
//! keeps the lease, whatever the program's tasks do to the other threads; this handle only passes on what it is asked.
//! What the database holds is said in `schema` and in the rows of `checkpoint::row`.
//! `docs/decisions/0010-runs-in-postgres.md` has the reasons.

mod batch;
mod fault;
mod held;
mod job;
mod link;
mod reader;
mod schema;
mod settings;
mod statement;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::fault::Fault;
use self::held::Held;
use self::job::{Job, Promise, Prune, Write};
use self::link::{Link, Purpose};
use self::reader::{Query, Reader};
pub use self::settings::Settings;
use self::writer::Writer;
use super::{Created, Error, Filter, Kind, NewRun, Notice, Record, Reply, Run, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::Entry;

/// How many open runs are read ahead of whoever takes them.
const READ_AHEAD: usize = 64;

/// How long a start waits for a server that cannot be reached yet, such as a proxy that starts beside the program.
const START: Duration = Duration::from_secs(10);

/// Runs in a Postgres database. When the last of its handles is dropped it ends as if it had been closed.
pub struct Postgres {
    queries: mpsc::UnboundedSender<Query>,
    /// Nothing, if this process only reads.
    jobs: Option<mpsc::UnboundedSender<Job>>,
    runtime: Handle,
}

impl Postgres {
    /// Opens the store, and makes its tables if they are missing.
    ///
    /// # Errors
    /// When the database cannot be reached or used; the message says what to do.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        Self::start(settings, Purpose::Write).await
    }

    /// Opens the store for reading. What would write is answered with an error.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn open_reader(settings: Settings) -> Result<Self, Error> {
        Self::start(settings, Purpose::Read).await
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let this user in.
    pub async fn ping(settings: &Settings) -> Result<(), Error> {
        Link::ping(settings).await.map_err(Fault::into_error)
    }

    /// Sets the thread going.
    async fn start(settings: Settings, purpose: Purpose) -> Result<Self, Error> {
        let (opened, opening) = oneshot::channel();
        let work = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(opened.send(Err(no_thread(&error)))),
            };
            runtime.block_on(run(settings, purpose, opened));
        };
        thread::Builder::new()
            .name("oneiric-store".to_owned())
            .spawn(work)
            .map_err(|error| no_thread(&error))?;
        opening.await.unwrap_or_else(|_| Err(Error::new(Kind::Io, "the thread of the store ended at once")))
    }

    fn order<T>(&self, job: impl FnOnce(Promise<T>) -> Job) -> Reply<T> {
        let (promise, reply) = Reply::pending();
        if let Some(jobs) = &self.jobs {
            // A writer that is gone drops the promise, and the reply says that the store stopped.
            drop(jobs.send(job(promise)));
        } else {
            drop(promise.send(Err(reads_only())));
        }
        reply
    }

    fn ask<T>(&self, query: impl FnOnce(Promise<T>) -> Query) -> Reply<T> {
        let (promise, reply) = Reply::pending();
        drop(self.queries.send(query(promise)));
        reply
    }
}

impl Store for Postgres {
    fn create(&self, run: NewRun) -> Reply<Created> {
        self.order(|promise| Job::Write(Write::Create { run: Box::new(run), promise }))
    }

    fn claim(&self, run_id: &str) -> Reply<Option<Record>> {
        let run_id = run_id.to_owned();
        self.order(|promise| Job::Claim { run_id, promise })
    }

    fn release(&self, run: RunKey) -> Reply<()> {
        self.order(|promise| Job::Release { run, promise })
    }

    fn ask_to_cancel(&self, run: RunKey) -> Reply<()> {
        self.order(|promise| Job::AskToCancel { run, promise })
    }

    fn notices(&self) -> Option<mpsc::UnboundedReceiver<Notice>> {
        let jobs = self.jobs.as_ref()?;
        let (sender, notices) = mpsc::unbounded_channel();
        drop(jobs.send(Job::Notify(sender)));
        Some(notices)
    }

    fn append(&self, run: RunKey, entries: Vec<Entry>, urgency: Urgency) -> Reply<()> {
        self.order(|promise| Job::Write(Write::Append { run, entries, urgency, promise }))
    }

    fn find(&self, run_id: &str) -> Reply<Option<Record>> {
        let run_id = run_id.to_owned();
        self.ask(|promise| Query::Find { run_id, promise })
    }

    fn open_runs(&self) -> mpsc::Receiver<Result<Record, Error>> {
        let (sender, records) = mpsc::channel(READ_AHEAD);
        if let Some(jobs) = &self.jobs {
            let (jobs, queries) = (jobs.clone(), self.queries.clone());
            drop(self.runtime.spawn(reader::hand_out(jobs, queries, sender)));
        } else {
            // The channel is new, so there is room.
            let _ = sender.try_send(Err(reads_only()));
        }
        records
    }

    fn list(&self, filter: Filter) -> Reply<Vec<Run>> {
        self.ask(|promise| Query::List { filter, promise })
    }

    fn definition(&self, workflow: &str, digest: &str) -> Reply<Option<Json>> {
        let (workflow, digest) = (workflow.to_owned(), digest.to_owned());
        self.ask(|promise| Query::Definition { workflow, digest, promise })
    }

    fn rebase(&self, run: RunKey, digest: String, definition: Json, log: Vec<Entry>) -> Reply<()> {
        self.order(|promise| Job::Rebase { run, digest, definition, log, promise })
    }

    fn prune(&self, before: Timestamp) -> Reply<u64> {
        self.order(|promise| Job::Prune(Prune { before, removed: 0, promise }))
    }

    fn close(&self) -> Reply<()> {
        drop(self.queries.send(Query::Close));
        if self.jobs.is_none() {
            return Reply::ready(Ok(()));
        }
        self.order(Job::Close)
    }
}

/// All that a store does, on its thread.
async fn run(settings: Settings, purpose: Purpose, opened: oneshot::Sender<Result<Postgres, Error>>) {
    let link = match connect(&settings, purpose).await {
        Ok(link) => link,
        Err(error) => return drop(opened.send(Err(error))),
    };
    let (queries, asked) = mpsc::unbounded_channel();
    let held = Arc::<Held>::default();
    let runtime = Handle::current();
    let reader = |link| Reader { settings: settings.clone(), link, held: Arc::clone(&held), queries: asked };
    if purpose == Purpose::Read {
        let _ = opened.send(Ok(Postgres { queries, jobs: None, runtime }));
        return reader(Some(link)).run().await;
    }
    let (jobs, ordered) = mpsc::unbounded_channel();
    let writer = Writer::new(settings.clone(), link, ordered, queries.clone(), Arc::clone(&held));
    let _ = opened.send(Ok(Postgres { queries, jobs: Some(jobs), runtime }));
    let read = async {
        reader(None).run().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = writer.run() => {}
        () = read => {}
    }
}

/// The first connection. A server that is not there yet is waited for, because it may start beside the program.
async fn connect(settings: &Settings, purpose: Purpose) -> Result<Link, Error> {
    let until = Instant::now() + START;
    loop {
        match Link::open(settings, purpose).await {
            Ok(link) => return Ok(link),
            Err(Fault::Final(error)) => return Err(error),
            Err(fault) if Instant::now() > until => return Err(fault.into_error()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn reads_only() -> Error {
    Error::new(
        Kind::Denied,
        "the checkpoint store was opened for reading only: it cannot be written to from here",
    )
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot start the thread of the checkpoint store: {error}"))
}
