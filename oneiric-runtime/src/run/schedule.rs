//! Given where a run stands, what comes next: which nodes are ready, in which order, and what a failure means for the
//! others. Pure; it starts nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{NodeId, NodeStatus, Shape, State};

/// The nodes that are ready, the one with the longest path still before it first.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// How many of its needs each node still waits for.
    missing: Vec<u32>,
    ready: BinaryHeap<(u64, Reverse<NodeId>)>,
}

impl Schedule {
    /// The schedule of a run that stands at `state`, at its beginning or after a restart.
    pub(crate) fn new(shape: &Shape, ranks: &[u64], state: &State) -> Self {
        let mut schedule = Self { missing: vec![0; shape.len()], ready: BinaryHeap::new() };
        for node in shape.nodes() {
            let missing = shape.needs(node).iter().filter(|need| !state.permits(shape, **need)).count();
            schedule.missing[node.index()] = u32::try_from(missing).unwrap_or(u32::MAX);
            if missing == 0 && state.nodes()[node.index()].status == NodeStatus::Pending {
                schedule.make_ready(ranks, node);
            }
        }
        schedule
    }

    /// Takes note that `node` has ended so that its dependants may run, and that this is on disk.
    pub(crate) fn settle(&mut self, shape: &Shape, ranks: &[u64], node: NodeId) {
        for dependant in shape.dependants(node) {
            let missing = &mut self.missing[dependant.index()];
            *missing -= 1;
            if *missing == 0 {
                self.make_ready(ranks, *dependant);
            }
        }
    }

    /// Takes the next node to begin.
    pub(crate) fn next(&mut self) -> Option<NodeId> {
        self.ready.pop().map(|(_, Reverse(node))| node)
    }

    /// The node that [`next`](Self::next) would take.
    pub(crate) fn peek(&self) -> Option<NodeId> {
        self.ready.peek().map(|(_, Reverse(node))| *node)
    }

    /// Makes `node` ready, or ready again.
    pub(crate) fn make_ready(&mut self, ranks: &[u64], node: NodeId) {
        self.ready.push((ranks[node.index()], Reverse(node)));
    }
}

/// The pending nodes that cannot run any more because `node` ended without permitting it, in topological order.
pub(crate) fn doomed(shape: &Shape, state: &State, node: NodeId) -> Vec<NodeId> {
    let mut doomed = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut next = vec![node];
    while let Some(node) = next.pop() {
        for &dependant in shape.dependants(node) {
            if state.nodes()[dependant.index()].status == NodeStatus::Pending && seen.insert(dependant) {
                doomed.push(dependant);
                next.push(dependant);
            }
        }
    }
    doomed.sort_unstable();
    doomed
}

/// For each node the length of the longest path from its beginning to the end of the run, in milliseconds. A `wait` is
/// as long as it says; anything else, whose length nobody knows, counts as a second.
///
/// This is the critical-path priority of list scheduling (Graham 1969; "highest level first").
pub(crate) fn ranks(shape: &Shape, wait: impl Fn(NodeId) -> Option<Duration>) -> Vec<u64> {
    const UNKNOWN: u64 = 1000;
    let mut ranks = vec![0_u64; shape.len()];
    for node in shape.nodes().rev() {
        let own = wait(node).map_or(UNKNOWN, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let after = shape.dependants(node).iter().map(|after| ranks[after.index()]).max().unwrap_or(0);
        ranks[node.index()] = own.saturating_add(after);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn diamond() -> Shape {
        let ids = |list: &[u32]| list.iter().copied().map(NodeId).collect::<Vec<_>>();
        Shape::new([(ids(&[]), false), (ids(&[]), false), (ids(&[1]), false), (ids(&[0, 2]), false)])
    }

    #[test]
    fn the_longest_remaining_path_goes_first() {
        let shape = diamond();
        let ranks = ranks(&shape, |_| None);
        assert_eq!(ranks, [2000, 3000, 2000, 1000]);
        let state = State::new(4, Timestamp(0));
        let mut schedule = Schedule::new(&shape, &ranks, &state);
        assert_eq!(schedule.next(), Some(NodeId(1)));
        assert_eq!(schedule.next(), Some(NodeId(0)));
        assert_eq!(schedule.next(), None);
        schedule.settle(&shape, &ranks, NodeId(1));
        assert_eq!(schedule.next(), Some(NodeId(2)));
    }

    #[test]
    fn all_descendants_of_a_failure_are_doomed() {
        let shape = diamond();
        let state = State::new(4, Timestamp(0));
        assert_eq!(doomed(&shape, &state, NodeId(1)), [NodeId(2), NodeId(3)]);
        assert_eq!(doomed(&shape, &state, NodeId(0)), [NodeId(3)]);
    }
}
