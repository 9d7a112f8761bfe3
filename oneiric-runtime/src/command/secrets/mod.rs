//! `secrets`: what a running program keeps of secrets.

mod rotate;

use clap::{ArgMatches, Command};

use super::json_argument;
use super::output::Done;
use crate::failure::Failure;

pub(super) const NAME: &str = "secrets";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Have secrets asked for anew").defer(|command| {
        command
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(rotate::command().arg(json_argument()))
    })
}

pub(super) fn run(matches: &ArgMatches) -> Result<Done, Failure> {
    match matches.subcommand() {
        Some((_, matches)) => rotate::run(matches),
        None => Ok(Done::nothing()),
    }
}
