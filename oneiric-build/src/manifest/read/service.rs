//! The entries of `services`.

use super::fields::{Fields, count, text, word};
use super::section::{Form, Key, Section};
use super::{duration, rank, task};
use crate::diagnostic::Diagnostics;
use crate::manifest::candidate::Rank;
use crate::manifest::yaml::{Entry, Node};
use crate::manifest::{Service, Spanned};

pub(super) static SERVICE: Section = Section {
    what: "a service",
    about: "Something that runs as long as the program does.",
    keys: &[
        Key::new("run", &Form::Text, "The path of the Rust function that is the service.").required(),
        Key::new("description", &Form::Text, "What it is for."),
        Key::new("restart", &Form::Section(&RESTART), "Whether it is started again when it ends."),
        rank::PROVIDER,
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &[],
};

static RESTART: Section = Section {
    what: "`restart`",
    about: "Whether a service is started again when it ends.",
    keys: &[
        Key::new("policy", &Form::Word(&POLICY), "When it is started again.").required(),
        Key::new("max_restarts", &Form::Count, "How often at most in the window."),
        Key::new("window", &duration::POSITIVE_FORM, "The time in which restarts are counted."),
    ],
    one_of: &[],
};

const POLICY: [(&str, &str); 3] =
    [("always", "Whenever it ends."), ("on-failure", "When it fails or panics."), ("never", "Not at all.")];

pub(super) fn read(name: Spanned<String>, value: &Node<'_>, faults: &mut Diagnostics) -> (Rank, Service) {
    let mut service = Service::named(name);
    let Some(fields) = Fields::open(value, service.name.span, &SERVICE, faults) else {
        return (Rank::default(), service);
    };
    let rank = rank::read(&fields, faults);
    let run = fields.require("run", "run: \"crate::service\"", faults);
    service.run = run.and_then(|node| task::path(node, faults));
    if let Some(node) = fields.get("description") {
        text(node, faults);
    }
    if let Some(entry) = fields.entry("restart") {
        restart(entry, faults);
    }
    (rank, service)
}

fn restart(entry: &Entry<'_>, faults: &mut Diagnostics) {
    let Some(fields) = Fields::open(&entry.value, entry.key_span, &RESTART, faults) else { return };
    if let Some(node) = fields.require("policy", "policy: on-failure", faults) {
        word(node, &POLICY, faults);
    }
    if let Some(node) = fields.get("max_restarts") {
        count(node, faults);
    }
    if let Some(node) = fields.get("window") {
        duration::read_positive(node, faults);
    }
}
