//! What every queue must do, as tests that each of them passes: `conformance::suite!` in the adapter's own file.

use std::collections::BTreeSet;

use super::{Message, Queue};
use crate::adapters::Kind;
use crate::clock::Timestamp;
use crate::http::submission;
use crate::json::Json;

/// A queue, and the other side of it.
pub(crate) trait Fixture {
    /// Both of them, with nothing in the queue.
    async fn open() -> Self;

    /// The queue.
    fn queue(&self) -> &dyn Queue;

    /// What the other side would deliver, oldest first.
    fn held(&self) -> Vec<Vec<u8>>;

    /// Has the other side answer this status from now on.
    fn refuse(&self, status: u16);
}

/// Declares one test for each case.
macro_rules! suite {
    ($fixture:ty) => {
        $crate::adapters::queue::conformance::suite!(
            $fixture,
            what_is_enqueued_is_what_the_workflows_address_takes,
            a_run_that_is_enqueued_twice_is_one_run,
            run_ids_may_look_as_they_like,
            a_failure_says_whether_it_will_pass
        );
    };
    ($fixture:ty, $($case:ident),+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let fixture = <$fixture as $crate::adapters::queue::conformance::Fixture>::open().await;
                $crate::adapters::queue::conformance::$case(fixture).await;
            }
        )+
    };
}
pub(crate) use suite;

/// A run of this id.
pub(crate) fn message(run_id: &str) -> Message {
    Message {
        workflow: "fulfil".to_owned(),
        run_id: run_id.to_owned(),
        workflow_provider: None,
        context: Json::trusted(r#"{"n":1.0,"text":"é"}"#),
        metadata: Json::trusted(r#"{"from":"test"}"#),
        queued_at: Timestamp(0),
    }
}

/// The ids of the runs that the other side would deliver.
fn runs(fixture: &impl Fixture) -> Vec<String> {
    let run = |body: &Vec<u8>| submission::read_plain(body).expect("it is a submission").run_id;
    fixture.held().iter().map(|body| run(body).expect("it has an id")).collect()
}

pub(crate) async fn what_is_enqueued_is_what_the_workflows_address_takes(fixture: impl Fixture) {
    let name = fixture.queue().enqueue(&message("order-7")).await.expect("it is taken");
    assert!(!name.is_empty());
    let start = submission::read_plain(&fixture.held()[0]).expect("it is a submission");
    assert_eq!((start.workflow.as_str(), start.run_id.as_deref()), ("fulfil", Some("order-7")));
    assert_eq!(start.input.text(), r#"{"n":1.0,"text":"é"}"#);
    assert_eq!(start.labels.text(), r#"{"metadata":{"from":"test"},"workflow_provider":null}"#);
    let body = serde_json::from_slice::<serde_json::Value>(&fixture.held()[0]).expect("it is JSON");
    assert_eq!(body["queued_at"], "1970-01-01T00:00:00.000000Z");
}

pub(crate) async fn a_run_that_is_enqueued_twice_is_one_run(fixture: impl Fixture) {
    for run in ["one", "one", "two"] {
        fixture.queue().enqueue(&message(run)).await.expect("it is taken");
    }
    let runs = runs(&fixture).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(runs, ["one".to_owned(), "two".to_owned()].into());
}

pub(crate) async fn run_ids_may_look_as_they_like(fixture: impl Fixture) {
    let ids = ["Größe/7?a=b#c%20:x", "Größe_7_a_b_c_20_x", &"x".repeat(200)];
    for id in ids {
        fixture.queue().enqueue(&message(id)).await.expect("it is taken");
    }
    assert_eq!(runs(&fixture), ids);
}

pub(crate) async fn a_failure_says_whether_it_will_pass(fixture: impl Fixture) {
    for (status, kind) in [
        (400, Kind::Rejected),
        (401, Kind::Denied),
        (403, Kind::Denied),
        (404, Kind::NotFound),
        (429, Kind::Unavailable),
        (503, Kind::Unavailable),
    ] {
        fixture.refuse(status);
        let error = fixture.queue().enqueue(&message("order-7")).await.expect_err("it is refused");
        assert_eq!(error.kind(), kind, "{status}: {error}");
    }
}
