//! The one writer of a process: a task that takes whatever waits, writes it as one transaction, and answers when that is
//! on disk. It also keeps the process's lease, and hears what others announce.
//!
//! It adds no delay of its own: while one commit is under way the next batch gathers. When the connection is lost it makes
//! another and sends again what was not answered, which writes nothing twice. After any other error it writes nothing
//! more. Nothing here reads for others; `reader` does.
//!
//! Nothing polls: the task sleeps until somebody wants something of it, announces something, or a lease is due. A lease
//! is there only while runs are held, and that of others is looked at only when it should have been renewed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::batch::{Appends, Creates, Fate, commit};
use super::fault::{self, Fault};
use super::held::Held;
use super::job::{Job, Promise, Prune, Write};
use super::link::{Link, PATIENCE, Purpose};
use super::reader::Query;
use super::settings::Settings;
use super::statement::read_run;
use crate::checkpoint::row::definition_checksum;
use crate::checkpoint::{Created, Error, Kind, NewRun, Notice, RunKey, gone};
use crate::json::Json;
use crate::run::Entry;

/// A transaction takes no more than so many rows, so that the first to wait is not kept waiting by the last.
const MOST_ROWS: usize = 4096;

/// Nor more than so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// How long what nobody waits for may be held back.
const SOON: Duration = Duration::from_millis(50);

/// How long the server may be away before the store gives up: longer than a restart or a change of the primary takes.
const OUTAGE: Duration = Duration::from_mins(1);

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

/// The lease on all runs that this process holds.
#[derive(Clone, Copy)]
struct Lease {
    /// The process's key.
    instance: i64,
    renew_at: Instant,
    /// Others may take the runs from then on. By this process's clock, from before the server was asked: never too late.
    until: Instant,
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

    /// Writes the batch as one transaction, and answers when it is on disk.
    async fn commit(&mut self, mut batch: Vec<Write>) -> Result<(), Error> {
        match self.try_commit(&mut batch).await {
            Ok(answers) => {
                for (write, answer) in batch.into_iter().zip(answers) {
                    match (write, answer) {
                        (Write::Create { promise, .. }, Answer::Created(created)) => {
                            drop(promise.send(created));
                        }
                        (Write::Append { promise, run, .. }, Answer::Appended(fate)) => {
                            drop(promise.send(told(run, fate)));
                        }
                        // Each answer was made for its write.
                        (write, _) => write.refuse(&Error::new(Kind::Io, "the store mixed up its answers")),
                    }
                }
                Ok(())
            }
            Err(error) => {
                for write in batch {
                    write.refuse(&error);
                }
                Err(error)
            }
        }
    }

    async fn try_commit(&mut self, batch: &mut [Write]) -> Result<Vec<Answer>, Error> {
        let runs = || {
            batch.iter().filter_map(|write| match write {
                Write::Create { run, .. } => Some(&**run),
                Write::Append { .. } => None,
            })
        };
        self.define(runs().map(|run| (run.workflow.as_str(), run.digest.as_str(), &run.definition))).await?;
        let mut creates = Creates::default();
        for run in runs() {
            creates.add(run, self.definitions[&(run.workflow.clone(), run.digest.clone())]);
        }
        let mut appends = Appends::default();
        for write in batch.iter() {
            if let Write::Append { run, entries, .. } = write {
                appends.add(&self.held, *run, entries);
            }
        }
        let creates_any = runs().next().is_some();
        let began = Instant::now();
        let done = loop {
            let holder = if creates_any { self.instance().await? } else { 0 };
            let announce = |run: RunKey| format!("over {} {}", run.0, self.mark);
            let channel = &self.settings.schema;
            let attempt = self.attempt("write to", async |link| {
                commit(link, holder, &creates, &appends, None, announce, channel).await
            });
            match attempt.await {
                Ok(done) => break done,
                Err(fault) => self.mend(fault, began).await?,
            }
        };
        let locked = done.locked;
        let fates = appends.settle(&self.held, &locked);
        for key in done.made.values() {
            self.held.add(*key, 1);
        }

        let mut made = done.made;
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch.iter() {
            answers.push(match write {
                Write::Create { run, .. } => Answer::Created(match made.remove(run.run_id.as_bytes()) {
                    Some(key) => Ok(Created::New(key)),
                    None => self.existing(run).await?,
                }),
                Write::Append { run, .. } => Answer::Appended(fates.get(run).copied().unwrap_or(Fate::Gone)),
            });
        }
        Ok(answers)
    }

