//! How failed attempts are tried again.

use super::duration;
use super::fields::{Fields, count, ratio, word};
use super::section::{Form, Key, Section};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::Entry;
use crate::manifest::{Retry, Spanned, faults};

pub(in crate::manifest) static RETRY: Section = Section {
    what: "`retry`",
    about: "How a failed attempt is tried again: after `base_delay`, then after twice that, and so on, at most after `max_delay`.",
    keys: &[
        Key::new("attempts", &Form::Count, "How many attempts there are in all; `1` is no retry.").required(),
        Key::new(
            "base_delay",
            &duration::FORM,
            "The wait after the first failure: a second where it is left out.",
        ),
        Key::new("max_delay", &duration::FORM, "The longest wait: a minute where it is left out."),
        Key::new("when_exhausted", &Form::Word(&WHEN_EXHAUSTED), "What follows when no attempt is left.")
            .later("leave it out: the node fails, and `on_failure` says what that means"),
        Key::new(
            "jitter",
            &Form::Ratio,
            "The largest part of a wait that chance may take off, from 0 (none) to 1 (all of it): a quarter where it is left out.",
        ),
    ],
    one_of: &[],
};

const WHEN_EXHAUSTED: [(&str, &str); 3] = [
    ("fail", "The node fails."),
    ("pause", "The run waits for a person."),
    ("compensate", "What has been done is undone."),
];

/// The policy that is the value of `entry`. Zero means zero, never "the default".
pub(in crate::manifest) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Spanned<Retry>> {
    let fields = Fields::open(&entry.value, entry.key_span, &RETRY, faults)?;
    let attempts = fields.require("attempts", "attempts: 3", faults).and_then(|node| count(node, faults));
    let base_delay = fields.get("base_delay").and_then(|node| duration::read(node, faults));
    let max_delay = fields.get("max_delay").and_then(|node| duration::read(node, faults));
    let jitter = fields.get("jitter").and_then(|node| ratio(node, faults));
    if let Some(node) = fields.get("when_exhausted") {
        word(node, &WHEN_EXHAUSTED, faults);
    }

    if let (Some(base), Some(max)) = (&base_delay, &max_delay)
        && max.value < base.value
    {
        faults.push(
            Diagnostic::error(&faults::RETRY, max.span, "`max_delay` is shorter than `base_delay`")
                .label("no wait may be longer than this")
                .related(base.span, "and the first one already is"),
        );
    }
    let policy = Retry {
        attempts: attempts?,
        base_delay: base_delay.map(|delay| delay.value),
        max_delay: max_delay.map(|delay| delay.value),
        jitter,
    };
    Some(Spanned::new(policy, entry.key_span))
}
