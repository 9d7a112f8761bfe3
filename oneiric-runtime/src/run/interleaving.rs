//! A property: whatever the order of completions, failures, crashes and recoveries, a run ends the same.
//!
//! The model below does what `execute` does, but the disk, the order in which attempts end and the moments of death are
//! drawn by proptest. A crash keeps a prefix of what was handed to the store, at the border of a transaction, as a
//! store does.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::schedule::{self, Schedule};
use super::{Entry, Event, NodeId, NodeStatus, Shape, State, Status};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task::{self, Retry};

/// What a node of the model does, whenever and however often it is run.
#[derive(Clone, Copy, Debug)]
struct Nature {
    /// Attempts that fail before one succeeds.
    failures: u32,
    /// Attempts that it is given.
    attempts: u32,
    continues: bool,
    timer: bool,
}

#[derive(Clone, Debug)]
struct Model {
    shape: Shape,
    natures: Vec<Nature>,
}

fn models() -> impl Strategy<Value = Model> {
    let nature = (0..3_u32, 1..3_u32, any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(failures, attempts, continues, timer)| Nature { failures, attempts, continues, timer });
    let node = (nature, prop::collection::vec(any::<prop::sample::Index>(), 0..4));
    prop::collection::vec(node, 1..24).prop_map(|nodes| {
        let mut edges = Vec::new();
        for (index, (nature, needs)) in nodes.iter().enumerate() {
            let before = needs.iter().filter(|_| index > 0).map(|need| need.index(index));
            let mut needs = before.map(|at| NodeId(u32::try_from(at).unwrap())).collect::<Vec<_>>();
            needs.sort_unstable();
            needs.dedup();
            edges.push((needs, nature.continues));
        }
        Model { shape: Shape::new(edges), natures: nodes.into_iter().map(|(nature, _)| nature).collect() }
    })
}

/// A store that loses on a crash what it has not synced: whole transactions, from the end.
#[derive(Default)]
struct Disk {
    synced: Vec<Entry>,
    waiting: Vec<Vec<Entry>>,
}

/// One life of the process.
struct Life<'a> {
    model: &'a Model,
    state: State,
    schedule: Schedule,
    ranks: &'a [u64],
    running: Vec<NodeId>,
    timers: Vec<NodeId>,
    /// For each transaction not synced yet, the nodes that may be settled once it is.
    unsettled: Vec<Vec<NodeId>>,
    /// How often each node was begun after it had been recorded as finished: must stay empty.
    finished: &'a mut HashMap<NodeId, Json>,
}

fn run(model: &Model, choices: &[u8]) -> State {
    let ranks = schedule::ranks(&model.shape, |_| None);
    let mut choices = choices.iter().copied().cycle();
    let mut disk = Disk::default();
    let mut finished = HashMap::new();
    let mut crashes = 0;
    loop {
        let mut life = Life::begin(model, &ranks, &disk, &mut finished);
        loop {
            life.begin_ready(&mut disk);
            let ended = life.state.status() != Status::Running;
            if ended && disk.waiting.is_empty() {
                return life.state;
            }
            match choices.next().unwrap_or(0) % 16 {
                // The machine's memory is gone; of what waits, a prefix may have reached the disk.
                0 if crashes < 20 => {
                    crashes += 1;
                    let kept = usize::from(choices.next().unwrap_or(0)) % (disk.waiting.len() + 1);
                    let lost = disk.waiting.split_off(kept);
                    drop(lost);
                    let kept = std::mem::take(&mut disk.waiting);
                    disk.synced.extend(kept.into_iter().flatten());
                    break;
                }
                1..=5 => life.sync(&mut disk),
                choice => {
                    life.end_one(usize::from(choice), &mut disk);
                    if life.running.is_empty() && life.timers.is_empty() {
                        life.sync(&mut disk);
                    }
                }
            }
        }
    }
}

impl<'a> Life<'a> {
    fn begin(
        model: &'a Model,
        ranks: &'a [u64],
        disk: &Disk,
        finished: &'a mut HashMap<NodeId, Json>,
    ) -> Self {
        let state = State::replay(&model.shape, Timestamp(0), &disk.synced).expect("the log is sound");
        let mut schedule = Schedule::new(&model.shape, ranks, &state);
        let mut timers = Vec::new();
        for node in model.shape.nodes() {
            match state.nodes()[node.index()].status {
                NodeStatus::Running => schedule.make_ready(ranks, node),
                NodeStatus::Waiting | NodeStatus::Retrying => timers.push(node),
                _ => {}
            }
        }
        let life = Self {
            model,
            state,
            schedule,
            ranks,
            running: Vec::new(),
            timers,
            unsettled: Vec::new(),
            finished,
        };
        for node in model.shape.nodes() {
            if let Some(output) = life.state.output(node) {
                life.finished.insert(node, output.clone());
            }
        }
        life
    }

