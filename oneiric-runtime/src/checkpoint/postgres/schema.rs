//! The tables, and how they come to be.
//!
//! They are a schema of the database, made by the first process that needs them, and carry the version of their form.
//! What a process does not know it does not touch.

use tokio_postgres::Client;

use super::fault::{self, Fault};
use super::settings::Settings;
use crate::checkpoint::{Error, Kind};

/// The form below. A later one brings the statements that turn this one into it.
const FORMAT: i32 = 1;

/// Names and ids are bytes, because they may hold a NUL, which text may not; the views have them as text. They are found
/// by their SHA-256, because an index does not take long ones. Times that a run tells are microseconds since 1970 by the
/// clock of the process; those of leases are the database's own.
const TABLES: &str = "
-- The version of these tables' form.
CREATE TABLE store (format integer NOT NULL);

-- The definitions that runs go by.
CREATE TABLE workflow (
    key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        bytea NOT NULL,
    digest      text NOT NULL,
    definition  text NOT NULL,
    checksum    bigint NOT NULL
);
CREATE UNIQUE INDEX workflow_by_name ON workflow (sha256(name), digest);

-- Processes that hold runs, each until it ends, or is taken for dead. A key is never given twice.
CREATE TABLE instance (
    key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX instance_alive ON instance (expires_at) WHERE ended_at IS NULL;

-- One row a run. `epoch` is its fencing token: it grows with every holder, and what is written under an older one is
-- refused.
CREATE TABLE run (
    key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      bytea NOT NULL,
    workflow    bigint NOT NULL REFERENCES workflow,
    status      text NOT NULL,
    created_at  bigint NOT NULL,
    ended_at    bigint,
    holder      bigint,
    epoch       integer NOT NULL,
    cancel      boolean NOT NULL DEFAULT false,
    -- How many notifications are neither sent nor given up. The run is held until there is none.
    to_send     bigint NOT NULL DEFAULT 0,
    checksum    bigint NOT NULL,
    input       text NOT NULL,
    labels      text NOT NULL
);
CREATE UNIQUE INDEX run_by_id ON run (sha256(run_id));
CREATE INDEX run_open ON run (key) WHERE (ended_at IS NULL OR to_send > 0);
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;

-- Who held a run, and from when.
CREATE TABLE lease (
    run         bigint NOT NULL,
    epoch       integer NOT NULL,
    instance    bigint NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run, epoch)
);

-- The log: rows are added at the end of a run's, and removed only with it. That the run is there, and whose it is, is
-- looked at in the transaction that adds them, so no constraint has to look again.
CREATE TABLE event (
    run         bigint NOT NULL,
    seq         bigint NOT NULL,
    epoch       integer NOT NULL,
    kind        smallint NOT NULL,
    node        bigint,
    attempt     bigint,
    at          bigint NOT NULL,
    checksum    bigint NOT NULL,
    data        text,
    PRIMARY KEY (run, seq)
);

-- The log for people: SELECT * FROM log WHERE run_id = '…' ORDER BY seq;
CREATE VIEW log AS
SELECT encode(run_id, 'escape') AS run_id, encode(name, 'escape') AS workflow, seq, event.epoch,
    to_timestamp(at / 1000000.0) AS at,
    (ARRAY['node started', 'node waiting', 'node retrying', 'node completed', 'node failed', 'node skipped',
        'node cancelled', 'cancel requested', 'run ended', 'run parked', 'run resumed', 'node left out',
        'node expanded', 'node item', 'node undo', 'notification'])[kind] AS event,
    node, attempt, data
FROM event JOIN run ON run.key = event.run JOIN workflow ON workflow.key = run.workflow;

-- Who held which run, for people.
CREATE VIEW holders AS
SELECT encode(run_id, 'escape') AS run_id, lease.epoch, taken_at, lease.instance, instance.name
FROM lease JOIN run ON run.key = lease.run LEFT JOIN instance ON instance.key = lease.instance;
";

/// What is there of the tables.
enum Found {
    Nothing,
    /// A store of this form.
    Store(i32),
    /// Tables of somebody else.
    Stranger,
}

/// Makes the tables if they are not there.
pub(super) async fn prepare(client: &mut Client, settings: &Settings) -> Result<(), Fault> {
    let place = settings.place();
    let fault = |error: tokio_postgres::Error| fault::judge(&error, "prepare", &place);
    if check(client, settings).await? {
        return Ok(());
    }
    let transaction = client.transaction().await.map_err(fault)?;
    // Of processes that start side by side, one makes them.
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('oneiric ' || $1, 0))";
    transaction.execute(lock, &[&settings.schema]).await.map_err(fault)?;
    let is_there = found(transaction.client(), &settings.schema).await.map_err(fault)?;
    if matches!(is_there, Found::Nothing) {
        let schema = &settings.schema;
        let create = format!(
            "CREATE SCHEMA IF NOT EXISTS \"{schema}\"; {TABLES}; INSERT INTO store VALUES ({FORMAT})"
        );
        transaction.batch_execute(&create).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)?;
    check(client, settings).await.map(drop)
}

/// Whether the tables are there and of the form that this program knows.
pub(super) async fn check(client: &Client, settings: &Settings) -> Result<bool, Fault> {
    let place = settings.place();
    let schema = &settings.schema;
    let message = match found(client, schema).await.map_err(|error| fault::judge(&error, "read", &place))? {
        Found::Nothing => return Ok(false),
        Found::Store(FORMAT) => return Ok(true),
        Found::Store(format) if format > FORMAT => format!(
            "the schema `{schema}` of {place} was written by a later version of Oneiric (format {format}; this one knows \
             {FORMAT}): run that version, or choose another schema"
        ),
        Found::Store(format) => format!(
            "the schema `{schema}` of {place} has format {format}, which no version of Oneiric writes (this one writes \
             {FORMAT}): restore it from a backup, or choose another schema"
        ),
        Found::Stranger => format!(
            "the schema `{schema}` of {place} belongs to another program: choose another schema for the checkpoints"
        ),
    };
    Err(Fault::Final(Error::new(Kind::Version, message)))
}

async fn found(client: &Client, schema: &str) -> Result<Found, tokio_postgres::Error> {
    let look = "SELECT count(*), count(*) FILTER (WHERE relname = 'store') FROM pg_class \
                JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1";
    let row = client.query_one(look, &[&schema]).await?;
    match (row.get::<_, i64>(0), row.get::<_, i64>(1)) {
        (0, _) => Ok(Found::Nothing),
        (_, 0) => Ok(Found::Stranger),
        _ => {
            let row = client.query_opt("SELECT format FROM store", &[]).await?;
            Ok(row.map_or(Found::Stranger, |row| Found::Store(row.get(0))))
        }
    }
}
