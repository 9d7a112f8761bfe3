//! Reads mappings key by key, and simple values, with one way of saying what was expected.

use std::collections::HashMap;

use serde_json::Number;

use super::section::Section;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Span, Spanned, faults};

/// A mapping with the keys of one section.
pub(in crate::manifest) struct Fields<'t, 's> {
    at: Span,
    section: &'static Section,
    entries: &'t [Entry<'s>],
    /// Entries whose key is misspelt, each under the key that it comes closest to. The slip has been reported, and reading
    /// goes on as if it were none, so that it is not told again as a key that is missing.
    meant: Vec<(&'static str, &'t Entry<'s>)>,
}

impl<'t, 's> Fields<'t, 's> {
    /// The keys of `node`. Reports those that do not belong there; `at` is where a missing one is reported.
    pub(in crate::manifest) fn open(
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
        let mut fields = Self { at, section, entries, meant: Vec::new() };
        for entry in entries {
            if faults.is_full() {
                break;
            }
            let key = &*entry.key;
            let known = section.key(key);
            if let Some(today) = known.and_then(|key| key.later) {
                faults.push(later(entry.key_span, &format!("`{key}`"), today));
            } else if known.is_none() && key != "<<" {
                let near = nearest(key, &section.names().collect::<Vec<_>>());
                faults.push(unknown(entry, section, near));
                fields
                    .meant
                    .extend(section.names().find(|name| Some(*name) == near).map(|near| (near, entry)));
            }
        }
        Some(fields)
    }

    /// The value of a key, if it is there.
    pub(in crate::manifest) fn get(&self, key: &str) -> Option<&'t Node<'s>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its value, if it is there.
    pub(in crate::manifest) fn entry(&self, key: &str) -> Option<&'t Entry<'s>> {
        debug_assert!(self.section.key(key).is_some(), "`{key}` is not a key of {}", self.section.what);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .or_else(|| self.meant.iter().find(|(meant, _)| *meant == key).map(|(_, entry)| *entry))
    }

