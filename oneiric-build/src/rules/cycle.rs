//! Nodes that wait for each other, so that none of them can ever start.
//!
//! Whatever nodes are entangled are reported once, with the shortest way round. A node that waits for itself alone is a
//! rule of its own.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::{Graph, Index};
use crate::tangle::{self, Cycle};

pub(super) static RULE: Rule = Rule {
    code: Code("O4001"),
    name: "cycle",
    summary: "nodes wait for each other in a circle",
    severity: Severity::Error,
    page: include_str!("pages/O4001.md"),
};

/// How many edges of a cycle are shown before and after the part that is left out, if it is longer than both.
const HEAD: usize = 4;
const TAIL: usize = 3;

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        for tangle in tangle::tangles(&graph.needs) {
            faults.push(report(graph, &tangle::shortest(&graph.needs, &tangle), tangle.len()));
        }
    }
}

fn report(graph: &Graph<'_>, cycle: &Cycle<'_>, tangled: usize) -> Diagnostic {
    let Cycle { edges: cycle, is_shortest } = cycle;
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
        let which = if *is_shortest { "the shortest" } else { "one" };
        fault = fault.note(format!(
            "this is {which} of the cycles among {tangled} nodes that all wait for each other; others may remain without it"
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
        let (manifest, faults) = manifest::parse(text.as_bytes(), None);
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
