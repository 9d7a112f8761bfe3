//! The store in an SQLite file.
//!
//! An append-only log and a small table of runs, in WAL mode with `synchronous=FULL`: what was answered survives a kill
//! and a power cut. One thread writes and checkpoints (`writer`), others read (`reader`); this handle only passes on what
//! it is asked. What the file holds is said in `schema` and `row`, whose the directory is in `place`.
//! `docs/decisions/0003-sqlite-log.md` has the figures behind it.

#[cfg(debug_assertions)]
mod crash;
mod fault;
mod job;
mod place;
mod reader;
mod row;
mod schema;
mod statement;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::mpsc;

use self::job::{Job, Promise, Prune, Write};
use self::place::Place;
use self::reader::Query;
use self::writer::Writer;
use super::{Created, Error, Filter, Kind, NewRun, Record, Reply, Run, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::Entry;

/// How many open runs are read ahead of whoever takes them.
const READ_AHEAD: usize = 64;

/// Runs in an SQLite file of a state directory. When the last of its handles is dropped it ends as if it had been closed.
pub struct Sqlite {
    path: PathBuf,
    queries: Sender<Query>,
    /// Nothing, if this process may only read.
    jobs: Option<Sender<Job>>,
    /// The key of the newest run that is on disk.
    newest: Arc<AtomicI64>,
    /// Ends the check of a database that was left unclean.
    checkup: Option<InterruptHandle>,
}

impl Sqlite {
    /// Opens the store in `state_dir`, which is made if it is missing, for this process alone.
    ///
    /// It waits for the disk, so an async task should leave the call to a thread.
    ///
    /// # Errors
    /// When the place cannot be used; the message says what to do.
    pub fn open(state_dir: &Path) -> Result<Self, Error> {
        let place = Place::take(state_dir)?;
        let connection = schema::open(&place.database)?;
        Self::start(place, connection)
    }

    /// Sets the threads going.
    fn start(place: Place, connection: Connection) -> Result<Self, Error> {
        let path = place.database.clone();
        let newest = Arc::new(AtomicI64::new(newest_run(&connection, &path)?));
        let (jobs, for_writer) = channel();
        let checkup = if place.was_left_unclean { Some(check(&path, jobs.clone())?) } else { None };
        let writer = Writer::new(connection, for_writer, Arc::clone(&newest), place)?;
        spawn("oneiric-writer", move || writer.run())?;
        let queries = spawn_reader(&path)?;
        Ok(Self { path, queries, jobs: Some(jobs), newest, checkup })
    }

    /// Opens the store in `state_dir` for reading, whoever writes to it meanwhile. What would write is answered with an
    /// error.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open_reader(state_dir: &Path) -> Result<Self, Error> {
        let path = place::look(state_dir)?;
        let newest = newest_run(&schema::open_reader(&path)?, &path)?;
        let queries = spawn_reader(&path)?;
        Ok(Self { path, queries, jobs: None, newest: Arc::new(AtomicI64::new(newest)), checkup: None })
    }

    /// Whether a store was ever opened in `state_dir`.
    pub(crate) fn is_in(state_dir: &Path) -> bool {
        place::database_in(state_dir).exists()
    }

    fn write(&self, write: Write) {
        self.order(Job::Write(write));
    }

    fn order(&self, job: Job) {
        match &self.jobs {
            // A writer that is gone drops the promise, and the reply says that the store stopped.
            Some(jobs) => drop(jobs.send(job)),
            None => job.refuse(&Error::new(
                Kind::Denied,
                format!("`{}` was opened for reading only, and cannot be written to", self.path.display()),
            )),
        }
    }

    fn ask<T>(&self, query: impl FnOnce(Promise<T>) -> Query) -> Reply<T> {
        let (promise, reply) = Promise::new();
        drop(self.queries.send(query(promise)));
        reply
    }
}

impl Store for Sqlite {
    fn create(&self, run: NewRun) -> Reply<Created> {
        let (promise, reply) = Promise::new();
        self.write(Write::Create { run: Box::new(run), promise });
        reply
    }

    fn append(&self, run: RunKey, entries: Vec<Entry>, urgency: Urgency) -> Reply<()> {
        let (promise, reply) = Promise::new();
        self.write(Write::Append { run, entries, urgency, promise });
        reply
    }

    fn find(&self, run_id: &str) -> Reply<Option<Record>> {
        let run_id = run_id.to_owned();
        self.ask(|promise| Query::Find { run_id, promise })
    }

    fn open_runs(&self) -> mpsc::Receiver<Result<Record, Error>> {
        let (sender, records) = mpsc::channel(READ_AHEAD);
        let path = self.path.clone();
        let newest = self.newest.load(Ordering::Acquire);
        let read = {
            let sender = sender.clone();
            move || match schema::open_reader(&path) {
                Ok(mut connection) => reader::recover(&mut connection, &path, newest, &sender),
                Err(error) => drop(sender.blocking_send(Err(error))),
            }
        };
        if let Err(error) = spawn("oneiric-recover", read) {
            // The channel is new, so there is room.
            let _ = sender.try_send(Err(error));
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
        let (promise, reply) = Promise::new();
        self.write(Write::Rebase { run, digest, definition, log, promise });
        reply
    }

    fn prune(&self, before: Timestamp) -> Reply<u64> {
        let (promise, reply) = Promise::new();
        self.order(Job::Prune(Prune { before, removed: 0, promise }));
        reply
    }

    fn close(&self) -> Reply<()> {
        if let Some(checkup) = &self.checkup {
            checkup.interrupt();
        }
        drop(self.queries.send(Query::Close));
        if self.jobs.is_none() {
            return Reply::ready(Ok(()));
        }
        let (promise, reply) = Promise::new();
        self.order(Job::Close(promise));
        reply
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if let Some(checkup) = &self.checkup {
            checkup.interrupt();
        }
    }
}

/// The key of the newest run, 0 if there is none.
fn newest_run(connection: &Connection, path: &Path) -> Result<i64, Error> {
    connection
        .query_row("SELECT coalesce(max(key), 0) FROM run", [], |row| row.get(0))
        .map_err(|error| fault::sqlite(&error, "read", path))
}

fn spawn_reader(path: &Path) -> Result<Sender<Query>, Error> {
    let connection = schema::open_reader(path)?;
    let (queries, asked) = channel();
    let path = path.to_owned();
    spawn("oneiric-reader", move || reader::answer(connection, &path, &asked))?;
    Ok(queries)
}

/// Checks a database that was not closed, beside the work, because no run should wait for it; stops the writer if the
/// database is damaged.
fn check(path: &Path, jobs: Sender<Job>) -> Result<InterruptHandle, Error> {
    let connection = schema::open_reader(path)?;
    let handle = connection.get_interrupt_handle();
    let path = path.to_owned();
    spawn("oneiric-checkup", move || {
        if let Err(error) = schema::check_integrity(&connection, &path) {
            drop(jobs.send(Job::Fail(error)));
        }
    })?;
    Ok(handle)
}

/// Starts a thread; of its name, Linux keeps 15 characters.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(|error| Error::new(Kind::Io, format!("cannot start the thread `{name}`: {error}")))
}
