//! Nodes that wait for each other: which they are, and the shortest way round.
//!
//! Nodes are indices and edges what leads from one to another, so that workflows that run each other are found the same way
//! as nodes. What is said about them is for `rules`.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::index::Edge;

/// How many edges are followed in search of the shortest cycle of one tangle, before the best one found will do.
const BUDGET: usize = 2_000_000;

/// The strongly connected components of more than one node, each in the manifest's order, in the manifest's order.
pub(crate) fn tangles(needs: &[Vec<Edge>]) -> Vec<Vec<usize>> {
    let edges = needs.iter().map(Vec::len).sum();
    let mut bare = DiGraph::<(), ()>::with_capacity(needs.len(), edges);
    for _ in needs {
        bare.add_node(());
    }
    for (node, needs) in needs.iter().enumerate() {
        for edge in needs {
            bare.add_edge(NodeIndex::new(node), NodeIndex::new(edge.to), ());
        }
    }
    let mut tangles: Vec<Vec<usize>> = kosaraju_scc(&bare)
        .into_iter()
        .filter(|component| component.len() > 1)
        .map(|component| {
            let mut nodes: Vec<usize> = component.into_iter().map(NodeIndex::index).collect();
            nodes.sort_unstable();
            nodes
        })
        .collect();
    tangles.sort_unstable();
    tangles
}

/// A cycle: each node with the edge to the next one, from the node that the manifest has first.
pub(crate) struct Cycle<'g> {
    pub(crate) edges: Vec<(usize, &'g Edge)>,
    /// Whether there is certainly no shorter one among the same nodes.
    pub(crate) is_shortest: bool,
}

/// The shortest cycle in a tangle, as far as the search went.
pub(crate) fn shortest<'g>(needs: &'g [Vec<Edge>], tangle: &[usize]) -> Cycle<'g> {
    let mut inside = vec![false; needs.len()];
    for &node in tangle {
        inside[node] = true;
    }
    let edges: usize = tangle.iter().map(|&node| needs[node].len()).sum();
    // A bare loop has one cycle, which the first search finds.
    let starts = if edges == tangle.len() { &tangle[..1] } else { tangle };

    let mut search = Search { needs, inside, came_by: vec![None; needs.len()], left: BUDGET };
    let mut best: Option<Vec<(usize, &Edge)>> = None;
    for &start in starts {
        let limit = best.as_ref().map_or(usize::MAX, Vec::len);
        if limit == 2 || best.is_some() && search.left == 0 {
            break;
        }
        best = search.back_to(start, limit).or(best);
    }
    let mut edges = best.unwrap_or_default();
    if let Some(first) = (0..edges.len()).min_by_key(|&position| edges[position].0) {
        edges.rotate_left(first);
    }
    Cycle { is_shortest: edges.len() == 2 || search.left > 0, edges }
}

/// Breadth-first searches in one tangle.
struct Search<'g> {
    needs: &'g [Vec<Edge>],
    inside: Vec<bool>,
    /// The search that reached each node last, and the node and edge it came by.
    came_by: Vec<Option<(usize, usize, &'g Edge)>>,
    left: usize,
}

impl<'g> Search<'g> {
    /// The shortest way from `start` back to it, if it is shorter than `limit`. The first search of all is always finished.
    fn back_to(&mut self, start: usize, limit: usize) -> Option<Vec<(usize, &'g Edge)>> {
        let mut queue = VecDeque::from([(start, 1)]);
        while let Some((node, length)) = queue.pop_front() {
            if length >= limit {
                return None;
            }
            for edge in &self.needs[node] {
                self.left = self.left.saturating_sub(1);
                if self.left == 0 && limit != usize::MAX {
                    return None;
                }
                // A node that waits for itself is another rule's business.
                if edge.to == node || !self.inside[edge.to] {
                    continue;
                }
                if edge.to == start {
                    return Some(self.way(start, node, edge));
                }
                if self.came_by[edge.to].is_none_or(|(search, ..)| search != start) {
                    self.came_by[edge.to] = Some((start, node, edge));
                    queue.push_back((edge.to, length + 1));
                }
            }
        }
        None
    }

    fn way(&self, start: usize, mut node: usize, last: &'g Edge) -> Vec<(usize, &'g Edge)> {
        let mut way = vec![(node, last)];
        while node != start
            && let Some((_, from, edge)) = self.came_by[node]
        {
            way.push((from, edge));
            node = from;
        }
        way.reverse();
        way
    }
}
