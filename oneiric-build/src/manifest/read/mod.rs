//! Reads the tree as a manifest, one file for each part of it, and collects every fault of form on the way.
//!
//! A value that cannot be read is reported and left out, and reading goes on. Whether names refer to something is for
//! `rules`.

pub(super) mod duration;
mod fields;
mod name;
mod node;
mod reference;
mod retry;
pub(crate) mod section;
mod task;
mod value;
mod workflow;

use fields::{Fields, entries, expected, text};
use section::{Form, Key, Section};

use super::yaml::{self, Kind};
use super::{Manifest, Span, Spanned, faults};
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
            "tasks",
            &Form::Table { name: &name::FORM, of: &Form::Section(&task::TASK), least: 0 },
            "Pieces of work, by name. A node names the task that it runs.",
        ),
        // That there is one is demanded by a rule, which has more to say about it.
        Key::new(
            "workflows",
            &Form::Table { name: &name::FORM, of: &Form::Section(&workflow::WORKFLOW), least: 1 },
            "Graphs of nodes, by name. Each can be run by itself.",
        )
        .required(),
    ],
    one_of: &[],
    later: &[
        "adapters",
        "services",
        "events",
        "schedules",
        "secrets",
        "profiles",
        "actions",
        "http",
        "notifications",
        "source",
        "entries",
    ],
};

/// What a binary can be called.
static PROGRAM_NAME: Form = Form::Pattern {
    name: "program-name",
    regex: "^[a-z][a-z0-9-]{0,127}$",
    except: &CARGO_FOLDERS,
    examples: &["my-program"],
};

pub(super) fn manifest(tree: &yaml::Node<'_>, faults: &mut Diagnostics) -> Option<Manifest> {
    let top = Span::new(tree.span.start, tree.span.start);
    if let Some(entries) = original_form(tree) {
        faults.push(
            Diagnostic::error(
                &faults::LATER,
                entries,
                "this is a manifest of the Python project, which is not supported yet",
            )
            .help("write it in the form of this one: `oneiric: 1`, then `tasks` and `workflows` by name"),
        );
        return None;
    }
    let fields = Fields::open(tree, top, &TOP, faults)?;

    version(&fields, faults);
    let name = fields.require("name", "name: my-program", faults).and_then(|node| program_name(node, faults));
    let description = fields.get("description").and_then(|node| text(node, faults)).map(|text| text.value);
    let package = fields.get("package").and_then(|node| text(node, faults));
    let tasks = fields
        .get("tasks")
        .and_then(|node| entries(node, "tasks by name", "task", faults))
        .map(|found| found.iter().map(|entry| task::read(entry, faults)).collect())
        .unwrap_or_default();
    let (workflows_at, workflows) = match fields.entry("workflows") {
        None => (top, Some(Vec::new())),
        Some(entry) => {
            let workflows = entries(&entry.value, "workflows by name", "workflow", faults)
                .map(|found| found.iter().map(|entry| workflow::read(entry, faults)).collect());
            (entry.key_span, workflows)
        }
    };
    // Without a name there is an error already, and the rest can be judged all the same.
    let name = name.unwrap_or_else(|| Spanned::new(String::new(), top));
    Some(Manifest { name, description, package, tasks, workflows_at, workflows })
}

/// The key that only a manifest of the original has, where there is nothing of this one's.
fn original_form(tree: &yaml::Node<'_>) -> Option<Span> {
    let Kind::Mapping(entries) = &tree.kind else { return None };
    let key = |name: &str| entries.iter().find(|entry| entry.key == name);
    if key("oneiric").is_some() || key("workflows").is_some() {
        return None;
    }
    key("entries").map(|entry| entry.key_span)
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

fn program_name(node: &yaml::Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    let name = text(node, faults)?;
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
    Some(name)
}
