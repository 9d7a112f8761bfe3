//! Where work stands that is attempted until it succeeds or no attempt is left: an instance of a node, or the undoing of one.

use super::NodeStatus;
use super::event::Step;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task;

/// Where it stands. Of the statuses of a node it has those from pending to completed and failed, but for waiting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// What it is doing, or how it ended.
    pub status: NodeStatus,
    /// The latest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// When its next attempt is due.
    pub until: Option<Timestamp>,
    /// What it returned.
    pub output: Option<Json>,
    /// Why its latest attempt failed.
    pub error: Option<Box<task::Error>>,
}

impl Track {
    /// Whether `step` can happen now.
    pub(super) fn allows(&self, step: &Step) -> bool {
        match step {
            Step::Started { attempt } => match self.status {
                NodeStatus::Pending => *attempt == 1,
                NodeStatus::Retrying => *attempt == self.attempt + 1,
                // The process died during this attempt; it is made again.
                NodeStatus::Running => *attempt == self.attempt,
                _ => false,
            },
            Step::Retrying { attempt, .. }
            | Step::Completed { attempt, .. }
            | Step::Failed { attempt, .. } => self.status == NodeStatus::Running && self.attempt == *attempt,
        }
    }

    /// Takes a step into account that can happen now.
    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::Started { attempt } => {
                self.status = NodeStatus::Running;
                self.attempt = *attempt;
                self.until = None;
            }
            Step::Retrying { error, until, .. } => {
                self.status = NodeStatus::Retrying;
                self.error = Some(Box::new(error.clone()));
                self.until = Some(*until);
            }
            Step::Completed { output, .. } => {
                self.status = NodeStatus::Completed;
                self.output = Some(output.clone());
                self.error = None;
            }
            Step::Failed { error, .. } => {
                self.status = NodeStatus::Failed;
                self.error = Some(Box::new(error.clone()));
            }
        }
    }

    /// Which attempt is made next, or again.
    pub(crate) fn next_attempt(&self) -> u32 {
        if self.status == NodeStatus::Running { self.attempt } else { self.attempt + 1 }
    }
}
