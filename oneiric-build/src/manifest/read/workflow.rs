//! The entries of `workflows`.

use super::fields::{Fields, boolean, count, expected, text, word};
use super::section::{Form, Key, Section};
use super::{duration, name, node, rank, title};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::Rank;
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Notifications, Scheduler, Spanned, Workflow, faults};

pub(in crate::manifest) static WORKFLOW: Section = Section {
    what: "a workflow",
    about: "A graph of nodes. A node starts as soon as what it waits for has ended.",
    keys: &[
        Key::new("description", &Form::Text, "What the workflow is for."),
        Key::new("timeout", &duration::POSITIVE_FORM, "How long a run may take."),
        Key::new("max_parallel", &Form::Count, "How many nodes of one run may be at work at once."),
        Key::new(
            "nodes",
            &Form::Table { name: &name::NODE_FORM, of: &Form::Section(&node::NODE), least: 1 },
            "The steps, by name. Their order in the file does not matter.",
        )
        .required(),
        Key::new("scheduler", &Form::Section(&SCHEDULER), "What takes its runs that are enqueued."),
        Key::new("notifications", &Form::Section(&NOTIFICATIONS), "Who is told about its runs."),
        rank::PROVIDER,
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &[],
};

pub(super) static SCHEDULER: Section = Section {
    what: "`scheduler`",
    about: "What takes the runs that are enqueued.",
    keys: &[Key::new("queue", &Form::Text, "The adapter that takes them; it has to be a queue.").required()],
    one_of: &[],
};

static NOTIFICATIONS: Section = Section {
    what: "`notifications`",
    about: "Who is told about the runs of a workflow. They are told once, also when the program is killed meanwhile.",
    keys: &[
        Key::new("adapter", &Form::Text, "The adapter that tells them.").required(),
        Key::new("channel", &Form::Text, "Where it tells them, instead of where the adapter would."),
        Key::new(
            "target",
            &Form::Text,
            "Where it tells them, if that is another place than the `channel` that the title names.",
        ),
        Key::new(
            "title",
            &Form::Text,
            "The title of what it tells them; `[{level}] {channel}` where it is left out. Its fields are `{level}`, \
             `{channel}`, `{message}`, `{workflow}`, `{run_id}` and `{status}`; `{{` is a brace.",
        ),
        Key::new(
            "include_context",
            &Form::Bool,
            "Whether the run's input is part of it; it is where nothing is said.",
        ),
        Key::new(
            "on",
            &Form::List { of: &Form::Word(&MOMENTS), least: 1 },
            "When they are told: of completed and failed runs where it is left out.",
        ),
    ],
    one_of: &[],
};

const MOMENTS: [(&str, &str); 5] = [
    ("started", "When a run begins."),
    ("completed", "When a run has completed."),
    ("failed", "When a run has failed."),
    ("cancelled", "When a run was cancelled."),
    ("parked", "When a run waits for an operator."),
];

pub(in crate::manifest) fn read(
    name: Spanned<String>,
    value: &Node<'_>,
    faults: &mut Diagnostics,
) -> (Rank, Workflow) {
    let mut workflow = Workflow::named(name);
    let Some(fields) = Fields::open(value, workflow.name.span, &WORKFLOW, faults) else {
        return (Rank::default(), workflow);
    };
    let rank = rank::read(&fields, faults);

    workflow.description =
        fields.get("description").and_then(|node| text(node, faults)).map(|text| text.value);
    workflow.timeout = fields.get("timeout").and_then(|node| duration::read_positive(node, faults));
    workflow.max_parallel = fields.get("max_parallel").and_then(|node| count(node, faults));
    workflow.nodes = fields
        .require("nodes", "nodes: { first: { wait: 1s } }", faults)
        .and_then(|node| nodes(node, faults));
    workflow.scheduler = fields.entry("scheduler").and_then(|entry| scheduler(entry, faults));
    workflow.notifications = fields.entry("notifications").and_then(|entry| notifications(entry, faults));
    (rank, workflow)
}

pub(super) fn scheduler(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Scheduler> {
    let fields = Fields::open(&entry.value, entry.key_span, &SCHEDULER, faults)?;
    let queue = fields.require("queue", "queue: name-of-an-adapter", faults);
    Some(Scheduler { queue: queue.and_then(|node| text(node, faults)) })
}

fn notifications(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Notifications> {
    let fields = Fields::open(&entry.value, entry.key_span, &NOTIFICATIONS, faults)?;
    let mut said =
        |key| fields.get(key).and_then(|node| text(node, faults)).map(|text: Spanned<String>| text.value);
    let (channel, target) = (said("channel"), said("target"));
    let title = fields.get("title").and_then(|node| title::read(node, faults));
    let include_context = fields.get("include_context").and_then(|node| boolean(node, faults));
    let on = fields.get("on").and_then(|node| moments(node, faults));
    let adapter = fields.require("adapter", "adapter: name-of-an-adapter", faults);
    let adapter = adapter.and_then(|node| text(node, faults));
    Some(Notifications { adapter, channel, target, title, include_context, on })
}

/// When somebody is told.
fn moments(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<&'static str>> {
    match &node.kind {
        Kind::List(items) if items.is_empty() => faults.push(
            Diagnostic::error(&faults::VALUE, node.span, "nobody would ever be told")
                .help("name at least one of `started`, `completed`, `failed`, `cancelled` and `parked`"),
        ),
        Kind::List(items) => {
            let moments: Vec<_> = items.iter().map(|item| word(item, &MOMENTS, faults)).collect();
            return moments.into_iter().collect();
        }
        _ => expected(node, "a list such as `[failed]`", faults),
    }
    None
}

/// The nodes by name. Names that stand twice are for a rule to report, since `#[dag]` can have them too.
fn nodes(tree: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<crate::manifest::Node>> {
    match &tree.kind {
        Kind::Mapping(entries) => Some(entries.iter().map(|entry| node::read(entry, faults)).collect()),
        Kind::List(items) => {
            faults.push(
                Diagnostic::error(
                    &faults::NODE_LIST,
                    tree.span,
                    "nodes are a mapping by name, and this is a list",
                )
                .help(format!("write each node under its name:\n{}", as_mapping(items))),
            );
            None
        }
        _ => {
            expected(tree, "nodes by name", faults);
            None
        }
    }
}

/// The first items of a list of nodes in the form that they should have.
fn as_mapping(items: &[Node<'_>]) -> String {
    const SHOWN: usize = 3;
    let mut lines = vec!["nodes:".to_owned()];
    lines.extend(items.iter().take(SHOWN).map(as_entry));
    if items.len() > SHOWN || items.is_empty() {
        lines.push("  …".to_owned());
    }
    lines.join("\n")
}

fn as_entry(item: &Node<'_>) -> String {
    let Kind::Mapping(entries) = &item.kind else { return "  name: { task: … }".to_owned() };
    let text = |keys: [&str; 2]| {
        entries.iter().find(|entry| keys.contains(&&*entry.key)).and_then(|entry| match &entry.value.kind {
            Kind::Text(text) => Some(text.value.as_ref()),
            _ => None,
        })
    };
    let needs =
        entries.iter().find(|entry| entry.key == "depends_on").and_then(|entry| match &entry.value.kind {
            Kind::List(names) if !names.is_empty() => Some(names),
            _ => None,
        });
    let mut keys = vec![format!("task: {}", text(["task", "task"]).unwrap_or("…"))];
    if let Some(names) = needs {
        let names: Vec<&str> = names
            .iter()
            .map(|name| match &name.kind {
                Kind::Text(text) => &*text.value,
                _ => "…",
            })
            .collect();
        keys.push(format!("depends_on: [{}]", names.join(", ")));
    }
    format!("  {}: {{ {} }}", text(["id", "key"]).unwrap_or("name"), keys.join(", "))
}
