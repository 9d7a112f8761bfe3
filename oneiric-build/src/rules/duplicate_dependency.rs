//! A node names one dependency twice.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::Spanned;

pub(super) static RULE: Rule = Rule {
    code: Code("O3007"),
    name: "duplicate-dependency",
    summary: "a dependency is named twice",
    severity: Severity::Warning,
    page: include_str!("pages/O3007.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for node in index.graphs.iter().flat_map(|graph| graph.nodes) {
        let mut names: Vec<&Spanned<String>> = node.depends_on.iter().collect();
        names.sort_unstable_by_key(|name| (name.as_str(), name.span));
        for pair in names.windows(2).filter(|pair| pair[0].value == pair[1].value) {
            let message = format!("`{}` depends on `{}` twice", node.name.value, pair[1].value);
            faults.push(
                Diagnostic::warning(&RULE, pair[1].span, message)
                    .label("here again")
                    .related(pair[0].span, "here first")
                    .help("once is enough; is one of them meant to be another node?"),
            );
        }
    }
}
