//! The entries of `adapters` and of `actions`: a kind of thing that is built in, with settings.

use super::fields::{Fields, text};
use super::section::{Form, Key, Section};
use super::{rank, settings};
use crate::diagnostic::Diagnostics;
use crate::manifest::candidate::Rank;
use crate::manifest::yaml::Node;
use crate::manifest::{Action, Adapter, Spanned};

pub(crate) static ADAPTER: Section = Section {
    what: "an adapter",
    about: "A connection to something outside of the program.",
    keys: &[
        Key::new(
            "provider",
            &Form::Provider,
            "The kind of adapter: its domain and provider, such as `queue.cloudtasks`.",
        )
        .required(),
        Key::new("settings", &Form::Values, "Its settings. `${secret:NAME}` in a text is a secret."),
        Key::new("description", &Form::Text, "What it is for."),
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &[],
};

pub(super) static ACTION: Section = Section {
    what: "an action",
    about: "A built-in action with settings.",
    keys: &[
        Key::new("action", &Form::Text, "The kind of action, such as `http.fetch`.").required(),
        Key::new("settings", &Form::Values, "Its settings. `${secret:NAME}` in a text is a secret."),
        Key::new("description", &Form::Text, "What it is for."),
        rank::PROVIDER,
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &[],
};

pub(super) fn read(name: Spanned<String>, value: &Node<'_>, faults: &mut Diagnostics) -> (Rank, Adapter) {
    let mut adapter = Adapter::named(name);
    let Some(fields) = Fields::open(value, adapter.name.span, &ADAPTER, faults) else {
        return (Rank::default(), adapter);
    };
    // The provider is text of the adapter's own, and what a selection calls it as well.
    let provider = fields.require("provider", "provider: queue.cloudtasks", faults);
    adapter.provider = provider.and_then(|node| text(node, faults));
    let mut rank = rank::read_unnamed(&fields, faults);
    rank.provider = adapter.provider.as_ref().map(|provider| provider.value.clone());
    adapter.settings = settings::read(fields.get("settings"), faults);
    describe(&fields, faults);
    (rank, adapter)
}

pub(super) fn read_action(
    name: Spanned<String>,
    value: &Node<'_>,
    faults: &mut Diagnostics,
) -> (Rank, Action) {
    let mut action = Action::named(name);
    let Some(fields) = Fields::open(value, action.name.span, &ACTION, faults) else {
        return (Rank::default(), action);
    };
    let rank = rank::read(&fields, faults);
    let kind = fields.require("action", "action: http.fetch", faults);
    action.kind = kind.and_then(|node| text(node, faults));
    action.settings = settings::read(fields.get("settings"), faults);
    describe(&fields, faults);
    (rank, action)
}

fn describe(fields: &Fields<'_, '_>, faults: &mut Diagnostics) {
    if let Some(node) = fields.get("description") {
        text(node, faults);
    }
}
