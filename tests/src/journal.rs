//! The file in which the tasks of `effects` leave their traces: what really happened, whatever the store says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of traces.
#[derive(Clone, Debug)]
pub struct Journal(PathBuf);

/// One trace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The run that it was left in.
    pub run: String,
    /// The node that left it.
    pub node: String,
    /// The node's idempotency key.
    pub key: String,
    /// Which attempt it was.
    pub attempt: u32,
    /// `began` or `ended`.
    pub moment: String,
}

impl Journal {
    /// The journal at `path`, whether or not it exists yet.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is in it.
    ///
    /// # Panics
    /// If a line is not as `effects` writes it.
    pub fn lines(&self) -> Vec<Line> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => panic!("cannot read {}: {error}", self.0.display()),
        };
        text.lines().map(Line::parse).collect()
    }

    /// How often each node of `run` began.
    pub fn counts(&self, run: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in self.lines().into_iter().filter(|line| line.run == run && line.moment == "began") {
            *counts.entry(line.node).or_default() += 1;
        }
        counts
    }

    /// The largest number of nodes that were under way at once, told from the order of the lines.
    pub fn most_at_once(&self) -> usize {
        let mut now = 0_usize;
        let steps = self.lines().into_iter().map(|line| {
            now = if line.moment == "began" { now + 1 } else { now - 1 };
            now
        });
        steps.max().unwrap_or(0)
    }
}

impl Line {
    fn parse(line: &str) -> Self {
        let words = line.split(' ').collect::<Vec<_>>();
        let [run, node, key, attempt, _pid, moment] = words[..] else { panic!("not a trace: `{line}`") };
        Self {
            run: run.to_owned(),
            node: node.to_owned(),
            key: key.to_owned(),
            attempt: attempt.parse().unwrap_or_else(|_| panic!("not a trace: `{line}`")),
            moment: moment.to_owned(),
        }
    }
}
