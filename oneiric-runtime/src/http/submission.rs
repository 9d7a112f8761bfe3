//! What a caller posts to `/tasks/workflow`, read from the body: a submission, or an envelope of Pub/Sub with one inside.
//!
//! Keys that are not named here are ignored, because queues add their own. The context is kept as it was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::delivery::Delivery;
use crate::engine::Start;
use crate::json::Json;
use crate::telemetry::Trace;

/// The longest run id. Ids are made into names of nodes' idempotency keys, which other services bound at 255 bytes.
const MAX_RUN_ID: usize = 200;

/// The code of a body that names no workflow.
const WORKFLOW_MISSING: &str = "workflow-key-missing";

/// Why a body is not accepted: a code for programs, and words for people where the code does not say it all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) detail: Option<&'static str>,
}

/// What a caller wants to be told again with the result.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Labels {
    pub(crate) metadata: Json,
    pub(crate) workflow_provider: Option<String>,
    /// Not told again, but logged: the trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

impl Default for Labels {
    fn default() -> Self {
        Self { metadata: Json::trusted("{}"), workflow_provider: None, trace: None }
    }
}

impl Refused {
    pub(crate) const fn new(code: &'static str) -> Self {
        Self { code, detail: None }
    }

    const fn because(code: &'static str, detail: &'static str) -> Self {
        Self { code, detail: Some(detail) }
    }
}

/// The trace of the request that these labels came with.
pub(crate) fn trace(labels: &Json) -> Option<Trace> {
    // Most have none, and need not be read to know it.
    let labels = labels.text().contains("\"trace\"").then(|| labels.parse::<Labels>().ok())??;
    Trace::parse(&labels.trace?)
}

/// The same, for a request that belongs to this trace.
pub(crate) fn in_trace(start: Start, trace: Option<Trace>) -> Start {
    let Some(trace) = trace else { return start };
    let labels = start.labels.parse::<Labels>().unwrap_or_default();
    match Json::of(&Labels { trace: Some(trace.to_string()), ..labels }) {
        Ok(labels) => Start { labels, ..start },
        Err(_) => start,
    }
}

/// Reads a body, and what it says of its own delivery.
pub(crate) fn read(body: &[u8]) -> Result<(Start, Option<Delivery>), Refused> {
    match read_plain(body) {
        Err(refused) if refused.code == WORKFLOW_MISSING && is_envelope(body) => open(body),
        read => read.map(|start| (start, None)),
    }
}

/// Whether a body is a message that Pub/Sub pushes.
fn is_envelope(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        message: &'a RawValue,
        #[serde(borrow)]
        subscription: &'a RawValue,
    }
    serde_json::from_slice::<Envelope<'_>>(body).is_ok_and(|envelope| {
        envelope.message.get().starts_with('{') && envelope.subscription.get().starts_with('"')
    })
}

#[cfg(feature = "queue-pubsub")]
fn open(body: &[u8]) -> Result<(Start, Option<Delivery>), Refused> {
    let envelope = serde_json::from_slice::<crate::delivery::pubsub::Envelope>(body);
    let envelope = envelope.map_err(|_| Refused::new("envelope-not-understood"))?;
    envelope.open().map(|(start, delivery)| (start, Some(delivery)))
}

#[cfg(not(feature = "queue-pubsub"))]
fn open(_: &[u8]) -> Result<(Start, Option<Delivery>), Refused> {
    Err(Refused::because(
        "envelope-not-accepted",
        "name an adapter `queue.pubsub` in the manifest, or have the subscription unwrap its payload",
    ))
}

/// Reads a submission.
pub(crate) fn read_plain(body: &[u8]) -> Result<Start, Refused> {
    let document: &RawValue = serde_json::from_slice(body).map_err(|_| Refused::new("invalid-json"))?;
    if !document.get().starts_with('{') {
        return Err(Refused::new("payload-must-be-object"));
    }
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(document.get()).map_err(|_| Refused::new("invalid-json"))?;
    let member = |name: &str| members.get(name).map(|value| value.get()).filter(|text| *text != "null");

    let workflow = member("workflow").and_then(|text| serde_json::from_str::<String>(text).ok());
    let workflow = workflow.filter(|name| !name.is_empty()).ok_or(Refused::new(WORKFLOW_MISSING))?;
    if members.contains_key("checkpoint") {
        return Err(Refused::because(
            "checkpoint-not-accepted",
            "results come from nodes alone; send the same run_id again to go on with a run",
        ));
    }
    let context = object(member("context")).ok_or(Refused::new("context-must-be-object"))?;
    let metadata = object(member("metadata")).ok_or(Refused::new("metadata-must-be-object"))?;
    let provider = text(member("workflow_provider"), "workflow-provider-must-be-string")?;
    let run_id = text(member("run_id"), "run-id-must-be-string")?;
    if let Some(run_id) = &run_id {
        check_run_id(run_id).map_err(|detail| Refused::because("run-id-invalid", detail))?;
    }
    let labels = Labels { metadata, workflow_provider: provider, trace: None };
    let labels = Json::of(&labels).map_err(|_| Refused::new("invalid-json"))?;
    Ok(Start { workflow, run_id, input: context, labels })
}

