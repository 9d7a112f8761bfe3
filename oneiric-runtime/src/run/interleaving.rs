//! A property: whatever the order of completions, failures, crashes and recoveries, a run ends the same, and whoever is told
//! of its end is told once.
//!
//! The model below does what `execute` and `notifications::deliver` do, but the disk, the order in which attempts end and the moments of death are
//! drawn by proptest. A crash keeps a prefix of what was handed to the store, at the border of a transaction, as a
//! store does.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::execute::Work;
use super::outbox::tests::due;
use super::schedule::{self, Schedule};
use super::{
    Entry, Event, NodeId, NodeState, NodeStatus, NotificationStatus, NotificationStep, Part, Shape, State,
    Status, Step,
};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task::{self, Retry};

/// What a node of the model does, whenever and however often it is run.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a node has these properties in every combination")]
struct Nature {
    /// Attempts that fail before one succeeds.
    failures: u32,
    /// Attempts that it is given.
    attempts: u32,
    continues: bool,
    timer: bool,
    /// Its condition does not hold.
    left_out: bool,
    /// It has so many instances; the last of them has its failures, the others none.
    items: Option<u32>,
    /// It is undone when the run fails, with the same failures.
    compensates: bool,
}

#[derive(Clone, Debug)]
struct Model {
    shape: Shape,
    natures: Vec<Nature>,
}

fn models() -> impl Strategy<Value = Model> {
    let few = prop::bool::weighted(0.2);
    let nature =
        (0..3_u32, 1..4_u32, any::<bool>(), few, few, prop::option::weighted(0.2, 0..4_u32), any::<bool>());
    let nature =
        nature.prop_map(|(failures, attempts, continues, timer, left_out, items, compensates)| Nature {
            failures,
            attempts,
            continues,
            timer,
            left_out,
            items: items.filter(|_| !timer),
            compensates,
        });
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
        let natures = nodes.into_iter().map(|(nature, _)| nature).collect::<Vec<_>>();
        let undone = (0..).map(NodeId).zip(&natures).filter(|(_, nature)| nature.compensates);
        let undone = undone.map(|(node, _)| node).collect::<Vec<_>>();
        Model { shape: Shape::new(edges).compensating(undone), natures }
    })
}

/// A store that loses on a crash what it has not synced: whole transactions, from the end.
#[derive(Default)]
struct Disk {
    synced: Vec<Entry>,
    waiting: Vec<Vec<Entry>>,
}

/// Who is told that the run has ended. A crash of the process does not touch it.
#[derive(Clone, Debug)]
struct Receiver {
    /// How often it takes nothing before it takes something.
    refusals: u32,
    /// Whether it tells a repeated notification from a new one.
    knows_repeats: bool,
    /// What it was sent, by id.
    received: Vec<String>,
}

/// How far an attempt to send a notification is in this life.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Sending {
    #[default]
    NotYet,
    /// What is about to be done has been handed to the store.
    Entered,
    /// It was taken, or was not.
    Answered(bool),
}

/// One life of the process.
struct Life<'a> {
    model: &'a Model,
    state: State,
    schedule: Schedule,
    ranks: &'a [u64],
    running: Vec<(NodeId, Part)>,
    timers: Vec<(NodeId, Part)>,
    /// For each transaction not synced yet, the nodes that may be settled once it is.
    unsettled: Vec<Vec<NodeId>>,
    /// How often each node was begun after it had been recorded as finished: must stay empty.
    finished: &'a mut HashMap<NodeId, Json>,
    sending: Sending,
}

