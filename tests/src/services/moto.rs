//! AWS: `moto`, a double that many projects test against. It does not check signatures.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::services::python;
use crate::{Process, http};

/// `moto` as a server.
pub struct Moto {
    _process: Process,
    address: SocketAddr,
}

impl Moto {
    /// The region that everything is in.
    pub const REGION: &str = "us-east-1";

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start() -> Self {
        // It says where it listens on its standard error, which is read as its standard output here.
        let moto = python::command("moto_server");
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" -H 127.0.0.1 -p 0 2>&1"]).arg(moto.get_program());
        for (name, value) in moto.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let process = Process::spawn(&mut shell);
        let address = process.line(|line| line.trim_end().rsplit_once("Running on http://")?.1.parse().ok());
        Self { _process: process, address }
    }

    /// `http://` and where it listens: the endpoint of every service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has `program` find credentials and a region in its environment, and none of the developer's.
    pub fn host<'c>(&self, program: &'c mut Command) -> &'c mut Command {
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"] {
            program.env_remove(name);
        }
        program.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
        program
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI");
        program.env("AWS_REGION", Self::REGION)
    }

    /// An action of a service that speaks JSON 1.1, as `secretsmanager.CreateSecret`, and the status of its answer.
    ///
    /// # Panics
    /// If the answer is no JSON.
    #[track_caller]
    pub fn call(&self, action: &str, body: &Value) -> (u16, Value) {
        let service = action.split('.').next().unwrap_or_default();
        let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/{}/{service}/aws4_request", Self::REGION);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=unchecked");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", action),
            ("authorization", &authorization),
        ];
        let (status, answer) = http::request(self.address, "POST", "/", &headers, Some(&body.to_string()));
        (status, serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{action}: {error}\n{answer}")))
    }
}
