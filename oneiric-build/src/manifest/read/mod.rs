//! Reads the tree as a manifest, one file for each part of it, and collects every fault of form on the way.
//!
//! A value that cannot be read is reported and left out, and reading goes on. Whether names refer to something is for
//! `rules`.

mod adapter;
pub(super) mod condition;
pub(super) mod duration;
pub(super) mod event;
pub(super) mod fields;
mod http;
mod lints;
pub(super) mod name;
mod node;
pub(super) mod rank;
mod reference;
pub(super) mod retry;
mod schedule;
mod secrets;
pub(crate) mod section;
mod selection;
mod service;
pub(super) mod settings;
pub(super) mod task;
pub(super) mod title;
pub(super) mod value;
pub(super) mod workflow;

pub(crate) use adapter::ADAPTER;
pub(crate) use fields::later;
use fields::{Fields, expected, text, word};
use section::{Form, Key, Section};

use super::candidate::{Candidates, Rank};
use super::yaml::{self, Kind};
use super::{Draft, PROFILES, Span, Spanned, faults};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Reports the keys that stand more than once.
pub(super) fn repeated_key(entries: &[yaml::Entry<'_>], faults: &mut Diagnostics) {
    fields::repeated(entries, "key", faults);
}

/// The version of the schema that this compiler reads.
const VERSION: u64 = 1;

/// The longest name of a program. File systems take 255 bytes, and some need room for an ending and a temporary name.
const MAX_PROGRAM_NAME: usize = 128;

/// The folders that cargo keeps beside the binaries it builds: a binary of such a name is refused.
const CARGO_FOLDERS: [&str; 4] = ["build", "deps", "examples", "incremental"];

/// All of a manifest.
pub(crate) static TOP: Section = Section {
    what: "a manifest",
    about: "What a program is made of: `oneiric build` checks it and compiles it to one static binary.",
    keys: &[
        Key::new("oneiric", &Form::Version(VERSION), "The version of the manifest's schema.").required(),
        Key::new("name", &PROGRAM_NAME, "The name of the program, which is the name of its binary.")
            .required(),
        Key::new("description", &Form::Text, "What the program is for."),
        Key::new(
            "package",
            &Form::Text,
            "The cargo package whose library holds the Rust functions that tasks `run`.",
        ),
        Key::new(
            "lints",
            &lints::FORM,
            "What becomes of warnings, by code or name; `all` is all that are not named.",
        ),
        Key::new(
            "profile",
            &Form::Word(&PROFILES),
            "The profile that the program is for, whatever it is started with. `--profile` of a build has the last word.",
        ),
        Key::new(
            "tasks",
            &Form::Table { name: &name::FORM, of: &TASKS, least: 0 },
            "Pieces of work, by name. A node names the task that it runs.",
        ),
        // That there is one is demanded by a rule, which has more to say about it.
        Key::new(
            "workflows",
            &Form::Table { name: &name::FORM, of: &WORKFLOWS, least: 1 },
            "Graphs of nodes, by name. Each can be run by itself.",
        )
        .required(),
        Key::new("adapters", &ADAPTERS, "Connections to what is outside of the program, by name."),
        Key::new("actions", &ACTIONS, "Built-in actions with settings of their own, by name.")
            .later("write a Rust function and `run` it, or start a program with `exec`"),
        Key::new("services", &SERVICES, "What runs as long as the program does, by name.")
            .later("start it beside the program, with a process manager"),
        Key::new("events", &EVENTS, "Handlers of events, by name.")
            .later("start runs with `workflow run`, or with a POST to `/tasks/workflow`"),
        Key::new("schedules", &SCHEDULES, "When workflows run, by name.")
            .later("let cron or a systemd timer start `workflow run`"),
        Key::new("secrets", &Form::Section(&secrets::SECRETS), "Where secrets come from."),
        Key::new(
            "scheduler",
            &Form::Section(&workflow::SCHEDULER),
            "What takes the runs of workflows that say nothing about it, when they are enqueued.",
        ),
        Key::new("checkpoint", &Form::Section(&secrets::CHECKPOINT), "Where runs are kept.")
            .later("runs are kept in a file in `ONEIRIC_STATE_DIR`"),
        Key::new("http", &Form::Section(&http::HTTP), "Who may call the program.")
            .later("it listens on the loopback address; put a proxy that asks who calls in front of it"),
        Key::new("profiles", &BY_PROFILE, "What differs from profile to profile.")
            .later("`selections` and the `profile` of candidates work today"),
        Key::new(
            "selections",
            &selection::FORM,
            "Which candidate is taken for a key, whatever its rank: by section, then by key.",
        ),
    ],
    one_of: &[],
};

/// One candidate, or several.
static TASKS: Form =
    Form::Either(&[&Form::Section(&task::TASK), &Form::List { of: &Form::Section(&task::TASK), least: 1 }]);
static WORKFLOWS: Form = Form::Either(&[
    &Form::Section(&workflow::WORKFLOW),
    &Form::List { of: &Form::Section(&workflow::WORKFLOW), least: 1 },
]);

static ADAPTERS: Form = Form::Table {
    name: &name::FORM,
    of: &Form::Either(&[
        &Form::Section(&adapter::ADAPTER),
        &Form::List { of: &Form::Section(&adapter::ADAPTER), least: 1 },
    ]),
    least: 0,
};
static ACTIONS: Form = Form::Table {
    name: &name::FORM,
    of: &Form::Either(&[
        &Form::Section(&adapter::ACTION),
        &Form::List { of: &Form::Section(&adapter::ACTION), least: 1 },
    ]),
    least: 0,
};
static SERVICES: Form = Form::Table {
    name: &name::FORM,
    of: &Form::Either(&[
        &Form::Section(&service::SERVICE),
        &Form::List { of: &Form::Section(&service::SERVICE), least: 1 },
    ]),
    least: 0,
};
static EVENTS: Form = Form::Table {
    name: &name::FORM,
    of: &Form::Either(&[
        &Form::Section(&event::EVENT),
        &Form::List { of: &Form::Section(&event::EVENT), least: 1 },
    ]),
    least: 0,
};
static SCHEDULES: Form = Form::Table {
    name: &name::FORM,
    of: &Form::Either(&[
        &Form::Section(&schedule::SCHEDULE),
        &Form::List { of: &Form::Section(&schedule::SCHEDULE), least: 1 },
    ]),
    least: 0,
};
static BY_PROFILE: Form =
    Form::Table { name: &name::FORM, of: &Form::Section(&selection::PROFILE), least: 0 };

/// What a binary can be called.
static PROGRAM_NAME: Form = Form::Pattern {
    name: "program-name",
    regex: "^[a-z][a-z0-9-]{0,127}$",
    except: &CARGO_FOLDERS,
    examples: &["my-program"],
};

pub(super) fn manifest(tree: &yaml::Node<'_>, faults: &mut Diagnostics) -> Option<Draft> {
    let top = Span::new(tree.span.start, tree.span.start);
    let fields = Fields::open(tree, top, &TOP, faults)?;

    version(&fields, faults);
    let name = fields
        .require("name", "name: my-program", faults)
        .and_then(|node| text(node, faults))
        .inspect(|name| program_name(name, faults));
    let mut draft = Draft {
        // Without a name there is an error already, and the rest can be judged all the same.
        name: name.unwrap_or_else(|| Spanned::new(String::new(), top)),
        workflows_at: top,
        ..Draft::default()
    };
    draft.description = fields.get("description").and_then(|node| text(node, faults)).map(|text| text.value);
    draft.package = fields.get("package").and_then(|node| text(node, faults));
    draft.lints = fields.get("lints").map(|node| lints::read(node, faults)).unwrap_or_default();
    draft.profile = fields.get("profile").and_then(|node| word(node, &PROFILES, faults));
    draft.tasks = section(&fields, "tasks", "task", task::read, faults);
    draft.workflows = section(&fields, "workflows", "workflow", workflow::read, faults);
    if let Some(entry) = fields.entry("workflows") {
        draft.workflows_at = entry.key_span;
    }
    draft.adapters = section(&fields, "adapters", "adapter", adapter::read, faults);
    draft.actions = section(&fields, "actions", "action", adapter::read_action, faults);
    draft.services = section(&fields, "services", "service", service::read, faults);
    draft.events = section(&fields, "events", "event", event::read, faults);
    draft.schedules = section(&fields, "schedules", "schedule", schedule::read, faults);
    draft.secrets = fields.entry("secrets").and_then(|entry| secrets::read(entry, faults));
    draft.scheduler = fields.entry("scheduler").and_then(|entry| workflow::scheduler(entry, faults));
    draft.checkpoint = fields.entry("checkpoint").and_then(|entry| secrets::checkpoint(entry, faults));
    draft.http = fields.entry("http").and_then(|entry| http::read(entry, faults));
    draft.selections = fields.get("selections").map(|node| selection::read(node, faults)).unwrap_or_default();
    if let Some(node) = fields.get("profiles") {
        selection::profiles(node, faults);
    }
    Some(draft)
}

/// The entries of a section by name: none where it is not there, `None` where it cannot be read.
fn section<T>(
    fields: &Fields<'_, '_>,
    key: &str,
    noun: &str,
    read: impl Fn(Spanned<String>, &yaml::Node<'_>, &mut Diagnostics) -> (Rank, T),
    faults: &mut Diagnostics,
) -> Option<Vec<Candidates<T>>> {
    match fields.get(key) {
        None => Some(Vec::new()),
        Some(node) => rank::candidates(node, &format!("{key} by name"), noun, read, faults),
    }
}

fn version(fields: &Fields<'_, '_>, faults: &mut Diagnostics) {
    let Some(node) = fields.require("oneiric", "oneiric: 1", faults) else { return };
    match &node.kind {
        Kind::Number(number) if number.as_u64() == Some(VERSION) => {}
        Kind::Number(number) => faults.push(
            Diagnostic::error(
                &faults::VERSION,
                node.span,
                format!("version {number} of the schema is not known"),
            )
            .help(format!("this compiler reads `oneiric: {VERSION}`")),
        ),
        _ => expected(node, "the version of the schema, `1`", faults),
    }
}

/// Reports a name that no program can have.
pub(super) fn program_name(name: &Spanned<String>, faults: &mut Diagnostics) {
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= MAX_PROGRAM_NAME
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if CARGO_FOLDERS.contains(&&*name.value) {
        faults.push(
            Diagnostic::error(
                &faults::NAME,
                name.span,
                format!("`{}` cannot be the name of a program", name.value),
            )
            .label("cargo keeps a folder of this name where the binary would be")
            .help(format!("call it `{}-app`, for example", name.value)),
        );
    } else if !fits {
        faults.push(
            Diagnostic::error(&faults::NAME, name.span, format!("`{}` cannot be the name of a program", name.value))
                .help(format!("it begins with a letter a-z and goes on with a-z, 0-9 and `-`, {MAX_PROGRAM_NAME} characters at most")),
        );
    }
}
