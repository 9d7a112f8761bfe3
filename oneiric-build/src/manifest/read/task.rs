//! The entries of `tasks`.

use super::fields::{Fields, expected, has_candidates, text};
use super::section::{Form, Key, Section};
use super::{duration, name, retry};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Spanned, Task, TaskDoes, faults};

pub(super) static TASK: Section = Section {
    what: "a task",
    about: "A piece of work that nodes name: a Rust function, or a program.",
    keys: &[
        Key::new(
            "run",
            &PATH,
            "The path of the Rust function that it calls. The function has `#[oneiric::task]`.",
        ),
        Key::new(
            "exec",
            &Form::List { of: &Form::Text, least: 1 },
            "The program that it starts, with its arguments. JSON comes in on standard input and goes out on standard output; no shell reads it.",
        ),
        Key::new("description", &Form::Text, "What the task does."),
        Key::new("retry", &Form::Section(&retry::RETRY), "How failed attempts are tried again."),
        Key::new("timeout", &duration::POSITIVE_FORM, "How long one attempt may take."),
    ],
    one_of: &["run", "exec"],
    later: &["action", "settings", "effect", "priority", "stack_level", "profile"],
};

/// As much of a path as can be said without knowing which words Rust keeps for itself.
static PATH: Form = Form::Pattern {
    name: "function-path",
    regex: "^[^:\\s]+(::[^:\\s]+)+$",
    except: &[],
    examples: &["shop::charge"],
};

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Task {
    let name = name::read(entry, "task", faults);
    let mut task = Task { name, does: None, retry: None, timeout: None };
    if has_candidates(entry, "task", faults) {
        return task;
    }
    let Some(fields) = Fields::open(&entry.value, entry.key_span, &TASK, faults) else { return task };

    task.does = match (fields.entry("run"), fields.entry("exec")) {
        (Some(run), None) => path(&run.value, faults).map(TaskDoes::Run),
        (None, Some(exec)) => argv(&exec.value, faults).map(TaskDoes::Exec),
        (Some(run), Some(exec)) => {
            faults.push(
                Diagnostic::error(
                    &faults::DOES,
                    exec.key_span,
                    format!("the task `{}` has both `run` and `exec`", entry.key),
                )
                .related(run.key_span, "it calls a function")
                .label("and starts a program")
                .help("make two tasks of it"),
            );
            None
        }
        (None, None) => {
            if !is_later(&entry.value) {
                faults.push(
                    Diagnostic::error(
                        &faults::DOES,
                        entry.key_span,
                        format!("the task `{}` does nothing", entry.key),
                    )
                    .help("write `run: \"crate::function\"` or `exec: [program, argument]`"),
                );
            }
            None
        }
    };
    if let Some(description) = fields.get("description") {
        text(description, faults);
    }
    task.retry = fields.entry("retry").and_then(|entry| retry::read(entry, faults)).map(|retry| retry.value);
    task.timeout = fields
        .get("timeout")
        .and_then(|node| duration::read_positive(node, faults))
        .map(|timeout| timeout.value);
    task
}

/// Whether the task says what to do in a way that has been refused already.
fn is_later(node: &Node<'_>) -> bool {
    matches!(&node.kind, Kind::Mapping(entries) if entries.iter().any(|entry| entry.key == "action"))
}

/// `package::module::function`.
fn path(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    let path = text(node, faults)?;
    let segments: Vec<&str> = path.split("::").collect();
    let wrong = segments.iter().find(|segment| syn::parse_str::<syn::Ident>(segment).is_err());
    let why = match wrong {
        Some(&"") => "a name is missing".to_owned(),
        Some(&name @ ("crate" | "self" | "super")) => {
            format!("`{name}` means nothing outside of the package; begin with the package's name")
        }
        Some(name) => format!("`{name}` is not a Rust name"),
        None if segments.len() < 2 => "the package's name is missing in front of it".to_owned(),
        None => return Some(path),
    };
    faults.push(
        Diagnostic::error(
            &faults::PATH,
            path.span,
            format!("`{}` is not the path of a function", path.value),
        )
        .label(why)
        .help("write it as Rust code outside of the package would, such as `shop::charge`"),
    );
    None
}

/// A program and its arguments.
fn argv(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<String>> {
    let Kind::List(items) = &node.kind else {
        expected(node, "a list: the program and its arguments", faults);
        if let (Kind::Text(line), Some(fault)) = (&node.kind, faults.last_mut()) {
            let words: Vec<&str> = line.value.split_whitespace().collect();
            fault.help.push(format!("no shell reads it; write `[{}]`", words.join(", ")));
        }
        return None;
    };
    if items.is_empty() {
        faults.push(
            Diagnostic::error(&faults::DOES, node.span, "the list names no program")
                .help("write `[program, argument]`"),
        );
        return None;
    }
    let words: Vec<_> = items.iter().map(|item| text(item, faults)).collect();
    let words: Vec<String> =
        words.into_iter().map(|word| word.map(|word| word.value)).collect::<Option<_>>()?;
    if words[0].is_empty() {
        faults.push(Diagnostic::error(&faults::DOES, items[0].span, "the program has no name"));
        return None;
    }
    Some(words)
}
