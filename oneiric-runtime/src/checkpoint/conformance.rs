//! What every store must do, as tests that each of them passes: `conformance::suite!` in the store's own file.
//!
//! What only a store on disk can do, such as surviving a kill, is tested beside it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Created, Error, Filter, Kind, NewRun, Record, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::outbox::tests::due;
use crate::run::{Entry, Event, NodeId, NotificationStep, Reason, Status, Step};
use crate::task;

/// Declares one test for each case; the factory makes a store and what must live as long.
macro_rules! suite {
    ($factory:expr) => {
        $crate::checkpoint::conformance::suite!(
            $factory,
            a_run_is_found_with_all_that_happened_to_it,
            entries_keep_the_order_of_the_calls,
            one_of_many_creates_makes_the_run,
            open_runs_come_oldest_first_with_their_logs,
            open_runs_leave_out_what_is_created_later,
            a_record_follows_from_its_log,
            runs_are_listed_newest_first,
            old_runs_are_forgotten_and_no_others,
            a_run_is_open_until_its_notifications_are_settled,
            a_rebased_run_has_the_new_log_only,
            definitions_are_kept_by_digest,
            large_outputs_and_odd_text_come_back_as_they_were,
            what_is_said_of_no_run_is_refused_and_harms_nothing,
            what_nobody_waits_for_is_kept_all_the_same,
            a_closed_store_says_so
        );
    };
    ($factory:expr, $($case:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _kept) = ($factory)();
                $crate::checkpoint::conformance::$case(store).await;
            }
        )+
    };
}
pub(crate) use suite;

pub(crate) async fn a_run_is_found_with_all_that_happened_to_it(store: impl Store) {
    let new = new_run("r-1");
    let key = create(&store, &new).await;
    store.append(key, everything(), Urgency::Now).await.unwrap();

    let Record { run, log } = store.find("r-1").await.unwrap().expect("it was created");
    assert_eq!(log, everything());
    assert_eq!(
        (run.key, run.run_id, run.workflow, run.digest, run.input, run.labels, run.created_at),
        (key, new.run_id, new.workflow, new.digest, new.input, new.labels, new.created_at)
    );
    assert!(store.find("r-2").await.unwrap().is_none());
}

pub(crate) async fn entries_keep_the_order_of_the_calls(store: impl Store) {
    let keys = [create(&store, &new_run("a")).await, create(&store, &new_run("b")).await];
    let mut replies = Vec::new();
    for attempt in 0..300 {
        let urgency = if attempt % 3 == 0 { Urgency::Now } else { Urgency::Soon };
        for key in keys {
            replies.push(store.append(key, vec![started(0, attempt), started(1, attempt)], urgency));
        }
    }
    for reply in replies {
        reply.await.unwrap();
    }
    let expected: Vec<_> = (0..300).flat_map(|attempt| [started(0, attempt), started(1, attempt)]).collect();
    for run_id in ["a", "b"] {
        assert_eq!(store.find(run_id).await.unwrap().unwrap().log, expected);
    }
}

pub(crate) async fn one_of_many_creates_makes_the_run(store: impl Store) {
    let store = Arc::new(store);
    let mut calls = JoinSet::new();
    for call in 0..64 {
        let store = Arc::clone(&store);
        calls.spawn(async move {
            let run = NewRun { input: Json::of(&call).unwrap(), ..new_run("same") };
            (call, store.create(run).await.unwrap())
        });
    }
    let mut made = None;
    let mut found = Vec::new();
    while let Some(answer) = calls.join_next().await {
        match answer.unwrap() {
            (call, Created::New(key)) => assert_eq!(made.replace((call, key)), None, "made twice"),
            (_, Created::Existing(run)) => found.push(run),
        }
    }
    let (call, key) = made.expect("one makes it");
    assert_eq!(found.len(), 63);
    for run in found {
        assert_eq!((run.key, run.input.parse::<i32>().unwrap()), (key, call));
    }
    assert_eq!(store.list(Filter::default()).await.unwrap().len(), 1);
}

