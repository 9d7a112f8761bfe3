//! Runs that go through a queue: handed over by one process, brought to another or fetched by it, and run once however
//! often they come.

use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oneiric_tests::services::{Gcp, PubSub};
use oneiric_tests::{Output, Place, Process, Program, Project, Server};
use serde_json::{Value, json};

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| Project::new("queues", include_str!("../programs/queues.yaml")).program())
}

/// `workflow enqueue`, with the journal in its input.
fn enqueue(place: &Place, workflow: &str, arguments: &[&str]) -> Command {
    let input = place.input(json!({})).to_string();
    let fixed = ["workflow", "enqueue", workflow, "--json", "--context", &input];
    place.command(fixed.iter().chain(arguments))
}

#[track_caller]
fn output(command: &mut Command) -> Output {
    Process::spawn(command).wait()
}

fn orchestrate(place: &Place) -> Command {
    place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"])
}

/// The server's log lines of this event.
fn events(server: &Server, event: &str) -> Vec<Value> {
    let lines = server.process().lines();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

/// Waits for the log line of the run's end.
#[track_caller]
fn end_of(server: &Server, run_id: &str) -> Value {
    server.process().line(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        (line["event"] == "run-ended" && line["run_id"] == run_id).then_some(line)
    })
}

/// Has a command find Cloud Tasks and the server that it is to call.
fn through<'c>(gcp: &Gcp, target: &str, command: &'c mut Command) -> &'c mut Command {
    let url = format!("http://{target}/tasks/workflow");
    gcp.host(command)
        .env("ONEIRIC_ADAPTERS__TASKS__ENDPOINT", gcp.url())
        .env("ONEIRIC_ADAPTERS__TASKS__HTTP_TARGET_URL", url)
}

#[test]
fn a_run_handed_to_cloud_tasks_comes_back_and_runs_once() {
    let (gcp, place) = (Gcp::start(), Place::new(program()));
    let queue = gcp.create_queue("dag");
    let server = Server::start(&place);
    let address = server.address().to_string();
    let ask = || {
        let mut command = enqueue(&place, "work", &["--run-id", "order/7"]);
        output(through(&gcp, &address, &mut command)).success().json()
    };
    let first = ask();
    let task = first["task_name"].as_str().expect("a name").to_owned();
    assert!(task.starts_with(&format!("{queue}/tasks/")) && task.ends_with("-order_7"), "{task}");
    let keys = first.as_object().expect("an object").keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(keys, ["queue_category", "queue_provider", "queued_at", "run_id", "task_name", "workflow"]);
    assert_eq!([&first["workflow"], &first["run_id"]], ["work", "order/7"]);
    assert_eq!([&first["queue_category"], &first["queue_provider"]], ["tasks", "queue.cloudtasks"]);

    assert_eq!(end_of(&server, "order/7")["status"], "completed");
    assert_eq!(ask()["task_name"], task.as_str(), "it is there already");
    let tasks = gcp.tasks();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    let request = &tasks[0]["httpRequest"];
    assert_eq!(request["url"], format!("http://{address}/tasks/workflow"));
    assert_eq!(request["httpMethod"], "POST");
    assert_eq!(request["headers"]["Content-Type"], "application/json");
    let account = "queue@demo.iam.gserviceaccount.com";
    assert_eq!(request["oidcToken"], json!({ "serviceAccountEmail": account, "audience": request["url"] }));
    assert_eq!(tasks[0]["dispatchDeadline"], "30s");
    assert!(tasks[0]["scheduleTime"].is_string());
    let body: Value = serde_json::from_str(tasks[0]["text"].as_str().expect("text")).expect("it is JSON");
    let keys = body.as_object().expect("an object").keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(keys, ["context", "metadata", "queued_at", "run_id", "workflow", "workflow_provider"]);
    assert_eq!(body["queued_at"], first["queued_at"]);

    let delivered = events(&server, "run-delivered");
    assert_eq!(delivered[0]["delivery_attempt"], 1, "{delivered:?}");
    assert_eq!([&delivered[0]["workflow"], &delivered[0]["run_id"]], ["work", "order/7"]);
    assert_eq!(task.rsplit('/').next(), delivered[0]["queue_message"].as_str());
    assert_eq!(place.journal().counts("order/7")["only"], 1);
}

