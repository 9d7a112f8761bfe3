//! The state of a run: its events, folded. [`State::apply`] is the only judge of what may follow what, and recovery
//! replays a run's log through it.

use std::fmt;

use super::{Entry, Event, NodeId, Outbox, Reason, Shape, Status, Track};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task;

/// Where a run and each of its nodes stand.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    status: Status,
    cancelling: Option<Reason>,
    parked: Option<String>,
    began_at: Timestamp,
    ended_at: Option<Timestamp>,
    nodes: Vec<NodeState>,
    /// How many nodes have not ended.
    open: usize,
    /// Nodes that completed or failed, in that order.
    finished: Vec<NodeId>,
    outbox: Outbox,
}

/// Where a node stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeState {
    /// What it is doing, or how it ended.
    pub status: NodeStatus,
    /// The latest attempt, from 1; 0 before the first and for a `wait`.
    pub attempt: u32,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its timer, or its next attempt, is due.
    pub until: Option<Timestamp>,
    /// What it returned.
    pub output: Option<Json>,
    /// Why its latest attempt failed.
    pub error: Option<Box<task::Error>>,
    /// Whether it was skipped by its own condition, so that its dependants run without its output.
    pub left_out: bool,
    /// Its instances, one for each element of its list, once that is known.
    pub items: Option<Box<[Track]>>,
    /// How far it is undone, once that has begun.
    pub undo: Option<Box<Track>>,
}

impl NodeState {
    /// Makes it ready to be done again; of its instances, those that completed stay so, because it is given the same.
    fn put_back(&mut self) {
        let is_undone = self.undo.is_some();
        let (items, started_at) = (self.items.take().filter(|_| !is_undone), self.started_at);
        *self = Self::default();
        if let Some(mut items) = items {
            for item in items.iter_mut().filter(|item| item.status != NodeStatus::Completed) {
                *item = Track::default();
            }
            *self = Self { status: NodeStatus::Running, started_at, items: Some(items), ..Self::default() };
        }
    }
}

/// What a node is doing, or how it ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeStatus {
    /// It has not begun.
    #[default]
    Pending,
    /// An attempt is under way.
    Running,
    /// Its timer is running.
    Waiting,
    /// An attempt failed and the next one is not due yet.
    Retrying,
    /// It is done.
    Completed,
    /// Its last attempt failed.
    Failed,
    /// It was not begun because a node that it needs did not complete.
    Skipped,
    /// It was stopped, or not begun, because the run was cancelled.
    Cancelled,
}

impl NodeStatus {
    /// Whether the node is done with, one way or another.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

/// An event that cannot follow what came before it. In a log it means that the log is damaged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Illegal {
    event: String,
    state: String,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot happen to {}", self.event, self.state)
    }
}

impl std::error::Error for Illegal {}

impl State {
    /// A run of `nodes` nodes that began just now.
    pub fn new(nodes: usize, began_at: Timestamp) -> Self {
        Self {
            status: Status::Running,
            cancelling: None,
            parked: None,
            began_at,
            ended_at: None,
            nodes: vec![NodeState::default(); nodes],
            open: nodes,
            finished: Vec::new(),
            outbox: Outbox::default(),
        }
    }

    /// Folds a whole log.
    ///
    /// # Errors
    /// When an event cannot follow those before it.
    pub fn replay(shape: &Shape, began_at: Timestamp, log: &[Entry]) -> Result<Self, Illegal> {
        let mut state = Self::new(shape.len(), began_at);
        log.iter().try_for_each(|entry| state.apply(shape, entry))?;
        Ok(state)
    }

