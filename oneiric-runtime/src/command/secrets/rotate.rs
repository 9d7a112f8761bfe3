//! `secrets rotate`: has the running program forget secrets, so that their sources are asked again.

use std::fmt::Write;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Deserialize;

use crate::command::output::Done;
use crate::command::store;
use crate::control::{self, Order};
use crate::failure::Failure;
use crate::json::Json;
use crate::state_dir;

pub(super) fn command() -> Command {
    Command::new("rotate")
        .about("Forget what sources said of secrets, and ask again when they are needed")
        .arg(
            Arg::new("secret")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Only these secrets; all where none is named"),
        )
}

/// What was done.
#[derive(Default, Deserialize)]
struct Rotated {
    forgotten: usize,
    adapters: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<Done, Failure> {
    let names = matches.get_many::<String>("secret").into_iter().flatten().cloned().collect();
    let state_dir = state_dir::from_environment();
    let order = Order::RotateSecrets { names };
    let runtime = store::runtime()?;
    let answer = runtime.block_on(control::send_if_running(&state_dir, &order));
    let is_running = answer.is_some();
    // A process keeps secrets in its memory alone.
    let document = answer.unwrap_or_else(|| Ok(Json::trusted(r#"{"forgotten":0,"adapters":[]}"#)))?;
    Ok(Done::new(document, |document| {
        let Rotated { forgotten, adapters } = document.parse().unwrap_or_default();
        if !is_running {
            return "No program runs here that could have kept a secret.\n".to_owned();
        }
        let plural = if forgotten == 1 { "" } else { "s" };
        let mut text = format!("{forgotten} secret{plural} forgotten.\n");
        if !adapters.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "Opened anew when next needed: {}.", adapters.join(", "));
        }
        text
    }))
}
