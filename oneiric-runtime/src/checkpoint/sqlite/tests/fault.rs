//! Places that cannot be used, and disks that fail: each is a clear error, and nothing that was answered is lost.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::geteuid;
use rustix::thread::set_thread_res_uid;
use tempfile::TempDir;

use super::{completed, create, directory, new_run, open, other_process, part_to_play, started};
use crate::checkpoint::sqlite::place::{self, Place};
use crate::checkpoint::sqlite::schema;
use crate::checkpoint::{Error, Kind, Sqlite, Store, Urgency};

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    if let Some(dir) = part_to_play() {
        match Sqlite::open(&dir) {
            Err(error) => println!("{:?}: {error}", error.kind()),
            Ok(_store) => {
                println!("opened");
                std::thread::sleep(Duration::from_mins(10));
            }
        }
        return;
    }
    let test = "fault::a_second_process_is_refused_until_the_first_is_gone";
    let dir = directory();
    let store = open(&dir);
    let refused = other_process(test, dir.path()).output().unwrap();
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(said.contains(&format!("Locked: process {} holds", std::process::id())), "{said}");
    assert!(said.contains("ONEIRIC_STATE_DIR"), "{said}");
    store.close().await.unwrap();

    let mut child = other_process(test, dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    let said = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(said).map(Result::unwrap);
    lines.find(|line| line.contains("opened")).expect("now it may");
    assert!(refusal(&dir).to_string().contains(&format!("process {}", child.id())));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(open(&dir));
}

#[tokio::test]
async fn a_lock_of_another_program_is_named() {
    let dir = directory();
    open(&dir).close().await.unwrap();
    let other = Connection::open(place::database_in(dir.path())).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(&dir);
    assert_eq!(error.kind(), Kind::Locked);
    assert!(error.to_string().contains("another program holds a lock"), "{error}");

    other.execute_batch("ROLLBACK").unwrap();
    let store = open(&dir);
    let key = create(&store, &new_run("r")).await;
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = store.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    other.execute_batch("ROLLBACK").unwrap();
    stays_stopped(&store, &error).await;
    assert!(open_again(store, &dir).await.find("r").await.unwrap().unwrap().log.is_empty());
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_to_is_named() {
    let dir = directory();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let error = as_somebody_else(|| Sqlite::open(dir.path()).map(drop)).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().contains("oneiric.lock") && error.to_string().contains("writable"), "{error}");

    let error = as_somebody_else(|| Sqlite::open(&dir.path().join("state")).map(drop)).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().contains("cannot make the state directory"), "{error}");
}

