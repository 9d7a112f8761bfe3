//! The longest way to each node of a graph, where each node takes some time.
//!
//! What takes time, and what that means, is for whoever asks.

use std::time::Duration;

use crate::index::Edge;

/// When each node can end at the earliest, and by which way.
pub(crate) struct Ways {
    time: Vec<Duration>,
    /// The node before it on the longest way to it.
    before: Vec<Option<usize>>,
}

/// The longest ways; `None` where there is a cycle, which has none.
pub(crate) fn ways(needs: &[Vec<Edge>], takes: impl Fn(usize) -> Duration) -> Option<Ways> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (node, edges) in needs.iter().enumerate() {
        for edge in edges {
            next[edge.to].push(node);
        }
    }
    let mut ways = Ways { time: vec![Duration::ZERO; needs.len()], before: vec![None; needs.len()] };
    let mut ready: Vec<usize> = (0..needs.len()).filter(|node| waiting[*node] == 0).collect();
    let mut ended = 0;
    while let Some(node) = ready.pop() {
        ended += 1;
        ways.time[node] = ways.time[node].saturating_add(takes(node));
        for &after in &next[node] {
            if ways.time[node] > ways.time[after] {
                ways.time[after] = ways.time[node];
                ways.before[after] = Some(node);
            }
            waiting[after] -= 1;
            if waiting[after] == 0 {
                ready.push(after);
            }
        }
    }
    (ended == needs.len()).then_some(ways)
}

impl Ways {
    /// When this node can end at the earliest.
    pub(crate) fn time(&self, node: usize) -> Duration {
        self.time[node]
    }

    /// The first of the nodes that end last, and when.
    pub(crate) fn latest(&self) -> Option<(usize, Duration)> {
        let most = self.time.iter().max()?;
        self.time.iter().position(|time| time == most).map(|node| (node, *most))
    }

    /// The longest way to a node, from its beginning.
    pub(crate) fn way(&self, node: usize) -> Vec<usize> {
        let mut way: Vec<usize> = std::iter::successors(Some(node), |node| self.before[*node]).collect();
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Span;

    fn needs(edges: &[&[usize]]) -> Vec<Vec<Edge>> {
        let edge = |to: &usize| Edge { to: *to, span: Span::default(), carries_data: false };
        edges.iter().map(|node| node.iter().map(edge).collect()).collect()
    }

    #[test]
    fn the_longest_way_counts() {
        let graph = needs(&[&[3], &[0], &[0, 1], &[]]);
        let ways = ways(&graph, |node| Duration::from_secs([5, 7, 1, 2][node])).unwrap();
        assert_eq!(ways.latest(), Some((2, Duration::from_secs(15))));
        assert_eq!(ways.way(2), [3, 0, 1, 2]);
        assert_eq!(ways.time(0), Duration::from_secs(7));
    }

    #[test]
    fn a_cycle_has_none() {
        assert!(ways(&needs(&[&[1], &[0]]), |_| Duration::ZERO).is_none());
        assert!(ways(&needs(&[]), |_| Duration::ZERO).unwrap().latest().is_none());
    }
}