    /// The run that has the id of `new` already. If it is one of ours that nobody here knows, then it was made by a commit
    /// whose answer got lost.
    async fn existing(&mut self, new: &NewRun) -> Result<Result<Created, Error>, Error> {
        let run_id = new.run_id.as_bytes();
        let found = self
            .persist("read", async |link| link.client.query_opt(&link.statements.find, &[&run_id]).await)
            .await?;
        let Some(kept) = found.as_ref().map(read_run) else {
            let message = format!("run `{}` was there and has just been pruned: start it again", new.run_id);
            return Ok(Err(Error::new(Kind::Gone, message)));
        };
        let is_ours =
            kept.epoch == 1 && kept.holder.is_some() && kept.holder == self.lease.map(|own| own.instance);
        if is_ours && !self.held.has(kept.key) {
            self.held.add(kept.key, 1);
            return Ok(Ok(Created::New(kept.key)));
        }
        Ok(kept.run.map(Created::Existing))
    }

    /// Sees to it that the keys of definitions are known.
    async fn define<'a>(
        &mut self,
        definitions: impl Iterator<Item = (&'a str, &'a str, &'a Json)>,
    ) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let missing = definitions
            .filter(|(name, digest, _)| {
                !self.definitions.contains_key(&((*name).to_owned(), (*digest).to_owned()))
                    && seen.insert((*name, *digest))
            })
            .collect::<Vec<_>>();
        if missing.is_empty() {
            return Ok(());
        }
        let names = missing.iter().map(|(name, ..)| name.as_bytes()).collect::<Vec<_>>();
        let digests = missing.iter().map(|(_, digest, _)| *digest).collect::<Vec<_>>();
        let texts = missing.iter().map(|(.., definition)| definition.text()).collect::<Vec<_>>();
        let sum = |(name, digest, definition): &(&str, &str, &Json)| {
            i64::from(definition_checksum(name, digest, definition.text()))
        };
        let sums = missing.iter().map(sum).collect::<Vec<_>>();
        let rows = self
            .persist("write to", async |link| {
                let statements = &link.statements;
                link.client.execute(&statements.define, &[&names, &digests, &texts, &sums]).await?;
                link.client.query(&statements.defined, &[&names, &digests]).await
            })
            .await?;
        for row in rows {
            let name = String::from_utf8_lossy(row.get::<_, &[u8]>(1)).into_owned();
            self.definitions.insert((name, row.get(2)), row.get(0));
        }
        Ok(())
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

    async fn rebase(
        &mut self,
        run: RunKey,
        digest: &str,
        definition: &Json,
        log: &[Entry],
    ) -> Result<Result<(), Error>, Error> {
        let named = self
            .persist("read", async |link| {
                link.client.query_opt(&link.statements.workflow_of, &[&run.0]).await
            })
            .await?;
        let Some(row) = named else { return Ok(Err(gone(run))) };
        let workflow = String::from_utf8_lossy(row.get::<_, &[u8]>(0)).into_owned();
        self.define(std::iter::once((workflow.as_str(), digest, definition))).await?;
        let key = self.definitions[&(workflow, digest.to_owned())];
        let appends = Appends::rebased(run, self.held.epoch(run), log);
        let creates = Creates::default();
        let mark = self.mark.clone();
        let schema = self.settings.schema.clone();
        let done = self
            .persist("write to", async |link| {
                let announce = |run: RunKey| format!("over {} {mark}", run.0);
                commit(link, 0, &creates, &appends, Some((run, key)), announce, &schema).await
            })
            .await?;
        self.held.rebase(run, log);
        let fates = appends.settle(&self.held, &done.locked);
        Ok(told(run, fates.get(&run).copied().unwrap_or(Fate::Gone)))
    }

