//! The floor under a durable workflow: the smallest program that keeps steps in SQLite as safely as the runtime does.
//!
//! One writer thread, an append-only log, WAL with `synchronous=FULL`, group commit, and nothing else: no scheduler, no
//! record of runs, no index, no recovery. What the runtime needs more than this is what its features cost. Prints a line
//! of JSON for each measurement; `floor [DIRECTORY [disk]]` measures the disk that the directory is on, or only that.

#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What a step returns: JSON of 200 bytes.
const OUTPUT_BYTES: usize = 200;

/// A row, and who waits until it is on disk.
struct Row {
    run: i64,
    node: i64,
    output: String,
    kept: oneshot::Sender<()>,
}

/// The log's writing end.
#[derive(Clone)]
struct Log(Sender<Row>);

impl Log {
    async fn append(&self, run: i64, node: i64) {
        let output = format!("\"{}\"", "x".repeat(OUTPUT_BYTES - 2));
        let (kept, is_kept) = oneshot::channel();
        self.0.send(Row { run, node, output, kept }).expect("the writer outlives the flows");
        is_kept.await.expect("the writer answers everything");
    }

    /// A run of three steps, one after the other, and how long it took.
    async fn chain(&self, run: i64) -> Duration {
        let begun = Instant::now();
        for node in 0..=3 {
            // Node 0 stands for the run's beginning.
            self.append(run, node).await;
        }
        begun.elapsed()
    }
}

fn main() -> rusqlite::Result<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).expect("a directory for the database");
    let (log, rows) = channel();
    let connection = open(&dir.path().join("floor.db"))?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    println!(r#"{{"sqlite": "{}", "synchronous": {synchronous}}}"#, rusqlite::version());
    sync_alone(dir.path());
    if std::env::args().nth(2).is_some_and(|only| only == "disk") {
        return Ok(());
    }

    let writer = std::thread::spawn(move || write(connection, &rows));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for (flows, chains) in [(1, 500), (16, 200), (64, 200)] {
            chains_side_by_side(&Log(log.clone()), flows, chains).await;
        }
        fan_out(&Log(log), 10_000).await;
    });
    writer.join().expect("the writer does not panic")
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE event (key INTEGER PRIMARY KEY, run INTEGER, node INTEGER, output TEXT);",
    )?;
    Ok(connection)
}

/// Writes whatever waits as one transaction, and answers when it is on disk.
fn write(mut connection: Connection, rows: &Receiver<Row>) -> rusqlite::Result<()> {
    while let Ok(first) = rows.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(rows.try_iter().take(4095)).collect();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert =
            transaction.prepare_cached("INSERT INTO event (run, node, output) VALUES (?, ?, ?)")?;
        for row in &batch {
            insert.execute((row.run, row.node, &row.output))?;
        }
        drop(insert);
        transaction.commit()?;
        for row in batch {
            row.kept.send(()).expect("every flow waits");
        }
    }
    Ok(())
}

/// What the disk does without a database: 4 KiB, then a sync.
fn sync_alone(dir: &Path) {
    let mut file = File::create(dir.join("raw")).expect("a file");
    let times = (0..500).map(|_| {
        let begun = Instant::now();
        file.write_all(&[1; 4096]).and_then(|()| file.sync_data()).expect("a write");
        begun.elapsed()
    });
    let (p50, p99) = percentiles(times.collect());
    println!(r#"{{"name": "fdatasync", "p50_us": {p50}, "p99_us": {p99}}}"#);
}

async fn chains_side_by_side(log: &Log, flows: i64, chains: i64) {
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for flow in 0..flows {
        let log = log.clone();
        under_way.spawn(async move {
            let mut times = Vec::new();
            for chain in 0..chains {
                times.push(log.chain(flow * chains + chain).await);
            }
            times
        });
    }
    let times = under_way.join_all().await.concat();
    let steps_per_s = times.len() as u128 * 3 * 1_000_000 / begun.elapsed().as_micros();
    let (p50, p99) = percentiles(times);
    println!(
        r#"{{"name": "chain", "flows": {flows}, "p50_us": {p50}, "p99_us": {p99}, "steps_per_s": {steps_per_s}}}"#
    );
}

async fn fan_out(log: &Log, width: u32) {
    let begun = Instant::now();
    log.append(0, 0).await;
    let mut under_way = JoinSet::new();
    for node in 1..=width {
        let log = log.clone();
        under_way.spawn(async move { log.append(0, i64::from(node)).await });
    }
    under_way.join_all().await;
    log.append(0, i64::from(width) + 1).await;
    let us_per_task = begun.elapsed().as_secs_f64() * 1e6 / f64::from(width);
    println!(r#"{{"name": "fan_out", "width": {width}, "us_per_task": {us_per_task:.2}}}"#);
}

/// The median and the 99th percentile, in microseconds.
fn percentiles(mut times: Vec<Duration>) -> (u128, u128) {
    times.sort_unstable();
    (times[times.len() / 2].as_micros(), times[times.len() * 99 / 100].as_micros())
}
