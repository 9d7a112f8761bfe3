//! Rows: what an event, a run and a definition look like in a database, each with a checksum over all that never changes.
//!
//! A database guards its structure, not what the rows say: a flipped bit in an output would be handed on as if it had
//! been computed. So whoever reads a row checks it first. Columns' types and statements are left to each database.

use std::borrow::Cow;

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Error, Kind, NewRun, Run, RunKey};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Event, NodeId, NotificationStep, Reason, Status, Step};
use crate::task;

/// An event's columns, without the log's own key.
pub(super) struct EventRow<'a> {
    /// What happened; the numbers are part of the format.
    pub(super) kind: i64,
    pub(super) node: Option<u32>,
    pub(super) attempt: Option<u32>,
    pub(super) at: i64,
    /// JSON, or nothing if the kind says it all.
    pub(super) data: Option<Cow<'a, str>>,
}

/// A retry's `data`.
#[derive(Deserialize, Serialize)]
struct Retrying<E> {
    error: E,
    until: i64,
}

/// The `data` of an instance.
#[derive(Deserialize, Serialize)]
struct Item<S> {
    item: u32,
    step: S,
}

/// The `data` of a notification.
#[derive(Deserialize, Serialize)]
struct Notification<S> {
    number: u32,
    step: S,
}

impl<'a> EventRow<'a> {
    /// The columns of `entry`.
    pub(super) fn of(entry: &'a Entry) -> Self {
        let (kind, node, attempt, data) = match &entry.event {
            Event::NodeStarted { node, attempt } => (1, Some(*node), Some(*attempt), None),
            Event::NodeWaiting { node, until } => (2, Some(*node), None, Some(json(&until.0))),
            Event::NodeRetrying { node, attempt, error, until } => {
                (3, Some(*node), Some(*attempt), Some(json(&Retrying { error, until: until.0 })))
            }
            Event::NodeCompleted { node, attempt, output } => {
                (4, Some(*node), Some(*attempt), Some(Cow::Borrowed(output.text())))
            }
            Event::NodeFailed { node, attempt, error } => (5, Some(*node), Some(*attempt), Some(json(error))),
            Event::NodeSkipped { node } => (6, Some(*node), None, None),
            Event::NodeCancelled { node } => (7, Some(*node), None, None),
            Event::CancelRequested { reason } => (8, None, None, Some(json(reason_name(*reason)))),
            Event::RunEnded { status } => (9, None, None, Some(json(status_name(*status)))),
            Event::RunParked { reason } => (10, None, None, Some(json(reason))),
            Event::RunResumed => (11, None, None, None),
            Event::NodeLeftOut { node } => (12, Some(*node), None, None),
            Event::NodeExpanded { node, items } => (13, Some(*node), None, Some(json(items))),
            Event::Item { node, item, step } => {
                (14, Some(*node), None, Some(json(&Item { item: *item, step })))
            }
            Event::Undo { node, step } => (15, Some(*node), None, Some(json(step))),
            Event::Notification { number, step } => {
                (16, None, None, Some(json(&Notification { number: *number, step })))
            }
        };
        Self { kind, node: node.map(|node| node.0), attempt, at: entry.at.0, data }
    }

    /// The checksum that is kept beside the columns. It covers the run as well, so that an event cannot stray into
    /// another run's log.
    pub(super) fn checksum(&self, run: RunKey) -> u32 {
        let mut sum = Hasher::new();
        for number in [
            run.0,
            self.kind,
            self.node.map_or(-1, i64::from),
            self.attempt.map_or(-1, i64::from),
            self.at,
            i64::from(self.data.is_some()),
        ] {
            sum.update(&number.to_le_bytes());
        }
        sum.update(self.data.as_deref().unwrap_or_default().as_bytes());
        sum.finalize()
    }

