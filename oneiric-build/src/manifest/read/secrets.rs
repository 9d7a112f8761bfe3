//! The section `secrets`: where secrets come from. And the section `checkpoint`: where runs are kept.

use super::fields::{Fields, entries, text, texts};
use super::section::{Form, Key, Section};
use super::{duration, settings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node};
use crate::manifest::{Checkpoint, Secrets, SettingKind, SettingText, Spanned, faults};

pub(super) static SECRETS: Section = Section {
    what: "`secrets`",
    about: "Where secrets come from. After the sources the environment is asked, and last of all `values`.",
    keys: &[
        Key::new("sources", &Form::Names, "The adapters that are asked, the first one first."),
        Key::new("cache_ttl", &duration::FORM, "How long a secret is kept before it is asked for again."),
        Key::new(
            "values",
            &Form::Table { name: &Form::Text, of: &Form::Text, least: 0 },
            "What a secret is where no source has it. Whoever can read the manifest can read it.",
        ),
    ],
    one_of: &[],
};

pub(super) static CHECKPOINT: Section = Section {
    what: "`checkpoint`",
    about: "Where runs are kept, instead of in a file beside the program.",
    keys: &[Key::new(
        "adapter",
        &Form::Text,
        "The adapter that keeps them; it has to be able to keep checkpoints.",
    )
    .required()],
    one_of: &[],
};

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Secrets> {
    let fields = Fields::open(&entry.value, entry.key_span, &SECRETS, faults)?;
    let cache_ttl = fields.get("cache_ttl").and_then(|node| duration::read(node, faults));
    let sources = fields.get("sources").map(|node| texts(node, "adapters", faults).unwrap_or_default());
    for (place, source) in sources.iter().flatten().enumerate() {
        let before = &sources.as_deref().unwrap_or_default()[..place];
        if let Some(first) = before.iter().find(|first| first.value == source.value) {
            let message = format!("the source `{}` stands twice", source.value);
            faults.push(
                Diagnostic::error(&faults::VALUE, source.span, message)
                    .label("it is not asked again")
                    .related(first.span, "it is asked here"),
            );
        }
    }
    let values = fields.get("values").map(|node| values(node, faults)).unwrap_or_default();
    Some(Secrets { sources, cache_ttl: cache_ttl.map(|time| time.value), values })
}

/// Texts by name, in which nothing may refer.
fn values(node: &Node<'_>, faults: &mut Diagnostics) -> Vec<(Spanned<String>, Spanned<String>)> {
    let found = entries(node, "texts by the names of secrets", "secret", faults).unwrap_or_default();
    let mut values = Vec::new();
    for entry in found {
        let name = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
        if let Kind::Text(one) = &entry.value.kind
            && let SettingKind::Text(one) = settings::text(one, entry.value.span, faults)
        {
            match one {
                SettingText::Plain(plain) => values.push((name, Spanned::new(plain, entry.value.span))),
                _ => faults.push(
                    Diagnostic::error(
                        &faults::REFERENCE,
                        entry.value.span,
                        "a secret cannot be another secret",
                    )
                    .help("write the text itself; for a plain `${` write `$${`"),
                ),
            }
        } else {
            text(&entry.value, faults);
        }
    }
    values
}

pub(super) fn checkpoint(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Checkpoint> {
    let fields = Fields::open(&entry.value, entry.key_span, &CHECKPOINT, faults)?;
    let adapter = fields.require("adapter", "adapter: name-of-an-adapter", faults);
    adapter.and_then(|node| text(node, faults)).map(|adapter| Checkpoint { adapter })
}
