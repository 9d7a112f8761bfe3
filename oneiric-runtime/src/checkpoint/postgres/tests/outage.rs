//! A server that goes away: what was answered is there, what was not is written once, or refused.

use std::sync::Arc;
use std::time::Duration;

use oneiric_tests::services::Postgres as Server;

use super::{Postgres, Settings, completed, create, new_run, started};
use crate::checkpoint::{Created, Kind, Notice, Store, Urgency};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_server_loses_and_repeats_nothing() {
    let server = Arc::new(Server::start());
    // What happens to a lease meanwhile is another test's.
    let settings = Settings::of_dsn(&server.dsn()).unwrap().lease(Duration::from_mins(2));
    let store = Arc::new(Postgres::open(settings).await.unwrap());
    let writing = (0..4).map(|flow: u32| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut expected = Vec::new();
            let key = create(&*store, &new_run(&flow.to_string())).await;
            for node in 0..400 {
                let entries = vec![started(node, 1), completed(node, "1")];
                expected.extend(entries.clone());
                store.append(key, entries, Urgency::Now).await.unwrap();
                let Created::New(_) = store.create(new_run(&format!("{flow}-{node}"))).await.unwrap() else {
                    panic!("it was made already");
                };
            }
            (flow, expected)
        })
    });
    let writing = writing.collect::<Vec<_>>();
    let crashing = tokio::task::spawn_blocking({
        let server = Arc::clone(&server);
        move || {
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(300));
                server.crash();
                server.begin();
            }
        }
    });
    for flow in writing {
        let (flow, expected) = flow.await.unwrap();
        assert_eq!(store.find(&flow.to_string()).await.unwrap().unwrap().log, expected);
    }
    crashing.await.unwrap();
    assert_eq!(server.sql("SELECT count(*) FROM oneiric.run"), "1604");
    assert_eq!(
        server.sql("SELECT count(DISTINCT epoch) FROM oneiric.lease"),
        "1",
        "nobody took anything over"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_beyond_the_lease_is_the_end_of_it() {
    let server = Server::start();
    let settings = Settings::of_dsn(&server.dsn()).unwrap().lease(Duration::from_millis(600));
    let store = Postgres::open(settings).await.unwrap();
    let mut notices = store.notices().unwrap();
    let key = create(&store, &new_run("r")).await;
    tokio::task::block_in_place(|| server.crash());
    loop {
        let notice = tokio::time::timeout(Duration::from_secs(20), notices.recv()).await;
        if notice.expect("the lease ends without the server").unwrap() == Notice::Lost {
            break;
        }
    }
    tokio::task::block_in_place(|| server.begin());
    let refused = store.append(key, vec![started(0, 1)], Urgency::Now).await;
    assert_eq!(refused.map_err(|error| error.kind()), Err(Kind::Held));
    let record = store.claim("r").await.unwrap().unwrap();
    store.append(record.run.key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    assert_eq!(server.sql("SELECT max(epoch) FROM oneiric.lease"), "2");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::at(dir.path().to_str().unwrap(), 5432, "postgres", None, "postgres").unwrap();
    let began = std::time::Instant::now();
    let error = Postgres::open(settings).await.map(drop).unwrap_err();
    assert!(began.elapsed() > Duration::from_secs(9), "it may be about to start");
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.to_string().contains("see that it runs and can be reached"), "{error}");
}
