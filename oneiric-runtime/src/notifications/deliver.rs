//! Sends what is due, once.
//!
//! Each attempt is recorded before it is made, and what came of it after. An adapter whose other side knows a repeated
//! notification by its id is asked again until it answers; for any other an attempt whose outcome is unknown is the last
//! one, so that nobody is told twice. `docs/decisions/0012-notifications-are-part-of-the-log.md` has the reasons.
//!
//! The notifications of a run are sent one after the other, those of different runs side by side. Where processes share a
//! store, they are sent by whoever holds the run: what another one records is refused, and it sends nothing more.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{RwLock, RwLockWriteGuard, watch};
use tokio::task::JoinSet;

use crate::adapters::messaging::Messaging;
use crate::adapters::{Adapters, Error, Kind};
use crate::checkpoint::{self, Run, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::run::{Entry, Event, NotificationStatus, NotificationStep, Outbox, Outgoing};
use crate::task::Retry;

/// How often, and how far apart, a service is asked that cannot take a notification: for about a quarter of an hour.
const RETRY: Retry =
    Retry::attempts(12).base_delay(Duration::from_secs(1)).max_delay(Duration::from_mins(5)).jitter(0.5);

/// The longest that a service can have a notification put off at a time.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Notifications under way.
pub(crate) struct Deliveries {
    store: Arc<dyn Store>,
    adapters: Arc<Adapters>,
    lines: Mutex<Lines>,
    tasks: Mutex<JoinSet<()>>,
    /// How many runs have a notification that is neither done nor waiting for its next attempt.
    at_work: watch::Sender<usize>,
    /// Held while an attempt is made and recorded.
    attempts: RwLock<()>,
    broken: watch::Sender<Option<checkpoint::Error>>,
}

/// The runs of which notifications are under way.
#[derive(Default)]
struct Lines {
    by_run: HashMap<RunKey, Line>,
    last: u64,
}

/// The notifications of a run that are under way.
struct Line {
    /// Tells it from an earlier one of the same run.
    id: u64,
    run_id: String,
    workflow: String,
    /// Those that this process is about to have on disk.
    expected: BTreeSet<u32>,
    /// Those to be sent, in order.
    waiting: VecDeque<Delivery>,
    /// Whether what is to be sent has to be looked up.
    is_stale: bool,
    /// Whether a task sees to it.
    is_worked: bool,
}

/// A notification to be sent.
struct Delivery {
    number: u32,
    outgoing: Outgoing,
    /// When the next attempt is made, if not at once.
    next: Option<Timestamp>,
    /// How often its adapter could not be opened.
    not_opened: u32,
}

/// When there is something to do.
enum Next {
    AtOnce,
    At(Timestamp),
}

impl Delivery {
    fn new(number: u32, outgoing: Outgoing) -> Self {
        Self { number, next: outgoing.until, outgoing, not_opened: 0 }
    }
}

impl Deliveries {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        adapters: Arc<Adapters>,
        broken: watch::Sender<Option<checkpoint::Error>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            adapters,
            lines: Mutex::default(),
            tasks: Mutex::default(),
            at_work: watch::Sender::new(0),
            attempts: RwLock::default(),
            broken,
        })
    }

    /// Notes that this process is about to record a notification as due, so that it is sent when [`add`](Self::add) says that
    /// it is on disk, and not by whoever reads it there.
    pub(crate) fn expect(&self, run: RunKey, run_id: &str, workflow: &str, number: u32) {
        lock(&self.lines).line(run, run_id, workflow).expected.insert(number);
    }

    /// Sends a notification that this process has recorded as due.
    pub(crate) fn add(
        self: &Arc<Self>,
        run: RunKey,
        run_id: &str,
        workflow: &str,
        number: u32,
        outgoing: Outgoing,
    ) {
        let mut lines = lock(&self.lines);
        let line = lines.line(run, run_id, workflow);
        line.expected.remove(&number);
        line.waiting.push_back(Delivery::new(number, outgoing));
        self.see_to(run, line);
    }

    /// Sends what others left of the notifications of a run that this process has now. What it is then is looked up: the log
    /// may have grown since it was read.
    pub(crate) fn take_over(self: &Arc<Self>, run: &Run, log: &[Entry]) {
        let Some(outbox) = Outbox::replay(log) else {
            return tracing::error!(workflow = run.workflow, run_id = run.run_id, "notifications-damaged");
        };
        if outbox.unsettled().next().is_some() {
            let mut lines = lock(&self.lines);
            let line = lines.line(run.key, &run.run_id, &run.workflow);
            line.is_stale = true;
            self.see_to(run.key, line);
        }
    }

    /// Whether notifications of a run are under way here.
    pub(crate) fn has(&self, run: RunKey) -> bool {
        lock(&self.lines).by_run.contains_key(&run)
    }

    /// Leaves a run's notifications to others.
    pub(crate) fn forget(&self, run: RunKey) {
        lock(&self.lines).by_run.remove(&run);
    }

    /// Leaves all of them to others, at once.
    pub(crate) fn lose(&self) {
        lock(&self.tasks).abort_all();
        lock(&self.lines).by_run.clear();
    }

    /// Waits until no attempt is under way or about to be; what is put off is not waited for.
    pub(crate) async fn at_rest(&self) {
        let mut at_work = self.at_work.subscribe();
        // The sender is ours, so it is there as long as we are.
        let _ = at_work.wait_for(|count| *count == 0).await;
    }

    /// Lets the attempts under way end and begins none, until the answer is dropped.
    pub(crate) async fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.attempts.write().await
    }

    /// Stops at once. What is not settled goes on at the next start.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// Has a task see to a line.
    fn see_to(self: &Arc<Self>, run: RunKey, line: &mut Line) {
        if std::mem::replace(&mut line.is_worked, true) {
            return;
        }
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        // Counted from now on, so that whoever waits for all of them waits for this one.
        let work = AtWork::begin(&self.at_work);
        tasks.spawn(Arc::clone(self).work(run, line.id, work));
    }

    /// Sends a run's notifications until none is left.
    async fn work(self: Arc<Self>, run: RunKey, line: u64, work: AtWork) {
        let mut work = Some(work);
        while let Some(next) = self.next(run, line) {
            if let Next::At(until) = next {
                work = None;
                tokio::time::sleep_until(until.instant()).await;
            }
            work.get_or_insert_with(|| AtWork::begin(&self.at_work));
            match self.step(run, line).await {
                Ok(()) => {}
                // The run was pruned, or is another process's now.
                Err(error) if matches!(error.kind(), checkpoint::Kind::Gone | checkpoint::Kind::Held) => {
                    return lock(&self.lines).remove(run, line);
                }
                Err(error) => return self.break_down(&error),
            }
        }
    }

    fn next(&self, run: RunKey, line: u64) -> Option<Next> {
        lock(&self.lines).next(run, line)
    }

    /// Looks up what is to be sent, if that is not known, or makes one attempt to send the first of it.
    async fn step(&self, run: RunKey, id: u64) -> Result<(), checkpoint::Error> {
        let _attempt = self.attempts.read().await;
        let (run_id, workflow, first) = {
            let mut lines = lock(&self.lines);
            let Some(line) = lines.of(run, id) else { return Ok(()) };
            let is_stale = std::mem::replace(&mut line.is_stale, false);
            let first = if is_stale { None } else { line.waiting.pop_front() };
            (line.run_id.clone(), line.workflow.clone(), first)
        };
        let Some(mut delivery) = first else { return self.look_up(run, id, &run_id).await };
        let names = Names { run, run_id: &run_id, workflow: &workflow };
        let adapter = self.adapters.messaging(&delivery.outgoing.due.adapter).await;
        delivery.next = match adapter {
            Ok(adapter) => self.attempt(names, &mut delivery, &*adapter).await?,
            Err(error) => self.wait_for_adapter(names, &mut delivery, &error).await?,
        };
        if !delivery.outgoing.status.is_settled()
            && let Some(line) = lock(&self.lines).of(run, id)
        {
            line.waiting.push_front(delivery);
        }
        Ok(())
    }

    /// Reads what is to be sent.
    async fn look_up(&self, run: RunKey, id: u64, run_id: &str) -> Result<(), checkpoint::Error> {
        let record = self.store.find(run_id).await?;
        let outbox = record.and_then(|record| Outbox::replay(&record.log)).unwrap_or_default();
        let mut lines = lock(&self.lines);
        let Some(line) = lines.of(run, id) else { return Ok(()) };
        let unsettled = outbox.unsettled().filter(|(number, _)| !line.expected.contains(number));
        let mut waiting =
            unsettled.map(|(number, outgoing)| Delivery::new(number, outgoing.clone())).collect();
        std::mem::swap(&mut line.waiting, &mut waiting);
        // What has become due since then was added meanwhile.
        line.waiting.extend(waiting.into_iter().filter(|later| later.number >= outbox.next_number()));
        Ok(())
    }

    /// Makes one attempt and says when another one is due, if one is.
    async fn attempt(
        &self,
        names: Names<'_>,
        delivery: &mut Delivery,
        adapter: &dyn Messaging,
    ) -> Result<Option<Timestamp>, checkpoint::Error> {
        if delivery.outgoing.status == NotificationStatus::Sending && !adapter.knows_repeats() {
            let error = "the process ended while it was being sent";
            self.give_up(names, delivery, error.to_owned(), true).await?;
            return Ok(None);
        }
        let attempt = delivery.outgoing.attempts + 1;
        self.record(names.run, delivery, NotificationStep::Sending { attempt }).await?;
        let due = Arc::clone(&delivery.outgoing.due);
        let sent = AssertUnwindSafe(async { adapter.send(&due.notification).await }).catch_unwind().await;
        let error = match sent {
            Ok(Ok(())) => {
                self.record(names.run, delivery, NotificationStep::Sent).await?;
                let Names { run_id, workflow, .. } = names;
                tracing::info!(workflow, run_id, adapter = due.adapter, attempt, "notification-sent");
                return Ok(None);
            }
            Ok(Err(error)) => error,
            Err(_) => Error::new(Kind::Rejected, "the adapter panicked").outcome_unknown(),
        };
        let is_safe = adapter.knows_repeats() || !error.is_outcome_unknown();
        let delay = RETRY.delay(attempt, fastrand::f64());
        let Some(delay) = delay.filter(|_| is_safe && error.kind() == Kind::Unavailable) else {
            self.give_up(names, delivery, error.to_string(), error.is_outcome_unknown()).await?;
            return Ok(None);
        };
        let delay = error.wait().map_or(delay, |wait| delay.max(wait.min(LONGEST_WAIT)));
        let until = Timestamp::now().after(delay);
        self.record(names.run, delivery, NotificationStep::Retrying { error: error.to_string(), until })
            .await?;
        put_off(names, delivery, &error, delay);
        Ok(Some(until))
    }

    /// What cannot be opened now, for one because a secret is missing, may be mended meanwhile; settings that are wrong are so
    /// until the next start. None of it is an attempt.
    async fn wait_for_adapter(
        &self,
        names: Names<'_>,
        delivery: &mut Delivery,
        error: &Error,
    ) -> Result<Option<Timestamp>, checkpoint::Error> {
        delivery.not_opened += 1;
        let delay = RETRY.delay(delivery.not_opened, fastrand::f64());
        if let Some(delay) = delay.filter(|_| error.kind() != Kind::Settings) {
            put_off(names, delivery, error, delay);
            return Ok(Some(Timestamp::now().after(delay)));
        }
        let was_sending = delivery.outgoing.status == NotificationStatus::Sending;
        self.give_up(names, delivery, error.to_string(), was_sending).await?;
        Ok(None)
    }

    async fn give_up(
        &self,
        names: Names<'_>,
        delivery: &mut Delivery,
        error: String,
        is_outcome_unknown: bool,
    ) -> Result<(), checkpoint::Error> {
        let step = NotificationStep::GivenUp { error: error.clone(), is_outcome_unknown };
        self.record(names.run, delivery, step).await?;
        let Names { run_id, workflow, .. } = names;
        let (adapter, attempts) = (&delivery.outgoing.due.adapter, delivery.outgoing.attempts);
        if is_outcome_unknown {
            tracing::error!(workflow, run_id, adapter, attempts, error, "notification-outcome-unknown");
        } else {
            tracing::error!(workflow, run_id, adapter, attempts, error, "notification-failed");
        }
        Ok(())
    }

    /// Has a step on disk.
    async fn record(
        &self,
        run: RunKey,
        delivery: &mut Delivery,
        step: NotificationStep,
    ) -> Result<(), checkpoint::Error> {
        let at = Timestamp::now();
        assert!(
            delivery.outgoing.allows(&step),
            "a notification only goes the way that is allowed: {step:?}"
        );
        delivery.outgoing.apply(at, &step);
        let event = Event::Notification { number: delivery.number, step };
        self.store.append(run, vec![Entry { at, event }], Urgency::Now).await
    }

    fn break_down(&self, error: &checkpoint::Error) {
        self.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert_with(|| error.clone());
            first
        });
    }
}

