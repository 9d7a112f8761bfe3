//! What a store on disk must do beyond what every store must.

mod damage;
mod fault;
mod kill;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Sqlite, place, schema};
use crate::checkpoint::conformance::{self, completed, create, drain, ended, everything, new_run, started};
use crate::checkpoint::{Created, Filter, Kind, Store, Urgency};
use crate::clock::Timestamp;
use crate::run::Status;

conformance::suite!(|| {
    let dir = directory();
    (open(&dir), dir)
});

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    store.append(key, everything(), Urgency::Now).await.unwrap();
    let done = create(&store, &new_run("done")).await;
    store.append(done, vec![ended(7, Status::Completed)], Urgency::Now).await.unwrap();
    let list = store.list(Filter::default()).await.unwrap();
    store.close().await.unwrap();

    let store = open(&dir);
    assert_eq!(store.list(Filter::default()).await.unwrap(), list);
    assert_eq!(store.find("r").await.unwrap().unwrap().log, everything());
    assert!(store.definition("wf", "d-1").await.unwrap().is_some());
    let Created::Existing(run) = store.create(new_run("done")).await.unwrap() else { panic!("it was lost") };
    assert_eq!((run.key, run.status), (done, Status::Completed));
    assert!(create(&store, &new_run("new")).await > done);
}

/// Format 1 had no notifications.
#[tokio::test]
async fn a_database_of_an_earlier_format_is_taken_over() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    store.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    store.close().await.unwrap();
    let path = place::database_in(dir.path());
    let before =
        "DROP VIEW log; DROP INDEX run_open; ALTER TABLE run DROP COLUMN to_send; PRAGMA user_version = 1;
        CREATE INDEX run_open ON run (key) WHERE ended_at IS NULL; CREATE VIEW log AS SELECT * FROM event;";
    Connection::open(&path).unwrap().execute_batch(before).unwrap();

    let reader = Sqlite::open_reader(dir.path()).unwrap();
    assert_eq!(reader.find("r").await.unwrap().unwrap().log, [started(0, 1)]);
    drop(reader);
    let store = open(&dir);
    assert_eq!(drain(&store).await[0].log, [started(0, 1)]);
    store.append(key, everything(), Urgency::Now).await.unwrap();
    store.close().await.unwrap();
    let connection = Connection::open(&path).unwrap();
    let shown = "SELECT count(*) FROM log WHERE event = 'notification' AND run_id = 'r'";
    assert_eq!(connection.query_row(shown, [], |row| row.get::<_, i64>(0)), Ok(6));
}

/// A restart reads what is open, however much has ended.
#[test]
fn open_runs_are_found_by_their_index() {
    let dir = directory();
    drop(open(&dir));
    let connection = Connection::open(place::database_in(dir.path())).unwrap();
    let sql =
        format!("EXPLAIN QUERY PLAN SELECT key FROM run WHERE {} AND key > 1 ORDER BY key", schema::IS_OPEN);
    let plan: String = connection.query_row(&sql, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("run_open"), "{plan}");
}

#[tokio::test]
async fn closing_leaves_nothing_to_repair_and_lets_the_next_one_in() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    let reply = store.append(key, vec![started(0, 1)], Urgency::Soon);
    store.close().await.unwrap();
    assert_eq!(reply.await, Ok(()), "what waits is written first");

    assert!(!place::Place::take(dir.path()).unwrap().was_left_unclean);
    let store = open(&dir);
    assert_eq!(store.find("r").await.unwrap().unwrap().log, [started(0, 1)]);
}

#[tokio::test]
async fn dropping_the_store_keeps_what_it_was_told() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    let reply = store.append(key, vec![started(0, 1)], Urgency::Soon);
    drop(store);
    assert_eq!(reply.await, Ok(()));
}

#[tokio::test]
async fn other_processes_may_read_meanwhile_and_afterwards() {
    let dir = directory();
    let nothing = Sqlite::open_reader(dir.path()).map(drop).unwrap_err();
    assert_eq!(nothing.kind(), Kind::Denied);
    assert!(nothing.to_string().contains("nothing has run with this state directory yet"), "{nothing}");

    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    let reader = Sqlite::open_reader(dir.path()).unwrap();
    store.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    assert_eq!(reader.find("r").await.unwrap().unwrap().log, [started(0, 1)]);

    let written = reader.append(key, vec![completed(0, "1")], Urgency::Now).await.unwrap_err();
    assert_eq!(written.kind(), Kind::Denied);
    assert!(written.to_string().contains("opened for reading only"), "{written}");
    reader.close().await.unwrap();
    store.close().await.unwrap();

    let reader = Sqlite::open_reader(dir.path()).unwrap();
    assert_eq!(drain(&reader).await.len(), 1);
    assert_eq!(reader.list(Filter::default()).await.unwrap().len(), 1);
    assert!(reader.definition("wf", "d-1").await.unwrap().is_some());
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let dir = directory();
    let state = dir.path().join("a/b");
    let store = Sqlite::open(&state).unwrap();
    create(&store, &new_run("r")).await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let mut names = Vec::new();
    for file in state.read_dir().unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["oneiric.db", "oneiric.db-shm", "oneiric.db-wal", "oneiric.lock"]);
}

