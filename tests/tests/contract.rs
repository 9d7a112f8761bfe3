//! What a program promises to those who call it over HTTP. Its commands and its log are left to `commands`.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use oneiric_tests::{Answer, Place, Program, Server, wait_for};
use serde_json::json;

const JSON: &str = "application/json; charset=utf-8";

fn place() -> Place {
    Place::new(Program::probe())
}

/// An answer's status and its code, having checked that it is one of the contract's form.
#[track_caller]
fn refusal(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.content_type, JSON, "{answer:?}");
    let code = answer.json()["error"].as_str().map(str::to_owned);
    (answer.status, code.unwrap_or_else(|| panic!("a refusal has a code: {answer:?}")))
}

#[test]
fn what_is_no_request_is_refused_with_its_code() {
    let place = place();
    let server = Server::start(&place);
    let post = |body: &str| refusal(&server.request("POST", "/tasks/workflow", Some(body)));
    let table = [
        ("", 400, "invalid-json"),
        ("{", 400, "invalid-json"),
        ("{} {}", 400, "invalid-json"),
        ("[]", 400, "payload-must-be-object"),
        ("null", 400, "payload-must-be-object"),
        ("\"echo\"", 400, "payload-must-be-object"),
        ("{}", 400, "workflow-key-missing"),
        (r#"{"workflow":""}"#, 400, "workflow-key-missing"),
        (r#"{"workflow":7}"#, 400, "workflow-key-missing"),
        (r#"{"workflow":null}"#, 400, "workflow-key-missing"),
    ];
    for (body, status, code) in table {
        assert_eq!(post(body), (status, code.to_owned()), "{body}");
    }
    for wrong in [
        r#"{"workflow":"echo","context":[]}"#,
        r#"{"workflow":"echo","context":"x"}"#,
        r#"{"workflow":"echo","metadata":1}"#,
        r#"{"workflow":"echo","run_id":1}"#,
        r#"{"workflow":"echo","run_id":""}"#,
        r#"{"workflow":"echo","checkpoint":{"echo":"forged"}}"#,
    ] {
        assert_eq!(post(wrong).0, 400, "{wrong}");
    }
    assert_eq!(post(r#"{"workflow":"ecco"}"#).0, 404);

    let large = format!(r#"{{"workflow":"echo","context":{{"x":"{}"}}}}"#, "x".repeat(2 << 20));
    let answer = server.try_request("POST", "/tasks/workflow", Some(&large));
    // A server may close while it is still being sent to; if it answers, this is how.
    assert!(answer.is_err() || refusal(&answer.expect("it is one")).0 == 413);

    assert_eq!(place.run(["runs", "list", "--json"]).success().json()["runs"], json!([]));
}

#[test]
fn other_addresses_and_methods_are_refused_as_json() {
    let place = place();
    let server = Server::start(&place);
    let health = server.get("/healthz");
    assert_eq!((health.status, health.json()), (200, json!({ "status": "ok" })));
    assert_eq!(health.content_type, JSON);
    assert_eq!(server.get("/readyz").status, 200);

    assert_eq!(refusal(&server.get("/nowhere")).0, 404);
    let answer = server.get("/tasks/workflow");
    assert_eq!(refusal(&answer).0, 405);
    assert_eq!(answer.allow.as_deref(), Some("POST"));
    let answer = server.request("DELETE", "/healthz", None);
    assert_eq!(refusal(&answer).0, 405);
    assert!(answer.allow.is_some_and(|allow| allow.contains("GET")));
}

#[test]
fn a_run_is_answered_with_what_was_asked_and_what_came_of_it() {
    let place = place();
    let server = Server::start(&place);
    let answer = server.post(&json!({
        "workflow": "purchase",
        "run_id": "r1",
        "context": { "id": 7, "note": "ring twice" },
        "metadata": { "by": ["a", 1] },
        "workflow_provider": "someone",
        "unknown": "ignored",
    }));
    assert_eq!((answer.status, answer.content_type.as_str()), (200, JSON), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], "completed");
    let result = body["result"].as_object().expect("a result");
    let mut members = result.keys().map(String::as_str).collect::<Vec<_>>();
    members.sort_unstable();
    assert_eq!(members, ["metadata", "processed_at", "results", "run_id", "workflow", "workflow_provider"]);
    assert_eq!(result["workflow"], "purchase");
    assert_eq!(result["run_id"], "r1");
    assert_eq!(result["workflow_provider"], "someone");
    assert_eq!(result["metadata"], json!({ "by": ["a", 1] }));

    let results = result["results"].as_object().expect("results");
    assert_eq!(results["order"], json!({ "id": 7, "lines": ["tea", "sugar"] }));
    assert_eq!(results["payment"], json!({ "order": 7, "cents": 350 }));
    let receipt = json!({
        "first": "tea",
        "paid": { "order": 7, "cents": 350 },
        "text": "order 7 of run r1",
        "list": [1, true, null, "${kept}", "ring twice"],
    });
    assert_eq!(results["receipt"], receipt);
    for node in ["order", "payment", "receipt"] {
        assert_eq!(results[&format!("{node}__attempts")], 1);
        assert!(results[&format!("{node}__duration")].as_f64().is_some_and(|seconds| seconds < 60.0));
    }
    assert_eq!(results.len(), 9, "{results:?}");

    let shown = place.show("r1");
    assert_eq!(shown["status"], "completed");
    let times = shown["nodes"].as_array().expect("nodes").iter().map(|node| &node["ended_at"]);
    assert!(
        times.clone().all(|time| time.as_str().is_some_and(|time| time.len() == 27 && time.ends_with('Z')))
    );
}

#[test]
fn a_run_without_an_id_is_given_one() {
    let place = place();
    let server = Server::start(&place);
    let run = || server.post(&json!({ "workflow": "echo" })).json()["result"]["run_id"].clone();
    let (first, second) = (run(), run());
    assert!(first.is_string() && second.is_string() && first != second, "{first} {second}");
    let runs = place.run(["runs", "list", "--json"]).success().json();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_run_that_fails_is_an_error_with_its_reason() {
    let place = place();
    let server = Server::start(&place);
    let context = place.input(json!({}));
    let answer = server.post(&json!({ "workflow": "refusal", "run_id": "r1", "context": context }));
    assert_eq!(refusal(&answer), (500, "workflow-execution-failed".to_owned()));
    assert_eq!(answer.json()["run_id"], "r1");
    assert!(answer.body.contains("no thanks"), "{answer:?}");

    let shown = place.show("r1");
    assert_eq!(shown["status"], "failed");
    let status = |name: &str| {
        let nodes = shown["nodes"].as_array().expect("nodes");
        nodes.iter().find(|node| node["node"] == name).expect("the node")["status"].clone()
    };
    assert_eq!(status("bad"), "failed");
    assert_eq!(status("dependant"), "skipped");
    assert_eq!(status("unrelated"), "completed", "an unrelated branch goes on");

    // The same question gets the same answer.
    let again = server.post(&json!({ "workflow": "refusal", "run_id": "r1", "context": context }));
    assert_eq!(again, answer);

    let answer = server.post(&json!({ "workflow": "panic" }));
    assert_eq!(refusal(&answer).0, 500);
    assert!(answer.body.contains("fell over"), "{answer:?}");
    assert_eq!(server.get("/readyz").status, 200, "a task that panics takes nothing down");
}

#[test]
fn one_id_is_one_run_however_often_it_is_posted() {
    let place = place();
    let server = Server::start(&place);
    let request = json!({
        "workflow": "work", "run_id": "once", "context": place.input(json!({ "ms": 150 })), "metadata": { "n": 1 },
    });
    let answers = thread::scope(|scope| {
        let posts = (0..20).map(|_| scope.spawn(|| server.post(&request))).collect::<Vec<_>>();
        posts.into_iter().map(|post| post.join().expect("it answers")).collect::<Vec<_>>()
    });
    let first = &answers[0];
    assert_eq!(first.status, 200, "{first:?}");
    for answer in &answers {
        assert_eq!(answer, first);
    }
    assert_eq!(&server.post(&request), first, "and later as well");
    let counts = place.journal().counts("once");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");

    for other in [
        json!({ "workflow": "work", "run_id": "once", "context": place.input(json!({ "ms": 151 })) }),
        json!({ "workflow": "echo", "run_id": "once", "context": place.input(json!({ "ms": 150 })) }),
    ] {
        assert_eq!(refusal(&server.post(&other)).0, 409, "{other}");
    }
}

#[test]
fn a_client_that_goes_away_does_not_take_the_run_with_it() {
    let place = place();
    let server = Server::start(&place);
    let body = json!({ "workflow": "work", "run_id": "left", "context": place.input(json!({ "ms": 200 })) })
        .to_string();
    let mut client = server.connect();
    write!(
        client,
        "POST /tasks/workflow HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it is sent");
    wait_for(|| !place.journal().lines().is_empty());
    drop(client);
    wait_for(|| place.show("left")["status"] == "completed");
}

#[test]
fn clients_that_say_nothing_keep_nobody_out() {
    let place = place();
    let server = Server::start(&place);
    let mut idlers = (0..200).map(|_| server.connect()).collect::<Vec<_>>();
    for idler in &mut idlers {
        idler.write_all(b"POST /tasks/workflow HTTP/1.1\r\nhost: x\r\n").expect("it is sent");
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.post(&json!({ "workflow": "echo" })).status, 200);
    // Nor do they hold up the end.
    let _ = server.stop().success();
}

#[test]
fn sigterm_refuses_what_is_new_and_keeps_what_is_under_way() {
    let place = place();
    let server = Server::start(&place);
    let request = |run: &str, ms: u64| json!({ "workflow": "work", "run_id": run, "context": place.input(json!({ "ms": ms })) });
    thread::scope(|scope| {
        let under_way = scope
            .spawn(|| server.try_request("POST", "/tasks/workflow", Some(&request("r1", 600).to_string())));
        wait_for(|| !place.journal().lines().is_empty());
        // A connection from before, as a load balancer keeps them.
        let mut kept = server.connect();
        server.process().terminate();
        wait_for(|| match server.try_request("GET", "/readyz", None) {
            Ok(answer) => answer.status == 503,
            // It does not listen any more.
            Err(_) => true,
        });
        let body = request("r2", 0).to_string();
        let length = body.len();
        let head = format!(
            "POST /tasks/workflow HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut answer = String::new();
        if kept.write_all((head + &body).as_bytes()).is_ok() && kept.read_to_string(&mut answer).is_ok() {
            let answer = answer.to_lowercase();
            assert!(
                answer.is_empty() || answer.starts_with("http/1.1 503") && answer.contains("retry-after:"),
                "{answer}"
            );
        }
        // The node under way ends; the one after it is left for the next start, and the caller is told so.
        let answer = under_way.join().expect("the client does not panic");
        if let Ok(answer) = answer {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.retry_after.is_some(), "{answer:?}");
        }
    });
    let began = Instant::now();
    let output = server.stop().success();
    assert!(began.elapsed() < Duration::from_secs(10), "{output}");
    assert!(output.stderr.is_empty(), "{output}");
    let shown = place.show("r1");
    assert_eq!(shown["status"], "running", "{shown:#}");
    assert_eq!(shown["nodes"][0]["status"], "completed", "{shown:#}");
    assert_eq!(place.journal().counts("r2").len(), 0, "what was refused did not run");

    let server = Server::start(&place);
    let answer = server.post(&request("r1", 600));
    assert_eq!(answer.status, 200, "{answer:?}");
    let counts = place.journal().counts("r1");
    assert!(counts.len() == 2 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn who_asks_twice_does_not_wait() {
    let place = place();
    let server = Server::start(&place);
    let request = json!({ "workflow": "endless", "run_id": "r1" });
    thread::scope(|scope| {
        scope.spawn(|| server.try_request("POST", "/tasks/workflow", Some(&request.to_string())));
        wait_for(|| place.path().join("family").exists());
        server.process().terminate();
        server.process().line(|line| line.contains("orchestrator-shutdown-requested").then_some(()));
        server.process().terminate();
        assert!(server.process().ends_within(Duration::from_secs(5)), "{}", server.process());
    });
    let _ = server.stop().success();
    assert_eq!(place.show("r1")["status"], "running");
}

#[test]
fn a_run_that_outlives_the_grace_period_goes_on_at_the_next_start() {
    let place = place();
    let mut command = place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"]);
    let server = Server::spawn(command.env("ONEIRIC_SHUTDOWN_GRACE", "300ms"));
    server.wait_until_ready();
    let request = json!({ "workflow": "endless", "run_id": "r1" });
    thread::scope(|scope| {
        scope.spawn(|| server.try_request("POST", "/tasks/workflow", Some(&request.to_string())));
        wait_for(|| place.path().join("family").exists());
        let began = Instant::now();
        server.process().terminate();
        assert!(server.process().ends_within(Duration::from_secs(10)), "{}", server.process());
        assert!(began.elapsed() >= Duration::from_millis(250), "it did not wait for the node");
    });
    let _ = server.stop().success();
    assert_eq!(place.show("r1")["status"], "running");
}
