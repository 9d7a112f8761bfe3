//! A run as it is shown to people and programs.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    Illegal, NodeId, NodeState, NodeStatus, NotificationStatus, Outgoing, Outline, Reason, State, Status,
    Track,
};
use crate::checkpoint::{Record, Run};
use crate::clock::Timestamp;
use crate::json::Json;

/// Where a run and each of its nodes stand.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's id.
    pub run_id: String,
    /// Its workflow.
    pub workflow: String,
    /// Where it stands.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it waits for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
    /// Its input.
    pub input: Json,
    /// What its caller wants to be told again.
    #[serde(skip)]
    pub labels: Json,
    /// Its nodes, in topological order.
    pub nodes: Vec<NodeReport>,
    /// Its notifications, in the order in which they became due.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<NotificationReport>,
    /// The nodes that completed or failed, in that order, as indices into `nodes`.
    #[serde(skip)]
    pub finished: Vec<usize>,
}

/// Where a node stands.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub node: String,
    /// What it is doing, or how it ended.
    pub status: NodeStatus,
    /// Attempts so far; 0 for a `wait`.
    pub attempts: u32,
    /// When its first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When its timer, or its next attempt, is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why its latest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its instances, in the order of its list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<TrackReport>,
    /// How far it is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensation: Option<TrackReport>,
}

/// Where an instance of a node stands, or the undoing of a node.
#[derive(Clone, Debug, Serialize)]
pub struct TrackReport {
    /// What it is doing, or how it ended.
    pub status: NodeStatus,
    /// Attempts so far.
    pub attempts: u32,
    /// When its next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why its latest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where a notification stands.
#[derive(Clone, Debug, Serialize)]
pub struct NotificationReport {
    /// The adapter that sends it.
    pub adapter: String,
    /// Where it goes; the adapter's default where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Its title.
    pub title: String,
    /// How far it is.
    pub status: NotificationStatus,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When it became due.
    pub due_at: Timestamp,
    /// When the next attempt is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When it was sent or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Why the latest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// The report of a run read from a store.
    ///
    /// # Errors
    /// When its log is damaged.
    pub fn of_record(record: &Record, outline: &Outline) -> Result<Self, Illegal> {
        let state = State::replay(&outline.shape, record.run.created_at, &record.log)?;
        Ok(Self::new(&record.run, outline.names.iter().map(String::as_str), &state))
    }

    /// The report of a run that stands at `state`.
    pub(crate) fn new<'a>(run: &Run, names: impl Iterator<Item = &'a str>, state: &State) -> Self {
        let nodes =
            names.zip(state.nodes()).map(|(name, node)| NodeReport::new(name, node)).collect::<Vec<_>>();
        Self {
            run_id: run.run_id.clone(),
            workflow: run.workflow.clone(),
            status: state.status(),
            created_at: run.created_at,
            ended_at: state.ended_at(),
            error: reason(state, |node| nodes[node.index()].node.as_str()),
            parked: state.parked().map(str::to_owned),
            input: run.input.clone(),
            labels: run.labels.clone(),
            notifications: state.outbox().iter().map(NotificationReport::new).collect(),
            finished: state.finished().iter().map(|node| node.index()).collect(),
            nodes,
        }
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.node == name)
    }

    /// What the node of this name returned, if it has completed and returned a `T`.
    pub fn output<T: DeserializeOwned>(&self, node: &str) -> Option<T> {
        self.node(node)?.output.as_ref()?.parse().ok()
    }

    /// The nodes that completed or failed, in that order.
    pub fn in_order(&self) -> impl Iterator<Item = &NodeReport> {
        self.finished.iter().filter_map(|index| self.nodes.get(*index))
    }
}

impl NodeReport {
    fn new(name: &str, state: &NodeState) -> Self {
        Self {
            node: name.to_owned(),
            status: state.status,
            attempts: state.attempt,
            started_at: state.started_at,
            ended_at: state.ended_at,
            until: state.until,
            output: state.output.clone(),
            error: state.error.as_ref().map(ToString::to_string),
            items: state.items.iter().flatten().map(TrackReport::new).collect(),
            compensation: state.undo.as_deref().map(TrackReport::new),
        }
    }
}

impl TrackReport {
    fn new(track: &Track) -> Self {
        Self {
            status: track.status,
            attempts: track.attempt,
            until: track.until,
            error: track.error.as_ref().map(ToString::to_string),
        }
    }
}

impl NotificationReport {
    fn new(outgoing: &Outgoing) -> Self {
        let notification = &outgoing.due.notification;
        Self {
            adapter: outgoing.due.adapter.clone(),
            channel: notification.channel.clone(),
            title: notification.title.clone(),
            status: outgoing.status,
            attempts: outgoing.attempts,
            due_at: outgoing.due_at,
            until: outgoing.until,
            settled_at: outgoing.settled_at,
            error: outgoing.error.clone(),
        }
    }
}

/// Why a run that has ended did not complete.
pub(crate) fn reason<'a>(state: &State, name: impl Fn(NodeId) -> &'a str) -> Option<String> {
    match (state.status(), state.cancelling()) {
        (Status::Cancelled, _) => Some("cancelled by request".to_owned()),
        (Status::Failed, Some(Reason::DeadlinePassed)) => {
            Some("the run took longer than its workflow's `timeout`".to_owned())
        }
        (Status::Failed, _) => {
            let is_failed = |node: &&NodeId| state.nodes()[node.index()].status == NodeStatus::Failed;
            let first = *state.finished().iter().find(is_failed)?;
            let (name, failed) = (name(first), &state.nodes()[first.index()]);
            let error = failed.error.as_ref().map(ToString::to_string).unwrap_or_default();
            Some(format!("node `{name}` failed after {} attempt(s): {error}", failed.attempt))
        }
        _ => None,
    }
}
