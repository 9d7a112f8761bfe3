//! Nodes that start programs: what they are given, what is taken from them, and that nothing of them stays behind.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use oneiric_tests::{Place, Process, Program, Server, wait_for};
use serde_json::{Value, json};

fn place() -> Place {
    Place::new(Program::probe())
}

/// Runs a workflow to its end and gives its nodes by name.
fn run(place: &Place, workflow: &str, input: &Value, code: i32) -> impl Fn(&str) -> Value + use<> {
    // A file, because one argument of a command line may not be as long as an input.
    std::fs::write(place.path().join("input.json"), input.to_string()).expect("the input can be written");
    let arguments = ["workflow", "run", workflow, "--run-id", "r1", "--json", "--context-file", "input.json"];
    let _ = place.run(arguments).code(code);
    let shown = place.show("r1");
    move |name| {
        let nodes = shown["nodes"].as_array().expect("nodes");
        nodes
            .iter()
            .find(|node| node["node"] == name)
            .unwrap_or_else(|| panic!("no {name} in {shown:#}"))
            .clone()
    }
}

#[test]
fn a_program_is_given_json_and_gives_json() {
    let input = json!({ "text": "a \"b\" \u{e9} \n", "list": [1, 2.5, null, { "deep": true }], "large": 9_007_199_254_740_993_u64 });
    let node = run(&place(), "echo", &input, 0);
    assert_eq!(node("echo")["output"], input);
}

#[test]
fn a_program_is_told_where_it_runs() {
    let node = run(&place(), "surroundings", &json!({}), 0);
    assert_eq!(node("told")["output"], json!(["r1", "surroundings", "told", "1", "r1/told"]));
}

#[test]
fn a_program_may_say_nothing_and_need_not_listen() {
    // More than a pipe holds, so that a writer that waits for the reader would wait for ever.
    let node = run(&place(), "quiet", &json!({ "much": "x".repeat(300_000) }), 0);
    assert_eq!(node("silent")["output"], Value::Null);
    assert_eq!(node("deaf")["output"], "heard nothing");
}

#[test]
fn what_goes_wrong_with_a_program_is_said() {
    let node = run(&place(), "trouble", &json!({}), 1);
    let error =
        |name: &str| node(name)["error"].as_str().map_or_else(|| panic!("{}", node(name)), str::to_owned);
    for (name, parts) in [
        ("complain", &["3", "some trouble"] as &[&str]),
        ("chatter", &["JSON", "this is not"]),
        ("absent", &["there-is-no-such-program"]),
        ("flood", &["KiB"]),
    ] {
        let error = error(name);
        assert!(parts.iter().all(|part| error.contains(part)), "{name}: {error}");
        assert_eq!(node(name)["status"], "failed");
    }
}

#[test]
fn a_timeout_ends_a_program_and_what_it_started() {
    let place = place();
    let began = Instant::now();
    let node = run(&place, "impatient", &json!({}), 1);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(
        node("linger")["error"].as_str().is_some_and(|error| error.contains("timed out")),
        "{}",
        node("linger")
    );
    wait_for(|| family(place.path()).iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn a_cancelled_run_ends_its_programs() {
    let place = place();
    let server = Server::start(&place);
    thread::scope(|scope| {
        scope.spawn(|| server.post(&json!({ "workflow": "endless", "run_id": "r1" })));
        wait_for(|| place.path().join("family").exists());
        let family = family(place.path());
        assert!(family.iter().all(|pid| is_alive(*pid)), "{family:?}");
        let _ = place.run(["runs", "cancel", "r1"]).success();
        wait_for(|| family.iter().all(|pid| !is_alive(*pid)));
    });
}

#[test]
fn what_a_killed_process_leaves_behind_is_ended_before_the_node_begins_again() {
    let place = place();
    let process = Process::spawn(&mut place.command(["workflow", "run", "endless", "--run-id", "r1"]));
    wait_for(|| place.path().join("family").exists());
    let [program, grandchild] = family(place.path());
    process.kill();
    wait_for(|| !is_alive(program));
    // What the program itself started is out of the kernel's reach. The next process ends it before it begins the node again.
    assert!(is_alive(grandchild), "or this shows nothing");
    std::fs::remove_file(place.path().join("family")).expect("it was written");
    let server = Server::start(&place);
    wait_for(|| place.path().join("family").exists());
    assert!(!is_alive(grandchild));
    let _ = server.stop();
    wait_for(|| family(place.path()).iter().all(|pid| !is_alive(*pid)));
}

/// The ids of the program and of its child, as it wrote them down.
fn family(place: &Path) -> [i32; 2] {
    let text = std::fs::read_to_string(place.join("family")).expect("it was written");
    let pids = text.split_whitespace().map(|pid| pid.parse().expect("an id")).collect::<Vec<i32>>();
    pids.try_into().expect("two ids")
}

/// Whether a process is there, and more than an entry that nobody has asked about yet.
fn is_alive(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.is_ok_and(|status| status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}
