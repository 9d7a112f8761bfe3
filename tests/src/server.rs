//! A program that serves: `orchestrate`, and what it answers.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{LIMIT, Output, Place, Process, http};

/// `orchestrate` on a port of its own, ready.
pub struct Server {
    process: Process,
    address: SocketAddr,
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: String,
    /// The header `retry-after`, where there is one.
    pub retry_after: Option<String>,
    /// The header `allow`, where there is one.
    pub allow: Option<String>,
    /// The body.
    pub body: String,
}

impl Server {
    /// Starts the program of `place` and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    #[track_caller]
    pub fn start(place: &Place) -> Self {
        let server =
            Self::spawn(&mut place.command(["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"]));
        server.wait_until_ready();
        server
    }

    /// Starts `command`, which is an `orchestrate` on any port, and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        let process = Process::spawn(command);
        let port = process.line(|line| {
            let line = serde_json::from_str::<Value>(line).ok()?;
            (line["event"] == "orchestrator-running").then(|| line["http_port"].as_u64()).flatten()
        });
        let port = u16::try_from(port).expect("a port has 16 bits");
        Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// Asks until `/readyz` says yes.
    ///
    /// # Panics
    /// If it never does.
    #[track_caller]
    pub fn wait_until_ready(&self) {
        let deadline = Instant::now() + LIMIT;
        while self.get("/readyz").status != 200 {
            assert!(Instant::now() < deadline, "it does not get ready\n{}", self.process);
            // Readiness is announced nowhere else, so it has to be asked for.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// `GET`
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    /// `POST` of JSON to the workflows' address.
    #[track_caller]
    pub fn post(&self, body: &Value) -> Answer {
        self.request("POST", "/tasks/workflow", Some(&body.to_string()))
    }

    /// Any request.
    ///
    /// # Panics
    /// If there is no answer.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.try_request(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.process))
    }

    /// Any request, which may come to nothing.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Answer, Box<ureq::Error>> {
        let agent = http::agent();
        let url = format!("http://{}{path}", self.address);
        let request = ureq::http::Request::builder().method(method).uri(url);
        let sent = match body {
            Some(body) => agent.run(
                request.header("content-type", "application/json").body(body).map_err(ureq::Error::Http)?,
            ),
            None => agent.run(request.body(()).map_err(ureq::Error::Http)?),
        };
        let mut response = sent?;
        let header =
            |name| response.headers().get(name).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        Ok(Answer {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            allow: header("allow"),
            body: response.body_mut().read_to_string()?,
        })
    }

    /// A bare connection, for what a well-behaved client does not do.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit that is not zero");
        stream
    }

    /// Asks it to stop and waits until it has.
    #[track_caller]
    pub fn stop(self) -> Output {
        self.process.terminate();
        self.process.wait()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(self) -> Output {
        self.process.kill()
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("the body is no JSON: {error}\n{self:?}"))
    }
}
