//! Notifications of runs whose process goes away while they are being sent.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Settings, database, open, sql};
use crate::engine::Engine;
use crate::notifications::tests::{Attempt, World, run, settled};
use crate::run::{NotificationStatus, Status};
use crate::secs;

async fn engine(world: &World, settings: &Settings) -> Engine {
    let engine = Engine::new(world.app(), Arc::new(open(settings).await));
    engine.recover().await.unwrap();
    engine
}

#[tokio::test]
async fn what_one_engine_was_sending_another_settles() {
    for (desk, adapter, expected, sent) in [
        ("shared letter", "letter", (NotificationStatus::OutcomeUnknown, 1), 1),
        ("shared parcel", "parcel", (NotificationStatus::Sent, 2), 2),
    ] {
        let settings = database();
        let world = World::new(desk, adapter, json!({}), vec![Attempt::Hangs]);
        let (a, b) = (engine(&world, &settings).await, engine(&world, &settings).await);
        assert_eq!(run(&a, "pay", "r", r#"{"amount":1}"#).await.status, Status::Completed);
        while world.came().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It has ended, and is not anybody's to take or to forget.
        b.recover().await.unwrap();
        assert_eq!(run(&b, "pay", "r", r#"{"amount":1}"#).await.status, Status::Completed);
        assert_eq!(b.prune(crate::Timestamp(i64::MAX)).await, Ok(0));
        assert_eq!(sql(&settings, "SELECT epoch, holder IS NULL, to_send FROM run"), "1|f|1");
        assert_eq!(world.came().len(), 1);

        a.stop(Duration::ZERO).await.unwrap();
        assert_eq!(settled(&b, "r").await, [expected], "{desk}");
        let came = world.came();
        assert_eq!(came.len(), sent, "{desk}");
        assert!(came.iter().all(|one| one.id == came[0].id));
        b.delivered(secs(5)).await;
        assert_eq!(sql(&settings, "SELECT epoch, holder IS NULL, to_send FROM run"), "2|t|0");
        assert_eq!(b.prune(crate::Timestamp(i64::MAX)).await, Ok(1));
    }
}

#[tokio::test]
async fn an_engine_that_is_taken_for_dead_sends_nothing_more() {
    let settings = database();
    let away = crate::adapters::Error::new(crate::adapters::Kind::Unavailable, "away").retry_after(secs(1));
    let world = World::new("dead letter", "letter", json!({}), vec![Attempt::Fails(away)]);
    let (a, b) = (engine(&world, &settings).await, engine(&world, &settings).await);
    run(&a, "pay", "r", r#"{"amount":1}"#).await;
    while world.came().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    a.delivered(secs(5)).await;
    let death = "UPDATE instance SET ended_at = clock_timestamp() WHERE key = (SELECT holder FROM run)";
    sql(&settings, &format!("{death}; NOTIFY \"{{schema}}\", 'free x'"));
    // `b` waits for as long as `a` was told to, and both wake at about the same time.
    assert_eq!(settled(&b, "r").await, [(NotificationStatus::Sent, 2)]);
    tokio::time::sleep(secs(2)).await;
    assert_eq!(world.came().len(), 2);
    assert_eq!(sql(&settings, "SELECT holder IS NULL, to_send FROM run"), "t|0");
}
