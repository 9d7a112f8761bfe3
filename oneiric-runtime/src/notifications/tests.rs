//! What is told, when, and how often: an engine with a store in memory, adapters that do as a test says, and time that
//! jumps.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::adapters::messaging::Messaging;
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::app::App;
use crate::checkpoint::{Created, Memory, NewRun, Record, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::engine::{Engine, Start};
use crate::run::{Entry, Event, NotificationStatus, NotificationStep, Report};
use crate::{secs, task};

/// What the other side of an adapter does, by the name of a test.
static DESKS: LazyLock<Mutex<HashMap<String, Desk>>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Desk {
    /// What comes of the next attempts; after them everything is taken.
    script: VecDeque<Attempt>,
    /// When each attempt came, and what it brought.
    came: Vec<(Instant, Notification)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Attempt {
    Fails(Error),
    Panics,
    /// It is taken, and nobody hears of it.
    Hangs,
}

fn desk(name: &str) -> MutexGuard<'static, HashMap<String, Desk>> {
    let mut desks = DESKS.lock().unwrap_or_else(PoisonError::into_inner);
    desks.entry(name.to_owned()).or_default();
    desks
}

/// An adapter whose other side does not know repeats, and one whose other side does.
struct Letter(String);
struct Parcel(Letter);

#[derive(Deserialize)]
struct Settings {
    desk: String,
}

impl Adapter for Letter {
    const ID: &'static str = "messaging.letter";
    type Settings = Settings;

    async fn open(settings: Settings, _: &Setup<'_>) -> Result<Self, Error> {
        Ok(Self(settings.desk))
    }
}

impl Adapter for Parcel {
    const ID: &'static str = "messaging.parcel";
    type Settings = Settings;

    async fn open(settings: Settings, _: &Setup<'_>) -> Result<Self, Error> {
        Ok(Self(Letter(settings.desk)))
    }
}

impl Messaging for Letter {
    fn send<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let next = {
                let mut desks = desk(&self.0);
                let desk = desks.get_mut(&self.0).expect("it was made");
                desk.came.push((Instant::now(), notification.clone()));
                desk.script.pop_front()
            };
            match next {
                None => Ok(()),
                Some(Attempt::Fails(error)) => Err(error),
                Some(Attempt::Panics) => panic!("out of paper"),
                Some(Attempt::Hangs) => std::future::pending().await,
            }
        })
    }
}

