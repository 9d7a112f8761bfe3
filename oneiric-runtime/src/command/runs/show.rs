//! `runs show`: where a run and each of its nodes stand.

use clap::{ArgMatches, Command};

use super::{report, run_id};
use crate::command::Context;
use crate::command::output::Done;
use crate::command::store;
use crate::control;
use crate::failure::Failure;

pub(super) const NAME: &str = "show";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Show where a run and each of its nodes stand")
}

pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let run_id = run_id(matches);
    let document = store::runtime()?.block_on(async {
        let engine = store::reader(context).await?;
        control::show(&engine, &run_id).await
    })?;
    let (run, document) = report(document)?;
    Ok(Done::new(document, |_| run.text()))
}