impl Lines {
    /// The line of a run, which is there from now on.
    fn line(&mut self, run: RunKey, run_id: &str, workflow: &str) -> &mut Line {
        let last = &mut self.last;
        self.by_run.entry(run).or_insert_with(|| {
            *last += 1;
            Line {
                id: *last,
                run_id: run_id.to_owned(),
                workflow: workflow.to_owned(),
                expected: BTreeSet::new(),
                waiting: VecDeque::new(),
                is_stale: false,
                is_worked: false,
            }
        })
    }

    /// This line of a run, if it is still there.
    fn of(&mut self, run: RunKey, id: u64) -> Option<&mut Line> {
        self.by_run.get_mut(&run).filter(|line| line.id == id)
    }

    /// Takes this line of a run away.
    fn remove(&mut self, run: RunKey, id: u64) {
        if self.of(run, id).is_some() {
            self.by_run.remove(&run);
        }
    }

    /// When there is something to do for a line. Where there is nothing, nobody sees to it any more.
    fn next(&mut self, run: RunKey, id: u64) -> Option<Next> {
        let line = self.of(run, id)?;
        if line.is_stale {
            return Some(Next::AtOnce);
        }
        if let Some(first) = line.waiting.front() {
            return Some(first.next.map_or(Next::AtOnce, Next::At));
        }
        line.is_worked = false;
        if line.expected.is_empty() {
            self.by_run.remove(&run);
        }
        None
    }
}

/// The run that a notification is about.
#[derive(Clone, Copy)]
struct Names<'a> {
    run: RunKey,
    run_id: &'a str,
    workflow: &'a str,
}

/// Counts among what is at work as long as it lives.
struct AtWork(watch::Sender<usize>);

impl AtWork {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

fn put_off(names: Names<'_>, delivery: &Delivery, error: &Error, delay: Duration) {
    let Names { run_id, workflow, .. } = names;
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let (adapter, attempts) = (&delivery.outgoing.due.adapter, delivery.outgoing.attempts);
    tracing::warn!(workflow, run_id, adapter, attempts, error = %error, delay_ms, "notification-retrying");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
