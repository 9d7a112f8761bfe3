//! The file's format, and how every connection to it is set up.
//!
//! What is asked of SQLite is read back, because a pragma that it does not like it ignores without a word.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, TransactionBehavior};

use super::fault;
use crate::checkpoint::{Error, Kind};

/// "Onrc": says that a database is a store of this kind.
const APPLICATION_ID: i64 = 0x4f6e_7263;

/// The format below. A later one brings the statements that turn this one into it.
const FORMAT: i64 = 2;

/// What turns format 1 into this one: it knew of no notifications.
const FROM_1: &str = "
ALTER TABLE run ADD COLUMN to_send INTEGER NOT NULL DEFAULT 0;
DROP INDEX run_open;
DROP VIEW log;
";

/// Versions before this one can damage a database in which one connection writes while another checkpoints
/// (<https://sqlite.org/wal.html>, "the WAL-reset bug").
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a call waits for a lock. Nothing of ours makes it wait; a person's `sqlite3` might.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Which runs `open_runs` hands out, as a condition. SQLite uses the index below for it if it is written in the same words.
pub(super) const IS_OPEN: &str = "(ended_at IS NULL OR to_send > 0)";

/// A write-ahead log is cut to this size, in bytes, when it starts over.
const LOG_LIMIT: i64 = 16 << 20;

const TABLES: &str = "
-- The definitions that runs go by.
CREATE TABLE workflow (
    key         INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    definition  TEXT NOT NULL,
    checksum    INTEGER NOT NULL,
    UNIQUE (name, digest)
) STRICT;

-- One row a run. What can grow stands last, so that a search does not have to read it. A key is never given twice.
CREATE TABLE run (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      TEXT NOT NULL UNIQUE,
    workflow    INTEGER NOT NULL REFERENCES workflow,
    status      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    -- How many notifications are neither sent nor given up.
    to_send     INTEGER NOT NULL DEFAULT 0,
    checksum    INTEGER NOT NULL,
    input       TEXT NOT NULL,
    labels      TEXT NOT NULL
) STRICT;
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;

-- The log: rows are added at its end, and removed only with their run.
CREATE TABLE event (
    key         INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES run,
    kind        INTEGER NOT NULL,
    node        INTEGER,
    attempt     INTEGER,
    at          INTEGER NOT NULL,
    checksum    INTEGER NOT NULL,
    data        TEXT
) STRICT;
CREATE INDEX event_run ON event (run);
";

/// What is the same in this format and in what becomes of an earlier one.
const INDEX_AND_VIEW: &str = "
CREATE INDEX run_open ON run (key) WHERE (ended_at IS NULL OR to_send > 0);

-- The log for people: SELECT * FROM log WHERE run_id = '…';
CREATE VIEW log AS
SELECT event.key, run.run_id, workflow.name AS workflow,
    strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS at,
    CASE kind
        WHEN 1 THEN 'node started'
        WHEN 2 THEN 'node waiting'
        WHEN 3 THEN 'node retrying'
        WHEN 4 THEN 'node completed'
        WHEN 5 THEN 'node failed'
        WHEN 6 THEN 'node skipped'
        WHEN 7 THEN 'node cancelled'
        WHEN 8 THEN 'cancel requested'
        WHEN 9 THEN 'run ended'
        WHEN 10 THEN 'run parked'
        WHEN 11 THEN 'run resumed'
        WHEN 12 THEN 'node left out'
        WHEN 13 THEN 'node expanded'
        WHEN 14 THEN 'node item'
        WHEN 15 THEN 'node undo'
        WHEN 16 THEN 'notification'
    END AS event,
    node, attempt, data
FROM event JOIN run ON run.key = event.run JOIN workflow ON workflow.key = run.workflow;
";

/// Connects for writing, and lays out the tables if the file is new.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let fault = |error: rusqlite::Error| fault::sqlite(&error, "open", path);

    // A file that it may not write to, SQLite opens for reading without a word.
    if connection.is_readonly(MAIN_DB).map_err(fault)? {
        let message = format!(
            "`{}` may not be written to: make it writable for this user, or choose another state directory",
            path.display()
        );
        return Err(Error::new(Kind::Denied, message));
    }
    // Before anything is written to it: is it ours?
    if check_format(&connection, path)? == Found::Nothing {
        // These two decide how the first page is written.
        connection.pragma_update(None, "page_size", 4096).map_err(fault)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(fault)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fault)?;
    // macOS syncs to the disk's cache only, unless it is asked for more.
    connection.pragma_update(None, "fullfsync", true).map_err(fault)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT).map_err(fault)?;
    // The writer checkpoints when it has answered, and not before.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(fault)?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    // Again, now that nobody else can change it.
    let found = check_format(&transaction, path)?;
    if found != Found::Current {
        let begin = if found == Found::Nothing { TABLES } else { FROM_1 };
        transaction.execute_batch(begin).map_err(fault)?;
        transaction.execute_batch(INDEX_AND_VIEW).map_err(fault)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fault)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(fault)?;
    }
    transaction.commit().map_err(fault)?;

    expect(&connection, path, "journal_mode", "wal")?;
    expect(&connection, path, "synchronous", "2")?;
    expect(&connection, path, "journal_size_limit", &LOG_LIMIT.to_string())?;
    expect(&connection, path, "wal_autocheckpoint", "0")?;
    expect(&connection, path, "auto_vacuum", "2")?;
    Ok(connection)
}

