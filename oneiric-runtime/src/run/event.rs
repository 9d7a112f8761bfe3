//! What can happen to a run. The log of these is the truth; everything else is folded from it.

use serde::{Deserialize, Serialize};

use super::NotificationStep;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task;

/// Index of a node in its workflow, in the order the workflow declares them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The place in a list that has one element a node.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// One thing that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An attempt at a node began. Told to the store without waiting: after a crash the node is begun again, with the
    /// same idempotency key, whether or not this was kept.
    NodeStarted {
        /// Which.
        node: NodeId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A `wait` node began; its timer fires at `until`, also after a restart.
    NodeWaiting {
        /// Which.
        node: NodeId,
        /// When it ends.
        until: Timestamp,
    },
    /// An attempt failed and another is to come.
    NodeRetrying {
        /// Which.
        node: NodeId,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: task::Error,
        /// When the next attempt begins.
        until: Timestamp,
    },
    /// The node is done.
    NodeCompleted {
        /// Which.
        node: NodeId,
        /// The attempt that succeeded; 0 for a `wait`.
        attempt: u32,
        /// What it returned.
        output: Json,
    },
    /// The last attempt failed.
    NodeFailed {
        /// Which.
        node: NodeId,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: task::Error,
    },
    /// The node will not run, because one that it needs did not complete.
    NodeSkipped {
        /// Which.
        node: NodeId,
    },
    /// The node will not run, because its own condition does not hold. Its dependants run without its output.
    NodeLeftOut {
        /// Which.
        node: NodeId,
    },
    /// The node's list is known: it has an instance for each element.
    NodeExpanded {
        /// Which.
        node: NodeId,
        /// How many there are.
        items: u32,
    },
    /// Something happened to an instance of a node.
    Item {
        /// Which node.
        node: NodeId,
        /// Which element of its list, from 0.
        item: u32,
        /// What.
        step: Step,
    },
    /// Something happened to the undoing of a node that had completed before the run failed.
    Undo {
        /// Which.
        node: NodeId,
        /// What.
        step: Step,
    },
    /// The node was stopped, or was not begun, because the run is being cancelled.
    NodeCancelled {
        /// Which.
        node: NodeId,
    },
    /// Somebody, or the run's deadline, wants the run to end.
    CancelRequested {
        /// Why.
        reason: Reason,
    },
    /// Nothing of the run is left to do.
    RunEnded {
        /// How it ended.
        status: Status,
    },
    /// The run does not go on until an operator says so.
    RunParked {
        /// Why, for people.
        reason: String,
    },
    /// An operator let an ended or parked run go on: what did not complete is to be done again.
    RunResumed,
    /// Something happened to a notification, which stands apart from all that happens to nodes.
    Notification {
        /// Which, from 0.
        number: u32,
        /// What.
        step: NotificationStep,
    },
}

/// What can happen to work that is attempted until it succeeds or no attempt is left.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An attempt began.
    Started {
        /// Which, from 1.
        attempt: u32,
    },
    /// An attempt failed and another is to come.
    Retrying {
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: task::Error,
        /// When the next attempt begins.
        #[serde(with = "crate::clock::micros")]
        until: Timestamp,
    },
    /// It is done.
    Completed {
        /// The attempt that succeeded.
        attempt: u32,
        /// What it returned.
        output: Json,
    },
    /// The last attempt failed.
    Failed {
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: task::Error,
    },
}

/// Which work of a node.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// Its own.
    Node,
    /// That of the instance for this element of its list, from 0.
    Item(u32),
    /// The undoing of it.
    Undo,
}

/// Why a run is being cancelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// By request.
    Requested,
    /// The workflow's `timeout` passed.
    DeadlinePassed,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Under way, or waiting to go on after a restart.
    Running,
    /// Waits for an operator.
    Parked,
    /// Every node that had to complete did.
    Completed,
    /// A node failed, or the deadline passed.
    Failed,
    /// Cancelled by request.
    Cancelled,
}

impl Status {
    /// Every status, in the order in which a run may come to them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Running, Self::Parked, Self::Completed, Self::Failed, Self::Cancelled];

    /// Its name, as it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}
