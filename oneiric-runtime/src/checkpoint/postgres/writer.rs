//! The one writer of a process: a task that takes whatever waits, writes it as one transaction, and answers when that is
//! on disk. It also keeps the process's lease, and hears what others announce.
//!
//! It adds no delay of its own: while one commit is under way the next batch gathers. When the connection is lost it makes
//! another and sends again what was not answered, which writes nothing twice. After any other error it writes nothing
//! more. Nothing here reads for others; `reader` does.
//!
//! Nothing polls: the task sleeps until somebody wants something of it, announces something, or a lease is due. A lease
//! is there only while runs are held, and that of others is looked at only when it should have been renewed.

mod commit;
mod connection;
mod lease;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::lease::Lease;
use super::held::Held;
use super::job::{Job, Promise, Prune, Write};
use super::link::Link;
use super::reader::Query;
use super::settings::Settings;
use crate::checkpoint::{Error, Kind, Notice, RunKey};

/// A transaction takes no more than so many rows, so that the first to wait is not kept waiting by the last.
const MOST_ROWS: usize = 4096;

/// Nor more than so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// How long what nobody waits for may be held back.
const SOON: Duration = Duration::from_millis(50);

/// A prune's transaction removes so many runs, so that it keeps nobody waiting for long.
const PRUNE_RUNS: i64 = 64;

/// The writer's state, which its task owns.
pub(super) struct Writer {
    settings: Settings,
    place: String,
    /// What this process is called in the history of holders.
    name: String,
    /// Tells this process's announcements from those of others.
    mark: String,
    link: Link,
    jobs: mpsc::UnboundedReceiver<Job>,
    /// A job that was taken from the queue too early.
    put_back: Option<Job>,
    prunes: VecDeque<Prune>,
    queries: mpsc::UnboundedSender<Query>,
    held: Arc<Held>,
    lease: Option<Lease>,
    /// A lease that ran out here, which the server may not know yet.
    lapsed: Option<i64>,
    /// When to look whether the others have renewed theirs.
    look_at: Option<Instant>,
    notices: Option<mpsc::UnboundedSender<Notice>>,
    /// Keys of definitions by workflow and digest.
    definitions: HashMap<(String, String), i64>,
}

/// What there is to do.
enum Next {
    Job(Job),
    Announced(String),
    Disconnected,
    /// A lease is due, ours or another's.
    Due,
    /// Nothing, so old runs may be forgotten.
    Idle,
    /// Nothing, ever again.
    Gone,
}