    /// Takes hold of a run; nothing if there is none, an error of its own if another process has it.
    async fn claim(&mut self, run_id: &str) -> Result<Result<Option<RunKey>, Error>, Error> {
        let instance = self.instance().await?;
        let id = run_id.as_bytes();
        let row = self
            .persist("write to", async |link| {
                link.client.query_opt(&link.statements.claim, &[&id, &instance]).await
            })
            .await?;
        let Some(row) = row else { return Ok(Ok(None)) };
        let run = RunKey(row.get(0));
        match row.get::<_, Option<i32>>(1) {
            Some(epoch) => {
                self.held.add(run, epoch);
                Ok(Ok(Some(run)))
            }
            None => Ok(Err(held(run))),
        }
    }

    async fn take(&mut self, after: RunKey, most: i64) -> Result<Vec<RunKey>, Error> {
        let instance = self.instance().await?;
        let rows = self
            .persist("write to", async |link| {
                link.client.query(&link.statements.take, &[&after.0, &instance, &most]).await
            })
            .await?;
        let taken = |row: &tokio_postgres::Row| {
            let run = RunKey(row.get(0));
            if let Some(epoch) = row.get::<_, Option<i32>>(1) {
                self.held.add(run, epoch);
            }
            run
        };
        Ok(rows.iter().map(taken).collect())
    }

