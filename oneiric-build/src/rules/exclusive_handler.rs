//! An exclusive handler takes events that other handlers ask for as well.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::Event;

pub(super) static RULE: Rule = Rule {
    code: Code("O3014"),
    name: "exclusive-handler",
    summary: "an exclusive handler takes events from others",
    severity: Severity::Warning,
    page: include_str!("pages/O3014.md"),
};

/// How many handlers are pointed at; the rest are counted.
const SHOWN: usize = 4;

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    let events = &index.manifest.events;
    // Handlers by topic, so that a thousand handlers are not compared each with each.
    let mut by_topic: HashMap<&str, Vec<usize>> = HashMap::new();
    for (handler, event) in events.iter().enumerate() {
        for topic in event.topics.iter().flatten() {
            by_topic.entry(topic).or_default().push(handler);
        }
    }
    for (handler, event) in events.iter().enumerate() {
        let Some(exclusive) = event.exclusive else { continue };
        let topics = event.topics.iter().flatten().map(|topic| topic.as_str());
        let takes_all = topics.clone().any(|topic| topic == "*");
        let mut others: Vec<usize> = if takes_all {
            (0..events.len()).collect()
        } else {
            let asked = topics.chain(["*"]).flat_map(|topic| by_topic.get(topic).into_iter().flatten());
            asked.copied().collect()
        };
        others.sort_unstable();
        others.dedup();
        others.retain(|other| *other != handler && takes_from(events, handler, *other));
        if others.is_empty() {
            continue;
        }
        let message = format!(
            "`{}` takes events from {} other handler{}",
            event.name.value,
            others.len(),
            if others.len() == 1 { "" } else { "s" }
        );
        let mut fault = Diagnostic::warning(&RULE, exclusive, message).label(if event.filters.is_empty() {
            "it is exclusive"
        } else {
            "it is exclusive where its filters hold"
        });
        for other in others.iter().take(SHOWN) {
            let other = &events[*other];
            fault = fault.related(other.name.span, format!("`{}` does not get them", other.name.value));
        }
        faults.push(fault.note("where an exclusive handler accepts an event, only the first of the exclusive ones gets it, whatever the priority of the others").help(
            "let them have topics of their own, or leave `fanout: exclusive` out",
        ));
    }
}

/// Whether the first of two handlers gets events in place of the second: of two exclusive ones, the one of higher priority
/// does, and among equals the one that stands first.
fn takes_from(events: &[Event], first: usize, second: usize) -> bool {
    let (one, other) = (&events[first], &events[second]);
    other.exclusive.is_none() || (one.priority, second) > (other.priority, first)
}
