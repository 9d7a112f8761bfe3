//! A node names one dependency twice.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule};
use crate::index::Index;

pub(super) static RULE: Rule = Rule {
    code: Code("O3007"),
    name: "duplicate-dependency",
    summary: "a dependency is named twice",
    page: include_str!("pages/O3007.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for node in index.graphs.iter().flat_map(|graph| graph.nodes).filter(|node| node.depends_on.len() > 1) {
        let mut seen = HashMap::new();
        for name in &node.depends_on {
            match seen.entry(name.as_str()) {
                Entry::Vacant(free) => _ = free.insert(name.span),
                Entry::Occupied(first) => faults.push(
                    Diagnostic::warning(
                        &RULE,
                        name.span,
                        format!("`{}` depends on `{}` twice", node.name.value, name.value),
                    )
                    .label("here again")
                    .related(*first.get(), "here first")
                    .help("once is enough; is one of them meant to be another node?"),
                ),
            }
        }
    }
}
