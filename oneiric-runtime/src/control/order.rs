//! What can be asked of the process that has the store.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::checkpoint::Filter;
use crate::clock::Timestamp;
use crate::engine::{ControlError, Engine, Start};
use crate::failure::{Failure, nearest};
use crate::json::Json;
use crate::run::Report;
use crate::run::results::Results;

/// How many runs are looked through for the id that might have been meant.
const CANDIDATES: u32 = 1000;

/// An order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Run a workflow and wait for its end.
    Run { workflow: String, run_id: String, input: Json },
    /// Let a run go on.
    Resume { run_id: String, accept_changes: bool },
    /// End a run.
    Cancel { run_id: String },
    /// Forget what sources said of these secrets, or of all.
    RotateSecrets { names: Vec<String> },
    /// Forget runs that ended before this moment, in microseconds.
    Prune { before: i64 },
}

/// Where an order is carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In a process that goes on afterwards.
    Server,
    /// In the process of the command itself, so a run must end before it does.
    Command,
}

/// Carries out `order`. The document is what the command prints with `--json`.
pub(crate) async fn perform(engine: &Engine, order: Order, place: Place) -> Result<Json, Failure> {
    match order {
        Order::Run { workflow, run_id, input } => {
            let start = Start { workflow, run_id: Some(run_id), input, labels: Json::null() };
            let report = engine.start(start).await?.finished().await?;
            document(&Ran::of(&report))
        }
        Order::Resume { run_id, accept_changes } => {
            let handle = match engine.resume(&run_id, accept_changes).await {
                Ok(handle) => handle,
                Err(error) => return Err(explain(engine, error).await),
            };
            match place {
                Place::Command => document(&*handle.finished().await?),
                Place::Server => show(engine, &run_id).await,
            }
        }
        Order::Cancel { run_id } => match engine.cancel(&run_id).await {
            Ok(report) => document(&report),
            Err(error) => Err(explain(engine, error).await),
        },
        Order::RotateSecrets { names } => {
            let (forgotten, adapters) = engine.registry().adapters().forget_secrets(&names).await;
            tracing::info!(forgotten, adapters = adapters.len(), "secrets-rotated");
            document(&json!({ "forgotten": forgotten, "adapters": adapters }))
        }
        Order::Prune { before } => {
            let pruned = engine.prune(Timestamp(before)).await?;
            document(&json!({ "pruned": pruned }))
        }
    }
}

/// A run as it stands.
pub(crate) async fn show(engine: &Engine, run_id: &str) -> Result<Json, Failure> {
    match engine.report(run_id).await? {
        Some(report) => document(&report),
        None => Err(explain(engine, ControlError::UnknownRun(run_id.to_owned())).await),
    }
}

/// The result of a run that was waited for.
#[derive(Serialize)]
struct Ran<'a> {
    workflow: &'a str,
    run_id: &'a str,
    status: crate::run::Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    results: Results<'a>,
    nodes: &'a [crate::run::NodeReport],
}

impl<'a> Ran<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            workflow: &report.workflow,
            run_id: &report.run_id,
            status: report.status,
            error: report.error.as_deref().or(report.parked.as_deref()),
            results: Results(report),
            nodes: &report.nodes,
        }
    }
}

/// A failure, with the run that might have been meant.
async fn explain(engine: &Engine, error: ControlError) -> Failure {
    let ControlError::UnknownRun(asked) = &error else { return error.into() };
    let asked = asked.clone();
    let runs = engine.list(Filter { limit: CANDIDATES, ..Filter::default() }).await.unwrap_or_default();
    Failure::from(error).with_nearest(nearest(&asked, runs.iter().map(|run| run.run_id.as_str())))
}

fn document(value: &impl Serialize) -> Result<Json, Failure> {
    Json::of(value).map_err(|error| Failure::new("internal", error.to_string()))
}