#[test]
fn a_task_that_nobody_takes_is_delivered_until_somebody_does() {
    let (gcp, place) = (Gcp::start(), Place::new(program()));
    gcp.create_queue("dag");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let mut command = enqueue(&place, "work", &["--run-id", "patient"]);
    let _ = output(through(&gcp, &free.to_string(), &mut command)).success();
    // Long enough for an attempt or two that nobody answers.
    std::thread::sleep(Duration::from_millis(600));
    let port = free.port().to_string();
    let server =
        Server::spawn(&mut place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", &port]));
    assert_eq!(end_of(&server, "patient")["status"], "completed");
    let delivered = events(&server, "run-delivered");
    assert!(delivered[0]["delivery_attempt"].as_u64().is_some_and(|attempt| attempt > 1), "{delivered:?}");
    assert_eq!(place.journal().counts("patient")["only"], 1);
}

#[test]
fn a_run_that_is_published_is_pushed_and_a_failure_is_pushed_again_to_the_same_run() {
    let (pubsub, place) = (PubSub::start(), Place::new(program()));
    let topic = pubsub.create_topic("runs");
    let server = Server::start(&place);
    let endpoint = format!("http://{}/tasks/workflow", server.address());
    pubsub.create_subscription("pushed", &topic, json!({ "pushConfig": { "pushEndpoint": endpoint } }));
    let ask = |workflow: &str, run_id: &str| {
        let mut command = enqueue(&place, workflow, &["--run-id", run_id]);
        output(command.env("ONEIRIC_ADAPTERS__TOPIC__ENDPOINT", pubsub.url())).success().json()
    };
    let enqueued = ask("other", "good");
    assert_eq!([&enqueued["queue_category"], &enqueued["queue_provider"]], ["topic", "queue.pubsub"]);
    assert_eq!(end_of(&server, "good")["status"], "completed");
    ask("bad", "bad");
    assert_eq!(end_of(&server, "bad")["status"], "failed");
    // It was not answered with success, so it is not acknowledged; and it is the same run, so it does not run again.
    server.process().line(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        let again = line["event"] == "run-delivered" && line["run_id"] == "bad" && line["is_new"] == false;
        again.then_some(())
    });
    let ended = events(&server, "run-ended");
    assert_eq!(ended.iter().filter(|line| line["run_id"] == "bad").count(), 1, "{ended:?}");
    let delivered = events(&server, "run-delivered");
    let good = delivered.iter().filter(|line| line["run_id"] == "good").collect::<Vec<_>>();
    assert_eq!(good.len(), 1, "what was answered with success is acknowledged: {good:?}");
    assert_eq!(good[0]["queue_message"], enqueued["task_name"]);
}

#[test]
fn a_message_that_names_no_run_is_one_run_however_often_it_is_pushed() {
    let place = Place::new(program());
    let server = Server::start(&place);
    let data = json!({ "workflow": "other", "context": place.input(json!({})) }).to_string();
    let push = |data: &str, id: &str| {
        server.post(&json!({
            "message": { "data": STANDARD.encode(data), "messageId": id, "publishTime": "2026-01-01T00:00:00Z" },
            "subscription": "projects/demo/subscriptions/pushed",
        }))
    };
    let (first, again, other) = (push(&data, "1"), push(&data, "1"), push(&data, "2"));
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json(), again.json());
    let run = |answer: &oneiric_tests::Answer| answer.json()["result"]["run_id"].as_str().map(str::to_owned);
    let (first, other) = (run(&first).expect("a run"), run(&other).expect("a run"));
    assert_ne!(first, other);
    let counts = [&first, &other].map(|run| place.journal().counts(run)["only"]);
    assert_eq!(counts, [1, 1]);
    assert_eq!(push("no JSON", "3").status, 400, "what is no run is not acknowledged");
    assert_eq!(push("{}", "4").status, 400);
}

#[test]
fn a_subscription_is_fetched_from_and_its_messages_acknowledged() {
    pulls_from(&PubSub::start());
}

