//! Reads mappings key by key, and simple values, with one way of saying what was expected.

use std::collections::HashMap;

use serde_json::Number;

use super::section::Section;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Span, Spanned, faults};

/// A mapping with the keys of one section.
pub(super) struct Fields<'t, 's> {
    at: Span,
    section: &'static Section,
    entries: &'t [Entry<'s>],
}

impl<'t, 's> Fields<'t, 's> {
    /// The keys of `node`. Reports those that do not belong there; `at` is where a missing one is reported.
    pub(super) fn open(
        node: &'t Node<'s>,
        at: Span,
        section: &'static Section,
        faults: &mut Diagnostics,
    ) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            let keys = section.names().take(3).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            expected(node, &format!("{}: a mapping with keys such as {keys}", section.what), faults);
            return None;
        };
        repeated(entries, "key", faults);
        for entry in entries {
            if faults.is_full() {
                break;
            }
            let key = &*entry.key;
            if section.key(key).is_some() || key == "<<" {
                continue;
            }
            if section.later.contains(&key) {
                faults.push(
                    Diagnostic::error(
                        &faults::LATER,
                        entry.key_span,
                        format!("`{key}` is not supported yet"),
                    )
                    .label(format!("this version does not compile it in {}", section.what)),
                );
            } else {
                faults.push(unknown(entry, section));
            }
        }
        Some(Self { at, section, entries })
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'t Node<'s>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its value, if it is there.
    pub(super) fn entry(&self, key: &str) -> Option<&'t Entry<'s>> {
        debug_assert!(self.section.key(key).is_some(), "`{key}` is not a key of {}", self.section.what);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key that has to be there; `example` shows how to write it.
    pub(super) fn require(&self, key: &str, example: &str, faults: &mut Diagnostics) -> Option<&'t Node<'s>> {
        debug_assert!(self.section.key(key).is_some_and(|key| key.is_required), "`{key}` can be left out");
        let found = self.get(key);
        if found.is_none() {
            faults.push(
                Diagnostic::error(
                    &faults::MISSING_KEY,
                    self.at,
                    format!("{} needs `{key}`", self.section.what),
                )
                .help(format!("write `{example}`")),
            );
        }
        found
    }
}

fn unknown(entry: &Entry<'_>, section: &Section) -> Diagnostic {
    let known: Vec<&str> = section.names().chain(section.later.iter().copied()).collect();
    let fault = Diagnostic::error(
        &faults::UNKNOWN_KEY,
        entry.key_span,
        format!("`{}` is not a key of {}", entry.key, section.what),
    );
    if let Some(name) = nearest(&entry.key, &known) {
        return fault.help(format!("did you mean `{name}`?"));
    }
    let keys: Vec<String> = section.names().map(|key| format!("`{key}`")).collect();
    fault.help(format!("its keys are {}", keys.join(", ")))
}

/// The entries of a mapping whose keys are names that the manifest gives, each of them a `noun`.
pub(super) fn entries<'t, 's>(
    node: &'t Node<'s>,
    what: &str,
    noun: &str,
    faults: &mut Diagnostics,
) -> Option<&'t [Entry<'s>]> {
    let Kind::Mapping(entries) = &node.kind else {
        expected(node, what, faults);
        return None;
    };
    repeated(entries, noun, faults);
    Some(entries)
}

/// Reports that `entry` gives a list of candidates for a `noun`, if it does.
pub(super) fn has_candidates(entry: &Entry<'_>, noun: &str, faults: &mut Diagnostics) -> bool {
    let found = matches!(entry.value.kind, Kind::List(_));
    if found {
        faults.push(
            Diagnostic::error(&faults::LATER, entry.key_span, "a list of candidates is not supported yet")
                .help(format!("give the one {noun} that is meant")),
        );
    }
    found
}

/// Reports the keys that stand more than once.
pub(super) fn repeated(entries: &[Entry<'_>], noun: &str, faults: &mut Diagnostics) {
    let mut report = |first: &Entry<'_>, again: &Entry<'_>| {
        faults.push(
            Diagnostic::error(
                &faults::DUPLICATE_KEY,
                again.key_span,
                format!("the {noun} `{}` stands twice", again.key),
            )
            .label("here again")
            .related(first.key_span, "here first"),
        );
    };
    // Most mappings are small, and comparing a handful of keys is quicker than hashing them.
    if entries.len() <= 8 {
        for (index, again) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|first| first.key == again.key) {
                report(first, again);
            }
        }
        return;
    }
    let mut seen = HashMap::with_capacity(entries.len());
    for entry in entries {
        match seen.entry(&*entry.key) {
            std::collections::hash_map::Entry::Vacant(free) => _ = free.insert(entry),
            std::collections::hash_map::Entry::Occupied(first) => report(first.get(), entry),
        }
    }
}

/// Says that `node` is not what it should be.
pub(super) fn expected(node: &Node<'_>, what: &str, faults: &mut Diagnostics) {
    let found = match &node.kind {
        Kind::Broken => return,
        Kind::Null => "nothing".to_owned(),
        Kind::Bool(value) => format!("the boolean `{value}`"),
        Kind::Number(value) => format!("the number `{value}`"),
        Kind::Text(text) => format!("the text `{}`", shortened(&text.value)),
        Kind::List(_) => "a list".to_owned(),
        Kind::Mapping(_) => "a mapping".to_owned(),
    };
    faults.push(Diagnostic::error(&faults::WRONG_TYPE, node.span, format!("expected {what}, found {found}")));
}

/// At most a line of a value, for use in a message.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.trim_end().len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

/// A value that is text. A number or boolean is not quietly taken for one: `1.10` would lose its zero.
pub(super) fn text(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
    match &node.kind {
        Kind::Text(text) => Some(Spanned::new(text.value.clone().into_owned(), node.span)),
        Kind::Number(_) | Kind::Bool(_) => {
            expected(node, "text", faults);
            if let Some(fault) = faults.last_mut() {
                fault.help.push("put it in quotes to make it text".to_owned());
            }
            None
        }
        _ => {
            expected(node, "text", faults);
            None
        }
    }
}

/// A whole number of at least 1.
pub(super) fn count(node: &Node<'_>, faults: &mut Diagnostics) -> Option<u32> {
    let Kind::Number(number) = &node.kind else {
        expected(node, "a whole number", faults);
        return None;
    };
    let value = number.as_u64().and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0);
    if value.is_none() {
        faults.push(outside(node, number, "a whole number of at least 1"));
    }
    value
}

/// A number from 0 to 1.
pub(super) fn ratio(node: &Node<'_>, faults: &mut Diagnostics) -> Option<f64> {
    let Kind::Number(number) = &node.kind else {
        expected(node, "a number from 0 to 1", faults);
        return None;
    };
    let value = number.as_f64().filter(|value| (0.0..=1.0).contains(value));
    if value.is_none() {
        faults.push(outside(node, number, "a number from 0 to 1"));
    }
    value
}

fn outside(node: &Node<'_>, number: &Number, allowed: &str) -> Diagnostic {
    Diagnostic::error(&faults::VALUE, node.span, format!("{number} is not {allowed}"))
}
