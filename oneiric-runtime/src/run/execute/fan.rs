//! A node with an instance for each element of a list: which instances are begun, and how they make up the node's end.

use std::collections::VecDeque;
use std::task::Context;

use super::work::Work;
use super::{Due, Loop};
use crate::checkpoint::Urgency;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Event, NodeId, NodeStatus, Part};
use crate::task;
use crate::workflow::Each;

/// The instances of a node that has not ended.
pub(super) struct Fan {
    list: Vec<Json>,
    /// Those that can be begun, in order.
    ready: VecDeque<u32>,
    at_work: usize,
    max_parallel: usize,
    /// Whether the node stands among those that can be begun.
    is_queued: bool,
}

impl Fan {
    fn new(list: Vec<Json>, ready: VecDeque<u32>, each: &Each) -> Self {
        let max_parallel = each.max_parallel.unwrap_or(usize::MAX);
        Self { list, ready, at_work: 0, max_parallel, is_queued: true }
    }

    fn can_begin(&self) -> bool {
        !self.ready.is_empty() && self.at_work < self.max_parallel
    }
}

impl Loop {
    /// Begins the next instance of `node`, which is the first of those that are ready.
    pub(super) fn begin_item(&mut self, node: NodeId, each: &Each, cx: &mut Context<'_>) -> bool {
        if self.run.state.nodes()[node.index()].status.is_end() {
            // An instance failed while others could have begun.
            self.schedule.next();
            return true;
        }
        if !self.fans.contains_key(&node) {
            match each.list.read(&self.scope()) {
                Ok(list) => self.expand(node, list, each),
                Err(error) => return self.fail_unbegun(node, error),
            }
        }
        let Some(fan) = self.fans.get_mut(&node) else { return false };
        if !fan.can_begin() {
            fan.is_queued = false;
            self.schedule.next();
            self.settle_fan(node);
            return true;
        }
        let Some(slot) = self.place(cx) else { return false };
        let Some(item) = self.fans.get_mut(&node).and_then(|fan| {
            fan.at_work += 1;
            fan.ready.pop_front()
        }) else {
            return false;
        };
        self.begin_step(Work { node, part: Part::Item(item) }, slot, cx);
        true
    }

    fn expand(&mut self, node: NodeId, list: Vec<Json>, each: &Each) {
        let items = u32::try_from(list.len()).unwrap_or(u32::MAX);
        self.record(Timestamp::now(), Event::NodeExpanded { node, items }, Urgency::Soon);
        self.fans.insert(node, Fan::new(list, (0..items).collect(), each));
    }

    /// Takes up the instances of a node that were not done when the process before this one ended.
    pub(super) fn pick_up_fan(&mut self, node: NodeId) {
        let workflow = std::sync::Arc::clone(&self.run.workflow);
        let Some(each) = &workflow.node(node).each else { return };
        // The list is made of what is on disk, so it is what it was. Were it not, instances would say what they lack.
        let list = each.list.read(&self.scope()).unwrap_or_default();
        let mut ready = VecDeque::new();
        for (item, track) in (0..).zip(self.run.state.items(node).unwrap_or_default()) {
            match (track.status, track.until) {
                (NodeStatus::Pending | NodeStatus::Running, _) => ready.push_back(item),
                (NodeStatus::Retrying, Some(until)) => {
                    self.timers.push(Due(std::cmp::Reverse(until), Work { node, part: Part::Item(item) }));
                }
                _ => {}
            }
        }
        self.fans.insert(node, Fan::new(list, ready, each));
        self.schedule.make_ready(&workflow.ranks, node);
    }

    /// The element that an instance is for.
    pub(super) fn item(&self, work: Work) -> Option<Json> {
        let Part::Item(item) = work.part else { return None };
        self.fans.get(&work.node)?.list.get(item as usize).cloned()
    }

    /// Lets an instance begin whose next attempt is due.
    pub(super) fn item_is_due(&mut self, node: NodeId, item: u32) {
        if let Some(fan) = self.fans.get_mut(&node) {
            fan.ready.push_back(item);
        }
        self.queue(node);
    }

    /// Takes in that an attempt at an instance of `node` has ended.
    pub(super) fn take_in_item(&mut self, node: NodeId) {
        let items = self.run.state.items(node).unwrap_or_default();
        let has_failed = items.iter().any(|item| item.status == NodeStatus::Failed);
        if let Some(fan) = self.fans.get_mut(&node) {
            fan.at_work = fan.at_work.saturating_sub(1);
            if has_failed {
                fan.ready.clear();
            }
        }
        self.queue(node);
        self.settle_fan(node);
    }

    fn queue(&mut self, node: NodeId) {
        if let Some(fan) = self.fans.get_mut(&node)
            && fan.can_begin()
            && !fan.is_queued
        {
            fan.is_queued = true;
            self.schedule.make_ready(&self.run.workflow.ranks, node);
        }
    }

    /// Ends the node if its instances have made up its end. Where one has failed, the others that are at work are waited
    /// for and no more are begun.
    fn settle_fan(&mut self, node: NodeId) {
        let items = self.run.state.items(node).unwrap_or_default();
        if self.fans.get(&node).is_none_or(|fan| fan.at_work > 0) {
            return;
        }
        let now = Timestamp::now();
        let failed = items.iter().position(|item| item.status == NodeStatus::Failed);
        if let Some(index) = failed {
            let error = items[index].error.as_deref();
            let kind = error.map_or(task::Kind::Permanent, task::Error::kind);
            let message = error.map(ToString::to_string).unwrap_or_default();
            self.forget_fan(node);
            self.fail(
                node,
                0,
                now,
                task::Error::new(kind, format!("element {index} of its list: {message}")),
            );
        } else if items.iter().all(|item| item.status == NodeStatus::Completed) {
            let outputs = items.iter().filter_map(|item| item.output.as_ref()).map(Json::text);
            let output = Json::trusted(format!("[{}]", outputs.collect::<Vec<_>>().join(",")));
            self.forget_fan(node);
            self.record(now, Event::NodeCompleted { node, attempt: 0, output }, Urgency::Now);
        }
        self.conclude();
    }

    /// Lets go of what is known of the instances of a node that ends.
    fn forget_fan(&mut self, node: NodeId) {
        self.fans.remove(&node);
    }
}