/// Whether a run may be called so.
pub(crate) fn check_run_id(run_id: &str) -> Result<(), &'static str> {
    if run_id.is_empty() {
        Err("a run id must not be empty")
    } else if run_id.len() > MAX_RUN_ID {
        Err("a run id has at most 200 bytes")
    } else if run_id.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Err("a run id has no spaces or control characters")
    } else {
        Ok(())
    }
}

/// An object, or an empty one where there is none.
fn object(text: Option<&str>) -> Option<Json> {
    match text {
        None => Some(Json::trusted("{}")),
        Some(text) => text.starts_with('{').then(|| Json::trusted(text)),
    }
}

fn text(text: Option<&str>, code: &'static str) -> Result<Option<String>, Refused> {
    text.map(|text| serde_json::from_str(text).map_err(|_| Refused::new(code))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> &'static str {
        read_plain(body.as_bytes()).map_or_else(|refused| refused.code, |_| "accepted")
    }

    #[test]
    fn a_whole_submission_is_read() {
        let start = read_plain(
            br#" {"workflow":"w","run_id":"r-1","context":{"b":1.0,"a":[ ]},"metadata":{"x":1},
                  "workflow_provider":"p","queued_at":"now"} "#,
        )
        .unwrap();
        assert_eq!(start.workflow, "w");
        assert_eq!(start.run_id.as_deref(), Some("r-1"));
        assert_eq!(start.input.text(), r#"{"b":1.0,"a":[ ]}"#);
        assert_eq!(start.labels.text(), r#"{"metadata":{"x":1},"workflow_provider":"p"}"#);
    }

    #[test]
    fn a_run_keeps_the_trace_of_its_request() {
        let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let start = || read_plain(br#"{"workflow":"w","metadata":{"trace":"x"}}"#).unwrap();
        let traced = in_trace(start(), trace);
        assert_eq!(super::trace(&traced.labels), trace);
        assert_eq!(traced.labels.parse::<Labels>().unwrap().metadata.text(), r#"{"trace":"x"}"#);
        assert_eq!(super::trace(&in_trace(start(), None).labels), None);
        assert_eq!(super::trace(&Json::null()), None);
    }

    #[test]
    fn what_is_left_out_or_null_is_empty() {
        for body in [
            r#"{"workflow":"w"}"#,
            r#"{"workflow":"w","run_id":null,"context":null,"metadata":null,"workflow_provider":null}"#,
        ] {
            let start = read_plain(body.as_bytes()).unwrap();
            assert_eq!(start.run_id, None);
            assert_eq!(start.input.text(), "{}");
            assert_eq!(start.labels.text(), r#"{"metadata":{},"workflow_provider":null}"#);
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        for (body, expected) in [
            ("", "invalid-json"),
            ("{", "invalid-json"),
            (r#"{"workflow":"w"} x"#, "invalid-json"),
            ("[1]", "payload-must-be-object"),
            ("\"w\"", "payload-must-be-object"),
            ("null", "payload-must-be-object"),
            ("{}", "workflow-key-missing"),
            (r#"{"workflow":""}"#, "workflow-key-missing"),
            (r#"{"workflow":7}"#, "workflow-key-missing"),
            (r#"{"workflow":null}"#, "workflow-key-missing"),
            (r#"{"workflow":"w","context":[]}"#, "context-must-be-object"),
            (r#"{"workflow":"w","context":"{}"}"#, "context-must-be-object"),
            (r#"{"workflow":"w","metadata":7}"#, "metadata-must-be-object"),
            (r#"{"workflow":"w","run_id":7}"#, "run-id-must-be-string"),
            (r#"{"workflow":"w","run_id":""}"#, "run-id-invalid"),
            (r#"{"workflow":"w","run_id":"a b"}"#, "run-id-invalid"),
            (r#"{"workflow":"w","run_id":"a\u0000"}"#, "run-id-invalid"),
            (r#"{"workflow":"w","workflow_provider":{}}"#, "workflow-provider-must-be-string"),
            (r#"{"workflow":"w","checkpoint":{}}"#, "checkpoint-not-accepted"),
            (r#"{"workflow":"w","checkpoint":null}"#, "checkpoint-not-accepted"),
            (r#"{"workflow":"w"}"#, "accepted"),
        ] {
            assert_eq!(code(body), expected, "{body}");
        }
        assert_eq!(read_plain(b"{\"workflow\":\"\xff\"}").unwrap_err().code, "invalid-json");
        let long = format!(r#"{{"workflow":"w","run_id":"{}"}}"#, "x".repeat(201));
        assert_eq!(code(&long), "run-id-invalid");
    }

    #[test]
    fn only_a_body_without_a_workflow_can_be_an_envelope() {
        let start = |body: &str| read(body.as_bytes()).map(|(start, _)| start.workflow).map_err(|no| no.code);
        assert_eq!(start(r#"{"workflow":"w","message":{"data":""}}"#), Ok("w".to_owned()));
        assert_eq!(start(r#"{"message":"hello","subscription":"s"}"#), Err("workflow-key-missing"));
        let pushed = r#"{"message":{"data":"eyJ3b3JrZmxvdyI6InYifQ==","messageId":"1"},"subscription":"s"}"#;
        let expected =
            if cfg!(feature = "queue-pubsub") { Ok("v".to_owned()) } else { Err("envelope-not-accepted") };
        assert_eq!(start(pushed), expected);
    }
}
