//! All runs of a program: starts them exactly once each, resumes them after a restart, and answers for them.

mod admit;
mod control;
mod follow;
mod recover;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::app::App;
use crate::checkpoint::{self, Run, RunKey, Store};
use crate::json::Json;
use crate::notifications::Deliveries;
use crate::registry::Registry;
use crate::run::Report;
use crate::run::execute::{Command, Execution, Outcome};
use crate::task::RUN;

pub(crate) use admit::new_run_id;
pub use admit::{Handle, Start, StartError};
pub use control::ControlError;

/// Nodes of all runs together that may be under way at once. Each holds a little memory and often a connection or a
/// process, so a burst of runs must not multiply without bound.
const SLOTS: usize = 512;

/// How long all adapters together may take to close. What they have acknowledged is theirs to keep, and a platform that has
/// asked a process to end does not wait much longer than nodes are given.
const CLOSING: Duration = Duration::from_secs(1);

/// A handle on all runs of this process. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}

struct Inner {
    registry: Registry,
    store: Arc<dyn Store>,
    deliveries: Arc<Deliveries>,
    slots: Arc<Semaphore>,
    active: Mutex<HashMap<String, Active>>,
    /// While recovery reads, the runs that somebody else has dealt with since: what it read of them is out of date.
    dealt_with: Mutex<Option<HashSet<String>>>,
    /// Runs of other processes that somebody here waits for.
    followers: Mutex<follow::Followers>,
    /// Wakes who takes over runs that nobody holds any more.
    free: Arc<Notify>,
    /// Lets one recovery follow the other.
    recovering: tokio::sync::Mutex<()>,
    /// Whether this process goes on with the runs of others: one that only carries out an order does not.
    recovers: AtomicBool,
    /// How many runs are under way, for whoever waits for none.
    under_way: watch::Sender<usize>,
    draining: AtomicBool,
    /// Whether somebody does not want to wait for anything any more.
    abandoned: watch::Sender<bool>,
    broken: watch::Sender<Option<checkpoint::Error>>,
}

/// A run that this process is driving, or is about to.
struct Active {
    workflow: String,
    input: Json,
    commands: mpsc::Sender<Command>,
    progress: watch::Receiver<Progress>,
    /// The run, once it is driven here.
    driven: Option<RunKey>,
}

/// How far a run is, for those who wait for it.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// It is not on disk yet.
    Creating,
    /// It is on disk and under way.
    Running,
    /// It has ended.
    Ended(Arc<Report>),
    /// It goes on at the next start.
    Stopped,
    /// The store failed.
    Failed(checkpoint::Error),
}

impl Engine {
    /// An engine for the workflows of `app` that keeps its runs in `store`.
    pub fn new(app: App, store: Arc<dyn Store>) -> Self {
        Self::on(app.registry(), store)
    }

    pub(crate) fn on(registry: Registry, store: Arc<dyn Store>) -> Self {
        let broken = watch::Sender::new(None);
        let adapters = Arc::clone(registry.adapters());
        let engine = Self(Arc::new(Inner {
            deliveries: Deliveries::new(Arc::clone(&store), adapters, broken.clone()),
            registry,
            store,
            slots: Arc::new(Semaphore::new(SLOTS)),
            active: Mutex::default(),
            dealt_with: Mutex::default(),
            followers: Mutex::default(),
            free: Arc::default(),
            recovering: tokio::sync::Mutex::default(),
            recovers: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
            draining: AtomicBool::new(false),
            abandoned: watch::Sender::new(false),
            broken,
        }));
        engine.listen();
        engine
    }

