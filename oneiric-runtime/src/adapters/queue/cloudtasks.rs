//! Google Cloud Tasks: runs that Google delivers to the program, or to another, over HTTP.
//!
//! A run becomes a task of the queue `projects/PROJECT_ID/locations/LOCATION/queues/QUEUE`. When its time has come, Cloud
//! Tasks posts it to `http_target_url`, which is the `/tasks/workflow` of a program like this one, and again until that
//! answers with success. The body is what that address takes: workflow, run id and input. With `service_account_email`
//! the request carries an OIDC token of that account, by which the program knows that it comes from the queue.
//!
//! The task's name follows from the run's id, so a run that is enqueued twice is one task: Cloud Tasks remembers a name
//! for about an hour after the task is done. Whatever is delivered twice all the same is one run, because its id is one.
//!
//! It takes the role `roles/cloudtasks.enqueuer`, and with `service_account_email` also `roles/iam.serviceAccountUser` on
//! that account.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Message, Queue};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::{Request, StatusCode, Url};
use crate::clock::{Timestamp, hours, mins, secs};
use crate::google::{self, Credentials};
use crate::settings::Period;

/// How long the program may take to answer; beyond that Cloud Tasks tries again. Both ends are Google's.
const DEADLINES: (Duration, Duration) = (secs(15), mins(30));

/// How far ahead a task can be scheduled.
const FURTHEST: Duration = hours(30 * 24);

/// How much of a run's id stands in a task's name, for people. A name has at most 500 characters.
const MAX_SHOWN: usize = 200;

/// Where tasks are created and whom they call.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The project of the queue.
    pub project_id: String,
    /// The queue's location, such as `us-central1`.
    pub location: String,
    /// The queue's id.
    pub queue: String,
    /// What tasks call: the `/tasks/workflow` of a program.
    #[cfg_attr(feature = "catalog", schemars(extend("format" = "uri")))]
    pub http_target_url: String,
    /// The method that they call it with.
    #[serde(default)]
    pub http_method: Method,
    /// The service account whose OIDC token calls carry; none without.
    #[serde(default)]
    pub service_account_email: Option<String>,
    /// Whom the token is for, if not `http_target_url`.
    #[serde(default)]
    pub oidc_audience: Option<String>,
    /// Headers of the call. `content-type` is `application/json` where it is not among them.
    #[serde(default)]
    pub default_headers: BTreeMap<String, String>,
    /// How long an answer may take, from 15s to 30m; 10m where it is not said.
    #[serde(default)]
    pub dispatch_deadline: Option<Period>,
    /// How long after it was enqueued a task is delivered, at most 30 days.
    #[serde(default = "at_once")]
    pub schedule_offset: Period,
    /// Where Cloud Tasks answers.
    #[serde(default = "endpoint")]
    #[cfg_attr(feature = "catalog", schemars(extend("format" = "uri")))]
    pub endpoint: String,
}

/// A method of HTTP that carries a body.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "catalog", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// What `/tasks/workflow` takes.
    #[default]
    Post,
    /// For an address of somebody else's.
    Put,
    /// For an address of somebody else's.
    Patch,
}

fn at_once() -> Period {
    Period::secs(0)
}

fn endpoint() -> String {
    "https://cloudtasks.googleapis.com".to_owned()
}

/// A queue of Cloud Tasks.
#[derive(Debug)]
pub struct CloudTasks {
    credentials: Credentials,
    /// The queue's full name.
    name: String,
    /// Its URL.
    url: Url,
    settings: Settings,
}

impl Adapter for CloudTasks {
    const ID: &'static str = "queue.cloudtasks";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        let wrong = |message: String| Err(Error::new(Kind::Settings, message));
        if let Some(Period(deadline)) = settings.dispatch_deadline
            && !(DEADLINES.0..=DEADLINES.1).contains(&deadline)
        {
            return wrong("`dispatch_deadline` is from 15s to 30m".to_owned());
        }
        if settings.schedule_offset.0 > FURTHEST {
            return wrong("`schedule_offset` is at most 30 days".to_owned());
        }
        let target = Url::parse(&settings.http_target_url).ok();
        if !target.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return wrong(format!("`http_target_url` is `{}`, and no URL", settings.http_target_url));
        }
        let Settings { project_id, location, queue, .. } = &settings;
        let name = format!("projects/{project_id}/locations/{location}/queues/{queue}");
        let path = ["v2", "projects", project_id, "locations", location, "queues", queue];
        let url = super::google_url(&settings.endpoint, &path)?;
        let credentials = Credentials::for_endpoint(setup.client(), None, &url);
        Ok(Self { credentials, name, url, settings })
    }

    /// Whether the queue can be seen. Who may only enqueue may not look; being told so means that all else is well.
    async fn health(&self) -> Result<(), Error> {
        super::look(&self.credentials, self.url.clone()).await
    }
}

