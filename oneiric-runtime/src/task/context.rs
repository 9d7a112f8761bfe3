//! What a task may know about the attempt that it is.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Error;
use crate::adapters::{Adapter, Adapters};
use crate::run::Part;
use crate::secret::Secret;
use crate::telemetry::Trace;

/// The first parameter of a task that wants to know which run and attempt it serves.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub(crate) run: Arc<RunNames>,
    pub(crate) node: &'static str,
    pub(crate) part: Part,
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Instant>,
    /// Its other end goes with the attempt; `None` for a task that takes no `Ctx` and so cannot ask.
    pub(crate) over: Option<watch::Receiver<()>>,
}

/// What all attempts of a run share.
#[derive(Debug)]
pub(crate) struct RunNames {
    pub(crate) run_id: String,
    pub(crate) workflow: &'static str,
    /// That of the request that started it.
    pub(crate) trace: Option<Trace>,
    pub(crate) adapters: Arc<Adapters>,
}

tokio::task_local! {
    /// The attempt that is being polled, for what it logs.
    pub(crate) static NODE: Ctx;
    /// The run that is being driven, for what is logged of it.
    pub(crate) static RUN: Arc<RunNames>;
}

impl Ctx {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run.run_id
    }

    /// The workflow's name.
    pub fn workflow(&self) -> &str {
        self.run.workflow
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        self.node
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Which element of its list the node is for here, from 0; nothing for a node without a list.
    pub fn item(&self) -> Option<u32> {
        match self.part {
            Part::Item(item) => Some(item),
            Part::Node | Part::Undo => None,
        }
    }

    /// A key for this work of this run, the same in every attempt and after every restart. Whoever is called with it
    /// can tell a repeated call from a new one.
    pub fn idempotency_key(&self) -> String {
        let (run, node) = (&self.run.run_id, self.node);
        match self.part {
            Part::Node => format!("{run}/{node}"),
            Part::Item(item) => format!("{run}/{node}/{item}"),
            Part::Undo => format!("{run}/{node}/undo"),
        }
    }

    /// The adapter that the manifest calls `name`, opened if nobody has used it yet.
    ///
    /// # Errors
    /// When there is none of that name and type, or it cannot be opened; permanent unless that may go better another time.
    pub async fn adapter<A: Adapter>(&self, name: &str) -> Result<Arc<A>, Error> {
        self.run.adapters.get(name).await.map_err(Error::from)
    }

    /// The secret that a manifest calls `${secret:NAME}`.
    ///
    /// # Errors
    /// When no source has it, or one cannot be asked.
    pub async fn secret(&self, name: &str) -> Result<Secret, Error> {
        self.run.adapters.secret(name).await.map_err(Error::from)
    }

    /// When this attempt will be stopped, if it has a timeout.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether this attempt is over: its timeout has passed, or its run was cancelled, or the process stops. Nobody
    /// waits for the result any more.
    ///
    /// A function that is not `async` runs on a thread, which nothing can stop from outside: one that takes long asks
    /// now and then, and returns. An `async` function is dropped where it awaits; what it has spawned can ask.
    pub fn is_cancelled(&self) -> bool {
        self.over.as_ref().is_some_and(|over| over.has_changed().is_err())
    }

    /// Waits until [`is_cancelled`](Self::is_cancelled).
    pub async fn cancelled(&self) {
        let Some(mut over) = self.over.clone() else { return std::future::pending().await };
        while over.changed().await.is_ok() {}
    }
}