    /// Takes one more event into account. After an error nothing has changed.
    ///
    /// # Errors
    /// When it cannot follow those before it.
    pub fn apply(&mut self, shape: &Shape, entry: &Entry) -> Result<(), Illegal> {
        if !self.allows(shape, &entry.event) {
            return Err(self.illegal(&entry.event));
        }
        let at = entry.at;
        match &entry.event {
            Event::NodeStarted { node, attempt } => {
                let state = &mut self.nodes[node.index()];
                state.status = NodeStatus::Running;
                state.attempt = *attempt;
                state.started_at.get_or_insert(at);
                state.until = None;
            }
            Event::NodeWaiting { node, until } => {
                let state = &mut self.nodes[node.index()];
                state.status = NodeStatus::Waiting;
                state.started_at = Some(at);
                state.until = Some(*until);
            }
            Event::NodeRetrying { node, error, until, .. } => {
                let state = &mut self.nodes[node.index()];
                state.status = NodeStatus::Retrying;
                state.error = Some(Box::new(error.clone()));
                state.until = Some(*until);
            }
            Event::NodeCompleted { node, output, .. } => {
                let state = &mut self.nodes[node.index()];
                state.output = Some(output.clone());
                state.error = None;
                self.end(*node, NodeStatus::Completed, at);
                self.finished.push(*node);
            }
            Event::NodeFailed { node, error, .. } => {
                self.nodes[node.index()].error = Some(Box::new(error.clone()));
                self.end(*node, NodeStatus::Failed, at);
                self.finished.push(*node);
            }
            Event::NodeSkipped { node } => self.end(*node, NodeStatus::Skipped, at),
            Event::NodeLeftOut { node } => {
                self.nodes[node.index()].left_out = true;
                self.end(*node, NodeStatus::Skipped, at);
            }
            Event::NodeExpanded { node, items } => {
                let state = &mut self.nodes[node.index()];
                state.status = NodeStatus::Running;
                state.started_at.get_or_insert(at);
                state.items = Some(vec![Track::default(); *items as usize].into());
            }
            Event::Item { node, item, step } => {
                if let Some(items) = &mut self.nodes[node.index()].items {
                    items[*item as usize].apply(step);
                }
            }
            Event::Undo { node, step } => self.nodes[node.index()].undo.get_or_insert_default().apply(step),
            Event::NodeCancelled { node } => self.end(*node, NodeStatus::Cancelled, at),
            Event::CancelRequested { reason } => self.cancelling = Some(*reason),
            Event::RunEnded { status } => {
                self.status = *status;
                self.ended_at = Some(at);
            }
            Event::RunParked { reason } => {
                self.status = Status::Parked;
                self.parked = Some(reason.clone());
            }
            Event::RunResumed => self.resume(shape, at),
            Event::Notification { number, step } => self.outbox.apply(at, *number, step),
        }
        Ok(())
    }

