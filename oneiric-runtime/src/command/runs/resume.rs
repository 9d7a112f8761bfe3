//! `runs resume`: lets a run that failed, was cancelled or waits for an operator go on.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{report, run_id};
use crate::command::output::Done;
use crate::command::{Context, store};
use crate::control::Order;
use crate::failure::Failure;

pub(super) const NAME: &str = "resume";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Let a run go on; what completed is not done again")
        .long_about(
            "Let a run that failed, was cancelled or is parked go on. What completed is not done again. Where a \
             process of this program runs, the run goes on there; otherwise it goes on here until it ends.",
        )
        .arg(
            Arg::new("accept-changes")
                .long("accept-changes")
                .action(ArgAction::SetTrue)
                .help("Go on even though the workflow has changed since the run began"),
        )
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let order = Order::Resume { run_id: run_id(matches), accept_changes: matches.get_flag("accept-changes") };
    let (run, document) = report(store::carry_out(context, order)?)?;
    let is_good = ["completed", "running"].contains(&run.status.as_str());
    Ok(Done::new(document, |_| run.text()).good(is_good))
}
