//! A handler whose filters no event can pass.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{Event, Span, Spanned, Test};

pub(super) static RULE: Rule = Rule {
    code: Code("O3015"),
    name: "unreachable-handler",
    summary: "a handler that no event can reach",
    severity: Severity::Error,
    page: include_str!("pages/O3015.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for event in &index.manifest.events {
        if let Some((first, second, why)) = contradiction(event) {
            faults.push(
                Diagnostic::error(
                    &RULE,
                    second,
                    format!("no event can reach the handler `{}`", event.name.value),
                )
                .label(why)
                .related(first, "all of its filters have to hold, this one too")
                .help("make handlers of their own of what was meant as alternatives"),
            );
        }
    }
}

/// Two tests of one value that cannot both hold, and why.
fn contradiction(event: &Event) -> Option<(Span, Span, String)> {
    let mut by_path: HashMap<&str, Vec<&Spanned<Test>>> = HashMap::new();
    for filter in &event.filters {
        for test in &filter.tests {
            let tests = by_path.entry(&filter.path).or_default();
            if let Some(first) = tests.iter().find(|first| !agree(&first.value, &test.value)) {
                let why = format!("`{}` cannot pass both", filter.path.value);
                return Some((first.span, test.span, why));
            }
            tests.push(test);
        }
    }
    // The topic of an event is one of the handler's, so a test of it has to let one of them pass.
    let topics = event.topics.as_ref()?;
    let tests = by_path.get("topic")?;
    for test in tests {
        let passes = match &test.value {
            Test::AnyOf(values) => topics.iter().any(|topic| {
                topic.value == "*" || values.iter().any(|value| value.as_str() == Some(&topic.value))
            }),
            Test::Exists(there) => *there,
        };
        if !passes {
            return Some((
                topics.first()?.span,
                test.span,
                "it lets none of the handler's topics pass".to_owned(),
            ));
        }
    }
    None
}

fn agree(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::AnyOf(one), Test::AnyOf(other)) => one.iter().any(|value| other.contains(value)),
        (Test::Exists(one), Test::Exists(other)) => one == other,
        // What is not there is null, and no other value.
        (Test::AnyOf(values), Test::Exists(there)) | (Test::Exists(there), Test::AnyOf(values)) => {
            values.iter().any(|value| value.is_null() != *there)
        }
    }
}
