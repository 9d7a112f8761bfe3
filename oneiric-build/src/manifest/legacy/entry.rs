//! One of the `entries`: what every entry has, and what its domain makes of it.

use std::time::Duration;

use super::super::candidate::Rank;
use super::super::read::fields::{Fields, boolean, count, expected, integer, text, texts, word};
use super::super::read::section::{Form, Key, Section};
use super::super::read::{name, settings, title};
use super::super::yaml::{self, Kind, Node};
use super::super::{
    Action, Adapter, Event, Notifications, Scheduler, Service, Setting, Span, Spanned, Task, Workflow, faults,
};
use super::factory::Factory;
use super::{dag, event, factory, no_counterpart, retry};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What an entry comes to.
pub(super) struct Entry {
    pub(super) name: Spanned<String>,
    pub(super) span: Span,
    /// Where its domain is said.
    pub(super) domain: Span,
    pub(super) rank: Rank,
    pub(super) thing: Thing,
}

pub(super) enum Thing {
    Adapter(Adapter),
    Action(Action),
    Service(Service),
    Task(Task),
    Event(Event),
    Workflow(Workflow),
}

pub(super) static ENTRY: Section = Section {
    what: "an entry",
    about: "Something that there is, of one of six domains.",
    keys: &[
        Key::new("domain", &Form::Word(&DOMAINS), "What it is.").required(),
        Key::new("key", &Form::Text, "Its name.").required(),
        Key::new("provider", &Form::Text, "Which of the candidates for that name it is.").required(),
        Key::new("factory", &Form::Any, "What makes it."),
        Key::new("stack_level", &Form::Any, "Its rank."),
        Key::new("priority", &Form::Any, "Its rank."),
        Key::new("metadata", &Form::Values, "More about it."),
        Key::new("dag", &Form::Values, "The nodes of a workflow."),
        Key::new("retry_policy", &Form::Values, "How failures are tried again."),
        Key::new("timeout_seconds", &Form::Any, "How long one attempt may take."),
        Key::new("event_topics", &Form::Any, "The topics of a handler."),
        Key::new("event_filters", &Form::Any, "The filters of a handler."),
        Key::new("event_priority", &Form::Any, "The priority of a handler."),
        Key::new("event_fanout_policy", &Form::Any, "Whether other handlers get the event too."),
        Key::new("event_max_concurrency", &Form::Any, "How many events a handler takes at once."),
        Key::new("version", &Form::Text, "For readers."),
        Key::new("owner", &Form::Text, "For readers."),
        Key::new("license", &Form::Text, "For readers."),
        Key::new("documentation_url", &Form::Text, "For readers."),
        Key::new("capabilities", &Form::Any, "For readers: the catalogue knows what an adapter can do."),
        Key::new("settings_model", &Form::Text, "For readers: the catalogue knows what settings there are."),
        Key::new("requires_secrets", &Form::Bool, "For readers."),
        Key::new("side_effect_free", &Form::Bool, "For readers."),
        Key::new("uri", &Form::Any, "No counterpart."),
        Key::new("sha256", &Form::Any, "No counterpart."),
        Key::new("requires", &Form::Any, "No counterpart."),
        Key::new("conflicts_with", &Form::Any, "No counterpart."),
        Key::new("python_version", &Form::Any, "No counterpart."),
        Key::new("os_platform", &Form::Any, "No counterpart."),
    ],
    one_of: &[],
};

const DOMAINS: [(&str, &str); 6] = [
    ("adapter", "A connection to something outside."),
    ("service", "Something that runs as long as the program does."),
    ("task", "A piece of work."),
    ("event", "A handler of events."),
    ("workflow", "A graph of nodes."),
    ("action", "A built-in action."),
];

/// The keys that nothing here corresponds to, with what to write instead.
const GONE: [(&str, &str); 6] = [
    ("uri", "remove it: the original fetched the file and never loaded it"),
    ("sha256", "remove it: what is compiled in is pinned by the lock file"),
    ("requires", "remove it: the compiler finds what is needed"),
    ("conflicts_with", "remove it, and give the one of the two that is meant"),
    ("python_version", "remove it: there is no Python in the program"),
    ("os_platform", "remove it: `oneiric build --target` chooses the platform"),
];

