//! The title of what people are told: text with fields such as `{run_id}`. `{{` and `}}` are braces.
//!
//! The runtime fills the fields in. That there are no others is seen to here, so it never meets one that it does not know.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{Span, faults};

/// The fields, with what each says.
const FIELDS: [(&str, &str); 6] = [
    ("level", "`INFO`, `WARNING` or `ERROR`"),
    ("channel", "the `channel`, or the workflow where there is none"),
    ("message", "what has happened, in a sentence"),
    ("workflow", "the workflow"),
    ("run_id", "the run's id"),
    ("status", "what has happened, in a word"),
];

/// A title whose fields there are.
pub(in crate::manifest) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Option<String> {
    let title = super::fields::text(node, faults)?.value;
    let begin = match &node.kind {
        Kind::Text(text) => text.verbatim,
        _ => None,
    };
    let place = |from: usize, to: usize| begin.map_or(node.span, |at| Span::new(at + from, at + to));
    let mut is_sound = true;
    let mut at = 0;
    while let Some(brace) = title[at..].find(['{', '}']).map(|found| at + found) {
        let rest = &title[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            at = brace + 2;
            continue;
        }
        let name = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')).map(|(name, _)| name);
        at = brace + name.map_or(1, |name| name.len() + 2);
        if name.is_some_and(|name| FIELDS.iter().any(|(field, _)| *field == name))
            && !title[..brace].ends_with('$')
        {
            continue;
        }
        is_sound = false;
        faults.push(fault(name, &title[..brace], place(brace, at)));
    }
    is_sound.then_some(title)
}

/// What is wrong with a field, or with a brace that is none's.
fn fault(name: Option<&str>, before: &str, span: Span) -> Diagnostic {
    let error = |message: String| Diagnostic::error(&faults::TITLE, span, message);
    let Some(name) = name else {
        return error("a brace of no field".to_owned()).help("write `{{` or `}}` for a brace");
    };
    let known = FIELDS.map(|(field, _)| field);
    if before.ends_with('$') {
        return error(format!("a title has fields, and `${{{name}}}` is a reference"))
            .help("write `{run_id}` or another field, without the dollar sign");
    }
    let fault = error(format!("a title has no field `{name}`"));
    match nearest(name, &known) {
        Some(near) => fault.help(format!("did you mean `{{{near}}}`?")),
        None => FIELDS
            .iter()
            .fold(fault, |fault, (field, meaning)| fault.help(format!("`{{{field}}}`: {meaning}"))),
    }
}

/// A title in which nothing is a field.
pub(in crate::manifest) fn plain(title: &str) -> String {
    title.replace('{', "{{").replace('}', "}}")
}
