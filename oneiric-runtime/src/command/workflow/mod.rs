//! `workflow`: what the program can run.

mod enqueue;
mod follow;
mod input;
mod plan;
mod run;

use clap::{ArgMatches, Command};

use super::Context;
use super::output::Done;
use crate::failure::Failure;

pub(super) const NAME: &str = "workflow";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Show workflows and run them").defer(|command| {
        command
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(plan::command())
            .subcommand(run::command())
            .subcommand(enqueue::command())
    })
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    match matches.subcommand() {
        Some((plan::NAME, matches)) => plan::run(&context, matches),
        Some((enqueue::NAME, matches)) => enqueue::run(&context, matches),
        Some((_, matches)) => run::run(context, matches),
        None => Ok(Done::nothing()),
    }
}
