//! The keys that decide between the candidates for one key of the manifest, and the reading of such keys.
//!
//! How they decide is for `candidate`.

use super::fields::{Fields, entries, expected, integer, text, texts};
use super::name;
use super::section::{Form, Key};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::{Candidate, Candidates, Rank};
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{PROFILES, Spanned, faults};

/// The bounds of `priority` and `stack_level`, as the original has them.
const MOST_PRIORITY: i64 = 1_000;
const MOST_STACK_LEVEL: i64 = 100;

pub(in crate::manifest) const PROVIDER: Key =
    Key::new("provider", &Form::Text, "What `selections` call this candidate.");
pub(in crate::manifest) const PROFILE: Key = Key::new(
    "profile",
    &Form::Either(&[&Form::Word(&PROFILES), &Form::List { of: &Form::Word(&PROFILES), least: 1 }]),
    "It is a candidate only in this profile, or in these.",
);
pub(in crate::manifest) const PRIORITY: Key = Key::new(
    "priority",
    &Form::Integer { least: -MOST_PRIORITY, most: MOST_PRIORITY },
    "The candidate of the highest priority is chosen, unless another one is selected.",
);
pub(in crate::manifest) const STACK_LEVEL: Key = Key::new(
    "stack_level",
    &Form::Integer { least: -MOST_STACK_LEVEL, most: MOST_STACK_LEVEL },
    "Among candidates of one priority, the one of the highest stack level is chosen.",
);
pub(in crate::manifest) const ORDER: Key = Key::new(
    "order",
    &Form::Integer { least: -MOST_PRIORITY, most: MOST_PRIORITY },
    "Among candidates of one priority and stack level, the one of the highest order is chosen.",
);

/// What decides between a section's candidate and others. The section has the keys of this file.
pub(in crate::manifest) fn read(fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Rank {
    let rank = read_unnamed(fields, faults);
    let provider = fields.get("provider").and_then(|node| text(node, faults)).map(|name| name.value);
    Rank { provider, ..rank }
}

/// Like [`read`], where the key `provider` is read by the section itself.
pub(in crate::manifest) fn read_unnamed(fields: &Fields<'_, '_>, faults: &mut Diagnostics) -> Rank {
    let mut number =
        |key: &str, most: i64| fields.get(key).and_then(|node| integer(node, -most, most, faults));
    let priority = number("priority", MOST_PRIORITY).unwrap_or_default();
    let stack_level = number("stack_level", MOST_STACK_LEVEL).unwrap_or_default();
    let order = number("order", MOST_PRIORITY);
    let profiles = fields.get("profile").and_then(|node| profiles(node, faults));
    Rank { provider: None, profiles, priority, stack_level, order }
}

fn profiles(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Vec<String>> {
    if matches!(node.kind, Kind::Text(_)) {
        return super::fields::word(node, &PROFILES, faults).map(|word| vec![word.to_owned()]);
    }
    texts(node, "profiles", faults)?;
    let Kind::List(items) = &node.kind else { return None };
    let words: Vec<_> = items.iter().map(|item| super::fields::word(item, &PROFILES, faults)).collect();
    words.into_iter().map(|word| word.map(str::to_owned)).collect()
}

/// The keys of a section of the manifest, each a `noun` with one candidate or several; `None` where it cannot be read.
pub(in crate::manifest) fn candidates<T>(
    section: &Node<'_>,
    what: &str,
    noun: &str,
    read: impl Fn(Spanned<String>, &Node<'_>, &mut Diagnostics) -> (Rank, T),
    faults: &mut Diagnostics,
) -> Option<Vec<Candidates<T>>> {
    let found = entries(section, what, noun, faults)?;
    let each = |entry: &crate::manifest::yaml::Entry<'_>| {
        let name = name::read(entry, noun, faults);
        let one = |node: &Node<'_>, span, faults: &mut Diagnostics| {
            let (rank, value) = read(name.clone(), node, faults);
            Candidate { rank, span, value }
        };
        let list = match &entry.value.kind {
            Kind::List(items) if items.is_empty() => {
                faults.push(
                    Diagnostic::error(
                        &faults::VALUE,
                        entry.value.span,
                        format!("`{}` has no candidates", entry.key),
                    )
                    .help(format!("give at least one {noun}, or remove the key")),
                );
                Vec::new()
            }
            Kind::List(items) => items
                .iter()
                .filter_map(|item| {
                    if let Kind::Mapping(_) = item.kind {
                        return Some(one(item, item.span, faults));
                    }
                    expected(item, &format!("a candidate: a mapping, as for one {noun}"), faults);
                    None
                })
                .collect(),
            _ => vec![one(&entry.value, entry.key_span, faults)],
        };
        Candidates { name, list }
    };
    Some(found.iter().map(each).collect())
}
