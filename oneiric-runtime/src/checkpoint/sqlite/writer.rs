//! The one writer: a thread that takes whatever waits, writes it as one transaction, and answers when that is on disk.
//!
//! It adds no delay of its own: while one commit is being synced the next batch gathers. After the first error it writes
//! nothing more, because what a failed sync left on disk cannot be known. Nothing here reads for others; `reader` does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB, TransactionBehavior};

#[cfg(debug_assertions)]
use super::crash::Crash;
use super::job::{Job, Promise, Prune, Write};
use super::place::Place;
use super::{fault, schema, statement};
use crate::checkpoint::{Error, Kind};

/// A transaction takes no more than so many rows, so that the first to wait is not kept waiting by the last.
const MOST_ROWS: usize = 4096;

/// Nor more than so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// How long what nobody waits for may be held back.
const SOON: Duration = Duration::from_millis(50);

/// After so long without work, what the write-ahead log holds is moved to the database.
const QUIET: Duration = Duration::from_secs(1);

/// In pages of 4 KiB, how long the write-ahead log may grow before it is moved to the database under load (4 MiB), and
/// before readers are kept out for a moment to be able to cut it (64 MiB).
const LOG_PAGES: u32 = 1024;
const LOG_PAGES_TOO_MANY: u32 = 16 * LOG_PAGES;

/// How long that moment may be.
const KEEP_READERS_OUT: Duration = Duration::from_millis(100);

/// A prune's transaction removes about so many rows, so that it keeps nobody waiting for long.
const PRUNE_ROWS: usize = 512;

/// The writer's state, which its thread owns.
pub(super) struct Writer {
    connection: Connection,
    jobs: Receiver<Job>,
    /// A job that was taken from the queue too early.
    put_back: Option<Job>,
    prunes: VecDeque<Prune>,
    /// How many pages the write-ahead log holds that may not be in the database yet.
    log_pages: Arc<AtomicU32>,
    /// From how many on they are moved there.
    checkpoint_from: u32,
    /// The key of the newest run that is on disk.
    newest: Arc<AtomicI64>,
    #[cfg(debug_assertions)]
    crash: Crash,
    place: Place,
}

/// What there is to do.
enum Next {
    Job(Job),
    /// Nothing, for long enough to tidy up.
    Quiet,
    /// Nothing, ever again.
    Gone,
}

