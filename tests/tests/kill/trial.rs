//! One run that is killed again and again, whoever starts it again.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use oneiric_tests::{LIMIT, Place, Process, Program};
use serde_json::{Value, json};

use crate::shape::Shape;
use crate::watch::{Outputs, Watch};

/// A run under trial.
pub(crate) struct Trial<'a> {
    shape: &'a Shape,
    place: Place,
    watch: Watch<'a>,
    kills: usize,
    starts: usize,
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// This long after its start.
    After(Duration),
    /// By itself, right before or right after the commit of this number.
    Commit(u64, &'static str),
}

const RUN: &str = "trial";

impl<'a> Trial<'a> {
    pub(crate) fn new(program: &Program, shape: &'a Shape) -> Self {
        Self { shape, place: Place::new(program), watch: Watch::new(shape, RUN), kills: 0, starts: 0 }
    }

    /// How often it was killed.
    pub(crate) fn kills(&self) -> usize {
        self.kills
    }

    /// Whether the run is over, as far as was seen after the last kill.
    pub(crate) fn is_over(&self) -> bool {
        self.watch.is_over()
    }

    /// Starts the program, by turns as a person would and as a service manager would, and sees it killed, unless it is
    /// done before.
    pub(crate) fn kill(&mut self, kill: Kill) {
        let serves = self.next_serves();
        let mut command = if serves { self.orchestrate() } else { self.workflow_run() };
        if let Kill::Commit(number, moment) = kill {
            command.env("ONEIRIC_CRASH_AT_COMMIT", format!("{number}:{moment}"));
        }
        let process = Process::spawn(&mut command);
        let output = match kill {
            Kill::After(moment) if process.ends_within(moment) => process.wait(),
            Kill::After(_) => process.kill(),
            // One that serves does not end with the run.
            Kill::Commit(..) if serves && process.try_line(ended).is_some() => process.kill(),
            Kill::Commit(..) => process.wait(),
        };
        let was_killed = was_killed(output.status);
        assert!(was_killed || output.status.success(), "{output}");
        self.kills += usize::from(was_killed);
        self.watch.inspect(&self.place);
    }

    /// Lets it come to its end in peace, and judges it: the number of kills, and the outputs.
    pub(crate) fn finish(mut self) -> (usize, Outputs) {
        if self.next_serves() && !self.is_over() {
            let process = Process::spawn(&mut self.orchestrate());
            process.line(ended);
            process.terminate();
            let _ = process.wait().success();
        }
        // Asked for once more, a run that is over says the same and does nothing.
        let answer = Process::spawn(&mut self.workflow_run()).wait().success().json();
        assert_eq!(answer["status"], "completed", "{answer}");
        self.watch.inspect(&self.place);
        let outputs = self.watch.judge(&self.place, self.kills);
        for (node, output) in &outputs {
            assert_eq!(
                answer["results"][node], *output,
                "the answer and the store disagree on {node}: {answer}"
            );
        }
        (self.kills, outputs)
    }

    /// Every second start leaves it to the program to find out what is to be done.
    fn next_serves(&mut self) -> bool {
        self.starts += 1;
        self.watch.exists() && self.starts.is_multiple_of(2)
    }

    fn orchestrate(&self) -> Command {
        self.place.command(["orchestrate", "--no-http"])
    }

    fn workflow_run(&self) -> Command {
        let input = input().to_string();
        self.place.command([
            "workflow",
            "run",
            &self.shape.name,
            "--run-id",
            RUN,
            "--json",
            "--context",
            &input,
        ])
    }
}

/// The input of all runs. The journal is named as every run names it, so that outputs can be compared.
pub(crate) fn input() -> Value {
    json!({ "journal": "journal" })
}

/// Whether a line of the log says that the run has ended.
fn ended(line: &str) -> Option<()> {
    let line = serde_json::from_str::<Value>(line).ok()?;
    (line["event"] == "run-ended" && line["run_id"] == RUN).then_some(())
}

fn was_killed(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
}

/// A run that nothing disturbs: how long it takes, and its outputs.
pub(crate) fn undisturbed(program: &Program, shape: &Shape) -> (Duration, Outputs) {
    let trial = Trial::new(program, shape);
    let began = Instant::now();
    let process = Process::spawn(&mut trial.workflow_run());
    assert!(process.ends_within(LIMIT), "{process}");
    let took = began.elapsed();
    let _ = process.wait().success();
    let counts = trial.place.journal().counts(RUN);
    for node in &shape.nodes {
        assert_eq!(
            counts.get(&node.name).copied().unwrap_or(0),
            node.kind.traces(),
            "traces of {}",
            node.name
        );
    }
    let (_, outputs) = trial.finish();
    (took, outputs)
}