#[test]
fn a_subscription_is_fetched_from_as_many_messages_at_a_time_as_it_may() {
    let pubsub = PubSub::double();
    pulls_from(&pubsub);
    let pulls = pubsub.requests().into_iter().filter(|request| {
        request["path"].as_str().is_some_and(|path| path.ends_with("/subscriptions/work:pull"))
    });
    let asked = pulls.map(|pull| pull["body"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    // The last one is the test's own.
    let (_, asked) = asked.split_last().expect("there are some");
    assert!(asked.len() >= 3, "five messages, two at a time: {asked:?}");
    assert!(asked.iter().all(|body| body.as_deref() == Some(r#"{"maxMessages":2}"#)), "{asked:?}");
}

fn pulls_from(pubsub: &PubSub) {
    let place = Place::new(program());
    let topic = pubsub.create_topic("runs");
    let subscription = pubsub.create_subscription("work", &topic, json!({}));
    let variable = "ONEIRIC_ADAPTERS__INBOX__ENDPOINT";
    for index in 0..4 {
        let run = format!("run-{index}");
        let mut command = enqueue(&place, "other", &["--run-id", &run, "--queue", "inbox"]);
        let enqueued = output(command.env(variable, pubsub.url())).success().json();
        assert_eq!(enqueued["queue_category"], "inbox");
    }
    let server = Server::spawn(orchestrate(&place).env(variable, pubsub.url()));
    for index in 0..4 {
        assert_eq!(end_of(&server, &format!("run-{index}"))["status"], "completed");
    }
    // A message of somebody else's, without a run: it becomes one.
    let data = json!({ "workflow": "other", "context": place.input(json!({})) }).to_string();
    let published = json!({ "messages": [{ "data": STANDARD.encode(data) }] });
    let published = pubsub.call("POST", &format!("/v1/{topic}:publish"), &published);
    let message = published["messageIds"][0].as_str().expect("an id").to_owned();
    let run = server.process().line(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        let is_it = line["event"] == "run-delivered" && line["queue_message"] == message;
        is_it.then(|| line["run_id"].as_str().map(str::to_owned)).flatten()
    });
    assert!(run.starts_with("pubsub-") && run.ends_with(&message), "{run}");
    assert_eq!(end_of(&server, &run)["status"], "completed");
    assert_eq!(events(&server, "run-delivered").len(), 5, "each was acknowledged");

    let began = Instant::now();
    let _ = server.stop().success();
    assert!(began.elapsed() < Duration::from_secs(5), "it stops fetching: {:?}", began.elapsed());
    let left = pubsub.call(
        "POST",
        &format!("/v1/{subscription}:pull"),
        &json!({ "maxMessages": 10, "returnImmediately": true }),
    );
    assert_eq!(left, json!({}), "nothing is left");
}

#[test]
fn the_queue_is_the_flags_then_the_workflows_then_the_programs() {
    let (pubsub, place) = (PubSub::double(), Place::new(program()));
    pubsub.create_topic("runs");
    let ask = |workflow: &str, arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = enqueue(&place, workflow, arguments);
        for name in ["ONEIRIC_ADAPTERS__TOPIC__ENDPOINT", "ONEIRIC_ADAPTERS__INBOX__ENDPOINT"] {
            command.env(name, pubsub.url());
        }
        output(command.envs(variables.iter().copied()))
    };
    let taken_by = |output: Output| output.success().json()["queue_category"].as_str().map(str::to_owned);
    let of_all = [("ONEIRIC_WORKFLOWS__OPTIONS__QUEUE_CATEGORY", "inbox")];
    assert_eq!(taken_by(ask("work", &["--queue", "topic"], &of_all)).as_deref(), Some("topic"), "the flag");
    assert_eq!(taken_by(ask("other", &[], &of_all)).as_deref(), Some("inbox"), "what is set for all");
    assert_eq!(taken_by(ask("other", &[], &[])).as_deref(), Some("topic"), "what the manifest says for all");
    // The workflow's own is Cloud Tasks, which is not there: that it was asked is what is looked for.
    let own = ask("work", &[], &of_all).code(1).json();
    assert_eq!(own["error"], "queue-unavailable", "{own}");
    assert!(own["message"].as_str().is_some_and(|text| text.contains("`tasks`")), "{own}");

    let unknown = ask("other", &["--queue", "tpoic"], &[]).code(1).json();
    assert_eq!(unknown["error"], "workflow-queue-category-missing");
    assert!(
        unknown["message"].as_str().is_some_and(|text| text.ends_with("did you mean `topic`?")),
        "{unknown}"
    );
    let unknown = ask("othr", &[], &[]).code(1).json();
    assert_eq!(unknown["error"], "workflow-unknown");
}

#[test]
fn the_only_queue_needs_no_name_and_a_program_without_one_says_so() {
    let only = "oneiric: 1\nname: only-queue\nadapters:\n  jobs: { provider: queue.pubsub, settings: { project_id: demo, topic: runs } }\n\
                workflows:\n  pause: { nodes: { pause: { wait: 1s } } }\n";
    let pubsub = PubSub::double();
    pubsub.create_topic("runs");
    let place = Place::new(&Project::new("only-queue", only).program());
    let mut command = place.command(["workflow", "enqueue", "pause", "--json"]);
    let enqueued = output(command.env("ONEIRIC_ADAPTERS__JOBS__ENDPOINT", pubsub.url())).success().json();
    assert_eq!(enqueued["queue_category"], "jobs");
    assert!(!place.state().exists(), "it needs no store");

    let place = Place::new(Program::probe());
    let none = place.run(["workflow", "enqueue", "echo", "--json"]).code(1).json();
    assert_eq!(none["error"], "workflow-queue-category-missing");
    let envelope = json!({ "message": { "data": "e30=", "messageId": "1" }, "subscription": "s" });
    let answer = Server::start(&place).post(&envelope);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("envelope-not-accepted")));
}