impl Writer {
    /// A writer to `place`, which `connection` is to.
    pub(super) fn new(
        mut connection: Connection,
        jobs: Receiver<Job>,
        newest: Arc<AtomicI64>,
        place: Place,
    ) -> Result<Self, Error> {
        let log_pages = Arc::new(AtomicU32::new(0));
        let pages = Arc::clone(&log_pages);
        connection
            .wal_hook(Some(move |_: &mut Wal, count| {
                pages.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| fault::sqlite(&error, "open", &place.database))?;
        Ok(Self {
            connection,
            jobs,
            put_back: None,
            prunes: VecDeque::new(),
            log_pages,
            checkpoint_from: LOG_PAGES,
            newest,
            #[cfg(debug_assertions)]
            crash: Crash::from_env(),
            place,
        })
    }

    /// Works until it is closed, or every handle is gone.
    pub(super) fn run(mut self) {
        match self.work() {
            Ok(promise) => self.close(promise),
            Err(error) => {
                tracing::error!(%error, "store-stopped");
                self.refuse(&error);
            }
        }
    }

    /// Does one job, or one batch of them, after the other; ends with whom to tell that the store is closed.
    fn work(&mut self) -> Result<Option<Promise<()>>, Error> {
        loop {
            match self.next() {
                Next::Job(Job::Write(first)) => {
                    let batch = self.gather(first);
                    self.commit(batch)?;
                }
                Next::Job(Job::Prune(prune)) => self.prunes.push_back(prune),
                Next::Job(Job::Fail(error)) => return Err(error),
                Next::Job(Job::Close(promise)) => return Ok(Some(promise)),
                Next::Quiet => self.checkpoint(CheckpointMode::PASSIVE)?,
                Next::Gone => return Ok(None),
            }
            self.prune_some()?;
            self.checkpoint_if_long()?;
        }
    }

    /// Waits for something to do; without end if nothing is left to tidy up.
    fn next(&mut self) -> Next {
        if let Some(job) = self.put_back.take() {
            return Next::Job(job);
        }
        if !self.prunes.is_empty() {
            return match self.jobs.try_recv() {
                Ok(job) => Next::Job(job),
                Err(TryRecvError::Empty) => Next::Quiet,
                Err(TryRecvError::Disconnected) => Next::Gone,
            };
        }
        if self.log_pages.load(Ordering::Relaxed) > 0 {
            return match self.jobs.recv_timeout(QUIET) {
                Ok(job) => Next::Job(job),
                Err(RecvTimeoutError::Timeout) => Next::Quiet,
                Err(RecvTimeoutError::Disconnected) => Next::Gone,
            };
        }
        self.jobs.recv().map_or(Next::Gone, Next::Job)
    }

    /// Everything that waits beside `first`; if nobody waits for any of it, then for a moment more to come.
    fn gather(&mut self, first: Write) -> Vec<Write> {
        let until = Instant::now() + SOON;
        let (mut rows, mut bytes) = first.size();
        let mut is_urgent = first.is_urgent();
        let mut batch = vec![first];
        while rows < MOST_ROWS && bytes < MOST_BYTES {
            let job = match self.jobs.try_recv() {
                Ok(job) => job,
                Err(_) if is_urgent => break,
                Err(_) => match self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(job) => job,
                    Err(_) => break,
                },
            };
            match job {
                Job::Write(write) => {
                    let size = write.size();
                    rows += size.0;
                    bytes += size.1;
                    is_urgent |= write.is_urgent();
                    batch.push(write);
                }
                other => {
                    self.put_back = Some(other);
                    break;
                }
            }
        }
        batch
    }

    /// Writes the batch as one transaction, and answers when it is on disk.
    fn commit(&mut self, mut batch: Vec<Write>) -> Result<(), Error> {
        let committed = self
            .transact(|connection| batch.iter_mut().try_for_each(|write| write.execute(connection)))
            .map_err(|error| fault::sqlite(&error, "write to", &self.place.database));
        if committed.is_ok()
            && let Some(newest) = batch.iter().filter_map(Write::created).max()
        {
            self.newest.store(newest.0, Ordering::Release);
        }
        for write in batch {
            write.answer(&committed);
        }
        committed
    }

    /// Goes on with the oldest prune, if there is one.
    fn prune_some(&mut self) -> Result<(), Error> {
        let Some(mut prune) = self.prunes.pop_front() else { return Ok(()) };
        let pruned = self
            .transact(|connection| statement::prune(connection, prune.before, PRUNE_ROWS))
            .map_err(|error| fault::sqlite(&error, "remove old runs from", &self.place.database));
        match pruned {
            Ok((removed, is_done)) => {
                prune.removed += removed;
                if is_done {
                    prune.promise.give(Ok(prune.removed));
                } else {
                    self.prunes.push_front(prune);
                }
            }
            Err(error) => {
                prune.promise.give(Err(error.clone()));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Begins, does `what`, commits. What fails is rolled back.
    fn transact<T>(&mut self, what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // To read first and ask for the lock later would fail at once if somebody else had it.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = what(&transaction)?;
        #[cfg(debug_assertions)]
        self.crash.before_commit();
        transaction.commit()?;
        #[cfg(debug_assertions)]
        self.crash.after_commit();
        Ok(done)
    }

    /// Moves what the write-ahead log holds to the database when there is much of it.
    fn checkpoint_if_long(&mut self) -> Result<(), Error> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpoint_from {
            return Ok(());
        }
        if pages < LOG_PAGES_TOO_MANY {
            return self.checkpoint(CheckpointMode::PASSIVE);
        }
        tracing::warn!(pages, "store-log-kept-by-reader");
        self.checkpoint(CheckpointMode::TRUNCATE)
    }

    fn checkpoint(&mut self, mode: CheckpointMode) -> Result<(), Error> {
        let fault = |error: rusqlite::Error| fault::sqlite(&error, "checkpoint", &self.place.database);
        let pages = self.log_pages.swap(0, Ordering::Relaxed);
        self.connection.busy_timeout(KEEP_READERS_OUT).map_err(fault)?;
        let is_complete = match self.connection.wal_checkpoint_v2(Some(MAIN_DB), mode) {
            Ok((in_log, moved)) => in_log == moved,
            Err(error) if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy)) => false,
            Err(error) => return Err(fault(error)),
        };
        self.connection.busy_timeout(schema::BUSY_TIMEOUT).map_err(fault)?;
        // While somebody reads, what he may still need stays; there is no use in trying again at once.
        self.checkpoint_from = if is_complete { LOG_PAGES } else { pages + LOG_PAGES };
        Ok(())
    }

    /// Leaves the place so that the next start finds nothing to repair, and says so.
    fn close(mut self, promise: Option<Promise<()>>) {
        let emptied = self.checkpoint(CheckpointMode::TRUNCATE);
        let Self { connection, place, .. } = self;
        let closed = emptied.and_then(|()| {
            connection.close().map_err(|(_, error)| fault::sqlite(&error, "close", &place.database))
        });
        drop(place);
        if let Some(promise) = promise {
            promise.give(closed);
        }
    }

    /// Answers everything with the error that stopped the store, until nobody can ask any more.
    fn refuse(self, error: &Error) {
        let stopped =
            Error::new(Kind::Closed, format!("the checkpoint store stopped after an earlier error: {error}"));
        let Self { connection, jobs, put_back, prunes, place, .. } = self;
        drop(connection);
        let prunes = prunes.into_iter().map(Job::Prune);
        for job in prunes.chain(put_back).chain(jobs) {
            if matches!(job, Job::Close(_)) {
                drop(place);
                return job.refuse(&stopped);
            }
            job.refuse(&stopped);
        }
    }
}
