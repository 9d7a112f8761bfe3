//! What a store in Postgres must do beyond what every store must, against a server that the tests start.

mod engine;
mod lease;
mod notifications;
mod outage;
mod schema;

use oneiric_tests::services::Postgres as Server;

use super::{Postgres, Settings};
use crate::checkpoint::conformance::{self, completed, create, drain, ended, everything, new_run, started};
use crate::checkpoint::{Created, Filter, Kind, Store, Urgency};
use crate::run::Status;

conformance::suite!(|| {
    let settings = database();
    // The factory is not async; a thread of its own waits for the server.
    let open = || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(open(&settings))
    };
    (std::thread::scope(|scope| scope.spawn(open).join().unwrap()), ())
});

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let settings = database();
    let store = open(&settings).await;
    let key = create(&store, &new_run("r")).await;
    store.append(key, everything(), Urgency::Now).await.unwrap();
    let done = create(&store, &new_run("done")).await;
    store.append(done, vec![ended(7, Status::Completed)], Urgency::Now).await.unwrap();
    let waiting = create(&store, &new_run("waiting")).await;
    let reply = store.append(waiting, vec![started(0, 1)], Urgency::Soon);
    let list = store.list(Filter::default()).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(reply.await, Ok(()), "what waits is written first");

    let store = open(&settings).await;
    assert_eq!(store.list(Filter::default()).await.unwrap(), list);
    assert_eq!(store.find("r").await.unwrap().unwrap().log, everything());
    assert_eq!(store.find("waiting").await.unwrap().unwrap().log, [started(0, 1)]);
    assert!(store.definition("wf", "d-1").await.unwrap().is_some());
    let Created::Existing(run) = store.create(new_run("done")).await.unwrap() else { panic!("it was lost") };
    assert_eq!((run.key, run.status), (done, Status::Completed));
    assert!(create(&store, &new_run("new")).await > done);
}

#[tokio::test]
async fn dropping_the_store_keeps_what_it_was_told() {
    let settings = database();
    let store = open(&settings).await;
    let key = create(&store, &new_run("r")).await;
    let reply = store.append(key, vec![started(0, 1)], Urgency::Soon);
    drop(store);
    assert_eq!(reply.await, Ok(()));
}

#[tokio::test]
async fn a_reader_reads_and_writes_nothing() {
    let settings = database();
    let nothing = Postgres::open_reader(settings.clone()).await.map(drop).unwrap_err();
    assert_eq!(nothing.kind(), Kind::Denied);
    assert!(nothing.to_string().contains("nothing has run with it yet"), "{nothing}");

    let store = open(&settings).await;
    let key = create(&store, &new_run("r")).await;
    store.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    let reader = Postgres::open_reader(settings).await.unwrap();
    assert_eq!(reader.find("r").await.unwrap().unwrap().log, [started(0, 1)]);
    assert_eq!(reader.list(Filter::default()).await.unwrap().len(), 1);
    assert!(reader.definition("wf", "d-1").await.unwrap().is_some());
    assert!(reader.notices().is_none());
    let written = reader.append(key, vec![completed(0, "1")], Urgency::Now).await.unwrap_err();
    assert_eq!(written.kind(), Kind::Denied);
    assert!(reader.open_runs().recv().await.unwrap().is_err_and(|error| error.kind() == Kind::Denied));
    reader.close().await.unwrap();
}

#[tokio::test]
async fn a_port_with_a_password_is_as_good_as_a_socket() {
    let server = Server::shared();
    let at =
        |password| Settings::at("127.0.0.1", server.port(), "postgres", Some(password), "postgres").unwrap();
    let settings = at(server.password()).schema(&server.schema()).unwrap();
    let store = Postgres::open(settings).await.unwrap();
    create(&store, &new_run("r")).await;
    assert_eq!(drain(&store).await.len(), 1);

    let denied = Postgres::open(at("hush")).await.map(drop).unwrap_err();
    assert_eq!(denied.kind(), Kind::Denied);
    assert!(denied.to_string().contains("check the user and the password"), "{denied}");
    assert!(!denied.to_string().contains("hush"), "{denied}");
}

#[tokio::test]
async fn the_log_can_be_read_by_people() {
    let settings = database();
    let store = open(&settings).await;
    let key = create(&store, &new_run("r")).await;
    store.append(key, everything(), Urgency::Now).await.unwrap();
    let select = "SELECT run_id, workflow, epoch, extract(epoch FROM at), event FROM log ORDER BY seq";
    let lines = sql(&settings, select);
    assert_eq!(lines.lines().count(), everything().len());
    assert_eq!(lines.lines().next(), Some("r|wf|1|0.000005|node started"));
    assert!(lines.ends_with("run ended"), "{lines}");
}

/// A schema of its own on the server of all tests.
fn database() -> Settings {
    let server = Server::shared();
    Settings::of_dsn(&server.dsn()).unwrap().schema(&server.schema()).unwrap()
}

async fn open(settings: &Settings) -> Postgres {
    Postgres::open(settings.clone()).await.unwrap()
}

/// What the server of all tests says in a schema.
fn sql(settings: &Settings, text: &str) -> String {
    let schema = &settings.schema;
    Server::shared().sql(&format!("SET search_path TO \"{schema}\"; {}", text.replace("{schema}", schema)))
}