fn run(model: &Model, receiver: &mut Receiver, choices: &[u8]) -> State {
    let ranks = schedule::ranks(&model.shape, |_| None);
    let mut choices = choices.iter().copied().cycle();
    let mut disk = Disk::default();
    let mut finished = HashMap::new();
    let mut crashes = 0;
    loop {
        let (mut life, again) = Life::begin(model, &ranks, &disk, &mut finished);
        life.pick_up(again, &mut disk);
        loop {
            life.begin_ready(&mut disk);
            life.begin_undo(&mut disk);
            let ended = life.state.status() != Status::Running;
            if ended && disk.waiting.is_empty() && life.state.outbox().unsettled().next().is_none() {
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
                _ if ended => life.notify(receiver, &mut disk),
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
    ) -> (Self, Vec<(NodeId, Part)>) {
        let state = State::replay(&model.shape, Timestamp(0), &disk.synced).expect("the log is sound");
        let mut schedule = Schedule::new(&model.shape, ranks, &state);
        let mut timers = Vec::new();
        let mut running = Vec::new();
        for node in model.shape.nodes() {
            let at = &state.nodes()[node.index()];
            match (at.status, &at.items) {
                (NodeStatus::Running, Some(items)) => {
                    for (item, track) in (0..).zip(items) {
                        match track.status {
                            NodeStatus::Retrying => timers.push((node, Part::Item(item))),
                            NodeStatus::Pending | NodeStatus::Running => {
                                running.push((node, Part::Item(item)));
                            }
                            _ => {}
                        }
                    }
                }
                (NodeStatus::Running, None) => schedule.make_ready(ranks, node),
                (NodeStatus::Waiting | NodeStatus::Retrying, _) => timers.push((node, Part::Node)),
                _ => {}
            }
            if at.undo.as_ref().is_some_and(|undo| undo.status == NodeStatus::Retrying) {
                timers.push((node, Part::Undo));
            }
        }
        // Instances are made again that were under way, and begun that were not.
        let again = std::mem::take(&mut running);
        let life = Self {
            model,
            state,
            schedule,
            ranks,
            running,
            timers,
            unsettled: Vec::new(),
            finished,
            sending: Sending::NotYet,
        };
        for node in model.shape.nodes() {
            if let Some(output) = life.state.output(node) {
                life.finished.insert(node, output.clone());
            }
        }
        (life, again)
    }

    /// Goes on with instances that the life before this one did not end.
    fn pick_up(&mut self, again: Vec<(NodeId, Part)>, disk: &mut Disk) {
        let mut batch = Vec::new();
        for (node, part) in again {
            self.start(node, part, &mut batch);
        }
        for node in self.model.shape.nodes() {
            self.settle_items(node, &mut batch);
        }
        self.conclude(&mut batch);
        self.hand_over(batch, disk);
    }

    fn begin_ready(&mut self, disk: &mut Disk) {
        while let Some(node) = self.schedule.next() {
            assert!(!self.finished.contains_key(&node), "a finished node is begun again");
            let mut batch = Vec::new();
            let nature = self.model.natures[node.index()];
            let is_new = self.state.nodes()[node.index()].status == NodeStatus::Pending;
            if is_new && nature.left_out {
                self.record(&mut batch, Event::NodeLeftOut { node });
                self.conclude(&mut batch);
            } else if nature.timer {
                self.record(&mut batch, Event::NodeWaiting { node, until: Timestamp(0) });
                self.timers.push((node, Part::Node));
            } else if let Some(items) = nature.items {
                self.record(&mut batch, Event::NodeExpanded { node, items });
                for item in 0..items {
                    self.start(node, Part::Item(item), &mut batch);
                }
                self.settle_items(node, &mut batch);
                self.conclude(&mut batch);
            } else {
                self.start(node, Part::Node, &mut batch);
            }
            self.hand_over(batch, disk);
        }
    }

    /// Undoes what is next, once all that happened is on disk.
    fn begin_undo(&mut self, disk: &mut Disk) {
        let Some(node) = self.state.next_undo(&self.model.shape) else { return };
        if self.running.is_empty() && self.timers.is_empty() && disk.waiting.is_empty() {
            let mut batch = Vec::new();
            self.start(node, Part::Undo, &mut batch);
            self.hand_over(batch, disk);
        }
    }

    fn start(&mut self, node: NodeId, part: Part, batch: &mut Vec<Entry>) {
        let attempt = self.next_attempt(node, part);
        self.step(node, part, Step::Started { attempt }, batch);
        self.running.push((node, part));
    }

    fn end_one(&mut self, choice: usize, disk: &mut Disk) {
        let mut batch = Vec::new();
        if !self.timers.is_empty() && (choice.is_multiple_of(2) || self.running.is_empty()) {
            let (node, part) = self.timers.swap_remove(choice % self.timers.len());
            let state = &self.state.nodes()[node.index()];
            match part {
                Part::Node if state.status == NodeStatus::Retrying => {
                    self.schedule.make_ready(self.ranks, node);
                    return;
                }
                Part::Node => {
                    self.record(&mut batch, Event::NodeCompleted { node, attempt: 0, output: Json::null() });
                }
                Part::Item(_) | Part::Undo => self.start(node, part, &mut batch),
            }
        } else if !self.running.is_empty() {
            let (node, part) = self.running.swap_remove(choice % self.running.len());
            self.end_attempt(node, part, &mut batch);
            self.settle_items(node, &mut batch);
        } else {
            return;
        }
        self.conclude(&mut batch);
        self.hand_over(batch, disk);
    }

    fn conclude(&mut self, batch: &mut Vec<Entry>) {
        if self.state.status() == Status::Running
            && let Some(status) = self.state.conclusion(&self.model.shape)
        {
            self.record(batch, Event::RunEnded { status });
            let number = self.state.outbox().next_number();
            self.record(batch, Event::Notification { number, step: due("end") });
        }
    }

    /// Takes one step with the notification, once what came before is on disk.
    fn notify(&mut self, receiver: &mut Receiver, disk: &mut Disk) {
        if !disk.waiting.is_empty() {
            return;
        }
        let Some((number, outgoing)) = self.state.outbox().unsettled().next() else { return };
        let was_under_way = outgoing.status == NotificationStatus::Sending;
        let step = match self.sending {
            Sending::NotYet if was_under_way && !receiver.knows_repeats => {
                NotificationStep::GivenUp { error: "who knows".to_owned(), is_outcome_unknown: true }
            }
            Sending::NotYet => {
                self.sending = Sending::Entered;
                NotificationStep::Sending { attempt: outgoing.attempts + 1 }
            }
            Sending::Entered => {
                let is_taken = receiver.refusals == 0;
                receiver.refusals = receiver.refusals.saturating_sub(1);
                if is_taken {
                    receiver.received.push(outgoing.due.notification.id.clone());
                }
                self.sending = Sending::Answered(is_taken);
                return;
            }
            Sending::Answered(is_taken) => {
                self.sending = Sending::NotYet;
                if is_taken {
                    NotificationStep::Sent
                } else {
                    NotificationStep::Retrying { error: "by nature".to_owned(), until: Timestamp(0) }
                }
            }
        };
        let mut batch = Vec::new();
        self.record(&mut batch, Event::Notification { number, step });
        self.hand_over(batch, disk);
    }

    fn end_attempt(&mut self, node: NodeId, part: Part, batch: &mut Vec<Entry>) {
        let nature = self.model.natures[node.index()];
        let failures = match part {
            Part::Item(item) if item + 1 < nature.items.unwrap_or(0) => 0,
            _ => nature.failures,
        };
        let attempt = self.next_attempt(node, part);
        if attempt > failures {
            // What a node returns is made of what it was given, so a wrong input would show in the end.
            let needs = self.model.shape.needs(node);
            let given = needs.iter().map(|need| self.state.output(*need).map(digest)).collect::<Vec<_>>();
            let output = Json::of(&(node.0, given)).expect("numbers are JSON");
            self.step(node, part, Step::Completed { attempt, output }, batch);
            return;
        }
        let error = task::Error::transient("by nature");
        let retry = Retry::attempts(nature.attempts).base_delay(Duration::ZERO);
        if retry.delay(attempt, 0.0).is_some() {
            self.step(node, part, Step::Retrying { attempt, error, until: Timestamp(0) }, batch);
            self.timers.push((node, part));
            return;
        }
        self.step(node, part, Step::Failed { attempt, error }, batch);
        if part == Part::Node {
            self.doom(node, batch);
        }
    }

    fn doom(&mut self, node: NodeId, batch: &mut Vec<Entry>) {
        if !self.model.natures[node.index()].continues {
            for node in schedule::doomed(&self.model.shape, &self.state, node) {
                self.record(batch, Event::NodeSkipped { node });
            }
        }
    }

    /// Ends a node with instances, once they have made up its end.
    fn settle_items(&mut self, node: NodeId, batch: &mut Vec<Entry>) {
        let state = &self.state.nodes()[node.index()];
        let Some(items) = state.items.as_ref().filter(|_| state.status == NodeStatus::Running) else {
            return;
        };
        let is_at_work = |(of, part): &(NodeId, Part)| *of == node && matches!(part, Part::Item(_));
        if self.running.iter().any(is_at_work) {
            return;
        }
        if items.iter().any(|item| item.status == NodeStatus::Failed) {
            self.timers.retain(|timer| !is_at_work(timer));
            let error = task::Error::transient("an instance");
            self.record(batch, Event::NodeFailed { node, attempt: 0, error });
            self.doom(node, batch);
        } else if items.iter().all(|item| item.status == NodeStatus::Completed) {
            let output = Json::of(&(node.0, items.len())).expect("numbers are JSON");
            self.record(batch, Event::NodeCompleted { node, attempt: 0, output });
        }
    }

    /// The attempt that is under way, or the one to be made next.
    fn next_attempt(&self, node: NodeId, part: Part) -> u32 {
        let state = &self.state.nodes()[node.index()];
        match (part, &state.items, &state.undo) {
            (Part::Node, ..) if state.status == NodeStatus::Running => state.attempt,
            (Part::Node, ..) => state.attempt + 1,
            (Part::Item(item), Some(items), _) => items[item as usize].next_attempt(),
            (Part::Undo, _, Some(undo)) => undo.next_attempt(),
            _ => 1,
        }
    }

    fn step(&mut self, node: NodeId, part: Part, step: Step, batch: &mut Vec<Entry>) {
        self.record(batch, Work { node, part }.event(step));
    }

    fn record(&mut self, batch: &mut Vec<Entry>, event: Event) {
        let entry = Entry { at: Timestamp(0), event };
        self.state.apply(&self.model.shape, &entry).expect("the model only does what the state allows");
        batch.push(entry);
    }

    fn hand_over(&mut self, batch: Vec<Entry>, disk: &mut Disk) {
        let permits = |entry: &Entry| match entry.event {
            Event::NodeCompleted { node, .. } | Event::NodeLeftOut { node } => Some(node),
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
fn essence(state: &State) -> Vec<(NodeStatus, Option<Json>, Option<NodeStatus>)> {
    let undo = |node: &NodeState| node.undo.as_ref().map(|undo| undo.status);
    state.nodes().iter().map(|node| (node.status, node.output.clone(), undo(node))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_ends_the_same(
        model in models(),
        choices in prop::collection::vec(any::<u8>(), 16..400),
        refusals in 0..3_u32,
        knows_repeats in any::<bool>(),
    ) {
        let receiver = Receiver { refusals, knows_repeats, received: Vec::new() };
        // Only syncs and ends in turn: an undisturbed run.
        let mut told = receiver.clone();
        let undisturbed = run(&model, &mut told, &[6, 1, 7, 1]);
        prop_assert_eq!(told.received.len(), 1);
        let mut told = receiver;
        let disturbed = run(&model, &mut told, &choices);
        prop_assert_eq!(disturbed.status(), undisturbed.status());
        prop_assert_eq!(essence(&disturbed), essence(&undisturbed));
        prop_assert!(disturbed.nodes().iter().all(|node| node.status.is_end()));

        let notifications = disturbed.outbox().iter().collect::<Vec<_>>();
        prop_assert_eq!(notifications.len(), 1);
        match notifications[0].status {
            NotificationStatus::Sent if knows_repeats => prop_assert!(!told.received.is_empty()),
            NotificationStatus::Sent => prop_assert_eq!(told.received.len(), 1),
            NotificationStatus::OutcomeUnknown => {
                prop_assert!(!knows_repeats && told.received.len() <= 1);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(told.received.iter().all(|id| id == "end"), "one by its id");
    }
}
