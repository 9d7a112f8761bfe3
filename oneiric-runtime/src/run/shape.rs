//! The shape of a workflow's graph, without what its nodes do: all that the state of a run depends on.

use super::NodeId;

/// Nodes and edges. Nodes are in topological order: each needs only nodes of smaller index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    needs: Edges,
    dependants: Edges,
    continues: Vec<bool>,
    /// Nodes that are undone when the run fails.
    compensates: std::collections::HashSet<NodeId>,
}

impl Shape {
    /// The shape of nodes that need these nodes each, and that let the run go on after a failure or not.
    ///
    /// # Panics
    /// When a node needs itself or one after it: whoever builds a workflow declares what is needed first.
    pub fn new(nodes: impl IntoIterator<Item = (Vec<NodeId>, bool)>) -> Self {
        let mut needs = Edges::default();
        let mut continues = Vec::new();
        for (index, (of_node, goes_on)) in nodes.into_iter().enumerate() {
            assert!(of_node.iter().all(|need| need.index() < index), "node {index} needs a later node");
            needs.push(&of_node);
            continues.push(goes_on);
        }
        let dependants = needs.reversed();
        Self { needs, dependants, continues, compensates: std::collections::HashSet::new() }
    }

    /// The same, with these nodes being undone when the run fails after they have completed.
    #[must_use]
    pub fn compensating(mut self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        self.compensates = nodes.into_iter().collect();
        self
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.continues.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.continues.is_empty()
    }

    /// Every node, in topological order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// The nodes that `node` needs.
    pub fn needs(&self, node: NodeId) -> &[NodeId] {
        self.needs.of(node)
    }

    /// The nodes that need `node`.
    pub fn dependants(&self, node: NodeId) -> &[NodeId] {
        self.dependants.of(node)
    }

    /// Whether a failure of `node` lets its dependants run.
    pub fn continues(&self, node: NodeId) -> bool {
        self.continues[node.index()]
    }

    /// Whether `node` is undone when the run fails after it has completed.
    pub fn compensates(&self, node: NodeId) -> bool {
        self.compensates.contains(&node)
    }

    /// `nodes` and everything that needs one of them, directly or not.
    pub(super) fn with_descendants(&self, nodes: Vec<NodeId>) -> std::collections::HashSet<NodeId> {
        let mut found = nodes.iter().copied().collect::<std::collections::HashSet<_>>();
        let mut next = nodes;
        while let Some(node) = next.pop() {
            next.extend(self.dependants(node).iter().filter(|dependant| found.insert(**dependant)));
        }
        found
    }
}

/// Lists of nodes, one a node, in two allocations.
#[derive(Clone, Debug, Default, PartialEq)]
struct Edges {
    ends: Vec<u32>,
    flat: Vec<NodeId>,
}

impl Edges {
    fn push(&mut self, of_node: &[NodeId]) {
        self.flat.extend_from_slice(of_node);
        self.ends.push(u32::try_from(self.flat.len()).expect("fewer than 2^32 edges"));
    }

    fn of(&self, node: NodeId) -> &[NodeId] {
        let start = node.index().checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.flat[start..self.ends[node.index()] as usize]
    }

    fn reversed(&self) -> Self {
        let count = self.ends.len();
        let mut ends = vec![0_u32; count];
        for to in &self.flat {
            ends[to.index()] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        // Filled from the back, each list's `cursor` runs from its end down to its start, so lists come out ascending.
        let mut cursor = ends.clone();
        let mut flat = vec![NodeId(0); self.flat.len()];
        for index in (0..count).rev() {
            let from = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            for to in self.of(from) {
                cursor[to.index()] -= 1;
                flat[cursor[to.index()] as usize] = from;
            }
        }
        Self { ends, flat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependants_are_the_needs_turned_round() {
        let ids = |list: &[u32]| list.iter().copied().map(NodeId).collect::<Vec<_>>();
        let shape =
            Shape::new([(ids(&[]), false), (ids(&[0]), false), (ids(&[0]), true), (ids(&[1, 2]), false)]);
        assert_eq!(shape.dependants(NodeId(0)), ids(&[1, 2]));
        assert_eq!(shape.dependants(NodeId(1)), ids(&[3]));
        assert_eq!(shape.dependants(NodeId(3)), ids(&[]));
        assert_eq!(shape.needs(NodeId(3)), ids(&[1, 2]));
        assert!(shape.continues(NodeId(2)));
    }
}
