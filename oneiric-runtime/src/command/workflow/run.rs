//! `workflow run`: runs a workflow once and shows what came of it.

use std::io::{self, IsTerminal};

use clap::{Arg, ArgMatches, Command};

use super::{follow, input};
use crate::command::output::Done;
use crate::command::{Context, json_argument, store, view};
use crate::control::Order;
use crate::failure::Failure;

const NAME: &str = "run";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Run a workflow and wait for its end")
        .arg(Arg::new("workflow").value_name("KEY").required(true).help("The workflow"))
        .args(input::arguments())
        .arg(
            Arg::new("run-id")
                .long("run-id")
                .value_name("ID")
                .help("The run's id; a run of this id goes on, or tells its result"),
        )
        .arg(json_argument())
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let workflow = input::workflow(&context.app, matches)?;
    let run_id = input::run_id(matches)?;
    let order = Order::Run { workflow, run_id: run_id.clone(), input: input::read(matches)? };
    let shows_progress = io::stderr().is_terminal() && !matches.get_flag("json");
    let document = if shows_progress {
        let follow = follow::nodes(context.clone(), run_id);
        store::carry_out_beside(context, order, follow)?
    } else {
        store::carry_out(context, order)?
    };
    let run: view::Run = document
        .parse()
        .map_err(|error| Failure::new("internal", format!("the result cannot be read: {error}")))?;
    let is_good = run.is_completed();
    Ok(Done::new(document, |_| run.text()).good(is_good))
}