pub(crate) async fn open_runs_come_oldest_first_with_their_logs(store: impl Store) {
    let mut expected = Vec::new();
    for number in 0..200 {
        let run_id = format!("run-{:03}", (number * 77) % 200);
        let key = create(&store, &new_run(&run_id)).await;
        let mut log = vec![started(number, 1), completed(number, "1")];
        match number % 5 {
            0 => log.push(at(9, Event::RunEnded { status: Status::Completed })),
            1 => log.push(at(9, Event::RunParked { reason: "its definition changed".into() })),
            2 => log.extend([at(9, Event::RunEnded { status: Status::Failed }), at(10, Event::RunResumed)]),
            _ => {}
        }
        store.append(key, log.clone(), Urgency::Now).await.unwrap();
        if number % 5 != 0 {
            expected.push((run_id, log));
        }
    }
    let found: Vec<_> =
        drain(&store).await.into_iter().map(|record| (record.run.run_id, record.log)).collect();
    assert_eq!(found, expected);
}

pub(crate) async fn open_runs_leave_out_what_is_created_later(store: impl Store) {
    let before = create(&store, &new_run("before")).await;
    store.release(before).await.unwrap();
    let mut records = store.open_runs();
    create(&store, &new_run("after")).await;
    assert_eq!(records.recv().await.unwrap().unwrap().run.run_id, "before");
    assert!(records.recv().await.is_none());
}

pub(crate) async fn a_record_follows_from_its_log(store: impl Store) {
    let key = create(&store, &new_run("r")).await;
    let steps = [
        (vec![started(0, 1)], Status::Running, None),
        (vec![at(5, Event::RunParked { reason: "why".into() })], Status::Parked, None),
        (vec![at(6, Event::RunResumed)], Status::Running, None),
        (vec![ended(7, Status::Cancelled)], Status::Cancelled, Some(Timestamp(7))),
        (vec![at(8, Event::RunResumed), ended(9, Status::Failed)], Status::Failed, Some(Timestamp(9))),
        (vec![at(10, Event::RunResumed), started(1, 1)], Status::Running, None),
        (vec![completed(1, "2"), ended(11, Status::Completed)], Status::Completed, Some(Timestamp(11))),
    ];
    for (entries, status, ended_at) in steps {
        // Who lets it go on must take hold of it again, because the end of a run, or a parked one, nobody holds.
        store.claim("r").await.unwrap().expect("it is there");
        store.append(key, entries, Urgency::Now).await.unwrap();
        let run = store.find("r").await.unwrap().unwrap().run;
        assert_eq!((run.status, run.ended_at), (status, ended_at));
        let Created::Existing(again) = store.create(new_run("r")).await.unwrap() else {
            panic!("made twice")
        };
        assert_eq!(again, run);
    }
}