#[tokio::test]
async fn files_that_may_not_be_written_to_are_named() {
    let dir = directory();
    let store = open(&dir);
    create(&store, &new_run("r")).await;
    store.close().await.unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(dir.path().join("oneiric.lock"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(place::database_in(dir.path()), fs::Permissions::from_mode(0o444)).unwrap();

    let error = as_somebody_else(|| Sqlite::open(dir.path()).map(drop)).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    assert!(error.to_string().contains("oneiric.db") && error.to_string().contains("writable"), "{error}");

    fs::set_permissions(place::database_in(dir.path()), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(open(&dir).find("r").await.unwrap().is_some());
}

#[test]
fn what_stands_in_the_way_is_named() {
    let dir = directory();
    fs::create_dir(place::database_in(dir.path())).unwrap();
    let error = refusal(&dir);
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().contains("is a directory"), "{error}");

    let dir = directory();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = Sqlite::open(&dir.path().join("file")).map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    assert!(error.to_string().contains("something else is in its place"), "{error}");

    let dir = directory();
    symlink("/nowhere/at/all", place::database_in(dir.path())).unwrap();
    let error = refusal(&dir);
    assert!(error.to_string().contains("oneiric.db"), "{error}");
}

#[tokio::test]
async fn the_database_of_another_program_or_version_is_left_alone() {
    let cases = [
        ("CREATE TABLE theirs (x)", "belongs to another program"),
        ("PRAGMA application_id = 7", "belongs to another program (application id 7)"),
        ("PRAGMA application_id = 0x4f6e7263; PRAGMA user_version = 3", "was written by a later version"),
        ("PRAGMA application_id = 0x4f6e7263; PRAGMA user_version = -1", "has format -1"),
    ];
    for (sql, expected) in cases {
        let dir = directory();
        let path = place::database_in(dir.path());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        for error in [refusal(&dir), Sqlite::open_reader(dir.path()).map(drop).unwrap_err()] {
            assert_eq!(error.kind(), Kind::Version);
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(before == fs::read(&path).unwrap(), "it was changed");
    }
}

/// The database may not grow, so the statement fails.
#[tokio::test]
async fn a_full_database_stops_the_store_and_loses_nothing() {
    let dir = directory();
    let place = Place::take(dir.path()).unwrap();
    let connection = schema::open(&place.database).unwrap();
    let _: i64 = connection.query_row("PRAGMA max_page_count = 100", [], |row| row.get(0)).unwrap();
    let store = Sqlite::start(place, connection).unwrap();
    let (answered, error) = fill(&store).await;
    assert_eq!(error.kind(), Kind::Full);
    assert!(error.to_string().contains("make room"), "{error}");
    stays_stopped(&store, &error).await;
    assert_eq!(open_again(store, &dir).await.find("r").await.unwrap().unwrap().log.len(), answered);
}

/// The file may not grow, so the write or the commit fails.
#[tokio::test]
async fn a_limit_of_the_system_stops_the_store_and_loses_nothing() {
    let test = "fault::a_limit_of_the_system_stops_the_store_and_loses_nothing";
    if let Some(dir) = part_to_play() {
        let (answered, error) = fill(&Sqlite::open(&dir).unwrap()).await;
        println!("answered {answered} {:?}: {error}", error.kind());
        return;
    }
    let dir = directory();
    open(&dir).close().await.unwrap();
    let child = other_process(test, dir.path());
    // Without the trap the system would kill it.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args())
        .env("ONEIRIC_TEST_STATE_DIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(limited.stdout).unwrap();
    let words: Vec<_> = said.split_whitespace().skip_while(|word| *word != "answered").collect();
    let answered: usize = words[1].parse().unwrap();
    assert!(answered > 0 && words[2] == "Io:", "{said}");
    assert_eq!(open(&dir).find("r").await.unwrap().unwrap().log.len(), answered);
}

/// A real disk that is full; to mount one takes more than an ordinary user may do, and then the two tests above stand
/// for it.
#[tokio::test]
async fn a_full_disk_stops_the_store_and_loses_nothing() {
    let dir = directory();
    let Some(_disk) = Disk::mount(dir.path(), "2m") else { return };
    let state = dir.path().join("state");
    let store = Sqlite::open(&state).unwrap();
    let (answered, error) = fill(&store).await;
    assert_eq!(error.kind(), Kind::Full, "{error}");
    stays_stopped(&store, &error).await;
    assert!(store.close().await.is_err());

    let store = Sqlite::open(&state).unwrap();
    assert_eq!(store.find("r").await.unwrap().unwrap().log.len(), answered);
}

/// A small disk, for as long as this lives.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "oneiric-test"]).arg(at).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily: a store may still be about to let go of it.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// Appends until it fails; says how many entries were answered before.
async fn fill(store: &Sqlite) -> (usize, Error) {
    let key = create(store, &new_run("r")).await;
    let output = format!("\"{}\"", "x".repeat(10_000));
    for node in 0..10_000 {
        if let Err(error) = store.append(key, vec![completed(node, &output)], Urgency::Now).await {
            return (node as usize, error);
        }
    }
    panic!("it never failed")
}

/// After its first error a store writes nothing, and names that error.
async fn stays_stopped(store: &Sqlite, first: &Error) {
    let error = store.create(new_run("later")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(error.to_string().contains(&first.to_string()), "{error}");
}

async fn open_again(store: Sqlite, dir: &TempDir) -> Sqlite {
    assert_eq!(store.close().await.unwrap_err().kind(), Kind::Closed);
    open(dir)
}

fn refusal(dir: &TempDir) -> Error {
    Sqlite::open(dir.path()).map(drop).unwrap_err()
}

/// Does `work` as an ordinary user who owns nothing here: to root, permissions mean nothing.
fn as_somebody_else<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65534);
                // On Linux this is one thread's affair.
                set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}