impl Queue for CloudTasks {
    fn enqueue<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<String, Error>> {
        Box::pin(async move {
            let name = format!("{}/tasks/{}", self.name, task_id(&message.run_id));
            let mut url = self.url.clone();
            url.set_path(&format!("{}/tasks", url.path()));
            let body = json!({ "task": self.task(&name, message)? });
            // A second task of the same name is refused, so asking twice does no harm.
            let response = self.credentials.send(Request::post(url).json(&body).idempotent()).await?;
            // It is there already, from an earlier call: what was asked for holds.
            if response.status() != StatusCode::CONFLICT {
                google::check(response)?;
            }
            Ok(name)
        })
    }
}

impl CloudTasks {
    /// The task, as `google.cloud.tasks.v2.Task` is written in JSON.
    fn task(&self, name: &str, message: &Message) -> Result<Value, Error> {
        let settings = &self.settings;
        let body = serde_json::to_vec(message);
        let body = body.map_err(|error| Error::new(Kind::Rejected, format!("the run cannot be JSON: {error}")))?;
        let mut headers = settings.default_headers.clone();
        if headers.keys().all(|name| !name.eq_ignore_ascii_case("content-type")) {
            headers.insert("Content-Type".to_owned(), "application/json".to_owned());
        }
        let mut request = json!({
            "httpMethod": match settings.http_method {
                Method::Post => "POST",
                Method::Put => "PUT",
                Method::Patch => "PATCH",
            },
            "url": settings.http_target_url,
            "headers": headers,
            "body": STANDARD.encode(body),
        });
        if let Some(account) = &settings.service_account_email {
            let audience = settings.oidc_audience.as_ref().unwrap_or(&settings.http_target_url);
            request["oidcToken"] = json!({ "serviceAccountEmail": account, "audience": audience });
        }
        let mut task = json!({ "name": name, "httpRequest": request });
        if let Some(Period(deadline)) = settings.dispatch_deadline {
            task["dispatchDeadline"] = json!(format!("{}.{:09}s", deadline.as_secs(), deadline.subsec_nanos()));
        }
        let Period(offset) = settings.schedule_offset;
        if !offset.is_zero() {
            task["scheduleTime"] = json!(Timestamp::now().after(offset).to_string());
        }
        Ok(task)
    }
}

