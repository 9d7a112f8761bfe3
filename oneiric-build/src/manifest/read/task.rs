//! The entries of `tasks`.

use super::fields::{Fields, expected, text, word};
use super::section::{Form, Key, Section};
use super::{duration, fields, rank, retry, settings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::Rank;
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{Spanned, Task, TaskDoes, faults};

pub(in crate::manifest) static TASK: Section = Section {
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
        Key::new(
            "action",
            &Form::Text,
            "The built-in action that it runs, such as `http.fetch`, or the name of one of `actions`.",
        )
        .later("write a Rust function and `run` it, or start a program with `exec`"),
        Key::new("settings", &Form::Values, "The settings of its action."),
        Key::new(
            "effect",
            &Form::Word(&EFFECT),
            "What is known of its effect when the process dies while it runs.",
        )
        .later("leave it out: a task that was interrupted runs again, with the same idempotency key"),
        rank::PROVIDER,
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &["run", "exec", "action"],
};

const EFFECT: [(&str, &str); 2] = [
    ("at-least-once", "It runs again when the process died while it ran."),
    ("at-most-once", "It waits for a person when the process died while it ran."),
];

/// The keys that say what a task does.
const WHAT: [&str; 3] = ["run", "exec", "action"];

/// As much of a path as can be said without knowing which words Rust keeps for itself.
static PATH: Form = Form::Pattern {
    name: "function-path",
    regex: "^[^:\\s]+(::[^:\\s]+)+$",
    except: &[],
    examples: &["shop::charge"],
};

pub(in crate::manifest) fn read(
    name: Spanned<String>,
    value: &Node<'_>,
    faults: &mut Diagnostics,
) -> (Rank, Task) {
    let mut task = Task::named(name);
    let Some(fields) = Fields::open(value, task.name.span, &TASK, faults) else {
        return (Rank::default(), task);
    };
    let rank = rank::read(&fields, faults);

    let mut said = fields.among(&WHAT);
    match (said.next(), said.next()) {
        (Some((first, it)), Some((second, other))) if first != second => faults.push(
            Diagnostic::error(
                &faults::DOES,
                other.key_span,
                format!("the task `{}` has both `{first}` and `{second}`", task.name.value),
            )
            .related(it.key_span, meaning(first, "it"))
            .label(meaning(second, "and"))
            .help("make two tasks of it"),
        ),
        (Some((what, entry)), _) => {
            task.does = match what {
                "run" => path(&entry.value, faults).map(TaskDoes::Run),
                "exec" => argv(&entry.value, faults).map(TaskDoes::Exec),
                _ => text(&entry.value, faults).map(TaskDoes::Action),
            }
        }
        (None, _) => faults.push(
            Diagnostic::error(
                &faults::DOES,
                task.name.span,
                format!("the task `{}` does nothing", task.name.value),
            )
            .help("write `run: \"crate::function\"` or `exec: [program, argument]`"),
        ),
    }
    task.settings = settings::read(fields.get("settings"), faults);
    if let Some(settings) = fields.entry("settings") {
        fields::demand(fields.entry("action"), settings, "action", faults);
    }
    if let Some(node) = fields.get("effect") {
        word(node, &EFFECT, faults);
    }
    if let Some(description) = fields.get("description") {
        text(description, faults);
    }
    task.retry = fields.entry("retry").and_then(|entry| retry::read(entry, faults)).map(|retry| retry.value);
    task.timeout = fields
        .get("timeout")
        .and_then(|node| duration::read_positive(node, faults))
        .map(|timeout| timeout.value);
    (rank, task)
}

/// What a key of [`WHAT`] makes of a task.
fn meaning(key: &str, subject: &str) -> String {
    let does = match key {
        "run" => "calls a function",
        "exec" => "starts a program",
        _ => "runs an action",
    };
    format!("{subject} {does}")
}

/// `package::module::function`.
pub(in crate::manifest) fn path(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
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
pub(in crate::manifest) fn argv(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<Spanned<String>>> {
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
    let words: Vec<Spanned<String>> = words.into_iter().collect::<Option<_>>()?;
    if words[0].is_empty() {
        faults.push(Diagnostic::error(&faults::DOES, items[0].span, "the program has no name"));
        return None;
    }
    Some(words)
}