#[tokio::test]
async fn the_write_ahead_log_does_not_grow_with_the_work() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for node in 0..48 {
        store.append(key, vec![completed(node, &large)], Urgency::Now).await.unwrap();
    }
    let size = dir.path().join("oneiric.db-wal").metadata().unwrap().len();
    assert!(size <= 16 << 20, "{size} bytes");
}

#[tokio::test]
async fn a_prune_gives_the_space_back() {
    let dir = directory();
    let store = open(&dir);
    let large = format!("\"{}\"", "x".repeat(100_000));
    for number in 0..100 {
        let key = create(&store, &new_run(&number.to_string())).await;
        let log = vec![completed(0, &large), ended(number, Status::Completed)];
        store.append(key, log, Urgency::Now).await.unwrap();
    }
    // The rest goes on meanwhile.
    let pruned = store.prune(Timestamp(99));
    let key = create(&store, &new_run("meanwhile")).await;
    store.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    assert_eq!(pruned.await, Ok(99));
    store.close().await.unwrap();
    let size = place::database_in(dir.path()).metadata().unwrap().len();
    assert!(size < 300_000, "{size} bytes");
    assert_eq!(open(&dir).list(Filter::default()).await.unwrap().len(), 2);
}

/// Threads that never run cost nothing, and let a processor sleep.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_store_does_not_wake_up() {
    if let Some(dir) = part_to_play() {
        let store = Sqlite::open(&dir).unwrap();
        let key = create(&store, &new_run("r")).await;
        store.append(key, vec![started(0, 1)], Urgency::Soon).await.unwrap();
        store.find("r").await.unwrap();
        // Once, it tidies up.
        std::thread::sleep(Duration::from_secs(2));
        let before = switches();
        std::thread::sleep(Duration::from_millis(1500));
        let size = place::database_in(&dir).metadata().unwrap().len();
        println!("switches {before} {} size {size}", switches());
        return;
    }
    let dir = directory();
    let child = other_process("an_idle_store_does_not_wake_up", dir.path()).output().unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    let words: Vec<_> = said.split_whitespace().skip_while(|word| *word != "switches").collect();
    assert_ne!(words[1], "0", "{said}");
    assert_eq!(words[1], words[2], "{said}");
    assert!(words[4].parse::<u64>().unwrap() > 4096, "it did not tidy up: {said}");
}

/// How often the store's threads in this process have gone to sleep so far.
#[cfg(target_os = "linux")]
fn switches() -> u64 {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        let thread = thread.unwrap().path();
        let name = std::fs::read_to_string(thread.join("comm")).unwrap();
        if ["oneiric-writer\n", "oneiric-reader\n"].contains(&name.as_str()) {
            let status = std::fs::read_to_string(thread.join("status")).unwrap();
            let count =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            sum += count.trim().parse::<u64>().unwrap();
        }
    }
    sum
}

#[tokio::test]
async fn the_log_can_be_read_by_people() {
    let dir = directory();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    store.append(key, everything(), Urgency::Now).await.unwrap();
    let connection = Connection::open(place::database_in(dir.path())).unwrap();
    let lines: Vec<String> = connection
        .prepare("SELECT at || ' ' || run_id || ' ' || event FROM log ORDER BY key")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(lines.len(), everything().len());
    assert_eq!(lines[0], "1970-01-01T00:00:00.000005Z r node started");
    assert!(lines.last().unwrap().ends_with("r run ended"));
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &TempDir) -> Sqlite {
    Sqlite::open(dir.path()).unwrap()
}

/// The directory in which to play the other process of the test of this name, if this process is to.
fn part_to_play() -> Option<std::path::PathBuf> {
    std::env::var_os("ONEIRIC_TEST_STATE_DIR").map(Into::into)
}

/// This program again, for the test of this name only, to play the other process.
fn other_process(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = format!("checkpoint::sqlite::tests::{test}");
    command.args(["--exact", &name, "--nocapture", "--test-threads=1"]).env("ONEIRIC_TEST_STATE_DIR", dir);
    command
}