/// The id of a run's task: a digest of the run's id, and for people what of the id can stand in a task's.
///
/// The digest tells apart what looks alike without its odd characters. It also comes first because names that sort close
/// together make a queue slow.
fn task_id(run_id: &str) -> String {
    let digest = digest::digest(&digest::SHA256, run_id.as_bytes());
    let digest = digest.as_ref().first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let shown = run_id.chars().map(plain).take(MAX_SHOWN).collect::<String>();
    format!("{digest:032x}-{shown}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};
    use std::sync::{Arc, Mutex};

    use super::super::conformance::{self, Fixture, message};
    use super::*;
    use crate::client::stub::{Stub, answer};
    use crate::client::{Client, Policy};
    use crate::task::Retry;

    async fn open(more: &[(&str, Value)]) -> Result<CloudTasks, Error> {
        let mut settings = json!({
            "project_id": "demo", "location": "us-central1", "queue": "dag",
            "http_target_url": "https://run.example/tasks/workflow",
        });
        for (name, value) in more {
            settings[name] = value.clone();
        }
        let settings = serde_json::from_value(settings).expect("they are settings");
        let client = Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() });
        CloudTasks::open(settings, &Setup { name: "queue", program: "p", client: &client }).await
    }

    /// Cloud Tasks as far as a queue needs it: it takes a task of each name once.
    struct Google {
        queue: CloudTasks,
        tasks: Arc<Mutex<Vec<Value>>>,
        status: Arc<AtomicU16>,
        _stub: Stub,
    }

    impl Fixture for Google {
        async fn open() -> Self {
            let (tasks, status) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::new(AtomicU16::new(200)));
            let (held, answered) = (Arc::clone(&tasks), Arc::clone(&status));
            let stub = Stub::serve(move |asked| {
                assert_eq!(asked.target, "/v2/projects/demo/locations/us-central1/queues/dag/tasks");
                let task = serde_json::from_slice::<Value>(&asked.body).expect("it is JSON")["task"].clone();
                let mut held = held.lock().expect("nothing panics with it");
                match answered.load(Ordering::Relaxed) {
                    200 if held.iter().any(|other| other["name"] == task["name"]) => answer(409, "{}"),
                    200 => {
                        held.push(task.clone());
                        answer(200, task.to_string())
                    }
                    status => answer(status, "{}"),
                }
            });
            let stub = stub.await;
            let queue = open(&[("endpoint", json!(stub.url("").as_str()))]).await.expect("it opens");
            Self { queue, tasks, status, _stub: stub }
        }

        fn queue(&self) -> &dyn Queue {
            &self.queue
        }

        fn held(&self) -> Vec<Vec<u8>> {
            let tasks = self.tasks.lock().expect("nothing panics with it");
            let body = |task: &Value| STANDARD.decode(task["httpRequest"]["body"].as_str().expect("text"));
            tasks.iter().map(|task| body(task).expect("it is Base64")).collect()
        }

        fn refuse(&self, status: u16) {
            self.status.store(status, Ordering::Relaxed);
        }
    }

    conformance::suite!(Google);

    #[tokio::test]
    async fn a_task_that_is_there_already_is_the_one_that_was_asked_for() {
        let google = Google::open().await;
        let first = google.queue.enqueue(&message("order-7")).await.expect("it is taken");
        assert_eq!(google.queue.enqueue(&message("order-7")).await, Ok(first));
        assert_eq!(google.held().len(), 1);
    }

    #[tokio::test]
    async fn a_task_says_whom_to_call_with_what_and_when() {
        let queue = open(&[
            ("service_account_email", json!("queue@demo.iam.gserviceaccount.com")),
            ("dispatch_deadline", json!("10m")),
            ("schedule_offset", json!("1h")),
            ("default_headers", json!({ "X-Team": "shop" })),
        ])
        .await
        .expect("it opens");
        let task = queue.task("n", &message("order-7")).expect("a task");
        let request = &task["httpRequest"];
        assert_eq!(request["httpMethod"], "POST");
        assert_eq!(request["url"], "https://run.example/tasks/workflow");
        assert_eq!(request["headers"], json!({ "Content-Type": "application/json", "X-Team": "shop" }));
        assert_eq!(request["oidcToken"]["serviceAccountEmail"], "queue@demo.iam.gserviceaccount.com");
        assert_eq!(request["oidcToken"]["audience"], "https://run.example/tasks/workflow");
        assert_eq!(task["dispatchDeadline"], "600.000000000s");
        let at = task["scheduleTime"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
        let wait = at.as_second() - jiff::Timestamp::now().as_second();
        assert!((3590..=3600).contains(&wait), "{wait}");
    }

    #[tokio::test]
    async fn what_is_not_set_is_left_to_cloud_tasks() {
        let queue = open(&[]).await.expect("it opens");
        let task = queue.task("n", &message("order-7")).expect("a task");
        assert_eq!(task.as_object().expect("an object").keys().collect::<Vec<_>>(), ["httpRequest", "name"]);
        assert!(task["httpRequest"].get("oidcToken").is_none());
    }

    #[tokio::test]
    async fn settings_that_google_would_refuse_are_refused_first() {
        for (name, value) in [
            ("dispatch_deadline", json!("14s")),
            ("dispatch_deadline", json!("31m")),
            ("schedule_offset", json!("721h")),
            ("http_target_url", json!("/tasks/workflow")),
            ("http_target_url", json!("ftp://run.example/")),
            ("endpoint", json!("cloudtasks")),
        ] {
            let error = open(&[(name, value.clone())]).await.expect_err("they are wrong");
            assert_eq!(error.kind(), Kind::Settings);
            assert!(error.to_string().contains(name), "{name} {value}: {error}");
        }
    }

    #[test]
    fn a_task_is_named_after_its_run_and_different_runs_have_different_names() {
        let id = task_id("order 7/é");
        assert!(id.ends_with("-order_7__"), "{id}");
        assert_eq!(id.len(), 32 + 1 + 9);
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{id}");
        assert_eq!(id, task_id("order 7/é"));
        assert_ne!(id, task_id("order 7/è"));
        assert!(task_id(&"x".repeat(1000)).len() <= 500);
    }
}
