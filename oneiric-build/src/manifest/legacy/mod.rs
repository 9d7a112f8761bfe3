//! The form of the Python project: `source:` and a list of `entries:`. A second front end to the same manifest.
//!
//! Each entry becomes what it would be in this project's form, and the same rules judge it. What nothing here corresponds to
//! is refused with what to write instead; the original took most of it in silence and did nothing with it.

mod dag;
mod entry;
mod event;
mod factory;
mod retry;

use super::candidate::{Candidate, Candidates};
use super::read::fields::{Fields, expected, later, text};
use super::read::section::{Form, Key, Section};
use super::read::{TOP, program_name};
use super::yaml::{Kind, Node};
use super::{Draft, Span, Spanned, faults};
use crate::diagnostic::{Diagnostic, Diagnostics};
use entry::{Entry, Thing};

/// All of such a manifest.
static DOCUMENT: Section = Section {
    what: "a manifest of the Python project",
    about: "The form of the Python project.",
    keys: &[
        Key::new("source", &Form::Text, "The name of the manifest, and of the program."),
        Key::new("entries", &Form::List { of: &Form::Any, least: 1 }, "What there is.").required(),
        Key::new("signature", &Form::Text, "A signature.").later(SIGNING),
        Key::new("signature_algorithm", &Form::Text, "Its algorithm.").later(SIGNING),
        Key::new("signatures", &Form::Any, "Several of them.").later(SIGNING),
        Key::new("signed_at", &Form::Text, "When it was signed.").later(SIGNING),
        Key::new("expires_at", &Form::Text, "Until when it counts.").later(SIGNING),
    ],
    one_of: &[],
};

const SIGNING: &str = "remove it: what was built from the manifest is signed, not the manifest";

/// What a program is called whose manifest does not say: the original's default.
const DEFAULT_SOURCE: &str = "remote";

/// Whether this is such a manifest: it has entries or a source, and nothing that only this project's form has.
pub(super) fn is_original(tree: &Node<'_>) -> bool {
    let Kind::Mapping(entries) = &tree.kind else { return false };
    let has = |name: &str| entries.iter().any(|entry| entry.key == name);
    (has("entries") || has("source")) && !has("oneiric") && !has("workflows") && !has("tasks")
}

/// The manifest in `tree`.
pub(super) fn read(tree: &Node<'_>, faults: &mut Diagnostics) -> Option<Draft> {
    let top = Span::new(tree.span.start, tree.span.start);
    let fields = Fields::open(tree, top, &DOCUMENT, faults)?;
    let name = match fields.get("source") {
        Some(node) => text(node, faults).inspect(|source| program_name(source, faults)),
        None => Some(Spanned::new(DEFAULT_SOURCE.to_owned(), top)),
    };
    let mut draft = Draft {
        name: name.unwrap_or_else(|| Spanned::new(String::new(), top)),
        workflows_at: top,
        tasks: Some(Vec::new()),
        workflows: Some(Vec::new()),
        adapters: Some(Vec::new()),
        actions: Some(Vec::new()),
        ..Draft::default()
    };
    let node = fields.require("entries", "entries: [{ domain: task, … }]", faults)?;
    let Kind::List(items) = &node.kind else {
        expected(node, "a list of entries", faults);
        return None;
    };
    draft.workflows_at = node.span;
    let mut refused = Refused::default();
    for (position, item) in (0..).zip(items) {
        let Some(entry) = entry::read(item, faults) else {
            draft.is_partial = true;
            continue;
        };
        refused.meet(&entry, faults);
        put(&mut draft, entry, position);
    }
    Some(draft)
}

/// Puts an entry where it belongs. What is registered later comes first among equals, as in the original.
fn put(draft: &mut Draft, entry: Entry, position: i64) {
    let Entry { name, span, mut rank, thing, .. } = entry;
    rank.order = Some(position);
    match thing {
        Thing::Adapter(value) => add(&mut draft.adapters, name, Candidate { rank, span, value }),
        Thing::Action(value) => add(&mut draft.actions, name, Candidate { rank, span, value }),
        Thing::Service(value) => add(&mut draft.services, name, Candidate { rank, span, value }),
        Thing::Event(value) => add(&mut draft.events, name, Candidate { rank, span, value }),
        Thing::Workflow(value) => add(&mut draft.workflows, name, Candidate { rank, span, value }),
        Thing::Task(value) => {
            // The package is the one whose functions are named, as far as they agree; a rule says where they do not.
            if let Some(super::TaskDoes::Run(path)) = &value.does
                && draft.package.is_none()
                && let Some((package, _)) = path.split_once("::")
            {
                draft.package = Some(Spanned::new(package.to_owned(), path.span));
            }
            add(&mut draft.tasks, name, Candidate { rank, span, value });
        }
    }
}

fn add<T>(table: &mut Option<Vec<Candidates<T>>>, name: Spanned<String>, candidate: Candidate<T>) {
    let table = table.get_or_insert_default();
    match table.iter_mut().find(|known| known.name.value == name.value) {
        Some(known) => known.list.push(candidate),
        None => table.push(Candidates { name, list: vec![candidate] }),
    }
}

/// The domains that have been refused as not supported yet: each is refused once, as it is in this project's form.
#[derive(Default)]
struct Refused {
    sections: Vec<&'static str>,
}

impl Refused {
    fn meet(&mut self, entry: &Entry, faults: &mut Diagnostics) {
        let section = entry.section();
        if let Some(today) = TOP.key(section).and_then(|key| key.later)
            && !self.sections.contains(&section)
        {
            self.sections.push(section);
            faults.push(later(entry.domain, &format!("an entry of `{section}`"), today));
        }
    }
}

/// That a part of the original's form has no counterpart; `instead` says what to write.
fn no_counterpart(span: Span, what: &str, instead: &str) -> Diagnostic {
    Diagnostic::error(&faults::NO_COUNTERPART, span, format!("{what} has no counterpart here")).help(instead)
}
