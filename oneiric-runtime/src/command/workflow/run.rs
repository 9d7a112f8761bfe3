//! `workflow run`: runs a workflow once and shows what came of it.

use std::io::{self, IsTerminal, Read};

use clap::{Arg, ArgMatches, Command};

use super::follow;
use crate::command::output::Done;
use crate::command::{Context, json_argument, store, view};
use crate::control::Order;
use crate::engine;
use crate::failure::{Failure, nearest};
use crate::http::check_run_id;
use crate::json::Json;
use crate::state_dir;

const NAME: &str = "run";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Run a workflow and wait for its end")
        .arg(Arg::new("workflow").value_name("KEY").required(true).help("The workflow"))
        .arg(Arg::new("context").long("context").value_name("JSON").help("The run's input"))
        .arg(
            Arg::new("context-file")
                .long("context-file")
                .value_name("FILE")
                .conflicts_with("context")
                .help("A file with the run's input; `-` is standard input"),
        )
        .arg(
            Arg::new("run-id")
                .long("run-id")
                .value_name("ID")
                .help("The run's id; a run of this id goes on, or tells its result"),
        )
        .arg(json_argument())
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let workflow = matches.get_one::<String>("workflow").cloned().unwrap_or_default();
    let known = || context.app.workflows.iter().map(|listed| listed.name);
    if known().all(|name| name != workflow) {
        let unknown = Failure::new("workflow-unknown", format!("there is no workflow `{workflow}`"));
        return Err(unknown.with_nearest(nearest(&workflow, known())));
    }
    let run_id = match matches.get_one::<String>("run-id") {
        None => engine::new_run_id(),
        Some(run_id) => {
            check_run_id(run_id).map_err(Failure::usage)?;
            run_id.clone()
        }
    };
    let order = Order::Run { workflow, run_id: run_id.clone(), input: input(matches)? };
    let shows_progress = io::stderr().is_terminal() && !matches.get_flag("json");
    let document = if shows_progress {
        let follow = follow::nodes(state_dir::from_environment(), run_id);
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

/// The run's input: an object, as over HTTP, so that a workflow is given the same however it is started.
fn input(matches: &ArgMatches) -> Result<Json, Failure> {
    let file = matches.get_one::<String>("context-file");
    let text = match (matches.get_one::<String>("context"), file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => read(file)
            .map_err(|error| Failure::usage(format!("cannot read --context-file `{file}`: {error}")))?,
        (None, None) => return Ok(Json::trusted("{}")),
    };
    let flag = if file.is_some() { "--context-file" } else { "--context" };
    let input = Json::from_text(&text)
        .map_err(|error| Failure::usage(format!("{flag} is not a JSON document: {error}")))?;
    if input.text().trim_start().starts_with('{') {
        Ok(input)
    } else {
        Err(Failure::usage(format!("{flag} must be a JSON object, such as {{\"order_id\": 7}}")))
    }
}

fn read(file: &str) -> io::Result<String> {
    if file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    } else {
        std::fs::read_to_string(file)
    }
}