impl Writer {
    pub(super) fn new(
        settings: Settings,
        link: Link,
        jobs: mpsc::UnboundedReceiver<Job>,
        queries: mpsc::UnboundedSender<Query>,
        held: Arc<Held>,
    ) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            place: settings.place(),
            name: format!("{host}:{}", std::process::id()),
            mark: format!("{:016x}", fastrand::u64(..)),
            settings,
            link,
            jobs,
            put_back: None,
            prunes: VecDeque::new(),
            queries,
            held,
            lease: None,
            lapsed: None,
            look_at: None,
            notices: None,
            definitions: HashMap::new(),
        }
    }

    /// Works until it is closed, or every handle is gone.
    pub(super) async fn run(mut self) {
        match self.work().await {
            Ok(promise) => self.close(promise).await,
            Err(error) => {
                tracing::error!(%error, "store-stopped");
                self.refuse(&error).await;
            }
        }
    }

    /// Does one job, or one batch of them, after the other; ends with whom to tell that the store is closed.
    async fn work(&mut self) -> Result<Option<Promise<()>>, Error> {
        loop {
            match self.next().await {
                Next::Job(Job::Write(first)) => {
                    let batch = self.gather(first).await;
                    self.commit(batch).await?;
                }
                Next::Job(Job::Close(promise)) => return Ok(Some(promise)),
                Next::Job(job) => self.carry_out(job).await?,
                Next::Announced(text) => self.hear(&text),
                Next::Disconnected => self.reconnect("the server closed the connection").await?,
                Next::Due => self.keep_leases().await?,
                Next::Idle => {}
                Next::Gone => return Ok(None),
            }
            self.prune_some().await?;
        }
    }

    async fn next(&mut self) -> Next {
        if let Some(job) = self.put_back.take() {
            return Next::Job(job);
        }
        let due = self.lease.map(|lease| lease.renew_at).into_iter().chain(self.look_at).min();
        if due.is_some_and(|due| due <= Instant::now()) {
            return Next::Due;
        }
        if !self.prunes.is_empty() {
            return match self.jobs.try_recv() {
                Ok(job) => Next::Job(job),
                Err(TryRecvError::Empty) => Next::Idle,
                Err(TryRecvError::Disconnected) => Next::Gone,
            };
        }
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Next::Due,
            text = self.link.announcements.recv() => text.map_or(Next::Disconnected, Next::Announced),
            job = self.jobs.recv() => job.map_or(Next::Gone, Next::Job),
        }
    }

    /// Everything that waits beside `first`; if nobody waits for any of it, then for a moment more to come.
    async fn gather(&mut self, first: Write) -> Vec<Write> {
        let until = Instant::now() + SOON;
        let (mut rows, mut bytes) = first.size();
        let mut is_urgent = first.is_urgent();
        let mut batch = vec![first];
        while rows < MOST_ROWS && bytes < MOST_BYTES {
            let job = match self.jobs.try_recv() {
                Ok(job) => job,
                Err(_) if is_urgent => break,
                Err(_) => match timeout_at(until, self.jobs.recv()).await {
                    Ok(Some(job)) => job,
                    _ => break,
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

    async fn carry_out(&mut self, job: Job) -> Result<(), Error> {
        match job {
            Job::Rebase { run, digest, definition, log, promise } => {
                let done = self.rebase(run, &digest, &definition, &log).await;
                owe(promise, done)
            }
            Job::Claim { run_id, promise } => match self.claim(&run_id).await {
                Ok(Ok(Some(run))) => {
                    drop(self.queries.send(Query::Claimed { run, promise }));
                    Ok(())
                }
                done => owe(promise, done.map(|found| found.map(|_| None))),
            },
            Job::Take { after, most, promise } => {
                let done = self.take(after, most).await;
                owe(promise, done.map(Ok))
            }
            Job::Release { run, promise } => {
                let done = self.release(run).await;
                owe(promise, done.map(Ok))
            }
            Job::AskToCancel { run, promise } => {
                let announcement = format!("cancel {} {}", run.0, self.mark);
                let done = self
                    .announcing(announcement, async |link| {
                        link.client.execute(&link.statements.ask_to_cancel, &[&run.0]).await
                    })
                    .await;
                owe(promise, done.map(|_| Ok(())))
            }
            Job::Prune(prune) => {
                self.prunes.push_back(prune);
                Ok(())
            }
            Job::Notify(notices) => {
                self.notices = Some(notices);
                self.look_at = Some(Instant::now());
                Ok(())
            }
            // These two are dealt with where they are taken.
            Job::Write(write) => self.commit(vec![write]).await,
            Job::Close(_) => Ok(()),
        }
    }

    /// Goes on with the oldest prune, if there is one.
    async fn prune_some(&mut self) -> Result<(), Error> {
        let Some(mut prune) = self.prunes.pop_front() else { return Ok(()) };
        let before = prune.before.0;
        let pruned = self
            .persist("remove old runs from", async |link| {
                let row = link.client.query_one(&link.statements.prune, &[&before, &PRUNE_RUNS]).await?;
                let removed = row.get::<_, i64>(0);
                if removed < PRUNE_RUNS {
                    link.client.execute(&link.statements.prune_instances, &[&before]).await?;
                }
                Ok(removed)
            })
            .await;
        match pruned {
            Ok(removed) => {
                prune.removed += u64::try_from(removed).unwrap_or(0);
                if removed < PRUNE_RUNS {
                    let _ = prune.promise.send(Ok(prune.removed));
                } else {
                    self.prunes.push_front(prune);
                }
                Ok(())
            }
            Err(error) => {
                let _ = prune.promise.send(Err(error.clone()));
                Err(error)
            }
        }
    }

    /// Takes in what another process announces.
    fn hear(&mut self, text: &str) {
        let mut words = text.split(' ');
        let (Some(word), Some(last)) = (words.next(), text.rsplit(' ').next()) else { return };
        if last == self.mark {
            return;
        }
        let run = words.next().and_then(|key| key.parse().ok()).map(RunKey);
        match (word, run) {
            ("over", Some(run)) => self.notify(Notice::Over(run)),
            ("cancel", Some(run)) if self.held.has(run) => self.notify(Notice::Cancel(run)),
            ("free", _) => self.notify(Notice::Free),
            ("began", _) if self.notices.is_some() => {
                self.look_at.get_or_insert(Instant::now() + self.settings.lease);
            }
            // Not for this process, or of a later version.
            _ => {}
        }
    }

    fn notify(&self, notice: Notice) {
        if let Some(notices) = &self.notices {
            // Who stopped listening stopped working.
            let _ = notices.send(notice);
        }
    }

    /// Lets others go on with what is held here, and says that the store is closed.
    async fn close(mut self, promise: Option<Promise<()>>) {
        self.held.clear();
        if let Some(lease) = self.lease {
            let (channel, announcements) = (self.settings.schema.clone(), [format!("free {}", self.mark)]);
            let retired = self
                .attempt("write to", async |link| {
                    link.client.execute(&link.statements.retire, &[&lease.instance]).await?;
                    link.client.query(&link.statements.announce, &[&channel, &&announcements[..]]).await
                })
                .await;
            if let Err(fault) = retired {
                // All that was answered is safe, and the lease ends by itself.
                tracing::warn!(error = %fault.into_error(), "lease-not-released");
            }
            self.lease = None;
        }
        if let Some(promise) = promise {
            let _ = promise.send(Ok(()));
        }
    }

    /// Answers everything with the error that stopped the store, until nobody can ask any more.
    async fn refuse(self, error: &Error) {
        let stopped =
            Error::new(Kind::Closed, format!("the checkpoint store stopped after an earlier error: {error}"));
        let Self { link, mut jobs, put_back, prunes, .. } = self;
        drop(link);
        prunes.into_iter().map(Job::Prune).chain(put_back).for_each(|job| job.refuse(&stopped));
        while let Some(job) = jobs.recv().await {
            let is_last = matches!(job, Job::Close(_));
            job.refuse(&stopped);
            if is_last {
                return;
            }
        }
    }
}

/// Answers a caller; an error that stops the store is the answer as well.
fn owe<T>(promise: Promise<T>, done: Result<Result<T, Error>, Error>) -> Result<(), Error> {
    match done {
        Ok(answer) => {
            let _ = promise.send(answer);
            Ok(())
        }
        Err(error) => {
            let _ = promise.send(Err(error.clone()));
            Err(error)
        }
    }
}
