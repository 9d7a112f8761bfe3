//! `runs cancel`: ends a run, and says so when that is on disk.

use clap::{ArgMatches, Command};

use super::{report, run_id};
use crate::command::output::Done;
use crate::command::{Context, store};
use crate::control::Order;
use crate::failure::Failure;

pub(super) const NAME: &str = "cancel";

pub(super) fn command() -> Command {
    Command::new(NAME).about("End a run")
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let (run, document) = report(store::carry_out(context, Order::Cancel { run_id: run_id(matches) })?)?;
    Ok(Done::new(document, |_| run.text()))
}
