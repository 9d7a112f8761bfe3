//! One run that is killed again and again, and what must hold of it after every kill and at its end.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use oneiric_tests::{LIMIT, Place, Process, Program};
use serde_json::{Value, json};

use crate::shape::Shape;

/// A run under trial.
pub(crate) struct Trial<'a> {
    shape: &'a Shape,
    place: Place,
    kills: usize,
    starts: usize,
    /// Nodes that the store has as finished, and how many traces each had left when that was first seen.
    finished: BTreeMap<String, usize>,
    exists: bool,
    is_over: bool,
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// This long after its start.
    After(Duration),
    /// By itself, right before or right after the commit of this number.
    Commit(u64, &'static str),
}

/// What a run left when it was over: each node's output.
pub(crate) type Outputs = BTreeMap<String, Value>;

const RUN: &str = "trial";

impl<'a> Trial<'a> {
    pub(crate) fn new(program: &Program, shape: &'a Shape) -> Self {
        let place = Place::new(program);
        Self { shape, place, kills: 0, starts: 0, finished: BTreeMap::new(), exists: false, is_over: false }
    }

    /// How often it was killed.
    pub(crate) fn kills(&self) -> usize {
        self.kills
    }

    /// Whether the run is over, as far as was seen after the last kill.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Starts the program, by turns as a person would and as a service manager would, and sees it killed. Says whether
    /// it was: it may have been done before.
    pub(crate) fn kill(&mut self, kill: Kill) -> bool {
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
            Kill::Commit(..) if serves => match process.try_line(ended) {
                Some(()) => process.kill(),
                None => process.wait(),
            },
            Kill::Commit(..) => process.wait(),
        };
        let was_killed = was_killed(output.status);
        assert!(was_killed || output.status.success(), "{output}");
        self.kills += usize::from(was_killed);
        self.inspect();
        was_killed
    }

    /// Lets it come to its end in peace, and judges it.
    pub(crate) fn finish(mut self) -> (usize, Outputs) {
        if self.next_serves() {
            let process = Process::spawn(&mut self.orchestrate());
            if !self.is_over {
                process.line(ended);
            }
            process.terminate();
            let _ = process.wait().success();
        }
        // Asked for once more, a run that is over says the same and does nothing.
        let answer = Process::spawn(&mut self.workflow_run()).wait().success().json();
        assert_eq!(answer["status"], "completed", "{answer}");
        self.inspect();
        assert!(self.is_over);
        let outputs = self.outputs();
        for (node, output) in &outputs {
            assert_eq!(
                answer["results"][node], *output,
                "the answer and the store disagree on {node}: {answer}"
            );
        }
        self.judge();
        (self.kills, outputs)
    }

    /// What the store has must be what happened, as far as it goes.
    fn inspect(&mut self) {
        let shown = self.place.run(["runs", "show", RUN, "--json"]);
        let counts = self.place.journal().counts(RUN);
        if !shown.status.success() {
            assert!(!self.exists, "a run that was on disk is gone\n{shown}");
            assert!(counts.is_empty(), "nodes began before the run was on disk: {counts:?}\n{shown}");
            return;
        }
        self.exists = true;
        let run = shown.json();
        for node in nodes(&run).iter().filter(|node| node["status"] == "completed") {
            let name = name(node);
            let count = counts.get(name).copied().unwrap_or(0);
            let first = *self.finished.entry(name.to_owned()).or_insert(count);
            assert_eq!(first, count, "{name} was finished and ran again\n{run:#}");
        }
        for name in self.finished.keys() {
            let is_finished = |node: &&Value| node["node"] == **name && node["status"] == "completed";
            assert!(
                nodes(&run).iter().any(|node| is_finished(&node)),
                "{name} was finished and is no more\n{run:#}"
            );
        }
        self.is_over = run["status"] == "completed";
        assert!(self.is_over || run["status"] == "running", "{run:#}");
    }

    /// Nothing lost, nothing made up, nothing repeated that a kill did not cut short.
    fn judge(&self) {
        let lines = self.place.journal().lines();
        let mut repeated = 0;
        for node in &self.shape.nodes {
            let of_node = lines.iter().filter(|line| line.node == node.name).collect::<Vec<_>>();
            let expected = node.kind.traces();
            assert!(of_node.len() >= expected, "{} left {} traces of {expected}", node.name, of_node.len());
            repeated += of_node.len() - expected;
            let key = format!("{RUN}/{}", node.name);
            assert!(of_node.iter().all(|line| line.key == key), "{} changed its key: {of_node:?}", node.name);
            let attempts = of_node.iter().map(|line| line.attempt).collect::<Vec<_>>();
            assert!(attempts.is_sorted(), "{} went back in its attempts: {attempts:?}", node.name);
            let last = attempts.last().map_or(0, |attempt| *attempt as usize);
            assert_eq!(last, expected, "{} made other attempts: {attempts:?}", node.name);
        }
        let most = self.kills * self.shape.max_parallel;
        assert!(repeated <= most, "{repeated} attempts were repeated after {} kills", self.kills);
    }

    fn outputs(&self) -> Outputs {
        let run = self.place.show(RUN);
        assert_eq!(nodes(&run).len(), self.shape.nodes.len());
        nodes(&run).iter().map(|node| (name(node).to_owned(), node["output"].clone())).collect()
    }

    /// Every second start leaves it to the program to find out what is to be done.
    fn next_serves(&mut self) -> bool {
        self.starts += 1;
        self.exists && self.starts.is_multiple_of(2)
    }

    fn orchestrate(&self) -> std::process::Command {
        self.place.command(["orchestrate", "--no-http"])
    }

    fn workflow_run(&self) -> std::process::Command {
        // The journal is named as every run names it, so that all runs have one input.
        let input = json!({ "journal": "journal" }).to_string();
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

/// Whether a line of the log says that the run has ended.
fn ended(line: &str) -> Option<()> {
    let line = serde_json::from_str::<Value>(line).ok()?;
    (line["event"] == "run-ended" && line["run_id"] == RUN).then_some(())
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

fn nodes(run: &Value) -> &[Value] {
    run["nodes"].as_array().expect("a run has nodes")
}

fn name(node: &Value) -> &str {
    node["node"].as_str().expect("a node has a name")
}

/// A run that nothing disturbs.
pub(crate) fn undisturbed(program: &Program, shape: &Shape) -> (Duration, Outputs) {
    let trial = Trial::new(program, shape);
    let began = std::time::Instant::now();
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
