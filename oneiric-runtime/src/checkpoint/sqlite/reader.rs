//! Reading: one thread that answers questions, and one at start that hands out the open runs.
//!
//! Every read is short, a page at most, because the write-ahead log cannot start over while somebody reads. What is read
//! was committed; nothing here writes.

use std::path::Path;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::mpsc;

use super::job::Promise;
use super::{fault, row, schema};
use crate::checkpoint::row::{checked_definition, status_name};
use crate::checkpoint::{Error, Filter, Record, Run};
use crate::json::Json;

/// So many open runs, or runs of a list, are read at a time.
const PAGE: u32 = 64;

/// A question.
pub(super) enum Query {
    Find {
        run_id: String,
        promise: Promise<Option<Record>>,
    },
    List {
        filter: Filter,
        promise: Promise<Vec<Run>>,
    },
    Definition {
        workflow: String,
        digest: String,
        promise: Promise<Option<Json>>,
    },
    /// No more questions; nothing is read after it.
    Close,
}

/// Answers questions until there are no more.
pub(super) fn answer(mut connection: Connection, path: &Path, queries: &Receiver<Query>) {
    for query in queries {
        match query {
            Query::Find { run_id, promise } => promise.give(flat(find(&mut connection, &run_id), path)),
            Query::List { filter, promise } => promise.give(flat(list(&connection, &filter), path)),
            Query::Definition { workflow, digest, promise } => {
                promise.give(flat(definition(&connection, &workflow, &digest), path));
            }
            Query::Close => break,
        }
    }
}

/// Hands out the open runs up to the one of key `newest`, oldest first, until nobody wants more. A damaged run is handed
/// out as an error in its place; a damaged database ends it.
pub(super) fn recover(
    connection: &mut Connection,
    path: &Path,
    newest: i64,
    records: &mpsc::Sender<Result<Record, Error>>,
) {
    let mut last = 0;
    // The first page is one run, so that it can go on while the others are read.
    let mut size = 1;
    loop {
        let page = match open_page(connection, last, newest, size) {
            Ok(page) => page,
            Err(error) => {
                let _ = records.blocking_send(Err(fault::sqlite(&error, "read", path)));
                return;
            }
        };
        let Some((key, _)) = page.last() else { return };
        last = *key;
        for (_, record) in page {
            if records.blocking_send(record).is_err() {
                return;
            }
        }
        size = PAGE;
    }
}

type Page = Vec<(i64, Result<Record, Error>)>;

fn open_page(connection: &mut Connection, last: i64, newest: i64, size: u32) -> rusqlite::Result<Page> {
    // In one transaction, a run and its log are of one moment.
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {} FROM run JOIN workflow ON workflow.key = run.workflow \
         WHERE {} AND run.key > ? AND run.key <= ? ORDER BY run.key LIMIT ?",
        row::RUN_COLUMNS,
        schema::IS_OPEN
    ))?;
    let mut rows = statement.query(params![last, newest, size])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get("key")?;
        page.push((key, record(&transaction, row::read_run(row)?)?));
    }
    Ok(page)
}

fn find(connection: &mut Connection, run_id: &str) -> rusqlite::Result<Result<Option<Record>, Error>> {
    let transaction = connection.transaction()?;
    let run = transaction
        .prepare_cached(&format!(
            "SELECT {} FROM run JOIN workflow ON workflow.key = run.workflow WHERE run_id = ?",
            row::RUN_COLUMNS
        ))?
        .query_row([run_id], row::read_run)
        .optional()?;
    match run {
        None => Ok(Ok(None)),
        Some(run) => Ok(record(&transaction, run)?.map(Some)),
    }
}

/// A run with its log; the run's error, or the first of its events', if there is one.
fn record(connection: &Connection, run: Result<Run, Error>) -> rusqlite::Result<Result<Record, Error>> {
    let run = match run {
        Ok(run) => run,
        Err(error) => return Ok(Err(error)),
    };
    let mut statement = connection
        .prepare_cached(&format!("SELECT {} FROM event WHERE run = ? ORDER BY key", row::EVENT_COLUMNS))?;
    let log: Result<Vec<_>, _> = statement
        .query_map([run.key.0], |row| row::read_event(&run, row))?
        .collect::<rusqlite::Result<_>>()?;
    drop(statement);
    Ok(log.map(|log| Record { run, log }))
}

fn list(connection: &Connection, filter: &Filter) -> rusqlite::Result<Result<Vec<Run>, Error>> {
    let wanted = if filter.limit == 0 { usize::MAX } else { filter.limit as usize };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM run JOIN workflow ON workflow.key = run.workflow \
         WHERE run.key < ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR status = ?3) \
         ORDER BY run.key DESC LIMIT ?4",
        row::RUN_COLUMNS
    ))?;
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let before = runs.last().map_or(i64::MAX, |run| run.key.0);
        let status = filter.status.map(status_name);
        let page: Result<Vec<Run>, Error> = statement
            .query_map(params![before, filter.workflow, status, PAGE], row::read_run)?
            .collect::<rusqlite::Result<_>>()?;
        match page {
            Ok(page) => {
                let is_last = page.len() < PAGE as usize;
                runs.extend(page);
                if is_last || runs.len() >= wanted {
                    runs.truncate(wanted);
                    return Ok(Ok(runs));
                }
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn definition(
    connection: &Connection,
    workflow: &str,
    digest: &str,
) -> rusqlite::Result<Result<Option<Json>, Error>> {
    let found: Option<(String, u32)> = connection
        .prepare_cached("SELECT definition, checksum FROM workflow WHERE name = ? AND digest = ?")?
        .query_row([workflow, digest], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((text, sum)) = found else { return Ok(Ok(None)) };
    Ok(checked_definition(workflow, digest, &text, sum).map(Some))
}

fn flat<T>(read: rusqlite::Result<Result<T, Error>>, path: &Path) -> Result<T, Error> {
    read.map_err(|error| fault::sqlite(&error, "read", path))?
}
