//! Nodes that wait for each other, so that none of them can ever start.
//!
//! Whatever nodes are entangled are reported once, with the shortest way round. A node that waits for itself alone is a
//! rule of its own.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule};
use crate::index::{Edge, Graph, Index};

pub(super) static RULE: Rule = Rule {
    code: Code("O4001"),
    name: "cycle",
    summary: "nodes wait for each other in a circle",
    page: include_str!("pages/O4001.md"),
};

/// How many edges are followed in search of the shortest cycle of one tangle, before the best one found will do.
const BUDGET: usize = 2_000_000;

/// How many edges of a cycle are shown before and after the part that is left out, if it is longer than both.
const HEAD: usize = 4;
const TAIL: usize = 3;

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        for tangle in tangles(graph) {
            faults.push(report(graph, &shortest(graph, &tangle), tangle.len()));
        }
    }
}

/// The strongly connected components of more than one node, each in the manifest's order, in the manifest's order.
fn tangles(graph: &Graph<'_>) -> Vec<Vec<usize>> {
    let edges = graph.needs.iter().map(Vec::len).sum();
    let mut bare = DiGraph::<(), ()>::with_capacity(graph.nodes.len(), edges);
    for _ in graph.nodes {
        bare.add_node(());
    }
    for (node, needs) in graph.needs.iter().enumerate() {
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

/// The shortest cycle in a tangle: each node with the edge to the next one, from the node that the manifest has first.
fn shortest<'g>(graph: &'g Graph<'_>, tangle: &[usize]) -> Vec<(usize, &'g Edge)> {
    let mut inside = vec![false; graph.nodes.len()];
    for &node in tangle {
        inside[node] = true;
    }
    let edges: usize = tangle.iter().map(|&node| graph.needs[node].len()).sum();
    // A bare loop has one cycle, which the first search finds.
    let starts = if edges == tangle.len() { &tangle[..1] } else { tangle };

    let mut search = Search { graph, inside, came_by: vec![None; graph.nodes.len()], left: BUDGET };
    let mut best: Option<Vec<(usize, &Edge)>> = None;
    for &start in starts {
        let limit = best.as_ref().map_or(usize::MAX, Vec::len);
        if limit == 2 || best.is_some() && search.left == 0 {
            break;
        }
        best = search.back_to(start, limit).or(best);
    }
    let mut cycle = best.unwrap_or_default();
    if let Some(first) = (0..cycle.len()).min_by_key(|&position| cycle[position].0) {
        cycle.rotate_left(first);
    }
    cycle
}

/// Breadth-first searches in one tangle.
struct Search<'g, 'm> {
    graph: &'g Graph<'m>,
    inside: Vec<bool>,
    /// The search that reached each node last, and the node and edge it came by.
    came_by: Vec<Option<(usize, usize, &'g Edge)>>,
    left: usize,
}

impl<'g> Search<'g, '_> {
    /// The shortest way from `start` back to it, if it is shorter than `limit`. The first search of all is always finished.
    fn back_to(&mut self, start: usize, limit: usize) -> Option<Vec<(usize, &'g Edge)>> {
        let mut queue = VecDeque::from([(start, 1)]);
        while let Some((node, length)) = queue.pop_front() {
            if length >= limit {
                return None;
            }
            for edge in &self.graph.needs[node] {
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

fn report(graph: &Graph<'_>, cycle: &[(usize, &Edge)], tangled: usize) -> Diagnostic {
    let elided = if cycle.len() > HEAD + TAIL + 1 { HEAD..cycle.len() - TAIL } else { 0..0 };
    let mut path: Vec<String> = Vec::new();
    let mut shown = Vec::new();
    for (position, &(node, edge)) in cycle.iter().enumerate() {
        if elided.contains(&position) {
            if position == elided.start {
                path.push(format!("({} more)", elided.len()));
            }
            continue;
        }
        path.push(graph.name(node).to_owned());
        shown.push((edge.span, format!("`{}` waits for `{}`", graph.name(node), graph.name(edge.to))));
    }
    path.extend(path.first().cloned());

    let message = format!("workflow `{}` has a cycle: {}", graph.workflow.name.value, path.join(" -> "));
    let mut shown = shown.into_iter();
    let (span, text) = shown.next().unwrap_or_default();
    let mut fault = Diagnostic::error(&RULE, span, message).label(text);
    for (span, text) in shown {
        fault = fault.related(span, text);
    }
    if tangled > cycle.len() {
        fault = fault.note(format!(
            "this is the shortest of the cycles among {tangled} nodes that all wait for each other; others may remain without it"
        ));
    }
    match cycle.iter().min_by_key(|(node, edge)| (edge.carries_data, edge.to < *node)) {
        Some((node, edge)) if !edge.carries_data => fault.help(format!(
            "no data flows from `{to}` to `{from}`: remove `{to}` from the `depends_on` of `{from}`",
            to = graph.name(edge.to),
            from = graph.name(*node)
        )),
        Some((node, edge)) => fault.help(format!(
            "data flows along all of it: split one of the nodes, or let `{}` do without the output of `{}`",
            graph.name(*node),
            graph.name(edge.to)
        )),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use crate::manifest;

    fn faults(nodes: &str) -> Vec<String> {
        let text = format!("oneiric: 1\nname: n\nworkflows:\n  w:\n    nodes:\n{nodes}");
        let (manifest, faults) = manifest::parse(text.as_bytes());
        assert!(faults.is_empty(), "{faults:?}");
        let manifest = manifest.unwrap();
        let mut found = crate::diagnostic::Diagnostics::default();
        super::check(&crate::index::Index::of(&manifest), &mut found);
        found.iter().map(|fault| format!("{} / {}", fault.message, fault.help.join(" "))).collect()
    }

    fn nodes(edges: &[(usize, &[usize])]) -> String {
        let mut text = String::new();
        for (node, needs) in edges {
            let needs: Vec<_> = needs.iter().map(|need| format!("n{need}")).collect();
            _ = writeln!(text, "      n{node}: {{ wait: 1s, depends_on: [{}] }}", needs.join(", "));
        }
        text
    }

    #[test]
    fn one_report_for_each_tangle_with_its_shortest_cycle() {
        let found = faults(&nodes(&[
            (0, &[1]),
            (1, &[2]),
            (2, &[3]),
            (3, &[0, 2]),
            (4, &[5]),
            (5, &[4]),
            (6, &[0, 6]),
        ]));
        assert_eq!(
            found,
            [
                "workflow `w` has a cycle: n2 -> n3 -> n2 / no data flows from `n3` to `n2`: remove `n3` from the `depends_on` of `n2`",
                "workflow `w` has a cycle: n4 -> n5 -> n4 / no data flows from `n5` to `n4`: remove `n5` from the `depends_on` of `n4`",
            ]
        );
    }

    #[test]
    fn what_is_no_cycle() {
        assert_eq!(faults(&nodes(&[(0, &[1, 2]), (1, &[3]), (2, &[3]), (3, &[])])), Vec::<String>::new());
    }

    #[test]
    fn a_long_loop_is_found_quickly_and_told_briefly() {
        let needs: Vec<[usize; 1]> = (0..10_001).map(|node| [(node + 1) % 10_001]).collect();
        let edges: Vec<(usize, &[usize])> = needs.iter().map(<[usize; 1]>::as_slice).enumerate().collect();
        let text = nodes(&edges);
        let begun = Instant::now();
        let found = faults(&text);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("workflow `w` has a cycle: n0 -> n1 -> n2 -> n3 -> (9994 more) -> n9998 -> n9999 -> n10000 -> n0"),
            "{}",
            found[0]
        );
    }
}
