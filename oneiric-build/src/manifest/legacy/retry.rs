//! `retry_policy`, with the several names the original has for each part. Times are seconds.

use super::super::read::fields::{Fields, count, ratio};
use super::super::read::section::{Form, Key, Section};
use super::super::yaml::{Entry, Node};
use super::super::{Retry, Spanned, faults};
use super::entry::seconds;
use crate::diagnostic::{Diagnostic, Diagnostics};

static RETRY: Section = Section {
    what: "`retry_policy`",
    about: "How failures are tried again.",
    keys: &[
        Key::new("attempts", &Form::Count, "How many attempts there are in all."),
        Key::new("max_attempts", &Form::Count, "Another name for it."),
        Key::new("base_delay", &Form::Any, "The wait after the first failure."),
        Key::new("initial_delay", &Form::Any, "Another name for it."),
        Key::new("max_delay", &Form::Any, "The longest wait."),
        Key::new("max_backoff", &Form::Any, "Another name for it."),
        Key::new("jitter", &Form::Ratio, "How much of a wait is random."),
        Key::new("backoff_jitter", &Form::Ratio, "Another name for it."),
    ],
    one_of: &[],
};

/// The policy that is the value of `entry`. Zero means zero: the original took it for "not said".
pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Spanned<Retry>> {
    let fields = Fields::open(&entry.value, entry.key_span, &RETRY, faults)?;
    let mut either = |names: [&str; 2]| -> Option<&Node<'_>> {
        if let (Some(_), Some(second)) = (fields.entry(names[0]), fields.entry(names[1])) {
            faults.push(
                Diagnostic::error(
                    &faults::DUPLICATE_KEY,
                    second.key_span,
                    format!("`{}` and `{}` are one thing", names[0], names[1]),
                )
                .help(format!("remove `{}`", names[1])),
            );
        }
        fields.get(names[0]).or_else(|| fields.get(names[1]))
    };
    let attempts = either(["attempts", "max_attempts"]);
    let base = either(["base_delay", "initial_delay"]);
    let max = either(["max_delay", "max_backoff"]);
    let jitter = either(["jitter", "backoff_jitter"]);

    let attempts = attempts.map_or(Some(1), |node| count(node, faults));
    let base = base.and_then(|node| seconds(node, faults));
    let max = max.and_then(|node| seconds(node, faults));
    let jitter = jitter.and_then(|node| ratio(node, faults));
    if let (Some(base), Some(max)) = (&base, &max)
        && max.value < base.value
    {
        faults.push(
            Diagnostic::error(&faults::RETRY, max.span, "the longest wait is shorter than the first one")
                .related(base.span, "the first one"),
        );
    }
    let policy = Retry {
        attempts: attempts?,
        base_delay: base.map(|delay| delay.value),
        max_delay: max.map(|delay| delay.value),
        jitter,
    };
    Some(Spanned::new(policy, entry.key_span))
}
