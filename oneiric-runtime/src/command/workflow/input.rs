//! What a run is asked for with: its workflow, its id and its input.

use std::io::{self, Read};

use clap::{Arg, ArgMatches};

use crate::app::App;
use crate::engine;
use crate::failure::{Failure, nearest};
use crate::http::check_run_id;
use crate::json::Json;

/// `--context` and `--context-file`.
pub(super) fn arguments() -> [Arg; 2] {
    [
        Arg::new("context").long("context").value_name("JSON").help("The run's input"),
        Arg::new("context-file")
            .long("context-file")
            .value_name("FILE")
            .conflicts_with("context")
            .help("A file with the run's input; `-` is standard input"),
    ]
}

/// The workflow `KEY`.
pub(super) fn workflow(app: &App, matches: &ArgMatches) -> Result<String, Failure> {
    let workflow = matches.get_one::<String>("workflow").cloned().unwrap_or_default();
    let known = || app.workflows.iter().map(|listed| listed.name);
    if known().any(|name| name == workflow) {
        return Ok(workflow);
    }
    let unknown = Failure::new("workflow-unknown", format!("there is no workflow `{workflow}`"));
    Err(unknown.with_nearest(nearest(&workflow, known())))
}

/// What `--run-id` says, or a new id.
pub(super) fn run_id(matches: &ArgMatches) -> Result<String, Failure> {
    match matches.get_one::<String>("run-id") {
        None => Ok(engine::new_run_id()),
        Some(run_id) => {
            check_run_id(run_id).map_err(Failure::usage)?;
            Ok(run_id.clone())
        }
    }
}

/// The run's input: an object, as over HTTP, so that a workflow is given the same however it is started.
pub(super) fn read(matches: &ArgMatches) -> Result<Json, Failure> {
    let file = matches.get_one::<String>("context-file");
    let text = match (matches.get_one::<String>("context"), file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => text_of(file)
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

fn text_of(file: &str) -> io::Result<String> {
    if file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    } else {
        std::fs::read_to_string(file)
    }
}
