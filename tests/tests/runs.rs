//! How runs go: what waits for what, how much at once, how long, and what a restart changes about it.

use std::time::{Duration, Instant};

use oneiric_tests::{Place, Process, Program, Project, Server, WIDE, wait_for};
use serde_json::{Value, json};

fn place() -> Place {
    Place::new(Program::probe())
}

/// The node of this name in what `runs show` says.
fn node<'a>(run: &'a Value, name: &str) -> &'a Value {
    let nodes = run["nodes"].as_array().expect("nodes");
    nodes.iter().find(|node| node["node"] == name).unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

/// Seconds of the day at which something happened.
fn seconds(time: &Value) -> f64 {
    let text = time.as_str().unwrap_or_else(|| panic!("no time: {time}"));
    let clock = text.split_once('T').and_then(|(_, clock)| clock.strip_suffix('Z')).expect("RFC 3339");
    let parts = clock.split(':').map(|part| part.parse::<f64>().expect("a number"));
    parts.fold(0.0, |sum, part| sum * 60.0 + part)
}

/// How long after `from` `to` was, midnight or not.
fn between(from: &Value, to: &Value) -> f64 {
    (seconds(to) - seconds(from)).rem_euclid(86_400.0)
}

#[test]
fn a_node_starts_as_soon_as_its_own_needs_are_met() {
    // The machine may be busy with something else once, but hardly five times.
    let starts = (0..5).map(|_| {
        let place = place();
        let _ = Process::spawn(&mut place.start("no-barrier", "r1", json!({}))).wait().success();
        let run = place.show("r1");
        let times = ["slow", "after"].map(|name| seconds(&node(&run, name)["ended_at"]));
        assert!(times[1] < times[0], "it waited for a node that it does not need\n{run:#}");
        between(&run["created_at"], &node(&run, "after")["started_at"])
    });
    let start = starts.fold(f64::INFINITY, f64::min);
    assert!(start < 0.150, "it started after {start} s");
}

#[test]
fn no_more_nodes_are_under_way_than_the_workflow_allows() {
    let place = place();
    let _ = Process::spawn(&mut place.start("wide", "r1", json!({}))).wait().success();
    let counts = place.journal().counts("r1");
    assert_eq!(counts.len(), WIDE);
    assert!(counts.values().all(|count| *count == 1));
    assert_eq!(place.journal().most_at_once(), 8);
}

#[test]
fn attempts_are_as_many_and_as_far_apart_as_the_manifest_says() {
    let place = place();
    let answer = Process::spawn(&mut place.start("retries", "r1", json!({}))).wait().success().json();
    assert_eq!(answer["results"]["twice__attempts"], 3);
    let attempts = place.journal().lines().into_iter().map(|line| line.attempt).collect::<Vec<_>>();
    assert_eq!(attempts, [1, 2, 3]);
    let run = place.show("r1");
    let took = between(&node(&run, "twice")["started_at"], &node(&run, "twice")["ended_at"]);
    assert!((0.250..1.0).contains(&took), "100 ms and 150 ms of waits took {took} s");
}

#[test]
fn a_failure_that_is_allowed_for_does_not_end_the_run() {
    let place = place();
    let answer = Process::spawn(&mut place.start("forgiven", "r1", json!({}))).wait().success().json();
    assert_eq!(answer["status"], "completed");
    assert_eq!(answer["results"]["anyway"], json!({ "got": null }));
    assert_eq!(node(&place.show("r1"), "bad")["status"], "failed");
}

#[test]
fn a_run_has_no_longer_than_its_workflow_gives_it() {
    let place = place();
    let began = Instant::now();
    let output = Process::spawn(&mut place.start("late", "r1", json!({}))).wait().code(1);
    assert!(began.elapsed() < Duration::from_secs(10), "{output}");
    let run = place.show("r1");
    assert_eq!(run["status"], "failed", "{run:#}");
    assert_eq!(node(&run, "hour")["status"], "cancelled", "{run:#}");
    assert_eq!(node(&run, "never")["status"], "cancelled", "{run:#}");
}

#[test]
fn a_timer_goes_on_while_the_program_is_down() {
    let place = place();
    let process = Process::spawn(&mut place.start("pause", "r1", json!({})));
    wait_for(|| {
        let shown = place.run(["runs", "show", "r1", "--json"]);
        shown.status.success() && node(&shown.json(), "pause")["status"] == "waiting"
    });
    process.kill();
    let until = node(&place.show("r1"), "pause")["until"].clone();
    let _ = Process::spawn(&mut place.start("pause", "r1", json!({}))).wait().success();
    let run = place.show("r1");
    let late = between(&until, &node(&run, "pause")["ended_at"]);
    assert!(late < 0.5, "the timer was {late} s late\n{run:#}");
    assert_eq!(node(&run, "pause")["status"], "completed");
}

#[test]
fn a_changed_workflow_does_not_go_on_by_itself() {
    let manifest = |second: &str| {
        format!(
            r#"oneiric: 1
name: changing
package: effects
tasks:
  append: {{ run: "effects::append" }}
workflows:
  flow:
    nodes:
      first: {{ task: append, with: {{ journal: "${{input.journal}}", ms: 0, inputs: [] }} }}
      pause: {{ wait: 1s, depends_on: [first] }}
      {second}: {{ task: append, with: {{ journal: "${{input.journal}}", ms: 0, inputs: ["${{first}}"] }}, depends_on: [pause] }}
"#
        )
    };
    let old = Project::new("changing-1", &manifest("second")).program();
    let mut place = Place::new(&old);
    let process = Process::spawn(&mut place.start("flow", "r1", json!({})));
    wait_for(|| {
        let shown = place.run(["runs", "show", "r1", "--json"]);
        shown.status.success() && node(&shown.json(), "first")["status"] == "completed"
    });
    process.kill();

    place.replace(&Project::new("changing-2", &manifest("another")).program());
    let server = Server::start(&place);
    wait_for(|| place.show("r1")["status"] == "parked");
    let why = place.show("r1")["parked"].as_str().expect("a reason").to_owned();
    for part in ["second", "another", "--accept-changes"] {
        assert!(why.contains(part), "{why}");
    }
    let refused = place.run(["runs", "resume", "r1", "--json"]).code(1);
    assert!(refused.stdout.contains("accept-changes"), "{refused}");
    let _ = place.run(["runs", "resume", "r1", "--accept-changes", "--json"]).success();
    wait_for(|| place.show("r1")["status"] == "completed");
    let _ = server.stop().success();

    let counts = place.journal().counts("r1");
    assert_eq!(counts.get("first"), Some(&1), "what was finished did not run again: {counts:?}");
    assert_eq!(counts.get("another"), Some(&1), "{counts:?}");
    assert_eq!(counts.get("second"), None, "{counts:?}");
}