    /// The workflows.
    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Accepts no new runs and begins no more nodes.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
        self.command_all(Command::Drain);
    }

    /// Whether [`drain`](Self::drain) was called.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// How many runs are under way.
    pub fn in_flight(&self) -> usize {
        *self.0.under_way.borrow()
    }

    /// Waits until fewer runs than this are under way.
    #[cfg(feature = "queue-pubsub")]
    pub(crate) async fn fewer_than(&self, limit: usize) {
        let mut under_way = self.0.under_way.subscribe();
        // The sender is ours, so it is there as long as we are.
        let _ = under_way.wait_for(|runs| *runs < limit).await;
    }

    /// Why the store can keep nothing more, if it cannot.
    pub(crate) fn broken(&self) -> Option<checkpoint::Error> {
        self.0.broken.borrow().clone()
    }

    /// Waits until the store fails; what was answered is safe, but nothing more can be kept.
    pub async fn failed(&self) -> checkpoint::Error {
        let mut broken = self.0.broken.subscribe();
        loop {
            if let Some(error) = broken.borrow_and_update().clone() {
                return error;
            }
            if broken.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Drains, gives nodes and notifications under way until `grace` has passed to end, and closes the adapters and the
    /// store. What is not done by then goes on at the next start.
    ///
    /// # Errors
    /// When the store could not be closed.
    pub async fn stop(&self, grace: Duration) -> Result<(), checkpoint::Error> {
        self.drain();
        let mut abandoned = self.0.abandoned.subscribe();
        let quiet = async {
            self.idle().await;
            tokio::select! {
                biased;
                // The sender is ours, so it is there as long as we are.
                _ = abandoned.wait_for(|abandoned| *abandoned) => {}
                () = self.0.deliveries.at_rest() => {}
            }
        };
        if tokio::time::timeout(grace, quiet).await.is_err() {
            self.command_all(Command::Abandon);
            self.idle().await;
        }
        self.0.deliveries.stop().await;
        self.close_adapters().await;
        self.0.store.close().await
    }

    /// Waits until no notification is being sent, at most for `limit`. One that is put off is not waited for.
    pub async fn delivered(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.0.deliveries.at_rest()).await;
    }

    /// Stops what is under way without waiting for it; all of it is begun again at the next start. A [`stop`](Self::stop)
    /// that waits for notifications or adapters waits no more.
    pub fn abandon(&self) {
        self.0.abandoned.send_replace(true);
        self.command_all(Command::Abandon);
    }

    async fn close_adapters(&self) {
        let mut abandoned = self.0.abandoned.subscribe();
        let in_time = tokio::select! {
            biased;
            // The sender is ours, so it is there as long as we are.
            _ = abandoned.wait_for(|abandoned| *abandoned) => false,
            closed = tokio::time::timeout(CLOSING, self.0.registry.adapters().close()) => closed.is_ok(),
        };
        if !in_time {
            tracing::warn!("adapters-left-open");
        }
    }

    async fn idle(&self) {
        let mut under_way = self.0.under_way.subscribe();
        // The sender is ours, so it is there as long as we are.
        let _ = under_way.wait_for(|runs| *runs == 0).await;
    }

    fn command_all(&self, command: Command) {
        for active in self.active().values() {
            // A run whose queue is full has been told already, and one whose queue is closed has ended.
            let _ = active.commands.try_send(command);
        }
    }

    fn active(&self) -> std::sync::MutexGuard<'_, HashMap<String, Active>> {
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process goes on with runs that nobody holds.
    fn recovers(&self) -> bool {
        self.0.recovers.load(Ordering::Acquire)
    }

    /// Lets other processes go on with a run, unless its notifications are under way here: then the store lets go of it when
    /// they are settled, or this process ends. Nobody here waits for it.
    fn let_go(&self, run: RunKey) {
        if !self.0.deliveries.has(run) {
            drop(self.0.store.release(run));
        }
    }

    /// Notes that a stored run is dealt with now, whatever recovery has read of it.
    fn deal_with(&self, run_id: &str) {
        if let Some(runs) = self.dealt_with().as_mut() {
            runs.insert(run_id.to_owned());
        }
    }

    fn dealt_with(&self) -> std::sync::MutexGuard<'_, Option<HashSet<String>>> {
        self.0.dealt_with.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_down(&self, error: &checkpoint::Error) {
        self.0.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert_with(|| error.clone());
            first
        });
    }

    /// Drives a run to its end in a task of its own.
    fn launch(&self, run: Run, execution: Execution, progress: watch::Sender<Progress>) {
        let engine = self.clone();
        self.0.under_way.send_modify(|runs| *runs += 1);
        if let Some(active) = self.active().get_mut(&run.run_id) {
            active.driven = Some(run.key);
            if run.cancel_requested {
                let _ = active.commands.try_send(Command::Cancel);
            }
        }
        let names = Arc::clone(&execution.names);
        tokio::spawn(RUN.scope(names, async move {
            let workflow = Arc::clone(&execution.workflow);
            let ended = match execution.drive().await {
                Outcome::Ended(state) => {
                    let report = Report::new(&run, workflow.nodes.iter().map(|node| node.name), &state);
                    tracing::info!(
                        workflow = run.workflow,
                        run_id = run.run_id,
                        status = report.status.name(),
                        error = report.error,
                        "run-ended"
                    );
                    Progress::Ended(Arc::new(report))
                }
                Outcome::Lost(commands) => {
                    engine.0.deliveries.forget(run.key);
                    tracing::warn!(workflow = run.workflow, run_id = run.run_id, "run-lost");
                    if let Some(active) = engine.active().get_mut(&run.run_id) {
                        active.driven = None;
                    }
                    engine.0.under_way.send_modify(|runs| *runs -= 1);
                    return engine.follow(run, progress, commands);
                }
                Outcome::Stopped => {
                    tracing::info!(workflow = run.workflow, run_id = run.run_id, "run-stopped");
                    // The store does it before it closes; nobody here waits for it.
                    engine.let_go(run.key);
                    Progress::Stopped
                }
                Outcome::Failed(error) => {
                    engine.break_down(&error);
                    Progress::Failed(error)
                }
            };
            engine.active().remove(&run.run_id);
            // Whoever waited may have gone.
            let _ = progress.send(ended);
            engine.0.under_way.send_modify(|runs| *runs -= 1);
        }));
    }
}
