//! Instances of one program on one database.

use std::process::Command;
use std::time::Duration;

use oneiric_tests::services::Postgres;
use oneiric_tests::{Journal, Output, Place, Process, Program, Project, Server};
use serde_json::{Value, json};

/// Where the database is, the environment says.
const MANIFEST: &str = r#"
oneiric: 1
name: crowd
package: effects

adapters:
  db: { provider: database.postgres, settings: { host: nowhere.invalid } }

checkpoint: { adapter: db }

tasks:
  append: { run: "effects::append" }
  occupy: { run: "effects::occupy" }

workflows:
  steps:
    nodes:
      first: { task: append, with: { journal: "${input.journal}", ms: 20, inputs: [1] } }
      left: { task: append, with: { journal: "${input.journal}", ms: 60, inputs: ["${first}"] } }
      right: { task: append, with: { journal: "${input.journal}", ms: 30, inputs: ["${first}"] } }
      last: { task: append, with: { journal: "${input.journal}", ms: 10, inputs: ["${left}", "${right}"] } }
  slow:
    nodes:
      first: { task: append, with: { journal: "${input.journal}", ms: 0, inputs: [1] } }
      slow: { task: occupy, with: { journal: "${input.journal}", ms: "${input.ms}" }, depends_on: [first] }
"#;

/// Nodes of the workflow `steps`.
pub(crate) const STEPS: [&str; 4] = ["first", "left", "right", "last"];

/// A database, and what every instance on it has in common.
pub(crate) struct Cluster {
    program: Program,
    schema: String,
    lease: Duration,
    /// The folder of the journal of all instances.
    common: Place,
}

impl Cluster {
    /// An empty one, whose instances have leases of this length.
    pub(crate) fn new(lease: Duration) -> Self {
        let program = Project::new("crowd", MANIFEST).program();
        let common = Place::new(&program);
        Self { schema: Postgres::shared().schema(), program, lease, common }
    }

    /// A folder for an instance.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.program)
    }

    /// An instance that serves, ready.
    pub(crate) fn instance(&self, place: &Place) -> Server {
        let arguments = ["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"];
        let server = Server::spawn(&mut self.command(place, arguments));
        server.wait_until_ready();
        server
    }

    /// The program with these arguments, on the database.
    pub(crate) fn command<const N: usize>(&self, place: &Place, arguments: [&str; N]) -> Command {
        let server = Postgres::shared();
        let mut command = place.command(arguments);
        command
            .env("ONEIRIC_ADAPTERS__DB__HOST", server.socket())
            .env("ONEIRIC_ADAPTERS__DB__PORT", server.port().to_string())
            .env("ONEIRIC_ADAPTERS__DB__SCHEMA", &self.schema)
            .env("ONEIRIC_ADAPTERS__DB__LEASE", format!("{}ms", self.lease.as_millis()))
            // A restart must not wait for what a killed instance's peer still does.
            .env("ONEIRIC_SHUTDOWN_GRACE", "1s");
        command
    }

    /// Runs the program with these arguments, in a folder where nothing else runs.
    #[track_caller]
    pub(crate) fn run<const N: usize>(&self, arguments: [&str; N]) -> Output {
        Process::spawn(&mut self.command(&self.common, arguments)).wait()
    }

    /// A request for a run.
    pub(crate) fn request(&self, workflow: &str, run_id: &str, ms: u64) -> Value {
        let input = self.common.input(json!({ "ms": ms }));
        json!({ "workflow": workflow, "run_id": run_id, "context": input })
    }

    /// What the instances' tasks did.
    pub(crate) fn journal(&self) -> Journal {
        self.common.journal()
    }

    /// What the database says of the store.
    #[track_caller]
    pub(crate) fn sql(&self, text: &str) -> String {
        Postgres::shared().sql(&format!("SET search_path TO {}; {text}", self.schema))
    }
}

/// Whether a line of an instance's log is of this event and run.
pub(crate) fn says(line: &str, event: &str, run_id: &str) -> bool {
    let line = serde_json::from_str::<Value>(line).unwrap_or_default();
    line["event"] == event && line["run_id"] == run_id
}