pub(crate) async fn runs_are_listed_newest_first(store: impl Store) {
    for number in 0..150 {
        let workflow = if number % 2 == 0 { "even" } else { "odd" };
        let run = NewRun { workflow: workflow.into(), ..new_run(&number.to_string()) };
        let key = create(&store, &run).await;
        if number % 3 == 0 {
            store.append(key, vec![ended(number, Status::Completed)], Urgency::Now).await.unwrap();
        }
    }
    let list = async |workflow: Option<&str>, status, limit| {
        let filter = Filter { workflow: workflow.map(str::to_owned), status, limit };
        let runs = store.list(filter).await.unwrap();
        runs.into_iter().map(|run| run.run_id.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    let expected = |wanted: fn(&u32) -> bool| (0..150).rev().filter(wanted).collect::<Vec<_>>();
    assert_eq!(list(None, None, 0).await, expected(|_| true));
    assert_eq!(list(None, None, 3).await, [149, 148, 147]);
    assert_eq!(list(Some("odd"), None, 0).await, expected(|n| n % 2 == 1));
    assert_eq!(list(None, Some(Status::Completed), 0).await, expected(|n| n % 3 == 0));
    assert_eq!(list(Some("even"), Some(Status::Running), 2).await, [148, 146]);
    assert_eq!(list(Some("none"), None, 0).await, expected(|_| false));
}

pub(crate) async fn old_runs_are_forgotten_and_no_others(store: impl Store) {
    let mut keys = Vec::new();
    for number in 0..20 {
        let key = create(&store, &new_run(&number.to_string())).await;
        let mut log: Vec<_> = (0..100).map(|node| completed(node, "\"kept\"")).collect();
        match number % 4 {
            0 => log.push(ended(10, Status::Completed)),
            1 => log.push(ended(20, Status::Failed)),
            2 => log.push(at(10, Event::RunParked { reason: "why".into() })),
            _ => {}
        }
        store.append(key, log, Urgency::Now).await.unwrap();
        keys.push(key);
    }
    assert_eq!(store.prune(Timestamp(10)).await, Ok(0));
    assert_eq!(store.prune(Timestamp(20)).await, Ok(5));
    assert_eq!(store.prune(Timestamp(20)).await, Ok(0));
    for number in 0..20 {
        let found = store.find(&number.to_string()).await.unwrap();
        assert_eq!(found.is_some(), number % 4 != 0);
        assert!(found.is_none_or(|record| record.log.len() >= 100));
    }
    assert_eq!(drain(&store).await.len(), 10);

    // The id is free again; the key is not, because somebody may still hold it.
    let again = create(&store, &new_run("0")).await;
    assert!(!keys.contains(&again));
    assert_eq!(store.find("0").await.unwrap().unwrap().log, []);
}

pub(crate) async fn a_run_is_open_until_its_notifications_are_settled(store: impl Store) {
    let notification = |number, step| at(12, Event::Notification { number, step });
    let open = async || drain(&store).await.into_iter().map(|record| record.run.run_id).collect::<Vec<_>>();
    let keys = [create(&store, &new_run("a")).await, create(&store, &new_run("b")).await];
    for key in keys {
        let log = vec![notification(0, due("x")), ended(11, Status::Failed), notification(1, due("y"))];
        store.append(key, log, Urgency::Now).await.unwrap();
    }
    assert_eq!(open().await, ["a", "b"]);
    // Neither a record's end nor an attempt settles anything. Who was handed a run holds it.
    let sending = notification(1, NotificationStep::Sending { attempt: 1 });
    store
        .append(keys[0], vec![sending, notification(1, NotificationStep::Sent)], Urgency::Now)
        .await
        .unwrap();
    assert_eq!(open().await, ["a", "b"]);
    assert_eq!(store.prune(Timestamp(100)).await, Ok(0));
    let unknown = NotificationStep::GivenUp { error: "no answer".into(), is_outcome_unknown: true };
    store.append(keys[0], vec![notification(0, unknown)], Urgency::Now).await.unwrap();
    assert_eq!(open().await, ["b"]);
    assert_eq!(store.prune(Timestamp(100)).await, Ok(1));

    // Who gets another log is judged by that.
    let log = vec![notification(0, due("x")), ended(11, Status::Failed)];
    store.rebase(keys[1], "d-2".into(), Json::null(), log).await.unwrap();
    assert_eq!(open().await, ["b"]);
    let failed = NotificationStep::GivenUp { error: "no".into(), is_outcome_unknown: false };
    store.append(keys[1], vec![notification(0, failed)], Urgency::Now).await.unwrap();
    assert_eq!(open().await, [""; 0]);
}

pub(crate) async fn a_rebased_run_has_the_new_log_only(store: impl Store) {
    let key = create(&store, &new_run("r")).await;
    let other = create(&store, &new_run("other")).await;
    for run in [key, other] {
        let parked = at(5, Event::RunParked { reason: "its definition changed".into() });
        store.append(run, vec![completed(0, "1"), parked], Urgency::Now).await.unwrap();
    }
    let log = vec![completed(4, "1"), at(6, Event::RunResumed)];
    store.claim("r").await.unwrap().expect("it is there");
    store.rebase(key, "d-2".into(), Json::of("second").unwrap(), log.clone()).await.unwrap();
    store.append(key, vec![started(5, 1)], Urgency::Now).await.unwrap();

    let found = store.find("r").await.unwrap().unwrap();
    assert_eq!((found.run.status, found.run.digest.as_str()), (Status::Running, "d-2"));
    assert_eq!(found.log, [log, vec![started(5, 1)]].concat());
    assert_eq!(store.definition("wf", "d-2").await, Ok(Some(Json::of("second").unwrap())));

    let other = store.find("other").await.unwrap().unwrap();
    assert_eq!((other.run.status, other.run.digest.as_str(), other.log.len()), (Status::Parked, "d-1", 2));
}

pub(crate) async fn definitions_are_kept_by_digest(store: impl Store) {
    for (run_id, workflow, digest, definition) in [
        ("1", "a", "x", "one"),
        ("2", "a", "y", "two"),
        ("3", "b", "x", "three"),
        ("4", "a", "x", "not kept"),
    ] {
        let definition = Json::of(definition).unwrap();
        create(
            &store,
            &NewRun { workflow: workflow.into(), digest: digest.into(), definition, ..new_run(run_id) },
        )
        .await;
    }
    let definition = async |workflow: &str, digest: &str| {
        store.definition(workflow, digest).await.unwrap().map(|json| json.parse::<String>().unwrap())
    };
    assert_eq!(definition("a", "x").await.as_deref(), Some("one"));
    assert_eq!(definition("a", "y").await.as_deref(), Some("two"));
    assert_eq!(definition("b", "x").await.as_deref(), Some("three"));
    assert_eq!(definition("b", "y").await, None);
}

pub(crate) async fn large_outputs_and_odd_text_come_back_as_they_were(store: impl Store) {
    let large = Json::of(&"x".repeat(1 << 20)).unwrap();
    let endless = "long".repeat(10_000);
    let odd = ["", " ", "\0", "a\0b", "'; DROP TABLE run; --", "%_\\", "\n\r\t", "🌀 ü \u{202e}", &endless];
    for run_id in odd {
        let run = NewRun {
            workflow: run_id.into(),
            input: large.clone(),
            labels: Json::of(run_id).unwrap(),
            ..new_run(run_id)
        };
        let key = create(&store, &run).await;
        let log = vec![
            at(1, Event::NodeCompleted { node: NodeId(u32::MAX), attempt: u32::MAX, output: large.clone() }),
            at(
                i64::MAX,
                Event::NodeFailed { node: NodeId(0), attempt: 0, error: task::Error::permanent(run_id) },
            ),
            at(i64::MIN, Event::RunParked { reason: run_id.into() }),
        ];
        store.append(key, log.clone(), Urgency::Now).await.unwrap();
        let found = store.find(run_id).await.unwrap().expect("it was created");
        assert_eq!(
            (found.run.run_id.as_str(), found.run.input, found.run.labels),
            (run_id, run.input, run.labels)
        );
        assert_eq!(found.run.workflow, run_id);
        assert_eq!(found.log, log);
    }
    assert_eq!(store.list(Filter::default()).await.unwrap().len(), odd.len());
}

pub(crate) async fn what_is_said_of_no_run_is_refused_and_harms_nothing(store: impl Store) {
    let key = create(&store, &new_run("r")).await;
    // All three may be in one transaction.
    let before = store.append(key, vec![started(0, 1)], Urgency::Now);
    let lost = store.append(RunKey(key.0 + 1), vec![started(1, 1), ended(2, Status::Failed)], Urgency::Now);
    let after = store.append(key, vec![completed(0, "1")], Urgency::Now);
    let moved = store.rebase(RunKey(-7), "d".into(), Json::null(), Vec::new());

    assert_eq!(before.await, Ok(()));
    assert_eq!(lost.await.map_err(|error| error.kind()), Err(Kind::Gone));
    assert_eq!(after.await, Ok(()));
    assert_eq!(moved.await.map_err(|error| error.kind()), Err(Kind::Gone));
    let found = drain(&store).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].log, [started(0, 1), completed(0, "1")]);
}

