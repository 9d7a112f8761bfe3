//! Google Pub/Sub: runs as messages of a topic, fetched by the program or pushed to it.
//!
//! A run becomes a message of the topic `projects/PROJECT_ID/topics/TOPIC`. Its data is what `/tasks/workflow` takes:
//! workflow, run id and input. Its attributes are `default_attributes`, `workflow` and `run_id`. With an `ordering_key`,
//! a subscription that orders messages delivers them one after the other.
//!
//! - **Pulled**: with `subscription`, a program that serves under the profile `default` fetches messages itself, at most
//!   `max_messages` at a time, and acknowledges each when its run is on disk. What is no run is left for the
//!   subscription's dead-letter topic.
//! - **Pushed**: a subscription that pushes to `/tasks/workflow` is answered when the run has ended, with success only if
//!   it completed; anything else is delivered again, to the same run. Give such a subscription a dead-letter topic.
//!
//! Pub/Sub delivers at least once. A message that is delivered twice is one run, because it has the same run id: its own,
//! or for a message of somebody else's that has none, one that follows from the message's id.
//!
//! It takes the role `roles/pubsub.publisher` on the topic, and `roles/pubsub.subscriber` on the subscription.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::{Inbox, Message, Queue, Received};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::{Policy, Request, Response, Url};
use crate::clock::{mins, secs};
use crate::google::{self, Credentials};

/// How many messages Pub/Sub gives at once at most.
const MOST: u32 = 1000;

/// How many bytes an ordering key has at most.
const LONGEST_KEY: usize = 1024;

/// How long Pub/Sub may keep who fetches waiting for a first message; it answers with none after a while.
const PATIENCE: Duration = mins(2);

/// Where messages are published and fetched.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The project of the topic and the subscription.
    pub project_id: String,
    /// The topic's id.
    pub topic: String,
    /// The id of the subscription that the program fetches from; without, it fetches nothing.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Attributes of every message.
    #[serde(default)]
    pub default_attributes: BTreeMap<String, String>,
    /// The ordering key of every message.
    #[serde(default)]
    pub ordering_key: Option<String>,
    /// How many messages are fetched at a time, from 1 to 1000.
    #[serde(default = "max_messages")]
    #[cfg_attr(feature = "catalog", schemars(range(min = 1, max = 1000)))]
    pub max_messages: u32,
    /// Where Pub/Sub answers.
    #[serde(default = "endpoint")]
    #[cfg_attr(feature = "catalog", schemars(extend("format" = "uri")))]
    pub endpoint: String,
}

fn max_messages() -> u32 {
    10
}

fn endpoint() -> String {
    "https://pubsub.googleapis.com".to_owned()
}

/// A topic of Pub/Sub, and a subscription to it.
#[derive(Debug)]
pub struct PubSub {
    credentials: Credentials,
    topic: Url,
    /// The subscription's full name and its URL.
    subscription: Option<(String, Url)>,
    /// For calls that wait for messages.
    waiting: Credentials,
    settings: Settings,
}

impl Adapter for PubSub {
    const ID: &'static str = "queue.pubsub";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        let wrong = |message: &str| Err(Error::new(Kind::Settings, message));
        if !(1..=MOST).contains(&settings.max_messages) {
            return wrong("`max_messages` is from 1 to 1000");
        }
        if settings.ordering_key.as_ref().is_some_and(|key| key.len() > LONGEST_KEY) {
            return wrong("`ordering_key` has at most 1024 bytes");
        }
        let project = &settings.project_id;
        let url = |kind: &str, id: &str| {
            super::google_url(&settings.endpoint, &["v1", "projects", project, kind, id])
        };
        let topic = url("topics", &settings.topic)?;
        let subscription = match &settings.subscription {
            None => None,
            Some(id) => {
                Some((format!("projects/{project}/subscriptions/{id}"), url("subscriptions", id)?))
            }
        };
        let patient = Policy { total: PATIENCE, attempt: PATIENCE, ..Policy::default() };
        let patient = setup.client().with_policy(patient);
        let credentials = Credentials::for_endpoint(setup.client(), None, &topic);
        let waiting = Credentials::for_endpoint(&patient, None, &topic);
        Ok(Self { credentials, topic, subscription, waiting, settings })
    }

    /// Whether the topic and the subscription can be seen. Who may only use them may not look; being told so means that
    /// all else is well.
    async fn health(&self) -> Result<(), Error> {
        super::look(&self.credentials, self.topic.clone()).await?;
        match &self.subscription {
            Some((_, url)) => super::look(&self.credentials, url.clone()).await,
            None => Ok(()),
        }
    }
}