    /// Whether `event` can happen now.
    fn allows(&self, shape: &Shape, event: &Event) -> bool {
        let running = self.status == Status::Running;
        match event {
            Event::NodeStarted { node, attempt } => {
                running
                    && self.cancelling.is_none()
                    && self.node(*node).is_some_and(|state| match state.status {
                        NodeStatus::Pending => *attempt == 1 && self.has_its_needs(shape, *node),
                        NodeStatus::Retrying => *attempt == state.attempt + 1,
                        // The process died during this attempt; it is made again.
                        NodeStatus::Running => *attempt == state.attempt && state.items.is_none(),
                        _ => false,
                    })
            }
            Event::NodeWaiting { node, .. }
            | Event::NodeLeftOut { node }
            | Event::NodeExpanded { node, .. } => {
                running
                    && self.cancelling.is_none()
                    && self.is(*node, NodeStatus::Pending)
                    && self.has_its_needs(shape, *node)
            }
            Event::Item { node, item, step } => {
                let track = self.items(*node).and_then(|items| items.get(*item as usize));
                running
                    && self.cancelling.is_none()
                    && self.is(*node, NodeStatus::Running)
                    && track.is_some_and(|track| track.allows(step))
            }
            Event::Undo { node, step } => {
                running
                    && self.next_undo(shape) == Some(*node)
                    && match &self.nodes[node.index()].undo {
                        Some(track) => track.allows(step),
                        None => Track::default().allows(step),
                    }
            }
            Event::NodeCompleted { node, attempt: 0, .. } => {
                let all_done =
                    |items: &[Track]| items.iter().all(|item| item.status == NodeStatus::Completed);
                running
                    && (self.is(*node, NodeStatus::Waiting)
                        || self.is(*node, NodeStatus::Running) && self.items(*node).is_some_and(all_done))
            }
            Event::NodeFailed { node, attempt: 0, .. } => {
                let failed = |items: &[Track]| {
                    items.iter().any(|item| item.status == NodeStatus::Failed)
                        && items.iter().all(|item| item.status != NodeStatus::Running)
                };
                running && self.is(*node, NodeStatus::Running) && self.items(*node).is_some_and(failed)
            }
            Event::NodeCompleted { node, attempt, .. }
            | Event::NodeRetrying { node, attempt, .. }
            | Event::NodeFailed { node, attempt, .. } => {
                running
                    && self.is(*node, NodeStatus::Running)
                    && self.items(*node).is_none()
                    && self.nodes[node.index()].attempt == *attempt
            }
            Event::NodeSkipped { node } => {
                running
                    && self.is(*node, NodeStatus::Pending)
                    && shape.needs(*node).iter().any(|need| self.blocks(shape, *need))
            }
            Event::NodeCancelled { node } => {
                running
                    && self.cancelling.is_some()
                    && self.node(*node).is_some_and(|state| !state.status.is_end())
            }
            Event::CancelRequested { .. } => !self.status.is_end() && self.cancelling.is_none(),
            Event::RunEnded { status } => running && self.conclusion(shape) == Some(*status),
            Event::RunParked { .. } => running,
            Event::RunResumed => !matches!(self.status, Status::Running | Status::Completed),
            Event::Notification { number, step } => self.outbox.allows(*number, step),
        }
    }

    /// How the run ends, once every node has, and what must be undone is.
    pub fn conclusion(&self, shape: &Shape) -> Option<Status> {
        match self.result(shape)? {
            Status::Failed if self.next_to_undo(shape).is_some() => None,
            status => Some(status),
        }
    }

    /// The node that is to be undone next, or is being undone: of those that completed and can be undone, the one that
    /// completed last. There is one only after every node has ended and the run can only fail.
    pub fn next_undo(&self, shape: &Shape) -> Option<NodeId> {
        self.next_to_undo(shape).filter(|_| self.result(shape) == Some(Status::Failed))
    }

    fn next_to_undo(&self, shape: &Shape) -> Option<NodeId> {
        let is_open = |node: &NodeId| {
            let state = &self.nodes[node.index()];
            state.status == NodeStatus::Completed
                && shape.compensates(*node)
                && state.undo.as_ref().is_none_or(|undo| !undo.status.is_end())
        };
        self.finished.iter().rev().copied().find(is_open)
    }

    /// What the nodes make of the run, once every one has ended.
    fn result(&self, shape: &Shape) -> Option<Status> {
        if self.open > 0 {
            return None;
        }
        let failed = |node| {
            self.is(node, NodeStatus::Failed) && !shape.continues(node)
                || self.is(node, NodeStatus::Skipped) && !self.nodes[node.index()].left_out
        };
        Some(match self.cancelling {
            Some(Reason::Requested) if self.any(NodeStatus::Cancelled) => Status::Cancelled,
            Some(Reason::DeadlinePassed) if self.any(NodeStatus::Cancelled) => Status::Failed,
            _ if shape.nodes().any(failed) => Status::Failed,
            _ => Status::Completed,
        })
    }

    /// Whether the nodes that `node` needs have all ended so that it may run.
    pub fn has_its_needs(&self, shape: &Shape, node: NodeId) -> bool {
        shape.needs(node).iter().all(|need| self.permits(shape, *need))
    }

    /// Whether `node` has ended so that its dependants may run.
    pub fn permits(&self, shape: &Shape, node: NodeId) -> bool {
        self.is(node, NodeStatus::Completed)
            || self.is(node, NodeStatus::Failed) && shape.continues(node)
            || self.nodes[node.index()].left_out
    }

