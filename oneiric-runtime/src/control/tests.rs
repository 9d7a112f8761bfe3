//! Orders over a real socket, as one process would send them to another.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::app::App;
use crate::checkpoint::Memory;
use crate::engine::{Engine, Start};
use crate::http::Server;
use crate::http::lifecycle::Stage;
use crate::json::Json;
use crate::secs;
use crate::task::Error;

#[oneiric::task]
async fn fail() -> Result<(), Error> {
    Err(Error::permanent("no such order"))
}

/// A process that has the store, and where its socket is.
fn process() -> (Engine, tempfile::TempDir, PathBuf) {
    let mut app = App::default();
    app.workflow("nothing", |_| {});
    app.workflow("pause", |dag| {
        dag.wait("pause", secs(600));
    });
    app.workflow("fail", |dag| {
        dag.task("fail", fail::Def).with(fail::Args {});
    });
    let engine = Engine::new(app, Arc::new(Memory::new()));
    let dir = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new();
    lifecycle.enter(Stage::Ready(engine.clone()));
    tokio::spawn(Server::new(lifecycle).serve(listen(dir.path(), false).unwrap()));
    let path = dir.path().to_owned();
    (engine, dir, path)
}

async fn ask(state_dir: &std::path::Path, order: Order) -> Result<serde_json::Value, Failure> {
    let answer = send(state_dir, &order).await.expect("a process listens");
    answer.map(|document| document.parse().unwrap())
}

fn run(workflow: &str, run_id: &str) -> Order {
    Order::Run { workflow: workflow.to_owned(), run_id: run_id.to_owned(), input: Json::trusted("{}") }
}

#[tokio::test]
async fn a_run_is_carried_out_where_the_store_is() {
    let (_, _dir, path) = process();
    let document = ask(&path, run("nothing", "n")).await.unwrap();
    assert_eq!((&document["run_id"], &document["status"]), (&"n".into(), &"completed".into()));
    let document = ask(&path, run("fail", "f")).await.unwrap();
    assert_eq!(document["status"], "failed");
    assert_eq!(document["error"], "node `fail` failed after 1 attempt(s): no such order");
    assert_eq!(document["nodes"][0]["attempts"], 1);
}

#[tokio::test]
async fn a_run_is_cancelled_from_outside() {
    let (engine, _dir, path) = process();
    let start = Start {
        workflow: "pause".to_owned(),
        run_id: Some("waits-long".to_owned()),
        input: Json::trusted("{}"),
        labels: Json::null(),
    };
    let handle = engine.start(start).await.unwrap();
    let failure = ask(&path, Order::Cancel { run_id: "wait-long".to_owned() }).await.unwrap_err();
    assert_eq!(failure.code, "run-unknown");
    assert!(failure.message.ends_with("did you mean `waits-long`?"), "{failure}");

    let document = ask(&path, Order::Cancel { run_id: "waits-long".to_owned() }).await.unwrap();
    assert_eq!(document["status"], "cancelled");
    assert_eq!(handle.finished().await.unwrap().status, crate::run::Status::Cancelled);
    let failure = ask(&path, Order::Cancel { run_id: "waits-long".to_owned() }).await.unwrap_err();
    assert_eq!(failure.code, "not-now");

    let document = ask(&path, Order::Resume { run_id: "waits-long".to_owned(), accept_changes: false }).await;
    assert_eq!(document.unwrap()["status"], "running", "it goes on there, and is not waited for");
}

#[tokio::test]
async fn failures_and_counts_come_back() {
    let (_, _dir, path) = process();
    let failure = ask(&path, run("nothin", "n")).await.unwrap_err();
    assert_eq!(failure.code, "workflow-unknown");
    ask(&path, run("nothing", "n")).await.unwrap();
    let document = ask(&path, Order::Prune { before: i64::MAX }).await.unwrap();
    assert_eq!(document["pruned"], 1);
}

#[tokio::test]
async fn secrets_are_forgotten_and_health_is_asked_for_where_the_store_is() {
    let (engine, _dir, path) = process();
    let document = ask(&path, Order::RotateSecrets { names: Vec::new() }).await.unwrap();
    assert_eq!(document, serde_json::json!({ "forgotten": 0, "adapters": [] }));
    for probes in [false, true] {
        let health = ask_health(&path, probes).await.unwrap().unwrap();
        let health = health.parse::<crate::health::Health>().unwrap();
        assert!(health.is_healthy(), "{health:?}");
        assert_eq!(health.process.pid, Some(std::process::id()));
        assert_eq!(health.process.stage, "ready");
    }
    engine.drain();
    let health = ask_health(&path, false).await.unwrap().unwrap().parse::<crate::health::Health>().unwrap();
    assert!(health.activity_state.draining);
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(ask_health(dir.path(), false).await.is_none());
    assert!(send_if_running(dir.path(), &Order::RotateSecrets { names: Vec::new() }).await.is_none());
    let order = Order::Prune { before: 0 };
    assert!(send(dir.path(), &order).await.is_none());
    drop(listen(dir.path(), false).unwrap());
    assert!(send(dir.path(), &order).await.is_none(), "a socket that nobody listens to");
}