impl Queue for PubSub {
    fn enqueue<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<String, Error>> {
        #[derive(Deserialize)]
        struct Published {
            #[serde(rename = "messageIds")]
            ids: Vec<String>,
        }

        Box::pin(async move {
            let data = serde_json::to_vec(message);
            let data =
                data.map_err(|error| Error::new(Kind::Rejected, format!("the run cannot be JSON: {error}")))?;
            let mut attributes = self.settings.default_attributes.clone();
            attributes.insert("workflow".to_owned(), message.workflow.clone());
            attributes.insert("run_id".to_owned(), message.run_id.clone());
            let mut published = json!({ "data": STANDARD.encode(data), "attributes": attributes });
            if let Some(key) = &self.settings.ordering_key {
                published["orderingKey"] = json!(key);
            }
            let body = json!({ "messages": [published] });
            // A message that is there twice is one run, so asking twice does no harm.
            let request = Request::post(call(&self.topic, "publish")).json(&body).idempotent();
            let answer = google::check(self.credentials.send(request).await?)?;
            let published = answer.json::<Published>()?;
            let id = published.ids.into_iter().next();
            id.ok_or_else(|| Error::new(Kind::Rejected, "Pub/Sub named no message"))
        })
    }

    fn inbox(&self) -> Option<&dyn Inbox> {
        self.subscription.is_some().then_some(self as &dyn Inbox)
    }
}

impl Inbox for PubSub {
    fn name(&self) -> &str {
        self.subscription.as_ref().map_or("", |(name, _)| name)
    }

    fn receive(&self) -> BoxFuture<'_, Result<Vec<Received>, Error>> {
        Box::pin(async move {
            let body = json!({ "maxMessages": self.settings.max_messages });
            let answer = self.ask(&self.waiting, "pull", body).await?;
            let pulled = answer.json::<Pulled>()?;
            pulled.messages.into_iter().map(Lent::read).collect()
        })
    }

    fn acknowledge<'a>(&'a self, receipts: &'a [String]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let body = json!({ "ackIds": receipts });
            self.ask(&self.credentials, "acknowledge", body).await.map(drop)
        })
    }

    fn lend<'a>(&'a self, receipts: &'a [String], lease: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let body = json!({ "ackIds": receipts, "ackDeadlineSeconds": lease.min(LONGEST_LEASE).as_secs() });
            self.ask(&self.credentials, "modifyAckDeadline", body).await.map(drop)
        })
    }
}

/// The longest lease there is.
const LONGEST_LEASE: Duration = secs(600);

impl PubSub {
    /// Asks something of the subscription.
    async fn ask(&self, who: &Credentials, what: &str, body: serde_json::Value) -> Result<Response, Error> {
        let Some((_, url)) = &self.subscription else {
            return Err(Error::new(Kind::Settings, "the adapter has no `subscription`"));
        };
        let request = Request::post(call(url, what)).json(&body);
        // Acknowledging and lending twice does no harm. A pull that is made twice would lend twice.
        let request = if what == "pull" { request } else { request.idempotent() };
        google::check(who.send(request).await?)
    }
}

/// The URL of a method of a resource.
fn call(resource: &Url, method: &str) -> Url {
    let mut url = resource.clone();
    url.set_path(&format!("{}:{method}", resource.path()));
    url
}

#[derive(Deserialize)]
struct Pulled {
    #[serde(rename = "receivedMessages", default)]
    messages: Vec<Lent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lent {
    ack_id: String,
    message: Pulling,
    delivery_attempt: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pulling {
    #[serde(default)]
    data: String,
    message_id: String,
}

impl Lent {
    fn read(self) -> Result<Received, Error> {
        let data = STANDARD.decode(&self.message.data);
        let data = data.map_err(|_| Error::new(Kind::Rejected, "Pub/Sub sent data that is not Base64"))?;
        // Without a dead-letter topic nobody counts, and the number is 0.
        let attempt = self.delivery_attempt.filter(|attempt| *attempt > 0);
        Ok(Received { receipt: self.ack_id, id: self.message.message_id, data, attempt })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::super::conformance::{self, Fixture, message};
    use super::*;
    use crate::client::Client;
    use crate::client::stub::{Answer, Asked, Stub, answer};
    use crate::task::Retry;

    async fn open(more: &[(&str, Value)]) -> Result<PubSub, Error> {
        let mut settings = json!({ "project_id": "demo", "topic": "runs" });
        for (name, value) in more {
            settings[name] = value.clone();
        }
        let settings = serde_json::from_value(settings).expect("they are settings");
        let client = Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() });
        PubSub::open(settings, &Setup { name: "queue", program: "p", client: &client }).await
    }

    /// Pub/Sub as far as a queue needs it.
    struct Google {
        queue: PubSub,
        messages: Arc<Mutex<Vec<Value>>>,
        status: Arc<AtomicU16>,
        stub: Stub,
    }

    impl Google {
        fn answer(asked: &Asked, messages: &Mutex<Vec<Value>>) -> Answer {
            let body = serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
            let mut messages = messages.lock().expect("nothing panics with it");
            match asked.target.as_str() {
                "/v1/projects/demo/topics/runs:publish" => {
                    messages.push(body["messages"][0].clone());
                    answer(200, json!({ "messageIds": [messages.len().to_string()] }).to_string())
                }
                "/v1/projects/demo/subscriptions/work:pull" => {
                    let one = |(id, message): (usize, &Value)| {
                        let mut message = message.clone();
                        message["messageId"] = json!(id.to_string());
                        json!({ "ackId": format!("lease-{id}"), "message": message, "deliveryAttempt": id })
                    };
                    let most = usize::try_from(body["maxMessages"].as_u64().expect("a number")).expect("a number");
                    let received = messages.iter().take(most).enumerate().map(one).collect::<Vec<_>>();
                    answer(200, json!({ "receivedMessages": received }).to_string())
                }
                _ => answer(200, "{}"),
            }
        }
    }

    impl Fixture for Google {
        async fn open() -> Self {
            let (messages, status) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::new(AtomicU16::new(200)));
            let (held, answered) = (Arc::clone(&messages), Arc::clone(&status));
            let stub = Stub::serve(move |asked| match answered.load(Ordering::Relaxed) {
                200 => Self::answer(asked, &held),
                status => answer(status, "{}"),
            });
            let stub = stub.await;
            let queue = open(&[
                ("endpoint", json!(stub.url("").as_str())),
                ("subscription", json!("work")),
                ("ordering_key", json!("k")),
                ("max_messages", json!(2)),
                ("default_attributes", json!({ "team": "shop", "run_id": "ours counts" })),
            ])
            .await
            .expect("it opens");
            Self { queue, messages, status, stub }
        }

        fn queue(&self) -> &dyn Queue {
            &self.queue
        }

        fn held(&self) -> Vec<Vec<u8>> {
            let messages = self.messages.lock().expect("nothing panics with it");
            let data = |message: &Value| STANDARD.decode(message["data"].as_str().expect("text"));
            messages.iter().map(|message| data(message).expect("it is Base64")).collect()
        }

        fn refuse(&self, status: u16) {
            self.status.store(status, Ordering::Relaxed);
        }
    }