/// Connects for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if check_format(&connection, path)? == Found::Nothing {
        let message = format!("`{}` is empty: nothing has run with this state directory yet", path.display());
        return Err(Error::new(Kind::Version, message));
    }
    Ok(connection)
}

/// Reads the whole database and says what is wrong with it; to be interrupted is not.
pub(super) fn check_integrity(connection: &Connection, path: &Path) -> Result<(), Error> {
    let verdict: String = match connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => return Ok(()),
        verdict => verdict.map_err(|error| fault::sqlite(&error, "check", path))?,
    };
    if verdict == "ok" {
        return Ok(());
    }
    let message = format!(
        "`{}` is damaged ({}): restore it from a backup, or move it away to begin anew",
        path.display(),
        verdict.trim()
    );
    Err(Error::new(Kind::Corrupt, message))
}

/// What every connection has in common.
fn connect(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    let version = rusqlite::version_number();
    if version < OLDEST_SQLITE {
        let message = format!(
            "this program was linked with SQLite {}, which can damage a database; build it with 3.51.3 or later",
            rusqlite::version()
        );
        return Err(Error::new(Kind::Version, message));
    }
    let fault = |error: rusqlite::Error| fault::sqlite(&error, "open", path);
    // Each connection belongs to one thread at a time, so SQLite need not guard it.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
    connection.pragma_update(None, "mmap_size", 0).map_err(fault)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fault)?;
    expect(&connection, path, "mmap_size", "0")?;
    expect(&connection, path, "foreign_keys", "1")?;
    expect(&connection, path, "busy_timeout", &BUSY_TIMEOUT.as_millis().to_string())?;
    Ok(connection)
}

/// What is in a database before anything is done to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    Nothing,
    /// Format 1. What it holds can be read as it is.
    First,
    Current,
}

/// What is in the database; refuses one that is somebody else's or of an unknown format.
fn check_format(connection: &Connection, path: &Path) -> Result<Found, Error> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| fault::sqlite(&error, "read", path))
    };
    let place = path.display();
    let application = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    let is_empty = number("SELECT count(*) FROM sqlite_schema")? == 0;
    let message = match (application, format) {
        (APPLICATION_ID, FORMAT) => return Ok(Found::Current),
        (APPLICATION_ID, 1) => return Ok(Found::First),
        (0, 0) if is_empty => return Ok(Found::Nothing),
        (APPLICATION_ID, newer) if newer > FORMAT => format!(
            "`{place}` was written by a later version of Oneiric (format {newer}; this one knows {FORMAT}): run that \
             version, or choose another state directory"
        ),
        (APPLICATION_ID, older) => format!(
            "`{place}` has format {older}, which no version of Oneiric writes (this one writes {FORMAT}): restore it \
             from a backup, or choose another state directory"
        ),
        _ => format!(
            "`{place}` belongs to another program (application id {application}): move it away, or choose another \
             state directory"
        ),
    };
    Err(Error::new(Kind::Version, message))
}

/// Whether a setting took.
fn expect(connection: &Connection, path: &Path, pragma: &str, wanted: &str) -> Result<(), Error> {
    let value: rusqlite::types::Value = connection
        .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
        .or_else(|error| match error {
            // With mapping compiled out, this one has no value at all.
            rusqlite::Error::QueryReturnedNoRows if pragma == "mmap_size" => Ok(0.into()),
            error => Err(fault::sqlite(&error, "read", path)),
        })?;
    let found = match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if found == wanted {
        return Ok(());
    }
    let message = format!(
        "`{}` cannot be used: SQLite keeps `{pragma}` at {found} where {wanted} is needed; choose a state directory on \
         an ordinary disk of this machine",
        path.display()
    );
    Err(Error::new(Kind::Io, message))
}
