//! Columns of the file, read as rows that are then checked.

use std::borrow::Cow;

use crate::checkpoint::row::{self, EventRow};
use crate::checkpoint::{Error, Run, RunKey};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Status};

/// The columns that [`read_event`] wants, in its order.
pub(super) const EVENT_COLUMNS: &str = "kind, node, attempt, at, data, checksum";

/// Reads [`EVENT_COLUMNS`] of an event of `run`.
pub(super) fn read_event(run: &Run, row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Entry, Error>> {
    let read = EventRow {
        kind: row.get(0)?,
        node: row.get(1)?,
        attempt: row.get(2)?,
        at: row.get(3)?,
        data: row.get_ref(4)?.as_str_or_null()?.map(Cow::Borrowed),
    };
    Ok(read.checked(run, row.get(5)?))
}

/// The columns of a run that [`read_run`] wants, for a statement's `SELECT … FROM run JOIN workflow …`.
pub(super) const RUN_COLUMNS: &str = "run.key, run.run_id, workflow.name AS workflow, workflow.digest, run.status, \
     run.created_at, run.ended_at, run.checksum, run.input, run.labels";

/// Reads [`RUN_COLUMNS`].
pub(super) fn read_run(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Run, Error>> {
    let run = Run {
        key: RunKey(row.get("key")?),
        run_id: row.get("run_id")?,
        workflow: row.get("workflow")?,
        digest: row.get("digest")?,
        input: Json::trusted(row.get_ref("input")?.as_str()?),
        labels: Json::trusted(row.get_ref("labels")?.as_str()?),
        status: Status::Running,
        created_at: Timestamp(row.get("created_at")?),
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(Timestamp),
        cancel_requested: false,
    };
    Ok(row::checked_run(run, row.get_ref("status")?.as_str()?, row.get("checksum")?))
}
