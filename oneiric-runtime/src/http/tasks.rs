//! `POST /tasks/workflow`: runs a workflow and answers when the run has ended.
//!
//! The same `run_id` runs once, however often and however close together it is posted, and everybody gets the same answer.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::answer::Answer;
use super::lifecycle::{Lifecycle, Unavailable};
use super::submission::{self, Labels, Refused};
use crate::checkpoint;
use crate::delivery::Delivery;
use crate::engine::{Start, StartError};
use crate::json::Json;
use crate::run::results::Results;
use crate::run::{Report, Status};
use crate::telemetry::Trace;

/// Seconds after which a caller should come back while the program starts, stops, or has its hands full.
const SOON: u32 = 1;

/// Seconds after which a run that waits for an operator is worth asking for again.
const AFTER_AN_OPERATOR: u32 = 60;

/// Answers a request with this body, which a queue may have brought, and which may belong to a trace.
pub(crate) async fn answer(
    lifecycle: &Lifecycle,
    delivery: Option<Delivery>,
    trace: Option<Trace>,
    body: &[u8],
) -> Answer {
    match submission::read(body) {
        Err(Refused { code, detail: None }) => Answer::error(StatusCode::BAD_REQUEST, code),
        Err(Refused { code, detail: Some(detail) }) => {
            Answer::explained(StatusCode::BAD_REQUEST, code, detail)
        }
        Ok((start, inside)) => run(lifecycle, submission::in_trace(start, trace), inside.or(delivery)).await,
    }
}

/// The answer while the program stops.
pub(crate) fn stopping() -> Answer {
    Answer::later("draining", "the program is stopping; send it again", SOON)
}

async fn run(lifecycle: &Lifecycle, start: Start, delivery: Option<Delivery>) -> Answer {
    let engine = match lifecycle.engine().await {
        Ok(engine) => engine,
        Err(Unavailable::NotYet) => return Answer::later("not-ready", "the store is not open yet", SOON),
        Err(Unavailable::NoMore) => return stopping(),
    };
    let workflow = start.workflow.clone();
    let ended = match engine.start(start).await {
        Ok(handle) => {
            if let Some(delivery) = delivery {
                delivery.log(&workflow, handle.run_id(), handle.is_new());
            }
            handle.finished().await
        }
        Err(error) => Err(error),
    };
    ended.map_or_else(|error| refused(&error), |report| ended_with(&report))
}

fn refused(error: &StartError) -> Answer {
    let detail = error.to_string();
    match error {
        StartError::UnknownWorkflow { .. } => {
            Answer::explained(StatusCode::NOT_FOUND, "workflow-unknown", &detail)
        }
        StartError::Conflict { run_id, workflow } => Answer::json(
            StatusCode::CONFLICT,
            &json!({ "error": "run-id-conflict", "run_id": run_id, "workflow": workflow, "detail": detail }),
        ),
        StartError::Input(_) => Answer::explained(StatusCode::BAD_REQUEST, "input-not-json", &detail),
        StartError::Draining => stopping(),
        StartError::Store(error) if error.kind() == checkpoint::Kind::Corrupt => {
            Answer::explained(StatusCode::INTERNAL_SERVER_ERROR, "run-damaged", &detail)
        }
        StartError::Store(_) => Answer::later("store-unavailable", &detail, SOON),
    }
}

/// What the caller of a run that completed is told, in the order of the first Oneiric.
#[derive(Serialize)]
struct Completed<'a> {
    workflow: &'a str,
    run_id: &'a str,
    workflow_provider: Option<String>,
    metadata: Json,
    results: Results<'a>,
    processed_at: String,
}

fn ended_with(report: &Arc<Report>) -> Answer {
    match report.status {
        Status::Completed => {
            let labels = report.labels.parse::<Labels>().unwrap_or_default();
            let result = Completed {
                workflow: &report.workflow,
                run_id: &report.run_id,
                workflow_provider: labels.workflow_provider,
                metadata: labels.metadata,
                results: Results(report),
                // The end of the run and not of this request, so that every caller is told the same.
                processed_at: report.ended_at.unwrap_or(report.created_at).to_string(),
            };
            Answer::json(StatusCode::OK, &WithStatus { status: "completed", result })
        }
        Status::Parked => {
            let why = report.parked.as_deref().unwrap_or("it waits for an operator");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Answer { retry_after: Some(AFTER_AN_OPERATOR), ..failed(report, status, "workflow-parked", why) }
        }
        Status::Running | Status::Failed | Status::Cancelled => {
            let why = report.error.as_deref().unwrap_or_default();
            failed(report, StatusCode::INTERNAL_SERVER_ERROR, "workflow-execution-failed", why)
        }
    }
}

#[derive(Serialize)]
struct WithStatus<'a> {
    status: &'a str,
    result: Completed<'a>,
}

fn failed(report: &Report, status: StatusCode, code: &str, why: &str) -> Answer {
    let document = json!({
        "error": code,
        "workflow": report.workflow,
        "run_id": report.run_id,
        "status": report.status,
        "detail": why,
    });
    Answer::json(status, &document)
}