/// The keys that only entries of some domains have.
const OF_DOMAIN: [(&str, &[&str]); 8] = [
    ("dag", &["workflow"]),
    ("event_topics", &["event"]),
    ("event_filters", &["event"]),
    ("event_priority", &["event"]),
    ("event_fanout_policy", &["event"]),
    ("event_max_concurrency", &["event"]),
    ("retry_policy", &["event", "task"]),
    ("timeout_seconds", &["event", "task", "workflow"]),
];

impl Entry {
    /// The section of this project's form that it would stand in.
    pub(super) fn section(&self) -> &'static str {
        match self.thing {
            Thing::Adapter(_) => "adapters",
            Thing::Action(_) => "actions",
            Thing::Service(_) => "services",
            Thing::Task(_) => "tasks",
            Thing::Event(_) => "events",
            Thing::Workflow(_) => "workflows",
        }
    }
}

pub(super) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Entry> {
    let fields = Fields::open(node, first_line(node), &ENTRY, faults)?;
    let domain = fields.require("domain", "domain: task", faults);
    let key = fields.require("key", "key: fetch", faults);
    let provider = fields.require("provider", "provider: shop", faults);
    let at = domain?;
    let domain = word(at, &DOMAINS, faults)?;
    let name = key.and_then(|node| text(node, faults))?;
    name::check(&name, domain, faults);
    let provider = provider.and_then(|node| text(node, faults));
    let mut number = |key: &str, most: i64| {
        fields.get(key).and_then(|node| integer(node, -most, most, faults)).unwrap_or_default()
    };
    let rank = Rank {
        priority: number("priority", 1_000),
        stack_level: number("stack_level", 100),
        provider: provider.as_ref().map(|provider| provider.value.clone()),
        ..Rank::default()
    };
    for (key, instead) in GONE {
        if let Some(entry) = fields.entry(key) {
            faults.push(no_counterpart(entry.key_span, &format!("`{key}`"), instead));
        }
    }
    for (key, domains) in OF_DOMAIN {
        if let Some(entry) = fields.entry(key)
            && !domains.contains(&domain)
        {
            let message = format!("`{key}` is not a key of an entry of the domain `{domain}`");
            faults.push(
                Diagnostic::error(&faults::UNKNOWN_KEY, entry.key_span, message)
                    .help(format!("it belongs to entries of the domain {}", domains.join(" or "))),
            );
        }
    }
    documentation(&fields, faults);
    let factory = fields.get("factory").map(|node| factory::read(node, domain, faults));
    let metadata = Metadata::read(fields.entry("metadata"), domain, faults);
    let thing = match domain {
        "adapter" => Thing::Adapter(adapter(&name, provider, factory.as_ref(), metadata.settings)),
        "action" => Thing::Action(Action { kind: Some(name.clone()), ..Action::named(name.clone()) }),
        "service" => {
            let run = match factory {
                Some(Factory::Rust(path)) => Some(path),
                _ => None,
            };
            Thing::Service(Service { name: name.clone(), run })
        }
        "task" => {
            let mut task = Task::named(name.clone());
            task.does = factory.and_then(Factory::into_task);
            if fields.get("factory").is_none() {
                let example = "factory: \"shop::fetch\"";
                fields.require_one("factory", example, faults);
            }
            task.retry = fields
                .entry("retry_policy")
                .and_then(|entry| retry::read(entry, faults))
                .map(|one| one.value);
            task.timeout = timeout(&fields, faults).map(|timeout| timeout.value);
            Thing::Task(task)
        }
        "event" => {
            timeout(&fields, faults);
            Thing::Event(event::read(name.clone(), &fields, metadata.trigger, faults))
        }
        _ => {
            let mut workflow = Workflow::named(name.clone());
            workflow.timeout = timeout(&fields, faults);
            workflow.scheduler = metadata.scheduler;
            workflow.notifications = metadata.notifications;
            workflow.nodes = fields
                .require_one("dag", "dag: { nodes: [{ id: first, task: fetch }] }", faults)
                .and_then(|node| dag::read(node, faults));
            Thing::Workflow(workflow)
        }
    };
    Some(Entry { name, span: first_line(node), domain: at.span, rank, thing })
}

