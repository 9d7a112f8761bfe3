//! Conditions: the closed grammar that filters of events and `when` share.
//!
//! `equals`, `any_of` and `exists`, and nothing else. The original dropped what it did not understand, so that a filter with
//! a slip in it let everything through; here such a filter is refused.

use serde_json::Value;

use super::fields::{Fields, boolean, expected, text};
use super::section::{Form, Key, Section};
use super::value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{Condition, Expr, Filter, Reference, Root, Spanned, Test, faults};

const EQUALS: Key = Key::new("equals", &Form::Any, "The value is this one.");
const ANY_OF: Key =
    Key::new("any_of", &Form::List { of: &Form::Any, least: 1 }, "The value is one of these.");
const EXISTS: Key = Key::new("exists", &Form::Bool, "The value is there, or is not.");

/// A filter of an event.
pub(in crate::manifest) static FILTER: Section = Section {
    what: "a filter",
    about: "What has to hold of one value of an event.",
    keys: &[
        Key::new("path", &Form::Text, "Where the value is: `topic`, `payload.…` or `headers.…`.").required(),
        EQUALS,
        ANY_OF,
        EXISTS,
    ],
    one_of: &[],
};

static CONDITION: Section = Section {
    what: "a condition",
    about: "What has to hold of a value for a node to run.",
    keys: &[
        Key::new("value", &Form::Text, "A reference: `${input.region}` or `${node.path}`.").required(),
        EQUALS,
        ANY_OF,
        EXISTS,
    ],
    one_of: &[],
};

/// The value of `filters`.
pub(in crate::manifest) fn filters(node: &Node<'_>, faults: &mut Diagnostics) -> Vec<Filter> {
    let Kind::List(items) = &node.kind else {
        expected(node, "a list of filters", faults);
        return Vec::new();
    };
    items.iter().filter_map(|item| filter(item, faults)).collect()
}

fn filter(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Filter> {
    let fields = Fields::open(node, node.span, &FILTER, faults)?;
    let at = fields.require("path", "path: payload.tenant", faults).and_then(|node| path(node, faults));
    let tests = tests(node, &fields, faults);
    Some(Filter { path: at?, tests: tests? })
}

/// `topic`, `payload.a.b` or `headers.a`. The original looked up anything else in the payload, where it rarely was.
pub(in crate::manifest) fn path(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    let path = text(node, faults)?;
    let mut segments = path.split('.');
    let root = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    let fits = match root {
        "topic" => rest.is_empty(),
        "payload" | "headers" => !rest.is_empty() && rest.iter().all(|segment| !segment.is_empty()),
        _ => false,
    };
    if fits {
        return Some(path);
    }
    let fault =
        Diagnostic::error(&faults::FILTER, path.span, format!("`{}` is no place in an event", path.value));
    faults.push(match root {
        "payload" | "headers" | "topic" | "" => {
            fault.help("write `topic`, or a path such as `payload.tenant` or `headers.source`")
        }
        _ => fault.help(format!("did you mean `payload.{}`?", path.value)),
    });
    None
}

/// The value of `when`: a reference to a boolean, a condition, or a list of conditions.
pub(in crate::manifest) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Vec<Condition> {
    match &node.kind {
        Kind::List(items) if !items.is_empty() => {
            items.iter().filter_map(|item| condition(item, faults)).collect()
        }
        Kind::List(_) => {
            faults.push(
                Diagnostic::error(&faults::FILTER, node.span, "the list of conditions is empty")
                    .help("add a condition, or remove `when`"),
            );
            Vec::new()
        }
        _ => condition(node, faults).into_iter().collect(),
    }
}

fn condition(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Condition> {
    if matches!(node.kind, Kind::Text(_)) {
        let tests = vec![Spanned::new(Test::AnyOf(vec![Value::Bool(true)]), node.span)];
        return reference(node, faults).map(|reference| Condition { reference, tests });
    }
    if !matches!(node.kind, Kind::Mapping(_)) {
        expected(node, "a condition such as `{ value: \"${input.region}\", equals: eu }`", faults);
        return None;
    }
    let fields = Fields::open(node, node.span, &CONDITION, faults)?;
    let value = fields.require("value", "value: \"${input.region}\"", faults);
    let reference = value.and_then(|node| reference(node, faults));
    let tests = tests(node, &fields, faults);
    Some(Condition { reference: reference?, tests: tests? })
}

/// Text that is one reference and nothing else.
pub(in crate::manifest) fn reference(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Reference> {
    let Kind::Text(text) = &node.kind else {
        expected(node, "a reference such as `${node.list}`", faults);
        return None;
    };
    if let Expr::Reference(reference) = value::expr(node, faults)? {
        if let Root::Secret(_) = reference.root {
            faults.push(
                Diagnostic::error(&faults::REFERENCE, reference.span, "a run cannot go by a secret")
                    .note("what decides about a run is kept with it, and secrets are kept nowhere")
                    .help("give the secret to a task, and refer to what the task makes of it"),
            );
            return None;
        }
        if reference.root == Root::Item {
            let fault = Diagnostic::error(
                &faults::REFERENCE,
                reference.span,
                "only the run's input and what earlier nodes returned can stand here",
            );
            faults.push(fault.help("write `${node.path}` or `${input.path}`"));
            return None;
        }
        return Some(reference);
    }
    let message = format!("`{}` is not one reference", super::fields::shortened(&text.value));
    faults.push(
        Diagnostic::error(&faults::REFERENCE, node.span, message)
            .help("write `${node.path}` or `${input.path}`"),
    );
    None
}

/// The tests of a filter or condition, of which there has to be one.
fn tests(node: &Node<'_>, fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Option<Vec<Spanned<Test>>> {
    let mut found = Vec::new();
    let mut sound = true;
    if let Some(entry) = fields.entry("equals") {
        match value::literal_of(&entry.value, faults) {
            Some(value) => found.push(Spanned::new(Test::AnyOf(vec![value]), entry.value.span)),
            None => sound = false,
        }
    }
    if let Some(entry) = fields.entry("any_of") {
        match any_of(&entry.value, faults) {
            Some(test) => found.push(Spanned::new(test, entry.value.span)),
            None => sound = false,
        }
    }
    if let Some(entry) = fields.entry("exists") {
        match boolean(&entry.value, faults) {
            Some(value) => found.push(Spanned::new(Test::Exists(value), entry.value.span)),
            None => sound = false,
        }
    }
    if found.is_empty() && sound {
        // A misspelt test has been reported as an unknown key, and is the one mistake.
        let known = ["path", "value"];
        let misspelt = matches!(&node.kind, Kind::Mapping(entries) if entries.iter().any(|one| !known.contains(&&*one.key)));
        if !misspelt {
            faults.push(
                Diagnostic::error(&faults::FILTER, node.span, "it tests nothing")
                    .help("add `equals: value`, `any_of: [values]` or `exists: true`"),
            );
        }
        return None;
    }
    (sound && !found.is_empty()).then_some(found)
}

fn any_of(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Test> {
    let Kind::List(items) = &node.kind else {
        expected(node, "a list of values", faults);
        return None;
    };
    if items.is_empty() {
        faults.push(
            Diagnostic::error(&faults::FILTER, node.span, "no value is in an empty list")
                .label("nothing would ever pass")
                .help("add the values that are meant, or remove `any_of`"),
        );
        return None;
    }
    let values: Vec<_> = items.iter().map(|item| value::literal_of(item, faults)).collect();
    values.into_iter().collect::<Option<_>>().map(Test::AnyOf)
}
