//! Whose attempt something is: a node's own, that of an instance of it, or of its undoing.

use crate::run::{Event, NodeId, Part, Step};

/// Work that is attempted until it succeeds or no attempt is left.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::run) struct Work {
    pub(in crate::run) node: NodeId,
    pub(in crate::run) part: Part,
}

impl Work {
    /// A node's own.
    pub(in crate::run) fn node(node: NodeId) -> Self {
        Self { node, part: Part::Node }
    }

    /// The event that `step` is in the run's log.
    pub(in crate::run) fn event(self, step: Step) -> Event {
        let node = self.node;
        match (self.part, step) {
            (Part::Item(item), step) => Event::Item { node, item, step },
            (Part::Undo, step) => Event::Undo { node, step },
            (Part::Node, Step::Started { attempt }) => Event::NodeStarted { node, attempt },
            (Part::Node, Step::Retrying { attempt, error, until }) => {
                Event::NodeRetrying { node, attempt, error, until }
            }
            (Part::Node, Step::Completed { attempt, output }) => {
                Event::NodeCompleted { node, attempt, output }
            }
            (Part::Node, Step::Failed { attempt, error }) => Event::NodeFailed { node, attempt, error },
        }
    }
}
