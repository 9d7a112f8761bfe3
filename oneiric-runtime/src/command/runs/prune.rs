//! `runs prune`: forgets runs that ended long ago.

use clap::{Arg, ArgMatches, Command};

use crate::clock::Timestamp;
use crate::command::output::Done;
use crate::command::{Context, duration, store};
use crate::control::Order;
use crate::failure::Failure;

const NAME: &str = "prune";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Forget runs that ended long ago").arg(
        Arg::new("older-than")
            .long("older-than")
            .value_name("AGE")
            .required(true)
            .help("How long ago they must have ended, such as 12h or 7d"),
    )
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let age = matches.get_one::<String>("older-than").map(String::as_str).unwrap_or_default();
    let age = duration::parse(age).map_err(|error| Failure::usage(format!("--older-than: {error}")))?;
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    let before = Timestamp(Timestamp::now().0.saturating_sub(age));
    let document = store::carry_out(context, Order::Prune { before: before.0 })?;
    Ok(Done::new(document, |document| {
        let pruned = document.parse::<serde_json::Value>().unwrap_or_default();
        let count = pruned["pruned"].as_u64().unwrap_or_default();
        format!("{count} run{} forgotten that ended before {before}\n", if count == 1 { "" } else { "s" })
    }))
}
