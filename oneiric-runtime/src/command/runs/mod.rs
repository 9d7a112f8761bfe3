//! `runs`: the runs that are kept.

mod cancel;
mod list;
mod prune;
mod resume;
mod show;

use clap::{Arg, ArgMatches, Command};

use super::output::Done;
use super::{Context, json_argument, view};
use crate::failure::Failure;
use crate::json::Json;

pub(super) const NAME: &str = "runs";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Show runs, and let them go on, end, or be forgotten").defer(|command| {
        command
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(list::command().arg(json_argument()))
            .subcommand(show::command().arg(run_argument()).arg(json_argument()))
            .subcommand(resume::command().arg(run_argument()).arg(json_argument()))
            .subcommand(cancel::command().arg(run_argument()).arg(json_argument()))
            .subcommand(prune::command().arg(json_argument()))
    })
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    match matches.subcommand() {
        Some((list::NAME, matches)) => list::run(&context, matches),
        Some((show::NAME, matches)) => show::run(&context, matches),
        Some((resume::NAME, matches)) => resume::run(context, matches),
        Some((cancel::NAME, matches)) => cancel::run(context, matches),
        Some((_, matches)) => prune::run(context, matches),
        None => Ok(Done::nothing()),
    }
}

fn run_argument() -> Arg {
    Arg::new("run").value_name("RUN").required(true).help("The run's id")
}

fn run_id(matches: &ArgMatches) -> String {
    matches.get_one::<String>("run").cloned().unwrap_or_default()
}

/// A report, and what a person sees of it.
fn report(document: Json) -> Result<(view::Run, Json), Failure> {
    let run = document
        .parse()
        .map_err(|error| Failure::new("internal", format!("the report cannot be read: {error}")))?;
    Ok((run, document))
}
