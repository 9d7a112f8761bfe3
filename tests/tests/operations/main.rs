//! What people see and do who run programs: profiles and settings, secrets, health, logs, and how a program starts and ends.

mod canary;
mod health;
mod logs;
mod page;
mod profiles;
mod secrets;
mod shutdown;
mod start;

use std::process::Command;

use oneiric_tests::{Output, Place, Process, Program, Server};
use serde_json::{Value, json};

/// A place of the program with adapters and secrets. Its file has all secrets that the workflows name, but one.
fn place() -> Place {
    let place = Place::new(Program::operated());
    keep(&place, &json!({ "LAYERED": "vault", "CANARY": "canary" }));
    place
}

/// Writes the file of secrets.
fn keep(place: &Place, secrets: &Value) {
    std::fs::write(place.path().join("secrets.json"), secrets.to_string()).expect("it can be written");
}

/// `orchestrate` on a free port of this machine.
fn orchestrate(place: &Place) -> Command {
    place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"])
}

/// The program with these arguments and variables.
#[track_caller]
fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Process::spawn(place.command(arguments).envs(variables.iter().copied())).wait()
}

/// What a server answers to a run of `workflow`, which must complete.
#[track_caller]
fn completes(server: &Server, workflow: &str) -> Value {
    let answer = server.post(&json!({ "workflow": workflow, "context": { "said": "hello" } }));
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["status"], "completed");
    answer["result"]["results"].clone()
}

/// The first line of a server's log with this event.
#[track_caller]
fn event(server: &Server, name: &str) -> Value {
    server.process().line(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        (line["event"] == name).then_some(line)
    })
}
