//! How a program with adapters ends when it is asked to. What becomes of runs under way is in `contract`.

use std::thread;
use std::time::{Duration, Instant};

use oneiric_tests::Server;
use serde_json::{Value, json};

use super::{orchestrate, place};

#[test]
fn adapters_are_closed_in_reverse_order_once_runs_are_done() {
    let place = place();
    let server = Server::start(&place);
    let began = Instant::now();
    let request = json!({ "workflow": "work", "run_id": "r1", "context": place.input(json!({ "ms": 600 })) });
    let output = thread::scope(|scope| {
        let under_way =
            scope.spawn(|| server.try_request("POST", "/tasks/workflow", Some(&request.to_string())));
        oneiric_tests::wait_for(|| !place.journal().lines().is_empty());
        server.process().terminate();
        server.process().line(|line| line.contains("orchestrator-shutdown-requested").then_some(()));
        if let Ok(answer) = server.try_request("POST", "/tasks/workflow", Some(r#"{"workflow":"greet"}"#)) {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.retry_after.is_some(), "{answer:?}");
        }
        let _ = under_way.join();
        assert!(server.process().ends_within(Duration::from_secs(10)), "{}", server.process());
        server.process().lines()
    });
    assert!(began.elapsed() < Duration::from_secs(10));
    let events = output.iter().filter_map(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        let event = line["event"].as_str()?.to_owned();
        let adapter = line["adapter"].as_str().unwrap_or_default().to_owned();
        ["run-stopped", "adapter-ready", "adapter-closed", "orchestrator-stopped"]
            .contains(&event.as_str())
            .then_some((event, adapter))
    });
    let events = events.collect::<Vec<_>>();
    let adapters = |event: &str| -> Vec<&str> {
        events.iter().filter(|(name, _)| name == event).map(|(_, adapter)| adapter.as_str()).collect()
    };
    let (opened, closed) = (adapters("adapter-ready"), adapters("adapter-closed"));
    assert_eq!(opened.len(), 2, "{events:?}");
    assert_eq!(closed, opened.into_iter().rev().collect::<Vec<_>>());
    let at = |event: &str| events.iter().position(|(name, _)| name == event);
    assert!(at("run-stopped") < at("adapter-closed"), "{events:?}");
    assert_eq!(events.last().map(|(name, _)| name.as_str()), Some("orchestrator-stopped"));
    let _ = server.stop().success();
    let health = std::fs::read_to_string(place.state().join("runtime_health.json")).unwrap();
    assert!(health.contains("\"stage\": \"stopped\""), "{health}");
    assert_eq!(place.show("r1")["nodes"][0]["status"], "completed");
}

#[test]
fn who_asks_twice_waits_for_nobody() {
    let place = place();
    let server = Server::spawn(&mut orchestrate(&place));
    thread::scope(|scope| {
        scope.spawn(|| {
            server.try_request("POST", "/tasks/workflow", Some(r#"{"workflow":"endless","run_id":"r1"}"#))
        });
        server.process().line(|line| line.contains("node-stderr").then_some(()));
        server.process().terminate();
        server.process().line(|line| line.contains("orchestrator-shutdown-requested").then_some(()));
        server.process().terminate();
        assert!(server.process().ends_within(Duration::from_secs(3)), "{}", server.process());
    });
    let _ = server.stop().success();
    assert_eq!(place.show("r1")["status"], "running", "it goes on at the next start");
}