    async fn release(&mut self, run: RunKey) -> Result<(), Error> {
        let Some(epoch) = self.held.epoch(run) else { return Ok(()) };
        let announcement = format!("free {}", self.mark);
        self.announcing(announcement, async |link| {
            link.client.execute(&link.statements.release, &[&run.0, &epoch]).await
        })
        .await?;
        self.held.remove(run);
        Ok(())
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

    /// The key under which this process holds runs.
    async fn instance(&mut self) -> Result<i64, Error> {
        self.let_lapse();
        if let Some(lease) = &self.lease {
            return Ok(lease.instance);
        }
        let asked_at = Instant::now();
        let name = self.name.clone();
        let seconds = self.settings.lease.as_secs_f64();
        let announcement = format!("began {}", self.mark);
        let row = self
            .announcing(announcement, async |link| {
                link.client.query_one(&link.statements.register, &[&name, &seconds]).await
            })
            .await?;
        let instance = row.get(0);
        self.lease = Some(self.lease_from(instance, asked_at));
        Ok(instance)
    }

    fn lease_from(&self, instance: i64, asked_at: Instant) -> Lease {
        let length = self.settings.lease;
        Lease { instance, renew_at: asked_at + length / 3, until: asked_at + length }
    }

    /// Renews the lease of this process, or lets it end if nothing is held any more, and takes others for dead that have
    /// not renewed theirs.
    async fn keep_leases(&mut self) -> Result<(), Error> {
        self.let_lapse();
        if let Some(lapsed) = self.lapsed {
            self.retire(lapsed).await?;
            self.lapsed = None;
        }
        if let Some(lease) = self.lease
            && self.held.is_empty()
        {
            self.retire(lease.instance).await?;
            self.lease = None;
        }
        let instance = self.lease.map_or(0, |lease| lease.instance);
        let seconds = self.settings.lease.as_secs_f64();
        let asked_at = Instant::now();
        let row = self
            .persist("renew a lease in", async |link| {
                link.client.query_one(&link.statements.renew, &[&instance, &seconds]).await
            })
            .await?;
        let (is_alive, dead, next) =
            (row.get::<_, i64>(0) > 0, row.get::<_, i64>(1), row.get::<_, Option<f64>>(2));
        if self.lease.is_some_and(|lease| lease.instance == instance) {
            if is_alive {
                self.lease = Some(self.lease_from(instance, asked_at));
            } else {
                self.lose();
            }
        }
        // A little later, because a renewal in the last moment counts.
        let look = |seconds: f64| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)) + SOON;
        self.look_at = if self.notices.is_some() { next.map(look) } else { None };
        if dead > 0 {
            tracing::warn!(dead, "instances-expired");
            let announcement = format!("free {}", self.mark);
            self.announcing(announcement, async |_| Ok(())).await?;
            self.notify(Notice::Free);
        }
        Ok(())
    }

    async fn retire(&mut self, instance: i64) -> Result<(), Error> {
        let announcement = format!("free {}", self.mark);
        self.announcing(announcement, async |link| {
            link.client.execute(&link.statements.retire, &[&instance]).await
        })
        .await
        .map(drop)
    }

    /// Gives up what is held if the lease ran out before it could be renewed.
    fn let_lapse(&mut self) {
        if let Some(lease) = self.lease
            && lease.until <= Instant::now()
        {
            self.lapsed = Some(lease.instance);
            self.look_at = Some(Instant::now());
            self.lose();
        }
    }

    /// Holds nothing any more.
    fn lose(&mut self) {
        if self.lease.take().is_some() && !self.held.is_empty() {
            tracing::warn!("lease-lost");
            self.held.clear();
            self.notify(Notice::Lost);
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

    /// Does `work`, and announces something in the same breath.
    async fn announcing<T>(
        &mut self,
        announcement: String,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let channel = self.settings.schema.clone();
        let announcements = [announcement];
        self.persist("write to", async |link| {
            let done = work(link).await?;
            link.client.query(&link.statements.announce, &[&channel, &&announcements[..]]).await?;
            Ok(done)
        })
        .await
    }

    /// Does `work`, again on another connection if this one is lost: it must be such that twice does no harm.
    async fn persist<T>(
        &mut self,
        what: &str,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            match self.attempt(what, &work).await {
                Ok(done) => return Ok(done),
                Err(fault) => self.mend(fault, began).await?,
            }
        }
    }

    async fn attempt<T>(
        &self,
        what: &str,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        match timeout_at(self.patience(), work(&self.link)).await {
            Ok(done) => done.map_err(|error| fault::judge(&error, what, &self.place)),
            Err(_) => Err(Fault::Lost(fault::silent(what, &self.place, PATIENCE))),
        }
    }

    /// Until when to wait for the server: not beyond the lease, whose end must not be slept through.
    fn patience(&self) -> Instant {
        let patience = Instant::now() + PATIENCE;
        self.lease.map_or(patience, |lease| patience.min(lease.until))
    }

    /// Does what can be done about a fault of something that was begun then.
    async fn mend(&mut self, fault: Fault, began: Instant) -> Result<(), Error> {
        match fault {
            Fault::Final(error) => Err(error),
            Fault::Again(error) if began.elapsed() > OUTAGE => Err(error),
            Fault::Again(_) => {
                sleep(Duration::from_millis(fastrand::u64(2..20))).await;
                Ok(())
            }
            Fault::Lost(error) => self.reconnect(&error.to_string()).await,
        }
    }

    /// Connects again, however long the server takes within [`OUTAGE`].
    async fn reconnect(&mut self, why: &str) -> Result<(), Error> {
        tracing::warn!(why, "store-disconnected");
        let until = Instant::now() + OUTAGE;
        let mut pause = Duration::from_millis(20);
        loop {
            self.let_lapse();
            let opening = timeout_at(self.patience(), Link::open(&self.settings, Purpose::Write));
            match opening.await {
                Ok(Ok(link)) => {
                    self.link = link;
                    break;
                }
                Ok(Err(Fault::Final(error))) => return Err(error),
                Ok(Err(fault)) if Instant::now() > until => return Err(fault.into_error()),
                _ => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        tracing::info!("store-connected");
        // What was announced meanwhile was not heard, and what the others' leases say is not known.
        if self.notices.is_some() {
            self.look_at = Some(Instant::now());
        }
        if let Some(lease) = &mut self.lease {
            lease.renew_at = Instant::now();
            let rows =
                self.link.client.query(&self.link.statements.to_be_cancelled, &[&lease.instance]).await;
            for row in rows.iter().flatten() {
                self.notify(Notice::Cancel(RunKey(row.get(0))));
            }
        }
        self.notify(Notice::Missed);
        Ok(())
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

/// What a caller is to be told.
enum Answer {
    Created(Result<Created, Error>),
    Appended(Fate),
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

fn told(run: RunKey, fate: Fate) -> Result<(), Error> {
    match fate {
        Fate::Kept => Ok(()),
        Fate::Held => Err(held(run)),
        Fate::Gone => Err(gone(run)),
    }
}

fn held(run: RunKey) -> Error {
    Error::new(Kind::Held, format!("another process has the run with the key {}", run.0))
}
