//! The section `secrets`: where secrets come from.

use super::duration;
use super::fields::{Fields, texts};
use super::section::{Form, Key, Section};
use crate::diagnostic::Diagnostics;
use crate::manifest::Secrets;
use crate::manifest::yaml::Entry;

pub(super) static SECRETS: Section = Section {
    what: "`secrets`",
    about: "Where secrets come from.",
    keys: &[
        Key::new(
            "sources",
            &Form::List { of: &Form::Text, least: 1 },
            "The adapters that are asked, the first one first.",
        )
        .required(),
        Key::new("cache_ttl", &duration::FORM, "How long a secret is kept before it is asked for again."),
    ],
    one_of: &[],
};

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Secrets> {
    let fields = Fields::open(&entry.value, entry.key_span, &SECRETS, faults)?;
    if let Some(node) = fields.get("cache_ttl") {
        duration::read(node, faults);
    }
    let sources = fields.require("sources", "sources: [vault]", faults);
    let sources = sources.and_then(|node| texts(node, "adapters", faults)).unwrap_or_default();
    Some(Secrets { sources })
}