    /// Those of `keys` that are there, each with its entry, in the text's order.
    pub(in crate::manifest) fn among(
        &self,
        keys: &'static [&'static str],
    ) -> impl Iterator<Item = (&'static str, &'t Entry<'s>)> {
        self.entries.iter().filter_map(|entry| {
            let is_it = |key: &&'static str| self.entry(key).is_some_and(|found| std::ptr::eq(found, entry));
            let key = keys.iter().copied().find(|key| entry.key == *key || is_it(key));
            key.map(|key| (key, entry))
        })
    }

    /// The value of a key that has to be there; `example` shows how to write it.
    pub(in crate::manifest) fn require(
        &self,
        key: &str,
        example: &str,
        faults: &mut Diagnostics,
    ) -> Option<&'t Node<'s>> {
        debug_assert!(self.section.key(key).is_some_and(|key| key.is_required), "`{key}` can be left out");
        self.require_one(key, example, faults)
    }

    /// Like [`require`](Self::require), for a key that stands for all the names that its value can go by.
    pub(in crate::manifest) fn require_one(
        &self,
        key: &str,
        example: &str,
        faults: &mut Diagnostics,
    ) -> Option<&'t Node<'s>> {
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

fn unknown(entry: &Entry<'_>, section: &Section, near: Option<&str>) -> Diagnostic {
    let fault = Diagnostic::error(
        &faults::UNKNOWN_KEY,
        entry.key_span,
        format!("`{}` is not a key of {}", entry.key, section.what),
    );
    if let Some(name) = near {
        return fault.help(format!("did you mean `{name}`?"));
    }
    let keys: Vec<String> = section.names().map(|key| format!("`{key}`")).collect();
    fault.help(format!("its keys are {}", keys.join(", ")))
}

/// The entries of a mapping whose keys are names that the manifest gives, each of them a `noun`.
pub(in crate::manifest) fn entries<'t, 's>(
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

/// That something is read and checked, and not compiled yet; `today` says what works instead.
pub(crate) fn later(span: Span, what: &str, today: &str) -> Diagnostic {
    Diagnostic::error(&faults::LATER, span, format!("{what} is not supported yet"))
        .label("this version checks it and does not compile it")
        .help(today)
}

/// Reports the keys that stand more than once.
pub(in crate::manifest) fn repeated(entries: &[Entry<'_>], noun: &str, faults: &mut Diagnostics) {
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
pub(in crate::manifest) fn expected(node: &Node<'_>, what: &str, faults: &mut Diagnostics) {
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

/// Reports a key that says nothing without another one.
pub(in crate::manifest) fn demand(
    other: Option<&Entry<'_>>,
    entry: &Entry<'_>,
    key: &str,
    faults: &mut Diagnostics,
) {
    if other.is_none() {
        faults.push(
            Diagnostic::error(
                &faults::MISSING_KEY,
                entry.key_span,
                format!("`{}` says nothing without `{key}`", entry.key),
            )
            .help(format!("add `{key}`, or remove it")),
        );
    }
}

/// At most a line of a value, for use in a message.
pub(in crate::manifest) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.trim_end().len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

/// A value that is text. A number or boolean is not quietly taken for one: `1.10` would lose its zero.
pub(in crate::manifest) fn text(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<String>> {
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
pub(in crate::manifest) fn count(node: &Node<'_>, faults: &mut Diagnostics) -> Option<u32> {
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

/// A whole number between two, both included.
pub(in crate::manifest) fn integer(
    node: &Node<'_>,
    least: i64,
    most: i64,
    faults: &mut Diagnostics,
) -> Option<i64> {
    let Kind::Number(number) = &node.kind else {
        expected(node, "a whole number", faults);
        return None;
    };
    let value = number.as_i64().filter(|value| (least..=most).contains(value));
    if value.is_none() {
        faults.push(outside(node, number, &format!("a whole number from {least} to {most}")));
    }
    value
}

/// `true` or `false`.
pub(in crate::manifest) fn boolean(node: &Node<'_>, faults: &mut Diagnostics) -> Option<bool> {
    if let Kind::Bool(value) = node.kind {
        return Some(value);
    }
    expected(node, "`true` or `false`", faults);
    None
}

/// One of these words.
pub(in crate::manifest) fn word(
    node: &Node<'_>,
    words: &[(&'static str, &str)],
    faults: &mut Diagnostics,
) -> Option<&'static str> {
    let said = text(node, faults)?;
    let found = words.iter().find(|(word, _)| *word == said.value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let listed = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
        let message = format!("`{}` is not {}", shortened(&said.value), listed.join(" or "));
        let fault = Diagnostic::error(&faults::VALUE, node.span, message);
        faults.push(match nearest(&said.value, &known) {
            Some(name) => fault.help(format!("did you mean `{name}`?")),
            None => words.iter().fold(fault, |fault, (word, meaning)| {
                fault.help(format!("`{word}`: {}", as_phrase(meaning)))
            }),
        });
    }
    found.map(|(word, _)| *word)
}

/// A sentence as it goes on after a colon.
fn as_phrase(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// A list of texts, of which there has to be one.
pub(in crate::manifest) fn texts(
    node: &Node<'_>,
    what: &str,
    faults: &mut Diagnostics,
) -> Option<Vec<Spanned<String>>> {
    let Kind::List(items) = &node.kind else {
        expected(node, &format!("a list of {what}"), faults);
        if let (Kind::Text(one), Some(fault)) = (&node.kind, faults.last_mut()) {
            fault.help.push(format!("write `[{}]`", one.value));
        }
        return None;
    };
    if items.is_empty() {
        faults.push(Diagnostic::error(&faults::VALUE, node.span, format!("the list of {what} is empty")));
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| text(item, faults)).collect();
    read.into_iter().collect()
}

/// A number from 0 to 1.
pub(in crate::manifest) fn ratio(node: &Node<'_>, faults: &mut Diagnostics) -> Option<f64> {
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
