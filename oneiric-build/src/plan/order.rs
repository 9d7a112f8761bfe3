//! The order in which the nodes of a workflow are written down and numbered.
//!
//! It decides nothing about a run: what starts when is for the runtime's scheduler.

use super::{Node, NodeId};

/// The nodes in topological order: the manifest's own order wherever it is one, and else each node right after what it
/// waits for. Linear in nodes and edges.
///
/// `to` says where an edge leads. Nodes on a cycle come out too, in some order; the rules have refused such a graph before anyone asks.
pub(super) fn topological<E>(needs: &[Vec<E>], to: impl Fn(&E) -> usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(needs.len());
    let mut seen = vec![false; needs.len()];
    // A node and how many of its needs have been visited. A list, not recursion: chains are as long as they like.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for node in 0..needs.len() {
        if !seen[node] {
            seen[node] = true;
            path.push((node, 0));
        }
        while let Some((node, visited)) = path.last_mut() {
            let Some(need) = needs[*node].get(*visited).map(&to) else {
                order.push(*node);
                path.pop();
                continue;
            };
            *visited += 1;
            if !seen[need] {
                seen[need] = true;
                path.push((need, 0));
            }
        }
    }
    order
}

/// Nodes that are in topological order, by the length of the longest way to them.
pub(super) fn levels(nodes: &[Node]) -> Vec<Vec<NodeId>> {
    let mut level_of: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut levels: Vec<Vec<NodeId>> = Vec::new();
    for (id, node) in (0..).map(NodeId).zip(nodes) {
        let level = node.needs.iter().map(|need| level_of[need.0 as usize] + 1).max().unwrap_or(0);
        level_of.push(level);
        if level == levels.len() {
            levels.push(Vec::new());
        }
        levels[level].push(id);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_order_stands_where_it_can() {
        assert_eq!(topological(&[vec![], vec![0], vec![], vec![0, 2]], |to| *to), [0, 1, 2, 3]);
        assert_eq!(topological(&[vec![2], vec![], vec![3], vec![]], |to| *to), [3, 2, 0, 1]);
        assert_eq!(topological(&[], |to| *to), [0; 0]);
    }

    #[test]
    fn a_long_chain_backwards() {
        const LENGTH: usize = 100_000;
        let needs: Vec<Vec<usize>> =
            (0..LENGTH).map(|node| if node + 1 < LENGTH { vec![node + 1] } else { vec![] }).collect();
        let order = topological(&needs, |to| *to);
        assert!(order.iter().rev().copied().eq(0..LENGTH));
    }
}