    /// The entry these columns came from, or what about them makes no sense.
    fn entry(self) -> Result<Entry, &'static str> {
        const DATA: &str = "its data does not fit its kind";
        let node = || self.node.map(NodeId).ok_or("it names no node");
        let attempt = || self.attempt.ok_or("it names no attempt");
        let data = || self.data.as_deref().ok_or(DATA);
        let event = match self.kind {
            1 => Event::NodeStarted { node: node()?, attempt: attempt()? },
            2 => Event::NodeWaiting { node: node()?, until: Timestamp(parse(data()?).ok_or(DATA)?) },
            3 => {
                let Retrying { error, until } = parse::<Retrying<task::Error>>(data()?).ok_or(DATA)?;
                Event::NodeRetrying { node: node()?, attempt: attempt()?, error, until: Timestamp(until) }
            }
            4 => Event::NodeCompleted { node: node()?, attempt: attempt()?, output: Json::trusted(data()?) },
            5 => Event::NodeFailed { node: node()?, attempt: attempt()?, error: parse(data()?).ok_or(DATA)? },
            6 => Event::NodeSkipped { node: node()? },
            7 => Event::NodeCancelled { node: node()? },
            8 => Event::CancelRequested { reason: reason(data()?).ok_or(DATA)? },
            9 => Event::RunEnded { status: parse(data()?).and_then(status).ok_or(DATA)? },
            10 => Event::RunParked { reason: parse(data()?).ok_or(DATA)? },
            11 => Event::RunResumed,
            12 => Event::NodeLeftOut { node: node()? },
            13 => Event::NodeExpanded { node: node()?, items: parse(data()?).ok_or(DATA)? },
            14 => {
                let Item { item, step } = parse::<Item<Step>>(data()?).ok_or(DATA)?;
                Event::Item { node: node()?, item, step }
            }
            15 => Event::Undo { node: node()?, step: parse(data()?).ok_or(DATA)? },
            16 => {
                let Notification { number, step } =
                    parse::<Notification<NotificationStep>>(data()?).ok_or(DATA)?;
                Event::Notification { number, step }
            }
            _ => return Err("its kind is unknown"),
        };
        Ok(Entry { at: Timestamp(self.at), event })
    }

    /// The entry that these columns of an event of `run` came from, if `sum` is their checksum.
    pub(super) fn checked(self, run: &Run, sum: u32) -> Result<Entry, Error> {
        let entry = if self.checksum(run.key) == sum { self.entry() } else { Err("its checksum is wrong") };
        entry.map_err(|why| damaged(&run.run_id, "an event", why))
    }
}

/// The checksum of what is fixed about a run.
pub(super) fn run_checksum(run_id: &str, input: &Json, labels: &Json, created_at: Timestamp) -> u32 {
    let mut sum = Hasher::new();
    for text in [run_id, input.text(), labels.text()] {
        // Lengths, so that text cannot move from one column to the next unnoticed.
        sum.update(&(text.len() as u64).to_le_bytes());
        sum.update(text.as_bytes());
    }
    sum.update(&created_at.0.to_le_bytes());
    sum.finalize()
}

/// The checksum of a run to be recorded.
pub(super) fn new_run_checksum(run: &NewRun) -> u32 {
    run_checksum(&run.run_id, &run.input, &run.labels, run.created_at)
}

/// The checksum of a definition.
pub(super) fn definition_checksum(workflow: &str, digest: &str, definition: &str) -> u32 {
    let mut sum = Hasher::new();
    for text in [workflow, digest, definition] {
        sum.update(&(text.len() as u64).to_le_bytes());
        sum.update(text.as_bytes());
    }
    sum.finalize()
}

/// A run's record, if `sum` is its checksum and `status_name` one that is written.
pub(super) fn checked_run(mut run: Run, status_name: &str, sum: u32) -> Result<Run, Error> {
    run.status =
        status(status_name).ok_or_else(|| damaged(&run.run_id, "its record", "its status is unknown"))?;
    if run_checksum(&run.run_id, &run.input, &run.labels, run.created_at) == sum {
        Ok(run)
    } else {
        Err(damaged(&run.run_id, "its record", "its checksum is wrong"))
    }
}

/// A definition, if `sum` is its checksum.
pub(super) fn checked_definition(workflow: &str, digest: &str, text: &str, sum: u32) -> Result<Json, Error> {
    if definition_checksum(workflow, digest, text) == sum {
        return Ok(Json::trusted(text));
    }
    let message = format!(
        "the definition of workflow `{workflow}` with digest {digest} is damaged: its checksum is wrong; restore the \
         checkpoint store from a backup"
    );
    Err(Error::new(Kind::Corrupt, message))
}

/// How a status is written.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Parked => "parked",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

fn status(name: &str) -> Option<Status> {
    [Status::Running, Status::Parked, Status::Completed, Status::Failed, Status::Cancelled]
        .into_iter()
        .find(|status| status_name(*status) == name)
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Requested => "requested",
        Reason::DeadlinePassed => "deadline_passed",
    }
}

fn reason(data: &str) -> Option<Reason> {
    let name = parse::<&str>(data)?;
    [Reason::Requested, Reason::DeadlinePassed].into_iter().find(|reason| reason_name(*reason) == name)
}

fn json<T: Serialize + ?Sized>(value: &T) -> Cow<'static, str> {
    Cow::Owned(serde_json::to_string(value).expect("text, numbers and errors can be JSON"))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn damaged(run_id: &str, what: &str, why: &str) -> Error {
    let message = format!(
        "the record of run `{run_id}` is damaged: of {what}, {why}; restore the checkpoint store from a backup, or start \
         the run again under another id"
    );
    Error::new(Kind::Corrupt, message)
}
