//! The statements, prepared once a connection, and rows read from their answers.
//!
//! Those that write take arrays, so that one of them serves a whole batch. Each looks at a run's epoch in the transaction
//! that writes, behind a lock on the run's row: who holds an older one writes nothing.

use std::borrow::Cow;

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Row, Statement};

use crate::checkpoint::row::{self, EventRow};
use crate::checkpoint::{Error, Kind, Run, RunKey};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Status};

/// A run that nobody holds: it never had a holder, was released, or its holder is known to have ended.
const FREE: &str = "(run.holder IS NULL OR EXISTS (SELECT FROM instance WHERE instance.key = run.holder \
     AND instance.ended_at IS NOT NULL))";

/// Whether the process that asks counts as alive: one that was taken for dead and does not know it yet takes nothing,
/// because what it took would be free at once.
const ALIVE: &str = "EXISTS (SELECT FROM instance WHERE instance.key = $2 AND instance.ended_at IS NULL)";

/// The columns that [`read_run`] wants.
const RUN: &str = "run.key, run.run_id, workflow.name, workflow.digest, run.status, run.created_at, run.ended_at, \
     run.checksum, run.input, run.labels, run.cancel, run.epoch, run.holder";

macro_rules! statements {
    ($($(#[doc = $doc:literal])* $name:ident: $sql:expr;)*) => {
        /// Prepared statements.
        pub(super) struct Statements {
            $($(#[doc = $doc])* pub(super) $name: Statement,)*
        }

        /// Prepares all of them, in one exchange.
        pub(super) async fn prepare(client: &Client) -> Result<Statements, tokio_postgres::Error> {
            let texts = [$({ let text: String = $sql.into(); text }),*];
            let prepared = try_join_all(texts.iter().map(|text| client.prepare(text))).await?;
            let mut prepared = prepared.into_iter();
            let mut next = || prepared.next().expect("there are as many as texts");
            Ok(Statements { $($name: next()),* })
        }
    };
}

statements! {
    /// Keeps definitions: names, digests, texts, checksums.
    define: "INSERT INTO workflow (name, digest, definition, checksum) \
        SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[]) \
        ON CONFLICT (sha256(name), digest) DO NOTHING";
    /// The keys of definitions: names, digests.
    defined: "SELECT workflow.key, workflow.name, workflow.digest \
        FROM unnest($1::bytea[], $2::text[]) AS wanted (name, digest) \
        JOIN workflow ON sha256(workflow.name) = sha256(wanted.name) AND workflow.digest = wanted.digest";
    /// Records runs for a holder, but for those whose ids are taken.
    create: "WITH made AS ( \
            INSERT INTO run (run_id, workflow, status, created_at, checksum, input, labels, holder, epoch) \
            SELECT run_id, workflow, 'running', created_at, checksum, input, labels, $1, 1 \
            FROM unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[]) \
                AS fresh (run_id, workflow, created_at, checksum, input, labels) \
            ON CONFLICT (sha256(run_id)) DO NOTHING RETURNING key, run_id \
        ), taken AS (INSERT INTO lease (run, epoch, instance) SELECT key, 1, $1::bigint FROM made) \
        SELECT key, run_id FROM made";
    /// Locks runs, and says under which epoch each is held.
    lock: "SELECT key, epoch FROM run WHERE key = ANY ($1::bigint[]) ORDER BY key FOR NO KEY UPDATE";
    /// Adds to logs. What is there already under the same epoch was added by a commit whose answer got lost.
    append: "INSERT INTO event (run, seq, epoch, kind, node, attempt, at, checksum, data) \
        SELECT fresh.* FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::smallint[], $5::bigint[], \
            $6::bigint[], $7::bigint[], $8::bigint[], $9::text[]) \
            AS fresh (run, seq, epoch, kind, node, attempt, at, checksum, data) \
        JOIN run ON run.key = fresh.run AND run.epoch = fresh.epoch \
        ON CONFLICT (run, seq) DO NOTHING";
    /// Lets records follow from what was added: statuses where they change, and how much is to be sent. Only a run that
    /// goes on, or of which something is to be sent, keeps its holder.
    follow: "UPDATE run SET status = coalesce(fresh.status, run.status), to_send = fresh.to_send, \
            ended_at = CASE WHEN fresh.status IS NULL THEN run.ended_at ELSE fresh.ended_at END, \
            cancel = run.cancel AND fresh.status IS NULL, \
            holder = CASE WHEN coalesce(fresh.status, run.status) = 'running' OR fresh.to_send > 0 THEN run.holder END \
        FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[]) \
            AS fresh (run, epoch, status, ended_at, to_send) \
        WHERE run.key = fresh.run AND run.epoch = fresh.epoch";
    /// Gives a run another definition, and takes its log away.
    rebase: "WITH moved AS (UPDATE run SET workflow = $3 WHERE key = $1 AND epoch = $2 RETURNING key) \
        DELETE FROM event USING moved WHERE event.run = moved.key";
    /// The name of a run's workflow.
    workflow_of: "SELECT workflow.name FROM run JOIN workflow ON workflow.key = run.workflow WHERE run.key = $1";
    /// Takes hold of the run of an id, unless somebody else who lives drives it.
    claim: format!("WITH taken AS ( \
            UPDATE run SET holder = $2, epoch = epoch + 1 \
            WHERE sha256(run_id) = sha256($1) AND (status <> 'running' OR holder = $2 OR {FREE}) AND {ALIVE} \
            RETURNING key, epoch \
        ), history AS (INSERT INTO lease (run, epoch, instance) SELECT key, epoch, $2::bigint FROM taken) \
        SELECT run.key, taken.epoch FROM run LEFT JOIN taken USING (key) WHERE sha256(run_id) = sha256($1)");
    /// Takes hold of some of the free runs beyond a key for which there is something to do, oldest first, and lists parked
    /// ones among them.
    take: format!("WITH page AS MATERIALIZED ( \
            SELECT key, {FREE} AND (status = 'running' OR to_send > 0) AS is_wanted FROM run \
            WHERE (ended_at IS NULL OR to_send > 0) AND key > $1 AND (status = 'parked' OR {FREE}) AND {ALIVE} \
            ORDER BY key LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED \
        ), taken AS ( \
            UPDATE run SET holder = $2, epoch = run.epoch + 1 FROM page \
            WHERE run.key = page.key AND page.is_wanted RETURNING run.key, run.epoch \
        ), history AS (INSERT INTO lease (run, epoch, instance) SELECT key, epoch, $2::bigint FROM taken) \
        SELECT page.key, taken.epoch FROM page LEFT JOIN taken USING (key) ORDER BY page.key");
    /// Lets go of a run.
    release: "UPDATE run SET holder = NULL WHERE key = $1 AND epoch = $2";
    /// Notes that somebody wants a run to end.
    ask_to_cancel: "UPDATE run SET cancel = true WHERE key = $1 AND ended_at IS NULL";
    /// Which of a holder's runs somebody wants to end.
    to_be_cancelled: "SELECT key FROM run WHERE ended_at IS NULL AND holder = $1 AND cancel";
    /// Forgets some runs that ended before a moment.
    prune: "WITH old AS MATERIALIZED ( \
            SELECT key FROM run WHERE ended_at < $1 AND to_send = 0 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED \
        ), events AS (DELETE FROM event USING old WHERE event.run = old.key), \
        leases AS (DELETE FROM lease USING old WHERE lease.run = old.key), \
        runs AS (DELETE FROM run USING old WHERE run.key = old.key RETURNING run.key) SELECT count(*) FROM runs";
    /// Forgets processes that ended before a moment.
    prune_instances: "DELETE FROM instance WHERE ended_at < to_timestamp($1::bigint / 1000000.0) \
        AND NOT EXISTS (SELECT FROM run WHERE (run.ended_at IS NULL OR run.to_send > 0) \
            AND run.holder = instance.key)";
    /// Notes a process that is about to hold runs.
    register: "INSERT INTO instance (name, expires_at) \
        VALUES ($1, clock_timestamp() + make_interval(secs => $2)) RETURNING key";
    /// Says that a process lives, and takes others for dead that have not said so in time: whether it still counted as
    /// alive, how many died, and how many seconds the lease of the next one still has.
    renew: "WITH own AS ( \
            UPDATE instance SET expires_at = clock_timestamp() + make_interval(secs => $2) \
            WHERE key = $1 AND ended_at IS NULL RETURNING key \
        ), dead AS ( \
            UPDATE instance SET ended_at = clock_timestamp() WHERE key IN ( \
                SELECT key FROM instance WHERE ended_at IS NULL AND expires_at <= clock_timestamp() AND key <> $1 \
                FOR UPDATE SKIP LOCKED \
            ) RETURNING key \
        ) \
        SELECT (SELECT count(*) FROM own), (SELECT count(*) FROM dead), \
            extract(epoch FROM (SELECT min(expires_at) FROM instance WHERE ended_at IS NULL AND key <> $1 \
                AND expires_at > clock_timestamp()) - clock_timestamp())::double precision";
    /// Ends a process, whose runs are free from then on.
    retire: "UPDATE instance SET ended_at = clock_timestamp() WHERE key = $1 AND ended_at IS NULL";
    /// Tells the others.
    announce: "SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text";

    /// A run by its id.
    find: format!("SELECT {RUN} FROM run JOIN workflow ON workflow.key = run.workflow \
        WHERE sha256(run_id) = sha256($1)");
    /// The log of a run by its id.
    find_log: "SELECT run, seq, kind, node, attempt, at, data, checksum FROM event \
        WHERE run = (SELECT key FROM run WHERE sha256(run_id) = sha256($1)) ORDER BY seq";
    /// Runs by their keys, oldest first.
    load: format!("SELECT {RUN} FROM run JOIN workflow ON workflow.key = run.workflow \
        WHERE run.key = ANY ($1::bigint[]) ORDER BY run.key");
    /// Their logs.
    load_logs: "SELECT run, seq, kind, node, attempt, at, data, checksum FROM event \
        WHERE run = ANY ($1::bigint[]) ORDER BY run, seq";
    /// Runs of a workflow and a status, where they are given, before a key, newest first.
    list: format!("SELECT {RUN} FROM run JOIN workflow ON workflow.key = run.workflow \
        WHERE run.key < $1 AND ($2::bytea IS NULL OR name = $2) AND ($3::text IS NULL OR status = $3) \
        ORDER BY run.key DESC LIMIT $4");
    /// A definition.
    definition: "SELECT definition, checksum FROM workflow WHERE sha256(name) = sha256($1) AND digest = $2";
}

/// A run as it is kept, and who holds it.
pub(super) struct Kept {
    pub(super) run: Result<Run, Error>,
    pub(super) key: RunKey,
    pub(super) epoch: i32,
    pub(super) holder: Option<i64>,
}

/// Reads a run.
pub(super) fn read_run(row: &Row) -> Kept {
    let key = RunKey(row.get(0));
    let text = |index| String::from_utf8_lossy(row.get::<_, &[u8]>(index)).into_owned();
    let run = Run {
        key,
        run_id: text(1),
        workflow: text(2),
        digest: row.get(3),
        input: Json::trusted(row.get::<_, &str>(8)),
        labels: Json::trusted(row.get::<_, &str>(9)),
        status: Status::Running,
        created_at: Timestamp(row.get(5)),
        ended_at: row.get::<_, Option<i64>>(6).map(Timestamp),
        cancel_requested: row.get(10),
    };
    let run = row::checked_run(run, row.get(4), unsigned(row.get(7)));
    Kept { run, key, epoch: row.get(11), holder: row.get(12) }
}

/// Reads an event of `run`, which is to be the one of number `seq`.
pub(super) fn read_event(run: &Run, seq: i64, row: &Row) -> Result<Entry, Error> {
    if row.get::<_, i64>(1) != seq {
        let message = format!(
            "the record of run `{}` is damaged: event {seq} is missing; restore the checkpoint store from a backup, or \
             start the run again under another id",
            run.run_id
        );
        return Err(Error::new(Kind::Corrupt, message));
    }
    let number = |index| row.get::<_, Option<i64>>(index).map(unsigned);
    let event = EventRow {
        kind: i64::from(row.get::<_, i16>(2)),
        node: number(3),
        attempt: number(4),
        at: row.get(5),
        data: row.get::<_, Option<&str>>(6).map(Cow::Borrowed),
    };
    event.checked(run, unsigned(row.get(7)))
}

/// A number that was 32 bits when it was written. What else stands there now cannot agree with its checksum.
fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
