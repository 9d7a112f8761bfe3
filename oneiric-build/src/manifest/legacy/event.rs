//! The `event_…` keys of an entry.

use super::super::read::condition;
use super::super::read::event::{FANOUT, topics_of};
use super::super::read::fields::{Fields, integer, word};
use super::super::{Event, Spanned, faults};
use super::{entry, retry};
use crate::diagnostic::{Diagnostic, Diagnostics};

pub(super) fn read(
    name: Spanned<String>,
    fields: &Fields<'_, '_>,
    trigger: Option<Spanned<String>>,
    faults: &mut Diagnostics,
) -> Event {
    let mut event = Event::named(name);
    match fields.get("event_topics") {
        Some(node) => event.topics = topics_of(node, faults),
        None => faults.push(
            Diagnostic::error(
                &faults::MISSING_KEY,
                event.name.span,
                format!("the handler `{}` names no topics", event.name.value),
            )
            .help("write `event_topics: [order.created]`; every topic is `event_topics: [\"*\"]`, no longer what is left out"),
        ),
    }
    event.filters =
        fields.get("event_filters").map(|node| condition::filters(node, faults)).unwrap_or_default();
    event.priority = fields
        .get("event_priority")
        .and_then(|node| integer(node, -1_000, 1_000, faults))
        .unwrap_or_default();
    event.exclusive = fields
        .get("event_fanout_policy")
        .and_then(|node| (word(node, &FANOUT, faults)? == "exclusive").then_some(node.span));
    entry::at_least_one(fields, "event_max_concurrency", faults);
    event.retry =
        fields.entry("retry_policy").and_then(|entry| retry::read(entry, faults)).map(|one| one.value);
    if trigger.is_none() && fields.get("factory").is_none() {
        faults.push(
            Diagnostic::error(
                &faults::DOES,
                event.name.span,
                format!("the handler `{}` does nothing", event.name.value),
            )
            .help("write `metadata: { workflows: { triggers: [name] } }`"),
        );
    }
    event.workflow = trigger;
    event
}
