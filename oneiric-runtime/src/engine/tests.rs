//! The engine with real workflows, a store in memory, and time that stands still until something waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{ControlError, Engine, Start, StartError};
use crate::app::{App, Build};
use crate::checkpoint::{self, Created, Filter, Memory, NewRun, Record, Reply, Run, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::dag::Dag;
use crate::json::Json;
use crate::run::{Entry, Event, NodeId, NodeStatus, Report, Status};
use crate::task::{Ctx, Error, Retry};
use crate::value::{literal, text};
use crate::{millis, secs};

/// Tasks, each a function as a user would write it.
mod work {
    use super::*;

    #[oneiric::task]
    pub(super) async fn double(n: u64) -> Result<u64, std::num::TryFromIntError> {
        u64::try_from(u128::from(n) * 2)
    }

    #[oneiric::task]
    pub(super) fn add(a: u64, b: u64) -> u64 {
        a + b
    }

    #[oneiric::task]
    pub(super) async fn sleep(ms: u64) -> u64 {
        tokio::time::sleep(millis(ms)).await;
        ms
    }

    #[oneiric::task]
    pub(super) async fn fail(message: String) -> Result<(), Error> {
        Err(Error::permanent(message))
    }

    #[oneiric::task]
    pub(super) async fn panic() {
        panic!("out of cheese");
    }

    #[oneiric::task]
    pub(super) async fn key(ctx: Ctx) -> Result<String, Error> {
        if ctx.attempt() < 3 {
            return Err(Error::transient(format!("attempt {}", ctx.attempt())));
        }
        Ok(ctx.idempotency_key())
    }

    #[oneiric::task]
    pub(super) async fn or_zero(n: Option<u64>) -> u64 {
        n.unwrap_or(0)
    }
}

fn engine(workflows: &[(&'static str, Build)]) -> (Engine, Arc<Memory>) {
    let store = Arc::new(Memory::new());
    (on(workflows, &store), store)
}

fn on(workflows: &[(&'static str, Build)], store: &Arc<Memory>) -> Engine {
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    let mut app = App::default();
    for (name, build) in workflows {
        app.workflow(name, *build);
    }
    Engine::new(app, store)
}

fn start(workflow: &str, run_id: &str, input: &str) -> Start {
    Start {
        workflow: workflow.to_owned(),
        run_id: Some(run_id.to_owned()),
        input: Json::from_text(input).unwrap(),
        labels: Json::null(),
    }
}

async fn finish(engine: &Engine, workflow: &str, input: &str) -> Arc<Report> {
    let handle = engine.start(start(workflow, "r", input)).await.expect("it starts");
    handle.finished().await.expect("it ends")
}

fn status(report: &Report, node: &str) -> NodeStatus {
    report.nodes.iter().find(|one| one.node == node).expect("there is such a node").status
}

fn output<'a>(report: &'a Report, node: &str) -> &'a str {
    let node = report.nodes.iter().find(|one| one.node == node).expect("there is such a node");
    node.output.as_ref().expect("it has an output").text()
}

#[tokio::test(start_paused = true)]
async fn outputs_arrive_as_what_they_were() {
    fn sums(dag: &Dag) {
        let input = dag.input();
        let a = dag.task("a", work::double::Def).with(work::double::Args { n: input.get("n") });
        let b = dag.task("b", work::double::Def).with(work::double::Args { n: literal("20") });
        dag.task("sum", work::add::Def).with(work::add::Args { a: a.output(), b: b.output() });
    }
    let (engine, _) = engine(&[("sums", sums)]);
    let report = finish(&engine, "sums", r#"{"n":1}"#).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(output(&report, "sum"), "42");
}

#[tokio::test(start_paused = true)]
async fn values_are_put_together() {
    fn greet(dag: &Dag) {
        let n = dag.task("n", work::double::Def).with_input();
        dag.task("fail", work::fail::Def)
            .with(work::fail::Args { message: text([literal("\"n is \""), n.output().json()]) });
    }
    let (engine, _) = engine(&[("greet", greet)]);
    let report = finish(&engine, "greet", "21").await;
    assert_eq!(report.error.as_deref(), Some("node `fail` failed after 1 attempt(s): n is 42"));
}

#[tokio::test(start_paused = true)]
async fn an_input_that_does_not_fit_fails_the_node() {
    fn one(dag: &Dag) {
        let input = dag.input();
        dag.task("a", work::double::Def)
            .with(work::double::Args { n: input.get("order.n") })
            .retry(Retry::attempts(3));
    }
    let (engine, _) = engine(&[("one", one)]);
    let report = finish(&engine, "one", "{}").await;
    let error = report.error.as_deref();
    assert_eq!(error, Some("node `a` failed after 1 attempt(s): `${input.order.n}` is not there"));
}

#[tokio::test(start_paused = true)]
async fn retries_wait_as_they_say_and_keep_their_key() {
    fn keys(dag: &Dag) {
        let retry = Retry::attempts(3).base_delay(millis(100)).max_delay(millis(150)).jitter(0.0);
        dag.task("key", work::key::Def).with_input().retry(retry);
    }
    let (engine, _) = engine(&[("keys", keys)]);
    let began = Instant::now();
    let report = finish(&engine, "keys", "null").await;
    assert_eq!(output(&report, "key"), r#""r/key""#);
    assert_eq!(report.nodes[0].attempts, 3);
    let took = began.elapsed();
    assert!(took >= millis(250) && took < millis(260), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_dooms_its_descendants_and_no_one_else() {
    fn halves(dag: &Dag) {
        let bad = dag.task("bad", work::fail::Def).with(work::fail::Args { message: literal("\"no\"") });
        let good = dag.task("good", work::sleep::Def).with(work::sleep::Args { ms: literal("500") });
        let after = dag.task("after", work::sleep::Def).with(work::sleep::Args { ms: literal("1") });
        let after = after.after([good.id()]);
        let child = dag.wait("child", secs(1)).after([bad.id()]);
        dag.wait("grandchild", secs(1)).after([child.id(), after.id()]);
    }
    let (engine, _) = engine(&[("halves", halves)]);
    let report = finish(&engine, "halves", "null").await;
    assert_eq!(report.status, Status::Failed);
    assert_eq!(status(&report, "good"), NodeStatus::Completed);
    assert_eq!(status(&report, "after"), NodeStatus::Completed);
    assert_eq!(status(&report, "child"), NodeStatus::Skipped);
    assert_eq!(status(&report, "grandchild"), NodeStatus::Skipped);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_be_is_given_on_as_nothing() {
    fn goes_on(dag: &Dag) {
        let bad = dag.task("bad", work::panic::Def).with_input().continue_on_failure();
        let n = dag.task("n", work::sleep::Def).with(work::sleep::Args { ms: literal("7") });
        let n = n.continue_on_failure();
        dag.task("zero", work::or_zero::Def).with(work::or_zero::Args { n: n.outcome() }).after([bad.id()]);
    }
    let (engine, _) = engine(&[("goes-on", goes_on)]);
    let report = finish(&engine, "goes-on", "null").await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(status(&report, "bad"), NodeStatus::Failed);
    assert_eq!(report.nodes[0].error.as_deref(), Some("panicked: out of cheese"));
    assert_eq!(output(&report, "zero"), "7");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_tried_again() {
    fn slow(dag: &Dag) {
        dag.task("slow", work::sleep::Def)
            .with(work::sleep::Args { ms: literal("60000") })
            .retry(Retry::attempts(2).base_delay(millis(10)).jitter(0.0))
            .timeout(secs(1));
    }
    let (engine, _) = engine(&[("slow", slow)]);
    let began = Instant::now();
    let report = finish(&engine, "slow", "null").await;
    assert_eq!(report.error.as_deref(), Some("node `slow` failed after 2 attempt(s): timed out after 1s"));
    assert!(began.elapsed() < millis(2050), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_fails_and_leaves_no_node_open() {
    fn long(dag: &Dag) {
        dag.timeout(secs(5));
        let wait = dag.wait("wait", secs(60));
        dag.wait("after", secs(1)).after([wait.id()]);
    }
    let (engine, _) = engine(&[("long", long)]);
    let report = finish(&engine, "long", "null").await;
    assert_eq!(report.status, Status::Failed);
    assert_eq!(report.error.as_deref(), Some("the run took longer than its workflow's `timeout`"));
    assert!(report.nodes.iter().all(|node| node.status == NodeStatus::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn there_is_no_barrier_between_levels() {
    fn levels(dag: &Dag) {
        let fast = dag.task("fast", work::sleep::Def).with(work::sleep::Args { ms: literal("50") });
        dag.task("slow", work::sleep::Def).with(work::sleep::Args { ms: literal("400") });
        dag.task("after", work::sleep::Def).with(work::sleep::Args { ms: fast.output() });
    }
    let (engine, _) = engine(&[("levels", levels)]);
    let report = finish(&engine, "levels", "null").await;
    let started = report.nodes[2].started_at.expect("it began");
    assert!(started.since(report.created_at) < millis(150));
}

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[oneiric::task]
async fn counted() {
    let now = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
    MOST.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(millis(5)).await;
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test(start_paused = true)]
async fn no_more_nodes_than_allowed_are_under_way() {
    fn wide(dag: &Dag) {
        dag.max_parallel(8);
        for index in 0..500 {
            dag.task(Box::leak(format!("n{index}").into_boxed_str()), counted::Def).with_input();
        }
    }
    let (engine, _) = engine(&[("wide", wide)]);
    let report = finish(&engine, "wide", "null").await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(MOST.load(Ordering::SeqCst), 8);
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[oneiric::task]
async fn once() -> usize {
    tokio::time::sleep(secs(1)).await;
    RUNS.fetch_add(1, Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn an_id_runs_once_however_often_it_is_started() {
    fn flow(dag: &Dag) {
        dag.task("once", once::Def).with_input();
    }
    let (engine, _) = engine(&[("flow", flow)]);
    let all = (0..50).map(|_| async {
        let handle = engine.start(start("flow", "r", "null")).await.expect("it starts");
        let new = handle.is_new();
        (new, handle.finished().await.expect("it ends").nodes[0].output.clone())
    });
    let answers = futures_util::future::join_all(all).await;
    let later = engine.start(start("flow", "r", "null")).await.expect("it is found").finished().await;
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    assert_eq!(answers.iter().filter(|(new, _)| *new).count(), 1);
    let answer = &later.expect("it ended").nodes[0].output;
    assert!(answers.iter().all(|(_, output)| output == answer));
    let other = engine.start(start("flow", "r", "1")).await.map(|_| ());
    assert!(matches!(other, Err(StartError::Conflict { .. })), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_ends_at_once_and_can_go_on() {
    fn long(dag: &Dag) {
        let first = dag.task("first", work::sleep::Def).with(work::sleep::Args { ms: literal("10") });
        dag.task("second", work::sleep::Def)
            .with(work::sleep::Args { ms: literal("3000") })
            .after([first.id()]);
    }
    let (engine, _) = engine(&[("long", long)]);
    let handle = engine.start(start("long", "r", "null")).await.expect("it starts");
    tokio::time::sleep(secs(1)).await;
    let report = engine.cancel("r").await.expect("it is cancelled");
    assert_eq!(report.status, Status::Cancelled);
    assert_eq!(handle.finished().await.expect("it ended").status, Status::Cancelled);
    assert!(matches!(engine.cancel("r").await, Err(ControlError::NotNow(_))));
    assert!(matches!(engine.cancel("s").await, Err(ControlError::UnknownRun(_))));

    let resumed = engine.resume("r", false).await.expect("it goes on").finished().await.expect("it ends");
    assert_eq!(resumed.status, Status::Completed);
    assert_eq!(resumed.nodes[0].ended_at, report.nodes[0].ended_at, "the first node did not run again");
}

/// A run that an earlier process left: `first` is finished, `second` was under way.
async fn left_behind(store: &Memory, engine: &Engine, workflow: &str) {
    let definition = engine.registry().get(workflow).expect("there is one").definition().clone();
    let new = NewRun {
        run_id: "r".to_owned(),
        workflow: workflow.to_owned(),
        digest: definition.digest,
        definition: definition.text,
        input: Json::null(),
        labels: Json::null(),
        created_at: Timestamp::now(),
    };
    let Ok(Created::New(key)) = store.create(new).await else { panic!("it is new") };
    let first = NodeId(0);
    let events = [
        Event::NodeStarted { node: first, attempt: 1 },
        Event::NodeCompleted { node: first, attempt: 1, output: Json::from_text("11").unwrap() },
        Event::NodeStarted { node: NodeId(1), attempt: 1 },
    ];
    let log = events.map(|event| Entry { at: Timestamp::now(), event });
    store.append(key, log.to_vec(), Urgency::Now).await.expect("it is kept");
}

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[oneiric::task]
async fn seen(ctx: Ctx, n: u64) -> u64 {
    SEEN.lock().unwrap().push(format!("{} {}", ctx.idempotency_key(), ctx.attempt()));
    n + 1
}

fn two(dag: &Dag) {
    let first = dag.task("first", seen::Def).with(seen::Args { n: literal("10") });
    dag.task("second", seen::Def).with(seen::Args { n: first.output() });
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_goes_on_and_what_is_finished_stays() {
    let (engine, store) = engine(&[("two", two)]);
    left_behind(&store, &engine, "two").await;
    assert_eq!(engine.recover().await, Ok(1));
    let report = engine.start(start("two", "r", "null")).await.expect("it is found").finished().await;
    let report = report.expect("it ends");
    assert_eq!(output(&report, "second"), "12");
    assert_eq!(*SEEN.lock().unwrap(), ["r/second 1"]);
}

/// A store whose open runs are read when recovery asks for them, and arrive an hour later.
struct Slow(Arc<Memory>);

impl Store for Slow {
    fn create(&self, run: NewRun) -> Reply<Created> {
        self.0.create(run)
    }
    fn append(&self, run: RunKey, entries: Vec<Entry>, urgency: Urgency) -> Reply<()> {
        self.0.append(run, entries, urgency)
    }
    fn find(&self, run_id: &str) -> Reply<Option<Record>> {
        self.0.find(run_id)
    }
    fn open_runs(&self) -> mpsc::Receiver<Result<Record, checkpoint::Error>> {
        let mut read = self.0.open_runs();
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(async move {
            tokio::time::sleep(secs(3600)).await;
            while let Some(record) = read.recv().await {
                sender.send(record).await.expect("recovery listens");
            }
        });
        receiver
    }
    fn list(&self, filter: Filter) -> Reply<Vec<Run>> {
        self.0.list(filter)
    }
    fn definition(&self, workflow: &str, digest: &str) -> Reply<Option<Json>> {
        self.0.definition(workflow, digest)
    }
    fn rebase(&self, run: RunKey, digest: String, definition: Json, log: Vec<Entry>) -> Reply<()> {
        self.0.rebase(run, digest, definition, log)
    }
    fn prune(&self, before: Timestamp) -> Reply<u64> {
        self.0.prune(before)
    }
    fn close(&self) -> Reply<()> {
        self.0.close()
    }
}

static LATE: AtomicUsize = AtomicUsize::new(0);

#[oneiric::task]
async fn late(n: u64) -> u64 {
    LATE.fetch_add(1, Ordering::SeqCst);
    n
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_asked_for_during_recovery_is_not_driven_twice() {
    fn flow(dag: &Dag) {
        let first = dag.task("first", late::Def).with(late::Args { n: literal("1") });
        dag.task("second", late::Def).with(late::Args { n: first.output() });
    }
    let (engine, store) = engine(&[("flow", flow)]);
    left_behind(&store, &engine, "flow").await;
    let mut app = App::default();
    app.workflow("flow", flow);
    let registry = app.registry();
    let engine = Engine::on(registry, Arc::new(Slow(store)));
    let asked = async {
        tokio::time::sleep(secs(1)).await;
        let handle = engine.start(start("flow", "r", "null")).await.expect("it is found");
        handle.finished().await.expect("it ends")
    };
    let (recovered, report) = tokio::join!(engine.recover(), asked);
    assert_eq!(recovered, Ok(0));
    assert_eq!(report.status, Status::Completed);
    assert_eq!(LATE.load(Ordering::SeqCst), 1, "only the second node ran, and once");
    assert_eq!(engine.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_changed_workflow_waits_for_somebody_to_accept_it() {
    fn old(dag: &Dag) {
        let first = dag.task("first", work::double::Def).with_input();
        dag.task("second", work::double::Def).with(work::double::Args { n: first.output() });
    }
    fn new(dag: &Dag) {
        let first = dag.task("first", work::double::Def).with_input();
        let third = dag.task("third", work::double::Def).with(work::double::Args { n: first.output() });
        dag.task("second", work::double::Def).with(work::double::Args { n: third.output() });
    }
    let (before, store) = engine(&[("flow", old)]);
    left_behind(&store, &before, "flow").await;
    let after = on(&[("flow", new)], &store);
    assert_eq!(after.recover().await, Ok(1));
    let report = after.report("r").await.expect("it can be read").expect("it is there");
    assert_eq!(report.status, Status::Parked);
    let parked = report.parked.expect("it says why");
    assert!(parked.contains("added `third`, changed `second` (`depends_on`)"), "{parked}");
    let refused = after.resume("r", false).await.map(|_| ());
    assert!(
        matches!(&refused, Err(ControlError::NotNow(why)) if why.contains("--accept-changes")),
        "{refused:?}"
    );
    let report = after.resume("r", true).await.expect("it goes on").finished().await.expect("it ends");
    assert_eq!(report.status, Status::Completed);
    assert_eq!(output(&report, "first"), "11", "the first node did not run again");
    assert_eq!(output(&report, "second"), "44");
}

#[tokio::test(start_paused = true)]
async fn a_parked_run_can_be_cancelled() {
    fn other(dag: &Dag) {
        dag.wait("other", secs(1));
    }
    let (before, store) = engine(&[("two", two)]);
    left_behind(&store, &before, "two").await;
    let after = on(&[("two", other)], &store);
    assert_eq!(after.recover().await, Ok(1));
    let report = after.cancel("r").await.expect("it is cancelled");
    assert_eq!(report.status, Status::Cancelled);
    assert_eq!(status(&report, "first"), NodeStatus::Completed);
    assert_eq!(status(&report, "second"), NodeStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_is_under_way_and_keeps_the_rest() {
    fn long(dag: &Dag) {
        let first = dag.task("first", work::sleep::Def).with(work::sleep::Args { ms: literal("100") });
        dag.task("second", work::sleep::Def)
            .with(work::sleep::Args { ms: literal("100") })
            .after([first.id()]);
    }
    let (engine, store) = engine(&[("long", long)]);
    let handle = engine.start(start("long", "r", "null")).await.expect("it starts");
    tokio::time::sleep(millis(10)).await;
    engine.drain();
    assert!(matches!(engine.start(start("long", "s", "null")).await, Err(StartError::Draining)));
    assert!(matches!(handle.finished().await, Err(StartError::Draining)));
    assert_eq!(engine.in_flight(), 0);
    let record = store.find("r").await.expect("it can be read").expect("it is there");
    let done = record.log.iter().filter(|entry| matches!(entry.event, Event::NodeCompleted { .. }));
    assert_eq!(done.count(), 1);
}