    fn begin_ready(&mut self, disk: &mut Disk) {
        while let Some(node) = self.schedule.next() {
            assert!(!self.finished.contains_key(&node), "a finished node is begun again");
            let mut batch = Vec::new();
            if self.model.natures[node.index()].timer {
                self.record(&mut batch, Event::NodeWaiting { node, until: Timestamp(0) });
                self.timers.push(node);
            } else {
                let state = &self.state.nodes()[node.index()];
                let again = state.status == NodeStatus::Running;
                let attempt = if again { state.attempt } else { state.attempt + 1 };
                self.record(&mut batch, Event::NodeStarted { node, attempt });
                self.running.push(node);
            }
            self.hand_over(batch, disk);
        }
    }

    fn end_one(&mut self, choice: usize, disk: &mut Disk) {
        let mut batch = Vec::new();
        if !self.timers.is_empty() && (choice.is_multiple_of(2) || self.running.is_empty()) {
            let node = self.timers.swap_remove(choice % self.timers.len());
            if self.state.nodes()[node.index()].status == NodeStatus::Retrying {
                self.schedule.make_ready(self.ranks, node);
                return;
            }
            self.record(&mut batch, Event::NodeCompleted { node, attempt: 0, output: Json::null() });
        } else if !self.running.is_empty() {
            let node = self.running.swap_remove(choice % self.running.len());
            self.end_attempt(node, &mut batch);
        } else {
            return;
        }
        if let Some(status) = self.state.conclusion(&self.model.shape) {
            self.record(&mut batch, Event::RunEnded { status });
        }
        self.hand_over(batch, disk);
    }

    fn end_attempt(&mut self, node: NodeId, batch: &mut Vec<Entry>) {
        let nature = self.model.natures[node.index()];
        let attempt = self.state.nodes()[node.index()].attempt;
        if attempt > nature.failures {
            // What a node returns is made of what it was given, so a wrong input would show in the end.
            let needs = self.model.shape.needs(node);
            let given = needs.iter().map(|need| self.state.output(*need).cloned()).collect::<Vec<_>>();
            let output =
                Json::of(&(node.0, given.iter().map(|one| one.as_ref().map(digest)).collect::<Vec<_>>()));
            self.record(
                batch,
                Event::NodeCompleted { node, attempt, output: output.expect("numbers are JSON") },
            );
            return;
        }
        let error = task::Error::transient("by nature");
        let retry = Retry::attempts(nature.attempts).base_delay(Duration::ZERO);
        if retry.delay(attempt, 0.0).is_some() {
            self.record(batch, Event::NodeRetrying { node, attempt, error, until: Timestamp(0) });
            self.timers.push(node);
            return;
        }
        self.record(batch, Event::NodeFailed { node, attempt, error });
        if !nature.continues {
            for node in schedule::doomed(&self.model.shape, &self.state, node) {
                self.record(batch, Event::NodeSkipped { node });
            }
        }
    }

    fn record(&mut self, batch: &mut Vec<Entry>, event: Event) {
        let entry = Entry { at: Timestamp(0), event };
        self.state.apply(&self.model.shape, &entry).expect("the model only does what the state allows");
        batch.push(entry);
    }

    fn hand_over(&mut self, batch: Vec<Entry>, disk: &mut Disk) {
        let permits = |entry: &Entry| match entry.event {
            Event::NodeCompleted { node, .. } => Some(node),
            Event::NodeFailed { node, .. } if self.model.shape.continues(node) => Some(node),
            _ => None,
        };
        self.unsettled.push(batch.iter().filter_map(permits).collect());
        disk.waiting.push(batch);
    }

    fn sync(&mut self, disk: &mut Disk) {
        for entry in disk.waiting.drain(..).flatten() {
            if let Event::NodeCompleted { node, output, .. } = &entry.event {
                self.finished.insert(*node, output.clone());
            }
            disk.synced.push(entry);
        }
        for node in self.unsettled.drain(..).flatten() {
            self.schedule.settle(&self.model.shape, self.ranks, node);
        }
    }
}

fn digest(json: &Json) -> u64 {
    json.text().bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// What must not depend on the order of things.
fn essence(state: &State) -> Vec<(NodeStatus, Option<Json>)> {
    state.nodes().iter().map(|node| (node.status, node.output.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_ends_the_same(
        model in models(),
        choices in prop::collection::vec(any::<u8>(), 16..400),
    ) {
        // Only syncs and ends in turn: an undisturbed run.
        let undisturbed = run(&model, &[6, 1, 7, 1]);
        let disturbed = run(&model, &choices);
        prop_assert_eq!(disturbed.status(), undisturbed.status());
        prop_assert_eq!(essence(&disturbed), essence(&undisturbed));
        prop_assert!(disturbed.nodes().iter().all(|node| node.status.is_end()));
    }
}
