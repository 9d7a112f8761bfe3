//! Undoing: when a run can only fail, the nodes that completed and can be undone are undone, the last one first.

use std::task::Context;

use super::Loop;
use super::work::Work;
use crate::clock::Timestamp;
use crate::run::{NodeStatus, Part};

impl Loop {
    /// Begins to undo the next node, if it is time: when everything that happened is on disk, so that no crash can let a
    /// node run whose failure is being made good.
    pub(super) fn begin_undo(&mut self, cx: &mut Context<'_>) -> bool {
        let is_quiet = self.running.is_empty() && self.writing.is_empty() && self.fresh.is_empty();
        if self.draining || !is_quiet {
            return false;
        }
        let Some(node) = self.run.state.next_undo(&self.run.workflow.shape) else { return false };
        let undo = self.run.state.nodes()[node.index()].undo.as_ref();
        let is_early = undo.is_some_and(|undo| {
            undo.status == NodeStatus::Retrying && undo.until.is_some_and(|until| until > Timestamp::now())
        });
        if is_early {
            return false;
        }
        let Some(slot) = self.take_slot(cx) else { return false };
        let name = self.run.workflow.node(node).name;
        tracing::info!(
            workflow = self.run.names.workflow,
            run_id = self.run.names.run_id,
            node = name,
            "node-undoing"
        );
        self.begin_step(Work { node, part: Part::Undo }, slot, cx);
        true
    }
}
