//! The entries of `events`: handlers of events.

use super::fields::{Fields, count, text, texts, word};
use super::section::{Form, Key, Section};
use super::{condition, duration, rank, retry, value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::Rank;
use crate::manifest::yaml::{Entry, Node};
use crate::manifest::{Event, Spanned, faults};

pub(in crate::manifest) static EVENT: Section = Section {
    what: "an event",
    about: "A handler of events.",
    keys: &[
        Key::new(
            "topics",
            &Form::List { of: &Form::Text, least: 1 },
            "The topics it takes, letter by letter; `*` alone is every topic.",
        )
        .required(),
        Key::new("run", &Form::Section(&RUN), "What it does.").required(),
        Key::new(
            "filters",
            &Form::List { of: &Form::Section(&condition::FILTER), least: 0 },
            "What has to hold of an event, all of it.",
        ),
        Key::new("description", &Form::Text, "What it is for."),
        Key::new("priority", rank::PRIORITY.form, "Handlers of higher priority come first."),
        Key::new("fanout", &Form::Word(&FANOUT), "Whether other handlers get the event too.")
            .default("broadcast"),
        Key::new("max_concurrency", &Form::Count, "How many events it handles at once."),
        Key::new("retry", &Form::Section(&retry::RETRY), "How failures are tried again."),
        Key::new("timeout", &duration::POSITIVE_FORM, "How long one attempt may take."),
        rank::PROVIDER,
        rank::PROFILE,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &[],
};

static RUN: Section = Section {
    what: "`run`",
    about: "What a handler does.",
    keys: &[
        Key::new("workflow", &Form::Text, "The workflow that it runs.").required(),
        Key::new("with", &Form::Values, "The input of that run; the event's payload where it is left out."),
    ],
    one_of: &[],
};

pub(in crate::manifest) const FANOUT: [(&str, &str); 2] = [
    ("broadcast", "Every handler that accepts the event gets it."),
    ("exclusive", "Only the first exclusive handler that accepts the event gets it."),
];

pub(in crate::manifest) fn read(
    name: Spanned<String>,
    value: &Node<'_>,
    faults: &mut Diagnostics,
) -> (Rank, Event) {
    let mut event = Event::named(name);
    let Some(fields) = Fields::open(value, event.name.span, &EVENT, faults) else {
        return (Rank::default(), event);
    };
    let rank = rank::read(&fields, faults);
    let topics = fields.require("topics", "topics: [order.created]", faults);
    event.topics = topics.and_then(|node| topics_of(node, faults));
    event.filters = fields.get("filters").map(|node| condition::filters(node, faults)).unwrap_or_default();
    if fields.require("run", "run: { workflow: name }", faults).is_some() {
        event.workflow = fields.entry("run").and_then(|entry| workflow(entry, faults));
    }
    if let Some(node) = fields.get("description") {
        text(node, faults);
    }
    event.priority = rank.priority;
    event.exclusive = fields
        .get("fanout")
        .and_then(|node| (word(node, &FANOUT, faults)? == "exclusive").then_some(node.span));
    if let Some(node) = fields.get("max_concurrency") {
        count(node, faults);
    }
    event.retry = fields.entry("retry").and_then(|entry| retry::read(entry, faults)).map(|retry| retry.value);
    if let Some(node) = fields.get("timeout") {
        duration::read_positive(node, faults);
    }
    (rank, event)
}

/// Topics letter by letter, or `*` alone: there are no other patterns, and what looks like one would match nothing.
pub(in crate::manifest) fn topics_of(
    node: &Node<'_>,
    faults: &mut Diagnostics,
) -> Option<Vec<Spanned<String>>> {
    let topics = texts(node, "topics", faults)?;
    let mut sound = true;
    for topic in &topics {
        let fault = |message: String| Diagnostic::error(&faults::TOPIC, topic.span, message);
        let refused =
            if topic.is_empty() || topic.chars().any(|char| char.is_whitespace() || char.is_control()) {
                fault(format!("`{}` is not a topic", super::fields::shortened(topic)))
                    .help("a topic is text without spaces, such as `order.created`")
            } else if topic.value == "*" && topics.len() > 1 {
                fault("`*` stands beside other topics".to_owned())
                    .label("every topic, the others too")
                    .help("write `[\"*\"]`, or remove it")
            } else if topic.value != "*" && topic.contains('*') {
                fault(format!("`{}` is a pattern, and topics are taken letter by letter", topic.value))
                    .help("name each topic, or take every topic with `*` and choose with `filters`")
            } else {
                continue;
            };
        faults.push(refused);
        sound = false;
    }
    sound.then_some(topics)
}

fn workflow(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    let fields = Fields::open(&entry.value, entry.key_span, &RUN, faults)?;
    if let Some(entry) = fields.entry("with") {
        value::arguments(entry, faults);
    }
    let workflow = fields.require("workflow", "workflow: name", faults);
    workflow.and_then(|node| text(node, faults))
}
