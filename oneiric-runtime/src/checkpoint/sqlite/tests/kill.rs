//! A store whose process is killed keeps exactly what it answered.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use super::{completed, create, directory, ended, new_run, open, other_process, part_to_play, started};
use crate::checkpoint::{Filter, Memory, Record, RunKey, Sqlite, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::Status;

/// One thing after the other, each of which is one commit.
const STEPS: usize = 16;

async fn step(store: &impl Store, number: usize) {
    let run = RunKey(1 + i64::try_from(number / 5).unwrap());
    let node = u32::try_from(number).unwrap();
    match number {
        // A prune is a transaction for what it finds, and one that finds nothing more.
        15 => assert_eq!(store.prune(Timestamp(100)).await, Ok(1)),
        12 => {
            let log = vec![completed(9, "\"moved\"")];
            store.rebase(run, "d-2".into(), Json::of("second").unwrap(), log).await.unwrap();
        }
        _ => match number % 5 {
            0 => assert_eq!(create(store, &new_run(&number.to_string())).await, run),
            1 if number < 5 => store.append(run, vec![started(node, 1)], Urgency::Soon).await.unwrap(),
            4 if number < 10 => {
                let status = if number == 4 { Status::Completed } else { Status::Failed };
                let time = if number == 4 { 50 } else { 500 };
                store.append(run, vec![ended(time, status)], Urgency::Now).await.unwrap();
            }
            _ => {
                let entries = vec![completed(node, "[1, 2]"), started(node + 1, 1)];
                store.append(run, entries, Urgency::Now).await.unwrap();
            }
        },
    }
}

/// Everything there is to see.
async fn contents(store: &impl Store) -> Vec<Record> {
    let mut records = Vec::new();
    for run in store.list(Filter::default()).await.unwrap() {
        records.push(store.find(&run.run_id).await.unwrap().expect("it is listed"));
    }
    records
}

#[tokio::test]
async fn every_commit_is_kept_as_a_whole_or_not_at_all() {
    if let Some(dir) = part_to_play() {
        let store = Sqlite::open(&dir).unwrap();
        for number in 0..STEPS {
            step(&store, number).await;
            println!("answered");
        }
        return;
    }
    for commit in 1..=STEPS {
        for (moment, kept) in [("before", commit - 1), ("after", commit)] {
            let dir = directory();
            let child = other_process("kill::every_commit_is_kept_as_a_whole_or_not_at_all", dir.path())
                .env("ONEIRIC_CRASH_AT_COMMIT", format!("{commit}:{moment}"))
                .output()
                .unwrap();
            assert!(!child.status.success(), "it was to be killed");
            let said = String::from_utf8(child.stdout).unwrap();
            assert_eq!(said.matches("answered").count(), commit - 1, "{said}");

            let expected = Memory::new();
            for number in 0..kept {
                step(&expected, number).await;
            }
            let store = open(&dir);
            assert_eq!(contents(&store).await, contents(&expected).await, "killed {moment} commit {commit}");

            // And it goes on from there as if nothing had been.
            for number in kept..STEPS {
                step(&store, number).await;
                step(&expected, number).await;
            }
            assert_eq!(contents(&store).await, contents(&expected).await);
        }
    }
}

#[tokio::test]
async fn what_was_answered_under_load_survives_a_kill() {
    if let Some(dir) = part_to_play() {
        let store = Arc::new(Sqlite::open(&dir).unwrap());
        let flow = |flow: u32| {
            let store = Arc::clone(&store);
            async move {
                let key = create(&*store, &new_run(&flow.to_string())).await;
                for node in 0.. {
                    drop(store.append(key, vec![started(node, 1)], Urgency::Soon));
                    store.append(key, vec![completed(node, "true")], Urgency::Now).await.unwrap();
                    println!("answered {flow} {node}");
                }
            }
        };
        futures_util::future::join_all((0..16).map(flow)).await;
        return;
    }
    for round in 0..8 {
        let dir = directory();
        let mut child = other_process("kill::what_was_answered_under_load_survives_a_kill", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.by_ref().find(|line| line.contains("answered")).expect("it gets that far");
        std::thread::sleep(Duration::from_millis(7 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let mut answered = BTreeMap::new();
        for line in std::iter::once(first).chain(lines) {
            // The last line may have been cut short; then it names an earlier node, or nothing.
            let mut words = line.split(' ').skip_while(|word| !word.ends_with("answered")).skip(1);
            let (Some(flow), Some(node)) = (words.next(), words.next()) else { continue };
            let Ok(node) = node.parse::<u32>() else { continue };
            let newest = answered.entry(flow.to_owned()).or_insert(node);
            *newest = node.max(*newest);
        }
        let store = open(&dir);
        assert!(!answered.is_empty());
        for (flow, newest) in answered {
            let log = store.find(&flow).await.unwrap().expect("it was answered").log;
            let expected: Vec<_> =
                (0..=newest).flat_map(|node| [started(node, 1), completed(node, "true")]).collect();
            assert_eq!(log[..expected.len()], expected, "flow {flow}");
        }
    }
}
