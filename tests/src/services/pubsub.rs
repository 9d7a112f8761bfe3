//! Pub/Sub: Google's own emulator where it is installed, and a strict double over Google's types where it is not.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::services::python;
use crate::{LIMIT, Process, http};

/// One of the two. Neither asks for credentials.
pub struct PubSub {
    _process: Process,
    address: SocketAddr,
}

impl PubSub {
    /// The project that everything is in.
    pub const PROJECT: &str = "demo";

    /// Starts the emulator, or the double, and then says so.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start() -> Self {
        if let Some(program) = installed() {
            return Self::emulator(&program);
        }
        #[expect(clippy::print_stderr, reason = "who reads the tests' output must know what they saw")]
        {
            eprintln!("Google's Pub/Sub emulator is not installed: this test ran against the double instead");
        }
        Self::double()
    }

    /// Starts the double, whatever is installed.
    #[track_caller]
    pub fn double() -> Self {
        let (process, address) = python::double("pubsub.py", &[]);
        Self { _process: process, address }
    }

    /// The emulator takes no port 0, so one that was free a moment ago has to do; another test may be faster.
    fn emulator(program: &Path) -> Self {
        for _ in 0..3 {
            let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
            let address = port.expect("the loopback interface has a free port");
            let mut command = Command::new(program);
            command.args(["--host=127.0.0.1", &format!("--port={}", address.port())]);
            // It lives for seconds: what the compiler would gain is never had back.
            command.env("JAVA_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m");
            let process = Process::spawn(&mut command);
            let deadline = Instant::now() + LIMIT;
            while !process.ends_within(Duration::from_millis(20)) {
                if TcpStream::connect(address).is_ok() {
                    return Self { _process: process, address };
                }
                assert!(Instant::now() < deadline, "the emulator does not listen\n{process}");
            }
        }
        panic!("the emulator at {} does not start; it needs Java: run `bash .ci/services`", program.display())
    }

    /// `http://` and where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a topic, and says its full name.
    #[track_caller]
    pub fn create_topic(&self, id: &str) -> String {
        let name = format!("projects/{}/topics/{id}", Self::PROJECT);
        self.call("PUT", &format!("/v1/{name}"), &json!({}));
        name
    }

    /// Makes a subscription to a topic of this full name, with what else `settings` say, and says its full name.
    ///
    /// # Panics
    /// If `settings` is no object.
    #[track_caller]
    pub fn create_subscription(&self, id: &str, topic: &str, mut settings: Value) -> String {
        let name = format!("projects/{}/subscriptions/{id}", Self::PROJECT);
        settings["topic"] = json!(topic);
        self.call("PUT", &format!("/v1/{name}"), &settings);
        name
    }

    /// A request that must succeed.
    #[track_caller]
    pub fn call(&self, method: &str, target: &str, body: &Value) -> Value {
        http::json(self.address, method, target, Some(body))
    }

    /// All requests to the double but those of the test, oldest first, as [`Gcp::requests`](super::Gcp::requests) has them.
    ///
    /// # Panics
    /// If it is the emulator, which does not tell.
    #[track_caller]
    pub fn requests(&self) -> Vec<Value> {
        let answer = http::json(self.address, "GET", "/control/requests", None);
        answer.as_array().expect("it is a list").clone()
    }

    /// A request, and its answer whatever it is.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, body: &Value) -> (u16, String) {
        let headers = [("content-type", "application/json")];
        http::request(self.address, method, target, &headers, Some(&body.to_string()))
    }
}

/// Where the emulator is installed: in `$CLOUDSDK_ROOT`, beside `gcloud`, or where Debian's package puts it.
fn installed() -> Option<PathBuf> {
    let stated = std::env::var_os("CLOUDSDK_ROOT").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = std::env::split_paths(&path).find_map(|folder| {
        let gcloud = folder.join("gcloud").canonicalize().ok()?;
        Some(gcloud.parent()?.parent()?.to_path_buf())
    });
    let packaged = Some(PathBuf::from("/usr/lib/google-cloud-sdk"));
    let programs = [stated, beside, packaged].into_iter().flatten();
    programs
        .map(|root| root.join("platform/pubsub-emulator/bin/cloud-pubsub-emulator"))
        .find(|program| program.is_file())
}
