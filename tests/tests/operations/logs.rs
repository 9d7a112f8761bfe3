//! What a program that serves writes while it does.

use oneiric_tests::{Output, Process, Server};
use serde_json::{Value, json};

use super::{orchestrate, place};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Asks for a run within a trace.
#[track_caller]
fn post(server: &Server, workflow: &str, run_id: &str, header: &str) -> u16 {
    let body = json!({ "workflow": workflow, "run_id": run_id, "context": { "said": "hello" } }).to_string();
    let request = ureq::post(format!("http://{}/tasks/workflow", server.address()));
    let (name, value) = header.split_once(": ").expect("a header");
    let sent = request.header(name, value).config().http_status_as_error(false).build().send(body);
    sent.expect("it answers").status().as_u16()
}

fn lines(output: &Output) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    output.stdout.lines().map(read).collect()
}

/// Everything that a server printed in which a task has panicked.
#[track_caller]
fn ended(server: Server) -> Output {
    let output = server.stop();
    assert_eq!(output.status.code(), Some(0), "{output}");
    output
}

#[test]
fn lines_of_a_run_stand_in_the_trace_of_its_request() {
    let place = place();
    let mut command = orchestrate(&place);
    let server = Server::spawn(command.env("GOOGLE_CLOUD_PROJECT", "demo").env("ONEIRIC_LOG", "debug"));
    assert_eq!(post(&server, "greet", "r1", &format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01")), 200);
    assert_eq!(
        post(&server, "careless", "r2", &format!("x-cloud-trace-context: {TRACE}/67667974448284343;o=1")),
        500
    );
    assert_eq!(post(&server, "greet", "r3", "x-other: 1"), 200);
    let output = ended(server);
    let lines = lines(&output);
    for run_id in ["r1", "r2"] {
        let of_run = lines.iter().filter(|line| line["run_id"] == run_id).collect::<Vec<_>>();
        assert!(of_run.len() >= 4, "{of_run:#?}");
        for line in of_run {
            assert_eq!(
                line["logging.googleapis.com/trace"],
                format!("projects/demo/traces/{TRACE}"),
                "{line}"
            );
            assert_eq!(line["logging.googleapis.com/spanId"], "00f067aa0ba902b7", "{line}");
            assert_eq!(line["logging.googleapis.com/trace_sampled"], true, "{line}");
            assert!(line["workflow"].is_string(), "{line}");
            let is_of_a_node = line["event"].as_str().is_some_and(|event| event.starts_with("node-"));
            assert_eq!(line["node"].is_string(), is_of_a_node, "{line}");
        }
    }
    let others = lines.iter().filter(|line| line["run_id"] != "r1" && line["run_id"] != "r2");
    assert!(others.into_iter().all(|line| line.get("logging.googleapis.com/trace").is_none()));

    let mut command = orchestrate(&place);
    let server = Server::spawn(&mut command);
    post(&server, "greet", "r4", &format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00"));
    let output = server.stop().success();
    let line = self::lines(&output).into_iter().find(|line| line["run_id"] == "r4").expect("it is logged");
    assert_eq!((&line["trace_id"], &line["span_id"]), (&TRACE.into(), &"00f067aa0ba902b7".into()));
}

/// So that those who watch standard error see crashes and nothing else.
#[test]
fn a_panic_is_all_that_goes_to_standard_error() {
    let place = place();
    let server = Server::start(&place);
    assert_eq!(post(&server, "careless", "r1", "x-other: 1"), 500);
    let output = ended(server);
    assert!(output.stderr.contains("panicked at") && output.stderr.contains("effects"), "{output}");
    let failed =
        lines(&output).into_iter().find(|line| line["node"] == "swallowed" && line["event"] == "node-failed");
    let failed = failed.unwrap_or_else(|| panic!("a failure is logged\n{output}"));
    assert_eq!((&failed["severity"], &failed["level"]), (&"WARNING".into(), &"warning".into()));
    assert!(
        failed["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("node-failed: ") && text.contains("status 3"))
    );
    for line in lines(&output) {
        for member in ["event", "message", "level", "severity", "timestamp", "logger", "service.name"] {
            assert!(line[member].is_string(), "no {member} in {line}");
        }
    }
}

/// What is wrong with how a program is started is a line of its log too.
#[test]
fn a_program_that_cannot_start_says_so_in_its_log() {
    let place = place();
    let mut command = orchestrate(&place);
    let output = Process::spawn(command.env("ONEIRIC_ADAPTERS__VAULT__PAHT", "x")).wait().code(2);
    let line = lines(&output).pop().expect("a line");
    assert_eq!((&line["event"], &line["severity"]), (&"orchestrator-failed".into(), &"ERROR".into()));
    assert!(output.stderr.is_empty(), "{output}");
}