    /// Whether `node` has ended so that its dependants cannot run.
    pub fn blocks(&self, shape: &Shape, node: NodeId) -> bool {
        self.nodes[node.index()].status.is_end() && !self.permits(shape, node)
    }

    /// Where the run stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why the run is being, or was, cancelled.
    pub fn cancelling(&self) -> Option<Reason> {
        self.cancelling
    }

    /// Why the run is parked.
    pub fn parked(&self) -> Option<&str> {
        self.parked.as_deref()
    }

    /// When the run, or its latest resumption by an operator, began.
    pub fn began_at(&self) -> Timestamp {
        self.began_at
    }

    /// When the run ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Where every node stands.
    pub fn nodes(&self) -> &[NodeState] {
        &self.nodes
    }

    /// The nodes that completed or failed, in that order.
    pub fn finished(&self) -> &[NodeId] {
        &self.finished
    }

    /// The run's notifications.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What a node returned.
    pub fn output(&self, node: NodeId) -> Option<&Json> {
        self.nodes[node.index()].output.as_ref()
    }

    /// The instances of a node, once its list is known.
    pub fn items(&self, node: NodeId) -> Option<&[Track]> {
        self.node(node)?.items.as_deref()
    }

    fn node(&self, node: NodeId) -> Option<&NodeState> {
        self.nodes.get(node.index())
    }

    fn is(&self, node: NodeId, status: NodeStatus) -> bool {
        self.node(node).is_some_and(|state| state.status == status)
    }

    fn any(&self, status: NodeStatus) -> bool {
        self.nodes.iter().any(|state| state.status == status)
    }

    fn end(&mut self, node: NodeId, status: NodeStatus, at: Timestamp) {
        let state = &mut self.nodes[node.index()];
        state.status = status;
        state.ended_at = Some(at);
        state.until = None;
        self.open -= 1;
    }

    /// Puts back what did not complete, and what was undone with all that came of it. A parked run's attempts under way
    /// stay so: they are made again like after a crash.
    fn resume(&mut self, shape: &Shape, at: Timestamp) {
        if self.status.is_end() {
            let undone = shape.nodes().filter(|node| self.nodes[node.index()].undo.is_some());
            let again = shape.with_descendants(undone.collect());
            let stays =
                shape.nodes().map(|node| self.is(node, NodeStatus::Completed) && !again.contains(&node));
            let stays = stays.collect::<Vec<_>>();
            for node in shape.nodes().filter(|node| !stays[node.index()]) {
                let state = &mut self.nodes[node.index()];
                self.open += usize::from(state.status.is_end());
                if shape.needs(node).iter().all(|need| stays[need.index()]) {
                    state.put_back();
                } else {
                    *state = NodeState::default();
                }
            }
            let nodes = &self.nodes;
            self.finished.retain(|node| nodes[node.index()].status == NodeStatus::Completed);
        }
        self.status = Status::Running;
        self.cancelling = None;
        self.parked = None;
        self.ended_at = None;
        self.began_at = at;
    }

    fn illegal(&self, event: &Event) -> Illegal {
        let node = match event {
            Event::NodeStarted { node, .. }
            | Event::NodeWaiting { node, .. }
            | Event::NodeRetrying { node, .. }
            | Event::NodeCompleted { node, .. }
            | Event::NodeFailed { node, .. }
            | Event::NodeSkipped { node }
            | Event::NodeLeftOut { node }
            | Event::NodeExpanded { node, .. }
            | Event::Item { node, .. }
            | Event::Undo { node, .. }
            | Event::NodeCancelled { node } => Some(*node),
            _ => None,
        };
        let state = match node {
            Some(node) => match self.node(node) {
                Some(state) => format!("node {} ({:?}, attempt {})", node.0, state.status, state.attempt),
                None => format!("node {}, which does not exist", node.0),
            },
            None => format!("a run that is {:?} with {} open nodes", self.status, self.open),
        };
        let event = format!("{event:?}");
        let name = event.split([' ', '{']).next().unwrap_or_default().to_owned();
        Illegal { event: name, state }
    }
}