pub(crate) async fn what_nobody_waits_for_is_kept_all_the_same(store: impl Store) {
    let key = create(&store, &new_run("r")).await;
    let reply = store.append(key, vec![started(0, 1)], Urgency::Soon);
    tokio::time::timeout(Duration::from_secs(10), reply).await.expect("without another call").unwrap();
    // Neither does it need anybody who holds the reply.
    drop(store.append(key, vec![started(1, 1)], Urgency::Soon));
    store.append(key, vec![started(2, 1)], Urgency::Now).await.unwrap();
    let found = store.find("r").await.unwrap().unwrap();
    assert_eq!(found.log, [started(0, 1), started(1, 1), started(2, 1)]);
}

pub(crate) async fn a_closed_store_says_so(store: impl Store) {
    let key = create(&store, &new_run("r")).await;
    store.close().await.unwrap();
    let is_closed = |error: &Error| error.kind() == Kind::Closed;
    assert!(store.create(new_run("s")).await.is_err_and(|error| is_closed(&error)));
    assert!(store.append(key, vec![started(0, 1)], Urgency::Now).await.is_err_and(|error| is_closed(&error)));
    assert!(store.find("r").await.is_err_and(|error| is_closed(&error)));
    assert!(store.list(Filter::default()).await.is_err_and(|error| is_closed(&error)));
    assert!(store.prune(Timestamp(0)).await.is_err_and(|error| is_closed(&error)));
}