/// An entry is long; its first key is enough to point at it.
fn first_line(node: &Node<'_>) -> Span {
    match &node.kind {
        Kind::Mapping(entries) => entries.first().map_or(node.span, |first| {
            Span::new(first.key_span.start, first.value.span.end.max(first.key_span.end))
        }),
        _ => node.span,
    }
}

/// The keys that are for readers have to look like it all the same.
fn documentation(fields: &Fields<'_, '_>, faults: &mut Diagnostics) {
    for key in ["version", "owner", "license", "documentation_url", "settings_model"] {
        if let Some(node) = fields.get(key) {
            text(node, faults);
        }
    }
    for key in ["requires_secrets", "side_effect_free"] {
        if let Some(node) = fields.get(key) {
            boolean(node, faults);
        }
    }
    if let Some(node) = fields.get("capabilities")
        && !matches!(node.kind, Kind::List(_))
    {
        expected(node, "a list of capabilities", faults);
    }
}

/// Seconds, as the original counts time.
pub(super) fn seconds(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<Duration>> {
    let Kind::Number(number) = &node.kind else {
        expected(node, "a number of seconds", faults);
        return None;
    };
    let time = number.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if time.is_none() {
        let message = format!("{number} is not a number of seconds");
        faults.push(Diagnostic::error(&faults::DURATION, node.span, message));
    }
    time.map(|time| Spanned::new(time, node.span))
}

fn timeout(fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Option<Spanned<Duration>> {
    let time = seconds(fields.get("timeout_seconds")?, faults)?;
    if time.is_zero() {
        faults.push(
            Diagnostic::error(&faults::VALUE, time.span, "a timeout of zero would fail every time")
                .help("leave it out for no timeout"),
        );
        return None;
    }
    Some(time)
}

/// An adapter's kind is its domain, which the factory's module says, and its provider.
fn adapter(
    name: &Spanned<String>,
    provider: Option<Spanned<String>>,
    factory: Option<&Factory>,
    settings: Option<Setting>,
) -> Adapter {
    let category = match factory {
        Some(Factory::BuiltIn(category)) => Some(category.as_str()),
        // What was refused already is not asked which kind it is.
        Some(_) => None,
        // A key such as `queue.scheduler` says the domain too.
        None => name.split('.').next(),
    };
    let provider = provider.zip(category).map(|(provider, category)| {
        let full = provider.strip_prefix(category).is_some_and(|rest| rest.starts_with('.'));
        let id = if full { provider.value.clone() } else { format!("{category}.{}", provider.value) };
        Spanned::new(id, provider.span)
    });
    let mut adapter = Adapter::named(name.clone());
    adapter.provider = provider;
    adapter.settings = settings;
    adapter
}

/// What `metadata` says that means something here.
#[derive(Default)]
struct Metadata {
    scheduler: Option<Scheduler>,
    notifications: Option<Notifications>,
    /// The workflow that an event runs.
    trigger: Option<Spanned<String>>,
    /// An adapter's settings.
    settings: Option<Setting>,
}

impl Metadata {
    fn read(entry: Option<&yaml::Entry<'_>>, domain: &str, faults: &mut Diagnostics) -> Self {
        let mut found = Self::default();
        let Some(entry) = entry else { return found };
        let Kind::Mapping(entries) = &entry.value.kind else {
            expected(&entry.value, "a mapping", faults);
            return found;
        };
        for entry in entries {
            match (domain, &*entry.key) {
                ("workflow", "scheduler") => found.scheduler = scheduler(entry, faults),
                ("workflow", "notifications") => found.notifications = notifications(entry, faults),
                ("event", "workflows") => found.trigger = trigger(entry, faults),
                ("adapter", "settings") => found.settings = settings::read(Some(&entry.value), faults),
                (_, "description") => _ = text(&entry.value, faults),
                (_, key) => faults.push(no_counterpart(
                    entry.key_span,
                    &format!("`metadata.{key}`"),
                    "remove it, or make it a comment: nothing in the original read it either",
                )),
            }
        }
        found
    }
}

static SCHEDULER: Section = Section {
    what: "`scheduler`",
    about: "What takes the runs that are enqueued.",
    keys: &[
        Key::new("queue_category", &Form::Text, "The key of the adapter that takes them."),
        Key::new("category", &Form::Text, "Another name for it."),
        Key::new("provider", &Form::Text, "Its provider."),
    ],
    one_of: &["queue_category", "category"],
};

fn scheduler(entry: &yaml::Entry<'_>, faults: &mut Diagnostics) -> Option<Scheduler> {
    let fields = Fields::open(&entry.value, entry.key_span, &SCHEDULER, faults)?;
    if let Some(node) = fields.get("provider") {
        text(node, faults);
    }
    let queue = fields.get("queue_category").or_else(|| fields.get("category"));
    Some(Scheduler { queue: queue.and_then(|node| text(node, faults)) })
}

static NOTIFICATIONS: Section = Section {
    what: "`notifications`",
    about: "Who is told about the runs of a workflow.",
    keys: &[
        Key::new("adapter_provider", &Form::Text, "The key of the adapter that tells them."),
        Key::new("adapter", &Form::Text, "Another name for it."),
        Key::new("adapter_key", &Form::Text, "And another."),
        Key::new("provider", &Form::Text, "Its provider."),
        Key::new("channel", &Form::Text, "Where it tells them."),
        Key::new("target", &Form::Text, "Whom it tells."),
        Key::new("title_template", &Form::Text, "The title, with fields."),
        Key::new("title", &Form::Text, "The title, as it is."),
        Key::new("include_context", &Form::Bool, "Whether the run's input is part of it."),
        Key::new("extra_payload", &Form::Values, "What else is part of it."),
    ],
    one_of: &["adapter_provider", "adapter", "adapter_key"],
};

fn notifications(entry: &yaml::Entry<'_>, faults: &mut Diagnostics) -> Option<Notifications> {
    let fields = Fields::open(&entry.value, entry.key_span, &NOTIFICATIONS, faults)?;
    if let Some(extra) = fields.entry("extra_payload")
        && !matches!(&extra.value.kind, Kind::Mapping(entries) if entries.is_empty())
    {
        faults.push(no_counterpart(
            extra.key_span,
            "`extra_payload`",
            "leave it out: what goes with every message is set where the adapter is",
        ));
    }
    let mut said =
        |key| fields.get(key).and_then(|node| text(node, faults)).map(|text: Spanned<String>| text.value);
    said("provider");
    let (channel, target) = (said("channel"), said("target"));
    let plain = said("title").map(|title| title::plain(&title));
    let template = fields.get("title_template").and_then(|node| title::read(node, faults));
    let include_context = fields.get("include_context").and_then(|node| boolean(node, faults));
    let adapter = ["adapter_provider", "adapter", "adapter_key"].iter().find_map(|key| fields.get(key));
    let adapter = adapter.and_then(|node| text(node, faults));
    Some(Notifications { adapter, channel, target, title: plain.or(template), include_context, on: None })
}

static WORKFLOWS: Section = Section {
    what: "`workflows`",
    about: "What an event runs.",
    keys: &[Key::new("triggers", &Form::Any, "The workflows.").required()],
    one_of: &[],
};

/// The one workflow that an event runs.
fn trigger(entry: &yaml::Entry<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    let fields = Fields::open(&entry.value, entry.key_span, &WORKFLOWS, faults)?;
    let mut names = texts(fields.require("triggers", "triggers: [fulfil]", faults)?, "workflows", faults)?;
    if let Some(second) = names.get(1) {
        faults.push(no_counterpart(
            second.span,
            "a second workflow of one handler",
            "write an entry for each workflow that the event runs",
        ));
    }
    Some(names.swap_remove(0))
}

/// A whole number of at least 1, if the key is there.
pub(super) fn at_least_one(fields: &Fields<'_, '_>, key: &str, faults: &mut Diagnostics) {
    if let Some(node) = fields.get(key) {
        count(node, faults);
    }
}
