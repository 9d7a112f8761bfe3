//! The section `selections`, which names candidates that are taken whatever their rank, and the section `profiles`.

use super::fields::{Fields, entries, expected, text};
use super::section::{Form, Key, Section};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::Selection;
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{PROFILES, Spanned, faults};

/// By section, then by key.
pub(super) static FORM: Form = Form::Section(&SELECTIONS);

static SELECTIONS: Section = Section {
    what: "`selections`",
    about: "Candidates that are taken whatever their rank.",
    keys: &[
        Key::new("adapters", &Form::Values, "For adapters: key and provider."),
        Key::new("actions", &Form::Values, "For actions: key and provider."),
        Key::new("tasks", &Form::Values, "For tasks: key and provider."),
        Key::new("workflows", &Form::Values, "For workflows: key and provider."),
        Key::new("services", &Form::Values, "For services: key and provider."),
        Key::new("events", &Form::Values, "For events: key and provider."),
        Key::new("schedules", &Form::Values, "For schedules: key and provider."),
    ],
    one_of: &[],
};

/// What differs in one profile.
pub(super) static PROFILE: Section = Section {
    what: "a profile",
    about: "What differs in one profile.",
    keys: &[
        Key::new("description", &Form::Text, "What it is for."),
        Key::new("selections", &FORM, "Candidates that are taken in this profile."),
    ],
    one_of: &[],
};

pub(super) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Vec<Selection> {
    let Some(fields) = Fields::open(node, node.span, &SELECTIONS, faults) else { return Vec::new() };
    let mut selections = Vec::new();
    for section in SELECTIONS.names() {
        let Some(node) = fields.get(section) else { continue };
        let Some(found) = entries(node, "providers by key", "key", faults) else { continue };
        for entry in found {
            let Some(provider) = text(&entry.value, faults) else { continue };
            let key = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
            selections.push(Selection { section, key, provider });
        }
    }
    selections
}

/// The profiles by name: there are two.
pub(super) fn profiles(node: &Node<'_>, faults: &mut Diagnostics) {
    let Kind::Mapping(_) = &node.kind else { return expected(node, "profiles by name", faults) };
    let Some(found) = entries(node, "profiles by name", "profile", faults) else { return };
    let known = PROFILES.map(|(name, _)| name);
    for entry in found {
        if !known.contains(&&*entry.key) {
            let message = format!("there is no profile `{}`", entry.key);
            let fault = Diagnostic::error(&faults::VALUE, entry.key_span, message);
            faults.push(match nearest(&entry.key, &known) {
                Some(name) => fault.help(format!("did you mean `{name}`?")),
                None => fault.help(format!("they are {}", known.join(" and "))),
            });
        }
        let Some(fields) = Fields::open(&entry.value, entry.key_span, &PROFILE, faults) else { continue };
        if let Some(node) = fields.get("description") {
            text(node, faults);
        }
        if let Some(node) = fields.get("selections") {
            read(node, faults);
        }
    }
}
