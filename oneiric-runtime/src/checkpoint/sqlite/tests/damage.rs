//! Files that were damaged: what they say is never handed on as if it had been kept.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{completed, create, directory, drain, new_run, open, started};
use crate::checkpoint::sqlite::place;
use crate::checkpoint::{Kind, NewRun, Sqlite, Store, Urgency};
use crate::json::Json;

#[tokio::test]
async fn a_flipped_bit_in_an_output_or_an_input_is_found() {
    for needle in [&b"precious"[..], b"[\"input\",\"damaged\"]", b"label of damaged"] {
        let dir = filled().await;
        let path = place::database_in(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        // It may be there twice: in a page, and in what is left of it in another that it was moved from.
        let found: Vec<_> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(needle)).collect();
        assert!(!found.is_empty(), "it is there as text");
        for place in found {
            bytes[place + 3] ^= 0x04;
        }
        fs::write(&path, bytes).unwrap();

        let store = open(&dir);
        let error = store.find("damaged").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains("run `damaged`"), "{error}");
        // The others are not held up by it.
        assert_eq!(store.find("sound").await.unwrap().unwrap().log.len(), 300);
        let mut records = store.open_runs();
        assert_eq!(records.recv().await.unwrap().unwrap_err(), error);
        assert_eq!(records.recv().await.unwrap().unwrap().run.run_id, "sound");
    }
}

#[tokio::test]
async fn a_damaged_header_or_a_cut_file_is_refused() {
    let cases: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[17] ^= 1,
        |bytes| bytes[..4096].fill(0),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.truncate(1000),
    ];
    for (number, damage) in cases.iter().enumerate() {
        let dir = filled().await;
        let path = place::database_in(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let error = Sqlite::open(dir.path()).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt, "{number}: {error}");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
        assert!(bytes == fs::read(&path).unwrap(), "it was changed");
    }
}

/// Wherever a byte is flipped: what the store hands out is what was kept, or an error.
#[tokio::test]
async fn no_flipped_byte_is_handed_on() {
    let dir = filled().await;
    let path = place::database_in(dir.path());
    let sound = fs::read(&path).unwrap();
    let store = open(&dir);
    let kept = drain(&store).await;
    store.close().await.unwrap();

    for place in (0..sound.len()).step_by(sound.len() / 150) {
        let dir = directory();
        let path = place::database_in(dir.path());
        let mut bytes = sound.clone();
        bytes[place] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let Ok(store) = Sqlite::open(dir.path()) else { continue };
        let mut records = store.open_runs();
        while let Some(record) = records.recv().await {
            let Ok(record) = record else { continue };
            let original =
                kept.iter().find(|kept| kept.run.run_id == record.run.run_id).expect("no run is made up");
            for entry in &record.log {
                assert!(original.log.contains(entry), "byte {place}: {entry:?}");
            }
            assert_eq!((&record.run.input, &record.run.labels), (&original.run.input, &original.run.labels));
        }
    }
}

#[tokio::test]
async fn a_damaged_database_that_was_not_closed_stops_the_store() {
    let dir = filled().await;
    let store = open(&dir);
    create(&store, &new_run("last")).await;
    // What a killed process leaves: both files as they are.
    let crashed = directory();
    for name in ["oneiric.db", "oneiric.db-wal"] {
        fs::copy(dir.path().join(name), crashed.path().join(name)).unwrap();
    }
    wipe_page(&place::database_in(crashed.path()));

    let store = open(&crashed);
    let error = tokio::time::timeout(Duration::from_secs(20), async {
        for number in 0.. {
            if let Err(error) = store.create(new_run(&format!("new-{number}"))).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        unreachable!()
    })
    .await
    .expect("the check finds it");
    assert_eq!(error.kind(), Kind::Closed);
    assert!(error.to_string().contains("is damaged"), "{error}");
}

/// A directory with a closed store, in which there are two open runs, `damaged` and `sound`.
async fn filled() -> TempDir {
    let dir = directory();
    let store = open(&dir);
    for (run_id, text) in [("damaged", "precious"), ("sound", "other")] {
        let labels = Json::of(&format!("label of {run_id}")).unwrap();
        let key = create(&store, &NewRun { labels, ..new_run(run_id) }).await;
        let log = (0..150)
            .flat_map(|node| {
                [started(node, 1), completed(node, &format!("\"{text} {node} {}\"", "x".repeat(300)))]
            })
            .collect();
        store.append(key, log, Urgency::Now).await.unwrap();
    }
    store.close().await.unwrap();
    dir
}

/// Writes zeros over a page in the middle, where the log is.
fn wipe_page(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    file.write_all_at(&[0; 4096], middle).unwrap();
}
