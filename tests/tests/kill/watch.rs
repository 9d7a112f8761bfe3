//! What must hold of a run after every kill and at its end. How it is killed is not known here.

use std::collections::BTreeMap;

use oneiric_tests::Place;
use serde_json::Value;

use crate::shape::Shape;

/// What a run left when it was over: each node's output.
pub(crate) type Outputs = BTreeMap<String, Value>;

/// A run, and what was seen of it so far.
pub(crate) struct Watch<'a> {
    shape: &'a Shape,
    run_id: String,
    /// Nodes that the store has as finished, and how many traces each had left when that was first seen.
    finished: BTreeMap<String, usize>,
    exists: bool,
    is_over: bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(shape: &'a Shape, run_id: &str) -> Self {
        let finished = BTreeMap::new();
        Self { shape, run_id: run_id.to_owned(), finished, exists: false, is_over: false }
    }

    /// Whether the store had the run when it was last looked at.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// Whether the run was over when it was last looked at.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Looks at a store that nobody writes to: what it has must be what happened, as far as it goes.
    pub(crate) fn inspect(&mut self, place: &Place) {
        let shown = place.run(["runs", "show", &self.run_id, "--json"]);
        let counts = place.journal().counts(&self.run_id);
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
        for node in self.shape.nodes.iter().filter(|node| counts.contains_key(&node.name)) {
            for need in node.needs.iter().map(|need| &self.shape.nodes[*need].name) {
                let is_kept = self.finished.contains_key(need);
                assert!(is_kept, "{} began before the end of {need} was on disk\n{run:#}", node.name);
            }
        }
        self.is_over = run["status"] == "completed";
        assert!(self.is_over || run["status"] == "running", "{run:#}");
    }

    /// Judges a run that is over: nothing lost, nothing made up, nothing repeated that a kill did not cut short.
    pub(crate) fn judge(&self, place: &Place, kills: usize) -> Outputs {
        assert!(self.is_over, "{} is not over", self.run_id);
        let lines = place.journal().lines();
        for node in &self.shape.nodes {
            let left = |line: &&oneiric_tests::Line| line.run == self.run_id && line.node == node.name;
            let lines = lines.iter().filter(left).collect::<Vec<_>>();
            let expected = node.kind.traces();
            assert!(lines.len() >= expected, "{} left {} traces of {expected}", node.name, lines.len());
            let repeated = lines.len() - expected;
            assert!(repeated <= kills, "{kills} kills made {} repeat {repeated} attempts", node.name);
            let key = format!("{}/{}", self.run_id, node.name);
            assert!(lines.iter().all(|line| line.key == key), "{} changed its key: {lines:?}", node.name);
            let attempts = lines.iter().map(|line| line.attempt).collect::<Vec<_>>();
            assert!(attempts.is_sorted(), "{} went back in its attempts: {attempts:?}", node.name);
            let last = attempts.last().map_or(0, |attempt| *attempt as usize);
            assert_eq!(last, expected, "{} made other attempts: {attempts:?}", node.name);
        }

        let run = place.show(&self.run_id);
        assert_eq!(nodes(&run).len(), self.shape.nodes.len());
        nodes(&run).iter().map(|node| (name(node).to_owned(), node["output"].clone())).collect()
    }
}

fn nodes(run: &Value) -> &[Value] {
    run["nodes"].as_array().expect("a run has nodes")
}

fn name(node: &Value) -> &str {
    node["node"].as_str().expect("a node has a name")
}
