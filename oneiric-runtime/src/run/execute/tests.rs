//! Conditions, lists and undoing, on time that stands still until something waits for it.

use std::sync::{Arc, Mutex};

use crate::app::{App, Build};
use crate::checkpoint::{Memory, Store};
use crate::dag::Dag;
use crate::engine::{Engine, Start};
use crate::json::Json;
use crate::millis;
use crate::run::{NodeStatus, Report, Status};
use crate::task::{Ctx, Error, Retry};
use crate::value::{any_of, exists, is_missing, literal};

/// What the tasks did, run by run, in the order in which they did it.
static JOURNAL: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn write(line: String) {
    JOURNAL.lock().expect("nothing panics with it").push(line);
}

fn journal(run: &str) -> Vec<String> {
    let prefix = format!("{run}/");
    let lines = JOURNAL.lock().expect("nothing panics with it");
    lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// Tasks, each a function as a user would write it.
mod work {
    use super::*;

    #[oneiric::task]
    pub(super) async fn book(ctx: Ctx, seats: u64) -> u64 {
        write(format!("{} book {seats}", ctx.idempotency_key()));
        tokio::time::sleep(millis(seats)).await;
        seats
    }

    #[oneiric::task(retry(attempts = 2, base_delay = "10ms", jitter = 0.0))]
    pub(super) async fn cancel(ctx: Ctx, seats: u64) -> Result<(), Error> {
        write(format!("{} cancel {seats}", ctx.idempotency_key()));
        tokio::time::sleep(millis(1)).await;
        if seats == 13 && ctx.attempt() == 1 {
            return Err(Error::transient("not today"));
        }
        if seats == 99 { Err(Error::permanent("never")) } else { Ok(()) }
    }

    #[oneiric::task]
    pub(super) async fn fail() -> Result<(), Error> {
        tokio::time::sleep(millis(100)).await;
        Err(Error::permanent("no"))
    }

    #[oneiric::task]
    pub(super) async fn visit(ctx: Ctx, n: u64) -> Result<u64, Error> {
        write(format!("{} visit {n}", ctx.idempotency_key()));
        tokio::time::sleep(millis(10)).await;
        match n {
            7 => Err(Error::permanent("seven")),
            8 if ctx.attempt() == 1 => Err(Error::transient("eight")),
            _ => Ok(n * 2),
        }
    }

    #[oneiric::task]
    pub(super) async fn or_zero(n: Option<u64>) -> u64 {
        n.unwrap_or(0)
    }
}

fn engine(build: Build, store: &Arc<Memory>) -> Engine {
    let mut app = App::default();
    app.workflow("w", build);
    Engine::new(app, Arc::clone(store) as Arc<dyn Store>)
}

fn start(run_id: &str, input: &str) -> Start {
    let input = Json::from_text(input).expect("the test's input is JSON");
    Start { workflow: "w".to_owned(), run_id: Some(run_id.to_owned()), input, labels: Json::null() }
}

async fn run(build: Build, run_id: &str, input: &str) -> Arc<Report> {
    let engine = engine(build, &Arc::new(Memory::new()));
    engine.start(start(run_id, input)).await.expect("it starts").finished().await.expect("it ends")
}

fn statuses(report: &Report) -> Vec<(&str, NodeStatus)> {
    report.nodes.iter().map(|node| (node.node.as_str(), node.status)).collect()
}

fn conditions(dag: &Dag) {
    let input = dag.input();
    let first = dag
        .task("first", work::book::Def)
        .with(work::book::Args { seats: literal("1") })
        .when(any_of(input.get("kind"), ["1", "\"seats\""]));
    let then = dag.task("then", work::or_zero::Def).with(work::or_zero::Args { n: first.outcome() });
    dag.wait("pause", millis(5)).when(exists(input.get("pause"))).after([then.id()]);
    dag.exec("cat", ["cat"])
        .with(first.outcome().json())
        .when(is_missing(input.get("pause")))
        .when(input.get("flag"));
}

#[tokio::test(start_paused = true)]
async fn a_node_runs_only_where_its_conditions_hold() {
    use NodeStatus::{Completed, Skipped};
    let report = run(conditions, "kind-of-another-sort", r#"{"kind":"other","pause":1}"#).await;
    assert_eq!(report.status, Status::Completed);
    let expected = [("first", Skipped), ("then", Completed), ("pause", Completed), ("cat", Skipped)];
    assert_eq!(statuses(&report), expected);
    assert_eq!(report.output::<u64>("then"), Some(0), "what depends on it runs without its output");
    let report = run(conditions, "numbers-by-worth", r#"{"kind":1.0,"flag":true}"#).await;
    let expected = [("first", Completed), ("then", Completed), ("pause", Skipped), ("cat", Completed)];
    assert_eq!(statuses(&report), expected);
    assert_eq!(report.output::<u64>("cat"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_cannot_be_read_fails_its_node() {
    let report = run(conditions, "no-flag", r#"{"kind":"seats"}"#).await;
    assert_eq!(report.status, Status::Failed);
    let error = report.node("cat").and_then(|node| node.error.clone());
    assert_eq!(error.as_deref(), Some("`${input.flag}` is not there"));
}

fn lists(dag: &Dag) {
    let input = dag.input();
    let visit = dag
        .task("visit", work::visit::Def)
        .each(input.get::<Vec<u64>>("list"), |item| work::visit::Args { n: item.whole() })
        .max_parallel(2)
        .retry(Retry::attempts(2).base_delay(millis(30)).jitter(0.0));
    let count = visit.path(|outputs: &Vec<u64>| outputs.first());
    dag.task("then", work::book::Def).with(work::book::Args { seats: count });
}

#[tokio::test(start_paused = true)]
async fn a_node_has_an_instance_for_each_element() {
    let began = tokio::time::Instant::now();
    let report = run(lists, "five", r#"{"list":[1,2,8,3,4]}"#).await;
    assert_eq!(report.output::<Vec<u64>>("visit"), Some(vec![2, 4, 16, 6, 8]), "in the order of the list");
    assert_eq!(journal("five")[0], "visit/0 visit 1");
    assert_eq!(journal("five").iter().filter(|line| line.ends_with("visit 8")).count(), 2);
    // Two at a time: 10 + 10 ms, then the second attempt of one beside the fifth, 30 ms after its first.
    let took = began.elapsed();
    assert!((millis(60)..millis(70)).contains(&took), "{took:?}");
    let report = run(lists, "nobody", r#"{"list":[]}"#).await;
    assert_eq!(report.output::<Vec<u64>>("visit"), Some(Vec::new()));
    assert_eq!(report.status, Status::Failed, "`then` wants a first element");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_fails_fails_its_node() {
    let report = run(lists, "seven", r#"{"list":[1,7,3,4,5,6]}"#).await;
    let node = report.node("visit").expect("there is one");
    assert_eq!(node.status, NodeStatus::Failed);
    assert_eq!(node.error.as_deref(), Some("element 1 of its list: seven"));
    assert_eq!(journal("seven").len(), 2, "none is begun after that: {:?}", journal("seven"));
    let report = run(lists, "no-list", r#"{"list":3}"#).await;
    let error = report.node("visit").and_then(|node| node.error.clone()).unwrap_or_default();
    assert!(error.contains("`${input.list}` does not fit"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_done_are_not_done_again() {
    let store = Arc::new(Memory::new());
    let first = engine(lists, &store);
    let handle = first.start(start("crash", r#"{"list":[1,2,3,4]}"#)).await.expect("it starts");
    tokio::time::sleep(millis(15)).await;
    first.abandon();
    assert!(handle.finished().await.is_err(), "it stopped half way");
    let second = engine(lists, &store);
    let report = second.start(start("crash", r#"{"list":[1,2,3,4]}"#)).await.expect("it goes on");
    let report = report.finished().await.expect("it ends");
    assert_eq!(report.output::<Vec<u64>>("visit"), Some(vec![2, 4, 6, 8]));
    let journal = journal("crash");
    let count = |line: &str| journal.iter().filter(|found| *found == line).count();
    assert_eq!((count("visit/0 visit 1"), count("visit/1 visit 2")), (1, 1), "{journal:?}");
    assert_eq!((count("visit/2 visit 3"), count("visit/3 visit 4")), (2, 2), "they were under way");
}

fn trip(dag: &Dag) {
    let input = dag.input();
    let seats = |name| work::book::Args { seats: input.get(name) };
    let train = dag.task("train", work::book::Def).with(seats("train")).compensate(work::cancel::Def);
    let hotel = dag.task("hotel", work::book::Def).with(seats("hotel")).compensate(work::cancel::Def);
    let plain = dag.task("plain", work::book::Def).with(seats("train")).after([train.id()]);
    dag.task("fail", work::fail::Def)
        .with(work::fail::Args {})
        .after([hotel.id(), plain.id()])
        .when(any_of(input.get("fails"), ["true"]));
}

#[tokio::test(start_paused = true)]
async fn what_completed_is_undone_when_the_run_fails_the_last_one_first() {
    let report = run(trip, "trip", r#"{"train":13,"hotel":20,"fails":true}"#).await;
    assert_eq!(report.status, Status::Failed);
    let undone = |node: &str| report.node(node).and_then(|node| Some(node.compensation.as_ref()?.status));
    assert_eq!(undone("train"), Some(NodeStatus::Completed));
    assert_eq!(undone("plain"), None);
    assert_eq!(
        journal("trip")[3..],
        ["hotel/undo cancel 20", "train/undo cancel 13", "train/undo cancel 13"],
        "the second was tried again"
    );
    let report = run(trip, "good-trip", r#"{"train":1,"hotel":2,"fails":false}"#).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(journal("good-trip").len(), 3, "nothing is undone");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_undone_keeps_nothing_else_from_it() {
    let report = run(trip, "stuck", r#"{"train":5,"hotel":99,"fails":true}"#).await;
    let hotel = report.node("hotel").and_then(|node| node.compensation.clone()).expect("it was tried");
    assert_eq!((hotel.status, hotel.error.as_deref()), (NodeStatus::Failed, Some("never")));
    assert_eq!(journal("stuck")[3..], ["hotel/undo cancel 99", "train/undo cancel 5"]);
}

#[tokio::test(start_paused = true)]
async fn undoing_goes_on_after_a_restart_and_a_resumed_run_does_it_all_again() {
    let store = Arc::new(Memory::new());
    let first = engine(trip, &store);
    let input = r#"{"train":5,"hotel":20,"fails":true}"#;
    let handle = first.start(start("half", input)).await.expect("it starts");
    while !journal("half").iter().any(|line| line == "train/undo cancel 5") {
        tokio::time::sleep(std::time::Duration::from_micros(100)).await;
    }
    first.abandon();
    assert!(handle.finished().await.is_err(), "it stopped half way");

    let second = engine(trip, &store);
    let report =
        second.start(start("half", input)).await.expect("it goes on").finished().await.expect("it ends");
    assert_eq!(report.status, Status::Failed);
    let journal_so_far = journal("half");
    let count = |line: &str| journal_so_far.iter().filter(|found| *found == line).count();
    assert_eq!((count("hotel/undo cancel 20"), count("train/undo cancel 5")), (1, 2), "{journal_so_far:?}");

    let resumed = second.resume("half", false).await.expect("it can be resumed");
    let report = resumed.finished().await.expect("it ends");
    assert_eq!(report.status, Status::Failed);
    let journal = journal("half");
    let again = &journal[journal_so_far.len()..];
    assert_eq!(again.iter().filter(|line| line.contains(" book ")).count(), 3, "{again:?}");
}