/// A run of workflow `wf` at digest `d-1`.
pub(crate) fn new_run(run_id: &str) -> NewRun {
    NewRun {
        run_id: run_id.into(),
        workflow: "wf".into(),
        digest: "d-1".into(),
        definition: Json::of("first").unwrap(),
        input: Json::of(&["input", run_id]).unwrap(),
        labels: Json::from_text(r#"{"metadata": {"a": [1, 2.50, null]}, "workflow_provider": "x"}"#).unwrap(),
        created_at: Timestamp(1),
    }
}

pub(crate) async fn create(store: &impl Store, run: &NewRun) -> RunKey {
    match store.create(run.clone()).await.unwrap() {
        Created::New(key) => key,
        Created::Existing(run) => panic!("there is a run `{}` already", run.run_id),
    }
}

/// The open runs, none of which is held any more.
pub(crate) async fn drain(store: &impl Store) -> Vec<Record> {
    for run in store.list(Filter::default()).await.unwrap() {
        store.release(run.key).await.unwrap();
    }
    let mut records = store.open_runs();
    let mut found = Vec::new();
    while let Some(record) = records.recv().await {
        found.push(record.unwrap());
    }
    let keys: BTreeSet<_> = found.iter().map(|record| record.run.key).collect();
    assert_eq!(keys.len(), found.len(), "each comes once");
    found
}

pub(crate) fn started(node: u32, attempt: u32) -> Entry {
    at(2, Event::NodeStarted { node: NodeId(node), attempt })
}

pub(crate) fn completed(node: u32, output: &str) -> Entry {
    let output = Json::from_text(output).unwrap();
    at(3, Event::NodeCompleted { node: NodeId(node), attempt: 1, output })
}

pub(crate) fn ended(time: i64, status: Status) -> Entry {
    at(time, Event::RunEnded { status })
}

fn at(time: i64, event: Event) -> Entry {
    Entry { at: Timestamp(time), event }
}

/// One entry of every kind, with each of its variants.
pub(crate) fn everything() -> Vec<Entry> {
    let node = NodeId(3);
    let until = Timestamp(1_700_000_000_123_456);
    let error = || task::Error::from(std::io::Error::other(std::fmt::Error));
    let mut events = vec![
        Event::NodeStarted { node, attempt: 1 },
        Event::NodeWaiting { node, until },
        Event::NodeRetrying { node, attempt: 1, error: error(), until },
        Event::NodeCompleted {
            node,
            attempt: 2,
            output: Json::from_text(r#"{"b": 1, "a": [1.0]}"#).unwrap(),
        },
        Event::NodeFailed { node, attempt: 2, error: task::Error::permanent("no") },
        Event::NodeSkipped { node },
        Event::NodeLeftOut { node },
        Event::NodeExpanded { node, items: 3 },
        Event::Item { node, item: 2, step: Step::Started { attempt: 1 } },
        Event::Item { node, item: 2, step: Step::Retrying { attempt: 1, error: error(), until } },
        Event::Item {
            node,
            item: 2,
            step: Step::Completed { attempt: 2, output: Json::trusted("{\"an\":\"output\"}") },
        },
        Event::Undo { node, step: Step::Failed { attempt: 1, error: task::Error::permanent("no") } },
        Event::NodeCancelled { node },
        Event::CancelRequested { reason: Reason::Requested },
        Event::CancelRequested { reason: Reason::DeadlinePassed },
        Event::RunParked { reason: "a \"quoted\" reason".into() },
        Event::RunResumed,
    ];
    let steps = [
        due("msg_1"),
        NotificationStep::Sending { attempt: 7 },
        NotificationStep::Retrying { error: "away".into(), until },
        NotificationStep::Sent,
        NotificationStep::GivenUp { error: "no".into(), is_outcome_unknown: false },
        NotificationStep::GivenUp { error: "who knows".into(), is_outcome_unknown: true },
    ];
    events.extend(steps.into_iter().map(|step| Event::Notification { number: 2, step }));
    for status in [Status::Running, Status::Parked, Status::Completed, Status::Failed, Status::Cancelled] {
        events.push(Event::RunEnded { status });
    }
    events.into_iter().zip(5..).map(|(event, time)| at(time, event)).collect()
}