    conformance::suite!(Google);

    #[tokio::test]
    async fn a_message_has_attributes_and_an_ordering_key() {
        let google = Google::open().await;
        assert_eq!(google.queue.enqueue(&message("order-7")).await, Ok("1".to_owned()));
        let published = google.messages.lock().expect("nothing panics with it")[0].clone();
        let attributes = json!({ "run_id": "order-7", "team": "shop", "workflow": "fulfil" });
        assert_eq!([&published["attributes"], &published["orderingKey"]], [&attributes, &json!("k")]);
    }

    #[tokio::test]
    async fn messages_are_fetched_a_few_at_a_time_and_let_go_of_by_their_receipts() {
        let google = Google::open().await;
        for run in ["a", "b", "c"] {
            google.queue.enqueue(&message(run)).await.expect("it is taken");
        }
        let inbox = google.queue.inbox().expect("it has a subscription");
        let received = inbox.receive().await.expect("messages");
        let told = received.iter().map(|one| (one.receipt.as_str(), one.id.as_str(), one.attempt));
        assert_eq!(told.collect::<Vec<_>>(), [("lease-0", "0", None), ("lease-1", "1", Some(1))]);
        assert_eq!(received[1].data, google.held()[1]);
        inbox.acknowledge(&["lease-0".to_owned()]).await.expect("it is done");
        inbox.lend(&["lease-1".to_owned()], secs(9999)).await.expect("it is done");
        let asked = google.stub.asked();
        let told = asked[4..].iter().map(|one| {
            let method = one.target.rsplit(':').next().expect("a method");
            (method.to_owned(), serde_json::from_slice::<Value>(&one.body).expect("it is JSON"))
        });
        let expected = [
            ("acknowledge".to_owned(), json!({ "ackIds": ["lease-0"] })),
            ("modifyAckDeadline".to_owned(), json!({ "ackIds": ["lease-1"], "ackDeadlineSeconds": 600 })),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn only_a_subscription_makes_an_inbox() {
        assert!(open(&[]).await.expect("it opens").inbox().is_none());
        let queue = open(&[("subscription", json!("work"))]).await.expect("it opens");
        assert_eq!(queue.inbox().expect("an inbox").name(), "projects/demo/subscriptions/work");
    }

    #[tokio::test]
    async fn who_may_not_look_at_a_topic_can_use_it_all_the_same() {
        let google = Google::open().await;
        assert_eq!(google.queue.health().await, Ok(()));
        google.refuse(403);
        assert_eq!(google.queue.health().await, Ok(()));
        google.refuse(404);
        assert_eq!(google.queue.health().await.map_err(|error| error.kind()), Err(Kind::NotFound));
    }

    #[tokio::test]
    async fn settings_that_google_would_refuse_are_refused_first() {
        for (name, value) in [
            ("max_messages", json!(0)),
            ("max_messages", json!(1001)),
            ("ordering_key", json!("k".repeat(1025))),
            ("endpoint", json!("pubsub")),
        ] {
            let error = open(&[(name, value)]).await.expect_err("they are wrong");
            assert_eq!(error.kind(), Kind::Settings);
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
