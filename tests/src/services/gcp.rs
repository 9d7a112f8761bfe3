//! Google Cloud as a program meets it: a metadata server that says who it is, keys, Secret Manager, Cloud Tasks.
//!
//! A double over Google's own protobuf types (`tests/services/gcp.py`), with an emulator of Cloud Tasks inside that
//! sends what is put into a queue, and sends it again until it is taken.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::services::python;
use crate::{Process, http};

/// The double, for one project.
pub struct Gcp {
    process: Process,
    address: SocketAddr,
}

impl Gcp {
    /// The project that everything is in.
    pub const PROJECT: &str = "demo";

    /// The service account that a program runs as.
    pub const ACCOUNT: &str = "oneiric@demo.iam.gserviceaccount.com";

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start() -> Self {
        let (process, address) = python::double("gcp.py", &[Self::PROJECT]);
        Self { process, address }
    }

    /// `http://` and where it listens: the address of every one of its services.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the keys are that verify its identity tokens (RFC 7517).
    pub fn jwks_url(&self) -> String {
        format!("{}/oauth2/v3/certs", self.url())
    }

    /// Has `program` find the metadata server here, and no credentials of the developer's.
    pub fn host<'c>(&self, program: &'c mut Command) -> &'c mut Command {
        program.env_remove("GOOGLE_APPLICATION_CREDENTIALS").env("CLOUDSDK_CONFIG", "/nonexistent");
        program.env("GCE_METADATA_HOST", self.address.to_string())
    }

    /// Adds a version to a secret, and says its number.
    ///
    /// # Panics
    /// If the double is gone.
    #[track_caller]
    pub fn add_secret(&self, name: &str, value: &str) -> u64 {
        let answer =
            self.control(&format!("/projects/{}/secrets/{name}", Self::PROJECT), &json!({ "value": value }));
        answer["version"].as_u64().expect("a version is a number")
    }

    /// Changes a secret: `{"denied": true}`, or `{"version": 1, "state": "DISABLED"}`.
    #[track_caller]
    pub fn change_secret(&self, name: &str, change: &Value) {
        self.control(&format!("/projects/{}/secrets/{name}", Self::PROJECT), change);
    }

    /// Makes a queue of Cloud Tasks in `us-central1`, and says its full name.
    #[track_caller]
    pub fn create_queue(&self, name: &str) -> String {
        let name = format!("projects/{}/locations/us-central1/queues/{name}", Self::PROJECT);
        self.control(&format!("/{name}"), &json!({}));
        name
    }

    /// Holds all tasks of a queue, or lets them go. `queue` is its full name.
    #[track_caller]
    pub fn pause_queue(&self, queue: &str, paused: bool) {
        self.control(&format!("/{queue}"), &json!({ "paused": paused }));
    }

    /// The tasks that were created, as they were asked for, each with its body as `text`.
    #[track_caller]
    pub fn tasks(&self) -> Vec<Value> {
        self.list("/control/tasks")
    }

    /// All requests but those of the test, oldest first: `method`, `path`, `query`, `headers`, `body`, `status`.
    #[track_caller]
    pub fn requests(&self) -> Vec<Value> {
        self.list("/control/requests")
    }

    /// Makes the next requests fail: `{"path": REGEX, "times": 1, "status": 503, "retry_after": "1", "delay": SECONDS,
    /// "cut": false}`, all of them optional.
    #[track_caller]
    pub fn fail(&self, fault: &Value) {
        self.control("/faults", fault);
    }

    /// An identity token with these claims. What they leave out is as Google says it; `aud` and `email` have no default.
    ///
    /// # Panics
    /// If the double is gone.
    #[track_caller]
    pub fn identity_token(&self, claims: &Value) -> String {
        let answer = self.control("/tokens", &json!({ "claims": claims }));
        answer["token"].as_str().expect("a token is text").to_owned()
    }

    /// Signs with a new key from now on. The old ones are still published, unless they are to be forgotten.
    #[track_caller]
    pub fn rotate_keys(&self, forget: bool) {
        self.control("/keys", &json!({ "forget": forget }));
    }

    /// Takes back every access token.
    #[track_caller]
    pub fn revoke_tokens(&self) {
        self.control("/revoke", &json!({}));
    }

    /// The key file of the service account, which names this as its token endpoint.
    #[track_caller]
    pub fn service_account(&self) -> Value {
        http::json(self.address, "GET", "/control/service-account", None)
    }

    /// The file that holds an authorised user's credentials. It names no token endpoint: that is [`url`](Self::url) and
    /// `/token`.
    #[track_caller]
    pub fn authorized_user(&self) -> Value {
        http::json(self.address, "GET", "/control/user", None)
    }

    /// Any request, with the headers and the body that the test gives.
    #[track_caller]
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, String) {
        http::request(self.address, method, target, headers, body)
    }

    /// The process, for what it printed.
    pub fn process(&self) -> &Process {
        &self.process
    }

    #[track_caller]
    fn control(&self, path: &str, body: &Value) -> Value {
        http::json(self.address, "POST", &format!("/control{path}"), Some(body))
    }

    #[track_caller]
    fn list(&self, path: &str) -> Vec<Value> {
        let answer = http::json(self.address, "GET", path, None);
        answer.as_array().expect("it is a list").clone()
    }
}