impl Messaging for Parcel {
    fn send<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), Error>> {
        self.0.send(notification)
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

#[crate::task]
async fn pay(amount: i64) -> Result<i64, task::Error> {
    if amount < 0 { Err(task::Error::permanent("no such amount")) } else { Ok(amount) }
}

/// A program that tells a desk of its runs of `pay`, and what it keeps.
pub(crate) struct World {
    desk: &'static str,
    plan: &'static str,
    store: Arc<Memory>,
}

impl World {
    /// `said` is the workflow's `notifications` without the adapter, which is `letter` or `parcel`.
    pub(crate) fn new(
        desk: &'static str,
        adapter: &str,
        mut said: serde_json::Value,
        script: Vec<Attempt>,
    ) -> Self {
        said["adapter"] = json!(adapter);
        let settings = json!({ "settings": { "desk": desk } });
        let plan = json!({
            "adapters": { "letter": settings, "parcel": settings },
            "workflows": {
                "pay": { "digest": "d", "notifications": said, "nodes": [{ "id": "pay" }] },
                "wait": { "digest": "d", "notifications": said, "nodes": [{ "id": "wait" }] },
            },
        });
        self::desk(desk).insert(desk.to_owned(), Desk { script: script.into(), came: Vec::new() });
        Self { desk, plan: plan.to_string().leak(), store: Arc::new(Memory::new()) }
    }

    /// A process.
    fn engine(&self) -> Engine {
        Engine::new(self.app(), Arc::clone(&self.store) as _)
    }

    /// The program.
    pub(crate) fn app(&self) -> App {
        let mut app = App { plan: Some(self.plan), ..App::default() };
        app.messaging::<Letter>("letter");
        app.messaging::<Parcel>("parcel");
        app.workflow("pay", |dag| {
            dag.task("pay", pay::Def).with(pay::Args { amount: dag.input().get("amount") });
        });
        app.workflow("wait", |dag| {
            dag.wait("wait", secs(60));
        });
        app
    }

    /// What was brought, with every attempt.
    pub(crate) fn came(&self) -> Vec<Notification> {
        desk(self.desk)[self.desk].came.iter().map(|(_, notification)| notification.clone()).collect()
    }

    fn times(&self) -> Vec<Duration> {
        let desks = desk(self.desk);
        let came = &desks[self.desk].came;
        came.iter().map(|(at, _)| *at - came[0].0).collect()
    }

    /// A run that ended in another process, with these entries after its end.
    async fn left(&self, steps: &[NotificationStep]) {
        let new = NewRun {
            run_id: "left".to_owned(),
            workflow: "pay".to_owned(),
            digest: "d".to_owned(),
            definition: Json::trusted(r#"{"nodes":[{"id":"pay"}]}"#),
            input: Json::trusted("{}"),
            labels: Json::null(),
            created_at: Timestamp(0),
        };
        let Created::New(key) = self.store.create(new).await.unwrap() else { panic!("it is new") };
        let node = crate::run::NodeId(0);
        let mut events = vec![
            Event::NodeStarted { node, attempt: 1 },
            Event::NodeCompleted { node, attempt: 1, output: Json::null() },
            Event::RunEnded { status: Status::Completed },
        ];
        events.extend(steps.iter().map(|step| Event::Notification { number: 0, step: step.clone() }));
        let log = events.into_iter().map(|event| Entry { at: Timestamp(1), event });
        self.store.append(key, log.collect(), Urgency::Now).await.unwrap();
    }

    async fn unsettled(&self) -> usize {
        let mut open = self.store.open_runs();
        let mut count = 0;
        while open.recv().await.is_some() {
            count += 1;
        }
        count
    }
}

pub(crate) async fn run(engine: &Engine, workflow: &str, run_id: &str, input: &str) -> Arc<Report> {
    let input = Json::from_text(input).unwrap();
    let start =
        Start { workflow: workflow.to_owned(), run_id: Some(run_id.to_owned()), input, labels: Json::null() };
    engine.start(start).await.unwrap().finished().await.unwrap()
}

/// What the store says of a run's notifications, once nothing more happens to them.
pub(crate) async fn settled(engine: &Engine, run_id: &str) -> Vec<(NotificationStatus, u32)> {
    loop {
        let report = engine.report(run_id).await.unwrap().unwrap();
        if report.notifications.iter().all(|one| one.status.is_settled()) {
            return report.notifications.iter().map(|one| (one.status, one.attempts)).collect();
        }
        tokio::time::sleep(secs(1)).await;
    }
}

fn fails(kind: Kind) -> Attempt {
    Attempt::Fails(Error::new(kind, "the desk is shut"))
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_of_each_end_once_with_what_happened() {
    let world = World::new("ends", "letter", json!({ "channel": "deploys" }), vec![]);
    let engine = world.engine();
    run(&engine, "pay", "r1", r#"{"zone":"b", "amount":-1, "list":[1, 2.50]}"#).await;
    run(&engine, "pay", "r2", r#"{"amount":1}"#).await;
    assert_eq!(settled(&engine, "r1").await, [(NotificationStatus::Sent, 1)]);
    assert_eq!(settled(&engine, "r2").await, [(NotificationStatus::Sent, 1)]);
    let came = world.came();
    let told = came.iter().map(|one| (one.title.as_str(), one.text.as_str(), one.channel.as_deref()));
    let failed = "pay failed, run r1: node `pay` failed after 1 attempt(s): no such amount\n\nContext:\n\
                  - amount: -1\n- list: [1,2.5]\n- zone: b";
    let completed = "pay completed, run r2\n\nContext:\n- amount: 1";
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("[ERROR] deploys", failed, Some("deploys")), ("[INFO] deploys", completed, Some("deploys"))]
    );
    let about = About { event: "run.failed".into(), workflow: "pay".into(), run_id: "r1".into() };
    assert_eq!(came[0].about, Some(about));
    assert_ne!(came[0].id, came[1].id);
    assert_eq!(world.unsettled().await, 0);
}

#[tokio::test(start_paused = true)]
async fn every_moment_that_is_asked_for_is_told_and_no_other() {
    let on = json!({ "on": ["started", "cancelled"], "title": "{status} {workflow}" });
    let world = World::new("moments", "letter", on, vec![]);
    let engine = world.engine();
    run(&engine, "pay", "r1", r#"{"amount":1}"#).await;
    let start = Start {
        workflow: "wait".to_owned(),
        run_id: Some("r2".to_owned()),
        input: Json::trusted("{}"),
        labels: Json::null(),
    };
    engine.start(start).await.unwrap();
    engine.cancel("r2").await.unwrap();
    settled(&engine, "r1").await;
    settled(&engine, "r2").await;
    let mut titles = world.came().into_iter().map(|one| one.title).collect::<Vec<_>>();
    titles.sort();
    assert_eq!(titles, ["cancelled wait", "started pay", "started wait"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_notification_and_a_stop_does_for_a_while() {
    let world = World::new("answer", "letter", json!({}), vec![Attempt::Hangs]);
    let engine = world.engine();
    let began = Instant::now();
    run(&engine, "pay", "r", r#"{"amount":1}"#).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    engine.stop(secs(3)).await.unwrap();
    assert_eq!(began.elapsed(), secs(3));
    assert_eq!(world.came().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_away_is_asked_again_later_and_when_it_says() {
    let busy = Error::new(Kind::Unavailable, "too many").retry_after(secs(100));
    let world = World::new("away", "letter", json!({}), vec![fails(Kind::Unavailable), Attempt::Fails(busy)]);
    let engine = world.engine();
    run(&engine, "pay", "r", r#"{"amount":1}"#).await;
    // Nobody waits for a notification that is put off.
    engine.delivered(secs(1000)).await;
    assert_eq!(
        engine.report("r").await.unwrap().unwrap().notifications[0].status,
        NotificationStatus::Retrying
    );
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Sent, 3)]);
    let times = world.times();
    assert!(times[1] >= secs(1) / 2 && times[1] <= secs(1), "{times:?}");
    assert_eq!(times[2].abs_diff(times[1]), secs(100));
    let came = world.came();
    assert!(came.iter().all(|one| *one == came[0]), "every attempt brings the same");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_away_is_given_up() {
    let world = World::new("gone", "letter", json!({}), vec![fails(Kind::Unavailable); 100]);
    let engine = world.engine();
    let report = run(&engine, "pay", "r", r#"{"amount":1}"#).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Failed, 12)]);
    assert_eq!(world.unsettled().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_asked_again_and_fails_no_run() {
    let world = World::new("refused", "parcel", json!({}), vec![fails(Kind::Denied)]);
    let engine = world.engine();
    let report = run(&engine, "pay", "r", r#"{"amount":1}"#).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Failed, 1)]);
    let shown = engine.report("r").await.unwrap().unwrap();
    assert_eq!(shown.status, Status::Completed);
    assert_eq!(shown.notifications[0].error.as_deref(), Some("the desk is shut"));
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_not_there_settles_what_it_was_to_send() {
    let world = World::new("nobody", "pigeon", json!({}), vec![]);
    let engine = world.engine();
    run(&engine, "pay", "r", r#"{"amount":1}"#).await;
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Failed, 0)]);
    assert_eq!(world.unsettled().await, 0);
}

#[tokio::test(start_paused = true)]
async fn where_the_outcome_is_unknown_only_who_knows_repeats_is_told_again() {
    let lost = || Attempt::Fails(Error::new(Kind::Unavailable, "no answer in time").outcome_unknown());
    for (desk, adapter, expected) in [
        ("lost letter", "letter", (NotificationStatus::OutcomeUnknown, 1)),
        ("lost parcel", "parcel", (NotificationStatus::Sent, 2)),
    ] {
        let world = World::new(desk, adapter, json!({}), vec![lost()]);
        let engine = world.engine();
        run(&engine, "pay", "r", r#"{"amount":1}"#).await;
        assert_eq!(settled(&engine, "r").await, [expected]);
        let came = world.came();
        assert!(came.iter().all(|one| one.id == came[0].id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_adapter_is_an_outcome_that_nobody_knows() {
    let world = World::new("panic", "letter", json!({}), vec![Attempt::Panics]);
    let engine = world.engine();
    run(&engine, "pay", "r1", r#"{"amount":1}"#).await;
    assert_eq!(settled(&engine, "r1").await, [(NotificationStatus::OutcomeUnknown, 1)]);
    run(&engine, "pay", "r2", r#"{"amount":1}"#).await;
    assert_eq!(settled(&engine, "r2").await, [(NotificationStatus::Sent, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_left_is_sent_by_the_next_one() {
    use crate::run::outbox::tests::due;

    let due = |desk| match due("msg_1") {
        NotificationStep::Due(due) => NotificationStep::Due(Box::new(Due { adapter: desk, ..*due })),
        other => other,
    };
    let sending = NotificationStep::Sending { attempt: 1 };
    for (desk, adapter, is_sending, expected) in [
        ("due letter", "letter", false, (NotificationStatus::Sent, 1)),
        ("due parcel", "parcel", false, (NotificationStatus::Sent, 1)),
        ("sending letter", "letter", true, (NotificationStatus::OutcomeUnknown, 1)),
        ("sending parcel", "parcel", true, (NotificationStatus::Sent, 2)),
    ] {
        let world = World::new(desk, adapter, json!({}), vec![]);
        let mut steps = vec![due(adapter.to_owned())];
        steps.extend(is_sending.then(|| sending.clone()));
        world.left(&steps).await;
        let engine = world.engine();
        // Whoever asks for the run meanwhile takes up the same thing.
        let (recovered, ..) = tokio::join!(
            engine.recover(),
            run(&engine, "pay", "left", "{}"),
            run(&engine, "pay", "left", "{}"),
            async { engine.cancel("left").await.unwrap_err() },
        );
        assert_eq!(recovered.unwrap(), 0, "the run has ended");
        assert_eq!(settled(&engine, "left").await, [expected], "{desk}");
        let sent = usize::from(expected.0 == NotificationStatus::Sent);
        assert_eq!(world.came().len(), sent, "{desk}");
        assert!(world.came().iter().all(|one| one.id == "msg_1"));
        assert_eq!(world.unsettled().await, 0);
        engine.recover().await.unwrap();
        engine.delivered(secs(1)).await;
        assert_eq!(world.came().len(), sent, "what is settled is not taken up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_sends_what_it_finds_without_a_recovery() {
    use crate::run::outbox::tests::due;

    let world = World::new("command", "letter", json!({}), vec![]);
    let NotificationStep::Due(due) = due("msg_1") else { panic!("it is due") };
    world.left(&[NotificationStep::Due(Box::new(Due { adapter: "letter".to_owned(), ..*due }))]).await;
    let engine = world.engine();
    run(&engine, "pay", "left", "{}").await;
    engine.delivered(secs(1)).await;
    engine.stop(Duration::ZERO).await.unwrap();
    assert_eq!(world.came().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_what_is_put_off_to_the_next_start() {
    let store = {
        let world = World::new("later", "letter", json!({}), vec![fails(Kind::Unavailable)]);
        let engine = world.engine();
        run(&engine, "pay", "r", r#"{"amount":1}"#).await;
        engine.delivered(secs(1)).await;
        let kept = world.store.find("r").await.unwrap().unwrap();
        engine.stop(secs(10)).await.unwrap();
        copy(kept).await
    };
    let world = World { store, ..World::new("later", "letter", json!({}), vec![]) };
    let engine = world.engine();
    engine.recover().await.unwrap();
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Sent, 2)]);
}

/// A store with what another one held when it was closed.
async fn copy(Record { run, log }: Record) -> Arc<Memory> {
    let store = Memory::new();
    let new = NewRun {
        run_id: run.run_id,
        workflow: run.workflow,
        digest: run.digest,
        definition: Json::trusted(r#"{"nodes":[{"id":"pay"}]}"#),
        input: run.input,
        labels: run.labels,
        created_at: run.created_at,
    };
    let Created::New(key) = store.create(new).await.unwrap() else { panic!("it is new") };
    store.append(key, log, Urgency::Now).await.unwrap();
    Arc::new(store)
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_operator_says_so_and_what_was_told_outlives_a_change() {
    let on = json!({ "on": ["parked", "completed"] });
    let world = World::new("parked", "letter", on, vec![]);
    let new = NewRun {
        run_id: "r".to_owned(),
        workflow: "wait".to_owned(),
        digest: "another".to_owned(),
        definition: Json::trusted(r#"{"nodes":[{"id":"other"}]}"#),
        input: Json::trusted("{}"),
        labels: Json::null(),
        created_at: Timestamp::now(),
    };
    let Created::New(RunKey(_)) = world.store.create(new).await.unwrap() else { panic!("it is new") };
    let engine = world.engine();
    engine.recover().await.unwrap();
    assert_eq!(settled(&engine, "r").await, [(NotificationStatus::Sent, 1)]);
    assert!(world.came()[0].text.starts_with("wait waits for an operator, run r: workflow `wait` is not"));

    engine.resume("r", true).await.unwrap().finished().await.unwrap();
    let sent = (NotificationStatus::Sent, 1);
    assert_eq!(settled(&engine, "r").await, [sent, sent]);
    assert_eq!(world.came().len(), 2);
}

#[test]
fn a_template_has_fields_and_braces() {
    let field = |name: &str| match name {
        "level" => Some("ERROR"),
        "channel" => Some("{level}"),
        _ => None,
    };
    for (template, expected) in [
        ("[{level}] {channel}", "[ERROR] {level}"),
        ("{{level}} }} {{{level}}}", "{level} } {ERROR}"),
        ("{unknown} {", "{unknown} {"),
        ("", ""),
    ] {
        assert_eq!(fill(template, field), expected, "{template}");
    }
}

#[test]
fn a_title_is_one_line_and_a_text_is_not_endless() {
    let said = json!({ "adapter": "a", "title": "{message}\n{run_id}", "target": "C1", "channel": "ops" });
    let notifications: Notifications = serde_json::from_value(said).unwrap();
    let input = Json::of(&json!({ "a": "ü".repeat(10_000) })).unwrap();
    let facts = Facts { workflow: "w", run_id: "r", input: &input, reason: Some("out\nof paper") };
    let Due { notification, .. } = notifications.due(Moment::Failed, &facts).unwrap();
    assert_eq!(notification.title, "w failed, run r: out of paper r");
    assert_eq!(notification.text.chars().count(), MAX_TEXT + 1);
    assert_eq!(notification.channel.as_deref(), Some("C1"), "the target is whom it is for");
    let quiet: Notifications =
        serde_json::from_value(json!({ "adapter": "a", "include_context": false })).unwrap();
    let Due { notification, .. } = quiet.due(Moment::Failed, &facts).unwrap();
    assert_eq!((&*notification.title, &*notification.text), ("[ERROR] w", "w failed, run r: out\nof paper"));
    assert!(quiet.due(Moment::Started, &facts).is_none());
}
