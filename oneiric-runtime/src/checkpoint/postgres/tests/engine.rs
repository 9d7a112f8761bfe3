//! Engines that share a database, as instances of one program do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Settings, database, open, sql};
use crate::app::App;
use crate::dag::Dag;
use crate::engine::{Engine, Handle, Start, StartError};
use crate::json::Json;
use crate::run::Status;
use crate::task::{Ctx, Error};
use crate::value::literal;
use crate::{Timestamp, millis, secs};

/// Attempts of `work` that were begun, by all engines of one test.
static BEGUN: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];

#[oneiric::task]
async fn work(ctx: Ctx, ms: u64, test: usize) -> Result<String, Error> {
    BEGUN[test].fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(millis(ms)).await;
    Ok(ctx.idempotency_key())
}

/// Two nodes that take no time, and one that takes as long as the input says.
fn flow(dag: &Dag) {
    let input = dag.input();
    let first = dag.task("first", work::Def).with(work::Args { ms: literal("0"), test: input.get("test") });
    let slow = dag.task("slow", work::Def).with(work::Args { ms: input.get("ms"), test: input.get("test") });
    let slow = slow.after([first.id()]);
    dag.task("last", work::Def)
        .with(work::Args { ms: literal("0"), test: input.get("test") })
        .after([slow.id()]);
}

async fn engine(settings: &Settings) -> Engine {
    let mut app = App::default();
    app.workflow("flow", flow);
    let engine = Engine::new(app, Arc::new(open(settings).await));
    engine.recover().await.unwrap();
    engine
}

async fn start(engine: &Engine, run_id: &str, ms: u64, test: usize) -> Handle {
    let input = Json::of(&serde_json::json!({ "ms": ms, "test": test })).unwrap();
    let start =
        Start { workflow: "flow".to_owned(), run_id: Some(run_id.to_owned()), input, labels: Json::null() };
    engine.start(start).await.unwrap()
}

#[tokio::test]
async fn a_run_of_another_engine_is_waited_for_and_answered_alike() {
    let settings = database();
    let (a, b) = (engine(&settings).await, engine(&settings).await);
    let (here, there) = (start(&a, "r", 500, 0).await, start(&b, "r", 500, 0).await);
    assert!(here.is_new() && !there.is_new());
    let (here, there) = tokio::join!(here.finished(), there.finished());
    let (here, there) = (here.unwrap(), there.unwrap());
    assert_eq!(here.status, Status::Completed);
    assert_eq!(serde_json::to_string(&*here).unwrap(), serde_json::to_string(&*there).unwrap());
    let again = start(&b, "r", 500, 0).await.finished().await.unwrap();
    assert_eq!(serde_json::to_string(&*here).unwrap(), serde_json::to_string(&*again).unwrap());
    assert_eq!(BEGUN[0].load(Ordering::SeqCst), 3);
    assert_eq!((a.in_flight(), b.in_flight()), (0, 0));
}

#[tokio::test]
async fn a_run_of_another_engine_can_be_cancelled() {
    let settings = database();
    let (a, b) = (engine(&settings).await, engine(&settings).await);
    let handle = start(&a, "r", 60_000, 1).await;
    let began = std::time::Instant::now();
    assert_eq!(b.cancel("r").await.unwrap().status, Status::Cancelled);
    assert_eq!(handle.finished().await.unwrap().status, Status::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(10));

    // And go on in yet another place.
    let resumed = b.resume("r", false).await.unwrap();
    let followed = start(&a, "r", 60_000, 1).await;
    assert!(b.in_flight() == 1 && a.in_flight() == 0);
    assert_eq!(a.cancel("r").await.unwrap().status, Status::Cancelled);
    assert_eq!(resumed.finished().await.unwrap().status, Status::Cancelled);
    assert_eq!(followed.finished().await.unwrap().status, Status::Cancelled);
    assert_eq!(b.prune(Timestamp(i64::MAX)).await, Ok(1));
}

#[tokio::test]
async fn what_an_engine_leaves_another_goes_on_with_at_once() {
    let settings = database();
    let (a, b) = (engine(&settings).await, engine(&settings).await);
    let handle = start(&a, "r", 2000, 2).await;
    let follower = start(&b, "r", 2000, 2).await;
    tokio::time::sleep(millis(300)).await;
    a.stop(Duration::ZERO).await.unwrap();
    assert!(matches!(handle.finished().await, Err(StartError::Draining)));
    let report = follower.finished().await.unwrap();
    assert_eq!(report.status, Status::Completed);
    assert_eq!(report.output::<String>("slow").as_deref(), Some("r/slow"));
    assert_eq!(BEGUN[2].load(Ordering::SeqCst), 4, "the first node did not run again");
}

#[tokio::test]
async fn an_engine_that_is_taken_for_dead_stops_and_waits_for_the_other() {
    let settings = database().lease(secs(2));
    let (a, b) = (engine(&settings).await, engine(&settings).await);
    let handle = start(&a, "r", 3000, 3).await;
    tokio::time::sleep(millis(300)).await;
    let death = "UPDATE instance SET ended_at = clock_timestamp() WHERE key = (SELECT holder FROM run)";
    sql(&settings, &format!("{death}; NOTIFY \"{{schema}}\", 'free x'"));
    let report = handle.finished().await.unwrap();
    assert_eq!(report.status, Status::Completed);
    assert_eq!(BEGUN[3].load(Ordering::SeqCst), 4, "the slow node was begun by both, and ended by one");
    let epochs = "SELECT string_agg(DISTINCT epoch::text, ' ') FROM log WHERE event = 'node completed'";
    assert_eq!(sql(&settings, epochs), "1 2");
    assert_eq!(b.in_flight() + a.in_flight(), 0);
}

#[tokio::test]
async fn runs_that_nobody_asks_for_are_taken_over_too() {
    let settings = database();
    let (a, b) = (engine(&settings).await, engine(&settings).await);
    for number in 0..100 {
        drop(start(&a, &number.to_string(), 700, 4).await);
    }
    tokio::time::sleep(millis(100)).await;
    a.stop(Duration::ZERO).await.unwrap();
    let done = "SELECT count(*) FROM run WHERE status = 'completed'";
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while sql(&settings, done) != "100" {
        assert!(std::time::Instant::now() < until, "{} of 100, {b:?}", sql(&settings, done));
        tokio::time::sleep(millis(50)).await;
    }
}
