//! Messages of Pub/Sub: the envelope in which they are pushed, and the run that one asks for.
//!
//! The envelope is that of <https://cloud.google.com/pubsub/docs/push#receive_push>. The message's data is what
//! `POST /tasks/workflow` takes. A message that names no run gets an id that follows from its own, so that a repeated
//! delivery is the same run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Delivery;
use crate::engine::Start;
use crate::http::submission::{self, Refused};
use crate::registry::fnv1a;

/// A message as it is pushed.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    message: Message,
    #[serde(default)]
    subscription: String,
    #[serde(rename = "deliveryAttempt")]
    delivery_attempt: Option<u32>,
}

/// A message in an envelope.
#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    data: String,
    #[serde(rename = "messageId", default)]
    id: String,
}

impl Envelope {
    /// The run that the message asks for.
    pub(crate) fn open(self) -> Result<(Start, Delivery), Refused> {
        let Message { data, id } = self.message;
        let data = STANDARD.decode(data).map_err(|_| Refused::new("message-data-not-base64"))?;
        let start = read(&data, &self.subscription, &id)?;
        let attempt = self.delivery_attempt;
        Ok((start, Delivery { queue: self.subscription, message: id, attempt, ..Delivery::default() }))
    }
}

/// The run that a message of this id asks for, which came through this subscription.
pub(crate) fn read(data: &[u8], subscription: &str, id: &str) -> Result<Start, Refused> {
    let mut start = submission::read_plain(data)?;
    if start.run_id.is_none() {
        start.run_id = Some(run_id(subscription, id).ok_or(Refused::new("message-id-missing"))?);
    }
    Ok(start)
}

/// The id of the run of a message that names none. Google numbers the messages of each topic for itself, so the
/// subscription is part of it.
fn run_id(subscription: &str, message: &str) -> Option<String> {
    let is_id =
        !message.is_empty() && message.len() <= 64 && message.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then(|| format!("pubsub-{:016x}-{message}", fnv1a(subscription.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(data: &str, id: &str) -> Envelope {
        let document = serde_json::json!({
            "message": {
                "data": STANDARD.encode(data), "messageId": id, "message_id": id, "attributes": { "k": "v" },
                "publishTime": "2026-01-01T00:00:00Z", "orderingKey": "o",
            },
            "subscription": "projects/demo/subscriptions/runs",
            "deliveryAttempt": 3,
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_message_is_a_submission_in_an_envelope() {
        let (start, delivery) =
            envelope(r#"{"workflow":"w","run_id":"r","context":{"n":1}}"#, "7").open().unwrap();
        assert_eq!((start.workflow.as_str(), start.run_id.as_deref()), ("w", Some("r")));
        assert_eq!(start.input.text(), r#"{"n":1}"#);
        assert_eq!((delivery.message.as_str(), delivery.attempt), ("7", Some(3)));
        assert_eq!(delivery.queue, "projects/demo/subscriptions/runs");
    }

    #[test]
    fn a_message_without_a_run_is_the_same_run_however_often_it_comes() {
        let run = |id: &str| envelope(r#"{"workflow":"w"}"#, id).open().map(|(start, _)| start.run_id);
        assert_eq!(run("7"), run("7"));
        assert_ne!(run("7").unwrap(), run("8").unwrap());
        assert_eq!(run("").unwrap_err().code, "message-id-missing");
        let elsewhere = read(br#"{"workflow":"w"}"#, "projects/demo/subscriptions/others", "7").unwrap();
        assert_ne!(elsewhere.run_id, run("7").unwrap());
    }

    #[test]
    fn what_is_no_submission_is_refused_as_it_is_without_an_envelope() {
        assert_eq!(envelope("{", "7").open().unwrap_err().code, "invalid-json");
        let document = serde_json::json!({ "message": { "data": "not base64!", "messageId": "7" } });
        let broken = serde_json::from_value::<Envelope>(document).unwrap();
        assert_eq!(broken.open().unwrap_err().code, "message-data-not-base64");
    }
}
