//! What a program promises on its command line and in its log, to people and to the programs that read it.

use std::thread;

use oneiric_tests::{Place, Process, Program, Server, wait_for};
use serde_json::{Value, json};

fn place() -> Place {
    Place::new(Program::probe())
}

#[test]
fn every_json_command_prints_one_document() {
    let place = place();
    let calls: [(&[&str], i32); 15] = [
        (&["workflow", "plan", "--json"], 0),
        (&["workflow", "plan", "--workflow", "echo", "--json"], 0),
        (&["workflow", "plan", "--workflow", "absent", "--json"], 1),
        (&["workflow", "run", "echo", "--run-id", "r1", "--context", r#"{"a":[1]}"#, "--json"], 0),
        (&["workflow", "run", "panic", "--run-id", "r2", "--json"], 1),
        (&["workflow", "run", "absent", "--json"], 1),
        (&["runs", "list", "--json"], 0),
        (&["runs", "list", "--status", "failed", "--json"], 0),
        (&["runs", "show", "r1", "--json"], 0),
        (&["runs", "show", "absent", "--json"], 1),
        (&["runs", "resume", "r2", "--json"], 1),
        (&["runs", "resume", "absent", "--json"], 1),
        (&["runs", "cancel", "r1", "--json"], 1),
        (&["runs", "cancel", "absent", "--json"], 1),
        (&["runs", "prune", "--older-than", "7d", "--json"], 0),
    ];
    for profile in [None, Some("default"), Some("serverless")] {
        for (arguments, code) in calls {
            let mut command = place.command(arguments);
            command.env("ONEIRIC_LOG", "debug");
            if let Some(profile) = profile {
                command.args(["--profile", profile]);
            }
            let output = Process::spawn(&mut command).wait();
            let document = output.json();
            assert_eq!(output.status.code(), Some(code), "{output}");
            let says_why = document["error"].is_string() || document["missing"] == json!(["absent"]);
            assert_eq!(says_why, code == 1, "{output}");
        }
    }
    let missing = place.run(["workflow", "plan", "--workflow", "absent", "--json"]);
    assert_eq!(missing.json()["missing"], json!(["absent"]), "{missing}");
}

#[test]
fn wrong_use_is_exit_code_2_and_says_what_is_right() {
    let place = place();
    let calls: [(&[&str], &[&str]); 7] = [
        (&["orchestrat"], &["orchestrate"]),
        (&["runs", "lst"], &["list"]),
        (&["workflow", "run"], &["KEY"]),
        (&["workflow", "run", "echo", "--context", "{"], &["--context"]),
        (&["orchestrate", "--http-port", "70000"], &["70000"]),
        (&["--profile", "nosuch", "runs", "list"], &["nosuch", "serverless"]),
        (&["runs", "prune"], &["--older-than"]),
    ];
    for (arguments, parts) in calls {
        let output = place.run(arguments).code(2);
        assert!(output.stdout.is_empty(), "{output}");
        output.says(parts);
    }
    place.run(["workflow", "run", "ecco"]).code(1).says(&["ecco", "echo"]);
    let mut command = place.command(["orchestrate"]);
    let output = Process::spawn(command.env("PORT", "eighty")).wait();
    assert!(!output.status.success() && format!("{output}").contains("PORT"), "{output}");
}

#[test]
fn a_cancelled_run_ends_at_once_and_can_be_resumed() {
    let place = place();
    let server = Server::start(&place);
    let request = json!({ "workflow": "pause", "run_id": "r1", "context": place.input(json!({})) });
    thread::scope(|scope| {
        let post = scope.spawn(|| server.post(&request));
        wait_for(|| !place.journal().lines().is_empty());
        let cancelled = place.run(["runs", "cancel", "r1", "--json"]).success().json();
        assert_eq!(cancelled["status"], "cancelled", "{cancelled:#}");
        let answer = post.join().expect("it answers");
        assert_eq!(answer.status, 500, "{answer:?}");
    });
    let resumed = place.run(["runs", "resume", "r1", "--json"]).success();
    wait_for(|| place.show("r1")["status"] == "completed");
    let counts = place.journal().counts("r1");
    assert!(counts.len() == 2 && counts.values().all(|count| *count == 1), "{counts:?} {resumed}");
}

#[test]
fn commands_reach_a_program_that_serves() {
    let place = place();
    let server = Server::start(&place);
    let output = Process::spawn(&mut place.start("work", "r1", json!({ "ms": 10 }))).wait().success();
    assert_eq!(output.json()["status"], "completed", "{output}");
    // It was the server that ran it.
    server.process().line(|line| line.contains("run-ended").then_some(()));
    let other = Process::spawn(&mut place.command(["orchestrate", "--no-http"])).wait();
    assert_eq!(other.status.code(), Some(1), "two may not serve one state directory: {other}");
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn the_log_is_json_lines_and_nothing_else_is_printed() {
    let place = place();
    let server = Server::start(&place);
    server.post(&json!({ "workflow": "retries", "run_id": "r1", "context": place.input(json!({})) }));
    server.post(&json!({ "workflow": "refusal", "context": place.input(json!({})) }));
    server.post(&json!({ "workflow": "trouble" }));
    server.get("/nowhere");
    server.request("POST", "/tasks/workflow", Some("{"));
    let output = server.stop().success();
    assert!(output.stderr.is_empty(), "{output}");
    let lines = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
    let lines = lines.collect::<Vec<_>>();
    for line in &lines {
        for member in ["event", "level", "severity", "timestamp", "logger", "service.name"] {
            assert!(line[member].is_string(), "no {member} in {line}");
        }
        let event = line["event"].as_str().expect("text");
        assert!(event.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "no name: {event}");
    }
    let of_run = lines.iter().filter(|line| line["run_id"] == "r1").collect::<Vec<_>>();
    let events = of_run.iter().map(|line| line["event"].as_str().expect("text")).collect::<Vec<_>>();
    assert_eq!(events.first(), Some(&"run-started"), "{events:?}");
    assert_eq!(events.last(), Some(&"run-ended"), "{events:?}");
    assert_eq!(events.iter().filter(|event| **event == "node-retrying").count(), 2, "{events:?}");
    assert!(of_run.iter().all(|line| line["workflow"] == "retries"), "{of_run:?}");
    let complaint = lines
        .iter()
        .find(|line| line.to_string().contains("some trouble"))
        .expect("a program's stderr is logged");
    assert_eq!(complaint["node"], "complain");
}
