//! Who is told of a run is told once: after a success, after a failure, when the service is busy, and when the program is
//! killed at any point around the sending.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use oneiric_tests::services::{Reply, Slack, Webhook};
use oneiric_tests::{Compiler, Output, Place, Process, Program, Project, Server, wait_for};
use serde_json::{Value, json};

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        Project::new("notifications", include_str!("../programs/notifications.yaml")).program()
    })
}

/// A workspace and a receiver of webhooks, and where the program runs.
struct World {
    slack: Slack,
    webhook: Webhook,
    place: Place,
}

impl World {
    fn new() -> Self {
        let place = Place::new(program());
        Self { slack: Slack::start(&["deploys", "general"]), webhook: Webhook::start(), place }
    }

    /// Has a command find both.
    fn host<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("ONEIRIC_SECRET_SLACK_TOKEN", Slack::TOKEN)
            .env("ONEIRIC_SECRET_HOOK_SECRET", Webhook::SECRET)
            .env("ONEIRIC_ADAPTERS__CHAT__BASE_URL", self.slack.base_url())
            .env("ONEIRIC_ADAPTERS__HOOK__URL", self.webhook.url())
    }

    fn server(&self, grace: &str) -> Server {
        let mut command = self.place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"]);
        Server::spawn(self.host(&mut command).env("ONEIRIC_SHUTDOWN_GRACE", grace))
    }

    /// `workflow run`.
    fn run(&self, workflow: &str, run_id: &str) -> Output {
        let mut command = self.place.start(workflow, run_id, json!({ "order": 7 }));
        Process::spawn(self.host(&mut command)).wait()
    }

    /// A run over HTTP, answered when it has ended.
    fn post(&self, server: &Server, workflow: &str, run_id: &str) -> Value {
        let context = self.place.input(json!({ "order": 7 }));
        server.post(&json!({ "workflow": workflow, "run_id": run_id, "context": context })).json()
    }

    /// What `runs show` says of a run's notifications: status and attempts.
    fn shown(&self, run_id: &str) -> Vec<(String, u64)> {
        let run = self.place.show(run_id);
        let shown = run["notifications"].as_array().cloned().unwrap_or_default();
        let read = |one: &Value| {
            let status = one["status"].as_str().expect("a status").to_owned();
            (status, one["attempts"].as_u64().expect("a number"))
        };
        shown.iter().map(read).collect()
    }

    /// The same, once nothing more happens to them.
    fn settled(&self, run_id: &str) -> Vec<(String, u64)> {
        let is_settled = |status: &str| ["sent", "failed", "outcome-unknown"].contains(&status);
        wait_for(|| self.shown(run_id).iter().all(|(status, _)| is_settled(status)));
        self.shown(run_id)
    }

    /// The texts that came to Slack.
    fn posted(&self) -> Vec<String> {
        self.slack.posted().iter().map(|post| post["text"].as_str().expect("text").to_owned()).collect()
    }

    /// The ids that came to the webhook.
    fn ids(&self) -> Vec<String> {
        self.webhook.received().into_iter().map(|one| one.headers["webhook-id"].clone()).collect()
    }
}

fn once(status: &str) -> Vec<(String, u64)> {
    vec![(status.to_owned(), 1)]
}

#[test]
fn a_run_that_ended_is_told_of_once_with_what_happened() {
    let world = World::new();
    let server = world.server("5s");
    assert_eq!(world.post(&server, "told", "r1")["status"], "completed");
    let failed = world.post(&server, "doomed", "r2");
    assert_eq!(failed["error"], "workflow-execution-failed", "{failed}");
    assert_eq!(world.settled("r1"), once("sent"));
    assert_eq!(world.settled("r2"), once("sent"));
    // Asked for again, it tells its result and nobody else.
    assert_eq!(world.post(&server, "told", "r1")["status"], "completed");

    let journal = world.place.journal().path().display().to_string();
    let told =
        format!("*[INFO] deploys*\ntold completed, run r1\n\nContext:\n- journal: {journal}\n- order: 7");
    let doomed = "*doomed failed: r2*\ndoomed failed, run r2: node `only` failed after 1 attempt(s): no &lt;thanks&gt;";
    let posted = world.posted().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(posted, BTreeSet::from([told, doomed.to_owned()]));
    assert!(world.slack.posted().iter().all(|post| post["channel"] == "deploys"));

    let text = world.place.run(["runs", "show", "r2"]).success().stdout;
    assert!(text.contains("doomed failed: r2  chat  sent"), "{text}");
    let output = server.stop().success();
    assert_eq!(world.posted().len(), 2);
    for printed in [&output.stdout, &output.stderr] {
        assert!(!printed.contains(Slack::TOKEN), "the token is printed\n{output}");
    }
}

#[test]
fn a_webhook_is_signed_and_says_what_it_is_about() {
    let world = World::new();
    let _ = world.run("hooked", "r1").success();
    assert_eq!(world.settled("r1"), [("sent".to_owned(), 1), ("sent".to_owned(), 1)]);
    let bodies = world.webhook.received().iter().map(|one| one.json()).collect::<Vec<_>>();
    let events = bodies.iter().map(|body| body["type"].as_str().expect("a type")).collect::<Vec<_>>();
    assert_eq!(events, ["run.started", "run.completed"]);
    for body in &bodies {
        assert_eq!((&body["workflow"], &body["run_id"]), (&json!("hooked"), &json!("r1")));
        assert_eq!((&body["title"], &body["channel"]), (&json!("[INFO] deploys"), &json!("deploys")));
    }
    let ids = world.ids();
    assert_ne!(ids[0], ids[1], "they are two");
}

