//! The statements that write, one function for each thing a store is asked to keep.
//!
//! They run inside the writer's transaction; when that ends is left to `writer`.

use rusqlite::{Connection, OptionalExtension, Result, ffi, params};

use super::row::{RUN_COLUMNS, read_run};
use crate::checkpoint::row::{self, EventRow};
use crate::checkpoint::{Created, Error, NewRun, RunKey, gone, outcome, unsettled};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Status};

/// What SQLite did, and within it what the caller is told.
type Told<T> = Result<std::result::Result<T, Error>>;

/// Records a run unless there is one of its id.
pub(super) fn create(connection: &Connection, run: &NewRun) -> Told<Created> {
    let workflow = define(connection, &run.workflow, &run.digest, &run.definition)?;
    let added = connection
        .prepare_cached(
            "INSERT INTO run (run_id, workflow, status, created_at, checksum, input, labels) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO NOTHING",
        )?
        .execute(params![
            run.run_id,
            workflow,
            row::status_name(Status::Running),
            run.created_at.0,
            row::new_run_checksum(run),
            run.input.text(),
            run.labels.text(),
        ])?;
    if added == 1 {
        return Ok(Ok(Created::New(RunKey(connection.last_insert_rowid()))));
    }
    let found = connection
        .prepare_cached(&format!(
            "SELECT {RUN_COLUMNS} FROM run JOIN workflow ON workflow.key = run.workflow WHERE run_id = ?"
        ))?
        .query_row([&run.run_id], read_run)?;
    Ok(found.map(Created::Existing))
}

/// Adds to a run's log, and lets its record follow.
pub(super) fn append(connection: &Connection, run: RunKey, entries: &[Entry]) -> Told<()> {
    match insert(connection, run, entries) {
        Ok(()) => {}
        // The first entry was refused because there is no such run, so none was added.
        Err(error) if error.sqlite_extended_error_code() == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            return Ok(Err(gone(run)));
        }
        Err(error) => return Err(error),
    }
    if let Some((status, ended_at)) = outcome(entries) {
        connection
            .prepare_cached("UPDATE run SET status = ?, ended_at = ? WHERE key = ?")?
            .execute(params![row::status_name(status), ended_at.map(|at| at.0), run.0])?;
    }
    let to_send = unsettled(entries);
    if to_send != 0 {
        connection
            .prepare_cached("UPDATE run SET to_send = to_send + ? WHERE key = ?")?
            .execute(params![to_send, run.0])?;
    }
    Ok(Ok(()))
}

/// Gives a run another definition and another log.
pub(super) fn rebase(
    connection: &Connection,
    run: RunKey,
    digest: &str,
    definition: &Json,
    log: &[Entry],
) -> Told<()> {
    let workflow: Option<String> = connection
        .prepare_cached(
            "SELECT name FROM run JOIN workflow ON workflow.key = run.workflow WHERE run.key = ?",
        )?
        .query_row([run.0], |row| row.get(0))
        .optional()?;
    let Some(workflow) = workflow else { return Ok(Err(gone(run))) };
    let workflow = define(connection, &workflow, digest, definition)?;
    let (status, ended_at) = outcome(log).unwrap_or((Status::Running, None));
    connection
        .prepare_cached("UPDATE run SET workflow = ?, status = ?, ended_at = ?, to_send = ? WHERE key = ?")?
        .execute(params![
            workflow,
            row::status_name(status),
            ended_at.map(|at| at.0),
            unsettled(log),
            run.0
        ])?;
    connection.prepare_cached("DELETE FROM event WHERE run = ?")?.execute([run.0])?;
    insert(connection, run, log)?;
    Ok(Ok(()))
}

/// Pages of 4 KiB that one call of [`prune`] gives back to the system at most.
const PAGES: u32 = 256;

/// Forgets some of the runs that ended before `before`, until about `rows` rows are gone, and gives back some of the space
/// that nothing is in. Says how many runs it forgot, and whether nothing is left to do.
pub(super) fn prune(connection: &Connection, before: Timestamp, rows: usize) -> Result<(u64, bool)> {
    let mut runs = 0;
    let mut gone = 0;
    while gone < rows {
        let next: Option<i64> = connection
            .prepare_cached(
                "SELECT key FROM run WHERE ended_at < ? AND to_send = 0 ORDER BY ended_at LIMIT 1",
            )?
            .query_row([before.0], |row| row.get(0))
            .optional()?;
        let Some(run) = next else { break };
        gone += connection.prepare_cached("DELETE FROM event WHERE run = ?")?.execute([run])?;
        gone += connection.prepare_cached("DELETE FROM run WHERE key = ?")?.execute([run])?;
        runs += 1;
    }
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let empty: u32 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    Ok((runs, gone < rows && empty == 0))
}

fn insert(connection: &Connection, run: RunKey, entries: &[Entry]) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO event (run, kind, node, attempt, at, checksum, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for entry in entries {
        let row = EventRow::of(entry);
        let sum = row.checksum(run);
        statement.execute(params![
            run.0,
            row.kind,
            row.node,
            row.attempt,
            row.at,
            sum,
            row.data.as_deref()
        ])?;
    }
    Ok(())
}

/// The key of a definition, which is kept once.
fn define(connection: &Connection, workflow: &str, digest: &str, definition: &Json) -> Result<i64> {
    let known = connection
        .prepare_cached("SELECT key FROM workflow WHERE name = ? AND digest = ?")?
        .query_row([workflow, digest], |row| row.get(0))
        .optional()?;
    if let Some(key) = known {
        return Ok(key);
    }
    let sum = row::definition_checksum(workflow, digest, definition.text());
    connection
        .prepare_cached("INSERT INTO workflow (name, digest, definition, checksum) VALUES (?, ?, ?, ?)")?
        .execute(params![workflow, digest, definition.text(), sum])?;
    Ok(connection.last_insert_rowid())
}