#[test]
fn a_busy_service_is_asked_again_when_it_says() {
    let world = World::new();
    let server = world.server("5s");
    world.slack.next(Reply::status(429).header("retry-after", "2"));
    world.slack.next(Reply::status(503));
    let began = Instant::now();
    assert_eq!(world.post(&server, "told", "r1")["status"], "completed");
    assert!(began.elapsed() < Duration::from_secs(2), "the answer waited for the notification");
    assert_eq!(world.settled("r1"), [("sent".to_owned(), 3)]);
    let asked = world.slack.received();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(2), "it was told to wait");
    let _ = server.stop().success();
}

#[test]
fn what_is_refused_is_told_to_operators_and_harms_no_run() {
    let world = World::new();
    let server = world.server("5s");
    assert_eq!(world.post(&server, "lost", "r1")["status"], "completed");
    assert_eq!(world.settled("r1"), once("failed"));
    let run = world.place.show("r1");
    assert_eq!(run["status"], "completed");
    let error = run["notifications"][0]["error"].as_str().expect("an error");
    assert!(error.contains("channel_not_found"), "{error}");
    let output = server.stop().success();
    assert!(output.stdout.contains("notification-failed"), "{output}");
    assert_eq!(world.slack.posted().len(), 1);
}

#[test]
fn a_stop_leaves_what_hangs_to_the_next_start() {
    let world = World::new();
    let server = world.server("200ms");
    world.slack.next(Reply::status(200).after(Duration::from_secs(20)));
    let began = Instant::now();
    assert_eq!(world.post(&server, "told", "r1")["status"], "completed");
    world.slack.wait_for(1);
    let _ = server.stop().success();
    assert!(began.elapsed() < Duration::from_secs(10), "the stop waited for Slack");
    assert_eq!(world.shown("r1"), once("sending"));

    let server = world.server("5s");
    assert_eq!(world.settled("r1"), once("outcome-unknown"));
    let output = server.stop().success();
    assert!(output.stdout.contains("notification-outcome-unknown"), "{output}");
    assert_eq!(world.slack.posted().len(), 1, "it was not posted again");
}

/// Kills a command at each commit of a run and of what is told of it, lets a server go on, and says what came of it each
/// time: the notification's status, and how often something was sent, and how many notifications that were.
fn kill_everywhere(workflow: &str, sent: impl Fn(&World) -> (usize, usize)) -> Vec<(String, usize, usize)> {
    let mut outcomes = Vec::new();
    for commit in 1..=6 {
        for moment in ["before", "after"] {
            let world = World::new();
            let mut command = world.place.start(workflow, "r", json!({ "order": 7 }));
            world.host(&mut command).env("ONEIRIC_CRASH_AT_COMMIT", format!("{commit}:{moment}"));
            let output = Process::spawn(&mut command).wait();
            let server = world.server("5s");
            // A run that never got to the disk begins here; any other tells its result.
            assert_eq!(world.post(&server, workflow, "r")["status"], "completed", "{commit}:{moment}");
            let [(status, _)] = &world.settled("r")[..] else { panic!("{commit}:{moment}") };
            let (requests, notifications) = sent(&world);
            if !output.status.success() {
                outcomes.push((status.clone(), requests, notifications));
            }
            let _ = server.stop().success();
            assert_eq!(sent(&world), (requests, notifications), "{commit}:{moment}");
        }
    }
    outcomes
}

#[test]
fn a_message_is_posted_once_however_the_program_is_killed() {
    let outcomes = kill_everywhere("told", |world| (world.posted().len(), world.posted().len()));
    assert!(outcomes.len() >= 6, "{outcomes:?}");
    for (status, posts, _) in &outcomes {
        match status.as_str() {
            "sent" => assert_eq!(*posts, 1, "{outcomes:?}"),
            // Killed between the intent and the answer: not again, and said so.
            "outcome-unknown" => assert!(*posts <= 1, "{outcomes:?}"),
            other => panic!("{other}: {outcomes:?}"),
        }
    }
    let unknown = outcomes.iter().filter(|(status, ..)| status == "outcome-unknown");
    let posts = unknown.map(|(_, posts, _)| *posts).collect::<BTreeSet<_>>();
    assert_eq!(
        posts,
        BTreeSet::from([0, 1]),
        "killed right before the attempt, and right after it: {outcomes:?}"
    );
}

#[test]
fn a_webhook_is_one_by_its_id_however_the_program_is_killed() {
    let sent = |world: &World| (world.ids().len(), world.ids().into_iter().collect::<BTreeSet<_>>().len());
    let outcomes = kill_everywhere("hooked-once", sent);
    assert!(outcomes.len() >= 6, "{outcomes:?}");
    assert!(outcomes.iter().all(|(status, _, ids)| status == "sent" && *ids == 1), "{outcomes:?}");
    assert!(outcomes.iter().any(|(_, requests, _)| *requests == 2), "one was sent again: {outcomes:?}");
}

#[test]
fn a_title_with_a_field_that_there_is_not_is_no_program() {
    let manifest = include_str!("../programs/notifications.yaml").replace("{run_id}", "{runid}");
    let project = Project::new("notifications-wrong", &manifest);
    let output = Compiler::get().run(["check", &project.manifest().display().to_string()]).code(1);
    output.says(&["error[O2024]: a title has no field `runid`", "did you mean `{run_id}`?"]);
    let _ = project.build().code(1);
    assert!(!project.out().exists());
}
